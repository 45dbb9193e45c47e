"""Embeddings of features in Keras: of each feature, ramps, waves or its robust scaling beside the feature itself. None of their weights is trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genomes.layers import Layer, made_of_each

ROLES = ("kernel", "bias")
REACH = 3.0  # of robust scaling: no value lies further from 0


def embedding_layer(layer: Layer, x: Any, named: Callable[[str], dict[str, Any]]) -> Any:
    """The output tensor of an embedding: the features [samples, features], then what is made of the first, of the second, ...

    Ramp or wave k of feature j is f(z), z = kernel[j, k] * x_j + bias[j, k]: f cuts off below 0 and above 1, or is the sine; of robust scaling it is
    z / sqrt(1 + (z / 3)^2).
    """
    import keras
    from keras import layers

    shape = (int(x.shape[-1]), made_of_each(layer))
    steps = layers.EinsumDense("bi,ik->bik", shape, bias_axes="ik", trainable=False, **named("steps"))(x)
    if layer.kind == "piecewise":
        made = layers.ReLU(max_value=1.0, **named("ramps"))(steps)
    elif layer.kind == "periodic":
        made = keras.ops.sin(steps)
    else:
        made = steps / keras.ops.sqrt(1 + (steps / REACH) ** 2)
    flat = layers.Reshape((shape[0] * shape[1],), **named("each"))(made)
    return layers.Concatenate(**named("embedded"))([x, flat])


def embedding_variables(parts: Mapping[str, Any]) -> list[Any]:
    """The Keras variables in the order of `ROLES`."""
    return [parts["steps"].kernel, parts["steps"].bias]
