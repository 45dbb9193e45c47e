"""Estimation: *how* a trained objective is obtained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, Fidelity, Measurement, Prediction, Result, Trial
from neuroevo.tasks.base import Context, Task


class Estimation(ABC):
    """How a trained objective is obtained: by full training, at low fidelity, from a model of scores, ...

    `measure` runs in a worker; everything else in the driver. An estimation is sent to every worker once, before it learned anything: keep
    it small and picklable, and keep what the driver learns out of what `measure` needs. What `plan` and `stop` say is recorded with the
    trial, so that a resumed run and a replay do the same.
    """

    @property
    def full(self) -> Fidelity:
        """The fidelity at which an individual counts for the front, the best and the target; `FULL` is the estimation's own effort."""
        return FULL

    def plan(self, individual: Individual) -> Fidelity | Prediction:
        """How thoroughly to measure this individual, or what to say of it without a trial. Asked when a trial that names no fidelity is
        asked for."""
        return self.full

    def stop(self, individual: Individual, fidelity: Fidelity) -> Mapping[str, Any] | None:
        """The rule that may end this individual's training early, as JSON that holds all the rule knows; None for none. Asked when its trial
        is asked for; the worker finds it in `trial.stop`."""
        return None

    def cost(self, trial: Trial, task: Task) -> float:
        """Training epochs that a trial is going to take at most, in passes over all of the training data; 0 where nothing is trained. A
        budget in epochs counts with it while the trial runs."""
        return 0.0

    @abstractmethod
    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        """Worker: decode, inherit, train and score every individual of the trial.

        Args:
            trial: the individuals (none for the job "train_shared"), the fidelity, and the artifacts (parents' weights) to start from.
            task: what is scored.
            context: the run's seed and this candidate's threads; `context.rng(id, trial.repeat)` is the stream to draw from.

        Returns:
            `values` float64 [individuals, objectives] in the order of `task.objectives`. What goes wrong with one individual is a NaN
            row and an entry of `reasons`, not an exception.
        """

    def observe(self, results: Sequence[Result]) -> None:
        """Learn from what came back: whole batches in the order of the trials' ids, or one result at a time in an asynchronous run."""
        return

    def state(self) -> State:
        """All that was learned, taken after an `observe`; nothing by default."""
        return State()

    def restore(self, state: State) -> None:
        """Go on from a state."""
        return

    def settings(self) -> dict[str, Any]:
        """JSON: what a run records of the estimation."""
        return {"estimation": type(self).__name__}
