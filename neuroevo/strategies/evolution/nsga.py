"""NSGA-II and NSGA-III: evolution towards several objectives at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from genomes.base import shown
from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.streams import SCORING, python_random
from neuroevo.core.trial import Result, Trial
from neuroevo.selection.niches import Niches
from neuroevo.selection.nsga2 import costs, crowded_tournament, crowding_distance, pareto_ranks, select_nsga2, violations
from neuroevo.selection.nsga3 import Extremes, reference_points, select_nsga3
from neuroevo.selection.scoring import Scores, Scoring, checked_scoring, given_scores, scored
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import (
    Breeding,
    Deduplicate,
    First,
    Inheritance,
    check,
    check_count,
    check_share,
    selected,
    trials,
)


@dataclass
class _Elitist(Strategy):
    """What NSGA-II and NSGA-III share: children join their parents, and a selection of both survives."""

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mate", "mutate", "select")
    screens: ClassVar[bool] = True
    population: int = 30
    offspring: int | None = None
    crossover: float = 0.5
    mutation: float = 1.0
    deduplicate: Deduplicate = "key"
    inheritance: Inheritance = "none"
    scoring: Scoring | str | None = field(default=None, kw_only=True)
    scoring_joins: bool = field(default=True, kw_only=True)
    first: First = field(default="random", kw_only=True)

    def __post_init__(self) -> None:
        check_count("population", self.population)
        if self.offspring is not None:
            check_count("offspring", self.offspring)
        check_share("crossover", self.crossover)
        check_share("mutation", self.mutation)
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))
        check("first", self.first, ("random", "spread"))
        if not isinstance(self.scoring_joins, bool):
            raise ValueError(f"scoring_joins must be True or False, got {shown(self.scoring_joins)}")
        self.scoring = checked_scoring(self.scoring)

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        left_out = set() if self.scoring is not None else {"scoring", "scoring_joins"}  # as in runs from before there were these choices
        if self.first == "random":
            left_out.add("first")
        return {name: value for name, value in settings.items() if name not in left_out}

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, self.deduplicate, self.first)
        self._copies_compete = search.by_birth  # a run that an older release began goes on as that release would have
        self._scores = Scores(self.scoring, search.objectives) if isinstance(self.scoring, Scoring) else None
        self._living: list[Individual] = []
        self._judged: list[Individual] = []  # the same as selection sees them, with their scores
        self._ranks: list[int] = []
        self._crowding: list[float] = []

    def ask(self) -> Sequence[Trial]:
        if not self._living:
            first = self._breeding.first(self.population, self.generation)
            return trials(self.search, [(individual, ()) for individual in first], self.inheritance)
        born = [
            self._breeding.child(self._parents, self.generation, mutation=self.mutation)
            for _ in range(self.offspring or self.population)
        ]
        return trials(self.search, [birth for birth in born if birth is not None], self.inheritance)

    def tell(self, results: Sequence[Result]) -> None:
        born = [individual for result in results for individual in result.individuals if individual.status == DONE]
        pool = [*self._living, *born]
        self.generation += 1
        judged = self._seen(pool, born)
        toolbox = self.search.toolbox
        if hasattr(toolbox, "select") and pool:
            with python_random(self.search.selection_rng(self.generation)):
                chosen = selected(self.search, judged, min(self.population, len(judged)))
            self._judged = list({individual.id: individual for individual in chosen}.values())
        else:
            self._judged = self._survivors(judged)
        by_id = {individual.id: individual for individual in pool}
        self._living = [by_id[individual.id] for individual in self._judged]
        self._rank()

    def _seen(self, pool: list[Individual], born: list[Individual]) -> list[Individual]:
        """Those to select from as the selection sees them."""
        if self._scores is None or not pool:
            return pool
        scores = self._scores.of_individuals(pool, born, self.search.rng(self.generation, SCORING))
        return scored(pool, scores, joins=self.scoring_joins, names=self._scores.scoring.columns)

    @property
    def _width(self) -> int:
        """How many objectives the selection sees."""
        if self._scores is None:
            return len(self.search.objectives)
        added = len(self._scores.scoring.columns)
        return len(self.search.objectives) + added if self.scoring_joins else added

    def steady_state(self) -> Strategy:
        """One child at a time, which joins the population before the next selection (Durillo, Nebro, Luna & Alba 2008).

        Raises:
            ValueError: there is a scoring, which compares whole generations.
        """
        if self.scoring is not None:
            raise ValueError(f"{type(self.scoring).__name__} compares whole generations; use schedule='synchronous'")
        return replace(self, offspring=1)

    def _parents(self, rng: np.random.Generator) -> tuple[Sequence[Individual], Sequence[int] | None]:
        both = len(self._living) > 1 and rng.random() < self.crossover
        positions = self._mates(2 if both else 1, rng)
        return [self._living[p] for p in positions], [self._ranks[p] for p in positions] if both else None

    @abstractmethod
    def _survivors(self, pool: list[Individual]) -> list[Individual]:
        """The next population."""

    @abstractmethod
    def _mates(self, count: int, rng: np.random.Generator) -> list[int]:
        """Positions of parents in the population."""

    def _rank(self) -> None:
        values = costs(self._judged)
        ranks = pareto_ranks(values, violations(self._judged))
        self._ranks = ranks.tolist()
        self._crowding = crowding_distance(values, ranks, copies_compete=self._copies_compete).tolist()

    def state(self) -> State:
        json, arrays = {"generation": self.generation, "living": [i.id for i in self._living]}, self._breeding.arrays()
        if self._scores is None:
            return State(json, arrays)
        scores = self._scores.state()
        given = given_scores(self._judged, self._scores)
        return State({**json, **scores.json}, {**arrays, **scores.arrays, "scores": given})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._living = [individuals(id) for id in state.json["living"]]
        self._breeding.restore(state.arrays)
        self._judged = self._living
        if self._scores is not None:
            self._scores.restore(state)
            names = self._scores.scoring.columns
            self._judged = scored(self._living, state.arrays["scores"], joins=self.scoring_joins, names=names)
        self._rank()

    @property
    def living(self) -> Sequence[Individual]:
        return self._living

    def report(self) -> dict[str, Any]:
        scores = {} if self._scores is None else self._scores.report()
        return {"population": len(self._living), "non_dominated": self._ranks.count(0), **scores}


@dataclass
class Nsga2(_Elitist):
    """NSGA-II (Deb, Pratap, Agarwal & Meyarivan 2002): parents by binary tournaments on rank and crowding, survivors by rank, then by
    crowding.

    A toolbox's `mate` and `mutate` replace the genomes' own, its `select(individuals, k)` the choice of the survivors.

    Args:
        population: survivors of a generation, and random genomes of the first.
        offspring: children of a generation; None: as many as `population`.
        crossover: probability that a child has two parents.
        mutation: probability that a child of two parents is also mutated; a child of one always is.
        deduplicate: "none"; "genome" never evaluates the same genes twice; "key" never two isomorphic genomes of equal cost.
        inheritance: "lamarckian" starts a child from its parents' weights, "none" from scratch.
        scoring: a value of what individuals did (`neuroevo.selection.Novelty`, ...), as a part or a text such as "Novelty(k=10)", found anew
            for all in every generation; None: the objectives alone.
        scoring_joins: whether the score joins the objectives as one more that is maximised, or is all that counts in their place.
        first: "random", or "spread": the first generation is, of four times as many random candidates (each of which a screen looks at), those
            that lie farthest apart by the cheap objectives.
        speciation: about how many species there should be, by the genomes' distance; 0: none. Half of the survivors are then chosen as ever, the
            other half so that every species has its share, each by rank and crowding; and two parents are of one species. It protects new
            structures as NEAT's speciation does; a toolbox's `select` replaces it.
    """

    speciation: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count("speciation", self.speciation, 0)

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        return settings if self.speciation else {name: value for name, value in settings.items() if name != "speciation"}

    def start(self, search: Search) -> None:
        super().start(search)
        chosen_elsewhere = hasattr(search.toolbox, "select")
        divided = self.speciation and not chosen_elsewhere
        self._niches = Niches(self.speciation, copies_compete=self._copies_compete) if divided else None

    def _survivors(self, pool: list[Individual]) -> list[Individual]:
        if self._niches is not None:
            return self._niches.select(pool, self.population)
        return select_nsga2(pool, self.population, copies_compete=self._copies_compete)

    def _mates(self, count: int, rng: np.random.Generator) -> list[int]:
        if self._niches is None or count == 1:
            return crowded_tournament(self._ranks, self._crowding, count, rng)
        (first,) = crowded_tournament(self._ranks, self._crowding, 1, rng)
        others = self._niches.companions(self._living, first) or [p for p in range(len(self._living)) if p != first]
        ranks, crowding = [self._ranks[p] for p in others], [self._crowding[p] for p in others]
        (second,) = crowded_tournament(ranks, crowding, 1, rng)
        return [first, others[second]]

    def state(self) -> State:
        state = super().state()
        if self._niches is None:
            return state
        return State({**state.json, "niches": self._niches.state(self._living)}, state.arrays)

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        super().restore(state, individuals)
        if self._niches is not None:
            self._niches.restore(state.json["niches"], self._living, individuals)

    def report(self) -> dict[str, Any]:
        report = super().report()
        return report if self._niches is None else {**report, "species": len(self._niches.representatives)}


@dataclass
class Nsga3(_Elitist):
    """NSGA-III (Deb & Jain 2014): parents at random, survivors by rank, then spread over reference points; for three objectives and
    more.

    Args:
        population, offspring, crossover, mutation, deduplicate, inheritance, scoring, scoring_joins, first: as in `Nsga2`.
        divisions: how finely each axis is divided by the reference points; None: as finely as `population` allows.
    """

    divisions: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.divisions is not None:
            check_count("divisions", self.divisions)

    def start(self, search: Search) -> None:
        super().start(search)
        self._extremes = Extremes()
        self._references = reference_points(self._width, self.divisions or self._finest(self._width))

    def _finest(self, objectives: int) -> int:
        divisions = 1
        while len(reference_points(objectives, divisions + 1)) <= self.population and objectives > 1:
            divisions += 1
        return divisions

    def _survivors(self, pool: list[Individual]) -> list[Individual]:
        rng = self.search.selection_rng(self.generation)
        return select_nsga3(pool, self.population, self._references, rng, self._extremes, copies_compete=self._copies_compete)

    def _mates(self, count: int, rng: np.random.Generator) -> list[int]:
        if count == 1:
            return [int(rng.integers(len(self._living)))]
        first, second = rng.integers(len(self._living)), rng.integers(len(self._living) - 1)
        return [int(first), int(second + (second >= first))]

    def state(self) -> State:
        state = super().state()
        if self._extremes.ideal is None or self._extremes.points is None:
            return state
        return State(state.json, {**state.arrays, "ideal": self._extremes.ideal, "extremes": self._extremes.points})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        super().restore(state, individuals)
        if "ideal" in state.arrays:
            objectives = self._width
            ideal, points = state.arrays["ideal"], state.arrays["extremes"]
            if ideal.shape != (objectives,) or points.shape != (objectives, objectives):
                raise ValueError(
                    f"the saved extremes are for other objectives: shapes {shown(ideal.shape)}, {shown(points.shape)}"
                )
            self._extremes = Extremes(ideal, points)
