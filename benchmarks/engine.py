"""What the engine costs an evaluation: one evaluation of a trivial fitness, in memory and with the store.

Searches the NAS-Bench-201 cells with a fitness that costs about a microsecond, so that all the time is the engine's: births, trials,
evaluation, recording, selection. The targets are 0.3 ms in memory and 1 ms with the store. Takes about 20 seconds on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies


def fitness(genome) -> dict[str, float]:
    return {"loss": float(sum(genome.decisions)), "size": float(genome.parameters)}


def milliseconds(strategy, evaluations: int, seed: int, folder: Path | None) -> float:
    start = time.perf_counter()
    ne.evolve(
        CellSpace(),
        ne.tasks.Function(fitness, {"loss": ne.minimise, "size": ne.minimise}, of="genome"),
        strategy=strategy,
        budget=ne.Budget(evaluations=evaluations),
        seed=seed,
        run=folder,
        progress=False,
    )
    return 1e3 * (time.perf_counter() - start) / evaluations


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=5000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    made = {
        "random search": lambda: strategies.RandomSearch(),
        "regularized evolution": lambda: strategies.RegularizedEvolution(),
        # without deduplication: this fitness has one best cell, around which there would soon be no new cell to find
        "NSGA-II": lambda: strategies.Nsga2(population=50, deduplicate="none"),
    }
    milliseconds(made["NSGA-II"](), 200, 0, None)  # imports and first calls
    ours = {}
    print(f"{'strategy':24s}{'in memory':>14s}{'with store':>14s}   (ms an evaluation, median of {options.seeds})")
    for name, make in made.items():
        memory, stored = [], []
        for seed in range(options.seeds):
            memory.append(milliseconds(make(), options.evaluations, seed, None))
            with tempfile.TemporaryDirectory() as folder:
                stored.append(milliseconds(make(), options.evaluations, seed, Path(folder) / "run"))
        key = name.replace(" ", "_").replace("-", "").lower()
        ours[f"{key}_memory_ms"], ours[f"{key}_store_ms"] = statistics.median(memory), statistics.median(stored)
        print(f"{name:24s}{ours[f'{key}_memory_ms']:14.3f}{ours[f'{key}_store_ms']:14.3f}")
    if options.json:
        report = {"method": "engine overhead", "settings": {"evaluations": options.evaluations}, "seeds": options.seeds, "ours": ours}
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
