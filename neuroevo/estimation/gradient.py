"""Estimation by gradient for NEAT: all genomes of a generation are trained at once, then scored."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.neat import NeatGenome
from genomes.neat.genes import Pool
from neuroevo.core.neat_population import NeatPopulation, with_weights
from neuroevo.core.streams import global_random_kept
from neuroevo.core.trial import Artifact, Measurement, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.described import Descriptors
from neuroevo.estimation.direct import Direct, describe, objective_values, recorded
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.supervised import Supervised

if TYPE_CHECKING:
    from neuroevo.train.population_forward import Loss

MODES = ("none", "lamarckian", "baldwinian")


class GradientTraining(Estimation):
    """Train NEAT genomes by gradient on samples, all of a generation in one `PopulationModel`, then score them as the task says.

    The strategy decides what becomes of the weights: `Neat(inheritance="lamarckian")` writes them back to the genes, "baldwinian" uses
    them for the score alone, "none" trains nothing. A genome whose loss is not finite has failed; the others are not affected. A
    generation is one trial, so it is one worker's.

        ne.evolve(NeatSpace(inputs=2, outputs=1), fitness, strategy=Neat(inheritance="lamarckian"),
                  estimation=GradientTraining((x, y), steps=50, learning_rate=0.05), ...)

    Args:
        data: (x, y): float [samples, inputs] and [samples, outputs]; None for the training part of a task that has data
            (`Classification`, `Regression`).
        steps: gradient steps for every genome.
        learning_rate: of every step.
        loss: as `neuroevo.train.PopulationModel` takes it; None for the task's own, or else "mean_squared_error".
        optimizer, momentum: "adam", or "sgd" with momentum.
        batch_size: samples of one step, the same ones for every genome of a generation; None for all.
        memory: bytes (or text such as "500MB") that training may take; None for no bound.

    Raises:
        ValueError: a value out of its range, or data that are not two arrays of as many samples.
    """

    def __init__(
        self,
        data: tuple[npt.ArrayLike, npt.ArrayLike] | None = None,
        *,
        steps: int = 100,
        learning_rate: float = 0.05,
        loss: str | Loss | None = None,
        optimizer: str = "adam",
        momentum: float = 0.0,
        batch_size: int | None = None,
        memory: int | str | None = None,
    ) -> None:
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 0:
            raise ValueError(f"steps must be a whole number >= 0, got {shown(steps)}")
        if not isinstance(learning_rate, (int, float)) or not 0 < learning_rate < np.inf:
            raise ValueError(f"learning_rate must be > 0, got {shown(learning_rate)}")
        self.data = None if data is None else _arrays(data)
        self.steps, self.learning_rate, self.loss = steps, float(learning_rate), loss
        self.optimizer, self.momentum, self.batch_size, self.memory = optimizer, momentum, batch_size, memory
        self._compiled: dict[Any, Any] = {}
        self._prepared = False

    def cost(self, trial: Trial, task: Task) -> float:
        if trial.options.get("inheritance", "none") == "none" or trial.job not in self.jobs:
            return 0.0
        try:
            samples = len(self._samples(task)[0])
        except ValueError:  # it will fail before it is trained
            return 0.0
        return self._passes(samples) * len(trial.individuals)

    def _passes(self, samples: int) -> float:
        """Passes over all samples that the training of one genome takes."""
        return self.steps * min(self.batch_size or samples, samples) / samples

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        self.refuse_other_jobs(trial)
        start = time.perf_counter()
        mode = trial.options.get("inheritance", "none")
        if mode not in MODES:
            raise ValueError(f"inheritance must be one of {', '.join(map(repr, MODES))}, got {shown(mode)}")
        whole = isinstance(trial.individuals, NeatPopulation)
        if mode == "lamarckian" and not whole:
            raise ValueError("only the strategy Neat writes trained weights back to NEAT genomes; use it, or inheritance='none'")
        population = trial.individuals if isinstance(trial.individuals, NeatPopulation) else _population(trial)
        trained, diverged = population, dict[int, str]()
        artifacts: tuple[Artifact, ...] = ()
        passes = 0.0
        with context.working(), global_random_kept():
            if mode != "none":
                pool, diverged = self._trained(population, task, context, trial)
                passes = self._passes(len(self._samples(task)[0])) * len(population)
                trained = population.with_pool(pool)
                artifacts = _artifacts(trial, trained, mode, whole)
            context.give_way()
            scored = self._scores(replace(trial, individuals=trained), task, context)
        values, reasons = scored.values, {**scored.reasons, **diverged}
        values[list(diverged)] = np.nan
        if scored.descriptors is not None:
            scored.descriptors[list(diverged)] = np.nan
        return replace(
            scored, values=values, reasons=reasons, artifacts=artifacts, epochs=passes, seconds=time.perf_counter() - start
        )

    def _trained(self, population: NeatPopulation, task: Task, context: Context, trial: Trial) -> tuple[Pool, dict[int, str]]:
        """The pool with the weights that were learned, and why members failed; these keep the weights they were born with."""
        from neuroevo.core.backend import prepare

        if not self._prepared:
            prepare(context.threads)
            self._prepared = True
        from neuroevo.train.population_model import PopulationModel

        x, y = self._samples(task)
        loss = self.loss or (task.loss if isinstance(task, Supervised) else "mean_squared_error")
        key = (loss, population.space)
        model = PopulationModel(
            population.pool,
            space=population.space,
            loss=loss,
            optimizer=self.optimizer,
            momentum=self.momentum,
            memory=self.memory,
            samples=self.batch_size or len(x),
            steps=self._compiled.get(key),
        )
        self._compiled[key] = model.steps
        losses = model.train(
            x,
            y,
            steps=self.steps,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            rng=context.rng(trial.individuals[0].id, trial.repeat),
        )
        pool = population.pool
        weights, biases = model.genes()
        diverged = {}
        for member in range(len(losses)):
            edges = slice(pool.connection_start[member], pool.connection_start[member] + pool.connection_count[member])
            nodes = slice(pool.node_start[member], pool.node_start[member] + pool.node_count[member])
            if np.isfinite(losses[member]) and np.isfinite(weights[edges]).all() and np.isfinite(biases[nodes]).all():
                continue
            diverged[member] = f"Diverged: the training loss became {losses[member]}; a lower learning rate may help"
            weights[edges], biases[nodes] = pool.connections.weight[edges], pool.nodes.bias[nodes]
        return with_weights(pool, weights, biases), diverged

    def _samples(self, task: Task) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        if self.data is not None:
            return self.data
        if isinstance(task, Supervised):
            if task.weighted:
                raise ValueError("GradientTraining weighs all samples alike: leave class_weights out")
            part = task.dataset.train
            return part.x.reshape(len(part), -1), task.dataset.targets(part)
        raise ValueError(
            f"{type(task).__name__} has no data to train on: give it, as in GradientTraining(data=(x, y)), "
            "or use Classification or Regression"
        )

    def _scores(self, trial: Trial, task: Task, context: Context) -> Measurement:
        """What the trained population is scored."""
        if not isinstance(task, Supervised):
            return Direct().measure(trial, task, context)
        population, part = trial.individuals, task.dataset.validation
        assert isinstance(population, NeatPopulation)
        values, reasons = np.full((len(population), len(task.objectives)), np.nan), dict[int, str]()
        described, info = Descriptors(len(population)), list[Mapping[str, Any]]()
        wanted = _wanted_of_the_model(task)
        outputs = population.network()(part.x.reshape(len(part), -1)).astype(np.float32)
        for row, individual in enumerate(population):
            info.append({})
            try:
                if not np.isfinite(outputs[row]).all():
                    raise ValueError("the network's outputs are not finite (NaN or infinity)")
                scores = task.scores(outputs[row], part.y)
                if wanted:
                    context.give_way()
                    from neuroevo.decode import build

                    model = build(individual.genome)
                    measured = task.measured(model, context)
                    scores = {**scores, **task.model_scores(model), **measured}
                    info[row] = recorded(measured, task.objectives)
                    described.add(row, task.descriptors(model, context))
                values[row] = objective_values(scores, individual, task)
            except Exception as error:
                reasons[row] = describe(error)
        return Measurement(values, reasons, tuple(info) if any(info) else (), descriptors=described.array())

    def settings(self) -> dict[str, Any]:
        return {
            "estimation": type(self).__name__,
            "data": None if self.data is None else _digest(self.data),
            "steps": self.steps,
            "learning_rate": self.learning_rate,
            "loss": getattr(self.loss, "__qualname__", self.loss),
            "optimizer": self.optimizer,
            "momentum": self.momentum,
            "batch_size": self.batch_size,
            "memory": self.memory,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The estimation that `settings` described.

        Raises:
            ValueError: its data or its loss were Python objects, which JSON cannot hold; or not such settings.
        """
        from neuroevo.train.population_forward import LOSSES

        for name, known in (("data", (None,)), ("loss", (None, *LOSSES))):
            if settings.get(name) not in known:
                raise ValueError(
                    f"this GradientTraining's {name} came from Python; run the script that started this run again to go on"
                )
        return super().from_settings(settings)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_compiled": {}, "_prepared": False}


