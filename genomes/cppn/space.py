"""CppnSpace: what CPPNs may be and how they vary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genomes.base import Json, shown
from genomes.cppn.connective import ConnectiveSubstrate
from genomes.cppn.pattern import PAINTING, PatternPopulation
from genomes.neat.genes import Pool
from genomes.neat.space import NeatSpace
from genomes.neat.threads import Threads

if TYPE_CHECKING:
    from genomes.cppn.expressed import ExpressedPopulation
    from genomes.cppn.genome import CppnGenome

FUNCTIONS = ("gaussian", "sine", "sigmoid", "tanh", "absolute", "identity", "cosine", "square", "relu", "step")


@dataclass(frozen=True)
class CppnSpace(NeatSpace, encoding="cppn"):
    """Compositional pattern producing networks (Stanley 2007): NEAT genomes whose nodes compute different functions.

    Without a substrate, a CPPN is a function of coordinates; by default it paints: it is told x, y and the distance d to the centre. With
    a substrate it describes a network (HyperNEAT, ES-HyperNEAT), and that network is what a fitness is given. There are no sequential
    decisions, as in `NeatSpace`.

    Args:
        substrate: a `Substrate` or an `EvolvableSubstrate`, or None.
        inputs, outputs: with a substrate, what it needs (leave them out); otherwise coordinates and answers.
        activations: what hidden nodes may compute; a new node draws one of them.
        output_activation: what the outputs compute; "" for any of `activations`.

    The other settings are those of `NeatSpace`; `recurrent` cannot be set.

    Raises:
        ValueError: inputs or outputs that are not the substrate's, or a value out of its range.

    >>> from genomes.cppn import Substrate
    >>> space = CppnSpace(substrate=Substrate.grid((11, 11), (11, 11)))
    >>> space.input_names, space.output_names
    (('x1', 'y1', 'x2', 'y2'), ('weight',))
    """

    inputs: int = 0
    outputs: int = 0
    bias: str = "input"
    activations: tuple[str, ...] = FUNCTIONS
    activation_mutation_rate: float = 0.1
    output_activation: str = "tanh"
    weight_power: float = 1.0
    weight_range: float = 3.0
    weight_limit: float = 8.0
    add_node_rate: float = 0.1
    add_connection_rate: float = 0.15
    substrate: ConnectiveSubstrate | None = None

    def __post_init__(self) -> None:
        if isinstance(self.substrate, Mapping):
            object.__setattr__(self, "substrate", ConnectiveSubstrate.from_dict(self.substrate))
        if self.substrate is not None and not isinstance(self.substrate, ConnectiveSubstrate):
            raise ValueError(
                f"substrate must be a Substrate, such as Substrate.grid((11, 11), (11, 11)), or an EvolvableSubstrate, got {shown(self.substrate)}"
            )
        needed = (len(PAINTING), 1)
        if self.substrate is not None:
            needed = len(self.substrate.cppn_inputs), len(self.substrate.cppn_outputs)
        for name, number in zip(("inputs", "outputs"), needed, strict=True):
            if getattr(self, name) == 0 and not isinstance(getattr(self, name), bool):
                object.__setattr__(self, name, number)
        super().__post_init__()
        if self.substrate is not None:
            self.substrate.refuse_other_cppns(self.inputs, self.outputs)
        if self.inputs < 1:
            raise ValueError(f"a CPPN is a function of coordinates: inputs must be at least 1, got {self.inputs}")
        if self.recurrent:
            raise ValueError(
                "a CPPN is a function of coordinates and has no state: recurrent must be false (substrates may be recurrent)"
            )

    @property
    def decoded_as(self) -> str:
        return "" if self.substrate is None else "substrate"

    @property
    def genome_type(self) -> type[CppnGenome]:
        from genomes.cppn.genome import CppnGenome

        return CppnGenome

    @property
    def input_names(self) -> tuple[str, ...]:
        """What the CPPN is told, in order."""
        if self.substrate is not None:
            return self.substrate.cppn_inputs
        return PAINTING if self.inputs == len(PAINTING) else tuple(f"input {i}" for i in range(self.inputs))

    @property
    def output_names(self) -> tuple[str, ...]:
        """What it answers, in order."""
        if self.substrate is not None:
            return self.substrate.cppn_outputs
        if self.inputs == len(PAINTING) and self.outputs in (1, 3):
            return ("brightness",) if self.outputs == 1 else ("hue", "saturation", "brightness")
        return tuple(f"output {i}" for i in range(self.outputs))

    @property
    def node_names(self) -> tuple[str, ...]:
        """Names of the nodes that every genome has, in the order of the genes; an output named as the bias node is "bias output"."""
        sensors = (*self.input_names, *(["bias"] if self.bias == "input" else []))
        return (*sensors, *(f"{name} output" if name in sensors else name for name in self.output_names))

    def population_network(self, pool: Pool, threads: Threads | None = None) -> PatternPopulation | ExpressedPopulation:  # type: ignore[override]
        """The CPPNs of a pool as one callable; with a substrate, the networks that they describe."""
        patterns = PatternPopulation(self, pool, threads)
        return patterns if self.substrate is None else self.substrate.express(patterns)

    def seed(
        self,
        connections: Iterable[tuple[str, str, float]],
        hidden: Mapping[str, str] | None = None,
        *,
        biases: Mapping[str, float] | None = None,
    ) -> CppnGenome:
        """A genome made by hand, to start evolution from: `Neat(initial=[space.seed(...)])`.

        Args:
            connections: (from, to, weight) by names: `input_names`, "bias" for the bias node, `output_names`, and the hidden nodes'.
            hidden: the activation of each hidden node by name.
            biases: with bias="node", biases of hidden nodes and outputs by name.

        Raises:
            ValueError: an unknown name, or what no genome of this space may have (a cycle, say).

        >>> space = CppnSpace()
        >>> genome = space.seed([("d", "ring", 3.0), ("ring", "brightness", 1.0)], {"ring": "gaussian"})
        >>> genome.hidden
        1
        """
        from genomes.cppn.seeds import seed

        return seed(self, list(connections), dict(hidden or {}), dict(biases or {}))

    def to_dict(self) -> Json:
        return {**super().to_dict(), "substrate": None if self.substrate is None else self.substrate.to_dict()}
