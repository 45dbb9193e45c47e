"""Controllers that design networks for the handwritten digits, each on the space that it was published with, trained for real.

`zoph`: chains of convolutions with skips, an LSTM and REINFORCE with the cube of the accuracy (Zoph & Le 2017). `metaqnn`: stacks of
convolution, pooling and dense layers, Q-learning (Baker et al. 2017). `nasnet`: normal and reduction cells of blocks, an LSTM and PPO (Zoph et al.
2018). Beside each stand random search and NSGA-II on the same space at equally many networks of equally many epochs, from scratch as in the
papers. Learning rates and the epsilon schedule are higher and shorter than the papers', whose searches took 2,700 to 20,000 networks.

The network is chosen by validation error (ties by validation loss) and tested once. `first 20` and `last 20` are mean validation errors of
the networks in the order of asking: a controller that learns has the second below the first. A seed of all nine searches takes about 15 minutes on
2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import neuroevo as ne
from genomes import CellSpace, ChainSpace, Space, StackSpace
from neuroevo import strategies
from neuroevo.estimation import FullTraining
from neuroevo.strategies import Power, QLearning, Reinforce

SHAPE, CLASSES = (8, 8, 1), 10
SPACES: dict[str, Callable[[], Space]] = {
    "zoph": lambda: ChainSpace(SHAPE, CLASSES, min_layers=2, max_layers=5, widths=(8, 16, 24), kernels=(1, 3, 5), strides=(1, 2)),
    "metaqnn": lambda: StackSpace.for_data(SHAPE, CLASSES),
    "nasnet": lambda: CellSpace("nasnet", 2, SHAPE, CLASSES, channels=6, repeats=1, stages=2),
}
CONTROLLERS: dict[str, Callable[[], strategies.Strategy]] = {
    "zoph": lambda: Reinforce(policy="lstm", learning_rate=0.03, batch=2, reward=Power(3, last=5)),
    "metaqnn": lambda: QLearning(alpha=0.1, shaping="equal", batch=2, schedule=((1.0, 20), (0.5, 10), (0.3, 10), (0.1, 20))),
    "nasnet": lambda: Reinforce(
        policy="lstm", rule="ppo", hidden=100, layers=1, initial=0.1, learning_rate=0.005, batch=4, passes=6, baseline=0.95,
        entropy=1e-5, attention="none",
    ),
}  # fmt: skip
PUBLISHED = {
    "zoph": "Zoph & Le 2017: CIFAR-10 5.50 %",
    "metaqnn": "Baker et al. 2017: MNIST 0.41 %",
    "nasnet": "Zoph et al. 2018: CIFAR-10 3.41 %",
}
EPOCHS = {"zoph": 15, "metaqnn": 15, "nasnet": 6}  # of a network; cells learn faster and cost more
METHODS = ("controller", "random_search", "nsga2")


def strategy(space: str, method: str) -> strategies.Strategy:
    if method == "controller":
        return CONTROLLERS[space]()
    return strategies.Nsga2(population=12, inheritance="none") if method == "nsga2" else strategies.RandomSearch(batch=4)


def search(space: str, method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    start = time.monotonic()
    task = ne.tasks.Classification(options.data, objectives=("error", "loss"), seed=seed)
    run = ne.evolve(
        SPACES[space](),
        task,
        strategy=strategy(space, method),
        estimation=FullTraining(epochs=options.epochs or EPOCHS[space]),
        budget=ne.Budget(evaluations=options.evaluations),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{space}-{method}-{seed}",
    )
    best, found = run.best, list(run)
    errors = [one.values["error"] for one in found if one.status == "done"]
    return {
        "space": space,
        "method": method,
        "seed": seed,
        "failures": run.failures,
        "validation_error": best.values["error"],
        "test_error": task.test_scores(best.model())["error"],
        "parameters": best.genome.parameters,
        "first_20": statistics.fmean(errors[:20]),
        "last_20": statistics.fmean(errors[-20:]),
        "seconds": time.monotonic() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="digits")
    parser.add_argument("--spaces", nargs="*", choices=list(SPACES), default=list(SPACES))
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--evaluations", type=int, default=60)
    parser.add_argument("--epochs", type=int, help=f"of a network; by default {EPOCHS}")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs, ours = [], {}
    screen = Table("space", "method", "test error", "mean", "parameters", "first 20", "last 20", "seconds")
    for space in options.spaces:
        for method in options.methods:
            found = [search(space, method, seed, options) for seed in seeds]
            runs.extend(found)
            for name in ("test_error", "validation_error", "parameters", "first_20", "last_20"):
                ours[f"{space}_{method}_{name}"] = statistics.fmean(one[name] for one in found)
            print(json.dumps(found), flush=True)
            screen.add_row(
                space,
                method,
                ", ".join(f"{100 * one['test_error']:.2f} %" for one in found),
                f"{100 * ours[f'{space}_{method}_test_error']:.2f} %",
                ", ".join(f"{one['parameters']:,}" for one in found),
                f"{100 * ours[f'{space}_{method}_first_20']:.2f} %",
                f"{100 * ours[f'{space}_{method}_last_20']:.2f} %",
                f"{sum(one['seconds'] for one in found):.0f}",
            )
    Console(width=130).print(screen)
    if options.json:
        report = {
            "method": "controllers on digits: REINFORCE on chains, Q-learning on stacks, PPO on NASNet's cells",
            "paper": "Zoph & Le 2017; Baker et al. 2017; Zoph et al. 2018",
            "settings": {
                **{f"{space}_space": SPACES[space]().to_dict() for space in options.spaces},
                **{f"{space}_strategy": CONTROLLERS[space]().settings() for space in options.spaces},
                "epochs_by_default": EPOCHS,
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
