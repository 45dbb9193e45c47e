"""The plain layers of cells, chains and detectors in Keras: no gene of these ends in a ReLU, which is a gene of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genomes.layers import PLAIN, Layer, taps

EPSILON = 1e-3  # of every BatchNorm
MOMENTUM = 0.9  # Keras's 0.99 lags behind at the epoch lengths of small data

KINDS = PLAIN | {"plain_depthwise", "half", "upsample", "attend", "relu", "norm", "sum", "zero", "gate", "dropout"}
NORM = ("gamma", "beta", "mean", "variance")


def plain_layer(layer: Layer, taken: list[Any], axes: int, named: Callable[[str], dict[str, Any]]) -> Any:
    """The output tensor of a layer of `KINDS` on the tensors `taken`, which have so many spatial axes."""
    from keras import layers

    kind, x = layer.kind, taken[0]
    if kind == "sum":
        return layers.Add(**named("sum"))(taken) if len(taken) > 1 else x
    if kind == "relu":
        return layers.ReLU(**named("relu"))(x)
    if kind == "half":
        return x[..., layer.part :: 2]
    if kind == "upsample":
        return getattr(layers, f"UpSampling{axes}D")(layer.stride, **named("upsample"))(x)
    if kind == "attend":
        return _attended(taken, axes, named)
    if kind == "gate":
        return _gated(x, named)
    if kind == "dropout":
        return layers.Dropout(layer.rate, seed=0, **named("dropout"))(x)  # each compiled step has seeds of its own
    if kind == "zero":
        return layers.Rescaling(0.0, **named("zero"))(x)
    if kind == "plain_depthwise":
        make = getattr(layers, f"DepthwiseConv{axes}D")
        options = {"strides": layer.stride, "padding": "same", "use_bias": False, "depthwise_initializer": "he_normal"}
        x = make(layer.kernel, **options, **named("depthwise"))(x)
        if not layer.normalised:
            return x
    if kind in PLAIN:
        options = {
            "strides": layer.stride,
            "padding": "same",
            "dilation_rate": layer.dilation,
            "use_bias": False,
        }
        if kind == "plain_conv":
            make = getattr(layers, f"Conv{axes}D")
            x = make(layer.width, taps(layer, axes), kernel_initializer="he_normal", **options, **named("convolution"))(x)
        else:
            make = getattr(layers, f"SeparableConv{axes}D")
            initial = {"depthwise_initializer": "he_normal", "pointwise_initializer": "he_normal"}
            x = make(layer.width, taps(layer, axes), **initial, **options, **named("separable"))(x)
        if not layer.normalised:
            return x
    return layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, **named("norm"))(x)


def _gated(x: Any, named: Callable[[str], dict[str, Any]]) -> Any:
    """x * 2 * sigmoid(a dense layer of x)."""
    from keras import layers

    dense = layers.Dense(int(x.shape[-1]), kernel_initializer="zeros", **named("gate"))(x)
    open_ = layers.Rescaling(2.0, **named("doubled"))(layers.Activation("sigmoid", **named("open"))(dense))
    return layers.Multiply(**named("gated"))([x, open_])


def _attended(taken: list[Any], axes: int, named: Callable[[str], dict[str, Any]]) -> Any:
    """a + b * sigmoid(maximum of a over all positions) for a and b as taken."""
    from keras import layers

    a, b = taken
    most = getattr(layers, f"GlobalMaxPooling{axes}D")(keepdims=True, **named("most"))(a)
    gate = layers.Activation("sigmoid", **named("attention"))(most)
    return layers.Add(**named("attend"))([a, layers.Multiply(**named("attended"))([b, gate])])


def plain_roles(layer: Layer) -> tuple[str, ...]:
    """The roles of the weights of a layer of `KINDS`."""
    kernels = {"plain_conv": ("kernel",), "plain_separable": ("depthwise", "pointwise"), "plain_depthwise": ("depthwise",), "gate": ("kernel", "bias")}.get(layer.kind, ())
    return (*kernels, *(NORM if layer.normalised or layer.kind == "norm" else ()))


def plain_variables(layer: Layer, parts: Mapping[str, Any]) -> list[Any]:
    """The Keras variables of a layer of `KINDS` in the order of its roles, among the Keras layers that it was decoded to."""
    found: list[Any] = []
    if layer.kind == "plain_conv":
        found = [parts["convolution"].kernel]
    elif layer.kind == "plain_separable":
        found = [parts["separable"].depthwise_kernel, parts["separable"].pointwise_kernel]
    elif layer.kind == "plain_depthwise":
        found = [parts["depthwise"].kernel]
    elif layer.kind == "gate":
        found = [parts["gate"].kernel, parts["gate"].bias]
    if layer.normalised or layer.kind == "norm":
        norm = parts["norm"]
        found += [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
    return found
