"""LEMONADE on its second space: cells (Elsken, Metzen & Hutter 2019, section 4).

The paper searches networks as wholes ("search space I") and normal and reduction cells ("search space II"). Here LEMONADE evolves NASNet's or
DARTS's cells, or NAS-Bench-201's, stacked into a small network for the digits, for validation error and parameters. Children start from
their parents' weights by historical marking (the paper's operators keep or nearly keep the function; here a new operation beside others starts closed,
one in the place of a skip as the identity). Random search gets as many evaluations, each from scratch. The measure is the hypervolume of
(validation error, log10 parameters) with the reference point (0.2, 10**5.5) and the ideal point (0, 10**3); 1 is the whole box.

A seed takes a few minutes on 2 cores with the default cells.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.core.individual import DONE
from neuroevo.estimation import FullTraining

NODES = {"nasbench201": 4, "nasnet": 2, "darts": 2}
IDEAL, REFERENCE = np.array([0.0, 3.0]), np.array([0.2, 5.5])
METHODS = {
    "lemonade": lambda: strategies.Lemonade(population=8, proposals=32, accepted=8),
    "random_search": lambda: strategies.RandomSearch(),
}


def search(method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    start = time.monotonic()
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=seed)
    run = ne.evolve(
        CellSpace(options.cells, NODES[options.cells], (8, 8, 1), 10, channels=options.channels, repeats=1, stages=2),
        task,
        strategy=METHODS[method](),
        once=True,
        estimation=FullTraining(epochs=options.epochs),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{method}-{options.cells}-{seed}",
    )
    points = np.array([[i.values["error"], np.log10(i.values["parameters"])] for i in run if i.status == DONE])
    best = run.best
    return {
        "method": method,
        "seed": seed,
        "evaluations": run.evaluations,
        "failures": run.failures,
        "hypervolume": hypervolume(points),
        "front": [[i.values["error"], int(i.values["parameters"])] for i in run.front],
        "best_validation_error": best.values["error"],
        "best_test_error": task.test_scores(best.model())["error"],
        "seconds": time.monotonic() - start,
    }


def hypervolume(points: np.ndarray) -> float:
    import moocore

    return float(moocore.hypervolume((points - IDEAL) / (REFERENCE - IDEAL), ref=np.ones(2)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cells", choices=list(NODES), default="darts")
    parser.add_argument("--channels", type=int, default=8, help="filters of the first stage")
    parser.add_argument("--evaluations", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs = []
    for seed in seeds:
        for method in METHODS:
            runs.append(search(method, seed, options))
            print(json.dumps(runs[-1]), flush=True)
    ours = {}
    for method in METHODS:
        mine = [run for run in runs if run["method"] == method]
        for name in ("hypervolume", "best_test_error"):
            ours[f"{method}_mean_{name}"] = statistics.fmean(run[name] for run in mine)
    pairs = zip(*[[run["hypervolume"] for run in runs if run["method"] == method] for method in METHODS], strict=True)
    ours["lemonade_wins"] = sum(a > b for a, b in pairs)
    for name, value in ours.items():
        print(f"{name:32s} {value:.4f}")
    if options.json:
        report = {
            "method": f"LEMONADE on cells ({options.cells}), and random search",
            "paper": "Elsken, Metzen & Hutter 2019",
            "settings": {
                **{key: value for key, value in vars(options).items() if key not in ("json", "run")},
                "ideal": IDEAL.tolist(),
                "reference": REFERENCE.tolist(),
                **{method: make().settings() for method, make in METHODS.items()},
            },
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
