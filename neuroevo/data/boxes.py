"""Boxes: what is where in an image, as arrays; and images brought to one size, with their boxes.

The boxes of a data set are one array, float32 [samples, most, 5]: left, top, right, bottom in pixels of the images as networks get them (edges,
so that a box of one pixel is 1 wide), and the class. Rows that hold no box have the class -1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
NONE = -1.0  # the class of a row that holds no box
LONGEST = 128  # pixels of the longer side, where images are brought to one size and nobody says which
MULTIPLE = 16  # of which sides chosen here are, in pixels


def padded(boxes: Sequence[npt.ArrayLike]) -> Floats:
    """The boxes of several images as one array.

    Args:
        boxes: of each image [boxes, 5]; an image may have none.

    Returns:
        float32 [images, most, 5], at least one row an image.
    """
    found = [np.asarray(each, np.float32).reshape(-1, 5) for each in boxes]
    whole = np.zeros((len(found), max([1, *map(len, found)]), 5), np.float32)
    whole[:, :, 4] = NONE
    for image, each in enumerate(found):
        whole[image, : len(each)] = each
    return whole


def there(rows: Floats) -> npt.NDArray[np.bool_]:
    """Which rows hold a box: bool, the shape without the last axis."""
    held: npt.NDArray[np.bool_] = rows[..., 4] >= 0
    return held


def boxes_in(rows: Floats) -> Floats:
    """The boxes of one image: float32 [boxes, 5]."""
    return rows[there(rows)]


def clipped(boxes: Floats, size: tuple[int, int]) -> Floats:
    """Boxes cut off at the image's edges: float32 [..., 5].

    Args:
        size: height and width.
    """
    height, width = size
    cut = boxes.copy()
    cut[..., :4] = np.clip(boxes[..., :4], 0, np.array([width, height, width, height], np.float32))
    return cut


def sides(boxes: Floats) -> Floats:
    """Widths and heights: float32 [..., 2]."""
    return boxes[..., 2:4] - boxes[..., :2]


@dataclass(frozen=True)
class Letterbox:
    """How an image was fitted into another size: scaled alike in both directions, in the middle of what its mean colour fills.

    Args:
        scale: from the image's pixels to the fitted ones'.
        left, top: fitted pixels beside and above it.
    """

    scale: float
    left: int
    top: int

    @staticmethod
    def of(old: tuple[int, int], new: tuple[int, int]) -> Letterbox:
        """The way from one (height, width) to another."""
        scale = min(new[0] / old[0], new[1] / old[1])
        height, width = _scaled(old, scale)
        return Letterbox(scale, (new[1] - width) // 2, (new[0] - height) // 2)

    def boxes(self, boxes: Floats) -> Floats:
        """Boxes of the image in the fitted one: float32 [..., 5]."""
        moved = boxes.copy()
        moved[..., :4] = boxes[..., :4] * np.float32(self.scale) + self._offset
        return moved

    def original(self, boxes: Floats) -> Floats:
        """Boxes of the fitted image in the one that it was: float32 [..., at least 4]."""
        moved = boxes.copy()
        moved[..., :4] = (boxes[..., :4] - self._offset) / np.float32(self.scale)
        return moved

    @property
    def _offset(self) -> Floats:
        return np.array([self.left, self.top, self.left, self.top], np.float32)


def letterboxed(
    values: npt.NDArray[Any], size: tuple[int, int], around: float | None = None
) -> tuple[npt.NDArray[Any], Letterbox]:
    """An image in another size, and how it was fitted into that.

    Args:
        values: [height, width, channels], of any numbers, which it keeps.
        size: height and width.
        around: what fills the rest; None: the image's mean colour.
    """
    from PIL import Image

    old = (values.shape[0], values.shape[1])
    way = Letterbox.of(old, size)
    if old == size:
        return values, way
    height, width = _scaled(old, way.scale)
    whole = np.empty((*size, values.shape[2]), np.float64)
    whole[:] = values.mean(axis=(0, 1)) if around is None else around
    for channel in range(values.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(values[..., channel], np.float32))
        scaled = plane.resize((width, height), Image.Resampling.BILINEAR)
        whole[way.top : way.top + height, way.left : way.left + width, channel] = np.asarray(scaled)
    if values.dtype.kind in "iu":
        info = np.iinfo(values.dtype)
        whole = np.clip(np.rint(whole), float(info.min), float(info.max))
    return whole.astype(values.dtype), way


def _scaled(size: tuple[int, int], scale: float) -> tuple[int, int]:
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def usual_size(sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The (height, width) into which images are fitted where nobody says which: their own, where they have one and it is small; else the
    longer side `LONGEST`, the other as their middle shape wants it. Sides are multiples of 16, as pyramids of several levels need them."""
    if len(set(sizes)) == 1 and max(sizes[0]) <= LONGEST:
        height, width = (MULTIPLE * -(-side // MULTIPLE) for side in sizes[0])
        return height, width
    ratio = float(np.median([height / width for height, width in sizes]))
    shorter = max(MULTIPLE, MULTIPLE * round(LONGEST * min(ratio, 1 / ratio) / MULTIPLE))
    return (shorter, LONGEST) if ratio < 1 else (LONGEST, shorter)


def fitted(x: npt.NDArray[Any], y: Floats, size: tuple[int, int] | None) -> tuple[npt.NDArray[Any], Floats]:
    """Images and their boxes brought to another size.

    Args:
        x: [samples, height, width, channels].
        y: float32 [samples, most, 5].
        size: height and width; None: as `usual_size` has it.
    """
    size = size or usual_size([(x.shape[1], x.shape[2])])
    if x.shape[1:3] == size:
        return x, y
    way = Letterbox.of((x.shape[1], x.shape[2]), size)
    moved = np.where(there(y)[..., None], way.boxes(y), y)
    return np.stack([letterboxed(image, size)[0] for image in x]), moved
