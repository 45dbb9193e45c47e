"""A user's own Keras model as a layer graph, read from its public configuration; Keras itself is not imported.

A layer of the vocabulary may be several Keras layers (convolution, BatchNorm, ReLU), so the model is read forwards and a value that is not
yet one of the vocabulary waits for the layers that complete it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from genomes.base import shown
from genomes.layers import WEIGHTED, Layer, Shape, output_shape
from genomes.markings import marking
from genomes.network.genes import IMPORTED, INPUT_MARKING, LOGITS_MARKING, Gene

VOCABULARY = (
    "InputLayer, Conv1D, Conv2D, SeparableConv1D, SeparableConv2D, BatchNormalization, ReLU, Dense, MaxPooling, AveragePooling, "
    "GlobalAveragePooling, GlobalMaxPooling, Flatten, Add, Concatenate; Dropout and noise layers are left out"
)
_LEFT_OUT = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization", "Identity"}
)  # fmt: skip
_OUTPUT_ACTIVATIONS = frozenset({"linear", "softmax", "sigmoid", "log_softmax"})


@dataclass(frozen=True)
class KerasLayer:
    """One layer of a model's configuration: its inputs are names of layers."""

    name: str
    kind: str
    settings: Mapping[str, Any]
    inputs: tuple[str, ...]

    def refused(self, why: str) -> ValueError:
        return ValueError(f"layer {self.name!r} ({self.kind}) is not in the vocabulary: {why}")


@dataclass(frozen=True)
class Value:
    """What a Keras layer gives: a gene's output, or a value that waits for BatchNorm, ReLU or Add to complete a gene.

    Attributes:
        source: marking of the gene whose output it is, or that goes into the waiting layers.
        layer: the waiting layer, or None.
        normalised: whether a BatchNorm has followed.
        activation: whether an output activation has followed.
        needs_relu: whether it is a sum that may be negative, which only a ReLU makes an add of the vocabulary.
        parts: names of the Keras layers that hold the gene's weights, by part.
    """

    source: int
    layer: Layer | None = None
    normalised: bool = False
    activation: bool = False
    needs_relu: bool = False
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.layer is None and not self.normalised and not self.needs_relu


@dataclass
class Imported:
    """The genes of a model, the shapes, and for each gene the names of the Keras layers that hold its weights, by part
    ("convolution", "separable", "norm", "dense", "logits", "projection", "gate")."""

    input_shape: Shape
    genes: list[Gene]
    shapes: dict[int, Shape]
    parts: dict[int, Mapping[str, str]]

    @property
    def outputs(self) -> int:
        return self.genes[-1].layer.width


def imported(model: Any) -> Imported:
    """The genes of a functional or sequential Keras model whose layers are in the vocabulary.

    Raises:
        ValueError: the model has several inputs or outputs, or a layer that is not in the vocabulary; the sentence names it.
    """
    layers, inputs, outputs = keras_layers(model)
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(f"a network has one input and one output, the model has {len(inputs)} and {len(outputs)}")
    return _Reader(layers, inputs[0], outputs[0]).read()


def keras_layers(model: Any) -> tuple[list[KerasLayer], list[str], list[str]]:
    """A model's layers, each after its inputs, and the names of its inputs and outputs.

    Raises:
        ValueError: not a functional or sequential model, or one with a layer that is used twice.
    """
    try:
        config = model.get_config()
    except (AttributeError, NotImplementedError, TypeError) as error:
        raise ValueError(f"expected a functional or sequential keras.Model, got {type(model).__name__}") from error
    if not isinstance(config, Mapping) or not isinstance(config.get("layers"), Sequence):
        raise ValueError(f"expected a functional or sequential keras.Model, got {type(model).__name__}")
    layers, inputs, outputs = _of_configuration(config, "")
    return _sorted(layers), inputs, outputs


