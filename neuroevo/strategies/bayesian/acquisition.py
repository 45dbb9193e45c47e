"""Acquisition: what a prediction, a mean and a deviation, is worth as the next evaluation. Scores are maximised."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FAR = 1e5  # deviations below the best from which on the asymptotic form is exact


def log_expected_improvement(mean: Floats, deviation: Floats, best: float | Floats) -> Floats:
    """The logarithm of the expected improvement E[max(0, score - best)] of a normal score (Mockus 1978).

    The logarithm orders candidates also where the improvement itself is 0 in floating point (Ament et al. 2023).

    Args:
        mean, deviation: float64 [...], deviations >= 0.
        best: the best score so far, or one for each prediction.

    Returns:
        float64 [...]; -inf where no improvement is possible.

    >>> float(np.exp(log_expected_improvement(np.array(0.0), np.array(1.0), 0.0)))
    0.3989422804014327
    """
    from scipy.special import erfcx, ndtr

    mean, deviation, best = np.broadcast_arrays(np.asarray(mean, float), np.asarray(deviation, float), np.asarray(best, float))
    gain = mean - best
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        certain = np.log(np.maximum(gain, 0.0))
        z = np.where(deviation > 0, gain / deviation, 0.0)
        near = np.maximum(z, -1.0)
        density = -0.5 * (z * z + np.log(2 * np.pi))
        upper = np.log(np.exp(-0.5 * near * near) / np.sqrt(2 * np.pi) + near * ndtr(near))
        size = np.clip(-z, 1.0, FAR)
        # phi(z) + z Phi(z) = phi(z) (1 - |z| Phi(z) / phi(z)), which tends to phi(z) / z^2
        lower = density + np.log(1 - size * np.sqrt(np.pi / 2) * erfcx(size / np.sqrt(2)))
        furthest = density - 2 * np.log(np.maximum(-z, 1.0))
        standard = np.where(z > -1.0, upper, np.where(z > -FAR / 10, lower, furthest))
        found: Floats = np.where(deviation > 0, np.log(deviation) + standard, certain)
    return found


def upper_confidence_bound(mean: Floats, deviation: Floats, confidence: float) -> Floats:
    """How good the score may well be: mean + confidence * deviation (Srinivas et al. 2010)."""
    return mean + confidence * deviation


def log_hypervolume_improvement(
    mean: Floats, deviation: Floats, cheap: Floats, front: Floats, reference: tuple[float, float]
) -> Floats:
    """The logarithm of the exact expected hypervolume improvement for two objectives, the second of which is known exactly.

    In front of a candidate with the known score c, the first score must pass the front's: S(c') at each c' <= c. So the expected gain is
    the sum over the pieces on which S is constant of their width times the expected improvement over S.

    Args:
        mean, deviation: of the first score, float64 [candidates].
        cheap: the second score, float64 [candidates].
        front: float64 [points, 2], both scores of what was evaluated; dominated points change nothing.
        reference: the least score of each that counts.

    Returns:
        float64 [candidates].
    """
    from scipy.special import logsumexp

    points = front[(front > np.array(reference)).all(axis=1)]
    edges = np.unique(points[:, 1])
    heights = np.array([points[points[:, 1] >= edge, 0].max() for edge in edges])
    low = np.concatenate([[reference[1]], edges])
    high = np.concatenate([edges, [np.inf]])
    best = np.concatenate([heights, [reference[0]]])  # beyond the last edge nobody stands
    widths = np.maximum(np.minimum(cheap[:, None], high) - low, 0.0)
    gains = log_expected_improvement(mean[:, None], deviation[:, None], best)
    with np.errstate(divide="ignore"):
        found: Floats = logsumexp(np.log(widths) + gains, axis=1)
    return found


def tchebycheff(scores: Floats, weights: Floats) -> Floats:
    """Several scores as one, by the augmented Tchebycheff function (Knowles 2006, ParEGO): each optimum for some weights is Pareto optimal.

    Args:
        scores: float64 [candidates, objectives], from 0, the worst, to about 1, the best.
        weights: float64 [objectives], >= 0 with sum 1.

    Returns:
        float64 [candidates], larger is better.
    """
    losses = weights * (1.0 - scores)
    found: Floats = -(losses.max(axis=1) + 0.05 * losses.sum(axis=1))
    return found
