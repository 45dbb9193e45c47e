"""Extrapolation of learning curves: what a score will be at the end of a training, from its first epochs.

An ensemble of shapes (`neuroevo.estimation.shapes`), each fitted by a Bayesian linear regression in closed form: the scores after
epochs t_1 ... t_n are final + gain * g(t) + noise, g falling from 1 at t_1 to 0 at the end. In units of the range of the scores
so far, the prior of the gain is normal around 1 with a standard deviation of 30 noises, that of the final score around the last
score with 10 noises; the noise is believed to be a tenth, as firmly as two scores would say it. Of n scores the i-th counts
10^(i/n - 1) (Domhan, Springenberg & Hutter 2015). Each shape's prediction is a Student t distribution; shapes count by their
evidence. What depends on the epochs alone is computed once for all curves that were scored after the same ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.estimation.shapes import FAMILIES, Floats, shapes

RECENCY = 10.0  # how much more the last score counts than one before the first would
NOISE = 0.1  # standard deviation before any score is seen, as a share of the scale
FINAL, GAIN = 10.0, 30.0  # prior standard deviations, in those of the noise
KNOWN = 1.0  # half of how many scores' worth is known of the noise beforehand
NARROWEST = 1e-9  # scale of a constant curve, as a share of its level


@dataclass(frozen=True)
class Extrapolation:
    """What the final scores of some trainings will be: for each a mixture of Student t distributions, one for each shape.

    Args:
        locations, scales, shares: float64 [curves, shapes]; the shares of a curve sum to 1.
        freedom: degrees of freedom of all of them, > 2.
    """

    locations: Floats
    scales: Floats
    shares: Floats
    freedom: float

    @property
    def mean(self) -> Floats:
        """float64 [curves]."""
        return np.asarray((self.shares * self.locations).sum(axis=1))

    @property
    def deviation(self) -> Floats:
        """Standard deviation: float64 [curves]."""
        within = self.scales**2 * (self.freedom / (self.freedom - 2))
        between = (self.locations - self.mean[:, None]) ** 2
        return np.asarray(np.sqrt((self.shares * (within + between)).sum(axis=1)))

    def below(self, values: npt.ArrayLike) -> Floats:
        """The probability that a final score is less than a value: float64 [curves].

        Args:
            values: one, or one for each curve.
        """
        from scipy.special import stdtr

        values = np.broadcast_to(np.asarray(values, np.float64), len(self.locations))
        below = (self.shares * stdtr(self.freedom, (values[:, None] - self.locations) / self.scales)).sum(axis=1)
        return np.asarray(np.minimum(below, 1.0))

    def moved(self, shift: float, width: float) -> Extrapolation:
        """The same, moved by so many deviations, and so many times as wide."""
        mean = self.mean[:, None]
        centre = mean + shift * self.deviation[:, None]
        return Extrapolation(centre + width * (self.locations - mean), width * self.scales, self.shares, self.freedom)

    def at_most(self, values: npt.ArrayLike) -> Extrapolation:
        """The same, moved down as a whole where its mean is beyond these values: float64 [curves]."""
        beyond = np.minimum(np.asarray(values, np.float64) - self.mean, 0.0)
        return Extrapolation(self.locations + beyond[:, None], self.scales, self.shares, self.freedom)

    def quantile(self, probability: float) -> Floats:
        """The value that a final score is less than with this probability: float64 [curves], to a millionth of the deviation."""
        mean, deviation = self.mean, self.deviation
        reach = 1.0 / np.sqrt(min(probability, 1 - probability))  # Chebyshev: nothing more lies beyond
        low, high = mean - reach * deviation, mean + reach * deviation
        for _ in range(30):
            middle = (low + high) / 2
            under = self.below(middle) < probability
            low, high = np.where(under, middle, low), np.where(under, high, middle)
        return np.asarray((low + high) / 2)


@dataclass(frozen=True)
class _Regressions:
    """What the regressions of all shapes have in common for curves that were scored after the same epochs.

    Args:
        weights: float64 [epochs], of the scores.
        design: float64 [shapes, epochs], weights * g.
        covariances: of final and gain, of both with one another, in units of the noise: float64 [3, shapes].
        evidence: float64 [shapes], the part of the logarithm that does not depend on the scores.
    """

    weights: Floats
    design: Floats
    covariances: Floats
    evidence: Floats


@lru_cache(maxsize=1024)
def _regressions(families: str, epochs: tuple[int, ...], end: int) -> _Regressions:
    values, share = shapes(families, np.array([*epochs, end], np.float64), float(end))
    falling = values[:, :-1] - values[:, -1:]
    falling = falling / np.maximum(falling[:, :1], 1e-300)
    count = len(epochs)
    weights = RECENCY ** (np.arange(1, count + 1) / count - 1)
    design = falling * weights
    a, b, c = weights.sum() + FINAL**-2, design.sum(axis=1), (design * falling).sum(axis=1) + GAIN**-2
    determinant = a * c - b * b
    covariances = np.stack([c, np.full_like(c, a), -b]) / determinant
    return _Regressions(weights, design, covariances, share - 0.5 * np.log(determinant))


def extrapolate(
    scores: npt.ArrayLike, epochs: Sequence[int], end: int, *, families: str = "power_law", scale: float = 0.0
) -> Extrapolation:
    """What the scores of some trainings will be at their end; all were scored after the same epochs.

    Args:
        scores: float64 [curves, epochs]; they may fall or rise.
        epochs: ascending, after which the scores were taken; at least one.
        end: the last epoch, beyond all of these.
        families: "power_law": 95 decaying shapes, each as likely; "domhan": the eleven families of Domhan, Springenberg & Hutter
            (2015), each as likely, whose gain is positive: no score ends worse than it began.
        scale: how much scores change in a training at least, as far as is known: the prior's scale where their range so far is
            less.

    Raises:
        ValueError: a score that is not finite, epochs that do not ascend to the end, or unknown families.
    """
    if families not in FAMILIES:
        raise ValueError(unknown("set of families", str(families), tuple(FAMILIES)))
    scores, epochs = np.atleast_2d(np.asarray(scores, np.float64)), tuple(map(int, epochs))
    if scores.ndim != 2 or scores.shape[1] != len(epochs) or not epochs:
        raise ValueError(f"scores are [curves, epochs] with a column for each of the {len(epochs)} epochs, got {scores.shape}")
    if epochs[0] < 1 or any(a >= b for a, b in zip(epochs, (*epochs[1:], int(end)), strict=True)):
        raise ValueError(f"epochs ascend from 1 or later, and end before epoch {end}; got {shown(epochs)}")
    if not np.isfinite(scores).all():
        raise ValueError("only finite scores can be extrapolated; a training whose scores are not has failed")
    known = _regressions(families, epochs, int(end))
    last = scores[:, -1:]
    unit = np.maximum(np.ptp(scores, axis=1, keepdims=True), np.maximum(scale, NARROWEST * np.maximum(np.abs(last), 1.0)))
    relative = (scores - last) / unit  # the prior's final is 0, its gain 1
    gain = GAIN**-2
    sums = (relative @ known.weights)[:, None]
    products = relative @ known.design.T + gain
    of_final, of_gain, both = known.covariances
    final, slope = of_final * sums + both * products, both * sums + of_gain * products
    squares = ((relative * relative) @ known.weights)[:, None] + gain
    rest = np.maximum(squares - final * sums - slope * products, 0.0)
    freedom = 2 * KNOWN + float(known.weights.sum())
    noise = 2 * KNOWN * NOISE**2 + rest
    log_share = known.evidence - 0.5 * freedom * np.log(noise)
    variance = noise / freedom
    if families == "domhan":
        from scipy.special import stdtr

        log_share += np.log(np.maximum(stdtr(freedom, slope / np.sqrt(variance * of_gain)), 1e-300))
    share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
    return Extrapolation(
        last + unit * final, unit * np.sqrt(variance * (1 + of_final)), share / share.sum(axis=1, keepdims=True), freedom
    )
