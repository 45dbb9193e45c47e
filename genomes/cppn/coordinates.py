"""Places of nodes and pixels: grids, circles, and the user's own, checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.system import machine_bytes

Floats = npt.NDArray[np.float64]

AXES = ("x", "y", "z")
LARGEST = 1e6  # of a coordinate


def grid(size: int | Sequence[int]) -> Floats:
    """The centres of the cells of a grid that covers -1 to 1 on every axis: float64 [nodes, axes], coordinates (x, y, z).

    Cell centres, so that a place has the same coordinates at every resolution.

    Args:
        size: the shape of the array that the nodes are, flattened in row-major order: a number for a row, (height, width) for an image,
            (depth, height, width) for a volume. x runs along the last axis; y runs from -1, the first row, to 1.

    Raises:
        ValueError: not one to three whole numbers >= 1, or more nodes than memory holds.

    >>> grid((1, 2)).tolist()
    [[-0.5, 0.0], [0.5, 0.0]]
    """
    shape = (size,) if isinstance(size, (int, np.integer)) and not isinstance(size, bool) else size
    if (
        not isinstance(shape, Sequence)
        or not 1 <= len(shape) <= 3
        or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in shape)
    ):
        raise ValueError(
            f"the size of a grid is a whole number >= 1, (height, width) or (depth, height, width), got {shown(size)}"
        )
    refuse_beyond_memory(math.prod(int(n) for n in shape) * len(shape), f"a grid of {' x '.join(map(str, shape))} nodes")
    lines = [(2.0 * np.arange(int(n)) + 1.0) / int(n) - 1.0 for n in shape]
    planes = np.meshgrid(*lines, indexing="ij")
    return np.stack([plane.ravel() for plane in reversed(planes)], axis=1)


def circle(nodes: int, radius: float = 1.0) -> Floats:
    """Nodes evenly spaced on a circle around the origin, the first at the right, counter-clockwise seen with y upwards: float64 [nodes, 2].

    Raises:
        ValueError: fewer than one node, or a radius that is not a positive number.
    """
    if isinstance(nodes, bool) or not isinstance(nodes, (int, np.integer)) or nodes < 1:
        raise ValueError(f"the nodes of a circle must be a whole number >= 1, got {shown(nodes)}")
    if not isinstance(radius, (int, float)) or not 0.0 < radius <= LARGEST:
        raise ValueError(f"the radius of a circle must be a positive number, got {shown(radius)}")
    refuse_beyond_memory(2 * int(nodes), f"a circle of {nodes} nodes")
    angle = 2.0 * math.pi * np.arange(int(nodes)) / int(nodes)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def places(given: Any, what: str) -> Floats:
    """Coordinates from outside as float64 [nodes, dimension].

    Raises:
        ValueError: no nodes, not two-dimensional, not one to three axes, or not finite numbers.
    """
    try:
        array = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} must be an array of coordinates [nodes, dimension], got {shown(given)}") from error
    if array.size == 0:
        raise ValueError(f"{what} has no nodes: give at least one, as coordinates [nodes, dimension]")
    if array.ndim != 2 or not 1 <= array.shape[1] <= 3:
        raise ValueError(
            f"{what} must be coordinates [nodes, dimension] with 1 to 3 dimensions, got an array of shape {array.shape}"
        )
    if not np.all(np.abs(array) <= LARGEST):
        raise ValueError(f"every coordinate of {what} must be a number between -1e6 and 1e6 (a substrate covers -1 to 1)")
    return array


def refuse_beyond_memory(numbers: int, what: str) -> None:
    """Raises:
    ValueError: float64 `numbers` would take more than half of the machine's memory.
    """
    if 8 * numbers > machine_bytes() // 2:
        raise ValueError(
            f"{what} would take {8 * numbers / 2**30:,.1f} GiB, more than half of this machine's {machine_bytes() / 2**30:,.1f} GiB: "
            "choose a lower resolution, or fewer genomes at a time"
        )
