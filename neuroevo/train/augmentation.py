"""Augmentation: training samples varied anew in every epoch, on the host, from the trial's own stream.

On the host because it is cheap beside an epoch of convolutions, is the same on every backend, and leaves the compiled epoch
one thing to do.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuroevo.train.recipe import Augmentation


def augmented(x: npt.NDArray[np.float32], augment: Augmentation, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """A varied copy of the samples.

    Args:
        x: float32 [samples, height, width, channels] or [samples, steps, channels].

    Raises:
        ValueError: samples without a spatial axis (features), which cannot be augmented.
    """
    if x.ndim not in (3, 4):
        raise ValueError(f"augmentation needs images or sequences, got samples of shape {x.shape[1:]}; leave it out")
    axes = tuple(range(1, x.ndim - 1))
    if augment.flip and x.ndim == 4:
        mirrored = rng.random(len(x)) < 0.5
        x = np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    if augment.crop > 0:
        return _resampled(x, augment, rng, axes)
    if augment.shift > 0:
        for axis in axes:
            x = _shifted(x, rng.integers(-augment.shift, augment.shift + 1, len(x)), axis)
    return np.ascontiguousarray(x)


def _shifted(x: npt.NDArray[np.float32], by: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float32]:
    """Every sample moved along one axis by its own number of places."""
    places = np.clip(np.arange(x.shape[axis])[None, :] - by[:, None], 0, x.shape[axis] - 1)
    return _taken(x, places, axis)


def _taken(x: npt.NDArray[np.float32], places: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.float32]:
    moved = np.moveaxis(x, axis, 1)
    return np.moveaxis(moved[np.arange(len(x))[:, None], places], 1, axis)


def _resampled(
    x: npt.NDArray[np.float32], augment: Augmentation, rng: np.random.Generator, axes: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """A window of every sample (smaller, and shifted) stretched to the full size by linear interpolation."""
    smaller = 1 - augment.crop * rng.random(len(x))
    for axis in axes:
        size = x.shape[axis]
        slack = (size - 1) * (1 - smaller)
        start = slack * rng.random(len(x)) + rng.uniform(-augment.shift, augment.shift, len(x))
        at = np.clip(start[:, None] + smaller[:, None] * np.arange(size)[None, :], 0, size - 1)
        below = np.floor(at).astype(np.int64)
        above = np.minimum(below + 1, size - 1)
        shape = [1] * x.ndim
        shape[0], shape[axis] = len(x), size
        share = (at - below).astype(np.float32).reshape(shape)
        x = _taken(x, below, axis) * (1 - share) + _taken(x, above, axis) * share
    return np.ascontiguousarray(x, dtype=np.float32)
