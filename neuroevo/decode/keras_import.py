"""A user's own Keras model as a genome with its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.layers import WEIGHTED, Layer
from neuroevo.decode.plain import EPSILON

if TYPE_CHECKING:
    from genomes.network import NetworkGenome

Weights = dict[str, npt.NDArray[Any]]


def from_keras(model: Any, **settings: Any) -> tuple[NetworkGenome, Weights]:
    """The genome of a functional or sequential model (see `NetworkSpace.from_keras`) and its weights as arrays by marking.

    The decoded genome computes the model's logits (of a softmax or sigmoid output: what goes into it), in inference mode. Biases of
    convolutions go into their BatchNorms.

    Raises:
        ValueError: a layer is not in the vocabulary; the sentence names it and says why.
    """
    from genomes.network import NetworkSpace
    from genomes.network.keras_import import imported

    genome = NetworkSpace.from_keras(model, **settings)
    found = imported(model)
    arrays: Weights = {}
    for gene in found.genes:
        parts = {part: _layer(model, name) for part, name in found.parts.get(gene.marking, {}).items()}
        shapes = [found.shapes[source] for source in gene.inputs]
        for role, array in _weights(gene.layer, parts, shapes[0][-1] if shapes else 0).items():
            arrays[f"{gene.marking}/{role}"] = array
        if gene.kind in WEIGHTED:
            arrays[f"{gene.marking}/channels"] = np.arange(gene.layer.width)
    return genome, arrays


def _layer(model: Any, path: str) -> Any:
    """The layer of that name, in a model inside the model where the name is a path."""
    for name in path.split("/"):
        model = model.get_layer(name)
    return model


def _weights(layer: Layer, parts: dict[str, Any], channels: int) -> Weights:
    if layer.kind in ("dense", "logits"):
        dense = parts[layer.kind if layer.kind == "logits" else "dense"]
        return {"kernel": np.array(dense.kernel), "bias": _bias(dense, layer.width)}
    if layer.kind == "conv":
        convolution = parts["convolution"]
        return {"kernel": np.array(convolution.kernel), **_norm(parts.get("norm"), _bias(convolution, layer.width))}
    if layer.kind == "separable":
        separable = parts["separable"]
        return {
            "depthwise": np.array(separable.depthwise_kernel),
            "pointwise": np.array(separable.pointwise_kernel),
            **_norm(parts.get("norm"), _bias(separable, layer.width)),
        }
    if layer.kind == "add":
        if not layer.projected:
            return _norm(parts.get("gate"), np.zeros(channels, np.float32))
        kernel = np.array(parts["projection"].kernel)
        return {"projection": kernel.reshape(kernel.shape[-2:]), **_norm(parts["gate"], _bias(parts["projection"], channels))}
    return {}


def _bias(layer: Any, width: int) -> npt.NDArray[Any]:
    return np.array(layer.bias) if layer.use_bias else np.zeros(width, np.float32)


def _norm(norm: Any, bias: npt.NDArray[Any]) -> Weights:
    """The BatchNorm that normalises `value + bias` as `norm` does (None: not at all), for ours and its own epsilon."""
    if norm is None:
        zero, one = np.zeros_like(bias), np.ones_like(bias)
        return {"gamma": one * np.sqrt(1 + EPSILON).astype(bias.dtype), "beta": bias, "mean": zero, "variance": one}
    variance = np.array(norm.moving_variance)
    ratio = np.sqrt((variance + EPSILON) / (variance + norm.epsilon))
    return {
        "gamma": np.array(norm.gamma) * ratio,
        "beta": np.array(norm.beta),
        "mean": np.array(norm.moving_mean) - bias,
        "variance": variance,
    }
