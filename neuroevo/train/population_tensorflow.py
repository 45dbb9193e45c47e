"""A population's steps compiled with TensorFlow: one `tf.function` makes all steps of a call.

Tables have unknown sizes when it is traced, so one trace serves every population of equal depth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from neuroevo.train.population_forward import Tables
from neuroevo.train.population_layout import Layout
from neuroevo.train.population_steps import PIECE, Masks, Method, State, Steps


class TensorflowSteps(Steps):
    """See `Steps`."""

    def __init__(self, method: Method) -> None:
        super().__init__(method)
        self._functions: dict[Any, Any] = {}

    def train(
        self, layout: Layout, tables: Tables, masks: Masks, state: State, x: Any, y: Any, order: Any, rates: Any
    ) -> tuple[State, npt.NDArray[np.floating]]:
        whole = order.shape[1] == 0

        def run(tables: Tables, masks: Masks, state: State, x: Any, y: Any, order: Any, rates: Any) -> Any:
            def step(index: Any, state: State) -> tuple[Any, State]:
                rows = order[index]
                batch = (x, y) if whole else (tf.gather(x, rows), tf.gather(y, rows))
                return index + 1, self._step(layout, tables, masks, state, *batch, rates[index])

            _, state = tf.while_loop(
                lambda index, _: index < tf.shape(order)[0], step, (tf.constant(0), state), parallel_iterations=1
            )
            return state, self._all_losses(layout, tables, state.weights, state.biases, x, y)

        arguments = (tables, masks, state, x, y, order, rates)
        ended, losses = self._function(("train", layout, whole, x.dtype), run, arguments)(*arguments)
        return tf.nest.map_structure(lambda tensor: tensor.numpy(), ended), losses.numpy()

    def outputs(self, layout: Layout, tables: Tables, state: State, x: Any) -> npt.NDArray[np.floating]:
        def run(tables: Tables, weights: Any, biases: Any, x: Any) -> Any:
            return tf.transpose(self._forward(layout, tables, weights, biases, x), (0, 2, 1))

        arguments = (tables, state.weights, state.biases, x)
        values: npt.NDArray[np.floating] = self._function(("outputs", layout, x.dtype), run, arguments)(*arguments).numpy()
        return values

    def _function(self, key: Any, run: Any, arguments: tuple[Any, ...]) -> Any:
        """The compiled function: traced once for a layout, whatever the sizes of its tables."""
        if key not in self._functions:

            def unsized(array: npt.NDArray[Any]) -> Any:
                return tf.TensorSpec([None] * np.ndim(array), array.dtype)

            signature = tf.nest.map_structure(unsized, arguments)
            self._functions[key] = tf.function(run, input_signature=signature, autograph=False)
        return self._functions[key]

    def _over_pieces(self, function: Callable[[Any, Any], tuple[Any, ...]], x: Any, y: Any) -> tuple[Any, ...]:
        count = tf.shape(x)[0]

        def piece(at: Any) -> list[Any]:
            found = function(x[at : at + PIECE], y[at : at + PIECE])
            share = tf.cast(tf.minimum(PIECE, count - at), x.dtype) / tf.cast(count, x.dtype)
            return [share * one for one in found]

        def further(at: Any, *sums: Any) -> tuple[Any, ...]:
            return (at + PIECE, *[total + one for total, one in zip(sums, piece(at), strict=True)])

        _, *sums = tf.while_loop(lambda at, *_: at < count, further, (tf.constant(PIECE), *piece(0)), parallel_iterations=1)
        return tuple(sums)

    def _differentiated(self, layout: Layout, tables: Tables, state: State, x: Any, y: Any) -> tuple[Any, Any]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([state.weights, state.biases])
            total = tf.reduce_sum(self._losses(layout, tables, state.weights, state.biases, x, y))
        weights, biases = tape.gradient(total, [state.weights, state.biases], unconnected_gradients="zero")
        return weights, biases

    def _by_level(self, flat: Any, tables: Tables, edges: bool) -> Sequence[Any]:
        sizes = [tf.shape(table)[0] for table in (tables.sources if edges else tables.edges)]
        return list(tf.split(flat, tf.stack(sizes), num=len(sizes)))
