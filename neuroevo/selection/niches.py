"""Species as niches in a search for several objectives.

NEAT's speciation protects a new structure from competitors that had time to optimise theirs, by dividing each species' fitness among its
members. With several objectives there is no one fitness to divide, so what is divided here are the places in the next population: half of them
go by rank and crowding as ever, the other half to the species with the fewest places so far, each by its own best.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.selection.nsga2 import check_count, costs, nsga2_positions, violations
from neuroevo.selection.speciation import adapted_threshold

_STEP = 0.1  # share by which the threshold moves a generation


class Niches:
    """The species of a population, by the genomes' own distance: an individual joins the oldest species whose representative is near.

    Args:
        target: about how many species there should be; the threshold of distance moves towards it.
        copies_compete: as for `neuroevo.selection.crowding_distance`.
    """

    def __init__(self, target: int, *, copies_compete: bool = False) -> None:
        self.target = target
        self.copies_compete = copies_compete
        self.threshold = 0.0
        self.representatives: list[Individual] = []
        self.species: dict[int, int] = {}  # by birth id, a position in `representatives`

    def select(self, pool: Sequence[Individual], count: int) -> list[Individual]:
        """The survivors, at most `count`, and their species. Individuals with a NaN or an infinite objective are never chosen.

        Raises:
            ValueError: an individual was not evaluated, or a negative count.
        """
        check_count(count)
        if not pool:
            return []
        order = nsga2_positions(costs(pool), len(pool), violations(pool), copies_compete=self.copies_compete).tolist()
        self._divide([pool[position] for position in order])
        chosen = order[: count - count // 2]
        places = [0] * len(self.representatives)
        waiting: list[list[int]] = [[] for _ in places]
        for position in reversed(order):
            waiting[self.species[pool[position].id]].append(position)
        for position in chosen:
            places[self.species[pool[position].id]] += 1
            waiting[self.species[pool[position].id]].pop()
        while len(chosen) < count and any(waiting):
            fewest = min((number for number, left in enumerate(waiting) if left), key=lambda number: places[number])
            chosen.append(waiting[fewest].pop())
            places[fewest] += 1
        survivors = [pool[position] for position in sorted(chosen, key=order.index)]
        self._forget(survivors)
        return survivors

    def _divide(self, individuals: Sequence[Individual]) -> None:
        if not self.threshold:  # distances have a scale of their own in every encoding
            first, *others = individuals
            spread = [first.genome.distance(other.genome) for other in others]
            self.threshold = float(np.mean(spread)) if spread and np.mean(spread) > 0 else 1.0
        self.species = {}
        for individual in individuals:
            near = (r.genome.distance(individual.genome) <= self.threshold for r in self.representatives)
            number = next((number for number, joins in enumerate(near) if joins), len(self.representatives))
            if number == len(self.representatives):
                self.representatives.append(individual)
            self.species[individual.id] = number

    def _forget(self, survivors: Sequence[Individual]) -> None:
        """Drop species that died out; the best survivor of each other one represents it from now on."""
        best: dict[int, Individual] = {}
        for individual in survivors:
            best.setdefault(self.species[individual.id], individual)
        kept = sorted(best)
        renumbered = {number: position for position, number in enumerate(kept)}
        self.representatives = [best[number] for number in kept]
        self.species = {individual.id: renumbered[self.species[individual.id]] for individual in survivors}
        if kept:
            self.threshold = adapted_threshold(self.threshold, len(kept), self.target, _STEP)

    def companions(self, living: Sequence[Individual], position: int) -> list[int]:
        """Positions of the others of an individual's species."""
        own = self.species[living[position].id]
        return [other for other, individual in enumerate(living) if other != position and self.species[individual.id] == own]

    def state(self, living: Sequence[Individual]) -> dict[str, Any]:
        """JSON."""
        return {
            "threshold": self.threshold,
            "representatives": [individual.id for individual in self.representatives],
            "species": [self.species[individual.id] for individual in living],
        }

    def restore(self, state: dict[str, Any], living: Sequence[Individual], find: Callable[[int], Individual]) -> None:
        """Go on from a state."""
        self.threshold = float(state["threshold"])
        self.representatives = [find(id) for id in state["representatives"]]
        self.species = {individual.id: int(number) for individual, number in zip(living, state["species"], strict=True)}
