"""A run in which everything occurs that a record can hold: trials without individuals, several evaluations of an individual, lower
fidelities, failed, stopped and predicted individuals, descriptors, epochs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import FULL, Artifact, Fidelity, Measurement, Prediction, Trial
from neuroevo.estimation import Direct
from neuroevo.strategies import State, Strategy
from neuroevo.tasks import Context, Task
from neuroevo.testing.evaluator import NumberSpace

LOW, HIGH = Fidelity(epochs=2), Fidelity(epochs=4)
SHARED_EPOCHS = 3


class Bent(Task):
    """How far a number is from two others; described by its sine and its cosine."""

    def __init__(self) -> None:
        self.objectives = {"miss": Objective("miss"), "size": Objective("size")}

    def phenotype(self, genome: Any) -> Any:
        return genome

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        value = float(phenotype.value)
        return {"miss": (value - 1) ** 2 / 10, "size": (value + 1) ** 2 + 1}

    def descriptors(self, phenotype: Any, context: Context) -> Any:
        return np.array([np.sin(phenotype.value), np.cos(phenotype.value)])


class Mixed(Direct):
    """Of every six individuals one is predicted, one stopped and one fails; trials take as many epochs as their fidelity says."""

    def plan(self, individual: Any) -> Fidelity | Prediction:
        if individual.id % 6 != 2:
            return FULL
        return Prediction((0.1 + 0.01 * individual.id, 8.0 - 0.1 * individual.id), (0.1, 2.0), {"by": "a model of scores"})

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        if trial.job == "train_shared":
            left = (Artifact(trial.id, "supernet", arrays={"w": np.zeros(3)}),)
            return Measurement(np.empty((0, 2)), artifacts=left, epochs=1.0, report={"loss": 1.0 / (1 + trial.id)}, seconds=0.5)
        measured = super().measure(trial, task, context)
        (one,) = trial.individuals
        epochs = 1 if one.id % 6 == 3 else trial.fidelity.epochs or 1
        scored = [float(measured.values[0, 0]) + 0.4 / epoch for epoch in range(1, epochs + 1)]
        curve = {"train_loss": [1.0, 0.6, 0.5, 0.45][:epochs], "epochs": list(range(1, epochs + 1)), "miss": scored}
        measured = replace(measured, info=({"curve": curve},), epochs=float(epochs))
        if one.id % 6 == 3:
            values = np.array([[scored[-1], measured.values[0, 1]]])
            return replace(measured, values=values, stopped={0: "worse than half of the others after epoch 1"})
        if one.id % 6 == 5:
            reasons = {0: f"the training loss became nan in epoch 1 of {epochs}"}
            return replace(measured, values=np.full((1, 2), np.nan), reasons=reasons, info=())
        return measured


@dataclass
class Rungs(Strategy):
    """Some epochs of a shared network; then mutants at a low fidelity, the better half of them again at the full one."""

    batch: int = 12

    @property
    def full(self) -> Fidelity:
        return HIGH

    def start(self, search: Any) -> None:
        super().start(search)
        self.parents: list[Any] = []
        self.again: list[Any] = []

    def ask(self) -> list[Trial]:
        if self.generation < SHARED_EPOCHS:
            return [self.search.trial(job="train_shared")]
        if self.again:
            return [self.search.trial(one, fidelity=HIGH) for one in self.again]
        count = self.batch if not self.parents else self.batch // 2
        born = [self.search.mutant(parent, self.generation) for parent in self.parents for _ in range(2)][:count]
        born += [self.search.random(self.generation) for _ in range(count - len(born))]
        asked = [self.search.trial(one) for one in born]
        return [trial if one.id % 6 == 2 else replace(trial, fidelity=LOW) for one, trial in zip(born, asked, strict=True)]

    def tell(self, results: Any) -> None:
        everyone = [result.individuals[0] for result in results if result.individuals]
        done = sorted((one for one in everyone if one.status == "done"), key=lambda one: one.fitness.wvalues, reverse=True)
        if self.again or not everyone:
            self.parents, self.again = done or self.parents, []
        else:
            self.again = done[: max(1, len(done) // 2)]
        self.generation += 1

    @property
    def living(self) -> list[Any]:
        return [*self.parents, *self.again]

    def state(self) -> State:
        ids = [[one.id for one in group] for group in (self.parents, self.again)]
        return State({"generation": self.generation, "groups": ids})

    def restore(self, state: State, individuals: Any) -> None:
        self.generation = state.json["generation"]
        self.parents, self.again = ([individuals(id) for id in group] for group in state.json["groups"])


def mixed(folder: Path | None, evaluations: int = 60, **options: Any) -> ne.Run:
    """The run; evaluations are counted without the predicted ones."""
    options = {"progress": False, "budget": ne.Budget(evaluations=evaluations), "strategy": Rungs(), "seed": 4, **options}
    return ne.evolve(NumberSpace(), Bent(), estimation=Mixed(), run=folder, **options)