def _of_configuration(config: Mapping[str, Any], prefix: str) -> tuple[list[KerasLayer], list[str], list[str]]:
    """The layers of a model's configuration. Those of a model inside it are named `<inner model>/<layer>`; its input and output are
    Identity layers."""
    sequential = "input_layers" not in config
    if sequential and (not config["layers"] or config["layers"][0]["class_name"] != "InputLayer"):
        raise ValueError("the sequential model has no input shape yet: begin it with keras.Input(shape)")
    layers: list[KerasLayer] = []
    for entry in config["layers"]:
        settings, name = entry["config"], prefix + entry["config"]["name"]
        taken: tuple[str, ...]
        if sequential:
            taken = (layers[-1].name,) if layers else ()
        else:
            if len(entry["inbound_nodes"]) > 1:
                raise ValueError(f"layer {name!r} is used twice: layers that share weights are not in the vocabulary")
            taken = tuple([prefix + source for source in _history(entry["inbound_nodes"])])
        if "layers" not in settings:
            layers.append(KerasLayer(name, entry["class_name"], settings, taken))
            continue
        inside, firsts, lasts = _of_configuration(settings, f"{name}/")
        if len(firsts) != 1 or len(lasts) != 1:
            raise ValueError(f"the model {name!r} inside the model has several inputs or outputs")
        layers += [KerasLayer(inner.name, "Identity", {}, taken) if inner.name in firsts else inner for inner in inside]
        layers.append(KerasLayer(name, "Identity", {}, tuple(lasts)))
    if sequential:
        return layers, [layers[0].name], [layers[-1].name]
    inputs, outputs = _names(config["input_layers"]), _names(config["output_layers"])
    return layers, [prefix + name for name in inputs], [prefix + name for name in outputs]


