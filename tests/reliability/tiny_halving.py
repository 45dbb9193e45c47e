"""Successive halving and a shared network without a framework: several trials an individual, checkpoints, trials without individuals.

The "training" of `Rungs` is a descent with momentum on arrays: a checkpoint holds weights and momentum, so a run that goes on from a lost,
older or swapped one scores otherwise ever after. `Epochs` trains one array for everybody, a trial an epoch, and scores numbers with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objective
from neuroevo.core.state import State
from neuroevo.core.trial import CHECKPOINT, DONE, Artifact, Fidelity, Measurement, Result, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.strategies.base import Search, Strategy
from neuroevo.tasks.base import Context, Task


class Loss(Task):
    """How far a number's arrays are from where they are drawn to, and its size."""

    def __init__(self) -> None:
        self.objectives = {"loss": Objective("loss"), "size": Objective("size")}

    def score(self, phenotype: Mapping[str, Any], context: Context) -> Mapping[str, float]:
        return {"loss": float(np.square(phenotype["w"] - 1.0).mean()), "size": float(abs(phenotype["w"][0]))}


class Descent(Estimation):
    """Epochs of descent with momentum from a checkpoint, from the parents' weights, or from what the genome says; ten in all."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def cost(self, trial: Trial, task: Task) -> float:
        return float(trial.fidelity.epochs or 0)

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        values, artifacts, reasons, epochs = np.full((len(trial.individuals), 2), np.nan), [], {}, 0
        for row, individual in enumerate(trial.individuals):
            time.sleep(self.seconds)
            rng = context.rng(individual.id, trial.repeat)
            weights, momentum, begun = self._beginning(trial, individual)
            for _ in range(begun, trial.fidelity.epochs or 1):
                momentum = 0.5 * momentum - 0.1 * (weights - 1.0) + rng.normal(0.0, 0.02, 400)
                weights = weights + momentum
            epochs += (trial.fidelity.epochs or 1) - begun
            if individual.genome.value > 1.8:
                reasons[row] = "diverged"
                continue
            scores = task.score({"w": weights}, context)
            values[row] = [scores["loss"], scores["size"]]
            artifacts.append(trial.left(individual, arrays={"w": weights}))
            if CHECKPOINT in trial.leaves:
                arrays = {"w": weights, "momentum": momentum}
                artifacts.append(trial.left(individual, CHECKPOINT, arrays=arrays, meta={"epochs": trial.fidelity.epochs}))
        return Measurement(
            values, reasons, tuple({"curve": [loss]} for loss in values[:, 0].tolist()), tuple(artifacts), epochs=float(epochs)
        )

    def _beginning(self, trial: Trial, individual: Individual) -> tuple[Any, Any, int]:
        checkpoint = trial.artifact(CHECKPOINT)
        if checkpoint is not None:
            arrays = checkpoint.load()
            assert checkpoint.individual == individual.id and checkpoint.trial == trial.fidelity.previous
            return arrays["w"], arrays["momentum"], int(checkpoint.meta["epochs"])
        fresh = np.full(400, individual.genome.value) + np.linspace(0.0, 0.5, 400)
        inherited = [artifact.load()["w"] for artifact in trial.artifacts]
        return fresh + sum(inherited) / (4 * len(inherited)) if inherited else fresh, np.zeros(400), 0


@dataclass
class Rungs(Strategy):
    """Brackets of successive halving; a bracket's candidates are mutants of the best before, with its weights.

    Args:
        candidates: a bracket begins with.
        eta: of them, one in `eta` goes on.
        rungs: how many; each takes `eta` times the epochs of the one before.
        stateless: whether to have no `state()`: then a resumed run goes through all that it recorded.
    """

    candidates: int = 6
    eta: int = 2
    rungs: int = 3
    stateless: bool = False

    inheritance = "lamarckian"

    @property
    def full(self) -> Fidelity:
        return self._fidelity(self.rungs - 1, None)

    def _fidelity(self, rung: int, previous: int | None) -> Fidelity:
        return Fidelity(self.eta**rung, previous=previous, schedule=self.eta ** (self.rungs - 1))

    def start(self, search: Search) -> None:
        super().start(search)
        self._rung = 0
        self._going_on: list[Individual] = []
        self._best: Individual | None = None

    def ask(self) -> list[Trial]:
        if self._rung:
            return [self._trial(one, one.trial) for one in self._going_on]
        best, clock = self._best, self.generation
        born = [self.search.random(clock) if best is None else self.search.mutant(best, clock) for _ in range(self.candidates)]
        given = () if best is None or best.artifact is None else (best.artifact,)
        return [self._trial(one, None, given) for one in born]

    def _trial(self, one: Individual, previous: int | None, given: tuple[Artifact, ...] = ()) -> Trial:
        leaves = (CHECKPOINT,) if self._rung < self.rungs - 1 else ()
        return self.search.trial(one, fidelity=self._fidelity(self._rung, previous), leaves=leaves, artifacts=given)

    def tell(self, results: Sequence[Result]) -> None:
        done = [result.individuals[0] for result in results if result.individuals[0].status == DONE]
        best = sorted(done, key=lambda one: one.fitness.ranking, reverse=True)[: max(1, len(results) // self.eta)]
        self._rung += 1
        self._going_on = best
        if self._rung == self.rungs or not best:
            self._best = best[0] if best else self._best
            self._rung, self._going_on = 0, []
            self.generation += 1

    @property
    def living(self) -> list[Individual]:
        return [*self._going_on, *([] if self._best is None else [self._best])]

    def needs(self) -> Collection[tuple[int, str]]:
        return [*super().needs(), *[(one.trial, CHECKPOINT) for one in self._going_on if one.trial is not None]]

    def state(self) -> State:
        if self.stateless:
            raise NotImplementedError
        best = None if self._best is None else self._best.id
        return State(
            {"generation": self.generation, "rung": self._rung, "going_on": [one.id for one in self._going_on], "best": best}
        )

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation, self._rung = state.json["generation"], state.json["rung"]
        self._going_on = [individuals(id) for id in state.json["going_on"]]
        self._best = None if state.json["best"] is None else individuals(state.json["best"])


@dataclass
class SteadyRungs(Strategy):
    """The same idea without waiting (ASHA; Li et al. 2020): whoever is among the best of its rung so far goes on, else somebody is born."""

    eta: int = 2
    rungs: int = 3

    @property
    def full(self) -> Fidelity:
        return Fidelity(self.eta ** (self.rungs - 1))

    def start(self, search: Search) -> None:
        super().start(search)
        self._rungs: list[list[Individual]] = [[] for _ in range(self.rungs)]
        self._losses: dict[tuple[int, int], float] = {}  # by individual and rung
        self._left: dict[tuple[int, int], int] = {}  # the trials that left their checkpoints
        self._promoted: set[tuple[int, int]] = set()
        self._begun = False

    def steady_state(self) -> SteadyRungs:
        return SteadyRungs(self.eta, self.rungs)

    def ask(self) -> list[Trial]:
        if not self._begun:
            self._begun = True
            return [self._trial(self.search.random(), 0, None) for _ in range(3)]
        for rung in reversed(range(self.rungs - 1)):
            ranked = sorted(self._rungs[rung], key=lambda one, rung=rung: (self._losses[one.id, rung], one.id))  # type: ignore[misc]
            for one in ranked[: len(ranked) // self.eta]:
                if (one.id, rung) not in self._promoted:
                    self._promoted.add((one.id, rung))
                    return [self._trial(one, rung + 1, self._left[one.id, rung])]
        return [self._trial(self.search.random(), 0, None)]

    def _trial(self, one: Individual, rung: int, previous: int | None) -> Trial:
        leaves = (CHECKPOINT,) if rung < self.rungs - 1 else ()
        return self.search.trial(one, fidelity=Fidelity(self.eta**rung, previous=previous), leaves=leaves)

    def tell(self, results: Sequence[Result]) -> None:
        for result in results:
            (one,) = result.individuals
            rung = (result.trial.fidelity.epochs or 1).bit_length() - 1
            if 0 not in result.measurement.reasons:
                self._rungs[rung].append(one)
                self._losses[one.id, rung] = float(result.measurement.values[0, 0])
                self._left[one.id, rung] = result.trial.id
        self.generation += 1

    def needs(self) -> Collection[tuple[int, str]]:
        waiting = self._left.items() - {(key, self._left[key]) for key in self._promoted}
        return [(trial, CHECKPOINT) for (_, rung), trial in waiting if rung < self.rungs - 1]

    def state(self) -> State:
        return State({"generation": self.generation})


@dataclass
class Epochs(Strategy):
    """Trains a shared array for some epochs, scores some numbers with it, and trains on.

    Args:
        epochs: before each scoring, a trial each.
        scored: numbers.
        together: whether one trial scores them all.
    """

    epochs: int = 3
    scored: int = 4
    together: bool = False

    def start(self, search: Search) -> None:
        super().start(search)
        self._last: int | None = None

    def ask(self) -> list[Trial]:
        given = () if self._last is None else (self.search.artifact(self._last, "supernet"),)
        if self.generation % (self.epochs + 1) < self.epochs:
            return [self.search.trial(job="train_shared", artifacts=given, options={"epoch": self.generation})]
        born = [self.search.random(self.generation) for _ in range(self.scored)]
        if self.together:
            return [self.search.trial(born, artifacts=given)]
        return [self.search.trial(one, artifacts=given) for one in born]

    def tell(self, results: Sequence[Result]) -> None:
        if results[0].trial.job == "train_shared" and not results[0].failed:
            self._last = results[0].artifact("supernet").trial
        self.generation += 1

    def needs(self) -> Collection[tuple[int, str]]:
        return [] if self._last is None else [(self._last, "supernet")]

    def state(self) -> State:
        return State({"generation": self.generation, "last": self._last})

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation, self._last = state.json["generation"], state.json["last"]


class Shared(Estimation):
    """An epoch moves a shared array; numbers are scored with what it holds and leave weights of their own."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        time.sleep(self.seconds)
        given = trial.artifact("supernet")
        shared = np.zeros(4000) if given is None else given.load()["w"]
        if trial.job == "train_shared":
            shared = 0.9 * shared + context.rng(trial.id).normal(0.1, 0.1, 4000)
            left = Artifact(trial.id, "supernet", arrays={"w": shared}, meta={"epoch": trial.options["epoch"]})
            return Measurement(np.empty((0, 2)), artifacts=(left,), epochs=1.0, report={"mean": float(shared.mean())})
        values, artifacts = np.empty((len(trial.individuals), 2)), []
        for row, individual in enumerate(trial.individuals):
            weights = shared[:400] * individual.genome.value
            values[row] = list(task.score({"w": weights}, context).values())
            artifacts.append(trial.left(individual, arrays={"w": weights}))
        return Measurement(values, artifacts=tuple(artifacts))
