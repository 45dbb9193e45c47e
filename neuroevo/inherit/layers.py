"""The weights of one layer of the child: kept from a parent's gene, or new as the identity."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.layers import Layer, Shape, padding_before
from neuroevo.decode.plain import EPSILON
from neuroevo.decode.weights import NORM
from neuroevo.inherit import fresh, kernels
from neuroevo.inherit.labels import Match
from neuroevo.inherit.moments import Moments, rectified

Floats = npt.NDArray[np.floating]
Weights = dict[str, npt.NDArray[Any]]
Float = np.dtype[np.floating]


def identity(
    layer: Layer, shape: Shape, chosen: npt.NDArray[np.int64], moments: Moments, rng: np.random.Generator, dtype: Float
) -> Weights:
    """A new weighted layer that hands on the `chosen` channels of its input; filters beyond them are fresh.

    The BatchNorm undoes its own normalisation for any statistics; those that it will see are the ones that train well from the start.
    """
    weights: Weights = dict(fresh.weights(layer, [shape], rng, dtype))
    first = np.arange(len(chosen))
    if layer.kind == "dense":
        weights["kernel"][:, first] = 0
        weights["kernel"][chosen, first] = 1
        return weights
    centre: tuple[Any, ...] = tuple(padding_before(axis, layer.kernel, layer.stride) for axis in shape[:-1])
    if layer.kind == "conv":
        weights["kernel"][..., first] = 0
        weights["kernel"][(*centre, chosen, first)] = 1
    else:
        weights["depthwise"][:] = 0
        weights["depthwise"][(*centre, slice(None), 0)] = 1
        weights["pointwise"][..., first] = 0
        weights["pointwise"][..., chosen, first] = 1
    weights["mean"][first] = weights["beta"][first] = moments.mean[chosen]
    weights["variance"][first] = moments.variance[chosen]
    weights["gamma"][first] = np.sqrt(weights["variance"][first] + dtype.type(EPSILON))
    return weights


def kept_convolution(
    layer: Layer,
    shape: Shape,
    old: Layer,
    old_shape: Shape,
    old_weights: Weights,
    inputs: Match,
    columns: npt.NDArray[np.int64],
    rng: np.random.Generator,
    dtype: Float,
) -> Weights:
    """A convolution that a parent has: its rows by label, its filters `columns`, further filters fresh.

    Args:
        layer, shape: the child's layer and its input's shape.
        old, old_shape, old_weights: the parent's.
        inputs: the match of the child's input channels with the parent's.
        columns: the parent's filters that the child keeps, in order.
    """
    shift = tuple(
        padding_before(new, layer.kernel, layer.stride) - padding_before(before, old.kernel, old.stride)
        for new, before in zip(shape[:-1], old_shape[:-1], strict=True)
    )
    weights: Weights = dict(fresh.weights(layer, [shape], rng, dtype))
    count = len(columns)
    if layer.kind == "conv":
        if old.kind == "separable":
            kernel = kernels.united(old_weights["depthwise"], old_weights["pointwise"])
        else:
            kernel = old_weights["kernel"]
        kernel = kernels.resized(kernel[..., columns], layer.kernel, shift)
        if inputs.known.any():
            weights["kernel"][..., :count] = inputs.rows(kernel, -2)
    else:
        if old.kind == "conv":
            depthwise, pointwise = kernels.separated(old_weights["kernel"])
        else:
            depthwise, pointwise = old_weights["depthwise"], old_weights["pointwise"]
        depthwise = kernels.resized(depthwise, layer.kernel, shift)
        # Rows without a source keep a fresh depthwise kernel and a zero pointwise row: with both at zero neither would learn.
        weights["depthwise"][..., inputs.known, :] = depthwise[..., inputs.source[inputs.known], :]
        if inputs.known.any():
            rows = Match(inputs.source)  # a surplus row has another depthwise kernel: it cannot be summed
            weights["pointwise"][..., :count] = rows.rows(pointwise[..., columns], -2)
    for role in NORM:
        weights[role][:count] = old_weights[role][columns]
    return weights


def kept_dense(
    layer: Layer,
    shape: Shape,
    old_weights: Weights,
    inputs: Match,
    columns: npt.NDArray[np.int64],
    rng: np.random.Generator,
    dtype: Float,
) -> Weights:
    """A dense or logits layer that a parent has: its rows by label, its units `columns`, further units fresh."""
    weights: Weights = dict(fresh.weights(layer, [shape], rng, dtype))
    count = len(columns)
    if inputs.known.any():
        weights["kernel"][:, :count] = inputs.rows(old_weights["kernel"][:, columns], 0)
    weights["bias"][:count] = old_weights["bias"][columns]
    return weights


def kept_add(
    layer: Layer,
    shapes: list[Shape],
    old: Layer,
    old_weights: Weights,
    main: Match,
    skip: Match,
    rng: np.random.Generator,
    dtype: Float,
) -> Weights:
    """An add that a parent has: the gate of each of main's channels that the parent has; the gate of others stays closed.

    Where the parent's add has no projection, it pairs equal positions: the matrix of that pairing is the child's projection.
    """
    weights: Weights = dict(fresh.weights(layer, shapes, rng, dtype))
    if not skip.known.any():
        return weights  # nothing of the old skip is left: it starts as a new one
    for role in NORM:
        weights[role][main.known] = old_weights[role][main.source[main.known]]
    if layer.projected:
        matrix = old_weights["projection"] if old.projected else np.eye(len(old_weights["gamma"]), dtype=dtype)
        rows = skip.rows(matrix, 0)
        weights["projection"][:, main.known] = rows[:, main.source[main.known]]
    return weights


def strongest(layer: Layer, weights: Weights, count: int) -> npt.NDArray[np.int64]:
    """The places of a layer's `count` strongest channels, in their order (all of them where there are not more).

    A convolution's strength is the mean square of what its BatchNorm and ReLU let through; a dense layer's the norm of its weights.
    """
    if layer.kind in ("conv", "separable"):
        if count >= len(weights["gamma"]):
            return np.arange(len(weights["gamma"]))
        through = rectified(weights["beta"], weights["gamma"])
        strength = through.mean**2 + through.variance
    else:
        if count >= len(weights["bias"]):
            return np.arange(len(weights["bias"]))
        strength = np.square(weights["kernel"]).sum(axis=0) + np.square(weights["bias"])
    return np.sort(np.argsort(-strength, kind="stable")[:count])
