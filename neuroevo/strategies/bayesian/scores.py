"""Scores: how the values of an objective become numbers that a model learns."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import Objective

Floats = npt.NDArray[np.float64]

LARGEST = 700.0  # exponents beyond which there is no number


@dataclass(frozen=True)
class Scale:
    """From values of an objective to scores: larger is better, mean 0 and deviation 1 over those that it was made for.

    With an `origin` the score is minus the logarithm of the distance to it: an error from 50 to 0.5 % is learned better so.

    Attributes:
        sign: +1 where the objective is maximised, -1 where it is minimised.
        origin: the best value that there can be, or None.
        least: the smallest distance that is told apart.
        mean, deviation: of the scores before they are brought to 0 and 1.
    """

    sign: float
    origin: float | None
    least: float
    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, objective: Objective, values: Floats, log: bool | None) -> Scale:
        """The scale for observed values.

        Args:
            values: float64 [values], finite, one or more.
            log: whether logarithms are taken; None: where the best value is known (`best_value`) and nothing observed is beyond it.
        """
        origin = best_value(objective)
        distances = np.empty(0) if origin is None else (origin - values) * objective.weight
        positive = distances[distances > 0]
        logs = log is not False and len(positive) > 0 and (log is True or bool((distances >= 0).all()))
        raw = cls(objective.weight, origin if logs else None, float(positive.min()) / 2 if logs else 1.0)
        scores = raw(values)
        deviation = float(scores.std())
        return cls(raw.sign, raw.origin, raw.least, float(scores.mean()), deviation if deviation > 0 else 1.0)

    def __call__(self, values: Floats) -> Floats:
        """Scores: float64 [values]."""
        raw = self.sign * values
        if self.origin is not None:
            raw = -np.log(np.maximum(self.sign * self.origin - raw, self.least))
        found: Floats = (raw - self.mean) / self.deviation
        return found

    def values(self, scores: Floats) -> Floats:
        """The values that have these scores: float64 [scores]; what is told apart no more is the nearest that is."""
        raw = scores * self.deviation + self.mean
        if self.origin is not None:
            raw = self.sign * self.origin - np.exp(np.clip(-raw, -LARGEST, LARGEST))
        found: Floats = self.sign * raw
        return found


def best_value(objective: Objective) -> float | None:
    """The best value that an objective can have: its ideal, else 0 where it is minimised; None where nobody knows it."""
    if objective.ideal is not None:
        return float(objective.ideal)
    return 0.0 if objective.direction == "minimise" else None


def usable(values: tuple[float, ...]) -> bool:
    """Whether a model can learn from these objective values."""
    return all(map(math.isfinite, values))
