"""Kernels under a change of size or of factorisation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def resized(kernel: Floats, size: int, shift: tuple[int, ...]) -> Floats:
    """The kernel with `size` taps along every spatial axis: old tap j lies at j + shift, taps outside are lost, new ones zero.

    Args:
        kernel: [k..., inputs, filters].
        shift: for each spatial axis, zeros that "same" padding puts before the new kernel's input minus before the old one's.
    """
    if set(kernel.shape[:-2]) == {size} and not any(shift):
        return kernel
    result = np.zeros((size,) * len(shift) + kernel.shape[-2:], kernel.dtype)
    new, old = [], []
    for taps, moved in zip(kernel.shape[:-2], shift, strict=True):
        start, stop = max(moved, 0), min(taps + moved, size)
        if stop <= start:
            return result
        new.append(slice(start, stop))
        old.append(slice(start - moved, stop - moved))
    result[tuple(new)] = kernel[tuple(old)]
    return result


def united(depthwise: Floats, pointwise: Floats) -> Floats:
    """The kernel [k..., inputs, filters] of the convolution that a separable one is: depthwise [k..., inputs, 1] times pointwise
    [1..., inputs, filters]."""
    return np.asarray(depthwise * pointwise)


def separated(kernel: Floats) -> tuple[Floats, Floats]:
    """The nearest separable convolution: for each input channel the rank-1 part of [taps, filters] (Eckart & Young 1936)."""
    axes = kernel.ndim - 2
    inputs, filters = kernel.shape[-2:]
    matrices = np.moveaxis(kernel.reshape(-1, inputs, filters), 1, 0)
    u, s, v = np.linalg.svd(matrices, full_matrices=False)
    root = np.sqrt(s[:, :1])
    depthwise = (u[:, :, 0] * root).T.reshape(*kernel.shape[:-1], 1)
    pointwise = (v[:, 0, :] * root).reshape((1,) * axes + (inputs, filters))
    return depthwise.astype(kernel.dtype), pointwise.astype(kernel.dtype)
