"""A recurrent cell in Keras, written out step by step.

Only layers and operations of Keras, no layer of ours: the file that `model.save` writes loads in plain Keras, and every other export takes
the model. On a CPU an epoch of 40 steps takes half as long as in a loop of TensorFlow's, while compiling takes two seconds longer; it grows
with the steps. The weights of all leaves lie side by side in two dense layers: one gives W x of all steps at once, the other, the same at
every step, U h. JAX's compiler takes half a minute for 40 steps of a base of 8, once for each structure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from genomes.chain.recurrent_cell import CellNode, RecurrentCell
from genomes.layers import Layer


def recurrent_layer(layer: Layer, x: Any, named: Callable[[str], dict[str, Any]]) -> Any:
    """The output tensor of a recurrent layer on a tensor [samples, steps, features]: [samples, units], or [samples, steps, units]."""
    from keras import layers, ops

    cell, units = layer.cell, layer.width
    assert cell is not None
    width = cell.leaves * units
    from_inputs = layers.Dense(width, use_bias=False, **named("inputs"))(x)
    from_hidden = layers.Dense(width, use_bias=cell.biased, **named("hidden"))
    inputs = [ops.unstack(part, axis=1) for part in ops.split(from_inputs, cell.leaves, axis=-1)]  # by leaf, then by step
    hidden = state = ops.zeros_like(inputs[0][0])
    found = []
    for step in range(x.shape[1]):
        gates = ops.split(from_hidden(hidden), cell.leaves, axis=-1)
        hidden, state = _step(cell, [of_leaf[step] for of_leaf in inputs], gates, state)
        found.append(hidden)
    return ops.stack(found, axis=1) if layer.every_step else hidden


def _step(cell: RecurrentCell, inputs: list[Any], gates: list[Any], state: Any) -> tuple[Any, Any]:
    """The new hidden state and the new cell state."""
    values: list[Any] = []
    new_state = None
    for place, node in enumerate(cell.nodes):
        pair = [values[source] for source in cell.below(place)] or [inputs[place], gates[place]]
        combined = _combined(node, *pair)
        if place == cell.read:
            new_state = combined
        value = _activated(node, combined)
        values.append(_activated(cell.inject, _combined(cell.inject, value, state)) if place == cell.injected else value)
    return values[-1], new_state


def _combined(node: CellNode, first: Any, second: Any) -> Any:
    from keras import ops

    return ops.add(first, second) if node.combination == "add" else ops.multiply(first, second)


def _activated(node: CellNode, x: Any) -> Any:
    from keras import ops

    return x if node.activation == "identity" else getattr(ops, node.activation)(x)


def recurrent_roles(layer: Layer) -> tuple[str, ...]:
    """The roles of a recurrent layer's weights."""
    assert layer.cell is not None
    return ("kernel", "recurrent_kernel", *(["bias"] if layer.cell.biased else []))


def recurrent_variables(layer: Layer, parts: Mapping[str, Any]) -> list[Any]:
    """The Keras variables of a recurrent layer in the order of its roles, among the Keras layers that it was decoded to."""
    assert layer.cell is not None
    hidden = parts["hidden"]
    return [parts["inputs"].kernel, hidden.kernel, *([hidden.bias] if layer.cell.biased else [])]
