"""Hill climbing by network morphisms: NASH (Elsken, Metzen & Hutter 2017) and Kwasigroch, Grochowski & Mikolajczyk (2020)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Inheritance, check, check_count, given, trial


@dataclass
class HillClimb(Strategy):
    """Climb from one network: a step trains `neighbours` candidates that start from the current one, and goes on with the best.

    The candidates are the current network varied by `mutations` operators each, and (with `keep_current`) the current network
    itself, trained once more: a further evaluation of the same individual, which replaces the one before. Only the first objective decides. Which operators may be used is a setting of the space; the papers use
    function-preserving ones.

    Args:
        neighbours: candidates a step (NASH: 8).
        mutations: operators that make one candidate (NASH: 5).
        keep_current: whether the current network, trained on, is one of the candidates (NASH: yes).
        start_from: the genome to climb from, as `genome.to_dict()` gives it; None takes a random one.
        inheritance: "lamarckian", or "none" to train every candidate from scratch.

    Raises:
        ValueError: a setting out of its range; at the first `ask`, a genome of another space than the search's.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mutate",)
    screens: ClassVar[bool] = True
    neighbours: int = 8
    mutations: int = 5
    keep_current: bool = True
    start_from: dict[str, Any] | None = None
    inheritance: Inheritance = "lamarckian"

    def __post_init__(self) -> None:
        check_count("neighbours", self.neighbours, 1 + self.keep_current)
        check_count("mutations", self.mutations)
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search)
        self._current: Individual | None = None

    @property
    def living(self) -> Sequence[Individual]:
        return [] if self._current is None else [self._current]

    def ask(self) -> Sequence[Trial]:
        current = self._current
        if current is None:
            return [trial(self.search, first, (), self.inheritance) for first in self._first()]
        births = [
            self._breeding.child(lambda rng: ([current], None), self.generation, mutations=self.mutations)
            for _ in range(self.neighbours - self.keep_current)
        ]
        trials = [
            trial(self.search, child, parents, self.inheritance)
            for child, parents in (birth for birth in births if birth is not None)
        ]
        if self.keep_current:
            trials.append(
                trial(self.search, current, (current,), self.inheritance)
            )  # from its own weights, where these are inherited
        return trials

    def tell(self, results: Sequence[Result]) -> None:
        done = [result.individuals[0] for result in results if result.individuals[0].status == DONE]
        if done:  # NASH takes the best candidate even where it is worse than the current network
            self._current = max(done, key=lambda individual: (individual.fitness.ranking, -individual.id))
        self.generation += 1

    def state(self) -> State:
        return State({"generation": self.generation, "current": None if self._current is None else self._current.id})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._current = None if state.json["current"] is None else individuals(state.json["current"])

    def _first(self) -> list[Individual]:
        if self.start_from is None:
            return self._breeding.first(1, self.generation)
        genome = given(self.start_from, self.search.space)
        return [self.search.individual(self.search.reserve(), genome, operators=("given",))]
