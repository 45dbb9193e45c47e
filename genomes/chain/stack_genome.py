"""StackGenome: layers one behind the other, and how they vary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.chain.stack_layers import Place, StackLayer, StackOption, expressed
from genomes.markings import marking
from genomes.network.architecture import Architecture
from genomes.network.genes import INPUT_MARKING, INSERTED
from genomes.network.layered import LayeredGenome, ranks_of

if TYPE_CHECKING:
    from genomes.chain.stack_space import StackSpace

Layers = tuple[StackLayer, ...]
_ATTEMPTS = 24


@dataclass(frozen=True, eq=False, repr=False)
class StackGenome(LayeredGenome):
    """Layers one behind the other and the space that they live in.

    Args:
        space: which stacks are allowed.
        layers: legal in the space.
        operators: what made this genome.
    """

    space: StackSpace
    layers: Layers
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Self:
        """A copy with one layer changed, inserted or removed, all alike, that the space allows. A layer that stays of its kind keeps its
        marking, and with it its weights."""
        for _ in range(_ATTEMPTS):
            name, mutation = list(_MUTATIONS.items())[int(rng.integers(len(_MUTATIONS)))]
            layers = mutation(self.space, self.layers, rng, clock)
            if layers != self.layers and self.space.is_legal(layers):
                return type(self)(self.space, layers, (name,))
        return type(self)(self.space, self.layers, ("unchanged",))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """A child by historical marking (after Stanley & Miikkulainen 2002, section 3.2): the layers of the fittest parent, matching ones as
        either has them; each further layer of a parent as fit with probability 1/2, while there is room. Layers that are not allowed where
        they then stand are left out."""
        parents = [self.layers, *(other.layers for other in others)]
        given = ranks_of(len(parents), ranks)
        fittest = [place for place, rank in enumerate(given) if rank == min(given)]
        base = fittest[int(rng.integers(len(fittest)))]
        child = list(parents[base])
        for place in sorted(range(len(parents)), key=lambda place: (given[place], place)):
            if place != base:
                further = self.space.max_layers - len(child) if given[place] == given[base] else 0
                child = _crossed(child, parents[place], further, rng)
        return type(self)(self.space, self.space.legal(child) or parents[base], ("crossover",))

    @cached_property
    def architecture(self) -> Architecture:
        """The layer graph."""
        return expressed(self.layers, self.space.input_shape, self.space.outputs)

    def genes(self) -> list[dict[str, Any]]:
        """One JSON object for each layer, in order: its marking and its name."""
        return [{"marking": layer.marking, "layer": self.space.name(layer.option)} for layer in self.layers]

    def __reduce__(self) -> Any:
        return type(self), (self.space, self.layers, self.operators)  # what was computed on demand does not travel

    def __repr__(self) -> str:
        return f"<StackGenome of {len(self.layers)} layers; {self.parameters} parameters>"


def _change_layer(space: StackSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Layers:
    """Another layer at a place: a new gene, unless it is of the same kind."""
    place = int(rng.integers(len(layers)))
    option = _any_option(space, layers[:place], rng)
    if option is None:
        return layers
    old = layers[place]
    born = old.marking if option.kind == old.option.kind else _marking(layers, place, clock)
    return (*layers[:place], StackLayer(born, option), *layers[place + 1 :])


def _insert_layer(space: StackSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Layers:
    place = int(rng.integers(len(layers) + 1))
    option = _any_option(space, layers[:place], rng)
    if option is None:
        return layers
    return (*layers[:place], StackLayer(_marking(layers, place, clock), option), *layers[place:])


def _remove_layer(space: StackSpace, layers: Layers, rng: np.random.Generator, clock: int) -> Layers:
    place = int(rng.integers(len(layers)))
    return (*layers[:place], *layers[place + 1 :])


def _any_option(space: StackSpace, before: Layers, rng: np.random.Generator) -> StackOption | None:
    """Any layer that is allowed behind these."""
    place: Place = space.start
    for layer in before:
        place = place.after(layer.option)
    options = space.allowed(place)
    return options[int(rng.integers(len(options)))] if options else None


def _marking(layers: Layers, place: int, clock: int) -> int:
    """The marking of a gene born behind the first `place` layers."""
    source = layers[place - 1].marking if place else INPUT_MARKING
    known, occurrence = {layer.marking for layer in layers}, 0
    while (born := marking(clock, INSERTED, source, occurrence=occurrence)) in known:
        occurrence += 1
    return born


_MUTATIONS: dict[str, Callable[[StackSpace, Layers, np.random.Generator, int], Layers]] = {
    "change_layer": _change_layer,
    "insert_layer": _insert_layer,
    "remove_layer": _remove_layer,
}


def _crossed(child: list[StackLayer], other: Layers, further: int, rng: np.random.Generator) -> list[StackLayer]:
    before: int | None = None  # the last layer of the other parent that the child has
    for layer in other:
        place = next((place for place, mine in enumerate(child) if mine.marking == layer.marking), None)
        take = bool(rng.random() < 0.5)
        if place is not None:
            if take:
                child[place] = layer
        elif take and further > 0:
            at = next((place + 1 for place, mine in enumerate(child) if mine.marking == before), 0)
            child.insert(at, layer)
            further -= 1
        else:
            continue
        before = layer.marking
    return child
