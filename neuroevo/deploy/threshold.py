"""The threshold of two classes: from which probability on the second one is said, chosen on validation data.

That class is more probable than the other from a half on. Where one of them is rare, or the score weighs them equally (f1, balanced error),
another threshold scores better. Probabilities stay what they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroevo.tasks.intervals import Counts, balanced_error_of, f1_of

Doubles = npt.NDArray[np.float64]
SCORES = ("error", "balanced_error", "f1")  # that depend on what is said, and not on probabilities
LARGEST = 500  # thresholds that are tried, spread evenly over the samples


@dataclass(frozen=True)
class Threshold:
    """A threshold, and what it is worth.

    Attributes:
        of: the class that is said from this probability on.
        at: the probability, in (0, 1).
        score: the name of what it was chosen by.
        validation, examined: the score on the validation part, by which it was chosen, and on the part that a network is examined on: at a
            half, and at the threshold.
        part: which that is.
    """

    of: str
    at: float
    score: str
    validation: tuple[float, float]
    examined: tuple[float, float]
    part: str


def best_threshold(probability: Doubles, y: npt.NDArray[np.int64], score: str) -> float:
    """The threshold with the best score; of equals the one next to a half, which is tried as well.

    Args:
        probability: float64 [samples], of the second class.
        y: int64 [samples], 0 or 1.
        score: one of `SCORES`.
    """
    values = np.unique(probability)
    between = (values[1:] + values[:-1]) / 2
    if len(between) > LARGEST:
        between = between[np.linspace(0, len(between) - 1, LARGEST).round().astype(int)]
    tried = np.concatenate([[0.5], between[(between > 0) & (between < 1)]])
    scores = np.array([score_at(probability, y, at, score) for at in tried])
    worth = scores if score == "f1" else -scores
    best = np.flatnonzero(worth >= worth.max() - 1e-12)
    return float(tried[best[np.abs(tried[best] - 0.5).argmin()]])


def score_at(probability: Doubles, y: npt.NDArray[np.int64], at: float, score: str) -> float:
    """The score where the second class is said from a probability on."""
    said = (probability >= at).astype(np.int64)
    counts: Counts = np.bincount(2 * y + said, minlength=4).reshape(2, 2)
    if score == "error":
        return float(1 - np.trace(counts) / len(y))
    return float(f1_of(counts) if score == "f1" else balanced_error_of(counts))
