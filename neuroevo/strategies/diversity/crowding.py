"""Deterministic crowding: a child competes with the parent that it is like (Mahfoud 1995)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Deduplicate, Inheritance, check, check_count, check_share, trials


@dataclass
class Crowding(Strategy):
    """Deterministic crowding (Mahfoud 1995, section 4.4): in each generation everybody is the parent of one pair, drawn at random; a pair's two
    children are compared with the parents that they are more like, of the two ways to match them the one with the smaller sum of distances,
    and take their places where they are better. So a population keeps the several peaks that it has found: who climbs one does not push out
    those on another.

    Better is by the first objective, ties by the next; limits count as ever. A child that failed takes nobody's place.

    Args:
        population: members, all of whom live until something better that is like them is born.
        crossover: probability that the children of a pair are of both parents; else each is a mutant of one of them.
        mutation: probability that a child of two parents is also mutated.
        distance: who is like whom: by "genomes" (their own distance) or by "descriptors" (euclidean).
        deduplicate: "none"; "genome" never evaluates the same genes twice; "key" never two isomorphic genomes of equal cost.
        inheritance: "lamarckian" starts a child from its parents' weights, "none" from scratch.

    Raises:
        ValueError: a setting out of its range.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mate", "mutate")
    population: int = 50
    crossover: float = 0.9
    mutation: float = 1.0
    distance: Literal["genomes", "descriptors"] = "genomes"
    deduplicate: Deduplicate = "none"
    inheritance: Inheritance = "none"

    def __post_init__(self) -> None:
        check_count("population", self.population, 2)
        check_share("crossover", self.crossover)
        check_share("mutation", self.mutation)
        check("distance", self.distance, ("genomes", "descriptors"))
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, self.deduplicate)
        self._living: list[Individual] = []
        self._replaced = 0

    def ask(self) -> Sequence[Trial]:
        missing = self.population - len(self._living)  # at first all; later those whose births failed
        born: list[tuple[Individual, Sequence[Individual]]] = [
            (one, ()) for one in self._breeding.first(missing, self.generation)
        ]
        for pair in self._pairs():
            births = [self._child(pair), self._child(pair[::-1])] if len(pair) == 2 else [self._child(pair)]
            born += [birth for birth in births if birth is not None]
        return trials(self.search, born, self.inheritance)

    def _pairs(self) -> list[list[Individual]]:
        """Everybody once, in pairs, the same in `ask` and `tell`; the last one alone where they are odd."""
        order = self.search.selection_rng(self.generation).permutation(len(self._living)).tolist()
        return [[self._living[position] for position in order[first : first + 2]] for first in range(0, len(order), 2)]

    def _child(self, pair: Sequence[Individual]) -> tuple[Individual, Sequence[Individual]] | None:
        """A child that begins as the first of a pair, with its partner or without."""

        def parents(rng: np.random.Generator) -> tuple[Sequence[Individual], Sequence[int] | None]:
            both = len(pair) == 2 and bool(rng.random() < self.crossover)
            return (pair, (0, 0)) if both else (pair[:1], None)

        return self._breeding.child(parents, self.generation, mutation=self.mutation)

    def tell(self, results: Sequence[Result]) -> None:
        born = [individual for result in results for individual in result.individuals if individual.status == DONE]
        places = {individual.id: position for position, individual in enumerate(self._living)}
        self._replaced = 0
        for pair in self._pairs():  # drawn at once, before anybody is replaced
            ids = {parent.id for parent in pair}
            children = [child for child in born if ids & set(child.parents)]
            for parent, child in self._matched(pair, children):
                if child.fitness > parent.fitness:
                    self._living[places[parent.id]] = child
                    self._replaced += 1
        self._living += [individual for individual in born if not individual.parents]
        self.generation += 1

    def _matched(self, parents: Sequence[Individual], children: Sequence[Individual]) -> list[tuple[Individual, Individual]]:
        """Each child with the parent whose place it may take; two children with different ones."""
        apart = [[self._apart(parent, child) for parent in parents] for child in children]
        if len(parents) == len(children) == 2:
            straight, crossed = apart[0][0] + apart[1][1], apart[0][1] + apart[1][0]
            return list(zip(parents if straight <= crossed else parents[::-1], children, strict=True))
        return [(parents[int(np.argmin(row))], child) for row, child in zip(apart, children, strict=True)]

    def _apart(self, a: Individual, b: Individual) -> float:
        if self.distance == "genomes":
            return float(a.genome.distance(b.genome))
        if a.descriptors is None or b.descriptors is None:
            raise ValueError("distance='descriptors' needs a task that describes what individuals did, and this one does not")
        return float(np.linalg.norm(a.descriptors - b.descriptors))

    def state(self) -> State:
        json = {"generation": self.generation, "living": [one.id for one in self._living], "replaced": self._replaced}
        return State(json, self._breeding.arrays())

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._living = [individuals(id) for id in state.json["living"]]
        self._replaced = state.json["replaced"]
        self._breeding.restore(state.arrays)

    @property
    def living(self) -> Sequence[Individual]:
        return self._living

    def report(self) -> dict[str, Any]:
        """How many live, and how many of them were born in the last generation into another's place."""
        return {"population": len(self._living), "replaced": self._replaced}
