"""Scores of predictions, in NumPy: lower or higher is better as `neuroevo.tasks.supervised` says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Classes = npt.NDArray[np.int64]


def log_probabilities(logits: Floats) -> npt.NDArray[np.float64]:
    """Logarithms of the softmax: float64 [samples, classes]."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    result: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return result


def error(logits: Floats, y: Classes) -> float:
    """Share of samples whose most probable class is wrong, in [0, 1]."""
    return float((logits.argmax(axis=1) != y).mean())


def cross_entropy(logits: Floats, y: Classes) -> float:
    """Mean negative log-probability of the right class, in nats."""
    return float(-log_probabilities(logits)[np.arange(len(y)), y].mean())


def f1(logits: Floats, y: Classes) -> float:
    """F1 (harmonic mean of precision and recall), averaged over classes with equal weight; a class that neither occurs nor is
    predicted is not counted."""
    predicted = logits.argmax(axis=1)
    classes = logits.shape[1]
    right = np.bincount(y[predicted == y], minlength=classes)
    named = np.bincount(predicted, minlength=classes) + np.bincount(y, minlength=classes)
    present = named > 0
    return float((2 * right[present] / named[present]).mean())


def balanced_error(logits: Floats, y: Classes) -> float:
    """Mean over the classes that occur of the share of their samples that is taken for another, in [0, 1]: 1 less the balanced accuracy
    (Brodersen et al. 2010). Guessing and always saying one class both give 1 - 1 / classes, whatever the classes' sizes."""
    wrong = logits.argmax(axis=1) != y
    of_class = np.bincount(y, minlength=logits.shape[1])
    occurs = of_class > 0
    return float((np.bincount(y[wrong], minlength=logits.shape[1])[occurs] / of_class[occurs]).mean())


def auc(logits: Floats, y: Classes) -> float:
    """Area under the ROC curve, each class against the rest, averaged over classes with equal weight (Hand & Till 2001, section 2).

    The chance that a sample of the class is given a higher probability than another one; ties count half.
    """
    scores = log_probabilities(logits)
    areas = []
    for label in range(1 if logits.shape[1] == 2 else 0, logits.shape[1]):
        of_class = y == label
        positives, negatives = int(of_class.sum()), int((~of_class).sum())
        if positives and negatives:
            ranks = mid_ranks(scores[:, label])
            areas.append((ranks[of_class].sum() - positives * (positives + 1) / 2) / (positives * negatives))
    return float(np.mean(areas)) if areas else 0.5


def mid_ranks(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of their ranks."""
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    result: npt.NDArray[np.float64] = (last - (counts - 1) / 2)[group]
    return result


def mean_absolute_error(predicted: Floats, y: Floats) -> float:
    """Mean absolute difference, in the values' own units."""
    return float(np.abs(predicted.astype(np.float64) - y).mean())


def root_mean_squared_error(predicted: Floats, y: Floats) -> float:
    """Root of the mean squared difference, in the values' own units."""
    return float(np.sqrt(((predicted.astype(np.float64) - y) ** 2).mean()))
