"""What a network of nodes computes, one equation a node: of these every written form of it is made (a NumPy file, a formula)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genomes.base import Genome
from genomes.neat.functions import name_of

if TYPE_CHECKING:
    from genomes.cppn import CppnGenome
    from genomes.neat import NeatGenome


@dataclass(frozen=True)
class Equation:
    """The value of a node: activation(bias + response * aggregation(weights * values of the sources))."""

    node: int
    activation: str
    aggregation: str
    bias: float
    response: float
    sources: tuple[int, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Equations:
    """A network.

    Attributes:
        inputs: how many; they are the nodes 0, 1, ...
        input_names: what they are called.
        bias_value: what the node behind the inputs holds, or None where there is no bias node.
        outputs: the nodes that are given back.
        equations: sources first, where the network is feed-forward; in a recurrent one every node sees what its sources held before.
        activations_per_step: how often a recurrent network is activated on each input.
        activations, aggregations: the formulas of custom functions by name; see `genomes.neat.functions`.
    """

    inputs: int
    input_names: tuple[str, ...]
    bias_value: float | None
    outputs: tuple[int, ...]
    equations: tuple[Equation, ...]
    recurrent: bool
    activations_per_step: int
    activations: Mapping[str, str]
    aggregations: Mapping[str, str]

    @property
    def connections(self) -> int:
        """Weighted edges that lead to an output."""
        return sum(len(equation.sources) for equation in self.equations)

    @property
    def hidden(self) -> int:
        """Nodes with an equation that are not outputs."""
        return len(self.equations) - len(set(self.outputs))

    @property
    def described(self) -> str:
        """How large the network is, in words."""
        counts = (
            (self.inputs, "input", "inputs"),
            (len(self.outputs), "output", "outputs"),
            (self.hidden, "hidden node", "hidden nodes"),
            (self.connections, "connection", "connections"),
        )
        return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counts)


def has_nodes(genome: Genome) -> bool:
    """Whether a genome's network is one of nodes (NEAT and CPPNs), not of layers."""
    return genome.space.encoding in ("neat", "cppn")


def dynamics(genome: Genome) -> str:
    """How the nodes hold their values in time ("leaky", "ctrnn", "spiking", ...), or "none": then each is an equation."""
    return str(getattr(genome.space, "dynamics", "none"))


def equations(genome: Genome) -> Equations:
    """What the network of a genome computes: of a CPPN with a substrate, the network that it describes there.

    Raises:
        ValueError: the genome's network is one of layers, or its nodes have dynamics of their own.
    """
    if dynamics(genome) != "none":
        raise ValueError(f"the nodes of this network are {dynamics(genome)}: each is a process in time, not one equation")
    if not has_nodes(genome):
        raise ValueError(
            f"a {type(genome).__name__} describes layers, not nodes with equations; those of NEAT genomes and CPPNs can be written down"
        )
    found: Any = genome
    if genome.space.encoding == "cppn" and found.space.substrate is not None:
        return _expressed(found)
    return _neat(found)


def _neat(genome: NeatGenome) -> Equations:
    space = genome.space
    activations, aggregations = space.activation_functions.names, space.aggregation_functions.names
    return Equations(
        inputs=space.inputs,
        input_names=getattr(space, "input_names", _numbered(space.inputs)),
        bias_value=float(space.bias_value) if space.sensors > space.inputs else None,
        outputs=tuple(range(space.sensors, space.fixed)),
        equations=tuple(
            Equation(
                step.node,
                activations[step.activation],
                aggregations[step.aggregation],
                step.bias,
                step.response,
                step.sources,
                step.weights,
            )
            for step in genome.steps()
        ),
        recurrent=space.recurrent,
        activations_per_step=1,
        activations=_custom((*space.activations, space.output_activation)),
        aggregations=_custom(space.aggregations),
    )


def _custom(definitions: tuple[str, ...]) -> dict[str, str]:
    return {name_of(text): text.split("=", 1)[1].strip() for text in definitions if "=" in text}


def _numbered(inputs: int) -> tuple[str, ...]:
    return tuple(f"x{number}" for number in range(inputs))


def _expressed(genome: CppnGenome) -> Equations:
    from neuroevo.decode.substrates import node_groups

    network = genome.express()
    wiring, recurrent = network.wiring, network.substrate.recurrent
    last = int(wiring.layer.max())
    order = np.flatnonzero(wiring.layer > 0) if recurrent else np.concatenate(node_groups(wiring)[1:])
    by_target = np.argsort(wiring.target, kind="stable")
    ends = np.searchsorted(wiring.target[by_target], np.arange(len(wiring.layer) + 1))

    def equation(node: int) -> Equation:
        edges = by_target[ends[node] : ends[node + 1]]
        activation = wiring.output_activation if wiring.layer[node] == last else wiring.activation
        sources, weights = wiring.source[edges].tolist(), wiring.weight[edges].tolist()
        return Equation(node, activation, "sum", float(wiring.bias[node]), 1.0, tuple(sources), tuple(weights))

    inputs = int((wiring.layer == 0).sum())
    return Equations(
        inputs=inputs,
        input_names=_numbered(inputs),
        bias_value=None,
        outputs=tuple(np.flatnonzero(wiring.layer == last).tolist()),
        equations=tuple(equation(int(node)) for node in order),
        recurrent=recurrent,
        activations_per_step=network.substrate.activations_per_step,
        activations={},
        aggregations={},
    )
