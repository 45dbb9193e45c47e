"""Regularized evolution: tournament parents, and the oldest dies (Real, Aggarwal, Huang & Le 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.streams import python_random
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Deduplicate, Inheritance, check, check_count, selected, trial


@dataclass
class RegularizedEvolution(Strategy):
    """Regularized evolution: parents by tournament, and the oldest dies (Real, Aggarwal, Huang & Le 2019).

    A queue of `population` individuals. Each child is a mutation of the best of `sample` members drawn with replacement; it joins
    the queue and the oldest leaves, however good (algorithm 1). Best is by the first objective, ties by the next.

    A generation is complete after every `population` births. A failed child does not join, and nobody leaves for it. A toolbox's
    `select(sample, 1)` replaces the choice of the parent from the sample.

    Args:
        population: length of the queue (P; the paper's 100).
        sample: members drawn to choose a parent from (S; the paper's 25).
        batch: children made from the same queue before any of them is scored: 1 as in the paper, more to keep workers busy.
        deduplicate: "none", "genome" (never the same genes twice) or "key" (never two isomorphic genomes).
        inheritance: "lamarckian" starts a child from its parent's weights, "none" from scratch.

    Raises:
        ValueError: a setting out of its range.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mutate", "select")
    screens: ClassVar[bool] = True
    population: int = 100
    sample: int = 25
    batch: int = 1
    deduplicate: Deduplicate = "none"
    inheritance: Inheritance = "none"

    def __post_init__(self) -> None:
        for name in ("population", "sample", "batch"):
            check_count(name, getattr(self, name))
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, self.deduplicate)
        self._queue: list[Individual] = []
        self._rankings: list[tuple[float, ...]] = []  # of the queue's
        self._told = 0

    def ask(self) -> Sequence[Trial]:
        if not self._queue:
            return [
                trial(self.search, individual, (), self.inheritance)
                for individual in self._breeding.first(self.population, self.generation)
            ]
        born = [self._breeding.child(self._parent, self.generation) for _ in range(self.batch)]
        return [
            trial(self.search, child, parents, self.inheritance)
            for child, parents in (birth for birth in born if birth is not None)
        ]

    def steady_state(self) -> Strategy:
        """The paper's own schedule: each worker that is free takes the next child."""
        return replace(self, batch=1)

    def _parent(self, rng: np.random.Generator) -> tuple[Sequence[Individual], None]:
        drawn = rng.integers(len(self._queue), size=self.sample).tolist()
        toolbox = self.search.toolbox
        if hasattr(toolbox, "select"):
            with python_random(rng):
                return tuple(selected(self.search, [self._queue[position] for position in drawn], 1)), None
        return (self._queue[max(drawn, key=self._rankings.__getitem__)],), None  # of equal ones the first drawn

    def tell(self, results: Sequence[Result]) -> None:
        for result in results:
            self._join([individual for individual in result.individuals if individual.status == DONE])
            self._told += len(result.individuals)
        self.generation = self._told // self.population

    def _join(self, individuals: Sequence[Individual]) -> None:
        self._queue.extend(individuals)
        self._rankings.extend([individual.fitness.ranking for individual in individuals])
        del self._queue[: -self.population], self._rankings[: -self.population]

    def state(self) -> State:
        state = {"told": self._told, "queue": [individual.id for individual in self._queue]}
        return State(state, self._breeding.arrays())

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self._told = state.json["told"]
        self.generation = self._told // self.population
        self._join([individuals(id) for id in state.json["queue"]])
        self._breeding.restore(state.arrays)

    @property
    def living(self) -> Sequence[Individual]:
        return self._queue

    def report(self) -> dict[str, Any]:
        if not self._queue:
            return {"population": 0}
        first = [individual.fitness.values[0] for individual in self._queue]
        return {"population": len(first), "mean": float(np.mean(first))}
