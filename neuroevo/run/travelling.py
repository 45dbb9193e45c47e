"""Models in a form that other runtimes compute as Keras does.

TensorFlow's TFLite interpreter, by its default delegate, computes wrong numbers for a "same" convolution whose stride steps over a part of
the input: where (ceil(n / s) - 1) * s + k < n, so that the padding would be negative, and another axis is padded. Such an axis is cut to
what the layer reads, (ceil(n / s) - 1) * s + k elements: there "same" pads nothing, and the result is the same.
"""

from __future__ import annotations

from typing import Any


def travelling(model: Any) -> Any:
    """The same network with the same weights, of layers that every runtime computes alike; the model itself where it is so already.

    Args:
        model: a functional or sequential `keras.Model`.
    """
    import keras

    if not _needs_it(model):
        return model
    clones: dict[int, Any] = {}

    def cloned(operation: Any) -> Any:
        if not isinstance(operation, keras.Layer):
            return operation
        if id(operation) not in clones:
            if isinstance(operation, keras.Model):
                clones[id(operation)] = travelling(operation)
            else:
                clones[id(operation)] = type(operation).from_config(operation.get_config())
        return clones[id(operation)]

    def called(operation: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(operation, keras.Layer) and (surplus := _surplus(operation, arguments[0])):
            cropping = getattr(keras.layers, f"Cropping{len(surplus)}D")
            cut = surplus[0] if len(surplus) == 1 else surplus
            arguments = (cropping(cut)(arguments[0]), *arguments[1:])
        return operation(*arguments, **options)

    functional = keras.Model(model.inputs[0], model.outputs[0], name=model.name) if isinstance(model, keras.Sequential) else model
    copy = keras.models.clone_model(functional, clone_function=cloned, call_function=called)
    for layer in functional.layers:
        if id(layer) in clones and not isinstance(layer, keras.Model):
            clones[id(layer)].set_weights(layer.get_weights())
    return copy


def _needs_it(model: Any) -> bool:
    import keras

    return any(
        _needs_it(layer) if isinstance(layer, keras.Model) else any(_surplus(layer, taken) for taken in _inputs(layer))
        for layer in model.layers
    )


def _inputs(layer: Any) -> list[Any]:
    """What a layer is called on, in every place where it stands."""
    return [node.input_tensors[0] for node in layer._inbound_nodes if node.input_tensors]


def _surplus(layer: Any, taken: Any) -> tuple[tuple[int, int], ...]:
    """(0, elements at the end that the layer never reads) along each spatial axis; () where it reads everything, or is of another kind."""
    strides = getattr(layer, "strides", None)
    kernel = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
    if strides is None or kernel is None or getattr(layer, "padding", "") != "same" or "Transpose" in type(layer).__name__:
        return ()
    if getattr(layer, "data_format", "channels_last") != "channels_last":
        return ()
    strides, kernel = (value if isinstance(value, tuple) else (value,) for value in (strides, kernel))
    dilation = getattr(layer, "dilation_rate", 1)
    dilation = dilation if isinstance(dilation, tuple) else (dilation,) * len(kernel)
    sizes = tuple(taken.shape[1:-1])
    if len(sizes) != len(kernel) or None in sizes:
        return ()
    reach = [(-(-n // s) - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(sizes, strides, kernel, dilation, strict=True)]
    surplus = tuple((0, max(0, n - last)) for n, last in zip(sizes, reach, strict=True))
    return surplus if any(cut for _, cut in surplus) else ()
