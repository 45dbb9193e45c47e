"""DagSpace: which graphs of layers may be encoded, and how they vary."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown, unknown
from genomes.dag.decisions import answers_of, ask_nodes
from genomes.dag.families import FAMILIES
from genomes.dag.nodes import MERGES, DagNode, layer_of, nodes_from_json
from genomes.dag.repair import repaired
from genomes.layers import CONVOLUTIONS, POOLINGS, Layer, Shape
from genomes.markings import marking
from genomes.network.genes import STARTER
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.dag.genome import DagGenome


@dataclass(frozen=True)
class DagSpace(SequentialSpace["DagGenome"], encoding="dag"):
    """Directed acyclic graphs of layers, listed in topological order with each node's inputs (Irwin-Harris, Sun, Xue & Zhang 2019).

    The paper tests the encoding and its random generation by random search; variation and repair are ours.

    A controller decides (`choices`, `build`) node by node: the kind of its layer, or (behind the first) to stop; the layer's width and
    kernel; its inputs one by one, nearest first; and how several of them are merged. Not among the decisions are the historical markings
    (what is built has those of a random graph, by place) and the merge of a node that has a single input: neither is in the phenotype.

    Args:
        input_shape: shape of one sample; its rank decides the layers: (features,) dense, (steps, channels) one-dimensional convolutions
            and poolings, (height, width, channels) two-dimensional ones.
        outputs: number of logits (classes) or regression targets.
        min_nodes, max_nodes: nodes of a random graph, and of any.
        max_inputs: most inputs of a node.
        layers: kinds of layers of graphs with positions: "conv", "separable", "max_pool", "average_pool". Convolutions end in BatchNorm and ReLU.
        widths: filters or units.
        kernels, pool_kernels: kernel sizes of convolutions and of poolings; a pooling halves every side that is longer than 1.
        merges: how several inputs may become one: "add", "concatenate".
        families: names of the random graphs' families (`genomes.dag.FAMILIES`), drawn alike.

    Raises:
        ValueError: a setting out of its range.
    """

    input_shape: Shape
    outputs: int
    min_nodes: int = 3
    max_nodes: int = 12
    max_inputs: int = 4
    layers: tuple[str, ...] = ("conv", "separable", "max_pool", "average_pool")
    widths: tuple[int, ...] = (8, 16, 32, 64)
    kernels: tuple[int, ...] = (1, 3, 5)
    pool_kernels: tuple[int, ...] = (2, 3)
    merges: tuple[str, ...] = MERGES
    families: tuple[str, ...] = tuple(FAMILIES)

    drawn_as = "layers"
    redundant = True

    def __post_init__(self) -> None:
        shape = self.input_shape
        if not isinstance(shape, tuple) or not 1 <= len(shape) <= 3 or not all(_is_count(size) for size in shape):
            raise ValueError(
                f"input_shape must be (features,), (steps, channels) or (height, width, channels), each >= 1, got {shown(shape)}"
            )
        for name in ("outputs", "min_nodes", "max_nodes", "max_inputs"):
            if not _is_count(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        if self.min_nodes > self.max_nodes or self.max_nodes > 64:
            raise ValueError(f"nodes must be min_nodes <= max_nodes <= 64, got {self.min_nodes} and {self.max_nodes}")
        for name in ("widths", "kernels", "pool_kernels"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not values or not all(_is_count(value) for value in values):
                raise ValueError(f"{name} must be one or more whole numbers >= 1, got {shown(values)}")
        for name, allowed in (
            ("layers", (*sorted(CONVOLUTIONS), *sorted(POOLINGS))),
            ("merges", MERGES),
            ("families", tuple(FAMILIES)),
        ):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not values:
                raise ValueError(f"{name} must be one or more of {', '.join(allowed)}, got {shown(values)}")
            for value in values:
                if value not in allowed:
                    raise ValueError(unknown(name, value, allowed))
        if not set(self.kinds) - POOLINGS:
            raise ValueError("layers must hold a convolution (conv, separable): poolings alone learn nothing")

    @classmethod
    def for_data(cls, input_shape: Shape, outputs: int) -> Self:
        return cls(input_shape, outputs, min_nodes=3, max_nodes=8, widths=(8, 16, 32), kernels=(1, 3))

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of layers of a node."""
        return ("dense",) if len(self.input_shape) == 1 else self.layers

    def random(self, rng: np.random.Generator) -> DagGenome:
        """A graph of a family drawn at random, repaired, with random layers; poolings are half as likely as other kinds."""
        count = int(rng.integers(self.min_nodes, self.max_nodes + 1))
        family = self.families[int(rng.integers(len(self.families)))]
        adjacency = FAMILIES[family](count, rng)
        markings = [marking(0, STARTER, place) for place in range(count)]
        nodes = [
            DagNode(
                markings[place],
                self.random_layer(rng),
                self.merges[int(rng.integers(len(self.merges)))],
                # The nearest first: they are the main path of an addition.
                tuple([markings[source] for source in np.flatnonzero(adjacency[:, place]).tolist()[::-1]]),
            )
            for place in range(count)
        ]
        return self._genome(repaired(nodes, self.max_inputs), ("random", family))

    def random_layer(self, rng: np.random.Generator) -> Layer:
        """A random layer."""
        weights = np.array([0.5 if kind in POOLINGS else 1.0 for kind in self.kinds])
        kind = self.kinds[int(rng.choice(len(self.kinds), p=weights / weights.sum()))]
        kernels = self.pool_kernels if kind in POOLINGS else self.kernels
        return layer_of(kind, _drawn(self.widths, rng), _drawn(kernels, rng))

    def ask(self) -> Asking[DagGenome]:
        nodes = yield from ask_nodes(self)
        return self._genome(nodes, ("built",))

    def answers(self, genome: DagGenome) -> Iterator[str]:
        return answers_of(genome.nodes, self)

    def from_genes(self, genes: Any) -> DagGenome:
        return self._genome(nodes_from_json(genes, self))

    def _genome(self, nodes: tuple[DagNode, ...], operators: tuple[str, ...] = ()) -> DagGenome:
        from genomes.dag.genome import DagGenome

        return DagGenome(self, nodes, operators)


def _drawn(values: Sequence[int], rng: np.random.Generator) -> int:
    return values[int(rng.integers(len(values)))]


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)
