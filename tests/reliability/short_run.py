"""A search of a few seconds that is killed and resumed by the tests: `python short_run.py FOLDER STRATEGY [WORKERS]`."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies

STRATEGIES = {
    "nsga2": lambda: strategies.Nsga2(population=20),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=20, sample=5),
    "random_search": lambda: strategies.RandomSearch(),
}


def fitness(genome):
    """Depends on the genome alone, and takes a millisecond."""
    time.sleep(0.001)
    digits = [int(digit) for digit in genome.table_key]
    return {"loss": sum((digit - 2.5) ** 2 for digit in digits) / 7.0, "size": float(genome.parameters)}


def search(folder: str | None, strategy: str, workers: int = 1, evaluations: int = 1500) -> ne.Run:
    objectives = {"loss": ne.minimise, "size": ne.minimise}
    return ne.evolve(
        CellSpace(),
        ne.tasks.Function(fitness, objectives, of="genome"),
        strategy=STRATEGIES[strategy](),
        budget=ne.Budget(evaluations=evaluations),
        seed=3,
        run=folder,
        workers=workers,
        progress=False,
    )


if __name__ == "__main__":
    print("started", flush=True)
    search(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1)
