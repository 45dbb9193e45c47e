"""Evaluator: *where* trials run."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from genomes.base import Settings
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


def pickled(work: Work) -> bytes:
    """The work as it travels to worker processes.

    Raises:
        ValueError: something in it cannot travel; the sentence says what.
    """
    import cloudpickle

    try:
        data: bytes = cloudpickle.dumps(work)
        return data
    except Exception as error:  # whatever an object in it raises
        found = f"{type(error).__name__}: {' '.join(str(error).split())}"
        part = "estimation" if _travels(work.task) else "task or fitness"
        raise ValueError(
            f"the {part} cannot be sent to worker processes ({found}): make what cannot travel (a lock, an open file, a connection) where it is "
            "used, leave it out of __getstate__, or evaluate in this process: workers=1 without limits on seconds and memory"
        ) from error


def _travels(part: Any) -> bool:
    import cloudpickle

    try:
        cloudpickle.dumps(part)
    except Exception:
        return False
    return True


class Evaluator(metaclass=Settings):
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
