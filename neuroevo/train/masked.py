"""A model some of whose inputs to layers are multiplied by masks, compiled once for all masks.

What a mask multiplies are rows of kernels, so a masked channel is one that no layer reads. Neither weights nor graph are touched, and no model
is built: another mask is another argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.train.gradients import gradients

Scalar = Callable[[Any, Any], Any]  # of outputs and targets, in keras.ops


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a weight that belong to players.

    Attributes:
        place: of the weight in `model.weights`.
        axis: of the weight.
        players: int64 [size of the axis]; -1 for rows that belong to none.
    """

    place: int
    axis: int
    players: npt.NDArray[np.int64]


class MaskedModel:
    """A model under masks.

    Args:
        model: functional; its weights are those of the moment in which it is asked.
        rows: what the masks multiply.
        players: how many.
        x: float32 [samples, *input_shape].
        targets: float32 [samples, outputs].

    Raises:
        ValueError: a Keras backend that is neither TensorFlow nor JAX.
    """

    def __init__(self, model: Any, rows: Sequence[Rows], players: int, x: npt.NDArray[Any], targets: npt.NDArray[Any]) -> None:
        import keras

        self.model, self.players = model, players
        self._rows = {row.place: row for row in rows}
        self._x, self._targets = (keras.ops.convert_to_tensor(array) for array in (x, targets))
        place = {id(variable): number for number, variable in enumerate(model.weights)}
        self._trainable = [place.get(id(variable)) for variable in model.trainable_variables]
        self._others = [place.get(id(variable)) for variable in model.non_trainable_variables]
        self._compiled: dict[Scalar, Callable[..., Any]] = {}

    def values(self, masks: npt.NDArray[Any], scalar: Scalar) -> npt.NDArray[np.float64]:
        """A number of the masked model for each mask.

        Args:
            masks: [masks, players]; 1 keeps a player, 0 takes it out.
            scalar: of outputs and targets, in `keras.ops`; a function that is given again is not compiled again.

        Returns:
            float64 [masks].
        """
        import keras

        if scalar not in self._compiled:
            self._compiled[scalar] = _compiled(lambda masks, weights: keras.ops.map(
                lambda mask: scalar(self._outputs(mask, self._x, weights), self._targets), masks
            ))  # fmt: skip
        padded = np.ones((1 << max(len(masks) - 1, 0).bit_length(), self.players), np.float32)  # few lengths: few compilations
        padded[: len(masks)] = masks
        found = self._compiled[scalar](keras.ops.convert_to_tensor(padded), self._weights())
        return np.asarray(found, np.float64)[: len(masks)]

    def slopes(self, mask: npt.NDArray[Any], scalar: Scalar, batch: int) -> npt.NDArray[np.float64]:
        """How a number of the masked model changes with the mask, on one batch of samples after the other: float64 [batches, players]."""
        import keras

        found = []
        for at in range(0, len(self._x), batch):
            x, targets = self._x[at : at + batch], self._targets[at : at + batch]

            def number(given: list[Any], x: Any = x, targets: Any = targets) -> Any:
                return scalar(self._outputs(given[0], x, self._weights()), targets)

            found.append(gradients(number, [keras.ops.convert_to_tensor(np.asarray(mask, np.float32))])[0])
        return np.asarray(found, np.float64)

    def _weights(self) -> tuple[list[Any], list[Any]]:
        return (
            [variable.value for variable in self.model.trainable_variables],
            [variable.value for variable in self.model.non_trainable_variables],
        )

    def _outputs(self, mask: Any, x: Any, weights: tuple[list[Any], list[Any]]) -> Any:
        from keras import ops

        alive = ops.concatenate([mask, ops.ones((1,), mask.dtype)])  # -1 is the last: rows that belong to nobody

        def masked(places: Sequence[int | None], values: list[Any]) -> list[Any]:
            found = []
            for place, value in zip(places, values, strict=True):
                row = None if place is None else self._rows.get(place)
                if row is not None:
                    shape = [-1 if at == row.axis else 1 for at in range(len(value.shape))]
                    value = value * ops.cast(ops.reshape(ops.take(alive, row.players % (self.players + 1)), shape), value.dtype)
                found.append(value)
            return found

        trainable, others = masked(self._trainable, weights[0]), masked(self._others, weights[1])
        return ops.cast(self.model.stateless_call(trainable, others, x, training=False)[0], "float32")


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, autograph=False, reduce_retracing=True)  # type: ignore[no-any-return]
    if backend == "jax":
        import jax

        return jax.jit(function)
    raise ValueError(f"masked models run on the Keras backends tensorflow and jax, got {backend!r}; set KERAS_BACKEND to one")
