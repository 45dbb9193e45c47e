"""Evaluator: *where* trials run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from neuroevo.core import registry
from neuroevo.core.trial import Measurement, Result, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.tasks.base import Context, Task


@dataclass(frozen=True)
class Work:
    """What every worker is given once: the task, the estimation and the context. Calling it measures a trial. The parts of one's own that are
    registered travel with it, so that a worker knows what its driver does."""

    task: Task
    estimation: Estimation
    context: Context

    def __call__(self, trial: Trial) -> Measurement:
        return self.estimation.measure(trial, self.task, self.context)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "registered": registry.registered()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        registry.take(state["registered"])
        self.__dict__.update({name: value for name, value in state.items() if name != "registered"})


class Evaluator(ABC):
    """Where trials run. The run calls `start` once, then `submit` and `as_completed` in turn, then `close`.

    Attributes:
        capacity: how many trials can run at once; the run keeps about that many submitted.
        threads: CPU threads of one trial. Other than 1, they give other float sums and so another result: a run records them.
    """

    capacity: int = 1
    threads: int = 1

    @abstractmethod
    def start(self, work: Work) -> None:
        """Make the workers ready for this work."""

    @abstractmethod
    def submit(self, trial: Trial) -> None:
        """Hand over one trial; returns at once where there are several workers."""

    @abstractmethod
    def as_completed(self) -> Iterator[Result]:
        """The results of submitted trials as they finish; ends when nothing is in flight.

        A trial whose worker died, ran out of memory or out of time comes back with a measurement whose reasons say so.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop the workers; called once, also after an error."""

    def __enter__(self) -> Evaluator:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
