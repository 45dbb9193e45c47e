"""What NEAT's nodes compute, in `keras.ops`: the built-in activations and aggregations, for one model and for whole populations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from genomes.base import unknown
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS

STEEPNESS = 4.9  # of the steepened sigmoid
_LARGEST = 700.0  # as in the compiled kernels: exp of more is cut there
_SMALLEST = 1e-7  # the logarithm's argument is at least this


def activate(name: str, x: Any) -> Any:
    """An activation of a tensor, element by element. Gradients are finite wherever the value is.

    Raises:
        ValueError: no built-in activation has that name.
    """
    if name not in _ACTIVATIONS:
        raise ValueError(unknown("activation", name, ACTIVATIONS))
    return _ACTIVATIONS[name](x)


def gather(name: str, x: Any) -> Any:
    """An aggregation of a tensor [..., n] over its last axis, which is kept with length 1.

    Raises:
        ValueError: no built-in aggregation has that name.
    """
    from keras import ops

    if name == "sum":
        return ops.sum(x, axis=-1, keepdims=True)
    if name == "mean":
        return ops.mean(x, axis=-1, keepdims=True)
    if name == "product":
        return ops.prod(x, axis=-1, keepdims=True)
    if name == "max":
        return ops.max(x, axis=-1, keepdims=True)
    if name == "min":
        return ops.min(x, axis=-1, keepdims=True)
    if name == "max_absolute":
        # of neighbours, then of the neighbours left over: the first of equal ones, as argmax would, in operations that every runtime has
        while x.shape[-1] > 1:
            count = x.shape[-1]
            first, second, rest = x[..., 0 : count - 1 : 2], x[..., 1:count:2], x[..., count - count % 2 :]
            x = ops.where(ops.greater(ops.absolute(second), ops.absolute(first)), second, first)
            x = ops.concatenate([x, rest], axis=-1) if count % 2 else x
        return x
    if name == "median":
        count = x.shape[-1]
        ordered = ops.sort(x, axis=-1)
        low, high = (count - 1) // 2, count // 2
        return ops.multiply(0.5, ops.add(ordered[..., low : low + 1], ordered[..., high : high + 1]))
    raise ValueError(unknown("aggregation", name, AGGREGATIONS))


def _ops() -> Any:
    from keras import ops

    return ops


def _step(x: Any) -> Any:
    ops = _ops()
    return ops.where(ops.greater(x, 0.0), ops.ones_like(x), ops.zeros_like(x))


def _inverse(x: Any) -> Any:
    ops = _ops()
    zero = ops.equal(x, 0.0)  # what is not chosen is kept finite, so that no gradient of it is infinite times 0
    return ops.where(zero, ops.zeros_like(x), ops.reciprocal(ops.where(zero, ops.ones_like(x), x)))


_ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "identity": lambda x: x,
    "sigmoid": lambda x: _ops().sigmoid(x),
    "steepened_sigmoid": lambda x: _ops().sigmoid(_ops().multiply(x, STEEPNESS)),
    "tanh": lambda x: _ops().tanh(x),
    "relu": lambda x: _ops().relu(x),
    "sine": lambda x: _ops().sin(x),
    "cosine": lambda x: _ops().cos(x),
    "gaussian": lambda x: _ops().exp(_ops().negative(_ops().square(x))),
    "absolute": lambda x: _ops().absolute(x),
    "square": lambda x: _ops().square(x),
    "step": _step,
    "leaky_relu": lambda x: _ops().maximum(x, _ops().multiply(x, 0.01)),
    "elu": lambda x: _ops().elu(x),
    "selu": lambda x: _ops().selu(x),
    "softplus": lambda x: _ops().softplus(x),
    "cube": lambda x: _ops().multiply(x, _ops().square(x)),
    "inverse": _inverse,
    "exp": lambda x: _ops().exp(_ops().minimum(x, _LARGEST)),
    "log": lambda x: _ops().log(_ops().maximum(x, _SMALLEST)),
    "clamped": lambda x: _ops().clip(x, -1.0, 1.0),
    "hat": lambda x: _ops().relu(_ops().subtract(1.0, _ops().absolute(x))),
    "sign": lambda x: _ops().sign(x),
}
assert tuple(_ACTIVATIONS) == ACTIVATIONS
