"""ChainSpace: which chains of layers may be encoded, and the decisions that a controller makes for one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown
from genomes.chain.layers import ChainLayer, layers_from_json, linked
from genomes.layers import Shape
from genomes.markings import marking
from genomes.network.genes import STARTER
from genomes.questions import DEPTH, NO_OR_YES, Question
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.chain.genome import ChainGenome
    from genomes.shared import SharedGraph


@dataclass(frozen=True)
class ChainSpace(SequentialSpace["ChainGenome"], encoding="chain"):
    """Sequential layers with strides and skip bits; the defaults are the numbers of Zoph & Le (2017, section 4.1).

    A controller decides (`choices`, `build`): the number of layers, where it is free; then for each layer its kernel's height and width, its
    filters, its stride, and for each earlier layer, from the first, whether it takes it. These are all that a chain is but its historical
    markings: what is built has those of a random chain, by place.

    Args:
        input_shape: shape of one sample; its rank decides the layers: (features,) dense, (steps, channels) one-dimensional convolutions,
            (height, width, channels) two-dimensional ones.
        outputs: number of logits (classes) or regression targets.
        min_layers, max_layers: layers of a chain.
        widths: filters or units of a layer.
        kernels: elements of a kernel along each spatial axis.
        strides: steps of a convolution.
        skips: whether layers have skip bits; without them each takes the one before it.
        skip_rate: how often a bit is set in a random chain; the bit for the layer before is always set there.

    Raises:
        ValueError: a setting out of its range.
    """

    input_shape: Shape
    outputs: int
    min_layers: int = 2
    max_layers: int = 8
    widths: tuple[int, ...] = (24, 36, 48, 64)
    kernels: tuple[int, ...] = (1, 3, 5, 7)
    strides: tuple[int, ...] = (1, 2, 3)
    skips: bool = True
    skip_rate: float = 0.25

    drawn_as = "layers"
    redundant = True

    def __post_init__(self) -> None:
        shape = self.input_shape
        if not isinstance(shape, tuple) or not 1 <= len(shape) <= 3 or not all(_is_count(size) for size in shape):
            raise ValueError(
                f"input_shape must be (features,), (steps, channels) or (height, width, channels), each >= 1, got {shown(shape)}"
            )
        for name in ("outputs", "min_layers", "max_layers"):
            if not _is_count(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        if self.min_layers > self.max_layers or self.max_layers > 64:
            raise ValueError(f"layers must be min_layers <= max_layers <= 64, got {self.min_layers} and {self.max_layers}")
        for name in ("widths", "kernels", "strides"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not values or not all(_is_count(value) for value in values):
                raise ValueError(f"{name} must be one or more whole numbers >= 1, got {shown(values)}")
            if len(set(values)) < len(values):
                raise ValueError(f"{name} must be different numbers, got {shown(values)}")
        if not isinstance(self.skips, bool):
            raise ValueError(f"skips must be true or false, got {shown(self.skips)}")
        if isinstance(self.skip_rate, bool) or not isinstance(self.skip_rate, (int, float)) or not 0 <= self.skip_rate <= 1:
            raise ValueError(f"skip_rate must be a probability between 0 and 1, got {shown(self.skip_rate)}")

    @classmethod
    def for_data(cls, input_shape: Shape, outputs: int) -> Self:
        return cls(input_shape, outputs, max_layers=6, widths=(8, 16, 32), kernels=(1, 3, 5), strides=(1, 2))

    @cached_property
    def settings(self) -> Mapping[str, tuple[int, ...]]:
        """A layer's settings, in the order in which they are decided, and their options."""
        axes = len(self.input_shape) - 1
        found = {"height_taps": self.kernels, "width_taps": self.kernels, "width": self.widths, "stride": self.strides}
        if axes < 2:
            del found["width_taps"]
        if axes < 1:
            del found["height_taps"], found["stride"]
        return found

    def random(self, rng: np.random.Generator) -> ChainGenome:
        count = int(rng.integers(self.min_layers, self.max_layers + 1))
        layers: list[ChainLayer] = []
        for place in range(count):
            taken = [other.marking for other, bit in zip(layers, rng.random(place) < self.skip_rate, strict=True) if bit]
            inputs = (*taken, *([layers[-1].marking] if layers else []))
            layers.append(ChainLayer(marking(0, STARTER, place), inputs=inputs, **self.random_settings(rng)))
        return self._genome(linked(layers, self.skips), ("random",))

    def random_settings(self, rng: np.random.Generator) -> dict[str, int]:
        """Random settings of a layer."""
        return {name: options[int(rng.integers(len(options)))] for name, options in self.settings.items()}

    def ask(self) -> Asking[ChainGenome]:
        count = self.min_layers
        if self.min_layers < self.max_layers:
            count += yield Question(DEPTH, tuple(map(str, range(self.min_layers, self.max_layers + 1))))
        layers: list[ChainLayer] = []
        for place in range(count):
            chosen = {}
            for name, values in self.settings.items():
                chosen[name] = values[(yield Question(f"{name} of layer {place}", tuple(map(str, values)), place))]
            taken: list[int] = []
            for earlier in range(place if self.skips else 0):
                if (yield Question(f"the skip from layer {earlier} to layer {place}", NO_OR_YES, place, (earlier,))):
                    taken.append(layers[earlier].marking)
            layers.append(ChainLayer(marking(0, STARTER, place), inputs=tuple(taken), **chosen))
        return self._genome(linked(layers, self.skips), ("built",))

    def answers(self, genome: ChainGenome) -> Iterator[str]:
        if self.min_layers < self.max_layers:
            yield str(len(genome.layers))
        for place, layer in enumerate(genome.layers):
            for name in self.settings:
                yield str(getattr(layer, name))
            for earlier in genome.layers[: place if self.skips else 0]:
                yield NO_OR_YES[earlier.marking in layer.inputs]

    def shared(self) -> SharedGraph:
        """All chains of the space in one graph, for one-shot search."""
        from genomes.chain.shared import shared_chains

        return shared_chains(self)

    def from_genes(self, genes: Any) -> ChainGenome:
        return self._genome(layers_from_json(genes, self))

    def _genome(self, layers: tuple[ChainLayer, ...], operators: tuple[str, ...] = ()) -> ChainGenome:
        from genomes.chain.genome import ChainGenome

        return ChainGenome(self, layers, operators)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)
