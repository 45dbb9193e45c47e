"""Shared networks on JAX: one jitted step in a Python loop, since convolutions inside `lax.scan` are slow on a CPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from neuroevo.decode.plain import EPSILON
from neuroevo.train.supernet.backends import Backend

AXES = ("NHWC", "HWIO", "NHWC")


class JaxBackend(Backend):
    """See `Backend`."""

    def convolution(self, x: Any, kernel: Any, stride: int, dilation: int) -> Any:
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), "SAME", rhs_dilation=(dilation, dilation), dimension_numbers=AXES
        )

    def bare_convolution(self, x: Any, kernel: Any, strides: tuple[int, int]) -> Any:
        return lax.conv_general_dilated(x, kernel, strides, "VALID", dimension_numbers=AXES)

    def padded(self, x: Any, before: tuple[int, int], behind: tuple[int, int]) -> Any:
        return jnp.pad(x, ((0, 0), (before[0], behind[0]), (before[1], behind[1]), (0, 0)))

    def window(self, x: Any, begin: tuple[Any, Any], size: tuple[int, int]) -> Any:
        return lax.dynamic_slice(x, (0, begin[0], begin[1], 0), (x.shape[0], *size, x.shape[-1]))

    def highest_of_each(self, x: Any, rows: Any, columns: Any) -> Any:
        for places, size, axis in ((rows, x.shape[1], 1), (columns, x.shape[2], 2)):
            x = jnp.moveaxis(jax.ops.segment_max(jnp.moveaxis(x, axis, 0), places, size), 0, axis)
        return jax.nn.relu(x)

    def depthwise(self, x: Any, kernel: Any, stride: int, dilation: int) -> Any:
        channels = kernel.shape[2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, channels)
        return lax.conv_general_dilated(
            x, kernel, (stride, stride), "SAME", rhs_dilation=(dilation, dilation), dimension_numbers=AXES,
            feature_group_count=channels,
        )  # fmt: skip

    def pooling(self, x: Any, kind: str, kernel: tuple[int, int], stride: tuple[int, int]) -> Any:
        if kernel == (1, 1):
            return x[:, :: stride[0], :: stride[1]]
        window, strides = (1, *kernel, 1), (1, *stride, 1)
        if kind == "max_pool":
            return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, "SAME")
        total = lax.reduce_window(x, 0.0, lax.add, window, strides, "SAME")
        return total / lax.reduce_window(jnp.ones((1, *x.shape[1:3], 1)), 0.0, lax.add, window, strides, "SAME")

    def upsampled(self, x: Any, times: int) -> Any:
        return jnp.repeat(jnp.repeat(x, times, axis=1), times, axis=2)

    def standardised(self, x: Any) -> tuple[Any, Any, Any]:
        mean = x.mean(axis=(0, 1, 2))
        variance = ((x - mean) ** 2).mean(axis=(0, 1, 2))
        return (x - mean) * lax.rsqrt(variance + EPSILON), mean, variance

    def rsqrt(self, x: Any) -> Any:
        return lax.rsqrt(x)

    def relu(self, x: Any) -> Any:
        return jax.nn.relu(x)

    def concatenate(self, parts: Sequence[Any], axis: int) -> Any:
        return jnp.concatenate(list(parts), axis)

    def split(self, vector: Any, sizes: Sequence[int]) -> list[Any]:
        return list(jnp.split(vector, np.cumsum(sizes)[:-1]))

    def cross_entropy(self, logits: Any, targets: Any) -> Any:
        return -(targets * jax.nn.log_softmax(logits)).sum(axis=1).mean()

    def squared_error(self, outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2).mean()

    def switch(self, index: Any, branches: Sequence[Callable[[], Any]]) -> Any:
        return lax.switch(index, list(branches))

    def constant(self, array: Any, dtype: str = "float32") -> Any:
        return jnp.asarray(array, dtype)

    def averaged(self, x: Any) -> Any:
        return x.mean(axis=(1, 2))

    def matmul(self, first: Any, second: Any) -> Any:
        return first @ second

    def reshape(self, x: Any, shape: Sequence[int]) -> Any:
        return x.reshape(shape)

    def whole(self, x: Any) -> Any:
        return jnp.asarray(x, jnp.int32)

    def gather(self, x: Any, rows: Any) -> Any:
        return jnp.take(x, rows, axis=0)

    def equal(self, first: Any, second: Any) -> Any:
        return jnp.equal(first, second).astype(jnp.float32)

    def exp(self, x: Any) -> Any:
        return jnp.exp(x)

    def sqrt(self, x: Any) -> Any:
        return jnp.sqrt(x)

    def where(self, condition: Any, first: Any, second: Any) -> Any:
        return jnp.where(condition, first, second)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        return jnp.clip(x, low, high)

    def total(self, x: Any, axis: int | None = None) -> Any:
        return x.sum(axis=axis, keepdims=axis is not None)

    def highest(self, x: Any, axis: int) -> Any:
        return x.max(axis=axis, keepdims=True)

    def gradient(self, function: Callable[..., Any], *arguments: Any) -> tuple[Any, tuple[Any, ...]]:
        return jax.value_and_grad(function, argnums=tuple(range(len(arguments))))(*arguments)  # type: ignore[no-any-return]

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return jax.jit(function)  # type: ignore[no-any-return]

    def epoch(self, step: Callable[..., tuple[tuple[Any, ...], Any]], samples: int = 2) -> Callable[..., tuple[list[Any], float]]:
        jitted = jax.jit(step)

        def called(state: Sequence[Any], given: Sequence[Any], each: Sequence[Any]) -> tuple[list[Any], float]:
            now, losses = tuple(map(jnp.asarray, state)), []
            placed = tuple(map(jnp.asarray, given))
            for index in range(len(each[0])):
                now, loss = jitted(now, placed, tuple([one[index] for one in each]))
                losses.append(loss)
            return [np.asarray(value) for value in now], float(np.mean(losses)) if losses else 0.0

        return called
