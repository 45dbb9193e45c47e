"""The course of a run: what each trial spent, so that progress can be drawn over evaluations or over training epochs."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from neuroevo.core.individual import Individual

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Spent:
    """What trials spent, in the order of asking.

    Args:
        trials: int64 [trials], their ids, rising.
        evaluations: int64 [trials], how many evaluations each gave.
        epochs: float64 [trials], training epochs of each.
    """

    trials: Ints
    evaluations: Ints
    epochs: Floats


class Course:
    """What each trial of a run spent.

    Evaluations that were only predicted are not among them. Order is that of asking, not of completion: it is the same with any number of
    workers.
    """

    def __init__(self, rows: Iterable[tuple[int, int, float]] = ()) -> None:
        self._trials, self._evaluations, self._epochs = array("q"), array("q"), array("d")
        for trial, evaluations, epochs in rows:
            self.add(trial, evaluations, epochs)

    def add(self, trial: int, evaluations: int, epochs: float) -> None:
        """A trial gave so many evaluations more, and took so many epochs more."""
        self._trials.append(trial)
        self._evaluations.append(evaluations)
        self._epochs.append(epochs)

    def spent(self) -> Spent:
        """All of it, a row a trial."""
        ids = np.array(self._trials, np.int64)
        trials, place = np.unique(ids, return_inverse=True)
        evaluations, epochs = np.zeros(len(trials), np.int64), np.zeros(len(trials))
        np.add.at(evaluations, place, np.array(self._evaluations, np.int64))
        np.add.at(epochs, place, np.array(self._epochs, np.float64))
        return Spent(trials, evaluations, epochs)

    def places(self, individuals: Sequence[Individual]) -> tuple[Ints, Ints, Floats]:
        """When each of some individuals got the evaluation that its fitness comes from.

        Returns:
            int64 [individuals], their positions in that order; int64 [individuals], how many evaluations had been made at each of these
            moments, and float64 [individuals], how many epochs: the individuals of one trial share its epochs evenly.
        """
        spent = self.spent()
        mine = np.array([-1 if one.trial is None else one.trial for one in individuals], np.int64)
        order = np.lexsort((np.array([one.id for one in individuals], np.int64), mine))
        mine = mine[order]
        row = np.searchsorted(spent.trials, mine)
        known = row < len(spent.trials)
        known[known] = spent.trials[row[known]] == mine[known]
        before = np.concatenate([[0], np.cumsum(spent.evaluations)])[row]
        epochs_before = np.concatenate([[0.0], np.cumsum(spent.epochs)])[row]
        within = np.arange(len(mine)) - np.searchsorted(mine, mine) + 1  # the how many-th of its trial
        members, epochs = np.ones(len(mine), np.int64), np.zeros(len(mine))
        members[known] = np.maximum(1, spent.evaluations[row[known]])
        epochs[known] = spent.epochs[row[known]]
        within = np.minimum(within, members)
        return order, before + within, epochs_before + epochs * within / members
