"""Small searches whose course is on file: `python tests/golden/searches.py` writes `searches.json` anew.

Each is described by its ancestry and its fitness; a change that is meant to change neither must leave the file as it is. Values are kept
to six digits, so that another machine's last bit does not matter.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from genomes import CellSpace, CppnGenome, CppnSpace, EvolvableSubstrate, NeatSpace, NetworkSpace
from neuroevo import strategies
from neuroevo.simulators import Retina

FILE = Path(__file__).with_name("searches.json")
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
Y = np.array([0, 1, 1, 0], dtype=float)


@ne.population_fitness
def xor(population: Any) -> Any:
    return (4 - np.abs(population(X)[:, :, 0] - Y).sum(axis=1)) ** 2


def xor_of_one(network: Any) -> float:
    return float((4 - np.abs(network(X)[:, 0] - Y).sum()) ** 2)


def cell_scores(genome: Any) -> dict[str, float]:
    digits = [int(digit) for digit in genome.table_key]
    return {"loss": sum((digit - 2.5) ** 2 for digit in digits) / 7.0, "size": float(genome.parameters)}


def layer_scores(genome: Any) -> dict[str, float]:
    """A number that depends on the layers, where training would be: any machine gives the same."""
    digest = hashlib.sha256(json.dumps(genome.genes()).encode()).digest()
    return {"error": digest[0] / 256, "parameters": float(genome.parameters)}


def neat() -> ne.Run:
    return ne.evolve(
        NeatSpace(inputs=2, outputs=1), xor, population=100, seed=1, budget=ne.Budget(generations=12), progress=False
    )


def neat_one_by_one() -> ne.Run:
    space = NeatSpace(inputs=2, outputs=1, recurrent=True)
    return ne.evolve(space, xor_of_one, population=60, seed=2, budget=ne.Budget(generations=8), progress=False)


def _cells(strategy: Any, seed: int, evaluations: int, **options: Any) -> ne.Run:
    task = ne.tasks.Function(cell_scores, {"loss": ne.minimise, "size": ne.minimise}, of="genome")
    budget = ne.Budget(evaluations=evaluations)
    return ne.evolve(CellSpace(), task, strategy=strategy, seed=seed, budget=budget, progress=False, **options)


def nsga2() -> ne.Run:
    return _cells(strategies.Nsga2(population=20), 3, 300)


def nsga2_species() -> ne.Run:
    return _cells(strategies.Nsga2(population=20, speciation=4), 4, 200)


def nsga3() -> ne.Run:
    return _cells(strategies.Nsga3(population=20), 5, 200)


def regularized_evolution() -> ne.Run:
    return _cells(strategies.RegularizedEvolution(population=20, sample=5), 6, 150)


def asynchronous() -> ne.Run:
    return _cells(strategies.Nsga2(population=20), 7, 150, schedule="asynchronous")


def lemonade() -> ne.Run:
    task = ne.tasks.Function(
        layer_scores, {"error": ne.minimise, "parameters": ne.Objective("parameters", "minimise", log=True)}, of="genome"
    )
    made = strategies.Lemonade(population=8, proposals=24, accepted=8)
    space = NetworkSpace((8, 8, 1), outputs=10)
    return ne.evolve(space, task, strategy=made, seed=8, budget=ne.Budget(evaluations=80), progress=False)


def es_hyperneat() -> ne.Run:
    substrate = EvolvableSubstrate(
        inputs=[(x, -1.0, z) for x, z in Retina.places], outputs=[(-0.5, 1.0, 0.0), (0.5, 1.0, 0.0)],
        hidden=((-1.0, 1.0), (-1.0, 1.0), (0.0, 0.0)), initial_depth=2, maximum_depth=3, leo=True, bias=True, forward="y",
    )  # fmt: skip
    space = CppnSpace(substrate=substrate, activations=("gaussian", "sine", "tanh", "absolute", "identity"))
    seed: CppnGenome = space.seed(
        [("x1", "near", 1.0), ("x2", "near", -1.0), ("near", "leo", 1.0), ("bias", "leo", -0.7), ("y1", "weight", 1.0)],
        {"near": "gaussian"},
    )
    made = strategies.Neat(population=60, initial=[seed], target_species=8, threshold=2.0)
    return ne.evolve(space, Retina(), strategy=made, seed=9, budget=ne.Budget(generations=5), progress=False)


SEARCHES: dict[str, Callable[[], ne.Run]] = {
    search.__name__: search
    for search in (
        neat, neat_one_by_one, nsga2, nsga2_species, nsga3, regularized_evolution, asynchronous, lemonade, es_hyperneat,
    )
}  # fmt: skip


def described(run: ne.Run) -> dict[str, Any]:
    """What is compared: counts, the front, and digests of everybody's ancestry and fitness."""
    individuals = list(run)
    ancestry = [[i.id, list(i.parents), list(i.operators), i.generation] for i in individuals]
    fitness = [[i.id, [f"{value:.6g}" for value in i.fitness.values]] for i in individuals]
    return {
        "evaluations": run.evaluations,
        "generation": run.generation,
        "ended": run.ended,
        "front": [i.id for i in run.front],
        "best": [f"{value:.6g}" for value in run.best.fitness.values],
        "ancestry": _digest(ancestry),
        "fitness": _digest(fitness),
    }


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


if __name__ == "__main__":
    FILE.write_text(json.dumps({name: described(search()) for name, search in SEARCHES.items()}, indent=1) + "\n")
    sys.stdout.write(FILE.read_text())
