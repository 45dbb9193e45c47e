"""Scoring: what the members of a generation are worth by what they did, beside how well they did it.

A fitness belongs to an individual alone. A score is a comparison: with the others of the generation, and with what earlier ones did. So it is
found by the strategy, when a generation is complete, and found again for those who live on; it takes the place of the fitness in the selection,
or joins the objectives as one more.
"""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown, unknown
from neuroevo.core.individual import FAILED, Fitness, Individual
from neuroevo.core.objectives import Objectives, parse_limits
from neuroevo.core.part import Part
from neuroevo.core.registry import part_from_text
from neuroevo.core.state import State

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SCORE = "score"  # the name of the objective that a score is, where it joins the others
_PREFIX = "scoring/"  # what the names of a scoring's arrays begin with in a strategy's state


@dataclass(frozen=True)
class Generation:
    """What a generation did.

    Args:
        descriptors: float64 [members, d], finite; [members, 0] where nothing was described.
        new: bool [members], who was born in it; the others have lived before.
        rng: the stream to draw from.
        fitness: float64 [members], the first objective as a number that larger is better for.
        genome: gives the genome of the member at a position.
    """

    descriptors: Floats
    new: Flags
    rng: np.random.Generator
    fitness: Floats
    genome: Callable[[int], Genome]

    def __len__(self) -> int:
        return len(self.new)


@dataclass(kw_only=True)
class Scoring(Part):
    """A score for each member of a generation. Subclass as a dataclass whose fields are its settings, with `scores`; one that remembers
    earlier generations also has `start`, `state` and `restore`.

    Args:
        criterion: what an individual must achieve to count at all (minimal criterion; Lehman & Stanley 2010): objectives with limits, such as
            "reward>50" or "error<0.2,parameters<20000", where the sign is read as the objective's direction says and the limit itself will do.
            Who falls short scores 0 and is neither compared with nor archived; "": everybody counts.
    """

    part_kind: ClassVar[str] = "scoring"
    columns: ClassVar[tuple[str, ...]] = (SCORE,)  # the scores that it gives, by name
    criterion: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.criterion, str):
            raise ValueError(f"criterion must be a text such as 'reward>50', or '', got {shown(self.criterion)}")
        for name, limit in parse_limits(self.criterion) if self.criterion else []:
            if limit is None:
                raise ValueError(f"criterion needs a limit for each objective, such as '{name}>50', got {shown(self.criterion)}")

    @property
    def needs_descriptors(self) -> bool:
        """Whether it needs descriptors."""
        return True

    def start(self) -> None:
        """Forget all generations; called once, before the first `scores` (or before `restore`)."""
        return

    @abstractmethod
    def scores(self, generation: Generation) -> Floats:
        """The score of every member, float64 [members], or of several `columns` [members, columns]: finite, >= 0, larger is better. Called once
        for every generation, in order, without those who failed or fell short of the criterion; never for nobody."""

    def state(self) -> State:
        """What it remembers."""
        return State()

    def restore(self, state: State) -> None:
        """Remember what `state` returned."""
        return

    def report(self) -> dict[str, Any]:
        """JSON numbers about the last generation, recorded with it."""
        return {}


def checked_scoring(scoring: Any) -> Scoring | None:
    """The scoring that is meant: of a text such as "Novelty(k=10)", what it describes.

    Raises:
        TypeError: neither a scoring, nor a text, nor None.
        ValueError: a text that describes none.
    """
    if isinstance(scoring, str):
        return part_from_text("scoring", scoring, "Novelty or Novelty(k=10)")  # type: ignore[no-any-return]
    if scoring is not None and not isinstance(scoring, Scoring):
        raise TypeError(f"scoring must be a neuroevo.selection.Scoring such as Novelty(), a text, or None; got {shown(scoring)}")
    return scoring


