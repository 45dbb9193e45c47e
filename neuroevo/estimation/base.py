"""Estimation: *how* a trained objective is obtained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from neuroevo.core.individual import Individual
from neuroevo.core.trial import FULL, Fidelity, Measurement, Result, Trial
from neuroevo.tasks.base import Context, Task


class Estimation(ABC):
    """How a trained objective is obtained: by full training, at low fidelity, from a model of scores, ...

    `plan` and `observe` run in the driver, `measure` in a worker. An estimation is sent to every worker once: keep it small and
    picklable, and keep what the driver learns out of what `measure` needs.
    """

    def plan(self, individual: Individual) -> Fidelity:
        """Driver, before a trial: how thoroughly to measure this individual; `FULL` is the estimation's own full effort."""
        return FULL

    @abstractmethod
    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        """Worker: decode, inherit, train and score every individual of the trial.

        Args:
            trial: the individuals, the fidelity, and the artifacts (parents' weights) to start from.
            task: what is scored.
            context: the run's seed and this candidate's threads; `context.rng(id)` is the stream to draw from.

        Returns:
            `values` float64 [individuals, objectives] in the order of `task.objectives`. What goes wrong with one individual is a NaN
            row and an entry of `reasons`, not an exception.
        """

    def observe(self, results: Sequence[Result]) -> None:
        """Driver: learn from what came back."""
        return

    def settings(self) -> dict[str, Any]:
        """JSON: what a run records of the estimation."""
        return {"estimation": type(self).__name__}
