"""What `engine.py --before FOLDER` measures, in a process of its own for each build: it reads what to do, a line each, and answers in seconds.

It uses the public interface alone, so that the code of any release can be measured with it. Processor time, which other work on the machine
changes little.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

import neuroevo as ne
from genomes import CellSpace, NeatSpace
from neuroevo import strategies

MADE = {
    "random_search": lambda: strategies.RandomSearch(),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(),
    "nsga2": lambda: strategies.Nsga2(population=50, deduplicate="none"),
}


def fitness(genome) -> dict[str, float]:
    return {"loss": float(sum(genome.decisions)), "size": float(genome.parameters)}


def cells(strategy, evaluations: int, folder: Path | None) -> None:
    task = ne.tasks.Function(fitness, {"loss": ne.minimise, "size": ne.minimise}, of="genome")
    budget = ne.Budget(evaluations=evaluations)
    ne.evolve(CellSpace(), task, strategy=strategy, budget=budget, seed=1, run=folder, progress=False)


def one_by_one(network) -> float:
    return float(network([[0.0, 1.0]])[0, 0])


def neat(evaluations: int, folder: Path | None) -> None:
    budget = ne.Budget(evaluations=evaluations)
    ne.evolve(NeatSpace(inputs=2, outputs=1), one_by_one, population=100, budget=budget, seed=1, run=folder, progress=False)


def measured(what: str, evaluations: int, scratch: Path) -> float:
    """Processor seconds of one of the things that are measured."""
    name, _, where = what.partition(":")
    folder = scratch / "run" if where == "store" else None
    kept = scratch / "kept"
    if name == "open" and not kept.exists():
        cells(MADE["random_search"](), evaluations, kept)
    start = time.process_time()
    if name == "open":
        assert ne.load_run(kept, lazy=where == "lazy").evaluations == evaluations
    elif name == "neat":
        neat(evaluations, folder)
    else:
        cells(MADE[name](), evaluations, folder)
    took = time.process_time() - start
    if folder is not None:
        shutil.rmtree(folder)
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for line in sys.stdin:
            what, evaluations = json.loads(line)
            print(json.dumps(measured(what, evaluations, Path(scratch))), flush=True)


if __name__ == "__main__":
    main()
