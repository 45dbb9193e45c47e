"""NeatGenome: node genes and connection genes, an immutable value."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from genomes.equations import Equation, Equations
from genomes.neat import operators as names
from genomes.neat.functions import name_of
from genomes.neat.genes import Connections, Nodes, Pool, empty_pool, genes_of, pool_of
from genomes.neat.space import NeatSpace
from genomes.neat.validation import type_of

if TYPE_CHECKING:
    import networkx as nx

    from genomes.neat.dynamics import NetworkInTime
    from genomes.neat.network import Network, Step


SMALL = 20  # connection genes: two genomes with fewer are not normalised by their size, says the paper
NEVER = 2**62  # as SMALL: never normalised


class Coefficients(NamedTuple):
    """Of the compatibility distance, as the kernels take them."""

    excess: float
    disjoint: float
    weight: float
    biases: bool
    sensors: int
    small: int = SMALL


class NeatGenome(Genome):
    """A genome of NEAT: the arrays of its genes (read-only) and their space.

    Attributes:
        nodes: node genes, arrays [nodes] sorted by marking; inputs, bias node and outputs first.
        connections: connection genes, arrays [connections] sorted by marking.
    """

    space: NeatSpace
    nodes: Nodes
    connections: Connections

    def __init__(self, space: NeatSpace, nodes: Nodes, connections: Connections, operators: tuple[str, ...] = ()) -> None:
        for name, value in (("space", space), ("nodes", nodes), ("connections", connections), ("operators", operators)):
            object.__setattr__(self, name, value)
        for array in (*nodes, *connections):
            array.flags.writeable = False

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a genome is immutable: {name} cannot be assigned")

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.space, self.nodes, self.connections, self.operators))

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        from genomes.neat.kernels.mutation import mutate

        _check_clock(clock)
        pool = pool_of([(self.nodes, self.connections)], room=4)
        return self._from(pool, int(mutate(pool, 0, self.space.rates, clock, _stream(rng))))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child of this genome and the others: matching genes from a random parent, disjoint and excess genes from the fittest;
        where several are equally fit, a gene that only some of them have is inherited with the share of those that do.

        Raises:
            ValueError: a parent of another space, or ranks that are not one for each parent.
        """
        parents = [self, *others]
        if any(parent.space != self.space for parent in parents):
            raise ValueError("the parents of a crossover must be of one space")
        order = list(ranks) if ranks is not None else [0] * len(parents)
        if len(order) != len(parents):
            raise ValueError(f"ranks must be one for each of the {len(parents)} parents, got {len(order)}")
        by_fitness = sorted(range(len(parents)), key=lambda i: order[i])
        child = parents[by_fitness[0]].pool
        stream = _stream(rng)
        for position, index in enumerate(by_fitness[1:], start=1):
            child = self._crossed(child, parents[index].pool, order[index] == order[by_fitness[0]], 1.0 / (position + 1), stream)
        return self._from(child, names.CROSSOVER)

    def _crossed(self, mother: Pool, father: Pool, equal: bool, share: float, stream: Any) -> Pool:
        from genomes.neat.kernels.crossover import cross
        from genomes.neat.kernels.streams import uniform

        rates = self.space.rates
        parents = pool_of([genes_of(mother, 0), genes_of(father, 0)])
        child = empty_pool(parents.node_count.sum(keepdims=True), parents.connection_count.sum(keepdims=True))
        average = uniform(stream) < rates.average
        cross(parents, 0, 1, child, 0, equal, share, average, rates, stream)
        return child

    def distance(self, other: Self, *, excess: float = 1.0, disjoint: float = 1.0, weight: float = 0.4) -> float:
        """The compatibility distance (Stanley & Miikkulainen 2002, equation 1), by default with the paper's coefficients."""
        from genomes.neat.kernels.distance import compatibility_of_members

        coefficients = Coefficients(excess, disjoint, weight, self.space.bias == "node", self.space.sensors)
        return float(compatibility_of_members(self.pool, 0, other.pool, 0, coefficients))

    def network(self, activations_per_step: int = 1) -> Network | NetworkInTime:
        """The network as a callable: float [samples, inputs] to float64 [samples, outputs]."""
        if self.space.dynamics != "none":
            from genomes.neat.dynamics import NetworkInTime

            if activations_per_step != 1:
                raise ValueError(
                    "networks in time are advanced by steps_a_call time steps of their space, not by activations_per_step"
                )
            return NetworkInTime(self)
        from genomes.neat.network import Network

        return Network(self, activations_per_step)

    def steps(self) -> list[Step]:
        """What the genes compute, node by node, sources first (feed-forward)."""
        from genomes.neat.network import Network

        return Network(self).steps(0)

    def equations(self) -> Equations:
        space = self.space
        if space.dynamics != "none":
            raise ValueError(f"the nodes of this network are {space.dynamics}: each is a process in time, not one equation")
        activations, aggregations = space.activation_functions.names, space.aggregation_functions.names
        return Equations(
            inputs=space.inputs,
            input_names=space.input_names,
            bias_value=float(space.bias_value) if space.bias == "input" else None,
            outputs=tuple(range(space.sensors, space.fixed)),
            equations=tuple(
                _equation(step, activations[step.activation], aggregations[step.aggregation]) for step in self.steps()
            ),
            recurrent=space.recurrent,
            activations=_formulas((*space.activations, space.output_activation)),
            aggregations=_formulas(space.aggregations),
            biased=space.bias == "node",
        )  # fmt: skip

    def with_weights(self, weights: npt.ArrayLike, biases: npt.ArrayLike | None = None) -> Self:
        """The same genes, markings and all, with other weights: what training learned, written back.

        Args:
            weights: float [connections], in the order of `connections`; disabled ones included.
            biases: float [nodes], in the order of `nodes`; None keeps them.

        Raises:
            ValueError: not one finite number for each gene.
        """
        values = []
        for name, given, count in (
            ("weights", weights, len(self.connections.marking)),
            ("biases", self.nodes.bias if biases is None else biases, len(self.nodes.marking)),
        ):
            array = np.array(given, np.float64)
            if array.shape != (count,) or not np.isfinite(array).all():
                raise ValueError(f"{name} must be {count} finite numbers, one for each gene, got {shown(given)}")
            values.append(array)
        return type(self)(
            self.space, self.nodes._replace(bias=values[1]), self.connections._replace(weight=values[0]), self.operators
        )

    @cached_property
    def pool(self) -> Pool:
        """This genome as a pool of one, for the kernels."""
        return pool_of([(self.nodes, self.connections)])

    def genes(self) -> dict[str, list[Any]]:
        activations, aggregations = self.space.activation_functions.names, self.space.aggregation_functions.names
        nodes = [
            [marking, type_of(self.space, i), bias, response, activations[activation], aggregations[aggregation]]
            for i, (marking, bias, response, activation, aggregation) in enumerate(_rows(self.nodes))
        ]
        return {"nodes": nodes, "connections": [list(row) for row in _rows(self.connections)]}

    def key(self) -> str:
        """Equal for genomes whose networks are isomorphic: what is disabled or leads to no output does not count.

        Every node is hashed from what it computes and from its sources' hashes, as often as paths are long (Weisfeiler & Lehman
        1968), so the names of hidden nodes do not matter.
        """
        return self._key

    @cached_property
    def _key(self) -> str:
        steps = self.steps()
        label = {node: f"fixed {node}" for node in range(self.space.sensors)}
        label |= {step.node: f"fixed {step.node}" if step.node < self.space.fixed else "hidden" for step in steps}
        for _ in range(len(steps) if self.space.recurrent else 1):
            fresh = dict(label)
            known = label if self.space.recurrent else fresh  # feed-forward steps are in order: their sources are already final
            for step in steps:
                edges = zip(step.weights, step.sources, strict=True)
                sources = sorted(f"{weight!r}*{known[source]}" for weight, source in edges)
                own = label[step.node] if self.space.recurrent or step.node < self.space.fixed else ""
                described = f"{step.bias!r} {step.response!r} {step.activation} {step.aggregation}"
                fresh[step.node] = _digest("|".join([own, described, *sources]))
            label = fresh
        outputs = [label.get(node, "") for node in range(self.space.sensors, self.space.fixed)]
        return _digest("|".join([*outputs, *sorted(label[step.node] for step in steps)]))

    def graph(self) -> nx.DiGraph[Any]:
        """Nodes by marking (type, bias, response, activation, aggregation), edges with weight, enabled and marking."""
        import networkx

        graph: nx.DiGraph[Any] = networkx.DiGraph()
        genes = self.genes()
        for marking, kind, bias, response, activation, aggregation in genes["nodes"]:
            graph.add_node(
                marking, type=kind, bias=bias, response=response, activation=activation, aggregation=aggregation
            )  # fmt: skip
        for marking, source, target, weight, enabled in genes["connections"]:
            graph.add_edge(source, target, marking=marking, weight=weight, enabled=enabled)
        return graph

    @property
    def parameters(self) -> int:
        """Enabled connections, and with bias="node" the biases of all nodes but the inputs."""
        biases = len(self.nodes.marking) - self.space.sensors if self.space.bias == "node" else 0
        return int(self.connections.enabled.sum()) + biases

    @property
    def flops(self) -> int:
        """Multiply-adds of one sample: the enabled connections that lead to an output."""
        return sum(len(step.sources) for step in self.steps())

    @property
    def hidden(self) -> int:
        """Hidden nodes."""
        return len(self.nodes.marking) - self.space.fixed

    def _from(self, pool: Pool, operators: int) -> Self:
        return type(self)(self.space, *genes_of(pool, 0), names.names(operators))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.hidden} hidden nodes, {int(self.connections.enabled.sum())} enabled connections>"


def from_pool(space: NeatSpace, pool: Pool, member: int, operators: int) -> NeatGenome:
    """One genome of a pool as a value of its own."""
    return space.genome_type(space, *genes_of(pool, member), names.names(operators))


def _equation(step: Step, activation: str, aggregation: str) -> Equation:
    if aggregation == "product" and not step.sources:  # the product of nothing is 1: written as part of the bias
        return Equation(step.node, activation, "sum", step.bias + step.response, 1.0, (), ())
    return Equation(step.node, activation, aggregation, step.bias, step.response, step.sources, step.weights)


def _formulas(definitions: tuple[str, ...]) -> dict[str, str]:
    return {name_of(text): text.split("=", 1)[1].strip() for text in definitions if "=" in text}


def _stream(rng: np.random.Generator) -> Any:
    return np.array([rng.integers(2**64, dtype=np.uint64)], np.uint64)


def _check_clock(clock: int) -> None:
    from genomes.markings import MAX_CLOCK

    if not 0 <= clock <= MAX_CLOCK:
        raise ValueError(f"clock must be between 0 and {MAX_CLOCK} (generations), got {clock}")


def _rows(columns: tuple[Any, ...]) -> Any:
    return zip(*[column.tolist() for column in columns], strict=True)


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
