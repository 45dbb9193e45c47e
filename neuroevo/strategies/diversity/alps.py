"""ALPS: the age-layered population structure (Hornby 2006)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.state import State
from neuroevo.core.trial import Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, Deduplicate, Inheritance, check, check_count, check_share, trials

SCHEMES = ("linear", "fibonacci", "polynomial", "exponential")


@dataclass
class Alps(Strategy):
    """ALPS (Hornby 2006): individuals compete with others of about their age alone, so that what is new has time to become good.

    The age of an individual is how many generations ago the oldest of its genes were drawn at random: a child's is one more than its oldest
    parent's, and everybody grows older by one a generation. The population is in layers, each with a limit of age but the last. Who outgrows
    a layer tries for a place in the next, and has it where it is among the best there. Every `gap` generations the lowest layer tries to move
    up as a whole, and is drawn anew: so random individuals come in for as long as the search lasts, and it never converges for good.

    Parents of a layer's children are chosen by tournament from that layer and the one below; a child belongs to the layer of the higher of its
    parents, where it is not too old for that. Better is by the first objective, ties by the next.

    Args:
        population: members of a layer, at most.
        layers: how many there are.
        gap: generations between two fresh lowest layers, and the unit of the limits of age.
        scheme: these limits in units of `gap`: "linear" 1, 2, 3, 4, ...; "fibonacci" 1, 2, 3, 5, 8, ...; "polynomial" 1, 2, 4, 9, 16, ...;
            "exponential" 1, 2, 4, 8, 16, ...
        elites: the best of a layer that live on as they are; the others make room for children.
        tournament: members drawn to choose a parent from.
        crossover: probability that a child has two parents.
        mutation: probability that a child of two parents is also mutated; a child of one always is.
        deduplicate: "none"; "genome" never evaluates the same genes twice; "key" never two isomorphic genomes of equal cost.
        inheritance: "lamarckian" starts a child from its parents' weights, "none" from scratch.

    Raises:
        ValueError: a setting out of its range.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mate", "mutate")
    population: int = 20
    layers: int = 5
    gap: int = 5
    scheme: Literal["linear", "fibonacci", "polynomial", "exponential"] = "polynomial"
    elites: int = 3
    tournament: int = 3
    crossover: float = 0.5
    mutation: float = 1.0
    deduplicate: Deduplicate = "none"
    inheritance: Inheritance = "none"

    def __post_init__(self) -> None:
        for name in ("population", "gap", "tournament"):
            check_count(name, getattr(self, name))
        check_count("layers", self.layers, 2)
        check_count("elites", self.elites, 0)
        if self.elites >= self.population:
            raise ValueError(
                f"elites must be fewer than the population of {self.population}, which leaves room for children; got {self.elites}"
            )
        check("scheme", self.scheme, SCHEMES)
        check_share("crossover", self.crossover)
        check_share("mutation", self.mutation)
        check("deduplicate", self.deduplicate, ("none", "genome", "key"))
        check("inheritance", self.inheritance, ("none", "lamarckian"))

    @property
    def limits(self) -> list[int]:
        """The greatest age in each layer but the last, in generations."""
        return [self.gap * limit for limit in _multiples(self.scheme, self.layers - 1)]

    def start(self, search: Search) -> None:
        super().start(search)
        self._breeding = Breeding(search, self.deduplicate)
        self._layers: list[list[Individual]] = [[] for _ in range(self.layers)]  # each best first
        self._origin: dict[int, int] = {}  # by individual, the generation in which the oldest of its genes were drawn

    def age(self, individual: Individual) -> int:
        """The age of one that lives, in generations."""
        return self.generation - self._origin[individual.id]

    def ask(self) -> Sequence[Trial]:
        born: list[tuple[Individual, Sequence[Individual]]] = []
        if self._is_drawn_anew or not self._layers[0]:
            born += [(individual, ()) for individual in self._breeding.first(self.population, self.generation)]
        for layer, members in enumerate(self._layers):
            if members and not (layer == 0 and self._is_drawn_anew):
                around = [*members, *(self._layers[layer - 1] if layer else [])]
                births = [self._child(around) for _ in range(self.population - self.elites)]
                born += [birth for birth in births if birth is not None]
        return trials(self.search, born, self.inheritance)

    @property
    def _is_drawn_anew(self) -> bool:
        return self.generation % self.gap == 0

    def _child(self, around: Sequence[Individual]) -> tuple[Individual, Sequence[Individual]] | None:
        def parents(rng: np.random.Generator) -> tuple[Sequence[Individual], Sequence[int] | None]:
            both = len(around) > 1 and bool(rng.random() < self.crossover)
            chosen = [self._winner(around, rng) for _ in range(2 if both else 1)]
            if not both or chosen[0].id == chosen[1].id:
                return chosen[:1], None
            first, second = (one.fitness.ranking for one in chosen)
            return chosen, (0, 0) if first == second else (int(first < second), int(second < first))

        return self._breeding.child(parents, self.generation, mutation=self.mutation)

    def _winner(self, around: Sequence[Individual], rng: np.random.Generator) -> Individual:
        drawn = [around[position] for position in rng.integers(len(around), size=self.tournament).tolist()]
        best: Individual = max(drawn, key=_quality)
        return best

    def tell(self, results: Sequence[Result]) -> None:
        born = [individual for result in results for individual in result.individuals if individual.status == DONE]
        layer_of = {one.id: number for number, layer in enumerate(self._layers) for one in layer}
        placed: list[list[Individual]] = [[] for _ in self._layers]
        for one in born:
            self._origin[one.id] = min((self._origin[parent] for parent in one.parents), default=self.generation)
            placed[max((layer_of[parent] for parent in one.parents), default=0)].append(one)
        anew = self._is_drawn_anew
        self.generation += 1
        moving: list[Individual] = []  # from the layer below
        for number, limit in enumerate([*self.limits, math.inf]):
            members, leaving = self._layers[number], []
            if number == 0 and anew:
                members, leaving = [], members
            young = [one for one in members if self.age(one) <= limit]
            stay = young[: self.elites] if placed[number] else young
            old = [one for one in (*members, *placed[number], *moving) if self.age(one) > limit]
            fresh = [one for one in (*placed[number], *moving) if self.age(one) <= limit]
            self._layers[number] = sorted([*stay, *fresh], key=_quality, reverse=True)[: self.population]
            moving = [*leaving, *old]
        alive = {one.id for one in self.living}
        self._origin = {id: origin for id, origin in self._origin.items() if id in alive}

    @property
    def living(self) -> Sequence[Individual]:
        return [individual for layer in self._layers for individual in layer]

    @property
    def members(self) -> list[list[Individual]]:
        """The layers from the youngest on, each with its best first."""
        return [list(layer) for layer in self._layers]

    def state(self) -> State:
        json = {
            "generation": self.generation,
            "layers": [[one.id for one in layer] for layer in self._layers],
            "origin": [[id, origin] for id, origin in sorted(self._origin.items())],
        }
        return State(json, self._breeding.arrays())

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = state.json["generation"]
        self._layers = [[individuals(id) for id in layer] for layer in state.json["layers"]]
        self._origin = {id: origin for id, origin in state.json["origin"]}
        self._breeding.restore(state.arrays)

    def report(self) -> dict[str, Any]:
        """Members and best first objective of each layer, and the age of the oldest."""
        return {
            "layer_sizes": [len(layer) for layer in self._layers],
            "layer_best": [layer[0].fitness.values[0] if layer else None for layer in self._layers],
            "oldest": max((self.age(one) for one in self.living), default=0),
        }


def _quality(individual: Individual) -> tuple[tuple[float, ...], int]:
    """What members are ordered by; of equal ones the first born is better."""
    return individual.fitness.ranking, -individual.id


def _multiples(scheme: str, count: int) -> list[int]:
    """So many limits of age, in units of the gap."""
    if scheme == "linear":
        return list(range(1, count + 1))
    if scheme == "polynomial":
        return ([1, 2] + [number**2 for number in range(2, count)])[:count]
    found = [1, 2]
    while len(found) < count:
        found.append(found[-1] + found[-2] if scheme == "fibonacci" else 2 * found[-1])
    return found[:count]
