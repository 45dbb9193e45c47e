"""AutoKeras's search over networks that morph, on digits and mnist1d: a Gaussian process of edit distances, an annealed tree of morphisms.

Jin, Song & Hu (2019): the next network is the best by the upper confidence bound among those that an A* search with simulated annealing
reaches from the trained ones by morphisms, shrinking ones too; it starts from its parent's weights. `bayesian` has the same distance with
expected improvement and a short evolution of it, so that children are a few morphisms from their parent (in AutoKeras's tree often ten: a
network far from all that were trained is uncertain, and the bound likes that). Beside them NSGA-II with the same inheritance and random search,
at equally many training epochs: as many as the first method took in all.

All minimise the validation loss. Of the networks whose weights a run keeps (the best, and those that may have children) the one with the least
validation error is chosen (ties by validation loss) and tested once. `exact children` are those
made by operators that keep the function alone, and `largest loss` the most that one of them was worse than its parent right after inheriting,
in nats. A seed of one data set takes about 10 minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import neuroevo as ne
from neuroevo import strategies
from neuroevo.estimation import FullTraining
from neuroevo.predictors import GaussianProcess
from neuroevo.report.inheritance import inheritance_report

DATA = ("digits", "mnist1d")
METHODS = ("autokeras", "bayesian", "nsga2", "random_search")
PUBLISHED = {"MNIST test error, 12 hours": 0.0055, "Fashion-MNIST": 0.0742, "CIFAR-10": 0.1144}


def strategy(method: str) -> strategies.Strategy:
    if method == "random_search":
        return strategies.RandomSearch(batch=4)
    if method == "nsga2":
        return strategies.Nsga2(population=8, inheritance="lamarckian")
    if method == "bayesian":
        return strategies.Bayesian(GaussianProcess("edit"), initial=8, inheritance="lamarckian")
    return strategies.Bayesian(
        GaussianProcess("edit"), acquisition="ucb", inner="annealed_tree", initial=8, inheritance="lamarckian"
    )


def search(data: str, method: str, seed: int, epochs: float | None, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """One search of so many training epochs, or of `options.evaluations` networks where these are None."""
    start = time.monotonic()
    task = ne.tasks.Classification(data, objectives=("loss",), seed=seed)
    run = ne.evolve(
        task.default_space(max_parameters=options.max_parameters, starter_parameters=(300, options.max_parameters // 4)),
        task,
        strategy=strategy(method),
        estimation=FullTraining(),
        budget=ne.Budget(evaluations=options.evaluations) if epochs is None else ne.Budget(epochs=epochs),
        seed=seed,
        workers=options.workers,
        run=folder / f"{data}-{method}-{seed}",
    )
    found = [one for one in run if one.status == "done"]
    best = min((one for one in found if one.keeps_weights), key=lambda one: (one.info["scores"]["error"], one.values["loss"]))
    _, exact = inheritance_report(run, score=task.selection)
    return {
        "data": data,
        "method": method,
        "seed": seed,
        "networks": len(found),
        "failures": run.failures,
        "epochs": run.epochs,
        "validation_error": best.info["scores"]["error"],
        "validation_loss": best.values["loss"],
        "test_error": task.test_scores(best.model())["error"],
        "parameters": best.genome.parameters,
        "children": sum(bool(one.parents) for one in found),
        "exact_children": exact.children if exact else 0,
        "largest_loss": exact.largest_loss if exact else None,
        "seconds": time.monotonic() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="*", default=list(DATA))
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=["autokeras", "bayesian", "nsga2"])
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3, help="seeds 1 to this")
    parser.add_argument("--evaluations", type=int, default=60, help="networks that the first method trains")
    parser.add_argument("--max-parameters", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        for data in options.data:
            for seed in seeds:
                epochs: float | None = None
                for method in options.methods:
                    runs.append(search(data, method, seed, epochs, options.run or Path(temporary), options))
                    print(json.dumps(runs[-1]), flush=True)
                    epochs = epochs if epochs is not None else runs[-1]["epochs"]
    ours: dict[str, float] = {}
    screen = Table("data", "method", "test error", "mean", "parameters", "networks", "exact children", "largest loss")
    for data in options.data:
        for method in options.methods:
            found = [one for one in runs if (one["data"], one["method"]) == (data, method)]
            ours[f"test_error_{data}_{method}"] = statistics.fmean(one["test_error"] for one in found)
            losses = [one["largest_loss"] for one in found if one["largest_loss"] is not None]
            screen.add_row(
                data,
                method,
                ", ".join(f"{100 * one['test_error']:.2f} %" for one in found),
                f"{100 * ours[f'test_error_{data}_{method}']:.2f} %",
                ", ".join(f"{one['parameters']:,}" for one in found),
                ", ".join(str(one["networks"]) for one in found),
                f"{sum(one['exact_children'] for one in found)} of {sum(one['children'] for one in found)}",
                f"{max(losses):.4f}" if losses else "-",
            )
    Console(width=140).print(screen)
    if options.json:
        report = {
            "method": "AutoKeras's search on networks that morph",
            "paper": "Jin, Song & Hu 2019",
            "settings": {
                **{f"{method}_strategy": strategy(method).settings() for method in options.methods},
                **{name: value for name, value in vars(options).items() if name not in ("json", "run")},
            },
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
