"""ChoiceGenome: which option is taken in each choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import Genome

if TYPE_CHECKING:
    import networkx as nx

    from genomes.choice.space import ChoiceSpace


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceGenome(Genome):
    """An option for each choice of a space.

    Args:
        space: what may be chosen.
        taken: for each choice the position of its option.
        operators: what made this genome.
    """

    space: ChoiceSpace
    taken: tuple[int, ...]
    operators: tuple[str, ...] = ()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The options' names."""
        return tuple([names[option] for names, option in zip(self.space.options, self.taken, strict=True)])

    @property
    def table_key(self) -> str:
        """The key of the table's row: the options' names with the space's separator between them."""
        return self.space.separator.join(self.chosen)

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A copy with another option in one choice, and in a share of the others (`ChoiceSpace.mutation`) any option."""
        counts = np.array([len(names) for names in self.space.options])
        free = np.flatnonzero(counts > 1)
        if len(free) == 0:
            return type(self)(self.space, self.taken, ("unchanged",))
        taken = np.array(self.taken)
        place = free[int(rng.integers(len(free)))]
        drawn = rng.random(len(counts)) < self.space.mutation
        fresh = (rng.random(len(counts)) * counts).astype(int)
        taken[drawn] = fresh[drawn]
        taken[place] = (self.taken[place] + rng.integers(1, counts[place])) % counts[place]
        return type(self)(self.space, tuple(taken.tolist()), ("change_choice",))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """Uniform crossover: each choice from any of the parents (Syswerda 1989), whatever their ranks."""
        parents = np.array([self.taken, *(other.taken for other in others)])
        picks = rng.integers(len(parents), size=len(self.taken))
        return type(self)(self.space, tuple(parents[picks, np.arange(len(self.taken))].tolist()), ("crossover",))

    def distance(self, other: Self) -> float:
        """The share of the choices that differ."""
        return sum(mine != theirs for mine, theirs in zip(self.taken, other.taken, strict=True)) / len(self.taken)

    def key(self) -> str:
        return " ".join(map(str, self.taken))

    def graph(self) -> nx.DiGraph[Any]:
        """The choices in a row, by their places; each has a `label` ("width: 64"), the `choice` and its `option`."""
        import networkx as nx

        graph: nx.DiGraph[Any] = nx.DiGraph()
        for place, option in enumerate(self.chosen):
            name = self.space.name(place)
            graph.add_node(place, label=f"{name}: {option}", kind=f"{name} {option}", choice=name, option=option)
            if place:
                graph.add_edge(place - 1, place)
        return graph

    def genes(self) -> list[str]:
        """The options' names."""
        return list(self.chosen)

    def __repr__(self) -> str:
        return f"<ChoiceGenome {self.table_key}>"