class Scores:
    """A scoring at work in one search.

    Args:
        scoring: its settings; what it remembers stays as it is, that of this search is kept here.
        objectives: of the search.

    Raises:
        ValueError: the criterion names no objective of the search.
    """

    def __init__(self, scoring: Scoring, objectives: Objectives) -> None:
        self.scoring = replace(scoring)
        self.scoring.start()
        self._last = np.zeros(0)
        self._weight = next(iter(objectives.values())).weight
        self._criterion: list[tuple[int, Any]] = []
        for name, limit in parse_limits(scoring.criterion) if scoring.criterion else []:
            if name not in objectives:
                raise ValueError(unknown(f"objective of the criterion {scoring.criterion!r}", name, list(objectives)))
            self._criterion.append((list(objectives).index(name), replace(objectives[name], limit=limit)))

    def of(
        self,
        values: Floats,
        failed: Flags,
        descriptors: Floats | None,
        new: Flags,
        rng: np.random.Generator,
        genome: Callable[[int], Genome],
    ) -> Floats:
        """The scores of a generation: float64 [members], or [members, columns] of a scoring with several; -inf for those who failed.

        Args:
            values: float64 [members, objectives].
            failed: bool [members].
            descriptors: float64 [members, d], or None; rows of those who failed do not matter.
            new: bool [members], who was born in this generation.
            rng: the stream to draw from.
            genome: gives the genome of the member at a position.

        Raises:
            ValueError: there are no descriptors, and the scoring needs some.
        """
        width = len(self.scoring.columns)
        scores = np.where(failed[:, None], -np.inf, np.zeros(width))
        counts = ~failed
        if counts.any() and descriptors is None and self.scoring.needs_descriptors:
            raise ValueError(
                f"{type(self.scoring).__name__} scores individuals by what they did, and this task does not say: give it descriptors, as in "
                "Function(fitness, descriptors=...) or Environment(..., descriptors=...)"
            )
        for place, objective in self._criterion:
            counts &= np.array([objective.within_limit(value) for value in values[:, place].tolist()], bool)
        if counts.any():
            did = np.zeros((len(scores), 0)) if descriptors is None else descriptors
            places = np.flatnonzero(counts).tolist()
            fitness = values[counts, 0] * self._weight
            generation = Generation(did[counts], new[counts], rng, fitness, lambda member: genome(places[member]))
            scores[counts] = self.scoring.scores(generation).reshape(-1, width)
        self._last = scores[~failed, 0]
        return scores[:, 0] if width == 1 else scores

    def of_individuals(self, individuals: Sequence[Individual], new: Sequence[Individual], rng: np.random.Generator) -> Floats:
        """The scores of these individuals, of whom those in `new` were born in this generation: float64 [individuals]."""
        born = {individual.id for individual in new}
        failed = np.array([individual.status == FAILED for individual in individuals], bool)
        described = [individual.descriptors for individual in individuals]
        known = next((one for one in described if one is not None), None)
        rows = None if known is None else np.array([np.full(len(known), np.nan) if one is None else one for one in described])
        if rows is not None:
            failed |= ~np.isfinite(rows).all(axis=1)
        values = np.array([individual.fitness.values for individual in individuals])
        new_ones = np.array([individual.id in born for individual in individuals], bool)
        return self.of(values, failed, rows, new_ones, rng, lambda member: individuals[member].genome)

    def state(self) -> State:
        """What the scoring remembers, named so that a strategy's own state can hold it."""
        state = self.scoring.state()
        last = {f"{_PREFIX}last": self._last}
        return State({"scoring": state.json}, {**last, **{_PREFIX + name: array for name, array in state.arrays.items()}})

    def restore(self, state: State) -> None:
        """Remember what a strategy's state holds of it."""
        found = {name.removeprefix(_PREFIX): array for name, array in state.arrays.items() if name.startswith(_PREFIX)}
        self._last = found.pop("last")
        self.scoring.restore(State(state.json["scoring"], found))

    def report(self) -> dict[str, Any]:
        """JSON numbers about the last generation: the mean and the best score (of several the first), and what the scoring says."""
        said = self.scoring.report()
        return (
            {"mean_score": float(self._last.mean()), "best_score": float(self._last.max()), **said} if len(self._last) else said
        )


def scored(
    individuals: Sequence[Individual], scores: Floats, *, joins: bool, names: Sequence[str] = (SCORE,)
) -> list[Individual]:
    """The individuals as a selection is to see them: copies whose last objectives, maximised, are the scores; or whose only ones they are.

    Args:
        scores: float64 [individuals], or [individuals, names].
        joins: whether the scores join the objectives, or replace them and their limits.
        names: of the scores.
    """
    found, width = [], len(names)
    for individual, row in zip(individuals, scores.reshape(-1, width).tolist(), strict=True):
        one, before = copy.copy(individual), individual.fitness
        kept, limits = (before.values, before.limits) if joins else ((), ())
        weights = (*(before.weights if joins else ()), *[1.0] * width)
        one.fitness = Fitness(weights, (*kept, *row), (*limits, *[-np.inf] * width) if limits else ())
        one.names = (*individual.names, *names) if joins else tuple(names)
        found.append(one)
    return found


def given_scores(individuals: Sequence[Individual], scores: Scores) -> Floats:
    """What `scored` gave to these, for a strategy's state: float64 [individuals], or [individuals, columns]."""
    width = len(scores.scoring.columns)
    found = np.array([individual.fitness.values[-width:] for individual in individuals]).reshape(-1, width)
    return found[:, 0] if width == 1 else found


def single(scoring: Scoring | None, strategy: str) -> None:
    """Refuse a scoring of several columns, for a strategy that goes by one number.

    Raises:
        ValueError: it has several.
    """
    if scoring is not None and len(scoring.columns) > 1:
        raise ValueError(
            f"{type(scoring).__name__} gives {len(scoring.columns)} scores ({', '.join(scoring.columns)}), and {strategy} goes by one: use Nsga2 or "
            "Nsga3 with scoring_joins=False"
        )
