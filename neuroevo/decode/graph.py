"""A walk through the graph of a functional Keras model, node by node, with values of any kind in place of its tensors.

With tensors it computes or builds anew; with marks of channels it follows them (`neuroevo.compress.channels`). Models inside the model are
walked through as well, so what is built on the way has no nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Apply = Callable[..., Any]  # (node, *arguments, **options) to a value, or a list of them for a node with several outputs


def functional(model: Any) -> Any:
    """The model as a functional one, with the same layers.

    Raises:
        ValueError: it is neither functional nor sequential, or was never built: its graph is not known.
    """
    import keras

    if isinstance(model, keras.Sequential) and model.built:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    if not isinstance(model, keras.Model) or not getattr(model, "_nodes_by_depth", None):
        raise ValueError(
            f"the model is a {type(model).__name__} whose graph of layers is not known: only functional and sequential models that begin with a "
            "keras.Input can be cut"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"the model has {len(model.inputs)} inputs and {len(model.outputs)} outputs; a network here has one of each"
        )
    return model


def walk(model: Any, given: Sequence[Any], apply: Apply) -> list[Any]:
    """The values of the model's outputs.

    Args:
        model: functional.
        given: the values of its inputs.
        apply: called for each node (an operation of Keras where it is called) after the nodes that it takes its values from.
    """
    import keras

    values = {id(tensor): value for tensor, value in zip(model.inputs, given, strict=True)}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if node.is_input:
                continue
            arguments, options = node.arguments.fill_in(values)
            if isinstance(node.operation, keras.Model):
                inside = functional(node.operation)
                found: Any = walk(inside, _flat(arguments), apply)
            else:
                found = apply(node, *arguments, **options)
            several = found if isinstance(found, (list, tuple)) else [found]
            values |= {id(tensor): value for tensor, value in zip(node.outputs, several, strict=True)}
    return [values[id(tensor)] for tensor in model.outputs]


def _flat(arguments: Sequence[Any]) -> list[Any]:
    return [one for each in arguments for one in (each if isinstance(each, (list, tuple)) else [each])]
