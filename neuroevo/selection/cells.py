"""Niches of behaviour: a space of descriptors cut into cells, each of which keeps the best that was found in it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.streams import ARCHIVE, stream
from neuroevo.selection.surprise import cluster_centres

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Ends = Sequence[float] | Floats


class Cells(ABC):
    """A box of descriptors in cells.

    Args:
        low, high: the ends of each axis; what lies beyond counts to the cell at the edge.
    """

    def __init__(self, low: Ends, high: Ends) -> None:
        self.low, self.high = np.array(low, np.float64), np.array(high, np.float64)

    @property
    @abstractmethod
    def count(self) -> int:
        """How many there are."""

    @abstractmethod
    def of(self, descriptors: Floats) -> Ints:
        """The cell of each: descriptors float64 [n, d], to int64 [n] from 0."""


class Grid(Cells):
    """Equal intervals on each axis (Mouret & Clune 2015).

    Args:
        cells: how many on each axis.
    """

    def __init__(self, low: Ends, high: Ends, cells: Sequence[int]) -> None:
        super().__init__(low, high)
        self.cells = tuple(cells)

    @property
    def count(self) -> int:
        return int(np.prod(self.cells))

    def of(self, descriptors: Floats) -> Ints:
        steps = np.floor((descriptors - self.low) / (self.high - self.low) * self.cells)
        inside = np.clip(steps, 0, np.array(self.cells) - 1).astype(np.int64)
        found: Ints = np.ravel_multi_index(tuple(inside.T), self.cells)
        return found


class Voronoi(Cells):
    """The regions that are nearest to so many centres, spread evenly over the box (CVT-MAP-Elites; Vassiliades, Chatzilygeroudis & Mouret
    2018): few cells in spaces of many dimensions. Distances are in shares of each axis.

    Args:
        centres: float64 [cells, d], in shares of each axis.
    """

    def __init__(self, low: Ends, high: Ends, centres: Floats) -> None:
        super().__init__(low, high)
        self.centres = centres

    @classmethod
    def spread(cls, low: Ends, high: Ends, cells: int, samples: int, seed: int) -> Voronoi:
        """The centres of k-means on points that are uniform in the box."""
        points = stream(seed, 0, ARCHIVE).random((max(samples, cells), len(low)))
        return cls(low, high, cluster_centres(points, points[:cells]))

    @property
    def count(self) -> int:
        return len(self.centres)

    @cached_property
    def _tree(self) -> Any:
        from scipy.spatial import KDTree

        return KDTree(self.centres)

    def of(self, descriptors: Floats) -> Ints:
        inside = np.clip((descriptors - self.low) / (self.high - self.low), 0.0, 1.0)
        nearest: Ints = np.asarray(self._tree.query(inside)[1], np.int64)
        return nearest
