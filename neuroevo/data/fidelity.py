"""Cheaper data for cheaper estimates: a share of the samples, and smaller images."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from neuroevo.data.dataset import Dataset, Part


def share_of(dataset: Dataset, part: Part, share: float, rng: np.random.Generator) -> Part:
    """A random share of a part's samples, at least one; of a classification of every class alike (rounded up)."""
    if share >= 1:
        return part
    groups = [np.arange(len(part))] if dataset.kind != "classification" else _by_class(part.y, dataset.outputs)
    rows = [rng.permutation(group)[: int(np.ceil(share * len(group)))] for group in groups]
    chosen = np.sort(np.concatenate(rows))
    return Part(part.x[chosen], part.y[chosen])


def samples_in(dataset: Dataset, part: Part, share: float) -> int:
    """How many samples `share_of` takes."""
    if share >= 1:
        return len(part)
    groups = [len(part)] if dataset.kind != "classification" else np.bincount(part.y, minlength=dataset.outputs).tolist()
    return int(sum(np.ceil(share * count) for count in groups))


def _by_class(y: npt.NDArray[np.int64], classes: int) -> list[npt.NDArray[np.int64]]:
    return [np.flatnonzero(y == label) for label in range(classes)]


def resized_shape(shape: tuple[int, ...], resolution: float) -> tuple[int, ...]:
    """The shape of a sample at a share of its resolution; features have none and stay."""
    if len(shape) == 1 or resolution >= 1:
        return shape
    return (*[max(1, round(resolution * axis)) for axis in shape[:-1]], shape[-1])


def resized(x: npt.NDArray[np.float32], resolution: float) -> npt.NDArray[np.float32]:
    """Samples at a share of their resolution: every new place is the mean of the area that it covers.

    Args:
        x: float32 [samples, height, width, channels] or [samples, steps, channels].
    """
    shape = resized_shape(x.shape[1:], resolution)
    for axis, (old, new) in enumerate(zip(x.shape[1:-1], shape[:-1], strict=True), start=1):
        if old != new:
            x = np.moveaxis(np.moveaxis(x, axis, -1) @ _overlap(old, new), -1, axis)
    return np.ascontiguousarray(x, dtype=np.float32)


def _overlap(old: int, new: int) -> npt.NDArray[np.float32]:
    """The share that each old place has in each new one: float32 [old, new], columns sum to 1."""
    ratio = Fraction(old, new)
    weights = np.zeros((old, new), np.float32)
    for j in range(new):
        start, end = j * ratio, (j + 1) * ratio
        for i in range(int(start), min(old, math.ceil(end))):
            weights[i, j] = float((min(end, Fraction(i + 1)) - max(start, Fraction(i))) / ratio)
    return weights
