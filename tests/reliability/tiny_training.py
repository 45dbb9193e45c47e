"""A task of real inheritance without a framework: layer graphs whose weights lie in arrays, and a score that depends on both.

A candidate starts from its parents' weights by `neuroevo.inherit`, "trains" by drawing its weights a little towards a fixed pattern,
and is scored on what it has become: lost or swapped weights change every score after them.
"""

import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from neuroevo.core.objectives import PARAMETERS, Objective
from neuroevo.core.trial import Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.direct import describe, objective_values
from neuroevo.tasks.base import Context, Task


class TinyTask(Task):
    """Error and size."""

    def __init__(self) -> None:
        self.objectives = {"error": Objective("error"), "parameters": PARAMETERS}

    def estimation(self) -> Estimation:
        return TinyTraining()

    def score(self, phenotype: Mapping[str, Any], context: Context) -> Mapping[str, float]:
        sizes = [float(np.square(array.astype(float) - 0.1).mean()) for _, array in sorted(phenotype.items())]
        return {"error": float(np.mean(sizes)) + 1.0 / (1 + len(sizes))}


class TinyTraining(Estimation):
    """Inherit, draw towards a pattern, score, leave the weights."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        from neuroevo.inherit import inherit

        values = np.full((len(trial.individuals), 2), np.nan)
        reasons, artifacts = {}, []
        for row, individual in enumerate(trial.individuals):
            time.sleep(self.seconds)
            try:
                parents = [(parent.genome, parent.load()) for parent in trial.artifacts]
                weights = inherit(individual.genome, parents, context.rng(individual.id))
                trained = {
                    name: (0.9 * array + 0.01).astype(array.dtype) if array.dtype.kind == "f" else array
                    for name, array in weights.items()
                }
                values[row] = objective_values(task.score(trained, context), individual, task)
                artifacts.append(trial.left(individual, arrays=trained))
            except Exception as error:
                reasons[row] = describe(error)
        return Measurement(values, reasons, (), tuple(artifacts))
