"""Ridge least squares for the linear maps of networks: what a layer sees, row by row, and the smallest change of its weights towards wanted values
(Hoerl & Kennard 1970)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]


def ridge_change(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], ridge: float, *, offset: bool = True
) -> tuple[Floats, Floats]:
    """Coefficients and offsets that minimise |x c + o - y|^2 + ridge * (mean square of x) * samples * |c|^2.

    Args:
        x: float64 [rows, inputs].
        y: float64 [rows, outputs]; what the outputs should change by.
        ridge: > 0.
        offset: whether there is an offset; else it is 0.

    Returns:
        float64 [inputs, outputs] and [outputs].
    """
    x_mean = x.mean(axis=0) if offset else np.zeros(x.shape[1])
    y_mean = y.mean(axis=0) if offset else np.zeros(y.shape[1])
    x, y = x - x_mean, y - y_mean
    penalty = max(ridge * float(np.mean(np.square(x))) * len(x), 1e-12)
    if len(x) >= x.shape[1]:
        coefficients = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ y)
    else:  # the same solution by the smaller system
        coefficients = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), y)
    return coefficients, y_mean - x_mean @ coefficients


def windows(
    inputs: Floats,
    kernel: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> npt.NDArray[Any]:
    """What a convolution sees at each of its positions: a view [samples, positions..., kernel..., channels].

    Args:
        inputs: [samples, positions..., channels].
        kernel, strides, dilation: along each axis of positions.
        padding: zeros before and after each.
    """
    axes = len(kernel)
    padded = np.pad(inputs, [(0, 0), *padding, (0, 0)])
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    seen = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(1, axes + 1)))
    seen = seen[(slice(None), *[slice(None, None, s) for s in strides], slice(None), *[slice(None, None, d) for d in dilation])]
    return np.moveaxis(seen, axes + 1, -1)


def drawn_places(shape: tuple[int, ...], most: int, rng: np.random.Generator) -> tuple[npt.NDArray[np.intp], ...]:
    """At most so many places of an array of this shape, drawn without repetition and in order: an index."""
    places = int(np.prod(shape))
    drawn = np.sort(rng.choice(places, most, replace=False)) if places > most else np.arange(places)
    return np.unravel_index(drawn, shape)
