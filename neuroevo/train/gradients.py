"""Gradients of one number that a network's outputs give, by its weights or by its inputs; nothing of the network is changed.

Whoever asks for them once for each network does not want them compiled: that takes longer than all the layers do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Scalar = Callable[[Any], Any]


def outputs(model: Any, x: Any, *, training: bool, trainable: Sequence[Any] | None = None) -> Any:
    """What the model gives for a batch, with these trainable weights in place of its own; BatchNorm in training mode takes the batch's
    statistics, and the moving ones stay as they are."""
    others = [variable.value for variable in model.non_trainable_variables]
    given = [variable.value for variable in model.trainable_variables] if trainable is None else list(trainable)
    return model.stateless_call(given, others, x, training=training)[0]


def weight_gradients(model: Any, x: Array, scalar: Scalar, *, training: bool = True) -> list[Array]:
    """The gradient of `scalar(outputs)` by each trainable variable, in the model's order.

    Args:
        x: [samples, *input_shape].
        scalar: from the model's outputs to one number, in `keras.ops`.
        training: the mode of BatchNorm.
    """
    weights = [variable.value for variable in model.trainable_variables]
    batch = _tensor(x)
    return gradients(lambda given: scalar(outputs(model, batch, training=training, trainable=given)), weights)


def input_gradients(model: Any, x: Array, scalar: Scalar, *, training: bool = True) -> Array:
    """The gradient of `scalar(outputs)` by the batch: [samples, *input_shape]."""
    (found,) = gradients(lambda given: scalar(outputs(model, given[0], training=training)), [_tensor(x)])
    return found


@contextmanager
def double_precision() -> Iterator[None]:
    """Layers made and called inside the block may have float64 weights, which JAX otherwise cuts to float32."""
    import keras

    if keras.backend.backend() != "jax":
        yield
        return
    import jax

    settings: Any = jax.config
    before = settings.jax_enable_x64
    settings.update("jax_enable_x64", True)
    try:
        yield
    finally:
        settings.update("jax_enable_x64", before)


def _tensor(x: Array) -> Any:
    import keras

    return keras.ops.convert_to_tensor(x)


def gradients(function: Callable[[list[Any]], Any], at: list[Any]) -> list[Array]:
    """Of a number, by each of these tensors; 0 where it does not depend on one."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        given = [tf.convert_to_tensor(tensor) for tensor in at]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(given)
            value = function(given)
        found = tape.gradient(value, given, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    elif backend == "jax":
        import jax

        found = jax.grad(function)(list(at))
    else:
        raise ValueError(
            f"gradients are taken on the Keras backends tensorflow and jax, got {backend!r}; set KERAS_BACKEND to one"
        )
    return [np.asarray(array) for array in found]
