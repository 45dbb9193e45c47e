"""Direct estimation: the task scores the phenotype as it is, nothing is trained."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objectives
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.trial import Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.described import Descriptors, population_array
from neuroevo.tasks.base import Context, Task


class Direct(Estimation):
    """Score the phenotype as it is: for weights that evolve, tables and custom fitness functions.

    An exception, a missing objective, or a value that is not a finite number (descriptors included) is that individual's recorded failure;
    of a fitness that scores a whole population, an exception or a wrong shape fails all of it.
    """

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        start = time.perf_counter()
        with context.working():
            if task.population:
                values, reasons, described = _measure_population(trial, task, context)
                return Measurement(values, reasons, seconds=time.perf_counter() - start, descriptors=described)
            return _measure_each(trial, task, context, start)


def _measure_each(trial: Trial, task: Task, context: Context, start: float) -> Measurement:
    rows: list[list[float]] = []
    reasons: dict[int, str] = {}
    info: list[Mapping[str, Any]] = []
    described = Descriptors(len(trial.individuals))
    failed = [math.nan] * len(task.objectives)
    with_rng = getattr(task, "takes_rng", False)
    for row, individual in enumerate(trial.individuals):
        details: dict[str, Any] = {}
        values = failed
        context.give_way()
        try:
            phenotype = task.phenotype(individual.genome)
            extra = {"rng": context.rng(individual.id, trial.repeat)} if with_rng else {}
            scores = task.score(phenotype, context, **extra)
            found = objective_values(scores, individual, task)
            described.add(row, task.descriptors(phenotype, context))
            values, details = found, recorded(scores, task.objectives)
        except Exception as error:
            reasons[row] = describe(error)
        rows.append(values)
        info.append(details)
    seconds = time.perf_counter() - start
    found_all = np.array(rows, np.float64).reshape(len(rows), len(failed))
    return Measurement(found_all, reasons, tuple(info) if any(info) else (), seconds=seconds, descriptors=described.array())


def objective_values(scores: Mapping[str, float], individual: Individual, task: Task) -> list[float]:
    """The objectives in order: cheap ones from the genome, the others from the task's scores.

    Raises:
        ValueError: one is missing, not a number, or not finite.
    """
    row = []
    for name, objective in task.objectives.items():
        if objective.of is not None and objective.kind == "cheap":
            value: Any = objective.of(individual.genome)
        elif name in scores:
            value = scores[name]
        elif objective.kind == "untrained":
            raise ValueError(f"{name} is of a network that is trained or could be: use FullTraining, LowFidelity or ZeroCost")
        else:
            raise ValueError(f"the task returned no {name!r}, only {', '.join(map(repr, scores)) or 'nothing'}")
        row.append(finite(name, value))
    return row


def finite(name: str, value: Any) -> float:
    """The value as a float.

    Raises:
        ValueError: it is not a number, or not finite.
    """
    if type(value) is not float:
        try:
            if value is None or isinstance(value, (str, bytes)):
                raise TypeError
            array = np.asarray(value, dtype=np.float64)
            if array.size != 1:
                raise TypeError
            value = float(array.reshape(()))
        except (TypeError, ValueError):
            raise ValueError(f"{name} must be a number, the fitness returned {shown(value)}") from None
    if value - value != 0.0:
        raise ValueError(f"{name} must be finite, the fitness returned {value}")
    return float(value)


def recorded(scores: Mapping[str, Any], objectives: Objectives) -> dict[str, Any]:
    """What a task returned beside the objectives, as JSON numbers."""
    if len(scores) <= len(objectives) and all(name in objectives for name in scores):
        return {}
    return {"scores": {str(k): float(v) for k, v in scores.items() if k not in objectives and np.ndim(v) == 0}}


def _measure_population(
    trial: Trial, task: Task, context: Context
) -> tuple[npt.NDArray[np.float64], dict[int, str], npt.NDArray[np.float64] | None]:
    """Values [members, objectives], why members failed, and descriptors."""
    members, names = len(trial.individuals), list(task.objectives)
    values = np.full((members, len(names)), np.nan)
    try:
        network = _population_network(trial)
        answer = task.score_population(network, context)  # type: ignore[attr-defined]
        columns = answer if isinstance(answer, Mapping) else {_only(names, task): answer}
        for column, (name, objective) in enumerate(task.objectives.items()):
            if objective.of is not None and objective.kind == "cheap":
                values[:, column] = [objective.of(individual.genome) for individual in trial.individuals]
                continue
            if name not in columns:
                raise ValueError(
                    f"the population fitness returned no {name!r}, only {', '.join(map(repr, columns)) or 'nothing'}"
                )
            scores = np.asarray(columns[name], dtype=np.float64)
            if scores.shape != (members,):
                raise ValueError(
                    f"a population fitness returns one number for each of the {members} members, got an array of shape {scores.shape}"
                )
            values[:, column] = scores
        described, reasons = population_array(task.descriptors_population(network, context), members)
    except Exception as error:
        return np.full_like(values, np.nan), dict.fromkeys(range(members), describe(error)), None
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    reasons |= {int(row): f"the fitness must be finite, the function returned {values[row].tolist()}" for row in bad}
    failed = list(reasons)
    values[failed] = np.nan
    if described is not None:
        described[failed] = np.nan
    return values, reasons, described


def _only(names: list[str], task: Task) -> str:
    returned = [name for name in names if task.objectives[name].of is None]
    if len(returned) != 1:
        raise ValueError(f"the objectives are {', '.join(map(repr, names))}: the population fitness returns a dict with them")
    return returned[0]


def _population_network(trial: Trial) -> Any:
    if isinstance(trial.individuals, ArrayPopulation):
        return trial.individuals.network()
    from neuroevo.decode import population_network

    return population_network([individual.genome for individual in trial.individuals])


def describe(error: BaseException) -> str:
    """An exception as the reason of a recorded failure: one line."""
    text = " ".join(str(error).split())
    return (f"{type(error).__name__}: {text}" if text else type(error).__name__)[:500]
