"""A batch: the trials of one `ask`, cut into what is submitted and put together again for `tell`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from neuroevo.core.individual import FAILED, Individual
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import Measurement, Result, Trial

PIECE_SECONDS = 0.25  # a separable trial is cut into pieces that take about this long


class Batch:
    """The trials of one `ask`.

    A separable trial (a population whose members are scored each on its own) is cut into pieces: one member at first, then as
    many as take a quarter of a second, so that cheap fitness functions cost no overhead and dear ones spread over the workers.

    Args:
        trials: what the strategy asked for.
        recall: fills in an individual that an interrupted session already evaluated; says whether it did.
        capacity: how many trials run at once.
        member_seconds: what one member of a separable trial took last, or 0.
        remaining: how many individuals the budget still allows; None for no such limit. A piece is no larger.

    Attributes:
        finished: individuals with fitness, in the order in which they came back.
        populations: array populations with fitness, of trials that are scored as a whole.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        recall: Callable[[Individual], bool],
        capacity: int,
        member_seconds: float = 0.0,
        remaining: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.trials = sorted(trials, key=lambda trial: trial.id)
        self.capacity, self.member_seconds = capacity, member_seconds
        self.finished: list[Individual] = []
        self.populations: list[ArrayPopulation] = []
        self._recall, self._remaining = recall, remaining
        self._pieces = self._cut()
        self._next: Trial | None = None
        self._results: dict[int, Result] = {}

    @property
    def waiting(self) -> Trial | None:
        """The next piece to submit, or None when all were taken."""
        if self._next is None:
            self._next = next(self._pieces, None)
        return self._next

    def take(self) -> None:
        """The waiting piece is being submitted."""
        self._next = None

    def done(self, result: Result) -> None:
        """A piece came back and its individuals carry their fitness."""
        self._results[result.trial.id] = result
        if isinstance(result.individuals, ArrayPopulation):
            self.populations.append(result.individuals)
        else:
            self.finished.extend(result.individuals)
        if result.trial.separable:
            self.member_seconds = max(1e-7, result.measurement.seconds / len(result.individuals))

    def results(self) -> list[Result]:
        """The results of the trials as asked, sorted by id; only when nothing waits and nothing is in flight."""
        finished = {individual.id: individual for individual in self.finished}
        return [self._result(trial, finished) for trial in self.trials]

    def _cut(self) -> Iterator[Trial]:
        for trial in self.trials:
            if not trial.separable:
                if not self._all_recalled(trial):
                    yield trial
                continue
            chosen: list[Individual] = []
            for position in range(len(trial.individuals)):
                individual = trial.individuals[position]
                if self._recall(individual):
                    self.finished.append(individual)
                    continue
                chosen.append(individual)
                if len(chosen) >= self._size(len(trial.individuals)):
                    yield replace(trial, id=chosen[0].id, individuals=tuple(chosen))
                    chosen = []
            if chosen:
                yield replace(trial, id=chosen[0].id, individuals=tuple(chosen))

    def _all_recalled(self, trial: Trial) -> bool:
        if isinstance(trial.individuals, ArrayPopulation):
            return False
        if not all([self._recall(individual) for individual in trial.individuals]):
            return False
        self.finished.extend(trial.individuals)
        return True

    def _size(self, members: int) -> int:
        if self.member_seconds == 0.0:
            return 1
        size, remaining = min(int(PIECE_SECONDS / self.member_seconds), -(-members // self.capacity)), self._remaining()
        return max(1, size if remaining is None else min(size, remaining))

    def _result(self, trial: Trial, finished: dict[int, Individual]) -> Result:
        individuals = trial.individuals
        if not trial.separable:
            whole = self._results.get(trial.id)
            return whole or Result(trial, measurement_of(individuals))
        if isinstance(individuals, ArrayPopulation):
            members = [finished[individuals.first_id + position] for position in range(len(individuals))]
            measurement = measurement_of(members)
            individuals.assign(measurement.values, measurement.reasons)
            return Result(trial, measurement)
        return Result(trial, measurement_of(individuals))


def measurement_of(individuals: Sequence[Individual]) -> Measurement:
    """What individuals that carry their fitness would have been measured as."""
    values = np.array([individual.fitness.values for individual in individuals], dtype=np.float64)
    return Measurement(values, {row: i.reason for row, i in enumerate(individuals) if i.status == FAILED})
