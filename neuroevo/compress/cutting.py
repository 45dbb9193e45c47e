"""Structured cuts: a Keras model without some of its channels, which computes what the masked one computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.compress.channels import Channels
from neuroevo.decode.graph import walk

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Cut:
    """A model without some of another's channels.

    Attributes:
        model: a `keras.Model`, with no model inside.
        layers: (layer of the other, its layer here) of all that are left and have settings or weights.
    """

    model: Any
    layers: tuple[tuple[Any, Any], ...]


def masked_weights(channels: Channels, kept: Bools) -> list[npt.NDArray[Any]]:
    """The model's weights, in its order, with zeros wherever a layer would read a player that is not kept: the masked model.

    Args:
        kept: bool [players].
    """
    alive = np.append(_checked(channels, kept), True)
    masks = {id(axis.layer.weights[axis.place]): axis for axis in channels.axes if axis.reads}
    found = []
    for variable in channels.model.weights:
        value, axis = np.array(variable), masks.get(id(variable))
        found.append(value if axis is None else value * _along(alive[axis.players], axis.axis, value.ndim).astype(value.dtype))
    return found


def cut(channels: Channels, kept: Bools) -> Cut:
    """A new model of the same layers under the same names, without the channels of the players that are not kept.

    A layer whose channels all go is left out where others stand beside it (in front of a concatenation).

    Args:
        kept: bool [players].

    Raises:
        ValueError: nothing would be left for a layer to read; the sentence names it.
    """
    import keras

    alive = np.append(_checked(channels, kept), True)
    counts = {id(made.layer): int(alive[made.players].sum()) for made in channels.made}
    for axis in channels.axes:
        if axis.reads and counts[id(axis.layer)] and not alive[axis.players].any():
            raise ValueError(f"the layer {axis.layer.name} would have nothing left to read: keep at least one of its inputs")
    layers: dict[int, Any] = {}
    clones: dict[int, Any] = {}
    names: set[str] = set()

    def cloned(layer: Any, size: int | None) -> Any:
        if id(layer) not in clones:
            settings = layer.get_config()
            while settings["name"] in names:  # of a layer in another nested model
                settings["name"] += "_again"
            names.add(settings["name"])
            if id(layer) in counts:
                settings["units" if "units" in settings else "filters"] = counts[id(layer)]
            if type(layer).__name__ == "Reshape":
                *others, _ = settings["target_shape"]
                settings["target_shape"] = (*others, size if -1 in others else -1)
            layers[id(layer)], clones[id(layer)] = layer, type(layer).from_config(settings)
        return clones[id(layer)]

    def apply(node: Any, *arguments: Any, **options: Any) -> Any:
        operation = node.operation
        arguments = tuple(_without_none(argument) for argument in arguments)
        if any(argument is None or (isinstance(argument, list) and not argument) for argument in arguments):
            return [None] * len(node.outputs) if len(node.outputs) > 1 else None  # nothing of it is left
        if not isinstance(operation, keras.Layer):
            return operation(*arguments, **options)
        if counts.get(id(operation)) == 0:
            return None
        if type(operation).__name__ == "Concatenate" and isinstance(arguments[0], list) and len(arguments[0]) == 1:
            return arguments[0][0]
        size = arguments[0].shape[-1] if hasattr(arguments[0], "shape") else None
        return cloned(operation, size)(*arguments, **options)

    old = channels.model.inputs[0]
    start = keras.Input(old.shape[1:], name=old.name, dtype=old.dtype)
    (outputs,) = walk(channels.model, [start], apply)
    model = keras.Model(start, outputs, name=channels.model.name)
    for number, clone in clones.items():
        arrays = [np.array(variable) for variable in layers[number].weights]
        for axis in channels.axes:
            if axis.layer is layers[number]:
                arrays[axis.place] = np.compress(alive[axis.players], arrays[axis.place], axis=axis.axis)
        clone.set_weights(arrays)
        clone.trainable = layers[number].trainable
    return Cut(model, tuple((layers[number], clone) for number, clone in clones.items()))


def _without_none(argument: Any) -> Any:
    return [one for one in argument if one is not None] if isinstance(argument, (list, tuple)) else argument


def _along(values: npt.NDArray[Any], axis: int, rank: int) -> npt.NDArray[Any]:
    """Values along one axis of an array of this rank."""
    return values.reshape([-1 if at == axis else 1 for at in range(rank)])


def _checked(channels: Channels, kept: Bools) -> Bools:
    if kept.shape != (channels.players,):
        raise ValueError(f"kept says of each of the {channels.players} players whether it stays, got shape {kept.shape}")
    return kept.astype(bool)
