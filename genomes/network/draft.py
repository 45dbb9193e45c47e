"""A layer graph in the making: what may be added so that a legal network can still come of it.

Layers come one after the other, each after its inputs; to stop is to join what no layer has taken in front of the logits (as Zoph & Le 2017
do, section 3.3), so nothing leads nowhere. A layer fits while the limits leave enough to join the ends behind it. For layers and depth that
is exact. Of the parameters that are still to come a lower bound is known: no network of the space is out of reach, and only where the
limit is tight there may come a point with no way on within it. Then the draft stops, and its widths are scaled down.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from copy import copy
from functools import lru_cache
from typing import TYPE_CHECKING

from genomes.layers import CONVOLUTIONS, EMBEDDINGS, ENDINGS, POOLINGS, WEIGHTED, Layer, Shape, output_shape, parameters
from genomes.markings import marking
from genomes.network.architecture import Architecture
from genomes.network.closing import closing_layers, least_parameters
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, STARTER, Gene
from genomes.network.starters import CONVOLUTION, DENSE, DROPOUT, EMBEDDING, GATE, HEAD, MERGE, POOLING, smallest_architecture

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


class Draft:
    """The layers so far. A source is the place of a layer: 0 is the network's input, 1 the first layer.

    Attributes:
        ends: the sources that no layer has taken.
        channels: of all ends together.
        spare: how many layers are left beside those that join the ends.
    """

    def __init__(self, space: NetworkSpace) -> None:
        self.space = space
        self.layers = [Layer("input")]
        self.inputs: list[tuple[int, ...]] = [()]
        self.shapes: list[Shape] = [space.input_shape]
        self.depths = [0]
        self.parameters = 0
        self._set_ends([0])

    @property
    def complete(self) -> bool:
        """Whether there is no room for another layer."""
        return len(self.layers) > self.space.max_layers

    @property
    def can_stop(self) -> bool:
        """Whether the network fits the limits where nothing more is added."""
        closed = self
        if self._closes_by_adding():
            closed = self._copy()
            closed.close()
        channels = sum([closed.shapes[end][-1] for end in closed.ends])
        return closed.parameters + (channels + 1) * self.space.outputs <= self.space.max_parameters

    def sources(self) -> list[int]:
        """The sources, the nearest first, that the parameters leave: whatever takes a source that is no end has as many parameters as that
        has channels, or leaves them to later layers."""
        slack = self.space.max_parameters - self.parameters - (self.channels + 2 * self.space.outputs - 1)
        free = set(self.ends)
        return [source for source in range(len(self.layers) - 1, -1, -1) if source in free or self.shapes[source][-1] <= slack]

    def beside(self, taken: Sequence[int], sources: Sequence[int]) -> list[int]:
        """Those of the sources that a layer may take beside others: where no layer is spare, each one takes an end."""
        ends_only = not self.spare and not any([source in self.ends for source in taken])
        return [source for source in (sorted(self.ends, reverse=True) if ends_only else sources) if source not in taken]

    def alike(self, source: int) -> tuple[Shape, bool, bool]:
        """Equal for sources that are alike in all that decides whether a layer fits."""
        return self.shapes[source], source in self.ends, self.depths[source] < self.space.max_depth

    def fits(self, layer: Layer, sources: Sequence[int]) -> bool:
        """Whether the layer is legal on these sources and the limits leave a way on from there."""
        effect = _effect(layer, tuple([self.shapes[source] for source in sources]))
        if effect is None or (layer.kind in WEIGHTED and self.depths[sources[0]] >= self.space.max_depth):
            return False
        shape, count = effect
        count += self.parameters
        taken = sum([self.shapes[source][-1] for source in sources if source in self.ends])
        # A new end takes two layers at most to be joined. Where that many are spare, the general bound decides, and suffices.
        if self.spare > 3 and count + self.channels - taken + shape[-1] + 2 * self.space.outputs < self.space.max_parameters:
            return True
        ends = [self.shapes[end] for end in self.ends if end not in sources]
        ends.append(shape)
        spare = self.space.max_layers - len(self.layers) - closing_layers(tuple([end[:-1] for end in ends]))
        return spare >= 0 and count + least_parameters(ends, self.space.outputs, spare) <= self.space.max_parameters

    def add(self, layer: Layer, sources: Sequence[int]) -> None:
        """Put a layer that fits on these sources."""
        inputs = [self.shapes[source] for source in sources]
        self.layers.append(layer)
        self.inputs.append(tuple(sources))
        self.shapes.append(output_shape(layer, inputs))
        self.depths.append(max([self.depths[source] for source in sources]) + (layer.kind in WEIGHTED))
        self.parameters += parameters(layer, inputs)
        self._set_ends([*[end for end in self.ends if end not in sources], len(self.layers) - 1])

    def _set_ends(self, ends: list[int]) -> None:
        shapes = [self.shapes[end] for end in ends]
        self.ends = ends
        self.channels = sum([shape[-1] for shape in shapes])
        self.spare = self.space.max_layers + 1 - len(self.layers) - closing_layers(tuple([shape[:-1] for shape in shapes]))

    def close(self) -> None:
        """Join the ends to one without positions, with as few layers as can be.

        Ends of equal positions are concatenated. What has positions then is averaged over all of them and joined with the rest; where there
        is no room for that, ends are added to the one with the fewest positions first.
        """
        adding = self._closes_by_adding()
        for ends in self._groups().values():
            if len(ends) > 1:
                self.add(Layer("concat"), ends)
        if adding:
            main, *skips = sorted(self.ends, key=lambda end: math.prod(self.shapes[end][:-1]))
            for skip in skips:
                self.add(Layer("add", projected=self.shapes[main] != self.shapes[skip]), (main, skip))
                main = self.ends[-1]
        for end in self.ends:
            if len(self.shapes[end]) > 1:  # `add` makes a new list of ends
                self.add(Layer("global_average"), (end,))
        if len(self.ends) > 1:
            self.add(Layer("concat"), self.ends)

    def _groups(self) -> dict[tuple[int, ...], list[int]]:
        """The ends with positions, by these."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for end in self.ends:
            if len(self.shapes[end]) > 1:
                groups.setdefault(self.shapes[end][:-1], []).append(end)
        return groups

    def _closes_by_adding(self) -> bool:
        groups = self._groups()
        if len(groups) < 2 or len(self.ends) > sum(map(len, groups.values())):
            return False
        layers = len(groups) + 1 + sum([len(ends) > 1 for ends in groups.values()])
        return len(self.layers) - 1 + layers > self.space.max_layers

    def _copy(self) -> Draft:
        other = copy(self)
        other.layers, other.inputs = self.layers[:], self.inputs[:]
        other.shapes, other.depths = self.shapes[:], self.depths[:]
        return other

    def architecture(self) -> Architecture:
        """The network, its ends joined. Where it has too many parameters, all widths are scaled down by the largest factor that makes it
        fit; where even widths of 1 have too many, it is the smallest network of the space."""
        self.close()
        widest = max([layer.width for layer in self.layers], default=1) or 1
        whole = self._scaled(1, 1)
        if self.space.violated(whole) is None:
            return whole
        low, high, found = 1, widest - 1, smallest_architecture(self.space)
        while low <= high:
            middle = (low + high) // 2
            scaled = self._scaled(middle, widest)
            if self.space.violated(scaled) is None:
                low, found = middle + 1, scaled
            else:
                high = middle - 1
        return found

    def _scaled(self, factor: int, whole: int) -> Architecture:
        markings, shapes = self._markings(), list[Shape]()
        genes: list[Gene] = []
        for layer, inputs in zip(self.layers, self.inputs, strict=True):
            given = [shapes[source] for source in inputs]
            if layer.kind in WEIGHTED:
                width = max((layer.width * factor + whole // 2) // whole, 1)
                layer = Layer(layer.kind, width=width, kernel=layer.kernel, stride=layer.stride)
            elif layer.kind == "add" and given[0] != given[1]:
                layer = Layer("add", projected=True)
            shapes.append(output_shape(layer, given) if inputs else self.space.input_shape)
            genes.append(Gene(markings[len(genes)], layer, tuple([markings[source] for source in inputs])))
        logits = Layer("logits", width=self.space.outputs)
        genes.append(Gene(LOGITS_MARKING, logits, (markings[self.ends[0]],)))
        return Architecture.of(self.space.input_shape, genes)

    def _markings(self) -> list[int]:
        """Those of a random network for layers of the same sort in the same place."""
        found, count = [INPUT_MARKING], Counter[int]()
        for layer in self.layers[1:]:
            role = _role(layer)
            place = {POOLING: max(count[CONVOLUTION] - 1, 0), HEAD: 0}.get(role, count[role])
            count[role] += 1
            occurrence = 0
            while (born := marking(0, STARTER, role, place, occurrence=occurrence)) in found:
                occurrence += 1
            found.append(born)
        return found


def _role(layer: Layer) -> int:
    for kinds, role in (
        (CONVOLUTIONS, CONVOLUTION),
        (POOLINGS, POOLING),
        (ENDINGS, HEAD),
        ({"dense"}, DENSE),
        (EMBEDDINGS, EMBEDDING),
        ({"gate"}, GATE),
        ({"dropout"}, DROPOUT),
    ):
        if layer.kind in kinds:
            return role
    return MERGE


@lru_cache(maxsize=1 << 13)
def _effect(layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Shape, int] | None:
    """The shape that a layer gives and its parameters, or None where it is not legal."""
    try:
        return output_shape(layer, inputs), parameters(layer, inputs)
    except ValueError:
        return None
