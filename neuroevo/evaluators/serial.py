"""The serial evaluator: trials run in this process, one after the other, in the order they were submitted."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from neuroevo.core.trial import Measurement, Result, Trial
from neuroevo.estimation.direct import describe
from neuroevo.evaluators.base import Evaluator, Work


class Serial(Evaluator):
    """Run trials in this process."""

    capacity = 1

    def start(self, work: Work) -> None:
        self._work = work
        self._waiting: deque[Trial] = deque()

    def submit(self, trial: Trial) -> None:
        self._waiting.append(trial)

    def as_completed(self) -> Iterator[Result]:
        while self._waiting:
            trial = self._waiting.popleft()
            yield Result(trial, measured(self._work, trial))

    def close(self) -> None:
        self._waiting = deque()


def measured(work: Work, trial: Trial) -> Measurement:
    """Run the work on a trial; an error of the estimation itself fails the trial, never the run."""
    try:
        return work(trial)
    except Exception as error:
        return failure(trial, len(work.task.objectives), describe(error))


def failure(trial: Trial, objectives: int, reason: str) -> Measurement:
    """The measurement of a trial that failed as a whole."""
    members = len(trial.individuals)
    return Measurement(np.full((members, objectives), np.nan), dict.fromkeys(range(members), reason), error=reason)
