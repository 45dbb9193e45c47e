"""The layers of a stack, their names, and the layer graph that they make.

A convolution is followed by BatchNorm and ReLU; a dense layer ends in a ReLU and reads all positions and channels of what is before it.
Behind the last layer the feature maps, where there are any left, are averaged over all positions, and the logits follow.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genomes.base import shown, unknown
from genomes.chain.layers import RELU
from genomes.dag.expression import HEAD, Expression
from genomes.layers import Layer, Shape
from genomes.markings import marking
from genomes.network.architecture import Architecture, canonical_order
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, MAX_MARKING

if TYPE_CHECKING:
    from genomes.chain.stack_space import StackSpace

FLATTENED = 51  # in front of the first dense layer; part of its marking. The numbers go on from those of `genomes.chain.layers`
CONVOLUTION, POOL, DENSE, START = "convolution", "pool", "dense", "start"


@dataclass(frozen=True, slots=True)
class StackOption:
    """What a layer may be.

    Args:
        kind: "convolution", "pool" or "dense".
        width: filters or units; 0 for a pooling.
        size: taps of a kernel, or elements that are pooled, along every spatial axis; 0 for a dense layer.
        stride: step along every spatial axis.
    """

    kind: str
    width: int = 0
    size: int = 0
    stride: int = 1

    def name(self, axes: int) -> str:
        """The option in words, for so many spatial axes.

        >>> StackOption("convolution", 64, 3).name(2), StackOption("pool", size=5, stride=3).name(1)
        ('convolution 64 3x3', 'pool 5 stride 3')
        """
        square = "x".join([str(self.size)] * axes)
        if self.kind == CONVOLUTION:
            return f"{self.kind} {self.width} {square}"
        if self.kind == DENSE:
            return f"{self.kind} {self.width}"
        return f"{self.kind} {square}" + (f" stride {self.stride}" if self.stride != self.size else "")


@dataclass(frozen=True, slots=True)
class StackLayer:
    """A layer of a stack: its historical marking (an int64 >= 0) and what it is."""

    marking: int
    option: StackOption


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stack has grown to: all that decides which layers may come next.

    Args:
        depth: layers so far.
        before: the last of them; None before the first.
        shape: the output shape so far.
        dense: dense layers in a row so far.
    """

    depth: int
    before: StackOption | None
    shape: Shape
    dense: int = 0

    def after(self, option: StackOption) -> Place:
        """The place behind one more layer."""
        if option.kind == DENSE:
            return Place(self.depth + 1, option, (option.width,), self.dense + 1)
        sides = tuple([-(-side // option.stride) for side in self.shape[:-1]])
        width = option.width if option.kind == CONVOLUTION else self.shape[-1]
        return Place(self.depth + 1, option, (*sides, width))

    def state(self, sizes: Sequence[int]) -> Hashable:
        """MetaQNN's state (Baker et al. 2017, table 1): the depth, the last layer's kind and settings, the bin of the representation's size,
        and the dense layers in a row so far."""
        before = self.before or StackOption(START)
        return (self.depth, before.kind, before.width, before.size, before.stride, self.bin(sizes), self.dense)

    def bin(self, sizes: Sequence[int]) -> int:
        """How many of the sizes, largest first, the longest side has fallen below; behind a dense layer all of them."""
        longest = max(self.shape[:-1], default=0)
        return sum([longest < size for size in sizes])


def expressed(layers: Sequence[StackLayer], input_shape: Shape, outputs: int) -> Architecture:
    """The layer graph of a stack."""
    graph, x = Expression(input_shape), INPUT_MARKING
    for layer in layers:
        option = layer.option
        if option.kind == CONVOLUTION:
            x = graph.add(layer.marking, Layer("plain_conv", width=option.width, kernel=option.size, normalised=True), x)
            x = graph.add(marking(0, RELU, layer.marking), Layer("relu"), x)
        elif option.kind == POOL:
            x = graph.add(layer.marking, Layer("max_pool", kernel=option.size, stride=option.stride), x)
        else:
            if len(graph.shapes[x]) > 1:
                x = graph.add(marking(0, FLATTENED), Layer("flatten"), x)
            x = graph.add(layer.marking, Layer("dense", width=option.width), x)
    if len(graph.shapes[x]) > 1:
        x = graph.add(marking(0, HEAD), Layer("global_average"), x)
    graph.add(LOGITS_MARKING, Layer("logits", width=outputs), x)
    order = canonical_order(graph.genes, LOGITS_MARKING)
    return Architecture(input_shape, tuple(order), {gene.marking: graph.shapes[gene.marking] for gene in order})


def layers_from_json(genes: Any, space: StackSpace) -> tuple[StackLayer, ...]:
    """The layers that JSON describes.

    Raises:
        ValueError: not such layers, or layers that the space does not allow in this order.
    """
    if not isinstance(genes, (list, tuple)) or not 1 <= len(genes) <= space.max_layers:
        raise ValueError(f"the genes of a stack are a list of 1 to {space.max_layers} layers, got {shown(genes)}")
    found: list[StackLayer] = []
    place = space.start
    for data in genes:
        layer = _layer(data, space, [other.marking for other in found])
        if layer.option not in space.allowed(place):
            offered = ", ".join([space.name(option) for option in space.allowed(place)])
            raise ValueError(
                f"layer {place.depth} of this stack cannot be {space.name(layer.option)} (allowed there: {offered or 'none'})"
            )
        found.append(layer)
        place = place.after(layer.option)
    return tuple(found)


def _layer(data: Any, space: StackSpace, earlier: Sequence[int]) -> StackLayer:
    if not isinstance(data, Mapping) or set(data) != {"marking", "layer"}:
        raise ValueError(f"a layer of a stack is a JSON object with 'marking' and 'layer', got {shown(data)}")
    name, born = data["layer"], data["marking"]
    if not isinstance(name, str) or name not in space.by_name:
        raise ValueError(unknown("layer of a stack", name, list(space.by_name)))
    if isinstance(born, bool) or not isinstance(born, int) or not 0 <= born <= MAX_MARKING:
        raise ValueError(f"marking must be a whole number from 0 to {MAX_MARKING}, got {shown(born)}")
    if born in (*earlier, INPUT_MARKING, LOGITS_MARKING):
        raise ValueError(f"two layers have the marking {born}")
    return StackLayer(born, space.by_name[name])
