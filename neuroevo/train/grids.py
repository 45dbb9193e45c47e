"""Grids: where a detection network's outputs look. Its levels are grids of cells of 2, 4, 8, ... pixels a side, the finest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
FINEST, COARSEST = 0, 7  # levels: strides of 1 to 128 pixels


@dataclass(frozen=True)
class Grids:
    """The cells of a detection network's levels, row by row, the finest level first.

    Args:
        size: height and width of the images.
        strides: pixels of a cell's side, by level.
    """

    size: tuple[int, int]
    strides: tuple[int, ...]

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows and columns of each level."""
        return tuple((-(-self.size[0] // stride), -(-self.size[1] // stride)) for stride in self.strides)

    @property
    def locations(self) -> int:
        """How many cells there are."""
        return sum(rows * columns for rows, columns in self.shapes)

    @cached_property
    def centres(self) -> Floats:
        """The middle of each cell: float32 [locations, 2], across and down in pixels."""
        found = []
        for stride, (rows, columns) in zip(self.strides, self.shapes, strict=True):
            down, across = np.mgrid[0:rows, 0:columns]
            found.append(np.stack([across, down], axis=-1).reshape(-1, 2).astype(np.float32) * stride + stride / 2)
        return np.concatenate(found).astype(np.float32)

    @cached_property
    def stride(self) -> Floats:
        """The side of each cell: float32 [locations]."""
        return np.repeat(np.array(self.strides, np.float32), [rows * columns for rows, columns in self.shapes])

    @cached_property
    def level(self) -> npt.NDArray[np.int64]:
        """The level of each cell, from 0: int64 [locations]."""
        return np.repeat(np.arange(len(self.strides)), [rows * columns for rows, columns in self.shapes])


def grids_of(size: tuple[int, int], locations: int) -> Grids:
    """The grids of a network for images of this size, known by how many locations it has: those of the finest first level, where several
    would do (which is so only for cells larger than the image).

    Args:
        size: height and width.

    Raises:
        ValueError: no levels in a row have so many cells.
    """
    for first in range(FINEST, COARSEST + 1):
        for last in range(first, COARSEST + 1):
            found = Grids(size, tuple(2**level for level in range(first, last + 1)))
            if found.locations == locations:
                return found
    raise ValueError(
        f"a detection network gives [locations, classes + 5] for an image, a location for each cell of grids of {2**FINEST} to {2**COARSEST} "
        f"pixels; no such grids in a row have {locations} cells in images of {size[1]} x {size[0]}"
    )
