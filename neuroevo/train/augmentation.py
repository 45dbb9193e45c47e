"""Augmentation: training samples varied anew in every epoch, on the host, from the trial's own stream.

On the host because it is cheap beside an epoch of convolutions, is the same on every backend, and leaves the compiled epoch
one thing to do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuroevo.data.boxes import NONE, clipped, sides, there
from neuroevo.train.recipe import Augmentation

SEEN = 0.4  # the share of a box that must be left inside the image, for the box to stay


@dataclass(frozen=True)
class _Moves:
    """Where each sample's places came from, along each axis: the new place i shows the old place start + smaller * i.

    Args:
        mirrored: bool [samples], those that were turned left to right before; None: none.
        starts: float64 [samples] for each axis.
        smaller: float64 [samples].
    """

    mirrored: npt.NDArray[np.bool_] | None
    starts: tuple[npt.NDArray[np.float64], ...]
    smaller: npt.NDArray[np.float64]


def augmented(x: npt.NDArray[np.float32], augment: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A varied copy of the samples.

    Args:
        x: float32 [samples, height, width, channels] or [samples, steps, channels].

    Raises:
        ValueError: samples without a spatial axis (features), which cannot be augmented.
    """
    return _varied(x, augment, rng)[0]


def augmented_with_boxes(
    x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], augment: Augmentation, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """A varied copy of images and their boxes; a box of which less than 40 % is left in the image is taken out.

    Args:
        x: float32 [samples, height, width, channels].
        y: float32 [samples, most, 5] (see `neuroevo.data.boxes`).
    """
    varied, moves = _varied(x, augment, rng)
    height, width = x.shape[1:3]
    moved = y.copy()
    if moves.mirrored is not None:
        turned = y.copy()
        turned[..., 0], turned[..., 2] = width - y[..., 2], width - y[..., 0]
        moved = np.where(moves.mirrored[:, None, None], turned, moved)
    for axis, start in enumerate(moves.starts):  # downwards, then across; the middle of the first pixel is at 0.5
        for side in (1 - axis, 3 - axis):
            moved[..., side] = (moved[..., side] - 0.5 - start[:, None]) / moves.smaller[:, None] + 0.5
    inside = clipped(moved, (height, width))
    left, whole = (sides(each).prod(axis=-1) for each in (inside, moved))
    inside[..., 4] = np.where(there(y) & (left >= SEEN * whole) & (left > 0), y[..., 4], NONE)
    return varied, inside


def _varied(
    x: npt.NDArray[np.float32], augment: Augmentation, rng: np.random.Generator
) -> tuple[npt.NDArray[np.float32], _Moves]:
    if x.ndim not in (3, 4):
        raise ValueError(f"augmentation needs images or sequences, got samples of shape {x.shape[1:]}; leave it out")
    axes = tuple(range(1, x.ndim - 1))
    mirrored = None
    if augment.flip and x.ndim == 4:
        mirrored = rng.random(len(x)) < 0.5
        x = np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    if augment.crop > 0:
        x, starts, smaller = _resampled(x, augment, rng, axes)
        return x, _Moves(mirrored, starts, smaller)
    moved = []
    if augment.shift > 0:
        for axis in axes:
            by = rng.integers(-augment.shift, augment.shift + 1, len(x))
            x = _shifted(x, by, axis)
            moved.append(-by.astype(np.float64))
    return np.ascontiguousarray(x), _Moves(mirrored, tuple(moved), np.ones(len(x)))


def _shifted(x: npt.NDArray[np.float32], by: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float32]:
    """Every sample moved along one axis by its own number of places."""
    places = np.clip(np.arange(x.shape[axis])[None, :] - by[:, None], 0, x.shape[axis] - 1)
    return _taken(x, places, axis)


def _taken(x: npt.NDArray[np.float32], places: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float32]:
    moved = np.moveaxis(x, axis, 1)
    return np.moveaxis(moved[np.arange(len(x))[:, None], places], 1, axis)


def _resampled(
    x: npt.NDArray[np.float32], augment: Augmentation, rng: np.random.Generator, axes: tuple[int, ...]
) -> tuple[npt.NDArray[np.float32], tuple[npt.NDArray[np.float64], ...], npt.NDArray[np.float64]]:
    """A window of every sample (smaller, and shifted) stretched to the full size by linear interpolation; where it began along each axis, and its
    size."""
    starts = []
    smaller = 1 - augment.crop * rng.random(len(x))
    for axis in axes:
        size = x.shape[axis]
        slack = (size - 1) * (1 - smaller)
        start = slack * rng.random(len(x)) + rng.uniform(-augment.shift, augment.shift, len(x))
        starts.append(start)
        at = np.clip(start[:, None] + smaller[:, None] * np.arange(size)[None, :], 0, size - 1)
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, size - 1)
        shape = [1] * x.ndim
        shape[0], shape[axis] = len(x), size
        share = (at - below).astype(np.float32).reshape(shape)
        x = _taken(x, below, axis) * (1 - share) + _taken(x, above, axis) * share
    return np.ascontiguousarray(x, dtype=np.float32), tuple(starts), smaller
