"""NetworkSpace: what layer graphs may be encoded, and how they vary."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown, unknown
from genomes.layers import EMBEDDINGS, WEIGHTED, Shape
from genomes.network.architecture import Architecture
from genomes.network.decisions import answers_of, ask_architecture
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, Gene
from genomes.network.operators import OPERATORS
from genomes.network.starters import random_architecture, smallest_architecture
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.network.genome import NetworkGenome


@dataclass(frozen=True)
class NetworkSpace(SequentialSpace["NetworkGenome"], encoding="network"):
    """Layer graphs for inputs of one shape, morphing by the operators of LEMONADE (Elsken, Metzen & Hutter 2019).

    A controller decides (`choices`, `build`) layer by layer: the kind, or "stop"; the width, kernel and stride; and the inputs (see
    `genomes.network.decisions`). Every network that random draws, mutation and crossover make is a sequence of decisions. Not among them
    are the historical markings (what is built has those of a random network, by place), and what only an imported model or genes written
    by hand can have: strides over 2, kernels that are not in `kernels`, poolings of other sizes than 2 and 3, and the layers that cells
    and chains are made of; `decisions` refuses such a network in a sentence. Where decisions leave no way on within `max_parameters`, they
    end, and `build` scales all widths down until the network fits.

    Args:
        input_shape: shape of one sample; its rank decides the layers: (features,) dense, (steps, channels) one-dimensional convolutions,
            (height, width, channels) two-dimensional ones.
        outputs: number of logits (classes) or regression targets, >= 1.
        max_parameters: most trainable weights.
        max_depth: most weighted layers (convolutions and dense) on a path, the logits not counted.
        max_layers: most layers of any kind beside the input and the logits.
        max_width: most filters or units of a layer.
        kernels: kernel sizes that variation uses.
        mutations: operators that one mutation applies.
        rates: (operator, rate) pairs that replace the defaults in `genomes.network.OPERATORS`; 0 switches an operator off. "change_pooling"
            (maxima become averages, a layer that flattens becomes a global pooling, and the other way) is off unless it is named.
        starter_parameters: (smallest, largest) size of random genomes, reached where the input's shape allows it.
        embeddings: what features may be made of before the first layer: "piecewise", "periodic" (Gorishniy, Rubachev & Babenko 2022), "robust"
            (Holzmüller, Grinsztajn & Steinwart 2024); of inputs (features,) alone. The search decides which, where, and whether at all.
            `for_data` offers all for tables, and what follows, too.
        norms: whether a BatchNorm may stand between layers of features. (Convolutions have their own.)
        gates: whether features may be multiplied by twice the sigmoid of a dense layer of all of them.
        dropout: whether a share of the features may be dropped at random while training.

    Raises:
        ValueError: a setting out of its range.

    >>> space = NetworkSpace((8, 8, 1), outputs=10)
    >>> decisions = []
    >>> for name in ("conv", "16 to 23", "16", "3", "1", "input", "global_average", "layer 1", "stop"):
    ...     decisions.append(space.choices(decisions).index(name))
    >>> space.build(decisions).parameters, space.choices(decisions)
    (346, ())
    """

    input_shape: Shape
    outputs: int
    max_parameters: int = 1_000_000
    max_depth: int = 24
    max_layers: int = 64
    max_width: int = 512
    kernels: tuple[int, ...] = (1, 3, 5)
    mutations: int = 1
    rates: tuple[tuple[str, float], ...] = ()
    starter_parameters: tuple[int, int] = (300, 60_000)
    embeddings: tuple[str, ...] = ()
    norms: bool = False
    gates: bool = False
    dropout: bool = False

    drawn_as = "layers"

    def __post_init__(self) -> None:
        _check_counts("input_shape", self.input_shape)
        if not 1 <= len(self.input_shape) <= 3:
            raise ValueError(
                "input_shape must be (features,), (steps, channels) or (height, width, channels), "
                f"got {len(self.input_shape)} axes: {shown(self.input_shape)}"
            )
        for name in ("outputs", "max_parameters", "max_depth", "max_layers", "max_width", "mutations"):
            _check_counts(name, (getattr(self, name),))
        _check_counts("kernels", self.kernels)
        if not self.kernels:
            raise ValueError("kernels must hold one kernel size or more, got none")
        _check_counts("starter_parameters", self.starter_parameters)
        if len(self.starter_parameters) != 2 or self.starter_parameters[0] > self.starter_parameters[1]:
            raise ValueError(f"starter_parameters must be (smallest, largest), got {shown(self.starter_parameters)}")
        self._check_features()
        self._check_rates()
        smallest = smallest_architecture(self)
        if (reason := self.violated(smallest)) is not None:
            raise ValueError(f"the limits leave no network: the smallest has {smallest.parameters} parameters, but {reason}")

    def _check_features(self) -> None:
        for name in ("norms", "gates", "dropout"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {shown(getattr(self, name))}")
        if not isinstance(self.embeddings, tuple) or len(set(self.embeddings)) < len(self.embeddings):
            raise ValueError(f"embeddings must be different names of embeddings, got {shown(self.embeddings)}")
        for name in self.embeddings:
            if name not in EMBEDDINGS:
                raise ValueError(unknown("embedding", name, sorted(EMBEDDINGS)))
        for name in ("embeddings", "gates", "dropout"):
            if getattr(self, name) and len(self.input_shape) > 1:
                raise ValueError(f"{name} are of features; the inputs of this space have the shape {self.input_shape}")

    def _check_rates(self) -> None:
        if not isinstance(self.rates, tuple):
            raise ValueError(f"rates must be (operator, rate) pairs, got {shown(self.rates)}")
        names = set()
        for pair in self.rates:
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise ValueError(f"rates must be (operator, rate) pairs, got {shown(pair)}")
            name, rate = pair
            if not isinstance(name, str) or name not in OPERATORS:
                raise ValueError(unknown("operator", name, sorted(OPERATORS)))
            if name in names:
                raise ValueError(f"rates name {name} twice; once is enough")
            names.add(name)
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < math.inf:
                raise ValueError(f"the rate of {name} must be a finite number >= 0, got {shown(rate)}")
        if not self.operator_rates:
            raise ValueError("rates switch every operator off: leave one above 0")

    @classmethod
    def for_data(cls, input_shape: Shape, outputs: int) -> Self:
        table = len(input_shape) == 1
        return cls(input_shape, outputs, embeddings=tuple(sorted(EMBEDDINGS)) if table else (), norms=table, gates=table, dropout=table)

    @cached_property
    def between(self) -> tuple[str, ...]:
        """The kinds of layers that may stand between others of features."""
        offered = {"norm": self.norms, "gate": self.gates, "dropout": self.dropout}
        return tuple([kind for kind, allowed in offered.items() if allowed])

    @cached_property
    def operator_rates(self) -> dict[str, float]:
        """The rate of each operator that is not switched off."""
        rates = {name: operator.rate for name, operator in OPERATORS.items()} | dict(self.rates)
        idle = [] if self.embeddings else ["embed_features", "remove_embedding"]
        for kind in {"norm", "gate", "dropout"} - set(self.between):
            idle += [f"insert_{kind}", f"remove_{kind}"]
        return {name: float(rate) for name, rate in rates.items() if rate > 0 and name not in idle}

    def random(self, rng: np.random.Generator) -> NetworkGenome:
        """A small network: one to four layers, pooling between convolutions, its size log-uniform in `starter_parameters`."""
        return self._genome(random_architecture(self, rng))

    def ask(self) -> Asking[NetworkGenome]:
        architecture = yield from ask_architecture(self)
        return self._genome(architecture, ("built",))

    def answers(self, genome: NetworkGenome) -> Iterator[str]:
        return answers_of(genome.architecture, self)

    def from_genes(self, genes: Any) -> NetworkGenome:
        if not isinstance(genes, (list, tuple)):
            raise ValueError(f"the genes of a network are a list of layer genes, got {shown(genes)}")
        if len(genes) > self.max_layers + 2:
            raise ValueError(f"the space allows {self.max_layers} layers beside input and logits, got {len(genes)} genes")
        architecture = Architecture.of(self.input_shape, [Gene.from_json(gene) for gene in genes])
        logits = architecture.output
        if logits.kind != "logits":
            raise ValueError(f"a network of this space ends in logits, got a {logits.kind} gene")
        if logits.layer.width != self.outputs:
            raise ValueError(f"the logits must have {self.outputs} outputs, got {logits.layer.width}")
        for kind, marking, expected in (
            ("input", next(g.marking for g in architecture.genes if g.kind == "input"), INPUT_MARKING),
            ("logits", logits.marking, LOGITS_MARKING),
        ):
            if marking != expected:
                raise ValueError(f"the marking of the {kind} gene is {expected} in every network, got {marking}")
        return self._genome(architecture)

    @classmethod
    def from_keras(cls, model: Any, **settings: Any) -> NetworkGenome:
        """A user's own functional or sequential `keras.Model` as a genome, in a space (`genome.space`) with room for it.

        `neuroevo.decode.from_keras` brings its weights along.

        Args:
            model: layers of the vocabulary of `genomes.layers`: convolutions ("same" padding) and dense layers that end in a ReLU, pooling,
                Add, Concatenate, and a last Dense layer. A convolution without BatchNorm gets one. Dropout is left out.
            **settings: of the space; limits that are left out hold the model four times.

        Raises:
            ValueError: the model has a layer that is not in the vocabulary; the sentence names it and says why.
        """
        from genomes.network.keras_import import imported

        found = imported(model)
        architecture = Architecture.of(found.input_shape, found.genes)
        weighted = [gene.layer for gene in architecture.genes if gene.kind in WEIGHTED]
        sizes = {
            "max_parameters": architecture.parameters,
            "max_depth": architecture.depth,
            "max_layers": len(architecture.genes) - 2,
            "max_width": max([layer.width for layer in weighted], default=1),
        }
        limits = {name: max(getattr(cls, name), 4 * size) for name, size in sizes.items()}
        space = cls(found.input_shape, found.outputs, **{**limits, **settings})
        return space._genome(architecture)

    def violated(self, architecture: Architecture) -> str | None:
        """Why an architecture is beyond the limits, or None where it is not."""
        for name, value in (
            ("max_layers", len(architecture.genes) - 2),
            ("max_depth", architecture.depth),
            ("max_width", max([g.layer.width for g in architecture.genes if g.kind in WEIGHTED], default=0)),
            ("max_parameters", architecture.parameters),
        ):
            if value > getattr(self, name):
                return f"{name} is {getattr(self, name)}, got {value}"
        return None

    def _genome(self, architecture: Architecture, operators: tuple[str, ...] = ()) -> NetworkGenome:
        from genomes.network.genome import NetworkGenome

        if (reason := self.violated(architecture)) is not None:
            raise ValueError(f"the network is beyond the limits of its space: {reason}")
        return NetworkGenome(self, architecture, operators)


def _check_counts(name: str, values: object) -> None:
    """Refuse what is not a tuple of whole numbers from 1 to 2**31 - 1."""
    if not isinstance(values, tuple):
        raise ValueError(f"{name} must be whole numbers, got {shown(values)}")
    for value in values:
        if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or not 1 <= value < 1 << 31:
            raise ValueError(f"{name} must be >= 1 and a whole number, got {shown(value)}")
