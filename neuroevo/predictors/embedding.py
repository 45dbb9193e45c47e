"""Bourgain's embedding of a finite metric space into a Euclidean one (Bourgain 1985; for networks: Jin, Song & Hu 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genomes.distances.base import Matrix

Anchors = tuple[npt.NDArray[np.int64], ...]


def anchors(count: int) -> Anchors:
    """Random subsets of so many points, log2(count) of each size 2, 4, 8, ... to the number itself: always the same ones.

    >>> [len(each) for each in anchors(5)]
    [2, 2, 2, 4, 4, 4, 5, 5, 5]
    """
    rng = np.random.default_rng(count)
    rounds = max(int(np.ceil(np.log2(count))), 1)
    return tuple(
        [np.sort(rng.permutation(count)[: min(2**power, count)]) for power in range(1, rounds + 1) for _ in range(rounds)]
    )


def embedded(distances: Matrix, subsets: Sequence[npt.NDArray[np.int64]]) -> Matrix:
    """Points by how far they are from the nearest of each subset: float64 [points, subsets].

    Args:
        distances: float64 [points, observed], to those that the subsets are of. New points are embedded by the same subsets.
    """
    return np.stack([distances[:, subset].min(axis=1) for subset in subsets], axis=1)
