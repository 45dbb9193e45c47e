"""Local search: from the best network to its best neighbour, and from a local optimum to a random one (White, Nolen & Savani 2021)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from genomes.base import Genome
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.streams import NEIGHBOURHOOD
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Inheritance, check, check_count, trial


@dataclass
class LocalSearch(Strategy):
    """Evaluate the neighbours of a network and go on with the best; start again where none is better (White, Nolen & Savani 2021, algorithm 1).

    A network's neighbours are those that its genome lists (`neighbours()`: a cell's differ in one decision), in random order; else, or where a
    toolbox has a `mutate`, so many mutants. No network is evaluated twice: a neighbour that was evaluated before counts with the score it
    had (not where weights are inherited, since those that it left may be gone). The first objective decides, ties go by the next. What
    failed, was stopped or predicted is no network to go on with.

    Args:
        move: "best" evaluates all neighbours and goes to the best; "first" goes on with a better one at once (on NAS-Bench-201 the sooner of the two).
        initial: random networks at the beginning and after each local optimum, the best of which is climbed from.
        mutants: neighbours of a network whose genome lists none.
        batch: networks evaluated side by side; None: all neighbours with "best", one with "first".
        inheritance: "lamarckian" starts a neighbour from the current network's weights, "none" from scratch.

    Raises:
        ValueError: a setting out of its range.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mutate",)
    move: Literal["best", "first"] = "first"
    initial: int = 1
    mutants: int = 20
    batch: int | None = None
    inheritance: Inheritance = "none"

    def __post_init__(self) -> None:
        check("move", self.move, ("best", "first"))
        for name in ("initial", "mutants"):
            check_count(name, getattr(self, name))
        if self.batch is not None:
            check_count("batch", self.batch)
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, "key")
        self._current: Individual | None = None
        self._candidates: list[Individual] = []  # told since the current network became it
        self._mutants = self._climbs = self._in_flight = 0
        self._known: dict[int, Individual] = {}  # everybody to go on with, by network
        self._listed: list[Genome] | None = None  # the current network's neighbours, in the order in which they are tried

    def ask(self) -> Sequence[Trial]:
        trials = self._trials()
        while not trials and not self._in_flight and self._current is not None:
            self._settle()
            trials = self._trials()
        self._in_flight += len(trials)
        return trials

    def _trials(self) -> list[Trial]:
        """The next trials of this neighbourhood; none when all of it was asked for."""
        current = self._current
        if current is None:
            first = [] if self._in_flight else self._breeding.first(self.initial, self.generation)
            return [trial(self.search, individual, (), self.inheritance) for individual in first]
        listed = self._neighbours(current)
        count = self.batch or (1 if self.move == "first" else self.mutants if listed is None else len(listed))
        born = self._mutated(current, count) if listed is None else self._next(current, listed, count)
        return [trial(self.search, individual, (current,), self.inheritance) for individual in born]

    def _mutated(self, current: Individual, count: int) -> list[Individual]:
        born: list[Individual] = []
        while len(born) < count and self._mutants < self.mutants:
            self._mutants += 1
            birth = self._breeding.child(lambda rng: ([current], None), self.generation)
            if birth is not None:
                born.append(birth[0])
        return born

    def _next(self, current: Individual, listed: Sequence[Genome], count: int) -> list[Individual]:
        born: list[Individual] = []
        for genome in listed:
            if len(born) == count:
                break
            if self._breeding.accepts(genome):
                born.append(self.search.individual(self.search.reserve(), genome, parents=(current,), generation=self.generation))
        return born

    def _neighbours(self, current: Individual) -> list[Genome] | None:
        """The neighbours that a genome lists, in random order; None where it lists none."""
        neighbours = getattr(current.genome, "neighbours", None)
        if neighbours is None or hasattr(self.search.toolbox, "mutate"):
            return None
        if self._listed is None:
            found = neighbours()
            order = self.search.rng(current.id, NEIGHBOURHOOD).permutation(len(found)).tolist()
            self._listed = [found[position] for position in order]
        return self._listed

    def steady_state(self) -> Strategy:
        """A worker that is free takes the next neighbour; the search goes on from another network when all that were asked for are back."""
        return replace(self, batch=1)

    def tell(self, results: Sequence[Result]) -> None:
        for result in results:
            self._in_flight -= 1
            for individual in result.individuals:
                if individual.status == DONE:
                    self._candidates.append(individual)
                    self._known[self._breeding.token(individual.genome)] = individual
        if (self._current is None and not self._in_flight) or (self.move == "first" and self._better() is not None):
            self._settle()
        self.generation += 1

    def _better(self) -> Individual | None:
        """The best that was told, where it is better than the current network; the first born of equal ones."""
        best = max(self._candidates, key=lambda individual: (individual.fitness.ranking, -individual.id), default=None)
        if best is None or self._current is None or best.fitness.ranking > self._current.fitness.ranking:
            return best
        return None

    def _settle(self) -> None:
        """Go to the best neighbour, or leave a local optimum."""
        if self._current is not None and self.inheritance == "none":
            for genome in self._neighbours(self._current) or ():
                known = self._known.get(self._breeding.token(genome))
                if known is not None:
                    self._candidates.append(known)
        if self._current is None and self._candidates:
            self._climbs += 1
        self._current = self._better()
        self._candidates, self._mutants, self._listed = [], 0, None

    def state(self) -> State:
        json = {
            "generation": self.generation,
            "climbs": self._climbs,
            "current": None if self._current is None else self._current.id,
            "mutants": self._mutants,
            "candidates": [individual.id for individual in self._candidates],
        }
        known = np.array(sorted([individual.id for individual in self._known.values()]), np.int64)
        return State(json, {**self._breeding.arrays(), "known": known})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        known = state.json
        self.generation, self._climbs, self._mutants = known["generation"], known["climbs"], known["mutants"]
        self._current = None if known["current"] is None else individuals(known["current"])
        self._candidates = [individuals(id) for id in known["candidates"]]
        everybody = [individuals(id) for id in state.arrays["known"].tolist()]
        self._known = {self._breeding.token(individual.genome): individual for individual in everybody}
        self._breeding.restore(state.arrays)

    @property
    def living(self) -> Sequence[Individual]:
        better = self._better()
        return [individual for individual in (self._current, better) if individual is not None]

    def champions(self) -> Sequence[Individual]:
        """Everybody to go on with: they may be neighbours of later networks."""
        return list(self._known.values())

    def report(self) -> dict[str, Any]:
        return {"climbs": self._climbs}
