"""One-shot search on NAS-Bench-201's cells: what shared weights are worth as scores, and what the methods that use them find.

Part "correlation": a supernet of 8 channels and one cell a stage is trained on real images (`--data`, at half their resolution), then 200 random
cells are scored with its weights, BatchNorm statistics taken anew for each; Spearman's rank correlation with the test accuracy in the
benchmark's table (`--table`, a CSV file: ops, one digit an edge; test accuracy; parameters; naswot; accuracy after 12 epochs), over all cells
and within the best fifth by the table, with 95 % bootstrap intervals over cells. Trainings of `--epochs` are apart, since each has its own
cosine. The same cells by parameters, naswot and 12-epoch training; and by the sum of ranks of the shared loss, of parameters and of naswot.

Part "collapse": DARTS's architecture over the epochs, on 5,000 images (`--images`): the table's test accuracy of the cell that it would take, and
the share of skips; and what each remedy ends with: an early stop by skips or by the Hessian's largest eigenvalue, a choice by perturbation,
a single path with evolution on its weights; and the other methods. All over the same seeds.

Part "chains": a shared network of chains of layers on digits: rank correlation of shared losses with the test loss of the same chains trained from
scratch, next to parameters; and the test error of the best by its shared loss, beside random search with as much time.

Part "digits": final networks of every method, trained again, from scratch and from the shared weights: test error; beside random search with
as much time, and the cell of six 3x3 convolutions.

One core takes about 3 seconds an epoch of 8,000 images (correlation), 5 for mixed operations. Runs are kept in `--run`, and the same command
again goes on.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as Screen
from scipy.stats import rankdata

import neuroevo as ne
from genomes import CellSpace, ChainSpace, Space
from neuroevo.core.trial import Result, Trial
from neuroevo.data import load
from neuroevo.data.dataset import Dataset, Part
from neuroevo.data.fidelity import resized, share_of
from neuroevo.estimation import Estimation, FullTraining, SharedTraining
from neuroevo.predictors import rank_correlation
from neuroevo.strategies import BayesNas, Darts, Enas, RandomSearch, RegularizedEvolution, SharedWeights, Xnas
from neuroevo.strategies.base import Strategy
from neuroevo.strategies.oneshot.base import OneShot

TEST, TWELVE, NASWOT, PARAMETERS = "c10_test200", "c10_val12", "naswot_c10", "params_c10"
Truth = dict[str, dict[str, float]]
# Second-hand: the test accuracy of the cells that the benchmark's authors' runs ended with.
PUBLISHED = {"darts_test_accuracy": 54.30, "enas_test_accuracy": 53.89, "random_search_with_sharing_test_accuracy": 84.07}


def read_table(path: Path) -> Truth:
    with gzip.open(path, "rt") as file:
        found = {row["ops"]: {name: float(row[name]) for name in (TEST, TWELVE, NASWOT, PARAMETERS)} for row in csv.DictReader(file)}
    lowest = min(row[NASWOT] for row in found.values() if np.isfinite(row[NASWOT]))
    for row in found.values():
        row[NASWOT] = max(row[NASWOT], lowest - 1)  # a cell without ReLUs has minus infinity: ranks are the same
    return found


def images(options: argparse.Namespace, seed: int, count: int | None) -> Dataset:
    """The data at half its resolution, with at most so many training images."""
    data = load(str(options.data), seed=seed)
    rng = np.random.default_rng(seed)
    train = data.train if count is None or count >= len(data.train) else share_of(data, data.train, count / len(data.train), rng)
    parts = {"train": train, "validation": data.validation, "test": data.test}
    halved = {name: Part(resized(part.x, options.resolution), part.y) for name, part in parts.items()}
    return Dataset(f"{data.name} at {options.resolution}", data.kind, **halved, label_names=data.label_names, normalisation=data.normalisation)


def space_of(data: Dataset, options: argparse.Namespace) -> CellSpace:
    return CellSpace("nasbench201", 4, data.input_shape, data.outputs, channels=options.channels, repeats=1)


# Correlation ------------------------------------------------------------------------------------------------------------------


def ranks(values: Sequence[float]) -> np.ndarray:
    return np.asarray(rankdata(values))


def interval(values: Sequence[float], truth: Sequence[float], draws: int = 1000) -> tuple[float, float, float]:
    """Spearman's rank correlation, and a 95 % bootstrap interval over cells."""
    first, second = np.asarray(values), np.asarray(truth)
    rows = np.random.default_rng(0).integers(len(first), size=(draws, len(first)))
    low, high = np.nanquantile([rank_correlation(first[each], second[each]) for each in rows], (0.025, 0.975))
    return rank_correlation(first, second), float(low), float(high)


