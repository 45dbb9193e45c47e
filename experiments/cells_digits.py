"""Cells on the handwritten digits: regularized evolution of NAS-Bench-201's, NASNet's or DARTS's cells (Real et al. 2019; Dong & Yang 2020).

Cells are stacked into a small network (two stages, few filters) and trained for a few epochs; a child starts from its parent's weights:
the same operation on the same edge is the same gene. Isomorphic cells are trained once. The network is chosen by validation error (ties by
validation loss) and tested once. A seed takes a few minutes on 2 cores with the default cells.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.estimation import FullTraining

NODES = {"nasbench201": 4, "nasnet": 2, "darts": 2}


def space(options: argparse.Namespace) -> CellSpace:
    return CellSpace(
        options.cells, NODES[options.cells], (8, 8, 1), 10, channels=options.channels, repeats=options.repeats, stages=2
    )


def search(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    start = time.monotonic()
    task = ne.tasks.Classification("digits", objectives=("error", "loss"), seed=seed)
    run = ne.evolve(
        space(options),
        task,
        strategy=strategies.RegularizedEvolution(population=12, sample=4, batch=4, inheritance="lamarckian"),
        once=True,
        estimation=FullTraining(epochs=options.epochs),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{options.cells}-{seed}",
    )
    best = run.best
    return {
        "seed": seed,
        "evaluations": run.evaluations,
        "failures": run.failures,
        "validation_error": best.values["error"],
        "test_error": task.test_scores(best.model())["error"],
        "parameters": best.genome.parameters,
        "cell": best.genome.genes(),
        "seconds": time.monotonic() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cells", choices=list(NODES), default="nasbench201")
    parser.add_argument("--channels", type=int, default=8, help="filters of the first stage")
    parser.add_argument("--repeats", type=int, default=1, help="cells a stage")
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs = []
    for seed in seeds:
        runs.append(search(seed, options))
        print(json.dumps(runs[-1]), flush=True)
    ours = {
        f"mean_{name}": statistics.fmean(run[name] for run in runs) for name in ("test_error", "validation_error", "parameters")
    }
    for name, value in ours.items():
        print(f"{name:24s} {value:.4f}")
    if options.json:
        report = {
            "method": f"cells ({options.cells}), regularized evolution with inheritance",
            "paper": "Real et al. 2019; Dong & Yang 2020; Zoph et al. 2018; Liu, Simonyan & Yang 2019",
            "settings": {
                "space": space(options).to_dict(),
                **{k: v for k, v in vars(options).items() if k not in ("json", "run")},
            },
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
