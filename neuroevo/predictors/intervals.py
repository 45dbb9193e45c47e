"""Intervals that hold what they promise: deviations calibrated by errors that were made, and what a logarithm's interval is worth."""

from __future__ import annotations

import math

import numpy as np

from neuroevo.predictors.base import Scores

LEVEL, NORMAL = 0.9, 1.6448536269514722  # nine times out of ten; a normal deviate's size that is passed the tenth time
_LARGEST = 700.0  # exponents beyond which there is no number


def calibrated(sizes: Scores) -> float:
    """The factor on deviations with which nine of ten errors lie within 1.645 of them.

    Args:
        sizes: float64 [errors], each divided by its deviation, sorted, not all 0.
    """
    from scipy.special import stdtrit

    count = len(sizes)
    within = float(sizes[min(math.ceil((count + 1) * LEVEL), count) - 1])
    if within == 0:  # nearly all errors are 0: the few others say how large one may be
        return float(np.sqrt((sizes**2).mean()))
    return within / NORMAL * float(stdtrit(count - 1, (1 + LEVEL) / 2)) / NORMAL


def logarithms(values: Scores) -> Scores:
    """The logarithms of values.

    Raises:
        ValueError: one is not positive.
    """
    wrong = np.flatnonzero(values <= 0)
    if len(wrong):
        raise ValueError(
            f"log=True fits the logarithms of values, which must be > 0: number {wrong[0]} of {len(values)} is {values[wrong[0]]}; "
            "use log=False, or add a constant"
        )
    return np.log(values)


def of_logarithms(mean: Scores, deviation: Scores) -> tuple[Scores, Scores]:
    """Median and deviation of values whose logarithms have this mean and deviation: nine of ten lie within 1.645 deviations of the median.

    >>> middle, deviation = of_logarithms(np.array([0.0]), np.array([0.01]))
    >>> middle.tolist(), round(float(deviation[0]), 4)
    ([1.0], 0.01)
    """
    from scipy.special import ndtr

    middle = np.exp(np.clip(mean, -_LARGEST, _LARGEST))
    spread = np.maximum(deviation, 1e-300)
    low, high = (
        np.zeros_like(spread),
        np.expm1(np.minimum(2 * spread, _LARGEST)),
    )  # half an interval's width, relative to the median
    for _ in range(60):
        width = low / 2 + high / 2
        below = np.where(width < 1, np.log1p(-np.minimum(width, 1 - 1e-16)), -np.inf)
        enough = ndtr(np.log1p(width) / spread) - ndtr(below / spread) >= LEVEL
        low, high = np.where(enough, low, width), np.where(enough, width, high)
    with np.errstate(over="ignore"):
        found = middle * high / NORMAL
    return middle, np.minimum(found, np.finfo(np.float64).max / 4)
