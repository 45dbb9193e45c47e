"""How good a predictor is: fitted on some of the scores, asked for the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.predictors.base import Predictor, Scores, checked_values


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a predictor said of genomes whose scores it had not seen.

    Attributes:
        mean, deviation: float64 [held out], predicted.
        values: float64 [held out], the scores themselves.
    """

    mean: Scores
    deviation: Scores
    values: Scores

    @property
    def rank_correlation(self) -> float:
        """Spearman's, of the predicted means with the scores: 1 for the right order, 0 for none."""
        return rank_correlation(self.mean, self.values)

    @property
    def coverage(self) -> float:
        """Share of the scores within the 90 % interval; 0.9 is honest, less is too sure."""
        return coverage(self.mean, self.deviation, self.values)

    @property
    def error(self) -> float:
        """Mean absolute difference of means and scores."""
        return float(np.abs(self.mean - self.values).mean())


def held_out(
    predictor: Predictor, genomes: Sequence[Genome], values: npt.ArrayLike, *, fitted: int | None = None, seed: int = 0
) -> HeldOut:
    """Fit a predictor of the same settings on genomes drawn at random, and predict the rest. The given one is left as it is.

    Args:
        predictor: only its settings are used.
        genomes: all observed ones, two or more.
        values: float64 [genomes], the score of each.
        fitted: how many to fit on; None: half.
        seed: of the draw.

    Raises:
        ValueError: nothing to fit on, or nothing left to predict; or what `Predictor.fit` refuses.
    """
    scores = checked_values(values)
    count = len(genomes) // 2 if fitted is None else fitted
    if len(scores) != len(genomes):
        raise ValueError(f"each genome needs one value, got {len(genomes)} genomes and {len(scores)} values")
    if not 1 <= count < len(genomes):
        raise ValueError(f"fitted must be from 1 to {len(genomes) - 1}, so that a genome is left to predict; got {count}")
    order = np.random.default_rng(seed).permutation(len(genomes)).tolist()
    seen, rest = order[:count], order[count:]
    fresh = type(predictor).from_settings(predictor.settings())
    fresh.fit([genomes[position] for position in seen], scores[seen])
    mean, deviation = fresh.predict([genomes[position] for position in rest])
    return HeldOut(mean, deviation, scores[rest])


def rank_correlation(predicted: npt.ArrayLike, values: npt.ArrayLike) -> float:
    """Spearman's rank correlation; ties take their mean rank. 0 where one side is constant and says nothing of an order.

    Args:
        predicted, values: float64 [genomes] each.

    Raises:
        ValueError: lengths that differ, or values that are not finite.

    >>> rank_correlation([0.1, 0.2, 0.9], [1.0, 10.0, 100.0])
    1.0
    """
    from scipy.stats import rankdata

    first, second = checked_values(predicted), checked_values(values)
    if len(first) != len(second):
        raise ValueError(f"both sides need one value for each genome, got {len(first)} and {len(second)}")
    if not len(first) or np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(round(np.corrcoef(rankdata(first), rankdata(second))[0, 1], 15))


def coverage(mean: npt.ArrayLike, deviation: npt.ArrayLike, values: npt.ArrayLike, level: float = 0.9) -> float:
    """The share of values within a normal interval around their predictions.

    Args:
        mean, deviation, values: float64 [genomes] each, at least one.
        level: the share that an honest interval covers, in (0, 1).

    Raises:
        ValueError: lengths that differ or are 0, values that are not finite, or a level outside (0, 1).

    >>> coverage([0.0, 0.0], [1.0, 1.0], [1.6, 1.7])
    0.5
    """
    from scipy.special import ndtri

    middle, width, scores = checked_values(mean), checked_values(deviation), checked_values(values)
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    if not len(middle) == len(width) == len(scores) > 0:
        raise ValueError(f"each genome needs a mean, a deviation and a value, got {len(middle)}, {len(width)} and {len(scores)}")
    return float((np.abs(scores - middle) <= ndtri((1 + level) / 2) * width).mean())
