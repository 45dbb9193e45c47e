"""Neighbours by their descriptors: who is nearest, and how far."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Measure = Literal["euclidean", "mean_absolute"]
MEASURES = ("euclidean", "mean_absolute")

FEW = 4  # dimensions up to which a tree finds neighbours faster than comparing all with all
ROWS = 1024  # compared with all others at a time, which bounds the memory


def nearest_distances(points: Floats, among: Floats, count: int, measure: Measure = "euclidean") -> Floats:
    """How far the nearest of other points are: float64 [points, min(count, among)], nearest first.

    Args:
        points: float64 [points, d].
        among: float64 [others, d].
        count: how many of the nearest, at least 1.
        measure: "euclidean", or "mean_absolute": the mean of the absolute differences.
    """
    return nearest(points, among, count, measure)[0]


def nearest(points: Floats, among: Floats, count: int, measure: Measure = "euclidean") -> tuple[Floats, Ints]:
    """The same, and their positions: int64 [points, min(count, among)]."""
    count = min(count, len(among))
    if not count or not len(points):
        return np.zeros((len(points), count)), np.zeros((len(points), count), np.int64)
    dimensions = points.shape[1]
    if dimensions <= FEW:
        from scipy.spatial import KDTree

        found, who = KDTree(among).query(points, k=np.arange(1, count + 1), p=1.0 if measure == "mean_absolute" else 2.0)
    else:
        from scipy.spatial.distance import cdist

        blocks, whose = [], []
        for first in range(0, len(points), ROWS):
            all_of = cdist(points[first : first + ROWS], among, "cityblock" if measure == "mean_absolute" else "euclidean")
            near = np.argpartition(all_of, count - 1, axis=1)[:, :count]
            apart = np.take_along_axis(all_of, near, axis=1)
            order = np.argsort(apart, axis=1, kind="stable")
            blocks.append(np.take_along_axis(apart, order, axis=1))
            whose.append(np.take_along_axis(near, order, axis=1))
        found, who = np.concatenate(blocks), np.concatenate(whose)
    distances: Floats = found / dimensions if measure == "mean_absolute" else found
    positions: Ints = np.asarray(who, np.int64)
    return distances, positions
