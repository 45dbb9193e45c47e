"""Fresh weights: He et al. 2015 in front of a ReLU, Glorot & Bengio 2010 for logits."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from genomes.layers import Layer

Floats = npt.NDArray[np.floating]


def he_normal(rng: np.random.Generator, shape: tuple[int, ...], inputs: int, dtype: np.dtype[np.floating]) -> Floats:
    """Gaussian weights of variance 2 / inputs; `inputs` is how many values each output sums."""
    return (rng.standard_normal(shape) * math.sqrt(2 / max(inputs, 1))).astype(dtype)


def glorot_uniform(rng: np.random.Generator, shape: tuple[int, int], dtype: np.dtype[np.floating]) -> Floats:
    """Uniform weights of variance 2 / (inputs + outputs)."""
    limit = math.sqrt(6 / sum(shape))
    return rng.uniform(-limit, limit, shape).astype(dtype)


def norm(channels: int, dtype: np.dtype[np.floating], *, gamma: float = 1.0) -> dict[str, Floats]:
    """A BatchNorm that has seen nothing."""
    return {
        "gamma": np.full(channels, gamma, dtype),
        "beta": np.zeros(channels, dtype),
        "mean": np.zeros(channels, dtype),
        "variance": np.ones(channels, dtype),
    }


def weights(
    layer: Layer, shapes: list[tuple[int, ...]], rng: np.random.Generator, dtype: np.dtype[np.floating]
) -> dict[str, Floats]:
    """Fresh weights of one layer, by role; shapes as in `neuroevo.decode.weights`."""
    inputs, axes, width = shapes[0][-1], len(shapes[0]) - 1, layer.width
    taps = layer.kernel**axes
    if layer.kind == "conv":
        shape = (layer.kernel,) * axes + (inputs, width)
        return {"kernel": he_normal(rng, shape, taps * inputs, dtype), **norm(width, dtype)}
    if layer.kind == "separable":
        return {
            "depthwise": he_normal(rng, (layer.kernel,) * axes + (inputs, 1), taps, dtype),
            "pointwise": he_normal(rng, (1,) * axes + (inputs, width), inputs, dtype),
            **norm(width, dtype),
        }
    if layer.kind == "dense":
        return {"kernel": he_normal(rng, (inputs, width), inputs, dtype), "bias": np.zeros(width, dtype)}
    if layer.kind == "logits":
        return {"kernel": glorot_uniform(rng, (inputs, width), dtype), "bias": np.zeros(width, dtype)}
    if layer.kind == "add":
        gate = norm(inputs, dtype, gamma=0.0)
        if layer.projected:
            skip = shapes[1][-1]
            return {"projection": he_normal(rng, (skip, inputs), skip, dtype), **gate}
        return dict(gate)
    return {}