def shared_scores(seed: int, training: str, epochs: int, options: argparse.Namespace) -> dict[str, Any]:
    """Cells, and their loss and error with the weights of one supernet."""
    begin = time.perf_counter()
    data = images(options, seed, options.training_images)
    strategy = SharedWeights(
        RandomSearch(batch=20, deduplicate="genome"), candidates=options.cells, finalists=0, training=training, epochs=epochs,
        learning_rate=options.learning_rate, weight_decay=options.weight_decay, shift=2, flip=True,
    )  # fmt: skip
    run = ne.evolve(
        space_of(data, options),
        ne.tasks.Classification(data, objectives=("loss", "error")),
        strategy=strategy,
        budget=ne.Budget(evaluations=options.cells),
        seed=seed,
        workers=options.workers,
        run=options.run and options.run / f"correlation-{training}-{epochs}-{seed}",
    )
    history = run.history()
    cells = [run[int(id)].genome.table_key for id in history["id"]]
    return {
        "seed": seed, "training": training, "epochs": epochs, "cells": cells, "loss": history["loss"].tolist(), "error": history["error"].tolist(),
        "seconds": run.seconds, "wall": time.perf_counter() - begin,
    }  # fmt: skip


def correlations(found: dict[str, Any], truth: Truth, fifth: bool) -> dict[str, tuple[float, float, float]]:
    """Of every score of one supernet's cells; over all cells, or within the best fifth by the table."""
    cells = found["cells"]
    test = np.array([truth[cell][TEST] for cell in cells])
    rows = np.argsort(-test)[: len(cells) // 5] if fifth else np.arange(len(cells))

    def column(name: str) -> np.ndarray:
        return np.array([truth[cell][name] for cell in cells])[rows]

    loss, error, parameters, naswot = -np.array(found["loss"])[rows], -np.array(found["error"])[rows], column(PARAMETERS), column(NASWOT)
    scores = {
        "shared loss": loss,
        "shared accuracy": error,
        "parameters": parameters,
        "naswot": naswot,
        "12 epochs": column(TWELVE),
        "loss + parameters": ranks(loss) + ranks(parameters),
        "loss + parameters + naswot": ranks(loss) + ranks(parameters) + ranks(naswot),
    }
    return {name: interval(values, test[rows]) for name, values in scores.items()}


def top_cells(found: dict[str, Any], truth: Truth) -> dict[str, float]:
    """The table's test accuracy of the cell that each score likes best."""
    loss, parameters = -np.array(found["loss"]), np.array([truth[cell][PARAMETERS] for cell in found["cells"]])
    naswot = np.array([truth[cell][NASWOT] for cell in found["cells"]])
    scores = {
        "shared loss": loss, "parameters": parameters, "naswot": naswot,
        "loss + parameters": ranks(loss) + ranks(parameters), "loss + parameters + naswot": ranks(loss) + ranks(parameters) + ranks(naswot),
    }  # fmt: skip
    return {name: truth[found["cells"][int(np.argmax(values))]][TEST] for name, values in scores.items()}


def correlation(options: argparse.Namespace, seeds: Sequence[int], ours: dict[str, float], runs: list[Any], say: Console) -> None:
    truth = read_table(options.table)
    screen = Screen("training", "epochs", "score", "all (mean of seeds)", "95 % (first seed)", "best fifth", "top cell", "seconds")
    for training in options.trainings:
        for epochs in options.epochs:
            every = []
            for seed in seeds:
                found = shared_scores(seed, training, epochs, options)
                everywhere, fifth = correlations(found, truth, False), correlations(found, truth, True)
                every.append((found, everywhere, fifth, top_cells(found, truth)))
                runs.append({"part": "correlation", **found, "all": everywhere, "fifth": fifth, "top": every[-1][3]})
                print(json.dumps({"seed": seed, "training": training, "epochs": epochs, **{n: round(v[0], 3) for n, v in everywhere.items()}}), flush=True)
            for name in every[0][1]:
                mean = float(np.mean([one[1][name][0] for one in every]))
                top = [one[3][name] for one in every if name in one[3]]
                screen.add_row(
                    training, str(epochs), name, f"{mean:.3f}", "{:.2f} to {:.2f}".format(*every[0][1][name][1:]),
                    f"{np.mean([one[2][name][0] for one in every]):.3f}", f"{np.mean(top):.2f}" if top else "",
                    f"{np.mean([one[0]['seconds'] for one in every]):.0f}",
                )  # fmt: skip
            if epochs == options.epochs[-1]:
                kind = {"paths": "single_path", "darts": "darts", "even": "even"}[training]
                ours[f"rank_correlation_{kind}"] = float(np.mean([one[1]["shared loss"][0] for one in every]))
                if training == "paths":
                    for name, key in (
                        ("parameters", "parameters"), ("naswot", "naswot"), ("12 epochs", "12_epochs"), ("loss + parameters", "loss_parameters"),
                        ("loss + parameters + naswot", "loss_parameters_naswot"),
                    ):  # fmt: skip
                        ours[f"rank_correlation_{key}"] = float(np.mean([one[1][name][0] for one in every]))
                        ours[f"rank_correlation_fifth_{key}"] = float(np.mean([one[2][name][0] for one in every]))
    say.print(screen)


# Collapse ---------------------------------------------------------------------------------------------------------------------


def remedies(options: argparse.Namespace) -> dict[str, OneShot]:
    """What is compared on the table; nothing is trained in full."""
    shared: dict[str, Any] = {"epochs": options.collapse_epochs, "finals": "none", "flip": True, "shift": 2}
    evolution = RegularizedEvolution(population=20, sample=5, batch=5, deduplicate="genome")
    return {
        "darts": Darts(**shared, rate=options.rate),
        "darts, stop by skips": Darts(**shared, rate=options.rate, stop="skips"),
        "darts, stop by eigenvalue": Darts(**shared, rate=options.rate, stop="eigenvalue"),
        "darts, perturbation": Darts(**shared, rate=options.rate, discretise="perturbation"),
        "even mixture, perturbation": Darts(
            **{**shared, "epochs": options.collapse_epochs // 2}, begin=options.collapse_epochs, discretise="perturbation"
        ),
        "single path, evolution": SharedWeights(evolution, candidates=options.cells, finalists=0, **shared),
        "enas": Enas(**shared, candidates=20, finalists=0),
        "xnas": Xnas(**shared),
        "bayesnas": BayesNas(**shared),
        "single path, loss + parameters": SharedWeights(
            RandomSearch(batch=20, deduplicate="genome"), candidates=options.cells, finalists=1, ranked_by="loss+parameters", **shared
        ),
    }


def collapse(options: argparse.Namespace, seeds: Sequence[int], ours: dict[str, float], runs: list[Any], say: Console) -> None:
    truth = read_table(options.table)
    screen = Screen("method", *[f"seed {seed}" for seed in seeds], "cells", "seconds")
    numbers = {name: str(place) for place, name in enumerate(CellSpace().words.operations)}
    for name, strategy in remedies(options).items():
        if options.methods and name not in options.methods:
            continue
        found = []
        for seed in seeds:
            data = images(options, seed, options.images)
            budget = ne.Budget(generations=10_000)
            folder = options.run and options.run / f"collapse-{name.replace(', ', '-').replace(' ', '_')}-{options.collapse_epochs}-{seed}"
            run = ne.evolve(
                space_of(data, options), ne.tasks.Classification(data, objectives=("loss", "error")), strategy=strategy, budget=budget, seed=seed,
                workers=options.workers, run=folder,
            )  # fmt: skip
            epochs = []
            for _, row in run.generations().iterrows():
                if isinstance(row.get("genes"), list):
                    cell = "".join(numbers[gene] for gene in row["genes"])
                    epochs.append(
                        {"cell": cell, "test": truth[cell][TEST], "skips": cell.count("1"), **{n: row.get(n) for n in ("loss", "entropy", "eigenvalue")}}
                    )
            found.append({"part": "collapse", "method": name, "seed": seed, "seconds": run.seconds, "epochs": epochs, **epochs[-1]})
            print(json.dumps({key: value for key, value in found[-1].items() if key != "epochs"}), flush=True)
            if isinstance(strategy, (Darts, Xnas, BayesNas)):
                print("  test accuracy (skips) by epoch: " + " ".join(f"{e['test']:.1f}({e['skips']})" for e in epochs[:: max(1, len(epochs) // 12)]))
        runs += found
        screen.add_row(
            name, *[f"{one['test']:.2f}" for one in found], " ".join(one["cell"] for one in found), f"{np.mean([one['seconds'] for one in found]):.0f}"
        )
        key = name.replace(", ", "_").replace(" + ", "_").replace(" ", "_")
        ours[f"table_test_accuracy_{key}"] = float(np.mean([one["test"] for one in found]))
        ours[f"table_test_accuracy_lowest_{key}"] = float(min(one["test"] for one in found))
    say.print(screen)


# Digits -----------------------------------------------------------------------------------------------------------------------


def searches(options: argparse.Namespace) -> dict[str, OneShot]:
    """The methods whose final networks are trained again; "darts" is of second order."""
    shared: dict[str, Any] = {"epochs": options.digits_epochs}
    evolution = RegularizedEvolution(population=20, sample=5, batch=5, deduplicate="key")
    return {
        "darts": Darts(order=2, rate=options.rate, **shared),
        "darts_first_order": Darts(rate=options.rate, **shared),
        "darts_perturbation": Darts(rate=options.rate, discretise="perturbation", **shared),
        "enas": Enas(steps=10, **shared),
        "xnas": Xnas(**shared),
        "bayesnas": BayesNas(**shared),
        "single_path": SharedWeights(evolution, candidates=100, **shared),
    }


def digits(options: argparse.Namespace, seeds: Sequence[int], ours: dict[str, float], runs: list[Any], say: Console) -> None:
    space = CellSpace("nasbench201", 4, (8, 8, 1), 10, channels=options.channels, repeats=1)
    screen = Screen("method", "test error, from scratch (% by seed)", "from shared weights", "cells", "disconnected", "seconds")
    slowest = dict.fromkeys(seeds, 0.0)
    found: dict[str, list[dict[str, Any]]] = {}
    for name, strategy in searches(options).items():
        if options.methods and name not in options.methods:
            continue
        for seed in seeds:
            run, task = digits_run(name, strategy, SharedTraining(), space, seed, options, ne.Budget(generations=10_000))
            finals = [one for one in run if one.fidelity is not None and one.fidelity.epochs is None]
            errors = {one.operators[-1] == "shared_weights": 100 * task.test_scores(one.model())["error"] for one in finals}
            slowest[seed] = max(slowest[seed], run.seconds)
            found.setdefault(name, []).append(
                {"seed": seed, "cell": finals[0].genome.table_key, "scratch": errors[False], "shared": errors[True], "seconds": run.seconds}
            )
            print(json.dumps({"method": name, **found[name][-1]}), flush=True)
    for seed in seeds:  # as much time as the slowest method took
        seconds = options.seconds or slowest[seed] or 120.0
        strategies: dict[str, Strategy] = {"random_search": RandomSearch(batch=2, deduplicate="key")}
        for name, strategy in strategies.items():
            run, task = digits_run(name, strategy, FullTraining(), space, seed, options, ne.Budget(seconds=seconds))
            error = 100 * task.test_scores(run.best.model())["error"]
            found.setdefault(name, []).append(
                {"seed": seed, "cell": run.best.genome.table_key, "scratch": error, "networks": run.evaluations, "seconds": run.seconds}
            )
        all_3x3 = space.build([3] * 6)
        run, task = digits_run("333333", Given([all_3x3]), FullTraining(), space, seed, options, ne.Budget(evaluations=1))
        found.setdefault("all_3x3", []).append(
            {"seed": seed, "cell": "333333", "scratch": 100 * task.test_scores(run.best.model())["error"], "seconds": run.seconds}
        )
    for name, each in found.items():
        lost = sum(not connected(one["cell"]) for one in each)
        screen.add_row(
            name, " ".join(f"{one['scratch']:.2f}" for one in each), " ".join(f"{one['shared']:.2f}" for one in each if "shared" in one),
            " ".join(one["cell"] for one in each), str(lost), f"{np.mean([one['seconds'] for one in each]):.0f}",
        )  # fmt: skip
        ours[f"test_error_{name}"] = float(np.mean([one["scratch"] for one in each]))
        ours[f"test_error_highest_{name}"] = float(max(one["scratch"] for one in each))
        if "shared" in each[0]:
            ours[f"test_error_inherited_{name}"] = float(np.mean([one["shared"] for one in each]))
        ours[f"disconnected_{name}"] = float(lost)
        runs += [{"part": "digits", "method": name, **one} for one in each]
    say.print(screen)


def chains(options: argparse.Namespace, seeds: Sequence[int], ours: dict[str, float], runs: list[Any], say: Console) -> None:
    space = ChainSpace.for_data((8, 8, 1), 10)
    screen = Screen("seed", "shared loss", "parameters", "both", "scratch", "shared weights", "random search", "networks", "seconds")
    found = []
    for seed in seeds:
        strategy = SharedWeights(RandomSearch(batch=20, deduplicate="key"), candidates=options.cells, epochs=options.digits_epochs)
        run, task = digits_run("chains", strategy, SharedTraining(), space, seed, options, ne.Budget(generations=10_000))
        scratch, heir = (one for one in run if one.fidelity is not None and one.fidelity.epochs is None)
        test_errors = [100 * task.test_scores(one.model())["error"] for one in (scratch, heir)]
        others = [one for one in run if one not in (scratch, heir)][: options.trained]
        trained, task = digits_run(
            "chains-trained", Given([one.genome for one in others]), FullTraining(), space, seed, options, ne.Budget(evaluations=len(others))
        )
        truth = [-one.values["loss"] for one in trained]
        loss, parameters = [-one.values["loss"] for one in others], [one.genome.parameters for one in others]
        random, task = digits_run(
            "chains-random", RandomSearch(batch=2, deduplicate="key"), FullTraining(), space, seed, options, ne.Budget(seconds=options.seconds or run.seconds)
        )
        found.append({
            "part": "chains", "seed": seed, "seconds": run.seconds, "scratch": test_errors[0], "shared": test_errors[1],
            "random_search": 100 * task.test_scores(random.best.model())["error"], "networks": random.evaluations,
            "correlation_loss": interval(loss, truth), "correlation_parameters": interval(parameters, truth),
            "correlation_both": interval(ranks(loss) + ranks(parameters), truth),
        })  # fmt: skip
        one = found[-1]
        correlated = ["{:.2f} ({:.2f} to {:.2f})".format(*one[f"correlation_{name}"]) for name in ("loss", "parameters", "both")]
        screen.add_row(
            str(seed), *correlated, f"{one['scratch']:.2f}", f"{one['shared']:.2f}", f"{one['random_search']:.2f}", str(one["networks"]), f"{one['seconds']:.0f}"
        )
        print(json.dumps(one), flush=True)
    for name in ("loss", "parameters", "both"):
        ours[f"chains_rank_correlation_{name}"] = float(np.mean([one[f"correlation_{name}"][0] for one in found]))
    for name in ("scratch", "shared", "random_search"):
        ours[f"chains_test_error_{name}"] = float(np.mean([one[name] for one in found]))
    runs += found
    say.print(screen)


def digits_run(
    name: str, strategy: Strategy, estimation: Estimation, space: Space, seed: int, options: argparse.Namespace, budget: ne.Budget
) -> tuple[ne.Run, ne.tasks.Classification]:
    task = ne.tasks.Classification("digits", objectives=("error", "loss"), seed=seed)
    run = ne.evolve(
        space, task, strategy=strategy, estimation=estimation, budget=budget, seed=seed, workers=options.workers,
        run=options.run and options.run / f"digits-{name}-{options.digits_epochs}-{seed}",
    )  # fmt: skip
    return run, task


@dataclass
class Given(Strategy):
    """Networks that are given."""

    genomes: Sequence[Any] = ()

    def ask(self) -> Sequence[Trial]:
        return [] if self.generation else [self.search.trial(self.search.individual(self.search.reserve(), one)) for one in self.genomes]

    def tell(self, results: Sequence[Result]) -> None:
        self.generation += 1

    def settings(self) -> dict[str, Any]:
        return {"strategy": "Given", "genes": [one.genes() for one in self.genomes]}


def connected(cell: str) -> bool:
    """Whether something comes through: an edge order of (0->1)(0->2)(1->2)(0->3)(1->3)(2->3), "0" for none."""
    reached = {0}
    for digit, (source, target) in zip(cell, ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)), strict=True):
        if digit != "0" and source in reached:
            reached.add(target)
    return 3 in reached


PARTS = {"correlation": correlation, "collapse": collapse, "chains": chains, "digits": digits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--table", type=Path, help="NAS-Bench-201's CIFAR-10 table, a .csv.gz file")
    parser.add_argument("--data", type=Path, help="the images, as `neuroevo search` takes data")
    parser.add_argument("--resolution", type=float, default=0.5, help="factor on the images' sides")
    parser.add_argument("--channels", type=int, default=8, help="filters of the first stage")
    parser.add_argument("--cells", type=int, default=200, help="correlation and chains: how many are scored with each supernet")
    parser.add_argument("--trained", type=int, default=60, help="chains: how many of these are trained from scratch, to compare")
    parser.add_argument("--trainings", nargs="+", choices=("paths", "even", "darts"), default=["paths", "darts"])
    parser.add_argument("--epochs", type=int, nargs="+", default=[50, 150], help="correlation: of the supernets, each count its own training")
    parser.add_argument("--training-images", type=int, help="correlation: at most so many; all by default")
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--weight-decay", type=float, default=3e-4)
    parser.add_argument("--images", type=int, default=5000, help="collapse: training images")
    parser.add_argument("--collapse-epochs", type=int, default=60)
    parser.add_argument("--rate", type=float, default=3e-3, help="collapse and digits: of the architecture's Adam")
    parser.add_argument("--digits-epochs", type=int, default=50, help="digits and chains: of the supernets")
    parser.add_argument("--seconds", type=float, help="digits and chains: of random search; as many as the slowest method by default")
    parser.add_argument("--methods", nargs="+", help="collapse and digits: only methods of these names, such as 'darts, stop by skips'")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="record the runs in this folder; the same command goes on with them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seeds = [options.seed] if options.seed is not None else list(range(1, options.seeds + 1))
    ours: dict[str, float] = {}
    runs: list[Any] = []
    for part in options.parts:
        if part in ("correlation", "collapse") and (options.table is None or options.data is None):
            parser.error(f"the part {part} needs --table and --data")
        PARTS[part](options, seeds, ours, runs, Console())
    for name, value in ours.items():
        print(f"{name:45s} {value:.4f}")
    if options.json:
        report = {
            "method": "one-shot search",
            "paper": "Pham et al. 2018; Liu, Simonyan & Yang 2019; Nayman et al. 2019; Zhou et al. 2019; Guo et al. 2020; Dong & Yang 2020",
            "settings": {k: str(v) if isinstance(v, Path) else v for k, v in vars(options).items() if k not in ("json", "run")},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
