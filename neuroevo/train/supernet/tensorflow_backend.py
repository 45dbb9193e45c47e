"""Shared networks on TensorFlow: one `tf.function` runs a whole epoch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

import tensorflow as tf

from neuroevo.decode.plain import EPSILON
from neuroevo.train.supernet.backends import Backend


class TensorflowBackend(Backend):
    """See `Backend`."""

    def __init__(self) -> None:
        self._traced: dict[Hashable, Any] = {}

    def once(self, key: Hashable, function: Callable[..., Any]) -> Callable[..., Any]:
        if key not in self._traced:
            self._traced[key] = tf.function(function, autograph=False)
        return self._traced[key]  # type: ignore[no-any-return]

    def convolution(self, x: Any, kernel: Any, stride: int, dilation: int) -> Any:
        if dilation == 1:
            return tf.nn.conv2d(x, kernel, stride, "SAME")
        return tf.nn.convolution(x, kernel, padding="SAME", dilations=dilation)  # conv2d has no gradient for dilations on a CPU

    def bare_convolution(self, x: Any, kernel: Any, strides: tuple[int, int]) -> Any:
        return tf.nn.conv2d(x, kernel, strides, "VALID")

    def padded(self, x: Any, before: tuple[int, int], behind: tuple[int, int]) -> Any:
        return tf.pad(x, [[0, 0], [before[0], behind[0]], [before[1], behind[1]], [0, 0]])

    def window(self, x: Any, begin: tuple[Any, Any], size: tuple[int, int]) -> Any:
        found = tf.slice(x, tf.stack([0, begin[0], begin[1], 0]), [-1, *size, x.shape[-1]])
        return tf.ensure_shape(found, [None, *size, x.shape[-1]])

    def highest_of_each(self, x: Any, rows: Any, columns: Any) -> Any:
        for places, size, order in ((rows, x.shape[1], [1, 0, 2, 3]), (columns, x.shape[2], [2, 1, 0, 3])):
            x = tf.transpose(tf.math.unsorted_segment_max(tf.transpose(x, order), places, size), order)
        return tf.nn.relu(x)

    def depthwise(self, x: Any, kernel: Any, stride: int, dilation: int) -> Any:
        return tf.nn.depthwise_conv2d(
            x, kernel, (1, stride, stride, 1), "SAME", dilations=None if dilation == 1 else (dilation, dilation)
        )

    def pooling(self, x: Any, kind: str, kernel: tuple[int, int], stride: tuple[int, int]) -> Any:
        if kernel == (1, 1):  # a pooling over one element
            return x[:, :: stride[0], :: stride[1]]
        pool = tf.nn.max_pool2d if kind == "max_pool" else tf.nn.avg_pool2d
        return pool(x, kernel, stride, "SAME")

    def upsampled(self, x: Any, times: int) -> Any:
        return tf.repeat(tf.repeat(x, times, axis=1), times, axis=2)

    def standardised(self, x: Any) -> tuple[Any, Any, Any]:
        channels = x.shape[-1]
        scale, offset, empty = tf.ones([channels]), tf.zeros([channels]), tf.zeros([0])
        y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x, scale=scale, offset=offset, mean=empty, variance=empty, epsilon=EPSILON, is_training=True
        )
        count = tf.cast(tf.reduce_prod(tf.shape(x)[:-1]), tf.float32)
        return y, mean, variance * (count - 1) / count  # it gives the unbiased one, and divides by the other

    def rsqrt(self, x: Any) -> Any:
        return tf.math.rsqrt(x)

    def relu(self, x: Any) -> Any:
        return tf.nn.relu(x)

    def concatenate(self, parts: Sequence[Any], axis: int) -> Any:
        return tf.concat(parts, axis)

    def split(self, vector: Any, sizes: Sequence[int]) -> list[Any]:
        return list(tf.split(vector, list(sizes)))

    def cross_entropy(self, logits: Any, targets: Any) -> Any:
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, logits))

    def squared_error(self, outputs: Any, targets: Any) -> Any:
        return tf.reduce_mean(tf.math.squared_difference(outputs, targets))

    def switch(self, index: Any, branches: Sequence[Callable[[], Any]]) -> Any:
        return tf.switch_case(index, list(branches))

    def constant(self, array: Any, dtype: str = "float32") -> Any:
        return tf.constant(array, dtype)

    def averaged(self, x: Any) -> Any:
        return tf.reduce_mean(x, (1, 2))

    def matmul(self, first: Any, second: Any) -> Any:
        return tf.matmul(first, second)

    def reshape(self, x: Any, shape: Sequence[int]) -> Any:
        return tf.reshape(x, shape)

    def whole(self, x: Any) -> Any:
        return tf.cast(x, tf.int32)

    def gather(self, x: Any, rows: Any) -> Any:
        return tf.gather(x, rows)

    def equal(self, first: Any, second: Any) -> Any:
        return tf.cast(tf.equal(first, second), tf.float32)

    def exp(self, x: Any) -> Any:
        return tf.exp(x)

    def sqrt(self, x: Any) -> Any:
        return tf.sqrt(x)

    def where(self, condition: Any, first: Any, second: Any) -> Any:
        return tf.where(condition, first, second)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        return tf.clip_by_value(x, low, high)

    def total(self, x: Any, axis: int | None = None) -> Any:
        return tf.reduce_sum(x, axis, keepdims=axis is not None)

    def highest(self, x: Any, axis: int) -> Any:
        return tf.reduce_max(x, axis, keepdims=True)

    def gradient(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        with tf.GradientTape() as tape:
            for argument in arguments:
                tape.watch(argument)
            value = function(*arguments)
        gradients = tape.gradient(value, arguments, unconnected_gradients=tf.UnconnectedGradients.ZERO)
        return value, tuple([tf.convert_to_tensor(gradient) for gradient in gradients])

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        traced: dict[Any, Any] = {}

        def called(*arguments: Any) -> Any:
            tensors = [tf.convert_to_tensor(argument) for argument in arguments]
            specs = tuple([_spec(tensor, open=len(tensor.shape) > 1) for tensor in tensors])
            if specs not in traced:
                traced[specs] = tf.function(function, input_signature=specs, autograph=False)
            return traced[specs](*tensors)

        return called

    def epoch(self, step: Callable[..., tuple[tuple[Any, ...], Any]], samples: int = 2) -> Callable[..., tuple[list[Any], float]]:
        def run(state: tuple[Any, ...], given: tuple[Any, ...], each: tuple[Any, ...]) -> Any:
            steps = tf.shape(each[0])[0]

            def body(index: Any, total: Any, *state: Any) -> tuple[Any, ...]:
                new, loss = step(state, given, tuple([one[index] for one in each]))
                return (index + 1, total + loss, *new)

            _, total, *new = tf.while_loop(
                lambda index, *_: index < steps, body, (tf.constant(0), tf.constant(0.0), *state), parallel_iterations=1
            )
            return new, total / tf.cast(steps, tf.float32)

        traced: dict[Any, Any] = {}

        def called(state: Sequence[Any], given: Sequence[Any], each: Sequence[Any]) -> tuple[list[Any], float]:
            groups = [tuple(map(tf.convert_to_tensor, group)) for group in (state, given, each)]
            specs = (
                tuple([_spec(tensor, open=False) for tensor in groups[0]]),
                tuple([_spec(tensor, open=place < samples) for place, tensor in enumerate(groups[1])]),
                tuple([_spec(tensor, open=True) for tensor in groups[2]]),
            )
            if specs not in traced:
                traced[specs] = tf.function(run, input_signature=specs, autograph=False)
            new, loss = traced[specs](*groups)
            return [value.numpy() for value in new], float(loss)

        return called


def _spec(tensor: Any, open: bool) -> Any:
    """What a function is traced for. The first axis of samples and steps stays open from the first call on: a graph for a fixed number of them rounds
    otherwise, and what a run finds would depend on what was computed before."""
    return tf.TensorSpec([None, *tensor.shape[1:]] if open else tensor.shape, tensor.dtype)
