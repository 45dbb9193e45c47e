"""Whether a child gets worse before it gets better: validation scores of children that inherited their parent's function exactly, right after
inheriting, after their first epoch, and at the end.

NSGA-II with Lamarckian inheritance (error or mean absolute error, and parameters) on each data set; every child that only exact operators made
and whose parent was trained as it is. A child is near its parent where its accuracy is at least 0.95 times the parent's, or its mean absolute error at
most 1.05 times. Beside it the hypervolume that the search ends with, since a child that does not move cannot get worse: of error (of the majority
class, or of the mean) and log10 of the parameters from 10 to 10^5.

`--recipes` compares how children are trained: RATE/WARMUP each, the highest learning rate and the epochs in which it is reached. Settings are
chosen on seeds from 101 on.
"""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from genomes.network.operators import EXACT
from neuroevo.estimation.training import INHERITED, FullTraining
from neuroevo.selection.indicators import hypervolume
from neuroevo.strategies import Nsga2

REGRESSIONS = ("diabetes",)


def task_of(data: str, seed: int) -> Any:
    if data in REGRESSIONS:
        return ne.tasks.Regression(data, objectives=("mae", "parameters"), seed=seed)
    return ne.tasks.Classification(data, objectives=("error", "parameters"), seed=seed)


def worst_of(task: Any) -> float:
    """The score of who always says the same."""
    y = task.dataset.validation.y
    if task.selection == "mae":
        return float(np.abs(y - np.median(task.dataset.train.y)).mean())
    return float(1 - np.bincount(y.astype(int)).max() / len(y))


def volume(run: ne.Run, task: Any) -> float:
    worst = worst_of(task)
    costs = [[one.values[task.selection] / worst, (np.log10(max(10, one.values["parameters"])) - 1) / 4] for one in run if one.status == "done"]
    return hypervolume(costs, (1.0, 1.0))


def near(score: float, parent: float, selection: str) -> bool:
    return score <= 1.05 * parent if selection == "mae" else 1 - score >= 0.95 * (1 - parent)


def children(run: ne.Run, selection: str) -> list[dict[str, float]]:
    known, found = {one.id: one for one in run}, []
    for one in run:
        parent = known.get(one.parents[0]) if len(one.parents) == 1 else None
        curve = (one.info or {}).get("curve")
        if parent is None or curve is None or "inherited" not in one.info or not EXACT.issuperset(one.operators) or curve["epochs"][0] != 1:
            continue
        found.append(
            {"parent": parent.values[selection], "inherited": one.info["inherited"][selection], "first": curve[selection][0], "last": one.values[selection]}
        )
    return found


def search(data: str, seed: int, recipe: str, options: argparse.Namespace) -> dict[str, Any]:
    rate, warmup = map(float, recipe.split("/"))
    task = task_of(data, seed)
    run = ne.evolve(
        task.default_space(),
        task,
        strategy=Nsga2(population=12, inheritance="lamarckian"),
        estimation=FullTraining(inherited=replace(INHERITED, learning_rate=rate, warmup=warmup), curve=100),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{data}-{recipe.replace('/', '-')}-{seed}",
        progress=False,
    )
    found = children(run, task.selection)
    return {
        "data": data, "seed": seed, "recipe": recipe, "children": len(found), "hypervolume": volume(run, task),
        **{name: statistics.mean(near(one[name], one["parent"], task.selection) for one in found) for name in ("inherited", "first", "last")},
        "better": statistics.mean(one["last"] < one["parent"] for one in found),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits", "mnist1d", "breast_cancer", "diabetes"])
    parser.add_argument("--recipes", nargs="+", default=[f"{INHERITED.learning_rate:g}/{INHERITED.warmup:g}"], help="RATE/WARMUP")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds, runs, ours = range(options.first_seed, options.first_seed + options.seeds), [], dict[str, float]()
    print(f"{'data':15s}{'recipe':>10s}{'children':>10s}   near the parent: {'inherited':>9s}{'first':>8s}{'last':>8s}{'better':>9s}{'hypervolume':>13s}")
    for data in options.data:
        for recipe in options.recipes:
            each = [search(data, seed, recipe, options) for seed in seeds]
            runs += each
            total = sum(one["children"] for one in each)
            share = {name: sum(one[name] * one["children"] for one in each) / total for name in ("inherited", "first", "last", "better")}
            mean = statistics.mean(one["hypervolume"] for one in each)
            print(
                f"{data:15s}{recipe:>10s}{total:10d}{'':20s}{share['inherited']:9.3f}{share['first']:8.3f}{share['last']:8.3f}{share['better']:9.3f}{mean:13.3f}",
                flush=True,
            )
            if recipe == options.recipes[0]:
                ours |= {f"near_{name}_{data}": value for name, value in share.items()} | {f"hypervolume_{data}": mean, f"children_{data}": total}
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name not in ("json", "run")}
        options.json.write_text(json.dumps({"method": "first epoch", "settings": settings, "seeds": list(seeds), "ours": ours, "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
