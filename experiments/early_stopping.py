"""Less training for the same networks: early stopping, Hyperband and ASHA beside full training, at equal training epochs.

Random search proposes everywhere, so what differs is who is trained for how long. Full training gives `--candidates` networks `--epochs` epochs each;
every other method spends as many epochs in all, on more networks. `power_law`, `domhan` and `median` are rules of `LearningCurve`, which end a
training whose curve says that it will not matter; Hyperband (Li et al. 2018), ASHA (Li et al. 2020) and successive halving (Jamieson & Talwalkar
2016) train many a little and the better ones more. The seed gives all methods the same networks in the same order.

The measure is the hypervolume of (validation error, log10 parameters) of all networks that were trained to the end so far, with the fixed reference
point (error 0.5, 10**5 parameters) and the ideal point (0, 10**2), as in `inheritance_ablation.py`.

    epoch_fraction_DATA      share of full training's epochs in which `power_law` reaches full training's final hypervolume (median over seeds)
    hypervolume_ratio_DATA   its final hypervolume to that of full training (the worst seed)
    METHOD_epoch_fraction_DATA, METHOD_hypervolume_ratio_DATA, METHOD_same_networks_DATA   of every method; the last is the ratio after the
                             networks that full training had (the worst seed), which an early stop that was wrong lowers

A fraction that is not reached is null. With --run FOLDER every search is kept, and goes on where it was: measure `--seed 1 --methods full hyperband`
first and the rest another time. Full training is always there, since the others are measured by it. On an idle core a network takes about a second to
compile and an epoch 25 ms: a minute for full training on digits, three for Hyperband, which begins four times as many networks.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import neuroevo as ne
from neuroevo import strategies
from neuroevo.estimation import Estimation, FullTraining
from neuroevo.evaluators import Serial

STRUCTURES = 48  # compiled networks that are kept, each of some 30 MB: those of a bracket
RULES = ("power_law", "domhan", "median")
ROUNDS = ("hyperband", "asha", "successive_halving")
METHODS = ("full", *RULES, *ROUNDS)
SEEDS = {"digits": 5, "mnist1d": 5}
IDEAL, REFERENCE = np.array([0.0, 2.0]), np.array([0.5, 5.0])
PAPERS = "Domhan, Springenberg & Hutter 2015; Jamieson & Talwalkar 2016; Li et al. 2018; Li et al. 2020"

Curve = list[tuple[float, float]]  # epochs spent, hypervolume


def strategy(method: str, options: argparse.Namespace) -> strategies.Strategy:
    eta, proposals = options.eta, strategies.RandomSearch(batch=1)
    rungs = 1 + math.floor(math.log(options.epochs, eta) + 1e-9)
    first = options.epochs // eta ** (rungs - 1)
    if method == "hyperband":
        return strategies.Hyperband(eta, first, options.epochs, proposals, options.schedule)
    if method == "asha":
        return strategies.Asha(eta, first, rungs, proposals, options.schedule, batch=1)
    if method == "successive_halving":
        return strategies.SuccessiveHalving(eta ** (rungs - 1), eta, first, rungs, proposals, options.schedule)
    return proposals


def estimation(method: str, training: FullTraining) -> Estimation:
    if method not in RULES:
        return training
    from neuroevo.estimation import LearningCurve

    return LearningCurve(training, rule=method)


def search(method: str, data: str, seed: int, training: FullTraining, options: argparse.Namespace) -> dict[str, Any]:
    """One search, or what is kept of it: what it found by the epochs that it had spent."""
    task = ne.tasks.Classification(data, objectives=(f"error<{REFERENCE[0]:g}", "parameters"), seed=seed)
    start = time.monotonic()
    run = ne.evolve(
        task.default_space(max_parameters=options.max_parameters, starter_parameters=(300, options.max_parameters // 2)),
        task,
        strategy=strategy(method, options),
        estimation=estimation(method, training),
        budget=ne.Budget(epochs=options.candidates * options.epochs),
        seed=seed,
        evaluator=Serial(),
        run=options.run / data / f"{method}-{seed}" if options.run else None,
        progress=False,
    )
    spent = run.records.course.spent()
    epochs_by = dict(zip(spent.trials.tolist(), np.cumsum(spent.epochs).tolist(), strict=True))
    complete = sorted((one for one in run if run.records.counts(one)), key=lambda one: one.trial or 0)
    found = [(epochs_by[one.trial], one.values["error"], one.values["parameters"]) for one in complete]
    same = [(0.0, one.values["error"], one.values["parameters"]) for one in complete if one.id < options.candidates]
    return {
        "curve": hypervolumes(found),
        "same_networks": (hypervolumes(same) or [(0.0, 0.0)])[-1][1],
        "networks": len(list(run)),
        "complete": len(complete),
        "epochs": run.epochs,
        "seconds": round(time.monotonic() - start, 1),
    }


def hypervolumes(found: list[tuple[float, float, float]]) -> Curve:
    """The hypervolume after every network that was trained to the end."""
    import moocore

    points, curve = [], []
    for spent, error, parameters in found:
        points.append((np.array([error, np.log10(parameters)]) - IDEAL) / (REFERENCE - IDEAL))
        curve.append((spent, float(moocore.hypervolume(np.array(points), ref=np.ones(2)))))
    return curve


def searches(options: argparse.Namespace, job: tuple[str, int]) -> dict[str, dict[str, Any]]:
    """All methods on one seed of a data set: they share networks that were compiled."""
    data, seed = job
    training = FullTraining(options.epochs, curve=options.epochs, structures=STRUCTURES)
    found = {}
    for method in options.methods:
        found[method] = search(method, data, seed, training, options)
        one = found[method]
        final = one["curve"][-1][1] if one["curve"] else 0.0
        print(
            f"{data} seed {seed} {method}: {one['networks']} networks, {one['complete']} to the end, {one['epochs']:g} epochs, hypervolume "
            f"{final:.4f} ({one['seconds']:g} s)",
            flush=True,
        )
    return found


def reached(curve: Curve, target: float) -> float:
    """After how many epochs the hypervolume is there."""
    return next((spent for spent, value in curve if value >= target - 1e-12), math.inf)


def compared(found: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Every method beside full training."""
    full = found["full"]
    target = full["curve"][-1][1]
    return {
        method: {
            "epoch_fraction": reached(one["curve"], target) / full["epochs"],
            "hypervolume_ratio": (one["curve"][-1][1] if one["curve"] else 0.0) / target,
            "same_networks": one["same_networks"] / target,
        }
        for method, one in found.items()
    }


