"""DagGenome: a graph of layers, listed in topological order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.dag.expression import expressed
from genomes.dag.nodes import DagNode
from genomes.dag.variation import crossed, mutated
from genomes.network.architecture import Architecture
from genomes.network.layered import LayeredGenome, ranks_of

if TYPE_CHECKING:
    from genomes.dag.space import DagSpace


@dataclass(frozen=True, eq=False, repr=False)
class DagGenome(LayeredGenome):
    """Nodes, each after its inputs, and the space that they live in.

    Args:
        space: which graphs are allowed.
        nodes: legal in the space, in topological order; those that no other takes lead to the output.
        operators: what made this genome.
    """

    space: DagSpace
    nodes: tuple[DagNode, ...]
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A copy after one change of a node, an edge, a layer or a merge, all kinds alike."""
        nodes, name = mutated(self.space, self.nodes, rng, clock)
        return type(self)(self.space, nodes, (name,))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child by historical marking: see `genomes.dag.variation.crossed`."""
        parents = [self.nodes, *(other.nodes for other in others)]
        given = ranks_of(len(parents), ranks)
        return type(self)(self.space, crossed(self.space, parents, given, rng), ("crossover",))

    @cached_property
    def architecture(self) -> Architecture:
        """The layer graph."""
        return expressed(self.nodes, self.space.input_shape, self.space.outputs)

    def adjacency(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """bool [nodes, nodes]: whether the node of the row feeds that of the column; strictly upper triangular."""
        place = {node.marking: index for index, node in enumerate(self.nodes)}
        matrix = np.zeros((len(place), len(place)), bool)
        for node in self.nodes:
            for source in node.inputs:
                if source in place:
                    matrix[place[source], place[node.marking]] = True
        return matrix

    def genes(self) -> list[dict[str, Any]]:
        """One JSON object for each node, every one after its inputs."""
        return [node.to_json() for node in self.nodes]

    def __reduce__(self) -> Any:
        return type(self), (self.space, self.nodes, self.operators)  # what was computed on demand does not travel

    def __repr__(self) -> str:
        return f"<DagGenome of {len(self.nodes)} nodes; {self.parameters} parameters>"
