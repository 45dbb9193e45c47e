"""MAP-Elites over the costs of networks, on scikit-learn's handwritten digits: the best network of every size and speed, beside NSGA-II's front at
equal epochs (Mouret & Clune 2015; Deb, Pratap, Agarwal & Meyarivan 2002).

Graphs of layers grow by morphisms and start from their parents' weights; each network is trained for the same number of epochs, and both searches
train equally many. MAP-Elites keeps, in a grid over parameters and multiply-adds (or latency: `--second latency`), both cut by their logarithm, the
network with the least validation error of each cell, and draws parents from all of these alike. NSGA-II looks for the front of error, parameters
and the second cost. What each search trained is then sorted into the same grid. Reported for both, means over seeds: cells that hold a network, the QD
score (over the cells, how far the error is below that of guessing), in how many of the cells that both filled either has the smaller error, the
hypervolume of the front (error, log parameters, log second cost, each scaled to the grid), and the test error of the network with the best
validation error. Latency depends on the machine and what else it does, and in networks as small as these is mostly the overhead of a call;
multiply-adds are not. No paper has this setting: the comparison is between the two. A seed with the default 80 networks of 8 epochs takes about eight minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import neuroevo as ne
from neuroevo.core.individual import DONE, Individual
from neuroevo.estimation import FullTraining
from neuroevo.selection.indicators import normalised_hypervolume
from neuroevo.strategies import MapElites, Nsga2, Strategy

GUESSING = 0.9  # the error of an answer at random
PARAMETERS = (100.0, 30_000.0)
SECOND = {"latency": (0.02, 2.0), "flops": (100.0, 1_000_000.0)}  # milliseconds; multiply-adds
METHODS = ("map_elites", "nsga2")


def archive(options: argparse.Namespace) -> MapElites:
    """The grid, and the search that keeps the best of each of its cells."""
    low, high = zip(PARAMETERS, SECOND[options.second], strict=True)
    return MapElites(
        low=low, high=high, axes=("parameters", options.second), cells=(options.cells,), initial=options.batch, batch=options.batch,
        crossover=0.2, deduplicate="key", inheritance="lamarckian", worst=GUESSING,
    )  # fmt: skip


def strategy(method: str, options: argparse.Namespace) -> Strategy:
    """One of the two, of equal batches."""
    if method == "map_elites":
        return archive(options)
    return Nsga2(population=options.batch, crossover=0.2, inheritance="lamarckian")


def search(method: str, seed: int, options: argparse.Namespace) -> tuple[dict[str, Any], dict[int, float]]:
    """One search; and the least error in each cell, by cell."""
    task = ne.tasks.Classification("digits", objectives=("error", "parameters", options.second), seed=seed)
    run = ne.evolve(
        task.default_space(starter_parameters=(300, 3000)),
        task,
        strategy=strategy(method, options),
        estimation=FullTraining(epochs=options.epochs),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{method}-{seed}",
        progress=False,
    )
    grid = archive(options)
    cells = grid.cut(seed, run.objectives)
    done = [one for one in run if one.status == DONE]
    best = {cell: one.values["error"] for cell, one in grid.best_of(cells, done, run.objectives).items()}
    chosen = min(done, key=lambda one: (one.fitness.values, one.id))
    return {
        "method": method,
        "seed": seed,
        "cells": len(best),
        "coverage": len(best) / cells.count,
        "qd_score": sum(GUESSING - error for error in best.values()),
        "hypervolume": normalised_hypervolume([_costs(one, options.second) for one in run.front], *_box(options.second)),
        "validation_error": chosen.values["error"],
        "test_error": task.test_scores(chosen.model())["error"],
        "trained": len(done),
        "epochs": run.epochs,
        "seconds": run.seconds,
    }, best


def _costs(one: Individual, second: str) -> list[float]:
    return [one.values["error"], math.log10(one.values["parameters"]), math.log10(one.values[second])]


def _box(second: str) -> tuple[list[float], list[float]]:
    ends = [*zip(PARAMETERS, SECOND[second], strict=True)]
    low, high = ([math.log10(end) for end in side] for side in ends)
    return [0.0, *low], [GUESSING, *high]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--second", choices=tuple(SECOND), default="flops", help="the second axis, beside parameters")
    parser.add_argument("--cells", type=int, default=8, help="on each axis")
    parser.add_argument("--evaluations", type=int, default=80, help="networks that each search trains")
    parser.add_argument("--epochs", type=int, default=8, help="of each")
    parser.add_argument("--batch", type=int, default=10, help="networks of a generation")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs, archives = [], {}
    with Progress(console=Console(stderr=True)) as progress:
        for seed, method in progress.track([(s, m) for s in seeds for m in METHODS], description="searches"):
            found, archives[seed, method] = search(method, seed, options)
            runs.append(found)
    ours: dict[str, float] = {}
    for method in METHODS:
        mine = [run for run in runs if run["method"] == method]
        for name in ("cells", "qd_score", "hypervolume", "validation_error", "test_error", "epochs"):
            ours[f"{name}_{method}"] = statistics.fmean(run[name] for run in mine)
    both = [
        (archives[s, "map_elites"][cell], archives[s, "nsga2"][cell])
        for s in seeds
        for cell in archives[s, "map_elites"].keys() & archives[s, "nsga2"].keys()
    ]
    ours |= {
        "cells_of_both": len(both) / len(seeds),
        "better_in_map_elites": sum(a < b for a, b in both) / len(seeds),
        "better_in_nsga2": sum(b < a for a, b in both) / len(seeds),
    }
    title = f"error of digits over parameters and {options.second}, {options.cells} x {options.cells} cells ({len(seeds)} seeds, means)"
    table = Table("", "MAP-Elites", "NSGA-II", title=title)
    for name in ("cells", "qd_score", "hypervolume", "validation_error", "test_error", "epochs"):
        table.add_row(name.replace("_", " "), *(f"{ours[f'{name}_{method}']:.4g}" for method in METHODS))
    table.add_row(
        f"better, of {ours['cells_of_both']:.3g} cells of both", *(f"{ours[f'better_in_{method}']:.3g}" for method in METHODS)
    )
    Console(width=120).print(table)
    if options.json:
        report = {
            "method": f"MAP-Elites over parameters and {options.second} beside NSGA-II, digits",
            "paper": "Mouret & Clune 2015; Deb, Pratap, Agarwal & Meyarivan 2002",
            "settings": {
                "map_elites": archive(options).settings(),
                "nsga2": strategy("nsga2", options).settings(),
                **{name: getattr(options, name) for name in ("evaluations", "epochs", "second")},
            },
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
