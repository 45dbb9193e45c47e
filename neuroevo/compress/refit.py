"""Refit of a cut model: the layers that lost inputs are fitted to what they computed before the cut, first to last, by ridge least squares (as He,
Zhang & Sun 2017, section 3.1, do for pruned channels). It needs a few hundred samples and no training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.compress.channels import CONVOLUTIONS, SEPARABLE, Channels
from neuroevo.compress.cutting import Cut
from neuroevo.compress.values import inputs_read
from neuroevo.inherit import Refit
from neuroevo.inherit.ridge import drawn_places, ridge_change, windows

Floats = npt.NDArray[np.floating]
SAMPLES = 1024


def refit_cut(
    channels: Channels,
    kept: npt.NDArray[np.bool_],
    found: Cut,
    x: npt.NDArray[Any],
    rng: np.random.Generator,
    settings: Refit | None = None,
) -> None:
    """Fit the layers of a cut model to what they computed in the model that it was cut from, in place.

    Dense layers, convolutions and separable ones (their 1x1 part) are fitted. An offset goes to the bias, or to the mean that a BatchNorm right
    behind subtracts; where there is neither, there is none. A layer that is called several times is left as it is.

    Args:
        channels: of the model before the cut, with its weights of then.
        kept: bool [players], what was kept.
        found: what `cut` gave.
        x: float32 [samples, *input_shape], training samples; at most 1,024 are looked at.
        rng: draws the positions of convolutions that are compared.
    """
    settings, x = settings or Refit(), x[:SAMPLES]
    alive = np.append(kept, True)
    before = inputs_read(channels, x)
    clones = {id(layer): clone for layer, clone in found.layers}
    for made in channels.made:
        layer, clone = made.layer, clones.get(id(made.layer))
        if clone is None or len(before[id(layer)]) != 1 or not _linear(layer):
            continue
        columns = np.flatnonzero(alive[made.players])
        seen = _Seen(layer, before[id(layer)][0].shape, settings.rows, rng)
        wanted = seen.rows(layer, before[id(layer)][0]) @ _matrix(layer)[:, columns] + _bias(layer)[columns]
        rows, matrix, bias = seen.rows(clone, _input_of(found.model, clone, x)), _matrix(clone), _bias(clone)
        missing = wanted - rows @ matrix - bias
        if _size(missing) <= settings.tolerance * _size(wanted):
            continue
        norm = None if layer.use_bias else _norm_behind(clone)
        change, shift = ridge_change(rows, missing, settings.ridge, offset=layer.use_bias or norm is not None)
        kernel = clone.weights[1 if type(layer).__name__ in SEPARABLE else 0]
        kernel.assign((matrix + change).reshape(kernel.shape))
        if layer.use_bias:
            clone.bias.assign(bias + shift)
        elif norm is not None:
            norm.moving_mean.assign(np.asarray(norm.moving_mean) - shift)


class _Seen:
    """The positions of a layer at which it is looked at, before the cut and after."""

    def __init__(self, layer: Any, shape: tuple[int, ...], most: int, rng: np.random.Generator) -> None:
        self.convolution = type(layer).__name__ != "Dense"
        if not self.convolution:
            self.places = drawn_places(shape[:-1], max(most, SAMPLES), rng)
            return
        axes = len(layer.kernel_size)
        dilation, sizes = tuple(layer.dilation_rate), shape[1:-1]
        reach = [(k - 1) * d + 1 for k, d in zip(layer.kernel_size, dilation, strict=True)]
        if layer.padding == "valid":
            padding = [(0, 0)] * axes
        elif layer.padding == "causal":
            padding = [(reach[0] - 1, 0)]
        else:
            totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(sizes, layer.strides, reach, strict=True)]
            padding = [(total // 2, total - total // 2) for total in totals]
        self.geometry = (tuple(layer.kernel_size), tuple(layer.strides), dilation, padding)
        seen = windows(np.zeros((1, *sizes, 1)), *self.geometry).shape[1 : 1 + axes]
        self.places = drawn_places((shape[0], *seen), most, rng)

    def rows(self, layer: Any, inputs: Floats) -> npt.NDArray[np.float64]:
        """What the linear map of the layer, or of its clone, reads at these positions: float64 [rows, taps * channels]; of a separable
        convolution what its 1x1 part reads, [rows, channels]."""
        seen = windows(inputs, *self.geometry)[self.places] if self.convolution else inputs[self.places]
        rows = np.asarray(seen.reshape(len(self.places[0]), -1), np.float64)
        if type(layer).__name__ not in SEPARABLE:
            return rows
        kernel = np.asarray(layer.weights[0], np.float64)
        taps = kernel.reshape(math.prod(kernel.shape[:-2]), kernel.shape[-2])
        return np.asarray(np.einsum("ntc,tc->nc", rows.reshape(len(rows), *taps.shape), taps), np.float64)


def _linear(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind == "Dense" or kind in CONVOLUTIONS or kind in SEPARABLE


def _matrix(layer: Any) -> npt.NDArray[np.float64]:
    """The linear map as a matrix [what it reads, outputs]; of a separable convolution its 1x1 part."""
    kernel = np.asarray(layer.weights[1 if type(layer).__name__ in SEPARABLE else 0], np.float64)
    return kernel.reshape(-1, kernel.shape[-1])


def _bias(layer: Any) -> npt.NDArray[np.float64]:
    return np.asarray(layer.bias, np.float64) if layer.use_bias else np.zeros(_matrix(layer).shape[1])


def _norm_behind(layer: Any) -> Any:
    """The BatchNorm that alone takes a layer's output, if there is one."""
    followers = [node.operation for node in layer._outbound_nodes]
    return followers[0] if len(followers) == 1 and type(followers[0]).__name__ == "BatchNormalization" else None


def _input_of(model: Any, layer: Any, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    import keras

    if layer.input is model.inputs[0]:
        return x
    found: npt.NDArray[Any] = keras.ops.convert_to_numpy(keras.Model(model.inputs[0], layer.input)(x, training=False))
    return found


def _size(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values)))) if values.size else 0.0
