"""A batch: the trials of one `ask`, cut into what is submitted and put together again for `tell`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.core.population import ArrayPopulation, as_array_population
from neuroevo.core.trial import FAILED, STOPPED, Evaluation, Measurement, Result, Trial

Found = tuple[Individual, Evaluation]
PIECE_SECONDS = 0.25  # a separable trial is cut into pieces that take about this long


class Batch:
    """The trials of one `ask`.

    A separable trial (a population whose members are scored each on its own) is cut into pieces: one member at first, then as
    many as take a quarter of a second, so that cheap fitness functions cost no overhead and dear ones spread over the workers.

    Args:
        trials: what the strategy asked for, in the order of their ids.
        recall: the evaluation of a separable trial's individual that an interrupted session already made, which it is given; or None.
        recall_trial: the result and evaluations of a trial that an interrupted session already ran, or None.
        recalls: whether there is anything to recall.
        capacity: how many trials run at once.
        member_seconds: what one member of a separable trial took last, or 0.
        remaining: how many individuals the budget still allows; None for no such limit. A piece is no larger.

    Attributes:
        finished: individuals with their evaluations by trial, in the order in which they came back.
        populations: array populations with fitness, of trials that are scored as a whole.
    """

    def __init__(
        self,
        trials: Sequence[Trial],
        recall: Callable[[Trial, Individual], Evaluation | None],
        recall_trial: Callable[[Trial], tuple[Result, list[Evaluation]] | None],
        capacity: int,
        member_seconds: float = 0.0,
        remaining: Callable[[], int | None] = lambda: None,
        recalls: bool = True,
    ) -> None:
        self.trials = trials
        self.capacity, self.member_seconds = capacity, member_seconds
        self.finished: dict[int, list[Found]] = {}
        self.populations: list[ArrayPopulation] = []
        self._recall, self._recall_trial, self._remaining, self._recalls = recall, recall_trial, remaining, recalls
        self._pieces = self._cut()
        self._next: Trial | None = None
        self._results: dict[int, Result] = {}
        self._took: dict[int, tuple[float, float]] = {}  # epochs and seconds of the pieces of each separable trial

    @property
    def waiting(self) -> Trial | None:
        """The next piece to submit, or None when all were taken."""
        if self._next is None:
            self._next = next(self._pieces, None)
        return self._next

    def take(self) -> None:
        """The waiting piece is being submitted."""
        self._next = None

    def recall_the_rest(self) -> None:
        """Go through what waits, and take up what is recorded of it: nothing more will be submitted."""
        while self.waiting is not None:
            self.take()

    def done(self, result: Result, evaluations: Sequence[Evaluation]) -> None:
        """A piece came back and its individuals carry their fitness."""
        trial = result.trial
        population = as_array_population(trial.individuals)
        if population is not None:
            self.populations.append(population)
        if not trial.separable:
            self._results[trial.id] = result
            if population is None:
                self.finished[trial.id] = list(zip(trial.individuals, evaluations, strict=True))
        else:
            self._found(trial.id, list(zip(trial.individuals, evaluations, strict=True)))
            epochs, seconds = self._took.get(trial.id, (0.0, 0.0))
            self._took[trial.id] = epochs + result.measurement.epochs, seconds + result.measurement.seconds
            self.member_seconds = max(1e-7, result.measurement.seconds / len(result.individuals))

    def results(self) -> list[Result]:
        """The results of the trials as asked, sorted by id; only when nothing waits and nothing is in flight."""
        return [self._result(trial) for trial in self.trials]

    def _found(self, trial: int, found: list[Found]) -> None:
        self.finished.setdefault(trial, []).extend(found)

    def _cut(self) -> Iterator[Trial]:
        for trial in self.trials:
            if not trial.separable:
                if not self._recalled(trial):
                    yield trial
                continue
            chosen: list[Individual] = []
            for position in range(len(trial.individuals)):
                individual = trial.individuals[position]
                evaluation = self._recall(trial, individual)
                if evaluation is not None:
                    self._found(trial.id, [(individual, evaluation)])
                    continue
                chosen.append(individual)
                if len(chosen) >= self._size(len(trial.individuals)):
                    yield replace(trial, individuals=tuple(chosen))
                    chosen = []
            if chosen:
                yield replace(trial, individuals=tuple(chosen))

    def _recalled(self, trial: Trial) -> bool:
        nothing = not self._recalls or as_array_population(trial.individuals) is not None
        recalled = None if nothing else self._recall_trial(trial)
        if recalled is None:
            return False
        self._results[trial.id], evaluations = recalled
        self._found(trial.id, list(zip(trial.individuals, evaluations, strict=True)))
        return True

    def _size(self, members: int) -> int:
        if self.member_seconds == 0.0:
            return 1
        size, remaining = min(int(PIECE_SECONDS / self.member_seconds), -(-members // self.capacity)), self._remaining()
        return max(1, size if remaining is None else min(size, remaining))

    def _result(self, trial: Trial) -> Result:
        individuals = trial.individuals
        if not trial.separable:
            return self._results[trial.id]
        epochs, seconds = self._took.get(trial.id, (0.0, 0.0))
        measurement = replace(measurement_of(self._in_order(trial)), epochs=epochs, seconds=seconds)
        population = as_array_population(individuals)
        if population is not None:
            population.trial = trial.id
            population.assign(measurement.values, measurement.reasons, measurement.descriptors)
        return Result(trial, measurement)

    def _in_order(self, trial: Trial) -> list[Evaluation]:
        """What was found for the trial's individuals, in their order."""
        found = {individual.id: evaluation for individual, evaluation in self.finished[trial.id]}
        population = as_array_population(trial.individuals)
        if population is not None:
            first = population.first_id
            return [found[first + position] for position in range(len(trial.individuals))]
        return [found[individual.id] for individual in trial.individuals]


def measurement_of(evaluations: Sequence[Evaluation], **taken: Any) -> Measurement:
    """What individuals with these evaluations would have been measured as, in a trial that left and took what `taken` says."""
    values = np.array([evaluation.values for evaluation in evaluations], dtype=np.float64)
    described = [evaluation.descriptors for evaluation in evaluations]
    size = next((len(one) for one in described if one is not None), None)
    return Measurement(
        values,
        {row: e.reason for row, e in enumerate(evaluations) if e.status == FAILED},
        tuple(e.info for e in evaluations) if any(e.info for e in evaluations) else (),
        stopped={row: e.reason for row, e in enumerate(evaluations) if e.status == STOPPED},
        descriptors=None if size is None else np.array([np.full(size, np.nan) if one is None else one for one in described]),
        **taken,
    )
