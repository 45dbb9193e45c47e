"""Searches whose folders of older releases lie in `older/`, and must keep loading and going on.

`older/schema_N/NAME` is what the release with schema N left of `SEARCHES[NAME]` when it was stopped inside a generation, after `STOPPED`
evaluations; `older/expected.json` is what the same search gave when it went on to `WHOLE`. Both were written by that release
(`python older.py FOLDER`), and are not to be written again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from tiny_training import TinyTask, TinyTraining

import neuroevo as ne
from genomes import CellSpace, NeatSpace, NetworkSpace
from neuroevo import strategies
from neuroevo.tasks import Task

OLDER = Path(__file__).with_name("older")
STOPPED, WHOLE = 37, 60
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)


class Xor(Task):
    """NEAT's first task, network by network or the whole population at once."""

    def __init__(self, population: bool) -> None:
        self.objectives = {"fitness": ne.Objective("fitness", "maximise")}
        self.population = population

    def score(self, phenotype: Any, context: Any) -> Mapping[str, float]:
        return {"fitness": 4.0 - float(np.abs(phenotype(X)[:, 0] - np.array([0, 1, 1, 0])).sum())}

    def score_population(self, population: Any, context: Any) -> Any:
        return 4.0 - np.abs(population(X)[:, :, 0] - np.array([0, 1, 1, 0])).sum(axis=1)


class Digits(Task):
    """What a cell's digits say of it: many cells describe one network."""

    def __init__(self) -> None:
        self.objectives = {"loss": ne.Objective("loss"), "size": ne.Objective("size")}

    def phenotype(self, genome: Any) -> Any:
        return genome

    def score(self, phenotype: Any, context: Any) -> Mapping[str, float]:
        digits = [int(digit) for digit in phenotype.key() if digit.isdigit()]
        return {"loss": sum((digit - 2.5) ** 2 for digit in digits) / 7.0, "size": float(phenotype.parameters)}


def _neat(population: bool) -> dict[str, Any]:
    return {"space": NeatSpace(inputs=2, outputs=1), "fitness": Xor(population), "strategy": strategies.Neat(population=20)}


def _lemonade() -> dict[str, Any]:
    space = NetworkSpace((8,), outputs=3, starter_parameters=(50, 2000), max_parameters=5_000)
    made = strategies.Lemonade(population=4, proposals=8, accepted=4)
    return {"space": space, "fitness": TinyTask(), "strategy": made, "estimation": TinyTraining()}


SEARCHES: dict[str, Callable[[], dict[str, Any]]] = {
    "neat": lambda: _neat(False),
    "neat_population": lambda: _neat(True),
    "nsga2": lambda: {"space": CellSpace(), "fitness": Digits(), "strategy": strategies.Nsga2(population=10)},
    "once": lambda: {
        "space": CellSpace(),
        "fitness": Digits(),
        "strategy": strategies.RegularizedEvolution(population=10, sample=3),
        "once": True,
    },
    "champions": lambda: {
        "space": CellSpace(), "fitness": Digits(), "strategy": strategies.Nsga2(population=10), "record": "champions",
    },
    "lemonade": _lemonade,
    "asynchronous": lambda: {
        "space": CellSpace(), "fitness": Digits(), "strategy": strategies.Nsga2(population=10), "schedule": "asynchronous",
    },
}  # fmt: skip


def search(name: str, folder: Path, evaluations: int) -> ne.Run:
    return ne.evolve(budget=ne.Budget(evaluations=evaluations), seed=3, run=folder, progress=False, **SEARCHES[name]())


def described(run: ne.Run) -> dict[str, Any]:
    """What is compared."""
    rows = [[i.id, i.parents, i.operators, i.status, [f"{value:.6g}" for value in i.fitness.values]] for i in run]
    return {
        "evaluations": run.evaluations,
        "individuals": len(rows),
        "front": [individual.id for individual in run.front],
        "digest": hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16],
    }


if __name__ == "__main__":
    target = Path(sys.argv[1])
    expected = {}
    for name in SEARCHES:
        stopped = described(search(name, target / name, STOPPED))
        expected[name] = {"stopped": stopped, "whole": described(search(name, target / "whole" / name, WHOLE))}
    (target / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
