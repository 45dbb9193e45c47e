"""Estimation without training: networks are scored by zero-cost proxies alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from genomes.base import shown
from neuroevo.core.backend import prepare
from neuroevo.core.individual import Individual
from neuroevo.core.streams import global_random_kept
from neuroevo.core.trial import Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.direct import describe, objective_values
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.untrained import SAMPLES


class ZeroCost(Estimation):
    """Score every candidate by zero-cost proxies of its untrained network, and train none (Mellor et al. 2021; Abdelfattah et al. 2021).

    A search then costs a fraction of a second a candidate. Its front holds the networks that are best by the proxies, among those of their
    cost: promising ones, which were never trained; nothing is known of their accuracy, and they leave no weights. On NAS-Bench-201
    naswot and synflow agree with test accuracy at about 0.75 over all cells, and hardly among the best tenth: train a front, not its first
    network. Which proxy ranks well depends on the space (`experiments/zero_cost.py`).

    The task's objectives are proxies (`naswot`, ...), cheap ones (`parameters`) and measured ones (`latency`); one that needs training is
    refused. It is what a task on data takes by itself where proxies are among its objectives and nothing needs training.

    Args:
        samples: of the batch that proxies look at.

    Raises:
        ValueError: fewer than 2 samples.
    """

    def __init__(self, samples: int = SAMPLES) -> None:
        if isinstance(samples, bool) or not isinstance(samples, int) or samples < 2:
            raise ValueError(f"samples must be a whole number >= 2, got {shown(samples)}")
        self.samples = samples
        self._prepared = False

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        if trial.leaves:
            raise ValueError(f"ZeroCost leaves nothing; trial {trial.id} asks for {shown(trial.leaves[0])}")
        if not isinstance(task, Supervised):
            raise TypeError(f"ZeroCost takes a batch of data; {type(task).__name__} has none: use Classification or Regression")
        trained = [name for name, objective in task.objectives.items() if objective.kind == "trained"]
        if trained:
            raise ValueError(
                f"ZeroCost trains nothing, and {', '.join(trained)} needs a trained network: name proxies and costs as objectives "
                "(naswot, parameters), or use FullTraining"
            )
        start = time.perf_counter()
        if not self._prepared:
            prepare(context.threads)
            self._prepared = True
        values = np.full((len(trial.individuals), len(task.objectives)), np.nan)
        reasons: dict[int, str] = {}
        info: list[Mapping[str, Any]] = []
        with context.working(), global_random_kept():
            for row, individual in enumerate(trial.individuals):
                context.give_way()
                began = time.perf_counter()
                try:
                    values[row] = objective_values(self._scores(individual, trial, task, context), individual, task)
                except Exception as error:
                    reasons[row] = describe(error)
                info.append({"epochs": 0, "seconds": {"proxies": time.perf_counter() - began}})
        return Measurement(values, reasons, tuple(info), seconds=time.perf_counter() - start)

    def _scores(self, individual: Individual, trial: Trial, task: Supervised, context: Context) -> dict[str, float]:
        scores = task.untrained_scores(individual.genome, context, individual.id, trial.repeat, self.samples)
        if any(objective.kind == "measured" for objective in task.objectives.values()):
            scores |= task.measured(task.phenotype(individual.genome), context)
        return scores

    def settings(self) -> dict[str, Any]:
        return {"estimation": "ZeroCost", "samples": self.samples}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_prepared": False}
