"""How sure a score is: the 95 % interval of what the score would be on ever more samples like these.

Of a share (the error) it is Wilson's; of a mean over samples the normal one; of what is computed from the confusion matrix (f1, balanced
error) the bootstrap's percentiles, samples drawn anew as a multinomial count of the matrix's cells, which is the same and takes no samples;
of the area under the ROC curve DeLong's. Samples are taken for independent: of groups or times the truth is wider.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from neuroevo.tasks.metrics import Classes, Floats, log_probabilities, mid_ranks

Interval = tuple[float, float]
Counts = npt.NDArray[np.int64]
Z = 1.959963984540054  # 97.5 % of the normal distribution lie below it
DRAWS = 2000
SEED = 95


def of_share(count: int, samples: int) -> Interval:
    """Of a share of independent samples (Wilson 1927); never beyond 0 or 1.

    >>> low, high = of_share(0, 100)
    >>> low, round(high, 4)
    (0.0, 0.037)
    """
    share, square = count / samples, Z * Z / samples
    centre = (share + square / 2) / (1 + square)
    half = Z * np.sqrt(share * (1 - share) / samples + square / samples / 4) / (1 + square)
    return (0.0 if count == 0 else float(centre - half)), (1.0 if count == samples else float(centre + half))


def of_mean(values: npt.NDArray[np.float64]) -> Interval:
    """Of a mean over independent samples, by the central limit theorem.

    Args:
        values: float64 [samples]; one sample says nothing of its spread: then the interval is infinite.
    """
    mean = float(values.mean())
    half = float(Z * values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("inf")
    return mean - half, mean + half


def known(intervals: Mapping[str, Interval]) -> dict[str, Interval]:
    """Those that say something: of a single sample some are infinite."""
    return {name: ends for name, ends in intervals.items() if np.isfinite(ends).all()}


def confusion(predicted: Classes, y: Classes, classes: int) -> Counts:
    """How many samples of each class were taken for which: int64 [true classes, predicted classes]."""
    return np.bincount(y * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def of_confusion(counts: Counts, score: Callable[[Counts], npt.NDArray[np.float64]]) -> Interval:
    """Of a score of the confusion matrix (Efron & Tibshirani 1993, section 13.3), the same for the same counts.

    Args:
        counts: int64 [classes, classes].
        score: of matrices [draws, classes, classes] to float64 [draws].
    """
    samples = int(counts.sum())
    rng = np.random.Generator(np.random.Philox(SEED))
    drawn = rng.multinomial(samples, counts.ravel() / samples, size=DRAWS).reshape(DRAWS, *counts.shape)
    low, high = np.quantile(score(drawn), (0.025, 0.975))
    return float(low), float(high)


def f1_of(counts: Counts) -> npt.NDArray[np.float64]:
    """`metrics.f1` of confusion matrices: int64 [..., classes, classes] to float64 [...]."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    named = counts.sum(axis=-1) + counts.sum(axis=-2)
    return _mean_where(named > 0, 2 * right / np.maximum(named, 1))


def balanced_error_of(counts: Counts) -> npt.NDArray[np.float64]:
    """`metrics.balanced_error` of confusion matrices: int64 [..., classes, classes] to float64 [...]."""
    of_class = counts.sum(axis=-1)
    return 1.0 - _mean_where(of_class > 0, np.diagonal(counts, axis1=-2, axis2=-1) / np.maximum(of_class, 1))


def _mean_where(counted: npt.NDArray[np.bool_], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    mean: npt.NDArray[np.float64] = np.where(counted, values, 0.0).sum(axis=-1) / np.maximum(counted.sum(axis=-1), 1)
    return mean


def of_auc(logits: Floats, y: Classes) -> Interval:
    """Of `metrics.auc` (DeLong, DeLong & Clarke-Pearson 1988, by ranks as Sun & Xu 2014): by how much each sample moves the mean of the areas.

    Args:
        logits: [samples, classes].
        y: int64 [samples].
    """
    scores = log_probabilities(logits)
    classes, areas, influence = scores.shape[1], [], np.zeros(len(y))
    for label in range(1 if classes == 2 else 0, classes):
        inside = y == label
        positives, negatives = int(inside.sum()), int((~inside).sum())
        if not positives or not negatives:
            continue
        ranks, moved = mid_ranks(scores[:, label]), np.zeros(len(y))
        moved[inside] = (ranks[inside] - mid_ranks(scores[inside, label])) / negatives  # the share of the others below each
        moved[~inside] = 1.0 - (ranks[~inside] - mid_ranks(scores[~inside, label])) / positives
        area = float(moved[inside].mean())
        areas.append(area)
        influence[inside] += (moved[inside] - area) * len(y) / positives
        influence[~inside] += (moved[~inside] - area) * len(y) / negatives
    if not areas:
        return 0.0, 1.0
    mean, half = float(np.mean(areas)), float(Z * (influence / len(areas)).std() / np.sqrt(len(y)))
    return max(0.0, mean - half), min(1.0, mean + half)
