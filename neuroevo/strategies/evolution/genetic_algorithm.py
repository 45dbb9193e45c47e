"""The genetic algorithm: generations that are bred from chosen parents, with every part of it a setting (Holland 1975; De Jong 1975)."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from genomes.base import shown
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.streams import SCORING, python_random
from neuroevo.core.trial import Result, Trial
from neuroevo.selection.named import in_proportion, parent_selection
from neuroevo.selection.scoring import Scores, Scoring, checked_scoring, given_scores, scored
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import (
    Breeding,
    Deduplicate,
    Inheritance,
    check,
    check_count,
    check_share,
    selected,
    trials,
)


@dataclass
class GeneticAlgorithm(Strategy):
    """A genetic algorithm (Holland 1975) whose parts are settings: how parents are drawn, how many a child has, who lives on and for how long, and
    what counts in place of the fitness. It varies every encoding on every task.

    Better is by the first objective, ties by the next; with a `scoring`, by the score. A toolbox's `mate` (of two parents) and `mutate` replace
    the genomes' own, its `select(individuals, k)` the selection of parents.

    Args:
        population: members of a generation.
        selection: how parents are drawn: "tournament(size=3)", "linear_ranking(pressure=1.5)", "roulette", "stochastic_universal",
            "lexicase(epsilon=0.0, cases='objectives')", or one of one's own, by its registered name.
        parents: of a child that is crossed over, two or more (gene-pool recombination; Muhlenbein & Voigt 1996; Eiben, Raue & Ruttkay 1994).
        crossover: probability that a child has several parents.
        mutation: probability that a child of several parents is also mutated; a child of one always is.
        survivors: "children" take the place of their parents, but for the `elites`; "best": the best of both live on.
        elites: so many of the best live on in any case (De Jong 1975).
        lifespan: the generations in which an individual may become a parent at most; then it dies, however good it is (Schwefel & Rudolph
            1995). None: while it is good enough.
        hall_of_fame: so many of the best of all times may become parents though they live no longer.
        deduplicate: "none"; "genome" never evaluates the same genes twice; "key" never two isomorphic genomes of equal cost.
        inheritance: "lamarckian" starts a child from its parents' weights, "none" from scratch.
        scoring: a value of what individuals did (`neuroevo.selection.Novelty`, ...), as a part or a text such as "Novelty(k=10)", found anew
            for all in every generation; None: the objectives alone.
        scoring_joins: whether the score joins the objectives as the last one, or is all that counts in their place.

    Raises:
        ValueError: a setting out of its range.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mate", "mutate", "select")
    screens: ClassVar[bool] = True
    population: int = 50
    selection: str = "tournament"
    parents: int = 2
    crossover: float = 0.5
    mutation: float = 1.0
    survivors: Literal["children", "best"] = "children"
    elites: int = 1
    lifespan: int | None = None
    hall_of_fame: int = 0
    deduplicate: Deduplicate = "none"
    inheritance: Inheritance = "none"
    scoring: Scoring | str | None = None
    scoring_joins: bool = False

    def __post_init__(self) -> None:
        check_count("population", self.population)
        self._select = parent_selection(self.selection)
        check_count("parents", self.parents, 2)
        check_share("crossover", self.crossover)
        check_share("mutation", self.mutation)
        check("survivors", self.survivors, ("children", "best"))
        check_count("elites", self.elites, 0)
        if self.elites >= self.population:
            raise ValueError(
                f"elites must be fewer than the population of {self.population}, which leaves room for children; got {self.elites}"
            )
        if self.lifespan is not None:
            check_count("lifespan", self.lifespan)
        check_count("hall_of_fame", self.hall_of_fame, 0)
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))
        if not isinstance(self.scoring_joins, bool):
            raise ValueError(f"scoring_joins must be True or False, got {shown(self.scoring_joins)}")
        self.scoring = checked_scoring(self.scoring)

    def start(self, search: Search) -> None:
        super().start(search)
        if in_proportion(self._select) and search.weights[0] < 0 and (self.scoring is None or self.scoring_joins):
            raise ValueError(
                f"selection={self.selection!r} draws parents in proportion to the first objective, and {search.names[0]!r} is minimised: use "
                "linear_ranking or tournament"
            )
        if self.parents > 2 and hasattr(search.toolbox, "mate"):
            raise ValueError(f"a toolbox's mate crosses two parents, and parents={self.parents}: leave one of them away")
        self._breeding = Breeding(search, self.deduplicate)
        self._scores = Scores(self.scoring, search.objectives) if isinstance(self.scoring, Scoring) else None
        self._members: list[Individual] = []
        self._hall: list[Individual] = []  # best first
        self._judged: list[Individual] = []  # who may become a parent, as the selection sees them

    # Ask ----------------------------------------------------------------------------------------------------------------------

    def ask(self) -> Sequence[Trial]:
        if not self._members:
            first = self._breeding.first(self.population, self.generation)
            return trials(self.search, [(individual, ()) for individual in first], self.inheritance)
        count = self.population if self.survivors == "best" else self.population - self.elites
        drawn = self._drawn(count * self.parents)
        born = [self._child(drawn, position * self.parents) for position in range(count)]
        return trials(self.search, [birth for birth in born if birth is not None], self.inheritance)

    def _drawn(self, count: int) -> list[Individual]:
        """Parents for a whole generation, since some selections spin their wheel once for all."""
        rng = self.search.selection_rng(self.generation)
        if hasattr(self.search.toolbox, "select"):
            with python_random(rng):
                chosen = selected(self.search, self._judged, count)
        else:
            chosen = self._select(self._judged, count, rng)
        by_id = {one.id: one for one in self.living}
        return [by_id[one.id] for one in chosen]

    def _child(self, drawn: Sequence[Individual], first: int) -> tuple[Individual, Sequence[Individual]] | None:
        ranks = {one.id: one.fitness.ranking for one in self._judged}
        turns = iter([drawn[first : first + self.parents]])

        def parents(rng: np.random.Generator) -> tuple[Sequence[Individual], Sequence[int] | None]:
            turn = next(turns, None)  # where the child of these could not be born, others of the generation's are drawn
            if turn is None:
                turn = [drawn[position] for position in rng.integers(len(drawn), size=self.parents).tolist()]
            chosen = list({one.id: one for one in turn}.values())
            if len(chosen) == 1 or not rng.random() < self.crossover:
                return chosen[:1], None
            order = sorted({ranks[one.id] for one in chosen}, reverse=True)
            return chosen, [order.index(ranks[one.id]) for one in chosen]

        return self._breeding.child(parents, self.generation, mutation=self.mutation)

    # Tell ---------------------------------------------------------------------------------------------------------------------

    def tell(self, results: Sequence[Result]) -> None:
        born = [individual for result in results for individual in result.individuals if individual.status == DONE]
        self.generation += 1
        young = [one for one in self._members if self.lifespan is None or self.generation - one.generation <= self.lifespan]
        everybody = list({one.id: one for one in (*young, *born, *self._hall)}.values())
        judged = everybody
        if self._scores is not None and everybody:
            scores = self._scores.of_individuals(everybody, born, self.search.rng(self.generation, SCORING))
            judged = scored(everybody, scores, joins=self.scoring_joins, names=self._scores.scoring.columns)
        seen = {one.id: one for one in judged}
        self._members = self._alive(young, born, seen)
        self._hall = heapq.nsmallest(
            self.hall_of_fame,
            {one.id: one for one in (*self._hall, *born)}.values(),
            key=lambda one: _place(one.fitness.ranking, one.id),
        )
        self._judged = [seen[one.id] for one in self.living]

    def _alive(self, young: list[Individual], born: list[Individual], seen: dict[int, Individual]) -> list[Individual]:
        """The next generation."""

        def place(one: Individual) -> tuple[tuple[float, ...], int]:
            return _place(seen[one.id].fitness.ranking, one.id)

        if self.survivors == "best":
            return sorted([*young, *born], key=place)[: self.population]
        kept = sorted(young, key=place)
        return [*kept[: self.elites], *born, *kept[self.elites :]][: self.population]  # the next best where births failed

    @property
    def living(self) -> Sequence[Individual]:
        """All who may become parents."""
        alive = {one.id for one in self._members}
        return [*self._members, *(one for one in self._hall if one.id not in alive)]

    def champions(self) -> Sequence[Individual]:
        return self._hall

    # State --------------------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        json = {
            "generation": self.generation,
            "members": [one.id for one in self._members],
            "hall_of_fame": [one.id for one in self._hall],
        }
        if self._scores is None:
            return State(json, self._breeding.arrays())
        scores = self._scores.state()
        given = {"scores": given_scores(self._judged, self._scores)}
        return State({**json, **scores.json}, {**self._breeding.arrays(), **scores.arrays, **given})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._members = [individuals(id) for id in state.json["members"]]
        self._hall = [individuals(id) for id in state.json["hall_of_fame"]]
        self._breeding.restore(state.arrays)
        self._judged = list(self.living)
        if self._scores is not None:
            self._scores.restore(state)
            names = self._scores.scoring.columns
            self._judged = scored(self._judged, state.arrays["scores"], joins=self.scoring_joins, names=names)

    def report(self) -> dict[str, Any]:
        """How many live, the mean of their first objective, and in how many generations the oldest could become a parent."""
        if not self._members:
            return {"population": 0}
        first = [one.fitness.values[0] for one in self._members]
        oldest = max(self.generation - one.generation for one in self._members)
        scores = {} if self._scores is None else self._scores.report()
        return {"population": len(self._members), "mean": float(np.mean(first)), "oldest": oldest, **scores}


def _place(ranking: tuple[float, ...], id: int) -> tuple[tuple[float, ...], int]:
    """What the best has least of; of equal ones the younger goes first, so that what drifts is not held."""
    return tuple(-value for value in ranking), -id
