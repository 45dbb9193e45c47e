"""Which channels of a network can go together: one walk through its graph, with a mark on every channel of every tensor.

A layer with filters or units gives its outputs new marks. A layer that treats channels apart (ReLU, BatchNorm, pooling, a depthwise
convolution) passes them on; an addition ties those of its inputs, channel by channel; a concatenation lines them up; flatten repeats them for
each position. What is tied goes together: such a set of channels is a player. The channels of the network's input and output stay, and so do
those of a layer that mixes channels in a way that is not known here. A player that is gone is one that no layer with weights reads any more:
so masking it is to multiply the rows of kernels by zero, and cutting it out changes nothing else, whatever biases and normalisations say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.decode.graph import functional, walk

Ints = npt.NDArray[np.int64]
STAYS = -1  # in place of a player: a channel that stays

PASSING = frozenset(
    ["ReLU", "LeakyReLU", "ELU", "Activation", "Dropout", "AlphaDropout", "GaussianNoise", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "ActivityRegularization", "BatchNormalization", "Identity", "Rescaling", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "Cropping1D", "Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D", "DepthwiseConv1D", "DepthwiseConv2D", "Tanh", "Sigmoid", "Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu", "Softplus", "Softsign", "Exp", "Abs", "Absolute", "Negative", "Square", "Sqrt", "Sin", "Cos", "ZerosLike"]
)
MERGING = frozenset(["Add", "Subtract", "Multiply", "Divide", "Average", "Maximum", "Minimum"])
MIXING = ("softmax", "log_softmax", "glu", "sparsemax")  # activations that look at all channels at once
CONVOLUTIONS = frozenset(["Conv1D", "Conv2D", "Conv3D"])
TRANSPOSED = frozenset(["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"])
SEPARABLE = frozenset(["SeparableConv1D", "SeparableConv2D"])


@dataclass(frozen=True, eq=False)
class Axis:
    """An axis of a layer's weight that channels lie along.

    Attributes:
        layer: of Keras.
        place: of the weight in `layer.weights`.
        axis: of the weight, from 0.
        players: int64 [size of the axis], whose channel each is, or STAYS.
        reads: whether the layer takes these channels and computes others of them: where a player is masked.
        own: whether these are the channels that the layer computes.
    """

    layer: Any
    place: int
    axis: int
    players: Ints
    reads: bool
    own: bool


@dataclass(frozen=True, eq=False)
class Made:
    """A layer with filters or units.

    Attributes:
        layer: of Keras.
        players: int64 [filters or units], the player of each, or STAYS.
    """

    layer: Any
    players: Ints


@dataclass(frozen=True, eq=False)
class Channels:
    """The channels of a model, and which go together.

    Attributes:
        model: functional; its weights are those of now.
        players: how many sets of channels can go.
        axes: of all weights that channels lie along.
        made: the layers with filters or units, in the order of the walk.
        stays: by the name of each layer whose channels stay, why.
    """

    model: Any
    players: int
    axes: tuple[Axis, ...]
    made: tuple[Made, ...]
    stays: dict[str, str]

    def layers(self) -> list[Ints]:
        """The players of each group of layers that are tied to each other: layers as players."""
        groups: list[set[int]] = []
        for made in self.made:
            own = set(made.players[made.players >= 0].tolist())
            for other in [group for group in groups if group & own]:
                own |= other
                groups.remove(other)
            if own:
                groups.append(own)
        return [np.array(sorted(group), np.int64) for group in groups]

    def parameters(self, kept: npt.NDArray[np.bool_]) -> int:
        """Trainable weights of the model where only these players are kept: bool [players]."""
        by_weight: dict[tuple[int, int], list[Axis]] = {}
        for axis in self.axes:
            by_weight.setdefault((id(axis.layer), axis.place), []).append(axis)
        alive = np.append(kept, True)  # STAYS is the last
        trainable = {id(variable) for variable in self.model.trainable_variables}
        total = sum(int(np.prod(variable.shape)) for variable in self.model.trainable_variables)
        for axes in by_weight.values():
            variable = axes[0].layer.weights[axes[0].place]
            if id(variable) in trainable:
                shape = list(variable.shape)
                for axis in axes:
                    shape[axis.axis] = int(alive[axis.players].sum())
                total -= int(np.prod(variable.shape)) - int(np.prod(shape))
        return total


def channels_of(model: Any) -> Channels:
    """The channels of a model.

    Raises:
        ValueError: not a functional or sequential model, or none of its channels can go; the sentence says which layers hold them, and why.
    """
    model = functional(model)
    trace = _Trace()
    start = [_Marks(trace.held(int(tensor.shape[-1] or 1))) for tensor in model.inputs]
    outputs = walk(model, start, trace.apply)
    for marks in outputs:
        trace.hold(marks.of)
    classes = trace.classes()
    made_by = np.concatenate([classes[marks] for _, marks in trace.made.values()]) if trace.made else np.zeros(0, np.int64)
    order = list(dict.fromkeys(number for number in made_by.tolist() if number != classes[0]))
    numbers = np.full(len(classes) + 1, STAYS, np.int64)
    numbers[order] = np.arange(len(order))

    def players(marks: Ints) -> Ints:
        found: Ints = numbers[classes[marks]]
        return found

    axes = tuple(
        Axis(layer, place, axis % len(layer.weights[place].shape), players(marks), reads, own)
        for (_, place, axis), (layer, marks, reads, own) in trace.axes.items()
    )
    if not order:
        held = "; ".join(f"{name}: {why}" for name, why in trace.stays.items())
        raise ValueError(
            "none of the model's channels can be cut out"
            + (f": {held}" if held else ": it has no layer with filters or units between its input and its output")
        )
    made = tuple(Made(layer, players(marks)) for layer, marks in trace.made.values())
    return Channels(model, len(order), axes, made, trace.stays)


class _Marks:
    """A tensor's channels: the mark of each position of its last axis."""

    def __init__(self, of: Ints) -> None:
        self.of = of


