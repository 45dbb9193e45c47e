"""ChainGenome: layers in order, with skips, and how they vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.chain.layers import ChainLayer, expressed, linked
from genomes.markings import marking
from genomes.network.architecture import Architecture
from genomes.network.genes import INPUT_MARKING, INSERTED
from genomes.network.layered import LayeredGenome, ranks_of

if TYPE_CHECKING:
    from genomes.chain.space import ChainSpace

Layers = tuple[ChainLayer, ...]
_ATTEMPTS = 24


@dataclass(frozen=True, eq=False, repr=False)
class ChainGenome(LayeredGenome):
    """Layers in order and the space that they live in.

    Args:
        space: which chains are allowed.
        layers: legal in the space; each takes layers before it.
        operators: what made this genome.
    """

    space: ChainSpace
    layers: Layers
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A copy with one setting changed, a skip bit flipped, a layer inserted or a layer removed, all alike."""
        for _ in range(_ATTEMPTS):
            name, mutation = list(_MUTATIONS.items())[int(rng.integers(len(_MUTATIONS)))]
            layers = linked(mutation(self.space, self.layers, rng, clock), self.space.skips)
            if layers != self.layers and self.space.min_layers <= len(layers) <= self.space.max_layers:
                return type(self)(self.space, layers, (name,))
        return type(self)(self.space, self.layers, ("unchanged",))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child by historical marking (after Stanley & Miikkulainen 2002, section 3.2): the layers of the fittest parent, matching ones
        with each setting and the skips of either; each further layer of a parent as fit with probability 1/2, while there is room."""
        parents = [self.layers, *(other.layers for other in others)]
        given = ranks_of(len(parents), ranks)
        fittest = [place for place, rank in enumerate(given) if rank == min(given)]
        base = fittest[int(rng.integers(len(fittest)))]
        child = list(parents[base])
        for place in sorted(range(len(parents)), key=lambda place: (given[place], place)):
            if place != base:
                further = self.space.max_layers - len(child) if given[place] == given[base] else 0
                child = _crossed(child, parents[place], tuple(self.space.settings), further, rng)
        return type(self)(self.space, linked(child, self.space.skips), ("crossover",))

    @cached_property
    def architecture(self) -> Architecture:
        """The layer graph."""
        return expressed(self.layers, self.space.input_shape, self.space.outputs)

    def genes(self) -> list[dict[str, Any]]:
        """One JSON object for each layer, in order."""
        return [layer.to_json(tuple(self.space.settings)) for layer in self.layers]

    def __reduce__(self) -> Any:
        return type(self), (self.space, self.layers, self.operators)  # what was computed on demand does not travel

    def __repr__(self) -> str:
        return f"<ChainGenome of {len(self.layers)} layers; {self.parameters} parameters>"


def _change_layer(space: ChainSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Sequence[ChainLayer]:
    place = int(rng.integers(len(layers)))
    name, options = list(space.settings.items())[int(rng.integers(len(space.settings)))]
    setting: dict[str, Any] = {name: options[int(rng.integers(len(options)))]}
    changed = replace(layers[place], **setting)
    return [*layers[:place], changed, *layers[place + 1 :]]


def _flip_skip(space: ChainSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Sequence[ChainLayer]:
    if len(layers) < 2:
        return layers
    place = int(rng.integers(1, len(layers)))
    source = layers[int(rng.integers(place))].marking
    old = layers[place].inputs
    inputs = tuple([m for m in old if m != source]) if source in old else (*old, source)
    return [*layers[:place], replace(layers[place], inputs=inputs), *layers[place + 1 :]]


def _insert_layer(space: ChainSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Sequence[ChainLayer]:
    """A random layer that takes the one in front of it (at the front the network's input) and that the one behind it takes instead."""
    place = int(rng.integers(len(layers) + 1))
    source = layers[place - 1].marking if place else INPUT_MARKING
    known, occurrence = {layer.marking for layer in layers}, 0
    while (born := marking(clock, INSERTED, source, occurrence=occurrence)) in known:
        occurrence += 1
    inserted = ChainLayer(born, inputs=(source,) if place else (), **space.random_settings(rng))
    behind = [*layers[place:]]
    if behind:
        behind[0] = replace(behind[0], inputs=(born, *[m for m in behind[0].inputs if m != source]))
    return [*layers[:place], inserted, *behind]


def _remove_layer(space: ChainSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Sequence[ChainLayer]:
    """Those that took the layer take what it took."""
    removed = layers[int(rng.integers(len(layers)))]
    return [
        replace(layer, inputs=(*layer.inputs, *removed.inputs)) if removed.marking in layer.inputs else layer
        for layer in layers
        if layer is not removed
    ]


_MUTATIONS = {
    "change_layer": _change_layer,
    "flip_skip": _flip_skip,
    "insert_layer": _insert_layer,
    "remove_layer": _remove_layer,
}


def _crossed(
    child: list[ChainLayer], other: Layers, settings: Sequence[str], further: int, rng: np.random.Generator
) -> list[ChainLayer]:
    before: int | None = None  # the last layer of the other parent that the child has
    for layer in other:
        place = next((place for place, mine in enumerate(child) if mine.marking == layer.marking), None)
        draws = (rng.random(len(settings) + 1) < 0.5).tolist()
        if place is not None:
            chosen: dict[str, Any] = {name: getattr(layer, name) for name, take in zip(settings, draws[1:], strict=True) if take}
            child[place] = replace(child[place], inputs=layer.inputs if draws[0] else child[place].inputs, **chosen)
        elif draws[0] and further > 0:
            at = next((place + 1 for place, mine in enumerate(child) if mine.marking == before), 0)
            child.insert(at, layer)
            further -= 1
        else:
            continue
        before = layer.marking
    return child
