"""LEMONADE on scikit-learn's handwritten digits: a front of (validation error, parameters), weights inherited (Elsken, Metzen & Hutter 2019).

The paper's loop: parents drawn from thinly populated regions of the cheap objective, children by network operators, accepted again by
density, trained a little from inherited weights; the population is the Pareto front. Prints the front with its test scores (taken once, at the
end), and how children scored right after inheriting, next to their parents: children of exact operators should score what their parents did.
The paper works on CIFAR-10 for 80 GPU-days, so no figure of it applies here. Takes about 5 minutes a seed on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

import neuroevo as ne
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.inheritance import inheritance_report, inheritance_table
from neuroevo.report.text import run_json, run_table

SMALL = 1_000  # parameters


def search(seed: int, options: argparse.Namespace, folder: Path) -> dict[str, float]:
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=seed)
    run = ne.evolve(
        task.default_space(),
        task,
        strategy=ne.strategies.Lemonade(
            population=options.population,
            proposals=4 * options.accepted,
            accepted=options.accepted,
            inheritance=options.inheritance,
        ),
        estimation=FullTraining(distil=options.distil),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=folder / f"digits-{seed}",
    )
    finish(run)
    print(run_table(run))
    print(inheritance_table(run))
    _, exact = inheritance_report(run)
    front = run_json(run)["front"]
    best = min(front, key=lambda member: (member["validation"]["error"], member["parameters"]))
    small = [member for member in front if member["parameters"] < SMALL]
    return {
        "seed": seed,
        "test_error": best["test"]["error"],
        "parameters": best["parameters"],
        "small_test_error": min(small, key=lambda member: member["validation"]["error"])["test"]["error"]
        if small
        else float("nan"),
        "front": len(front),
        "exact_children": exact.children if exact else 0,
        "exact_children_near": exact.near if exact else float("nan"),
        "largest_loss": exact.largest_loss if exact else float("nan"),
        "seconds": run.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--evaluations", type=int, default=100, help="networks trained, the first population included")
    parser.add_argument("--population", type=int, default=8, help="networks trained from scratch at first")
    parser.add_argument("--accepted", type=int, default=8, help="children trained a generation, of four times as many proposals")
    parser.add_argument("--distil", type=int, default=1, help="epochs of distillation after an operator that is not exact")
    parser.add_argument("--inheritance", choices=("lamarckian", "none"), default="lamarckian")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    with tempfile.TemporaryDirectory() as temporary:
        runs = [search(seed, options, options.run or Path(temporary)) for seed in seeds]
    ours = {f"mean_{name}": statistics.fmean(run[name] for run in runs) for name in ("test_error", "small_test_error")}
    children = sum(run["exact_children"] for run in runs)
    near = sum(run["exact_children"] * run["exact_children_near"] for run in runs if run["exact_children"])
    ours["exact_children_near"] = near / children if children else float("nan")
    print(
        f"\nmean of {len(runs)} seeds: test error of the network with the best validation error {ours['mean_test_error']:.2%}, ",
        end="",
    )
    print(f"of the best under {SMALL:,} parameters {ours['mean_small_test_error']:.2%}")
    print(
        f"children of exact operators within 0.2 points of their parent right after inheriting: {ours['exact_children_near']:.1%}"
    )
    if options.json:
        names = ("evaluations", "population", "accepted", "distil", "inheritance")
        report = {
            "method": "LEMONADE on digits",
            "paper": "Elsken, Metzen & Hutter 2019",
            "settings": {name: getattr(options, name) for name in names},
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
