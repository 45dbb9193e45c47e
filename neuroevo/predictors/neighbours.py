"""Nearest neighbours: a genome is expected to score as the observed genomes nearest to it do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from neuroevo.predictors.base import Predictor, Scores, text
from neuroevo.predictors.distances import Distances, distances_to
from neuroevo.predictors.intervals import calibrated

NUMBERS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)  # of neighbours that are tried where none is given
WEIGHTS = ("exponential", "inverse", "uniform")

Matrix = npt.NDArray[np.float64]


@dataclass
class Neighbours(Predictor):
    """The weighted mean of the k nearest observations, by the genomes' own distance (Cover & Hart 1967; weighted: Dudani 1976).

    It works for every encoding, and nothing in it is trained. Observations that are equally far share the places that are left for them, so
    a distance with few values (decisions that differ) needs no arbitrary choice.

    The deviation grows with the spread of the neighbours' values and with the distance d to the nearest: its square is proportional to
    (spread^2 + e / 2) * (1 + d / typical), where e is the mean squared error of predicting each observed genome from the others, and
    typical the mean distance from one to the nearest other. The factor is that which holds nine of ten of these errors within 1.645
    deviations, widened by Student's quantile for few of them. Where there are no such errors (one genome, or equal values), nothing is
    known of the spread: the deviation is then the largest value's size, at least 1, divided by the number of observations, times the same
    growth.

    A prediction takes a distance to every different observed genome: 2.5 us for a cell, 17 us for a small NEAT genome, a millisecond for a
    layer graph. Distances among the observations are measured once, also when they are fitted again with others.

    Args:
        k: how many neighbours; None: the number that predicts each observed genome best from the others (leave-one-out).
        weights: of a neighbour at distance d: "exponential" exp(-d / l), "inverse" 1 / (d + l), with l half the typical distance;
            "uniform".

    Raises:
        ValueError: k below 1, or unknown weights.
    """

    k: int | None = None
    weights: Literal["exponential", "inverse", "uniform"] = "exponential"

    def __post_init__(self) -> None:
        if self.k is not None and (isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1):
            raise ValueError(f"k must be a whole number >= 1, or None for the one that predicts best; got {shown(self.k)}")
        if self.weights not in WEIGHTS:
            raise ValueError(f"weights must be one of {', '.join(WEIGHTS)}, got {shown(self.weights)}")
        self._distances = Distances()

    def learn(self, genomes: Sequence[Genome], values: Scores) -> None:
        # in the order of their genes, so that the order in which they were observed does not matter, not even to the last bit
        named = sorted(zip([text(genome) for genome in genomes], values.tolist(), range(len(genomes)), strict=True))
        texts = list(dict.fromkeys(name for name, _, _ in named))
        different = {name: genomes[position] for name, _, position in named}
        among = self._distances.among([different[name] for name in texts], texts)
        rows = {name: row for row, name in enumerate(texts)}
        self._different = [different[name] for name in texts]
        self._rows = np.array([rows[name] for name, _, _ in named])  # of each observation, its genome among the different ones
        ordered = np.array([value for _, value, _ in named])
        low, high = float(ordered.min()), float(ordered.max())
        self._centre, self._scale = low / 2 + high / 2, high / 2 - low / 2
        # from -1 to 1, so that no square overflows
        self._scores = (ordered - self._centre) / self._scale if self._scale > 0 else np.zeros(len(ordered))
        apart = np.where(among > 0, among, np.inf).min(axis=1)
        self._typical = float(apart[np.isfinite(apart)].mean()) if np.isfinite(apart).any() else 1.0
        self._calibrate(among)

    def _calibrate(self, among: Matrix) -> None:
        """Choose k, and the deviation's terms, by predicting each observation from those of other genomes."""
        count = len(self._rows)
        self._chosen, self._factor = self.k or 1, 1.0
        self._doubt = max(abs(self._centre) + self._scale, 1.0) / count
        if len(self._different) == 1 or self._scale == 0:
            return
        others = among[np.ix_(self._rows, self._rows)]
        others[self._rows[:, None] == self._rows[None, :]] = np.inf
        most = count - int(np.bincount(self._rows).max())  # observations of others, at least
        best = math.inf
        for k in [self.k] if self.k else [number for number in NUMBERS if number <= most]:
            error = float((self._errors(others, min(k, most)) ** 2).mean())
            if error < best * (1 - 1e-9):  # a gain in the last bits is none
                best, self._chosen = error, k
        if best == 0:
            return
        self._doubt = self._scale * math.sqrt(best / 2)
        mean, deviation = self._raw(others, min(self._chosen, most))
        self._factor = calibrated(np.sort(np.abs(mean - self._scores) * self._scale / deviation))

    def _errors(self, distances: Matrix, k: int) -> Scores:
        shares = self._shares(distances, k)
        errors: Scores = (shares * self._scores).sum(axis=1) - self._scores
        return errors

    def _shares(self, distances: Matrix, k: int) -> Matrix:
        """The weight of every observation in each prediction: float64 [predictions, observations], rows that sum to 1."""
        nearest = distances.min(axis=1, keepdims=True)
        length = self._typical / 2
        if self.weights == "exponential":
            weight = np.exp((nearest - distances) / length)
        elif self.weights == "inverse":
            weight = (nearest + length) / (distances + length)
        else:
            weight = np.ones_like(distances)
        weight *= places(distances, k)
        shares: Matrix = weight / weight.sum(axis=1, keepdims=True)
        return shares

    def _raw(self, distances: Matrix, k: int) -> tuple[Scores, Scores]:
        """The mean of each prediction in the scale of the scores, and its deviation before calibration."""
        shares = self._shares(distances, k)
        mean = (shares * self._scores).sum(axis=1)
        spread = np.sqrt((shares * (self._scores - mean[:, None]) ** 2).sum(axis=1))
        return mean, np.hypot(self._scale * spread, self._doubt) * np.sqrt(1 + distances.min(axis=1) / self._typical)

    def estimate(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        distances = distances_to(genomes, self._different)[:, self._rows]
        mean, deviation = self._raw(distances, min(self._chosen, len(self._rows)))
        return self._centre + self._scale * mean, self._factor * deviation


def places(distances: Matrix, k: int) -> Matrix:
    """How much of a place each observation has among the k nearest: 1, or 0, or an equal part of what is left for those who tie for the
    last places.

    Args:
        distances: float64 [predictions, observations]; infinite for an observation that does not count, fewer than all but k of them.
        k: from 1 to the number of observations.

    >>> places(np.array([[1.0, 2.0, 2.0, 3.0]]), 2).tolist()
    [[1.0, 0.5, 0.5, 0.0]]
    """
    last = np.partition(distances, k - 1, axis=1)[:, k - 1 : k]
    closer, tied = distances < last, distances == last
    left = k - closer.sum(axis=1, keepdims=True)
    found: Matrix = closer + tied * (left / tied.sum(axis=1, keepdims=True))
    return found
