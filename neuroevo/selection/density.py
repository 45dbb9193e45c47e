"""Density sampling: prefer individuals where the cheap objectives are thinly populated.

Elsken, Metzen & Hutter (2019), LEMONADE, section 3.2: parents and children are drawn with probability proportional to 1 / p_KDE, where
p_KDE is a kernel density estimate over the cheap objectives of the population.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


def kernel_density(points: Points, at: Points) -> npt.NDArray[np.float64]:
    """A Gaussian product-kernel density estimate, with Scott's bandwidth n**(-1 / (d + 4)) * deviation in every dimension.

    Works for one point and for points that agree in a dimension, where the covariance estimates of general libraries are singular:
    a dimension without spread takes the unit as its deviation.

    Args:
        points: float64 [points, dimensions] that the estimate is fitted on.
        at: float64 [queries, dimensions].

    Returns:
        float64 [queries], positive.

    Raises:
        ValueError: no points, or dimensions that differ.
    """
    if points.ndim != 2 or not len(points):
        raise ValueError(f"points must be [points, dimensions] with at least one point, got shape {points.shape}")
    if at.ndim != 2 or at.shape[1] != points.shape[1]:
        raise ValueError(f"queries must be [queries, {points.shape[1]}], got shape {at.shape}")
    count, dimensions = points.shape
    deviation = points.std(axis=0)
    deviation = np.where(deviation > 1e-12 * np.abs(points).max(axis=0), deviation, 1.0)  # else it is rounding
    bandwidth = deviation * count ** (-1.0 / (dimensions + 4))
    scaled = (at[:, None, :] - points[None, :, :]) / bandwidth
    kernels = np.exp(-0.5 * (scaled**2).sum(axis=2))
    density = kernels.mean(axis=1) / np.prod(bandwidth * np.sqrt(2 * np.pi))
    bounded: npt.NDArray[np.float64] = np.maximum(density, np.finfo(np.float64).tiny * 1e30)
    return bounded


def inverse_density_probabilities(points: Points, at: Points) -> npt.NDArray[np.float64]:
    """Sampling probabilities proportional to 1 / p_KDE (Elsken, Metzen & Hutter 2019, section 3.2).

    Args:
        points: float64 [points, dimensions] that the density is fitted on.
        at: float64 [queries, dimensions].

    Returns:
        float64 [queries], summing to 1.

    Raises:
        ValueError: no points, or dimensions that differ.
    """
    inverse = 1.0 / kernel_density(points, at)
    probabilities: npt.NDArray[np.float64] = inverse / inverse.sum()
    return probabilities


def farthest_points(points: Points, count: int) -> list[int]:
    """So many points that lie far apart: the one of the lowest sum first, then always the farthest from those that are chosen (Gonzalez 1985).

    Every dimension counts by its range. Points that are not finite come last.

    Args:
        points: float64 [points, dimensions].
        count: how many; all where there are fewer.

    Returns:
        Positions, in order of choice.
    """
    finite = np.isfinite(points).all(axis=1)
    known, others = np.flatnonzero(finite), np.flatnonzero(~finite)
    scaled = points[known]
    if len(known):
        largest = np.abs(scaled).max(axis=0)
        scaled = scaled / np.where(largest > 0, largest, 1.0)  # first, since a range may overflow
        ranges = np.ptp(scaled, axis=0)
        scaled = scaled / np.where(ranges > 0, ranges, 1.0)
    left = np.full(len(known), np.inf)  # how far each point is from the nearest chosen one
    chosen: list[int] = []
    while len(chosen) < min(count, len(known)):
        chosen.append(int(np.argmax(left)) if chosen else int(np.argmin(scaled.sum(axis=1))))
        left = np.minimum(left, np.linalg.norm(scaled - scaled[chosen[-1]], axis=1))
        left[chosen] = -1.0  # so that of points that agree with a chosen one, each is chosen once
    return [int(position) for position in (*known[chosen], *others)][:count]
