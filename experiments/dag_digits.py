"""Graphs of layers on the handwritten digits: the paper's own protocol, then evolution (Irwin-Harris, Sun, Xue & Zhang 2019).

The paper tests its encoding by random search: 200 random graphs are trained on 10 % of CIFAR-10, and the best three are trained again on all of
it. Here `--random` graphs are trained on 10 % of the digits' training part, and the best three by validation error again on all of it.
Evolution, which the paper names as future work, follows: regularized evolution (Real et al. 2019) with our mutations, children starting from
their parent's weights, `--evaluations` networks, each network trained once.

Errors are shares of wrong answers. Networks are chosen by validation error (ties by validation loss); the test part is looked at once for
each that is reported. A seed takes a few minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import neuroevo as ne
from genomes import DagSpace
from neuroevo import strategies
from neuroevo.core.individual import DONE
from neuroevo.deploy import train_to_the_end
from neuroevo.estimation import FullTraining, LowFidelity

SPACE = DagSpace((8, 8, 1), 10, min_nodes=3, max_nodes=6, widths=(8, 16, 24), kernels=(1, 3))
BEST = 3


def random_protocol(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The paper's protocol."""
    task = ne.tasks.Classification("digits", objectives=("error", "loss"), seed=seed)
    run = ne.evolve(
        SPACE,
        task,
        strategy=strategies.RandomSearch(),
        once=True,
        estimation=LowFidelity(epochs=options.short_epochs, data=options.share),
        budget=ne.Budget(evaluations=options.random),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"dag-random-{seed}",
    )
    best = sorted((i for i in run if i.status == DONE), key=lambda i: (i.fitness.values, i.id))[:BEST]
    tests = [train_to_the_end(i.genome, task, epochs=options.retrain_epochs, seed=seed).after["error"] for i in best]
    return {"random_best_test_error": tests[0], "random_three_test_errors": tests}


def evolution(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Regularized evolution of trained graphs."""
    task = ne.tasks.Classification("digits", objectives=("error", "loss"), seed=seed)
    run = ne.evolve(
        SPACE,
        task,
        strategy=strategies.RegularizedEvolution(population=12, sample=4, batch=4, inheritance="lamarckian"),
        once=True,
        estimation=FullTraining(epochs=options.epochs),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"dag-evolution-{seed}",
    )
    best = run.best
    return {
        "evaluations": run.evaluations,
        "failures": run.failures,
        "validation_error": best.values["error"],
        "test_error": task.test_scores(best.model())["error"],
        "parameters": best.genome.parameters,
        "nodes": len(best.genome.nodes),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--random", type=int, default=40, help="random graphs; 0 leaves the paper's protocol out")
    parser.add_argument("--share", type=float, default=0.1, help="share of the training part that these are trained on")
    parser.add_argument("--short-epochs", type=int, default=40, help="epochs on that share")
    parser.add_argument(
        "--retrain-epochs", type=int, default=40, help="epochs of the best three on all training and validation samples"
    )
    parser.add_argument("--evaluations", type=int, default=60, help="networks that evolution trains")
    parser.add_argument("--epochs", type=int, default=15, help="epochs of each of these")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs = []
    for seed in seeds:
        start = time.monotonic()
        found: dict[str, Any] = {"seed": seed}
        if options.random:
            found |= random_protocol(seed, options)
        found |= evolution(seed, options)
        found["seconds"] = time.monotonic() - start
        runs.append(found)
        print(json.dumps(found), flush=True)
    ours = {
        f"mean_{name}": statistics.fmean(run[name] for run in runs) for name in ("test_error", "validation_error", "parameters")
    }
    if options.random:
        ours["mean_random_best_test_error"] = statistics.fmean(run["random_best_test_error"] for run in runs)
    for name, value in ours.items():
        print(f"{name:32s} {value:.4f}")
    if options.json:
        report = {
            "method": "the DAG encoding: random search, and regularized evolution with inheritance",
            "paper": "Irwin-Harris, Sun, Xue & Zhang 2019; Real et al. 2019",
            "settings": {"space": SPACE.to_dict(), **{k: v for k, v in vars(options).items() if k not in ("json", "run")}},
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
