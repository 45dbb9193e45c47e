"""The layers of a chain, their JSON, and the layer graph that they make.

A layer is convolution, BatchNorm and ReLU (dense and ReLU where there are no positions). It takes the earlier layers that its skip bits
name, joined by channels; without a bit it takes the network's input. Layers that no other takes are joined in front of the logits (Zoph &
Le 2017, section 3.3). Where sizes differ, larger feature maps are max-pooled to the smallest; the paper pads the smaller ones with zeros.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from genomes.base import shown, unknown
from genomes.dag.expression import JOINED, Expression
from genomes.layers import Layer, Shape
from genomes.markings import marking
from genomes.network.architecture import Architecture
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, MAX_MARKING

if TYPE_CHECKING:
    from genomes.chain.space import ChainSpace

# The ReLU behind a convolution; part of its marking. The numbers go on from those of `genomes.dag.expression`.
RELU = 50


@dataclass(frozen=True, slots=True)
class ChainLayer:
    """A layer of a chain.

    Args:
        marking: historical marking, an int64 >= 0.
        width: filters or units.
        height_taps, width_taps: elements of the kernel along the first and the second spatial axis; 0 where there is no such axis.
        stride: step along every spatial axis; 1 where a side has one element left.
        inputs: markings of the earlier layers that it takes, nearest first; none: the network's input.
    """

    marking: int
    width: int
    height_taps: int = 0
    width_taps: int = 0
    stride: int = 1
    inputs: tuple[int, ...] = ()

    def to_json(self, settings: Sequence[str]) -> dict[str, Any]:
        return {"marking": self.marking, **{name: getattr(self, name) for name in settings}, "inputs": list(self.inputs)}


def linked(layers: Iterable[ChainLayer], skips: bool) -> tuple[ChainLayer, ...]:
    """The layers in this order, each with those of its inputs that come before it, nearest first; without skips with the one before."""
    found: list[ChainLayer] = []
    for layer in layers:
        earlier = [other.marking for other in reversed(found)]
        inputs = tuple([m for m in earlier if m in layer.inputs]) if skips else tuple(earlier[:1])
        found.append(layer if inputs == layer.inputs else replace(layer, inputs=inputs))
    return tuple(found)


def expressed(layers: Sequence[ChainLayer], input_shape: Shape, outputs: int) -> Architecture:
    """The layer graph of a chain."""
    graph = Expression(input_shape)
    ends: dict[int, int] = {}
    for layer in layers:
        sources = [ends[source] for source in layer.inputs] or [INPUT_MARKING]
        x = graph.joined(sources, marking(0, JOINED, layer.marking))
        shape = graph.shapes[x]
        if len(shape) == 1:
            ends[layer.marking] = graph.add(layer.marking, Layer("dense", width=layer.width), x)
            continue
        convolution = Layer(
            "plain_conv",
            width=layer.width,
            kernel=layer.height_taps,
            kernel_width=layer.width_taps,
            stride=layer.stride if min(shape[:-1]) > 1 else 1,
            normalised=True,
        )
        x = graph.add(layer.marking, convolution, x)
        ends[layer.marking] = graph.add(marking(0, RELU, layer.marking), Layer("relu"), x)
    return graph.headed(list(ends.values()), outputs)


def layers_from_json(genes: Any, space: ChainSpace) -> tuple[ChainLayer, ...]:
    """The layers that JSON describes.

    Raises:
        ValueError: not such layers, or layers that the space does not allow.
    """
    if not isinstance(genes, (list, tuple)) or not 1 <= len(genes) <= space.max_layers:
        raise ValueError(f"the genes of a chain are a list of 1 to {space.max_layers} layers, got {shown(genes)}")
    found: list[ChainLayer] = []
    for data in genes:
        found.append(_layer(data, space, [layer.marking for layer in reversed(found)]))
    return tuple(found)


def _layer(data: Any, space: ChainSpace, earlier: list[int]) -> ChainLayer:
    if not isinstance(data, Mapping):
        raise ValueError(f"a layer of a chain is a JSON object, got {shown(data)}")
    expected = ("marking", *space.settings, "inputs")
    for name in data:
        if name not in expected:
            raise ValueError(unknown("field of a layer", name, expected))
    for name in expected:
        if name not in data:
            raise ValueError(f"a layer of this chain needs {name!r}, got {shown(data)}")
    chosen = {}
    for name, allowed in space.settings.items():
        value = data[name]
        if isinstance(value, bool) or not isinstance(value, int) or value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {shown(value)}")
        chosen[name] = value
    name = data["marking"]
    if isinstance(name, bool) or not isinstance(name, int) or not 0 <= name <= MAX_MARKING:
        raise ValueError(f"marking must be a whole number from 0 to {MAX_MARKING}, got {shown(name)}")
    if name in (*earlier, INPUT_MARKING, LOGITS_MARKING):
        raise ValueError(f"two layers have the marking {name}")
    inputs = data["inputs"]
    known = isinstance(inputs, (list, tuple)) and all(isinstance(m, int) and not isinstance(m, bool) for m in inputs)
    wanted = [m for m in earlier if m in inputs] if known and space.skips else earlier[:1]
    if not known or list(inputs) != wanted:
        what = "earlier layers, nearest first, each once" if space.skips else "the layer before and no other"
        raise ValueError(f"the inputs of layer {name} must be {what}, got {shown(inputs)}")
    return ChainLayer(name, inputs=tuple(inputs), **chosen)
