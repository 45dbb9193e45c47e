"""The forward pass and the losses of a whole population of different topologies, in `keras.ops`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops
from keras.backend import standardize_dtype

from genomes.base import unknown
from neuroevo.decode.node_functions import activate
from neuroevo.train.population_layout import Arrangement, Layout

Loss = Callable[[Any, Any], Any]


class Tables(NamedTuple):
    """An arrangement's tables as the forward pass takes them: one array a level, as `neuroevo.train.population_layout.Level` says."""

    sources: list[Any]
    targets: list[Any]
    slots: list[Any]
    edges: list[Any]
    response: list[Any]
    activation: list[Any]
    aggregation: list[Any]
    outputs: Any


def tables_of(arrangement: Arrangement, dtype: str) -> Tables:
    """The tables as NumPy arrays of the right dtypes."""
    levels = arrangement.levels
    return Tables(
        [level.sources for level in levels],
        [level.targets for level in levels],
        [level.slots for level in levels],
        [level.count for level in levels],
        [level.response.astype(dtype) for level in levels],
        [level.activation for level in levels],
        [level.aggregation for level in levels],
        arrangement.outputs,
    )


def forward(layout: Layout, tables: Tables, weights: Sequence[Any], biases: Sequence[Any], x: Any) -> Any:
    """The outputs of every member.

    Args:
        weights: for each level [edges].
        biases: for each level [nodes].
        x: [samples, inputs].

    Returns:
        [members, outputs, samples].
    """
    columns = ops.transpose(x)
    one = ops.zeros_like(ops.sum(columns, axis=0, keepdims=True))
    values = ops.concatenate([one, columns, one + layout.bias_value], axis=0)
    for level in range(layout.levels):
        terms = ops.take(values, tables.sources[level], axis=0) * ops.expand_dims(weights[level], -1)
        gathered = _gathered(layout, tables, level, terms)
        total = ops.expand_dims(tables.response[level], -1) * gathered + ops.expand_dims(biases[level], -1)
        values = ops.concatenate([values, _activated(layout, total, tables.activation[level])], axis=0)
    outputs = ops.take(values, tables.outputs, axis=0)
    return ops.reshape(outputs, (-1, layout.outputs, ops.shape(x)[0]))


def _activated(layout: Layout, x: Any, code: Any) -> Any:
    """Each node's own activation. What a node does not compute is given 0.5, so that its gradient is a number too."""
    names = layout.activations
    if len(names) == 1:
        return activate(names[0], x)
    result = x
    for position, name in enumerate(names):
        mine = ops.expand_dims(ops.equal(code, position), -1)
        result = ops.where(mine, activate(name, ops.where(mine, x, 0.5)), result)
    return result


def _gathered(layout: Layout, tables: Tables, level: int, terms: Any) -> Any:
    """Each node's own aggregation of terms [edges, samples]; of none 0, or for the product 1."""
    names, count, code = layout.aggregations, tables.edges[level], tables.aggregation[level]
    if names == ("sum",):
        return ops.segment_sum(terms, tables.targets[level], ops.shape(count)[0])
    slots = tables.slots[level]
    terms = ops.take(ops.concatenate([terms, ops.zeros_like(terms[:1])], axis=0), slots, axis=0)
    number = ops.cast(ops.expand_dims(ops.maximum(count, 1), -1), terms.dtype)
    there = ops.expand_dims(ops.expand_dims(ops.arange(ops.shape(slots)[1]), 0) < ops.expand_dims(count, -1), -1)
    result = None
    for position, name in enumerate(names):
        one = _gather(name, terms, there, ops.expand_dims(count, -1), number)
        result = one if result is None else ops.where(ops.expand_dims(ops.equal(code, position), -1), one, result)
    empty = ops.zeros_like(number)
    if "product" in names:
        empty = ops.where(ops.expand_dims(ops.equal(code, names.index("product")), -1), ops.ones_like(number), empty)
    return ops.where(ops.expand_dims(ops.equal(count, 0), -1), empty, result)


def _gather(name: str, terms: Any, there: Any, count: Any, number: Any) -> Any:
    if name in ("sum", "mean"):
        total = ops.sum(terms, axis=1)
        return total if name == "sum" else total / number
    if name == "product":
        return ops.prod(ops.where(there, terms, 1.0), axis=1)
    if name == "max_absolute":
        most = ops.argmax(ops.where(there, ops.absolute(terms), -1.0), axis=1)
        return ops.squeeze(ops.take_along_axis(terms, ops.expand_dims(most, 1), axis=1), 1)
    far = 0.25 * float(np.finfo(standardize_dtype(terms.dtype)).max)
    if name == "min":
        return ops.min(ops.where(there, terms, far), axis=1, initial=far)  # of a level without nodes, too
    if name == "max":
        return ops.max(ops.where(there, terms, -far), axis=1, initial=-far)
    ordered = ops.sort(ops.where(there, terms, far), axis=1)  # the median
    middle = [
        ops.take_along_axis(
            ordered, ops.broadcast_to(ops.expand_dims(at, 1), (*ops.shape(at)[:1], 1, ops.shape(terms)[2])), axis=1
        )
        for at in (ops.maximum(count - 1, 0) // 2, count // 2)
    ]
    return ops.squeeze(0.5 * (middle[0] + middle[1]), 1)


def loss_function(loss: str | Loss) -> Loss:
    """The losses of all members: a function from outputs [members, outputs, samples] and targets [samples, outputs] to [members].

    Args:
        loss: "mean_squared_error"; "cross_entropy" (the outputs are logits, the targets probabilities); or a function in `keras.ops` from
            one sample's outputs and targets, [..., samples, outputs] both, to losses [..., samples].

    Raises:
        ValueError: an unknown name.
    """
    if loss == "mean_squared_error":
        return lambda outputs, targets: ops.mean(ops.square(outputs - ops.transpose(targets)), axis=(1, 2))
    if loss == "cross_entropy":
        return lambda outputs, targets: (
            -ops.mean(ops.sum(ops.log_softmax(outputs, axis=1) * ops.transpose(targets), axis=1), axis=1)
        )
    if callable(loss):
        return lambda outputs, targets: ops.mean(loss(ops.transpose(outputs, (0, 2, 1)), targets), axis=1)
    raise ValueError(unknown("loss", loss, LOSSES))


LOSSES = ("mean_squared_error", "cross_entropy")
