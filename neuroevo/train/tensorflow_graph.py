"""A Keras model as TensorFlow operations, forward and backward, with its weights as arguments.

Tracing a model through Keras's layers and TensorFlow's gradient functions makes several hundred operations, most of which ask for shapes that
are known, and takes as long as dozens of epochs of a small network. Here each layer that genomes are decoded to is a few operations with fixed
shapes, and so is its way back. Any other layer is called as it is, under a gradient tape of its own.
"""

from __future__ import annotations

import inspect
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from neuroevo.decode.graph import walk

raw = tf.raw_ops
Gradients = Iterable[tuple[Any, Any]]  # of a tensor or of a variable of Keras: (which, gradient)
Back = Callable[[list[Any]], Gradients]  # from the gradients of a layer's outputs


@dataclass(frozen=True)
class Moved:
    """What a pass in training mode says of a weight that is not trained: its new value is keep * old + take * value."""

    value: Any
    keep: float
    take: float


class Pass:
    """One pass of a batch through a model, and the way back.

    Args:
        model: functional, or any other, which is called as a whole.
        values: of its variables, by `id`; those of variables that are not here are the variables' own.
        training: the mode. Gradients are taken in training mode only, where the batch's size has to be fixed.
        seed: int64 [2], of the pass's random numbers; None: Keras's layers have their own, and a dropout is called as Keras has it.

    Attributes:
        moved: by `id`, what becomes of weights that are not trained.
    """

    def __init__(self, model: Any, values: Mapping[int, Any], training: bool, seed: Any = None) -> None:
        self.model, self.training, self.seed = model, training, seed
        self.moved: dict[int, Moved] = {}
        self._values = dict(values)
        self._trained = {id(variable) for variable in model.trainable_variables} if training else set()
        self._live: dict[int, Any] = {}  # tensors that depend on what is trained; the dict keeps them, so that ids stay theirs
        self._steps: list[tuple[list[Any], Back]] = []
        self._output: Any = None
        self._constants: dict[Any, Any] = {}
        self.draws = 0  # random tensors so far

    def outputs(self, x: Any) -> Any:
        """The model's outputs, float32."""
        if walkable(self.model):
            (self._output,) = walk(self.model, [x], lambda node, *arguments, **options: self._applied(node.operation, arguments, options))
        else:
            self._output = self._applied(self.model, (x,), {})
        return tf.cast(self._output, tf.float32)

    def gradients(self, slope: Any) -> dict[int, Any]:
        """By `id` of each trained variable that the outputs depend on, the gradient, given the one by the outputs. Shapes are the variables' own
        up to axes of length 1."""
        found: dict[int, list[Any]] = defaultdict(list)
        found[id(self._output)].append(tf.cast(slope, self._output.dtype))
        for outputs, back in reversed(self._steps):
            if any(id(output) in found for output in outputs):
                slopes = [_sum(found.pop(id(output), None), output) for output in outputs]
                for target, gradient in back(slopes):
                    found[id(target)].append(gradient)
        return {key: _sum(parts, None) for key, parts in found.items() if key in self._trained}

    def value(self, variable: Any) -> Any:
        """Of a variable in this pass."""
        found = self._values.get(id(variable))
        return variable.value if found is None else found

    def move(self, variable: Any, value: Any, keep: float = 0.0, take: float = 1.0) -> None:
        """A weight that is not trained becomes keep * itself + take * value; a layer that is called again goes on from there."""
        before = self.moved.get(id(variable))
        if before is not None and keep > 0:
            value, keep, take = keep * before.take * before.value + take * value, keep * before.keep, 1.0
        self.moved[id(variable)] = Moved(value, keep, take)

    def constant(self, value: Any) -> Any:
        """A number, or a list of integers or of floats, once in the graph however often it is asked for."""
        key = tuple(value) if isinstance(value, list) else (type(value), value)
        if key not in self._constants:
            whole = isinstance(value, list) and not any(isinstance(one, float) for one in value)
            self._constants[key] = tf.constant(value, tf.int32 if whole else tf.float32)
        return self._constants[key]

    def reshaped(self, x: Any, shape: list[int]) -> Any:
        return raw.Reshape(tensor=x, shape=self.constant(shape))

    def row_of_means(self, count: int) -> Any:
        """float32 [1, count], 1 / count each: its product with a matrix is the columns' means."""
        key = ("means", count)
        if key not in self._constants:
            self._constants[key] = raw.Fill(dims=self.constant([1, count]), value=self.constant(1 / count))
        return self._constants[key]

    def knows(self, *variables: Any) -> bool:
        return all(id(variable) in self._values for variable in variables)

    def wants(self, target: Any) -> bool:
        """Whether the gradient by this tensor or variable is needed."""
        return id(target) in self._live or id(target) in self._trained

    def _applied(self, operation: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        made = None
        tensors = [one for each in arguments for one in (each if isinstance(each, (list, tuple)) else [each]) if tf.is_tensor(one)]
        layer = LAYERS.get(type(operation).__name__)
        if layer is not None and not any(value is not None for value in options.values()) and _plain(operation) and all(map(_usual, tensors)):
            made = layer(self, operation, *tensors)
        output, back = made if made is not None else self._called(operation, arguments, options, tensors)
        outputs = list(output) if isinstance(output, (list, tuple)) else [output]
        trained = [variable for variable in getattr(operation, "trainable_variables", ()) if id(variable) in self._trained]
        if trained or any(id(tensor) in self._live for tensor in tensors):
            self._live |= {id(tensor): tensor for tensor in outputs}
            self._steps.append((outputs, back))
        return output

    def _called(self, operation: Any, arguments: tuple[Any, ...], options: dict[str, Any], tensors: list[Any]) -> tuple[Any, Back]:
        """An operation as Keras has it."""
        import keras

        variables = list(operation.variables) if isinstance(operation, keras.Layer) else []
        values = {id(variable): self.value(variable) for variable in variables}
        targets = list({id(tensor): tensor for tensor in tensors if self.wants(tensor)}.values())
        targets += [variable for variable in variables if self.wants(variable)]
        at = [values.get(id(target), target) for target in targets]
        if isinstance(operation, keras.Layer) and "training" in inspect.signature(operation.call).parameters:
            options = options | {"training": self.training}  # a node keeps the mode in which the model was built
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            with keras.StatelessScope(state_mapping=[(variable, values[id(variable)]) for variable in variables]) as scope:
                output = operation(*arguments, **options)
        for variable in variables if self.training else ():
            value = scope.get_current_value(variable)
            if value is values[id(variable)]:
                continue
            if self.knows(variable):
                self.move(variable, value)
                self._values[id(variable)] = value
            else:  # the state of random numbers
                variable.value.assign(value)

        def back(slopes: list[Any]) -> Gradients:
            apart = [tf.identity(slope) for slope in slopes]  # see `_biased`: each is the output of an operation of its own
            found = tape.gradient(output, at, output_gradients=apart if isinstance(output, (list, tuple)) else apart[0])
            return [(target, gradient) for target, gradient in zip(targets, found, strict=True) if gradient is not None]

        return output, back


def walkable(model: Any) -> bool:
    """Whether the model's graph is known, that of models inside it too, with one input and one output."""
    if not getattr(model, "_nodes_by_depth", None):
        return False
    try:
        walk(model, [None] * len(model.inputs), lambda node, *_, **__: [None] * len(node.outputs))
    except ValueError:
        return False
    return len(model.inputs) == len(model.outputs) == 1


def _usual(tensor: Any) -> bool:
    """Whether a tensor is float32 of a fixed size beside the batch's, with no mask over its steps."""
    return tensor.dtype == tf.float32 and None not in tensor.shape[1:] and getattr(tensor, "_keras_mask", None) is None


def _plain(operation: Any) -> bool:
    """Whether a layer is Keras's own, computes in float32, channels last, and does nothing after what its name says."""
    import keras

    activation = getattr(operation, "activation", None)
    return (
        getattr(keras.layers, type(operation).__name__) is type(operation)
        and operation.compute_dtype == "float32"
        and getattr(operation, "quantization_mode", None) is None
        and not getattr(operation, "lora_enabled", False)
        and getattr(operation, "data_format", "channels_last") in ("channels_last", None)
        and (activation is None or activation is keras.activations.linear)
    )


def _sum(parts: list[Any] | None, like: Any) -> Any:
    if not parts:
        return tf.zeros_like(like)
    return parts[0] if len(parts) == 1 else tf.add_n(parts)


def _shape(x: Any) -> list[int]:
    """For a reshape: -1 is the batch's size where that is open."""
    return [-1 if size is None else int(size) for size in x.shape]


def _wide(run: Pass, x: Any) -> Any:
    """The tensor with two spatial axes."""
    batch, *rest = _shape(x)
    return x if len(rest) == 3 else run.reshaped(x, [batch, *[1] * (3 - len(rest)), *rest])


def _narrow(run: Pass, x: Any, rank: int) -> Any:
    """The tensor with this many axes again, without the ones that `_wide` put in."""
    if len(x.shape) == rank:
        return x
    batch, *rest = _shape(x)
    return run.reshaped(x, [batch, *rest[4 - rank :]])


def _windows(sizes: Iterable[int]) -> list[int]:
    """Kernels and strides along all four axes, of one or two."""
    given = [int(size) for size in sizes]
    return [1, *[1] * (2 - len(given)), *given, 1]


def _spatial(layer: Any, rank: int) -> bool:
    return rank in (3, 4) and layer.padding in ("same", "valid")


DENSE = (raw.Conv2D, raw.Conv2DBackpropFilter, raw.Conv2DBackpropInput)
DEPTHWISE = (raw.DepthwiseConv2dNative, raw.DepthwiseConv2dNativeBackpropFilter, raw.DepthwiseConv2dNativeBackpropInput)


def _convolution(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if not _spatial(layer, len(x.shape)) or layer.groups != 1 or math.prod(layer.dilation_rate) != 1 or not run.knows(*layer.weights):
        return None
    y, back = _convolved(run, x, layer.kernel, layer.strides, layer.padding.upper())
    return _biased(run, layer, y, back)


def _pointwise(run: Pass, x: Any, kernel: Any, inner: bool = False) -> tuple[Any, Back]:
    """A convolution over one position, as a product of matrices: that takes a third of the time where channels are few.

    Args:
        inner: `x` is a layer's own, between its two convolutions, so that its gradient is wanted.
    """
    shape, (fan_in, fan_out) = _shape(x), kernel.shape[-2:]
    rows, filters = run.reshaped(x, [-1, fan_in]), run.reshaped(run.value(kernel), [fan_in, fan_out])
    y = raw.MatMul(a=rows, b=filters)

    def back(slopes: list[Any]) -> Gradients:
        slope = run.reshaped(slopes[0], [-1, fan_out])
        if run.wants(kernel):
            yield kernel, raw.MatMul(a=rows, b=slope, transpose_a=True)
        if inner or run.wants(x):
            yield x, run.reshaped(raw.MatMul(a=slope, b=filters, transpose_b=True), shape)

    return run.reshaped(y, [*shape[:-1], fan_out]), back


def _convolved(
    run: Pass, x: Any, kernel: Any, strides: Iterable[int], padding: str, depthwise: bool = False
) -> tuple[Any, Back]:
    if not depthwise and math.prod(kernel.shape[:-2]) == math.prod(strides) == 1:
        return _pointwise(run, x, kernel)
    forward, to_filter, to_input = DEPTHWISE if depthwise else DENSE
    rank, given = len(x.shape), _wide(run, x)
    filters = run.value(kernel)
    filters = filters if len(filters.shape) == 4 else run.reshaped(filters, [1, *filters.shape.as_list()])
    options = {"strides": _windows(strides), "padding": padding}

    def back(slopes: list[Any]) -> Gradients:
        slope = _wide(run, slopes[0])
        if run.wants(kernel):
            sizes = run.constant(filters.shape.as_list())
            yield kernel, to_filter(input=given, filter_sizes=sizes, out_backprop=slope, **options)
        if run.wants(x):
            sizes = run.constant(given.shape.as_list())
            yield x, _narrow(run, to_input(input_sizes=sizes, filter=filters, out_backprop=slope, **options), rank)

    return _narrow(run, forward(input=given, filter=filters, **options), rank), back


def _even(layer: Any) -> bool:
    """Whether a depthwise convolution's strides are ones that TensorFlow has: the same along both axes."""
    return len(set(layer.strides)) == 1 and math.prod(layer.dilation_rate) == 1


def _depthwise_convolution(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if len(x.shape) != 4 or not _spatial(layer, 4) or not _even(layer) or not run.knows(*layer.weights):
        return None
    y, back = _convolved(run, x, layer.kernel, layer.strides, layer.padding.upper(), depthwise=True)
    return _biased(run, layer, y, back)


def _separable(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if len(x.shape) != 4 or not _spatial(layer, 4) or not _even(layer) or not run.knows(*layer.weights):
        return None
    between, first = _convolved(run, x, layer.depthwise_kernel, layer.strides, layer.padding.upper(), depthwise=True)
    y, second = _pointwise(run, between, layer.pointwise_kernel, inner=True)

    def back(slopes: list[Any]) -> Gradients:
        for target, slope in second(slopes):
            if target is between:
                yield from first([slope])
            else:
                yield target, slope

    return _biased(run, layer, y, back)


def _biased(run: Pass, layer: Any, y: Any, before: Back) -> tuple[Any, Back]:
    """With the layer's bias, if it has one."""
    if not layer.use_bias:
        return y, before

    def back(slopes: list[Any]) -> Gradients:
        if run.wants(layer.bias):
            # a sum, not BiasAddGrad: with oneDNN, TensorFlow 2.21 merges that with the gradient of another convolution's kernel where both slopes
            # are outputs of one operation (findings/tensorflow_onednn_bias_gradients.sh)
            yield layer.bias, raw.Sum(input=slopes[0], axis=run.constant(list(range(len(y.shape) - 1))))
        yield from before(slopes)

    return raw.BiasAdd(value=y, bias=run.value(layer.bias)), back


def _dense(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if len(x.shape) != 2 or not run.knows(*layer.weights):
        return None
    kernel = run.value(layer.kernel)

    def back(slopes: list[Any]) -> Gradients:
        if run.wants(layer.kernel):
            yield layer.kernel, raw.MatMul(a=x, b=slopes[0], transpose_a=True)
        if run.wants(x):
            yield x, raw.MatMul(a=slopes[0], b=kernel, transpose_b=True)

    return _biased(run, layer, raw.MatMul(a=x, b=kernel), back)


def _normalisation(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    rank = len(x.shape)
    on_last = layer.axis in (-1, rank - 1)
    if not (on_last and rank in (2, 3, 4) and layer.center and layer.scale and layer.trainable and run.knows(*layer.weights)):
        return None
    if not run.training:
        given = [run.value(variable) for variable in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)]
        weights = dict(zip(("scale", "offset", "mean", "variance"), given, strict=True))
        y = raw.FusedBatchNormV3(x=_wide(run, x), **weights, epsilon=layer.epsilon, is_training=False).y
        return _narrow(run, y, rank), lambda slopes: ()
    return (_fused if rank > 2 and _vectorised(x.shape[-1]) else _written_out)(run, layer, x)


def _vectorised(channels: int) -> bool:
    """Whether TensorFlow's own operation is the faster one. On a CPU it is for these numbers of channels (measured: up to two times faster than
    the one written out, and up to three times slower for all others)."""
    return channels % 16 in (0, 4, 12) or channels == 8 or bool(tf.config.list_physical_devices("GPU"))


def _fused(run: Pass, layer: Any, x: Any) -> tuple[Any, Back]:
    rank, given, scale, empty = len(x.shape), _wide(run, x), run.value(layer.gamma), tf.zeros([0])
    options = {"scale": scale, "epsilon": layer.epsilon, "is_training": True}
    found = raw.FusedBatchNormV3(x=given, offset=run.value(layer.beta), mean=empty, variance=empty, **options)
    count, keep = math.prod(given.shape[:-1]), layer.momentum
    run.move(layer.moving_mean, found.batch_mean, keep, 1 - keep)
    biased = max(count - 1, 1) / count  # the operation gives the unbiased variance, Keras's moving one is that of the batch as it is
    run.move(layer.moving_variance, found.batch_variance, keep, (1 - keep) * biased)

    def back(slopes: list[Any]) -> Gradients:
        reserved = {f"reserve_space_{place}": getattr(found, f"reserve_space_{place}") for place in (1, 2, 3)}
        slope = raw.FusedBatchNormGradV3(y_backprop=_wide(run, slopes[0]), x=given, **reserved, **options)
        if run.wants(x):
            yield x, _narrow(run, slope.x_backprop, rank)
        yield layer.gamma, slope.scale_backprop
        yield layer.beta, slope.offset_backprop

    return _narrow(run, found.y, rank), back


def _written_out(run: Pass, layer: Any, x: Any) -> tuple[Any, Back]:
    """BatchNorm by means that are products with a row of 1 / count (Ioffe & Szegedy 2015, algorithm 1)."""
    shape, channels = x.shape.as_list(), x.shape[-1]
    count, keep, flat = math.prod(shape[:-1]), layer.momentum, len(shape) == 2
    row, rows = run.row_of_means(count), x if flat else run.reshaped(x, [count, channels])
    mean = raw.MatMul(a=row, b=rows)
    centred = rows - mean
    variance = raw.MatMul(a=row, b=raw.Square(x=centred))
    inverse = raw.Rsqrt(x=variance + run.constant(float(layer.epsilon)))
    scale = inverse * run.value(layer.gamma)
    y = centred * scale + run.value(layer.beta)
    run.move(layer.moving_mean, mean, keep, 1 - keep)
    run.move(layer.moving_variance, variance, keep, 1 - keep)

    def back(slopes: list[Any]) -> Gradients:
        slope = slopes[0] if flat else run.reshaped(slopes[0], [count, channels])
        of_beta = raw.MatMul(a=row, b=slope)
        of_gamma = raw.MatMul(a=row, b=slope * centred) * inverse
        if run.wants(x):
            found = (slope - of_beta - centred * (of_gamma * inverse)) * scale
            yield x, found if flat else run.reshaped(found, shape)
        yield layer.gamma, of_gamma * run.constant(float(count))
        yield layer.beta, of_beta * run.constant(float(count))

    return (y if flat else run.reshaped(y, shape)), back


def _relu(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if layer.max_value is not None or layer.negative_slope or layer.threshold:
        return None
    y = raw.Relu(features=x)
    return y, lambda slopes: [(x, raw.ReluGrad(gradients=slopes[0], features=y))]


def _pooling(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    rank = len(x.shape)
    if not _spatial(layer, rank):
        return None
    given = _wide(run, x)
    options = {"ksize": _windows(layer.pool_size), "strides": _windows(layer.strides), "padding": layer.padding.upper()}
    most = type(layer).__name__.startswith("Max")
    y = raw.MaxPool(input=given, **options) if most else raw.AvgPool(value=given, **options)

    def back(slopes: list[Any]) -> Gradients:
        slope = _wide(run, slopes[0])
        if most:
            found = raw.MaxPoolGrad(orig_input=given, orig_output=y, grad=slope, **options)
        else:
            found = raw.AvgPoolGrad(orig_input_shape=run.constant(given.shape.as_list()), grad=slope, **options)
        yield x, _narrow(run, found, rank)

    return _narrow(run, y, rank), back


def _global_average(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if layer.keepdims:
        return None
    axes = list(range(1, len(x.shape) - 1))

    def back(slopes: list[Any]) -> Gradients:
        shape = x.shape.as_list()
        each = run.reshaped(slopes[0] * run.constant(1 / math.prod(shape[1:-1])), [shape[0], *[1] * len(axes), shape[-1]])
        yield x, raw.BroadcastTo(input=each, shape=run.constant(shape))

    return raw.Mean(input=x, axis=run.constant(axes)), back


def _reshaped(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    batch = -1 if x.shape[0] is None else x.shape[0]
    shape = [batch, *(int(size) for size in layer.compute_output_shape(tuple(x.shape))[1:])]
    return run.reshaped(x, shape), lambda slopes: [(x, run.reshaped(slopes[0], x.shape.as_list()))]


def _concatenated(run: Pass, layer: Any, *parts: Any) -> tuple[Any, Back] | None:
    if len(parts) < 2:
        return None
    axis = layer.axis % len(parts[0].shape)

    def back(slopes: list[Any]) -> Gradients:
        begin = [0] * len(parts[0].shape)
        for part in parts:
            if run.wants(part):
                yield part, raw.Slice(input=slopes[0], begin=run.constant(list(begin)), size=run.constant(part.shape.as_list()))
            begin[axis] += part.shape[axis]

    return raw.ConcatV2(values=parts, axis=axis), back


def _added(run: Pass, layer: Any, *parts: Any) -> tuple[Any, Back] | None:
    if len(parts) < 2 or len({tuple(part.shape) for part in parts}) > 1:
        return None
    y = raw.AddV2(x=parts[0], y=parts[1])
    for part in parts[2:]:
        y = raw.AddV2(x=y, y=part)
    return y, lambda slopes: [(part, slopes[0]) for part in parts if run.wants(part)]


def _multiplied(run: Pass, layer: Any, *parts: Any) -> tuple[Any, Back] | None:
    if len(parts) != 2 or parts[0].shape.as_list() != parts[1].shape.as_list():
        return None
    a, b = parts

    def back(slopes: list[Any]) -> Gradients:
        for one, other in ((a, b), (b, a)):
            if run.wants(one):
                yield one, raw.Mul(x=slopes[0], y=other)

    return raw.Mul(x=a, y=b), back


def _rescaled(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if not isinstance(layer.scale, (int, float)) or layer.offset != 0:
        return None
    factor = run.constant(float(layer.scale))
    return raw.Mul(x=x, y=factor), lambda slopes: [(x, raw.Mul(x=slopes[0], y=factor))]


def _dropped(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    if layer.noise_shape is not None or (run.training and run.seed is None):
        return None
    if not run.training or layer.rate == 0:
        return x, lambda slopes: [(x, slopes[0])]
    run.draws += 1
    noise = tf.random.stateless_uniform(x.shape, run.seed + tf.constant([run.draws, 0], tf.int64))
    kept = raw.Cast(x=raw.GreaterEqual(x=noise, y=run.constant(float(layer.rate))), DstT=tf.float32) * run.constant(1 / (1 - layer.rate))
    return raw.Mul(x=x, y=kept), lambda slopes: [(x, raw.Mul(x=slopes[0], y=kept))]


def _activated(run: Pass, layer: Any, x: Any) -> tuple[Any, Back] | None:
    import keras

    if layer.activation is not keras.activations.sigmoid:
        return None
    y = raw.Sigmoid(x=x)
    return y, lambda slopes: [(x, raw.SigmoidGrad(y=y, dy=slopes[0]))]


LAYERS: dict[str, Callable[..., tuple[Any, Back] | None]] = {
    "Conv1D": _convolution,
    "Conv2D": _convolution,
    "DepthwiseConv2D": _depthwise_convolution,
    "SeparableConv2D": _separable,
    "Dense": _dense,
    "BatchNormalization": _normalisation,
    "ReLU": _relu,
    "MaxPooling1D": _pooling,
    "MaxPooling2D": _pooling,
    "AveragePooling1D": _pooling,
    "AveragePooling2D": _pooling,
    "GlobalAveragePooling1D": _global_average,
    "GlobalAveragePooling2D": _global_average,
    "Flatten": _reshaped,
    "Reshape": _reshaped,
    "Concatenate": _concatenated,
    "Add": _added,
    "Multiply": _multiplied,
    "Rescaling": _rescaled,
    "Dropout": _dropped,
    "Activation": _activated,
}