def _arrays(data: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ValueError(f"data must be (x, y), two arrays of samples, got {shown(data)}")
    x, y = np.asarray(data[0]), np.asarray(data[1])
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) == 0:
        raise ValueError(f"data must be x [samples, inputs] and y [samples, outputs], got shapes {x.shape} and {y.shape}")
    return x, y


def _population(trial: Trial) -> NeatPopulation:
    """Individuals that came one by one, as a population."""
    genomes = [individual.genome for individual in trial.individuals]
    found = [genome for genome in genomes if isinstance(genome, NeatGenome)]
    if len(found) < len(genomes) or not found:
        raise ValueError("GradientTraining trains NEAT genomes; layer graphs are trained by FullTraining")
    first = trial.individuals[0]
    return NeatPopulation.of(found[0].space, found, first.id, first.generation, names=first.names, weights=first.fitness.weights)


def _artifacts(trial: Trial, trained: NeatPopulation, mode: str, whole: bool) -> tuple[Artifact, ...]:
    """What was learned: of a whole population in one, else of each individual."""
    meta: Mapping[str, Any] = {"inheritance": mode}
    if whole:
        arrays = {"weights": trained.pool.connections.weight, "biases": trained.pool.nodes.bias}
        return (Artifact(trial.id, arrays=arrays, meta=meta),)
    return tuple(
        trial.left(individual, arrays=_weights_of(trained.genome(row)), meta=meta)
        for row, individual in enumerate(trial.individuals)
    )


def _weights_of(genome: NeatGenome) -> dict[str, npt.NDArray[Any]]:
    return {"weights": genome.connections.weight, "biases": genome.nodes.bias}


def _wanted_of_the_model(task: Supervised) -> bool:
    """Whether the task looks at the `keras.Model`: for functions of the user's, for what depends on the hardware, for descriptors."""
    of_the_model = any(o.kind == "measured" or (o.kind != "cheap" and o.of is not None) for o in task.objectives.values())
    return of_the_model or type(task).descriptors is not Task.descriptors


def _digest(arrays: tuple[npt.NDArray[Any], ...]) -> str:
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array, np.float64).tobytes())
    return sha.hexdigest()[:16]
