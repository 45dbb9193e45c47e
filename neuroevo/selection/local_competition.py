"""Novelty search with local competition: new, and better than those who do about the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neuroevo.core.state import State
from neuroevo.selection.neighbours import Floats, nearest
from neuroevo.selection.novelty import Novelty
from neuroevo.selection.scoring import Generation


@dataclass
class LocalCompetition(Novelty):
    """Novelty search with local competition (NSLC; Lehman & Stanley 2011, "Evolving a diversity of virtual creatures"): two scores, the novelty,
    and how many of the k nearest in the population and the archive an individual is fitter than. So it competes with those who do about the
    same, and what is good in its own way stays though others are better.

    Meant for `Nsga2(scoring="LocalCompetition()", scoring_joins=False)`: novelty and local competition as the two objectives. An archived one
    competes with the fitness that it had.

    Args:
        k, archive, threshold, floor, lowered, raised, patience, most, probability, distance, criterion: as in `Novelty`.

    Raises:
        ValueError: a setting out of its range.
    """

    columns: ClassVar[tuple[str, ...]] = ("novelty", "local_competition")

    def start(self) -> None:
        super().start()
        self._fitness = np.zeros(0)  # of the archived

    def scores(self, generation: Generation) -> Floats:
        known, fitness = self._archived, np.concatenate([generation.fitness, self._fitness])
        did = generation.descriptors
        among = did if known is None else np.concatenate([did, known])
        novelty = super().scores(generation)
        members = np.arange(len(did))[:, None]
        near = nearest(did, among, self.k + 1, self.distance)[1]
        others = near != members
        others[others.all(axis=1), -1] = False  # more than k are as near as oneself: one of them is too many
        beaten = (fitness[near] < generation.fitness[:, None]) & others
        return np.stack([novelty, beaten.sum(axis=1).astype(np.float64)], axis=1)

    def _archive_with(self, generation: Generation) -> None:
        joined = self._archive(generation.descriptors[generation.new], generation.rng)
        self._fitness = np.concatenate([self._fitness, generation.fitness[generation.new][joined]])

    def state(self) -> State:
        state = super().state()
        return State(state.json, {**state.arrays, "fitness": self._fitness}) if state.arrays else state

    def restore(self, state: State) -> None:
        super().restore(state)
        if "fitness" in state.arrays:
            self._fitness = np.array(state.arrays["fitness"])
