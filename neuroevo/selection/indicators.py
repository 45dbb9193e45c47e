"""Hypervolume: how much of the objective space a set of points dominates (Zitzler & Thiele 1998)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def hypervolume(costs: npt.ArrayLike, reference: Sequence[float]) -> float:
    """The volume between the points and a reference point.

    Args:
        costs: float64 [points, objectives], to be minimised; points that do not beat the reference in every objective, and
            points with a NaN, add nothing.
        reference: one number for each objective.

    Raises:
        ValueError: the numbers of objectives differ.

    >>> hypervolume([[1.0, 2.0], [2.0, 1.0]], reference=(3.0, 3.0))
    3.0
    """
    import moocore

    points = np.asarray(costs, dtype=np.float64)
    corner = np.asarray(reference, dtype=np.float64)
    if points.ndim != 2 or corner.shape != (points.shape[1],):
        raise ValueError(
            f"costs must be [points, {corner.size}] to fit the reference {list(reference)}, got shape {points.shape}"
        )
    points = points[(points < corner).all(axis=1)]
    return float(moocore.hypervolume(points, ref=corner)) if len(points) else 0.0


def normalised_hypervolume(costs: npt.ArrayLike, ideal: Sequence[float], worst: Sequence[float]) -> float:
    """The hypervolume after min-max normalisation: `ideal` becomes 0 and `worst` 1 in every objective, the reference is (1, 1, ...).

    Args:
        costs: float64 [points, objectives], to be minimised.
        ideal: one number for each objective, the best.
        worst: the same, the worst that counts.

    Returns:
        From 0 to 1, where no point is better than `ideal`.

    Raises:
        ValueError: `worst` does not exceed `ideal` somewhere.

    >>> normalised_hypervolume([[10.0, 0.0]], ideal=(0.0, 0.0), worst=(20.0, 4.0))
    0.5
    """
    low, high = np.asarray(ideal, dtype=np.float64), np.asarray(worst, dtype=np.float64)
    if low.shape != high.shape or not (high > low).all():
        raise ValueError(f"worst must exceed ideal in every objective, got ideal {low.tolist()} and worst {high.tolist()}")
    return hypervolume((np.asarray(costs, dtype=np.float64) - low) / (high - low), [1.0] * low.size)