def _history(value: Any) -> list[str]:
    """Names of the layers whose outputs occur in a layer's call, in order."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return [value["config"]["keras_history"][0]]
        return [name for item in value.values() for name in _history(item)]
    if isinstance(value, (list, tuple)):
        return [name for item in value for name in _history(item)]
    return []


def _names(ends: Any) -> list[str]:
    """`input_layers` and `output_layers` are [name, 0, 0], or a list of those."""
    if isinstance(ends, (list, tuple)) and ends and isinstance(ends[0], str):
        return [ends[0]]
    return [end[0] for end in (ends.values() if isinstance(ends, Mapping) else ends)]


def _sorted(layers: list[KerasLayer]) -> list[KerasLayer]:
    placed: dict[str, KerasLayer] = {}
    waiting = layers
    while waiting:
        ready = [layer for layer in waiting if all(name in placed for name in layer.inputs)]
        if not ready:
            raise ValueError(f"layer {waiting[0].name!r} takes what no layer of the model gives")
        placed.update({layer.name: layer for layer in ready})
        waiting = [layer for layer in waiting if layer.name not in placed]
    return list(placed.values())


class _Reader:
    def __init__(self, layers: list[KerasLayer], first: str, last: str) -> None:
        self.layers = layers
        self.last = last
        source = next(layer for layer in layers if layer.name == first)
        batch_shape = source.settings.get("batch_shape") or ()
        if len(batch_shape) < 2 or any(axis is None for axis in batch_shape[1:]):
            raise ValueError(f"the model's input must have a fixed shape, got {shown(batch_shape)}")
        self.input_shape: Shape = tuple(int(axis) for axis in batch_shape[1:])
        self.genes = [Gene(INPUT_MARKING, Layer("input"))]
        self.shapes = {INPUT_MARKING: self.input_shape}
        self.nonnegative: set[int] = set()
        self.parts: dict[int, Mapping[str, str]] = {}
        self.values: dict[str, Value] = {first: Value(INPUT_MARKING)}

    def read(self) -> Imported:
        for layer in self.layers:
            if layer.name not in self.values:
                self.values[layer.name] = self._value(layer, [self.values[name] for name in layer.inputs])
        end = self.values[self.last]
        if end.layer is None or end.layer.kind != "dense" or end.normalised:
            raise ValueError(f"the model must end in a Dense layer (softmax, sigmoid or linear), it ends in {self.last!r}")
        gene = Gene(LOGITS_MARKING, replace(end.layer, kind="logits"), (end.source,))
        self.genes.append(gene)
        self.shapes[LOGITS_MARKING] = (gene.layer.width,)
        self.parts[LOGITS_MARKING] = {"logits": end.parts["dense"]}
        return Imported(self.input_shape, self.genes, self.shapes, self.parts)

    def _value(self, layer: KerasLayer, taken: list[Value]) -> Value:
        kind, settings = layer.kind, layer.settings
        if kind == "Add":
            return self._add(layer, taken)
        if kind == "Concatenate":
            if settings.get("axis", -1) not in (-1, len(self.shapes[taken[0].source])):
                raise layer.refused(f"it joins axis {settings['axis']}, only channels can be joined")
            return self._born(layer, Layer("concat"), [self._completed(layer, value) for value in taken])
        if len(taken) != 1:
            raise layer.refused(f"known are {VOCABULARY}")
        value = taken[0]
        if kind in _LEFT_OUT:
            return value
        if kind in ("Normalization", "Rescaling") and value == Value(INPUT_MARKING):
            return value  # the search normalises its data itself
        if kind == "BatchNormalization":
            return self._normalised(layer, value)
        if kind in ("ReLU", "Activation", "Softmax"):
            return self._activated(layer, value)
        source = self._completed(layer, value)
        if kind.startswith(("Conv", "SeparableConv")) and not kind.endswith("Transpose"):
            return self._convolution(layer, source)
        if kind == "Dense":
            return self._followed_by(
                layer, Value(source, Layer("dense", width=int(settings["units"])), parts={"dense": layer.name})
            )
        if kind == "Flatten":
            return self._born(layer, Layer("flatten"), [source])
        if kind.startswith(("GlobalAveragePooling", "GlobalMaxPooling")) and not settings.get("keepdims"):
            return self._born(layer, Layer("global_average" if "Average" in kind else "global_max"), [source])
        if kind.startswith(("MaxPooling", "AveragePooling")):
            return self._pooling(layer, source)
        raise layer.refused(f"known are {VOCABULARY}")

    def _completed(self, layer: KerasLayer, value: Value) -> int:
        if not value.complete:
            raise layer.refused("what goes into it is no complete layer (a convolution, a dense layer, a sum must end in a ReLU)")
        return value.source

    def _born(self, layer: KerasLayer, made: Layer, inputs: list[int], parts: Mapping[str, str] | None = None) -> Value:
        gene = Gene(marking(0, IMPORTED, len(self.genes)), made, tuple(inputs))
        try:
            self.shapes[gene.marking] = output_shape(made, [self.shapes[source] for source in inputs])
        except ValueError as error:
            raise layer.refused(str(error)) from error
        self.genes.append(gene)
        self.parts[gene.marking] = parts or {}
        if made.kind in WEIGHTED or made.kind == "add" or self.nonnegative.issuperset(inputs):
            self.nonnegative.add(gene.marking)
        return Value(gene.marking)

    def _convolution(self, layer: KerasLayer, source: int) -> Value:
        settings = layer.settings
        kernel, stride = _one(layer, "kernel_size"), _one(layer, "strides")
        if settings["padding"] != "same" and kernel > 1:
            raise layer.refused(f"its padding is {settings['padding']!r}, only 'same' is known")
        if _one(layer, "dilation_rate") != 1 or settings.get("groups", 1) != 1 or settings.get("depth_multiplier", 1) != 1:
            raise layer.refused("dilation, groups and depth multipliers are not known")
        if settings.get("data_format", "channels_last") != "channels_last":
            raise layer.refused("its channels come first, only 'channels_last' is known")
        kind, part = ("separable", "separable") if layer.kind.startswith("Separable") else ("conv", "convolution")
        made = Layer(kind, width=int(settings["filters"]), kernel=kernel, stride=stride)
        return self._followed_by(layer, Value(source, made, parts={part: layer.name}))

    def _pooling(self, layer: KerasLayer, source: int) -> Value:
        size, stride = _one(layer, "pool_size"), _one(layer, "strides")
        shape = self.shapes[source]
        whole = size == stride and all(axis % size == 0 for axis in shape[:-1])
        if layer.settings["padding"] != "same" and not whole:
            raise layer.refused(f"it leaves out elements of {shape}; use padding='same'")
        made = Layer("max_pool" if layer.kind.startswith("Max") else "average_pool", kernel=size, stride=stride)
        return self._born(layer, made, [source])

    def _followed_by(self, layer: KerasLayer, value: Value) -> Value:
        """The value behind a layer's own activation."""
        activation = _activation(layer.settings.get("activation"))
        return value if activation == "linear" else self._with_activation(layer, value, activation)

    def _activated(self, layer: KerasLayer, value: Value) -> Value:
        settings = layer.settings
        if layer.kind == "ReLU" and (
            settings.get("max_value") is not None or settings.get("negative_slope") or settings.get("threshold")
        ):
            raise layer.refused("only the plain ReLU is known")
        activation = {"ReLU": "relu", "Softmax": "softmax"}.get(layer.kind) or _activation(settings.get("activation"))
        return self._with_activation(layer, value, activation)

    def _with_activation(self, layer: KerasLayer, value: Value, activation: str) -> Value:
        made = value.layer
        if activation == "relu" and value.needs_relu:
            return Value(value.source)
        if activation == "relu" and value.complete and value.source in self.nonnegative:
            return value  # it changes nothing
        if activation == "relu" and made is not None and not value.activation and not (made.kind == "dense" and value.normalised):
            return self._born(layer, made, [value.source], value.parts)
        if activation in _OUTPUT_ACTIVATIONS and made is not None and made.kind == "dense" and not value.normalised:
            return replace(value, activation=True)
        raise layer.refused(f"the activation {activation!r} is not known here (relu; softmax, sigmoid or linear at the end)")

    def _normalised(self, layer: KerasLayer, value: Value) -> Value:
        if value.normalised or value.activation:
            raise layer.refused("two normalisations, or one behind an activation")
        if not layer.settings.get("scale", True) or not layer.settings.get("center", True):
            raise layer.refused("BatchNormalization needs scale and center")
        return replace(value, normalised=True, parts={**value.parts, "norm": layer.name})

    def _add(self, layer: KerasLayer, taken: list[Value]) -> Value:
        if len(taken) != 2:
            raise layer.refused(f"it adds {len(taken)} values, only main and skip are known")
        main, skip = taken if taken[0].complete else taken[::-1]
        source = self._completed(layer, main)
        made = skip.layer
        if made is not None and not (skip.normalised and (made.kind == "dense" or (made.kind == "conv" and made.kernel == 1))):
            raise layer.refused("a skip may pass one 1x1 convolution (or dense layer) and BatchNormalization, nothing else")
        parts = {"gate": skip.parts["norm"]} if skip.normalised else {}
        if made is not None:
            if made.width != self.shapes[source][-1]:
                raise layer.refused(f"its main path has {self.shapes[source][-1]} channels, its skip {made.width}")
            parts["projection"] = skip.parts["convolution" if made.kind == "conv" else "dense"]
        negative = skip.normalised or not self.nonnegative.issuperset([source, skip.source])
        born = self._born(layer, Layer("add", projected=made is not None), [source, skip.source], parts)
        return replace(born, needs_relu=negative)


def _one(layer: KerasLayer, name: str) -> int:
    """A setting that must be the same along every axis."""
    value = layer.settings.get(name, 1)
    if isinstance(value, int):
        return value
    if len(set(value)) != 1:
        raise layer.refused(f"its {name} is {tuple(value)}, only equal ones along every axis are known")
    return int(value[0])


def _activation(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("config", {}).get("name") if isinstance(value.get("config"), Mapping) else value.get("config")
    return "linear" if value is None else str(value)