def summary(seeds: list[dict[str, dict[str, float]]], data: str) -> dict[str, float | None]:
    """The figures over the seeds of a data set."""
    ours: dict[str, float | None] = {}
    for method in seeds[0]:
        fraction = statistics.median(seed[method]["epoch_fraction"] for seed in seeds)
        ours[f"{method}_epoch_fraction_{data}"] = fraction if math.isfinite(fraction) else None
        for name in ("hypervolume_ratio", "same_networks"):
            ours[f"{method}_{name}_{data}"] = min(seed[method][name] for seed in seeds)
    if "power_law" in seeds[0]:
        for name in ("epoch_fraction", "hypervolume_ratio"):
            ours[f"{name}_{data}"] = ours[f"power_law_{name}_{data}"]
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["digits", "mnist1d"])
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seed", type=int, help="only this seed")
    parser.add_argument("--seeds", type=int, help="seeds 1 to this, of every data set; default 5")
    parser.add_argument("--candidates", type=int, default=40, help="networks that full training trains")
    parser.add_argument("--epochs", type=int, default=27, help="of a training to the end")
    parser.add_argument("--eta", type=int, default=3, help="one in so many goes on to the next rung")
    parser.add_argument(
        "--schedule", choices=("whole", "rung"), default="whole", help="what the learning rate of a rung ends with"
    )
    parser.add_argument("--max-parameters", type=int, default=20_000)
    parser.add_argument("--workers", type=int, default=1, help="seeds that are measured at once")
    parser.add_argument("--run", type=Path, help="keep the runs here; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.methods = ("full", *[method for method in METHODS if method in options.methods and method != "full"])
    seeds_of = {
        data: [options.seed] if options.seed else list(range(1, 1 + (options.seeds or SEEDS.get(data, 3))))
        for data in options.data
    }
    jobs = [(data, seed) for data, seeds in seeds_of.items() for seed in seeds]
    work = partial(searches, options)
    if options.workers > 1:
        with ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
            everything = dict(zip(jobs, pool.map(work, jobs), strict=True))
    else:
        everything = {job: work(job) for job in jobs}

    ours: dict[str, float | None] = {}
    runs = []
    for data, seeds in seeds_of.items():
        beside = [compared(everything[data, seed]) for seed in seeds]
        ours |= summary(beside, data)
        print(
            f"\n{data}, {len(seeds)} seeds: share of the epochs until full training's hypervolume (median); final ratio, and that of the same "
        )
        print("networks (the worst seeds); networks that were begun, and trained to the end (means)")
        for method in options.methods:
            fraction = ours[f"{method}_epoch_fraction_{data}"]
            counts = [
                statistics.mean(everything[data, seed][method][name] for seed in seeds) for name in ("networks", "complete")
            ]
            print(
                f"{method:>19s}   {'not reached' if fraction is None else f'{fraction:11.3f}'}   {ours[f'{method}_hypervolume_ratio_{data}']:.4f}   "
                f"{ours[f'{method}_same_networks_{data}']:.4f}   {counts[0]:6.1f} {counts[1]:6.1f}"
            )
        runs += [
            {
                "data": data,
                "seed": seed,
                "method": method,
                **one,
                **{name: _json(value) for name, value in beside[at][method].items()},
            }
            for at, seed in enumerate(seeds)
            for method, one in everything[data, seed].items()
        ]
    if options.json:
        settings = {key: value for key, value in vars(options).items() if key not in ("json", "run", "workers")}
        settings |= {"ideal": IDEAL.tolist(), "reference": REFERENCE.tolist()}
        report = {
            "method": "early stopping, Hyperband, ASHA", "paper": PAPERS, "settings": settings, "seeds": seeds_of, "published": {}, "ours": ours,
            "runs": runs,
        }  # fmt: skip
        options.json.write_text(json.dumps(report, indent=2, allow_nan=False))


def _json(value: float) -> float | None:
    return value if math.isfinite(value) else None


if __name__ == "__main__":
    main()
