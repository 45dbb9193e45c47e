"""Expectation: what children are expected to become, learned from the children before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.objectives import Objectives
from neuroevo.selection.gain import chosen_by_gain

ENOUGH = 12  # earlier children, at least, that say what a child may become
MOST = 1000  # the latest of which are remembered


class Expectation:
    """Remembers what became of children and their parents, and chooses those of new ones of which the front is expected to gain most.

    It learns of children that were scored in full: not of failures, of trainings that were stopped, or of predictions.

    Args:
        objectives: the task's.
    """

    def __init__(self, objectives: Objectives) -> None:
        self._cheap = [one for one in objectives.values() if one.kind == "cheap" and one.of is not None]
        self._others = [one for one in objectives.values() if one not in self._cheap]
        self._bred: dict[int, npt.NDArray[np.float64]] = {}  # by trial, the objectives of the parents of those that have no score yet
        self._steps: list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]] = []

    @property
    def enough(self) -> bool:
        """Whether it has seen enough children to expect something."""
        return len(self._steps) >= ENOUGH

    def bred(self, trial: int, parent: Individual) -> None:
        """A child of this parent will be scored in a trial."""
        self._bred[trial] = self._values(parent)

    def told(self, trial: int, individual: Individual) -> None:
        """The individual of a trial (or the one that was as good as known already) has been scored, or has failed."""
        before = self._bred.pop(trial, None)
        if before is None or individual.status != DONE:
            return
        after = self._values(individual)
        if np.isfinite(before).all() and np.isfinite(after).all():
            self._steps = [*self._steps, (before, after)][-MOST:]

    def chosen(
        self, front: Sequence[Individual], births: Sequence[tuple[Individual, Individual]], count: int, rng: np.random.Generator
    ) -> list[int]:
        """Positions of up to so many of these children, each with its parent: the others promise nothing."""
        limits = [np.inf if one.limit is None else one.cost(one.limit) for one in (*self._cheap, *self._others)]
        before, after = [np.array(values) for values in zip(*self._steps, strict=True)]
        points = np.array([values for values in map(self._values, front) if np.isfinite(values).all()])
        costs = np.array([[one.cost(one.of(child.genome)) for one in self._cheap if one.of is not None] for child, _ in births])
        parents = np.array([self._values(parent) for _, parent in births])
        return chosen_by_gain(points, costs.reshape(len(births), len(self._cheap)), parents, before, after, count, rng, np.array(limits))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What it remembers, for the strategy's state: float64 [children, 2, objectives], parents before children; and of those without a score their
        trials, and their parents' objectives [children, objectives]."""
        width = len(self._cheap) + len(self._others)
        return {
            "steps": np.array(self._steps, dtype=np.float64).reshape(-1, 2, width),
            "bred": np.array(list(self._bred), dtype=np.int64),
            "bred_of": np.array(list(self._bred.values()), dtype=np.float64).reshape(-1, width),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Remember what `arrays` described."""
        self._steps = [(before, after) for before, after in arrays["steps"]]
        self._bred = dict(zip(arrays["bred"].tolist(), arrays["bred_of"], strict=True))

    def _values(self, individual: Individual) -> npt.NDArray[np.float64]:
        values = individual.values
        return np.array([one.cost(values.get(one.name, np.nan)) for one in (*self._cheap, *self._others)], dtype=np.float64)
