"""Estimation: *how* a trained objective is obtained."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

from genomes.base import Settings, shown
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, Fidelity, Measurement, Prediction, Result, Trial
from neuroevo.tasks.base import Context, Task


class Estimation(metaclass=Settings):
    """How a trained objective is obtained: by full training, at low fidelity, from a model of scores, ...

    `measure` runs in a worker; everything else in the driver. An estimation is sent to every worker once, before it learned anything: keep
    it small and picklable, and keep what the driver learns out of what `measure` needs. What `plan` and `stop` say is recorded with the
    trial, so that a resumed run and a replay do the same.

    Attributes:
        jobs: what it does (`Trial.job`). Built-in estimations refuse a trial with another job, as a whole: ValueError.
    """

    jobs: tuple[str, ...] = ("evaluate",)

    @property
    def full(self) -> Fidelity:
        """The fidelity at which an individual counts for the front, the best and the target; `FULL` is the estimation's own effort."""
        return FULL

    def suit(self, task: Task) -> None:
        """Driver: learn what is estimated, before `settings` are recorded. Nothing by default.

        Args:
            task: from which settings come that nobody gave.
        """
        return

    def start(self, task: Task, full: Fidelity = FULL) -> None:
        """Driver: a search begins, or goes on; called before anything else is asked or restored. Nothing by default.

        Args:
            task: what is scored; an estimation that must know what a genome costs, or which way is better, finds it in `task.objectives`.
            full: the run's full fidelity, which the strategy may have named.
        """
        return

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

        Raises:
            ValueError, TypeError: the trial cannot be measured at all: a job that is not in `jobs`, a task that does not suit.
        """

    def refuse_other_jobs(self, trial: Trial) -> None:
        """For `measure` to call first.

        Raises:
            ValueError: this estimation does not do the trial's job.
        """
        if trial.job not in self.jobs:
            raise ValueError(
                f"{type(self).__name__} does the job{'s' if len(self.jobs) > 1 else ''} {', '.join(map(repr, self.jobs))}, not "
                f"{shown(trial.job)}; give the search an estimation that does"
            )

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
        """JSON: what a run records of the estimation: its name, and the arguments that make it again."""
        return {"estimation": type(self).__name__}

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The estimation that `settings` described, by default made with them as its arguments.

        Raises:
            ValueError: not such settings.
        """
        try:
            return cls(**{name: value for name, value in settings.items() if name != "estimation"})
        except TypeError as error:
            raise ValueError(f"{cls.__name__} cannot be made from {shown(dict(settings))}: {error}") from error
