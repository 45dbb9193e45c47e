"""The head of a detector in Keras (Tian, Shen, Chen & He 2019, FCOS, section 3.1): the same convolutions on the maps of all levels.

A BatchNorm's statistics are those of its own level: maps of different levels differ in size and scale, and one average over all of them would
be none of theirs (as in the authors' code of NAS-FPN). With its gamma and beta each level also has the scale of its own that FCOS gives boxes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from genomes.layers import BOX, Layer
from neuroevo.decode.plain import EPSILON, MOMENTUM, NORM

PRIOR = 0.01  # the probability that a location shows a class, before training (Lin et al. 2017, focal loss, section 3.3)
SPREAD = 0.01  # standard deviation of the last convolution's fresh weights (the same)


def detect_layer(layer: Layer, taken: list[Any], named: Callable[[str], dict[str, Any]], last: Any) -> Any:
    """The outputs [samples, locations, classes + 5] of a detector on the maps `taken`, the finest level first; `last` is the dtype of the
    last convolution and of the outputs."""
    from keras import initializers, layers

    maps = list(taken)
    for step in range(layer.repeats):
        convolution = layers.Conv2D(
            maps[0].shape[-1],
            layer.kernel,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            **named(f"convolution_{step}"),
        )
        for level, x in enumerate(maps):
            x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, **named(f"norm_{step}_{level}"))(convolution(x))
            maps[level] = layers.ReLU(**named(f"relu_{step}_{level}"))(x)
    outputs = layer.width + BOX
    final = {**named("prediction"), "dtype": last}
    initial = initializers.RandomNormal(stddev=SPREAD)
    prediction = layers.Conv2D(outputs, layer.kernel, padding="same", kernel_initializer=initial, **final)
    flat = []
    for level, x in enumerate(maps):
        flat.append(layers.Reshape((-1, outputs), **{**named(f"locations_{level}"), "dtype": last})(prediction(x)))
    prediction.bias.assign(first_bias(layer.width))
    return layers.Concatenate(axis=1, **{**named("levels"), "dtype": last})(flat) if len(flat) > 1 else flat[0]


def first_bias(classes: int) -> Any:
    """The last convolution's biases before training: float32 [classes + 5]. Nearly nothing is anything at first, so that the many locations
    without an object do not drown the few with one."""
    return np.array([-np.log((1 - PRIOR) / PRIOR)] * classes + [0.0] * BOX, np.float32)


def detect_roles(layer: Layer) -> tuple[str, ...]:
    """The roles of a detector's weights."""
    tower: list[str] = []
    for step in range(layer.repeats):
        tower += [f"kernel_{step}", *[f"{role}_{step}_{level}" for level in range(layer.levels) for role in NORM]]
    return (*tower, "kernel", "bias")


def detect_variables(layer: Layer, parts: Mapping[str, Any]) -> list[Any]:
    """The Keras variables in the order of the roles."""
    found: list[Any] = []
    for step in range(layer.repeats):
        found.append(parts[f"convolution_{step}"].kernel)
        for level in range(layer.levels):
            norm = parts[f"norm_{step}_{level}"]
            found += [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
    return [*found, parts["prediction"].kernel, parts["prediction"].bias]
