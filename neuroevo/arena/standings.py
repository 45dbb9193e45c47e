"""Standings: who is better over many blocks, by ranks (Demšar 2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

ALPHA = 0.05
FEWEST = 5  # blocks, for a test


@dataclass(frozen=True)
class Pair:
    """Two competitors, block by block.

    Attributes:
        first, second: their places.
        wins, ties, losses: blocks in which the first is better, equal, worse.
        p: of Wilcoxon's signed-rank test (two-sided; Wilcoxon 1945), 1 where all blocks are equal; `adjusted`: after Holm's correction for all
            pairs (Holm 1979).
    """

    first: int
    second: int
    wins: int
    ties: int
    losses: int
    p: float
    adjusted: float


@dataclass(frozen=True)
class Standings:
    """Competitors over blocks: the same seed of a contest, or contests.

    Attributes:
        names: the competitors'.
        ranks: float64 [blocks, competitors], 1 is best; equal ones share the mean of their ranks, and who has no value shares the last ones.
        mean: float64 [competitors].
        friedman: p of Friedman's test that all are equal (Friedman 1937); None with fewer than three competitors, or too few blocks.
        critical_difference: by how much mean ranks must differ at `ALPHA` (Nemenyi 1963; Demšar 2006, section 3.2.2); None where nothing is tested.
        pairs: all of them; () where nothing is tested.
    """

    names: tuple[str, ...]
    ranks: Floats
    mean: Floats
    friedman: float | None
    critical_difference: float | None
    pairs: tuple[Pair, ...]

    @property
    def order(self) -> list[int]:
        """Places of the competitors, the best mean rank first."""
        return sorted(range(len(self.names)), key=lambda place: (self.mean[place], self.names[place]))

    def to_json(self) -> dict[str, Any]:
        """JSON."""
        return {
            "names": list(self.names),
            "mean_ranks": self.mean.tolist(),
            "blocks": len(self.ranks),
            "friedman_p": self.friedman,
            "critical_difference": self.critical_difference,
            "pairs": [{**vars(pair), "first": self.names[pair.first], "second": self.names[pair.second]} for pair in self.pairs],
        }


def standings(names: Sequence[str], values: npt.ArrayLike, *, higher_is_better: bool) -> Standings:
    """Rank competitors in each block, and test whether they differ.

    Args:
        names: the competitors'.
        values: float64 [blocks, competitors]; NaN for who has none (it failed there).
        higher_is_better: of the values.

    Raises:
        ValueError: no competitors or blocks, or another shape.

    >>> found = standings(["a", "b"], [[1.0, 2.0], [1.0, 3.0], [2.0, 2.0]], higher_is_better=True)
    >>> found.mean.tolist()
    [1.8333333333333333, 1.1666666666666667]
    """
    from scipy import stats

    scores = np.array(values, dtype=np.float64)
    if scores.ndim != 2 or scores.shape[1] != len(names) or not len(names) or not len(scores):
        raise ValueError(
            f"values are float64 [blocks, {len(names)} competitors] with one of each or more, got the shape {scores.shape}"
        )
    costs = np.where(np.isnan(scores), np.inf, -scores if higher_is_better else scores)
    ranks = np.asarray(stats.rankdata(costs, axis=1), dtype=np.float64)
    mean = ranks.mean(axis=0)
    blocks, count = scores.shape
    if blocks < FEWEST or count < 2:
        return Standings(tuple(names), ranks, mean, None, None, ())
    equal = bool((ranks == ranks[:, :1]).all())
    friedman = None if count < 3 else 1.0 if equal else float(stats.friedmanchisquare(*ranks.T).pvalue)
    quantile = float(stats.studentized_range.ppf(1 - ALPHA, count, math.inf)) / math.sqrt(2)
    difference = quantile * math.sqrt(count * (count + 1) / (6 * blocks))
    return Standings(tuple(names), ranks, mean, friedman, difference, _pairs(costs))


def _pairs(costs: Floats) -> tuple[Pair, ...]:
    from scipy import stats

    found = []
    for first, second in combinations(range(costs.shape[1]), 2):
        mine, theirs = costs[:, first], costs[:, second]
        wins, losses = int((mine < theirs).sum()), int((mine > theirs).sum())
        finite = np.isfinite(mine) & np.isfinite(theirs)
        if finite.all() and wins + losses:
            p = float(stats.wilcoxon(mine, theirs).pvalue)
        elif wins + losses:  # who has no value is worse by nobody knows how much: the sign test
            p = float(stats.binomtest(wins, wins + losses).pvalue)
        else:
            p = 1.0
        found.append((first, second, wins, len(costs) - wins - losses, losses, p))
    adjusted = holm([one[-1] for one in found])
    return tuple(Pair(*one, after) for one, after in zip(found, adjusted, strict=True))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's correction of p-values for being several (Holm 1979).

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(values), 0.0
    for position, place in enumerate(sorted(range(len(values)), key=lambda place: values[place])):
        largest = max(largest, min(1.0, (len(values) - position) * values[place]))
        adjusted[place] = largest
    return adjusted
