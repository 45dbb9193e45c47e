"""The rule of extrapolation: a training ends when its final score is unlikely to beat the one that matters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.base import shown, unknown
from neuroevo.estimation.extrapolation import Extrapolation
from neuroevo.estimation.lessons import Lesson
from neuroevo.estimation.shapes import FAMILIES
from neuroevo.estimation.stopping import Progress, StopRule, check_count, check_number

WITHIN = 0.9  # what lies between `low` and `high` of what is recorded
IN_DEVIATIONS = 2 * 1.6448536269514722  # how far apart these are under a normal distribution


@dataclass(frozen=True)
class Unlikely(StopRule):
    """A training ends when it is unlikely that its final score is better than one that must be beaten: P < `probability` (Domhan,
    Springenberg & Hutter 2015).

    The scores so far are extrapolated to the end of the training (`neuroevo.estimation.extrapolation`), and the extrapolation is
    put right by what completed trainings of the same kind taught: under a cosine schedule, scores fall at the end below what
    saturating families say. Nobody is expected to end worse than its best score so far. Where no lesson suits a training, it goes
    on.

    Args:
        score: what must be beaten; lower is better.
        lessons: of one or more kinds of trainings, as `Lesson` or as JSON.
        families: the curves' shapes, "power_law" or "domhan".
        probability: below which a training ends.
        begin: the first epoch after which it may end.
        points: the least number of scores that are extrapolated.
        looks: how many times in a row it must be unlikely, after as many scores: one bad score of a noisy curve ends nothing.

    Raises:
        ValueError: a value out of its range.
    """

    score: float
    lessons: tuple[Lesson, ...]
    families: str = "power_law"
    probability: float = 0.05
    begin: int = 1
    points: int = 3
    looks: int = 2

    def __post_init__(self) -> None:
        check_number("score", self.score)
        check_number("probability", self.probability)
        check_count("begin", self.begin)
        check_count("points", self.points)
        check_count("looks", self.looks)
        if self.families not in FAMILIES:
            raise ValueError(unknown("set of families", str(self.families), tuple(FAMILIES)))
        if not 0 < self.probability < 1:
            raise ValueError(f"probability must be in (0, 1), got {shown(self.probability)}")
        object.__setattr__(self, "lessons", tuple(one if isinstance(one, Lesson) else Lesson(**one) for one in self.lessons))

    def verdict(self, progress: Progress) -> str:
        if progress.epoch < self.begin:
            return ""
        for back in range(self.looks):
            found = self._found(progress, back)
            if found is None or found[2] >= self.probability:
                return ""
        said = self.extrapolation(progress)
        return (
            f"after {progress.epoch} epochs a score of {said['mean']:.4g} is expected after {said['epoch']} "
            f"({said['low']:.4g} to {said['high']:.4g}); the probability that it is better than {self.score:.4g} is {said['probability']:.2g}"
        )

    def extrapolation(self, progress: Progress) -> Mapping[str, Any]:
        found = self._found(progress)
        if found is None:
            return {}
        lesson, extrapolated, probability = found
        low, middle, high = (float(lesson.scores(extrapolated.quantile(p)[0])) for p in ((1 - WITHIN) / 2, 0.5, (1 + WITHIN) / 2))
        return {
            "epoch": lesson.end,
            "mean": middle,
            "deviation": (high - low) / IN_DEVIATIONS,
            "low": low,
            "high": high,
            "to_beat": self.score,
            "probability": probability,
        }

    def _found(self, progress: Progress, back: int = 0) -> tuple[Lesson, Extrapolation, float] | None:
        """The lesson that suits a training, its extrapolation as scores are compared, and the probability that it beats the
        score; so many scores ago."""
        for lesson in self.lessons:
            places = lesson.places(progress)
            places = places[: len(places) - back]
            if len(places) < self.points:
                continue
            scores = lesson.compared([progress.scores[place] for place in places])
            wanted = lesson.compared(self.score)
            if np.isfinite(scores).all() and math.isfinite(wanted):
                extrapolated = lesson.extrapolated(scores[None], self.families)
                return lesson, extrapolated, float(extrapolated.below(wanted)[0])
        return None
