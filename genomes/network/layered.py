"""LayeredGenome: what every genome with a layer graph shares, whether the graph is its genes or is expressed from them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from genomes.base import Genome
from genomes.network.architecture import Architecture
from genomes.network.canonical import canonical_key
from genomes.network.distance import edit_distance
from genomes.network.graph import layer_graph

if TYPE_CHECKING:
    import networkx as nx


class LayeredGenome(Genome):
    """A genome with an `architecture`: its layer genes with their shapes."""

    if TYPE_CHECKING:  # a field or a cached property of the encoding

        @property
        def architecture(self) -> Architecture: ...

    def distance(self, other: Self) -> float:
        """Edit distance of the two layer graphs: layers and skips inserted, deleted or changed."""
        return edit_distance(self.architecture, other.architecture)

    def key(self) -> str:
        return self._key

    @cached_property
    def _key(self) -> str:
        return canonical_key(self.architecture)

    def graph(self) -> nx.DiGraph[Any]:
        """Nodes are markings with `label`, `kind`, `shape` (output) and `parameters`; edges have `shape` and `skip` (whether the edge enters
        a merge beside its main path)."""
        return layer_graph(self.architecture)

    @property
    def parameters(self) -> int:
        return self.architecture.parameters

    @property
    def flops(self) -> int:
        return self.architecture.flops


def ranks_of(parents: int, ranks: Sequence[int] | None) -> list[int]:
    """The ranks of a crossover's parents, all alike where none are given.

    Raises:
        ValueError: they are not one for each parent.
    """
    given = [0] * parents if ranks is None else list(ranks)
    if len(given) != parents:
        raise ValueError(f"crossover of {parents} parents needs as many ranks, got {len(given)}")
    return given
