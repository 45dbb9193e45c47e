"""StackSpace: the chains of MetaQNN, decided one whole layer at a time (Baker, Gupta, Naik & Raskar 2017)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown
from genomes.chain.stack_layers import CONVOLUTION, DENSE, POOL, Place, StackLayer, StackOption, layers_from_json
from genomes.layers import Shape
from genomes.markings import marking
from genomes.network.genes import STARTER
from genomes.questions import STOP, Question
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.chain.stack_genome import StackGenome


@dataclass(frozen=True)
class StackSpace(SequentialSpace["StackGenome"], encoding="stack"):
    """Convolutions, poolings and dense layers, one behind the other; the defaults are the numbers of Baker, Gupta, Naik & Raskar (2017,
    section 4.1 and table 1).

    A pooling never follows a pooling, and is offered while it is smaller than the shortest side (as in the authors' code). Dense layers
    come last, only where the representation has become small, each no wider than the one before it. Convolutions have stride 1; every
    layer pads with zeros to "same". Where the stack ends with feature maps, these are averaged over all positions in front of the logits;
    the paper's dropout is left out.

    A controller is asked one question for each layer, whose options are whole layers ("convolution 64 3x3", "pool 2x2", "dense 128") and,
    behind the first, "stop". `Question.state` is the paper's state: depth, the last layer's kind and settings, the size's bin, and the
    dense layers in a row so far.

    Args:
        input_shape: shape of one sample: (steps, channels) or (height, width, channels).
        outputs: number of logits (classes) or regression targets.
        max_layers: layers of a stack, at most.
        widths: filters of a convolution.
        kernels: taps of its kernel along each spatial axis.
        pools: (size, stride) of a pooling along each spatial axis; a stride is at most its size.
        units: of a dense layer.
        max_dense: dense layers, at most; 0 for none.
        sizes: where bins of the representation's size (its longest side) begin, falling: with (8, 4) they are 8 and more, 7 to 4, 3 to 1.
            Dense layers may follow what is below the first.

    Raises:
        ValueError: a setting out of its range.
    """

    input_shape: Shape
    outputs: int
    max_layers: int = 12
    widths: tuple[int, ...] = (64, 128, 256, 512)
    kernels: tuple[int, ...] = (1, 3, 5)
    pools: tuple[tuple[int, int], ...] = ((5, 3), (3, 2), (2, 2))
    units: tuple[int, ...] = (512, 256, 128)
    max_dense: int = 2
    sizes: tuple[int, ...] = (8, 4)

    drawn_as = "layers"
    redundant = True

    def __post_init__(self) -> None:
        shape = self.input_shape
        if not isinstance(shape, tuple) or not 2 <= len(shape) <= 3 or not all(_is_count(size) for size in shape):
            raise ValueError(
                "a stack is made of convolutions and poolings: input_shape must be (steps, channels) or (height, width, channels), "
                f"each >= 1, got {shown(shape)}. For features without positions use NetworkSpace, DagSpace or ChainSpace"
            )
        for name in ("outputs", "max_layers"):
            if not _is_count(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        if self.max_layers > 64:
            raise ValueError(f"max_layers must be at most 64, got {self.max_layers}")
        if self.max_dense != 0 and not _is_count(self.max_dense):
            raise ValueError(f"max_dense must be a whole number >= 0, got {shown(self.max_dense)}")
        for name in ("widths", "kernels", "units", "sizes"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not values or not all(_is_count(value) for value in values):
                raise ValueError(f"{name} must be one or more whole numbers >= 1, got {shown(values)}")
            if len(set(values)) < len(values):
                raise ValueError(f"{name} must be different numbers, got {shown(values)}")
        if list(self.sizes) != sorted(self.sizes, reverse=True):
            raise ValueError(f"sizes must fall, got {shown(self.sizes)}")
        if not isinstance(self.pools, tuple) or not all(_is_pool(pool) for pool in self.pools):
            raise ValueError(
                f"pools must be pairs of a size >= 2 and a stride from 1 to the size, such as ((3, 2), (2, 2)), got {shown(self.pools)}"
            )
        if len(set(self.pools)) < len(self.pools):
            raise ValueError(f"pools must be different, got {shown(self.pools)}")

    @classmethod
    def for_data(cls, input_shape: Shape, outputs: int) -> Self:
        return cls(input_shape, outputs, max_layers=8, widths=(8, 16, 32), units=(64, 32, 16))

    @cached_property
    def options(self) -> tuple[StackOption, ...]:
        """Every layer that there is, in the order of the questions' options."""
        return (
            *[StackOption(CONVOLUTION, width, kernel) for width in self.widths for kernel in self.kernels],
            *[StackOption(POOL, size=size, stride=stride) for size, stride in self.pools],
            *[StackOption(DENSE, units) for units in self.units],
        )

    @cached_property
    def by_name(self) -> Mapping[str, StackOption]:
        """The layers by their names."""
        return {self.name(option): option for option in self.options}

    @property
    def start(self) -> Place:
        """In front of the first layer."""
        return Place(0, None, self.input_shape)

    def name(self, option: StackOption) -> str:
        return option.name(len(self.input_shape) - 1)

    def allowed(self, place: Place) -> tuple[StackOption, ...]:
        """The layers that may come at a place, in the order of `options`; () where the stack must end."""
        if place.depth >= self.max_layers:
            return ()
        before = place.before
        if before is not None and before.kind == DENSE:
            return tuple([o for o in self._dense if o.width <= before.width]) if place.dense < self.max_dense else ()
        shortest = min(place.shape[:-1])
        pooled = before is not None and before.kind == POOL
        flat = place.bin(self.sizes) > 0 and self.max_dense > 0
        return tuple(
            [
                option
                for option in self.options
                if option.kind == CONVOLUTION
                or (option.kind == POOL and not pooled and option.size < shortest)
                or (option.kind == DENSE and flat)
            ]
        )

    @cached_property
    def _dense(self) -> tuple[StackOption, ...]:
        return tuple([option for option in self.options if option.kind == DENSE])

    def is_legal(self, layers: Sequence[StackLayer]) -> bool:
        """Whether the space allows these layers in this order."""
        return bool(layers) and len(self.legal(layers)) == len(layers)

    def legal(self, layers: Sequence[StackLayer]) -> tuple[StackLayer, ...]:
        """The layers in this order without those that are not allowed where they stand."""
        found, place = [], self.start
        for layer in layers:
            if layer.option in self.allowed(place):
                found.append(layer)
                place = place.after(layer.option)
        return tuple(found)

    def random(self, rng: np.random.Generator) -> StackGenome:
        """A stack of 1 to `max_layers` layers, each number alike (fewer where dense layers end it), each layer any that is allowed."""
        layers: list[StackLayer] = []
        place = self.start
        for depth in range(int(rng.integers(1, self.max_layers + 1))):
            options = self.allowed(place)
            if not options:
                break
            layers.append(StackLayer(marking(0, STARTER, depth), options[int(rng.integers(len(options)))]))
            place = place.after(layers[-1].option)
        return self._genome(tuple(layers), ("random",))

    def ask(self) -> Asking[StackGenome]:
        layers: list[StackLayer] = []
        place = self.start
        while True:
            options = self.allowed(place)
            names = (*[self.name(option) for option in options], *([STOP] if layers else []))
            chosen = yield Question(f"layer {place.depth}", names, place.depth, state=place.state(self.sizes))
            if chosen == len(options):
                return self._genome(tuple(layers), ("built",))
            layers.append(StackLayer(marking(0, STARTER, place.depth), options[chosen]))
            place = place.after(options[chosen])

    def answers(self, genome: StackGenome) -> Iterator[str]:
        for layer in genome.layers:
            yield self.name(layer.option)
        yield STOP

    def from_genes(self, genes: Any) -> StackGenome:
        return self._genome(layers_from_json(genes, self))

    def _genome(self, layers: tuple[StackLayer, ...], operators: tuple[str, ...] = ()) -> StackGenome:
        from genomes.chain.stack_genome import StackGenome

        return StackGenome(self, layers, operators)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)


def _is_pool(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(_is_count(v) for v in value) and 2 <= value[0] >= value[1]