class _Trace:
    """What the walk has seen so far. Mark 0 is what stays."""

    def __init__(self) -> None:
        self.count = 1
        self.tied: list[tuple[Ints, Ints]] = []
        self.axes: dict[tuple[int, int, int], tuple[Any, Ints, bool, bool]] = {}
        self.made: dict[int, tuple[Any, Ints]] = {}  # by layer: one may be called several times
        self.stays: dict[str, str] = {}

    def held(self, count: int) -> Ints:
        return np.zeros(count, np.int64)

    def hold(self, marks: Ints) -> None:
        self.tie(marks, self.held(len(marks)))

    def tie(self, first: Ints, second: Ints) -> None:
        self.tied.append((first, second))

    def classes(self) -> Ints:
        """For each mark a number that it shares with those that it is tied to."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        rows = np.concatenate([first for first, _ in self.tied]) if self.tied else self.held(0)
        columns = np.concatenate([second for _, second in self.tied]) if self.tied else self.held(0)
        graph = coo_array((np.ones(len(rows)), (rows, columns)), shape=(self.count, self.count))
        return np.asarray(connected_components(graph, directed=False)[1], np.int64)

    def apply(self, node: Any, *arguments: Any, **options: Any) -> Any:
        operation, kind = node.operation, type(node.operation).__name__
        taken = _marks_in([arguments, options])
        rule = self._rule(kind, operation)
        found = None if rule is None or not taken else rule(node, taken)
        if found is None:  # it mixes channels, or nobody knows
            return self._refused(node, taken)
        return found if isinstance(found, list) else _Marks(found)

    def _rule(self, kind: str, operation: Any) -> Callable[[Any, list[_Marks]], Any] | None:
        if getattr(operation, "data_format", "channels_last") != "channels_last" or getattr(operation, "groups", 1) != 1:
            return None
        if kind == "Dense":
            return self._dense
        if kind in CONVOLUTIONS or kind in TRANSPOSED:
            return self._convolution
        if kind in SEPARABLE:
            return self._separable
        if kind in PASSING:
            return self._passing
        if kind in MERGING:
            return self._merged
        rules: dict[str, Callable[[Any, list[_Marks]], Any]] = {
            "Concatenate": self._concatenated, "Flatten": self._reshaped, "Reshape": self._reshaped, "Split": self._split,
            "Unstack": self._unstacked, "Stack": self._stacked, "PReLU": self._passing,
        }  # fmt: skip
        return rules.get(kind)

    def _refused(self, node: Any, taken: list[_Marks]) -> Any:
        operation = node.operation
        for marks in taken:
            self.hold(marks.of)
        kind = type(operation).__name__
        activation = getattr(getattr(operation, "activation", None), "__name__", "")
        why = f"{kind}({activation})" if kind == "Activation" else kind
        self.stays[operation.name] = f"{why} is no layer whose channels are known to stay apart, so what it takes and gives stays whole"
        held = [_Marks(self.held(int(tensor.shape[-1] or 1) if len(tensor.shape) > 1 else 1)) for tensor in node.outputs]
        return held if len(held) > 1 else held[0]

    # Layers with filters or units ----------------------------------------------------------------------------------------------

    def _along(self, layer: Any, place: int, axis: int, marks: Ints, *, reads: bool = False, own: bool = False) -> None:
        key = (id(layer), place, axis)
        if key in self.axes:
            self.tie(self.axes[key][1], marks)
        else:
            self.axes[key] = (layer, marks, reads, own)

    def _new(self, layer: Any, count: int) -> Ints:
        if id(layer) not in self.made:
            marks = np.arange(self.count, self.count + count)
            self.made[id(layer)] = layer, marks
            self.count += count
            if layer.use_bias:
                self._along(layer, len(layer.weights) - 1, 0, marks, own=True)
            if getattr(layer.activation, "__name__", "") in MIXING:
                self.hold(marks)
        return self.made[id(layer)][1]

    def _dense(self, node: Any, taken: list[_Marks]) -> Ints:
        layer = node.operation
        self._along(layer, 0, 0, taken[0].of, reads=True)
        out = self._new(layer, layer.units)
        self._along(layer, 0, 1, out, own=True)
        return out

    def _convolution(self, node: Any, taken: list[_Marks]) -> Ints:
        layer = node.operation
        turned = type(layer).__name__ in TRANSPOSED
        self._along(layer, 0, -1 if turned else -2, taken[0].of, reads=True)
        out = self._new(layer, layer.filters)
        self._along(layer, 0, -2 if turned else -1, out, own=True)
        return out

    def _separable(self, node: Any, taken: list[_Marks]) -> Ints | None:
        layer = node.operation
        if layer.depth_multiplier != 1:
            return None
        self._along(layer, 0, -2, taken[0].of, reads=True)
        self._along(layer, 1, -2, taken[0].of)
        out = self._new(layer, layer.filters)
        self._along(layer, 1, -1, out, own=True)
        return out

    # Layers that treat channels apart ------------------------------------------------------------------------------------------

    def _passing(self, node: Any, taken: list[_Marks]) -> Ints | None:
        layer, marks = node.operation, taken[0].of
        if len(taken) > 1:
            return None
        kind = type(layer).__name__
        if kind == "Activation" and getattr(layer.activation, "__name__", "?") in ("?", *MIXING):
            return None
        if kind == "BatchNormalization" and layer.axis not in (-1, len(node.outputs[0].shape) - 1):
            return None
        if kind == "Rescaling" and any(np.ndim(value) for value in (layer.scale, layer.offset)):
            return None  # a list of numbers, one for each channel
        if kind.startswith("Depthwise"):
            if layer.depth_multiplier != 1:
                return None
            self._along(layer, 0, -2, marks)
            if layer.use_bias:
                self._along(layer, 1, 0, marks)
        else:
            for place, variable in enumerate(getattr(layer, "weights", ())):
                if variable.shape[-1] != len(marks):
                    return None
                self._along(layer, place, -1, marks)
        return marks

    def _merged(self, node: Any, taken: list[_Marks]) -> Ints | None:
        size = int(node.outputs[0].shape[-1] or 0)
        if any(np.ndim(value) for value in _others_in(node.arguments)) or any(len(marks.of) not in (1, size) for marks in taken):
            return None
        whole = [marks.of for marks in taken if len(marks.of) == size]
        if not whole:
            return None
        for marks in taken:
            if len(marks.of) != size:
                self.hold(marks.of)
        for other in whole[1:]:
            self.tie(whole[0], other)
        return whole[0]

    def _concatenated(self, node: Any, taken: list[_Marks]) -> Ints:
        if node.operation.axis in (-1, len(node.outputs[0].shape) - 1):
            return np.concatenate([marks.of for marks in taken])
        for other in taken[1:]:
            self.tie(taken[0].of, other.of)
        return taken[0].of

    def _reshaped(self, node: Any, taken: list[_Marks]) -> Ints | None:
        marks, shape = taken[0].of, node.outputs[0].shape
        if shape[-1] == len(marks):
            return marks
        if len(shape) == 2 and shape[-1] is not None and shape[-1] % len(marks) == 0:
            return np.tile(marks, shape[-1] // len(marks))
        if shape[-1] and len(marks) % shape[-1] == 0 and np.array_equal(marks, np.tile(marks[: shape[-1]], len(marks) // shape[-1])):
            return marks[: shape[-1]]  # what was flattened gets its positions back
        return None

    def _split(self, node: Any, taken: list[_Marks]) -> list[_Marks] | None:
        operation, marks = node.operation, taken[0].of
        rank = len(node.outputs[0].shape)
        if operation.axis not in (-1, rank - 1):
            return [_Marks(marks) for _ in node.outputs]
        if not isinstance(operation.indices_or_sections, int):
            return None
        parts = np.split(marks, operation.indices_or_sections)
        for part in parts[1:]:  # the parts stay of equal size
            self.tie(parts[0], part)
        return [_Marks(part) for part in parts]

    def _unstacked(self, node: Any, taken: list[_Marks]) -> list[_Marks] | None:
        rank = len(node.outputs[0].shape) + 1
        if node.operation.axis in (-1, rank - 1):
            return None
        return [_Marks(taken[0].of) for _ in node.outputs]

    def _stacked(self, node: Any, taken: list[_Marks]) -> Ints | None:
        if node.operation.axis in (-1, len(node.outputs[0].shape) - 1):
            return None
        for other in taken[1:]:
            self.tie(taken[0].of, other.of)
        return taken[0].of


def _marks_in(value: Any) -> list[_Marks]:
    if isinstance(value, _Marks):
        return [value]
    inside: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()
    return [marks for each in inside for marks in _marks_in(each)]


def _others_in(arguments: Any) -> list[Any]:
    """What an operation is called on beside tensors of the network: numbers and arrays."""
    import keras

    return [one for one in arguments._flat_arguments if one is not None and not isinstance(one, keras.KerasTensor)]
