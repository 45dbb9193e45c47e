"""Feature pyramids searched for scattered digits: who finds the wiring with the best average precision among equally many networks?

The space is NAS-FPN's (Ghiasi, Lin & Le 2019) on three levels: five merging cells between a small backbone and FCOS's head, about 64,000 parameters.
`fixed`: no search; the hand-made top-down pyramid (Lin et al. 2017), and NAS-FPN's published wiring mapped to three levels. `random`: random
search. `evolution`: regularized evolution whose children start from their parents' weights and are trained for half as many epochs. `ppo`: an
LSTM controller that learns by PPO, as NAS-FPN's did.

The network is chosen by validation average precision (AP, .50 to .95) and tested once on 500 images. `first 10` and `last 10` are the mean
validation APs of the networks in the order of asking. A network of 12 epochs on 1,000 images takes about a minute of a processor, a seed of all methods
with 40 networks each about two hours on one; `--methods`, `--train`, `--epochs` and `--candidates` take less. With `--run` the same command goes on
where it stopped.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import neuroevo as ne
from genomes import Genome, PyramidSpace
from neuroevo import strategies
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Evaluation, Trial
from neuroevo.data import Part, load
from neuroevo.evaluators.base import Work
from neuroevo.tasks import Context, Detection

METHODS = ("fixed", "random", "evolution", "ppo")
FIXED = ("fpn", "nas_fpn")  # the first is `ap_fixed`
PUBLISHED = {
    "nas_fpn": "Ghiasi, Lin & Le 2019: COCO AP 48.3 (7 repeats, width 384, AmoebaNet); about 10,000 networks were trained",
    "fpn_to_nas_fpn": "the same, ResNet-50 at 640 pixels (as reported by later code): 37.9 to 40.5",
}
FIRST = (1 << 61) + 1  # ids of the fixed networks' trainings


def task_of(options: argparse.Namespace, seed: int) -> Detection:
    """The task, with as many training images as are asked for."""
    task = Detection("scattered_digits", ("ap", "parameters"), seed=seed)
    data = load("scattered_digits", seed=seed)
    task.dataset = replace(data, train=Part(data.train.x[: options.train], data.train.y[: options.train]))
    return task


def strategy(method: str) -> strategies.Strategy:
    if method == "evolution":
        return strategies.RegularizedEvolution(population=10, sample=5, deduplicate="key", inheritance="lamarckian")
    if method == "ppo":
        return strategies.Reinforce(
            policy="lstm", rule="ppo", hidden=100, layers=1, initial=0.1, learning_rate=0.005, batch=4, passes=6, baseline=0.95,
            entropy=1e-5, attention="none",
        )  # fmt: skip
    return strategies.RandomSearch(batch=4)


def trained(task: Detection, genome: Genome, number: int, seed: int, epochs: int | None) -> dict[str, float]:
    """The scores of a genome's network, trained from scratch as the candidates are."""
    individual = Individual(FIRST + number, genome, [o.weight for o in task.objectives.values()], names=tuple(task.objectives))
    measured = Work(task, task.trained(epochs), Context(seed=seed))(Trial(FIRST + number, (individual,)))
    if measured.reasons:
        raise ValueError(measured.reasons[0])
    individual.take(Evaluation(FIRST + number, FIRST + number, tuple(np.asarray(measured.values)[0].tolist())), measured.artifacts[0])
    return {"validation_ap": individual.values["ap"], "test_ap": task.test_scores(individual.model())["ap"], "parameters": genome.parameters}


def fixed(seed: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    task = task_of(options, seed)
    space = task.default_space()
    assert isinstance(space, PyramidSpace)
    found = []
    for number, name in enumerate(FIXED):
        kept = options.run and options.run / f"fixed-{name}-{seed}.json"
        if kept and kept.exists():
            found.append(json.loads(kept.read_text()))
            continue
        start = time.monotonic()
        scores = trained(task, getattr(space, name)(), number, seed, options.epochs)
        found.append({"method": "fixed", "network": name, "seed": seed, **scores, "seconds": time.monotonic() - start})
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(found[-1]))
    return found


def search(method: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    start = time.monotonic()
    task = task_of(options, seed)
    run = ne.evolve(
        task.default_space(),
        task,
        strategy=strategy(method),
        estimation=task.trained(options.epochs),
        budget=ne.Budget(evaluations=options.candidates),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"{method}-{seed}",
        progress=True,
    )
    best, found = run.best, [one.values["ap"] for one in run if one.status == "done"]
    return {
        "method": method,
        "seed": seed,
        "failures": run.failures,
        "validation_ap": best.values["ap"],
        "test_ap": task.test_scores(best.model())["ap"],
        "parameters": best.genome.parameters,
        "first_10": statistics.fmean(found[:10]),
        "last_10": statistics.fmean(found[-10:]),
        "epochs": run.epochs,
        "seconds": time.monotonic() - start,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--candidates", type=int, default=40)
    parser.add_argument("--train", type=int, default=1000, help="images to train on")
    parser.add_argument("--epochs", type=int, help="of a network; by default 12 at 1,000 images, and half as many for one that inherits")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))

    runs: list[dict[str, Any]] = []
    ours: dict[str, float] = {}
    screen = Table("method", "test AP", "mean", "validation AP", "parameters", "first 10", "last 10", "seconds")
    for method in options.methods:
        for seed in seeds:
            runs += fixed(seed, options) if method == "fixed" else [search(method, seed, options)]
        for name in FIXED if method == "fixed" else (method,):
            mine = [one for one in runs if one.get("network", one["method"]) == name]
            ours[f"ap_{'fixed' if name == FIXED[0] else name}"] = statistics.fmean(one["test_ap"] for one in mine)
            screen.add_row(
                name,
                ", ".join(f"{one['test_ap']:.3f}" for one in mine),
                f"{statistics.fmean(one['test_ap'] for one in mine):.3f}",
                ", ".join(f"{one['validation_ap']:.3f}" for one in mine),
                ", ".join(f"{one['parameters']:,}" for one in mine),
                ", ".join(f"{one['first_10']:.3f}" for one in mine if "first_10" in one),
                ", ".join(f"{one['last_10']:.3f}" for one in mine if "last_10" in one),
                f"{sum(one['seconds'] for one in mine):.0f}",
            )
    Console(width=130).print(screen)
    if options.json:
        report = {
            "method": "feature pyramids for scattered digits: a fixed one, random search, evolution with inheritance, PPO",
            "paper": "Ghiasi, Lin & Le 2019 (NAS-FPN)",
            "settings": {name: value for name, value in vars(options).items() if name not in ("json", "run")},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
