"""What a budget of a few dozen networks finds where populations follow it, beside the population that is usual for many: NSGA-II with Lamarckian
inheritance as `neuroevo search DATA --evaluations N` has it, with sizes for that budget (half of it is a random generation, then come children, a quarter at
a time), and with those for some dozens: generations of 12 (of 48 networks and more the two are the same, and so are their searches).

The measure is the hypervolume of the validation error (of the majority class, or of the mean) and log10 of the parameters, from 10 to 10^5; and how
many generations there were.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from first_epoch import task_of, volume

import neuroevo as ne
from neuroevo.run.search import strategy_by_name
from neuroevo.strategies import Strategy


def strategy_of(budget: int, follows: bool) -> Strategy:
    return strategy_by_name("nsga2", "lamarckian", evaluations=budget if follows else None)


def search(data: str, budget: int, follows: bool, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    task = task_of(data, seed)
    run = ne.evolve(
        task.default_space(),
        task,
        strategy=strategy_of(budget, follows),
        budget=ne.Budget(evaluations=budget),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{data}-{budget}-{'follows' if follows else 'usual'}-{seed}",
        progress=False,
    )
    generations = 1 + max(one.generation for one in run)
    return {"data": data, "budget": budget, "follows": follows, "seed": seed, "hypervolume": volume(run, task), "generations": generations}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["iris", "wine", "breast_cancer", "diabetes", "digits"])
    parser.add_argument("--budgets", type=int, nargs="+", default=[12, 24, 60])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds, runs, ours = range(1, options.seeds + 1), [], dict[str, float]()
    for budget in options.budgets:
        print(f"{budget} networks: hypervolume (generations) where sizes follow the budget; where they do not")
        better = 0
        for data in options.data:
            each = {True: [search(data, budget, True, seed, options) for seed in seeds]}
            each[False] = (
                [one | {"follows": False} for one in each[True]]
                if strategy_of(budget, True).settings() == strategy_of(budget, False).settings()
                else [search(data, budget, False, seed, options) for seed in seeds]
            )
            runs += [*each[True], *each[False]]
            better += sum(a["hypervolume"] > b["hypervolume"] for a, b in zip(each[True], each[False], strict=True))
            shown = [
                f"{statistics.mean(one['hypervolume'] for one in group):.3f} ({statistics.mean(one['generations'] for one in group):.1f})"
                for group in each.values()
            ]
            print(f"  {data:15s}{shown[0]:>16s}{shown[1]:>16s}", flush=True)
        of = [one for one in runs if one["budget"] == budget]
        for name, follows in (("follows", True), ("usual", False)):
            ours[f"hypervolume_{budget}_{name}"] = statistics.mean(one["hypervolume"] for one in of if one["follows"] == follows)
            ours[f"fewest_generations_{budget}_{name}"] = min(one["generations"] for one in of if one["follows"] == follows)
        ours[f"better_{budget}"] = better
        print(f"  in {better} of {len(options.data) * len(seeds)} searches better where they follow", flush=True)
    if options.json:
        settings = {name: value for name, value in vars(options).items() if name not in ("json", "run")}
        options.json.write_text(json.dumps({"method": "small budgets", "settings": settings, "seeds": list(seeds), "ours": ours, "runs": runs}, indent=2))


if __name__ == "__main__":
    main()
