"""What a network of nodes computes, one equation a node: of these every written form of it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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

    Args:
        inputs: how many; they are the nodes 0, 1, ...
        input_names: what they are called.
        bias_value: what the node behind the inputs holds, or None where there is no bias node.
        outputs: the nodes that are given back.
        equations: sources first, where the network is feed-forward; in a recurrent one every node sees what its sources held before.
        recurrent: whether the network has a state.
        activations_per_step: how often a recurrent network is activated on each input.
        activations, aggregations: the formulas of custom functions by name; see `genomes.neat.functions`.
        biased: whether every node has a bias that may be trained; else only those are trained that are not 0.
    """

    inputs: int
    input_names: tuple[str, ...]
    bias_value: float | None
    outputs: tuple[int, ...]
    equations: tuple[Equation, ...]
    recurrent: bool = False
    activations_per_step: int = 1
    activations: Mapping[str, str] = field(default_factory=dict)
    aggregations: Mapping[str, str] = field(default_factory=dict)
    biased: bool = False

    @property
    def sensors(self) -> int:
        """Nodes that hold an input, or the constant behind the inputs."""
        return self.inputs + (self.bias_value is not None)

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


def numbered(inputs: int) -> tuple[str, ...]:
    """Names for inputs that have none: x0, x1, ..."""
    return tuple(f"x{number}" for number in range(inputs))
