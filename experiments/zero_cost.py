"""Zero-cost proxies: how well numbers of untrained networks rank trained ones, and what screening by one saves (Abdelfattah et al. 2021).

Part "nasbench201": cells of NAS-Bench-201, decoded in the benchmark's own skeleton (16 channels, 5 cells a stage), each scored on one batch of
real images; Spearman's rank correlation with the table's test accuracy, over cells drawn from the whole table and over cells drawn from its
best tenth, with 95 % bootstrap intervals; naswot also beside the table's own column. The table is a CSV file (`--table`: ops, one digit an
edge; test accuracy; naswot), the images what `neuroevo search` takes (`--data`). A cell takes about half a second a proxy on one core; scores
are kept in `--run`, and the same command again goes on.

Part "predictor": BANANAS's ensemble on the table's validation error, with paths, proxies or both as features.

Part "digits": random networks of NetworkSpace, scored and trained, and the same correlations; then random search and NSGA-II with and without
a screen (naswot or synflow, one of 4 kept), at equally many trainings: validation error of the best, over seeds.

A proxy of one cell takes 0.3 to 2 seconds, by how busy the machine is: 60 cells with all proxies ten minutes, 500 with naswot alone as long.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table as Screen

import neuroevo as ne
from genomes import CellSpace, NetworkSpace
from neuroevo.estimation import FullTraining
from neuroevo.predictors import Ensemble, rank_correlation
from neuroevo.tasks import Context
from neuroevo.train import proxies

# Authors' notebook to Abdelfattah et al. 2021, table 1: CIFAR-10, all 15,625 cells.
PUBLISHED = {"grad_norm": 0.594, "snip": 0.596, "synflow": 0.737, "jacob_cov": 0.731}
NAMES = ("naswot", "jacob_cov", "synflow", "grad_norm", "snip", "zen", "parameters", "flops")
TEST, OWN = "c10_test200", "naswot_c10"


def finite(values: Sequence[float]) -> np.ndarray:
    """The values with minus infinity just below the others: ranks are the same."""
    array = np.array(values, np.float64)
    known = np.isfinite(array)
    return np.where(known, array, array[known].min() - 1 if known.any() else 0.0)


def correlation(values: Sequence[float], truth: Sequence[float], draws: int = 1000) -> tuple[float, float, float]:
    """Spearman's rank correlation, and a 95 % bootstrap interval over networks."""
    first, second = finite(values), finite(truth)
    rows = np.random.default_rng(0).integers(len(first), size=(draws, len(first)))
    low, high = np.quantile([rank_correlation(first[each], second[each]) for each in rows], (0.025, 0.975))
    return rank_correlation(first, second), float(low), float(high)


class Scores:
    """Scores of cells, kept in a file as they are made: {cell: {proxy: [score, seconds]}}."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.known: dict[int, dict[str, list[float]]] = {}
        if file.exists():
            for line in file.read_text().splitlines():
                cell, found = json.loads(line)
                self.known.setdefault(cell, {}).update(found)

    def of(self, cell: int, names: Sequence[str], compute: Callable[[Sequence[str]], dict[str, list[float]]]) -> None:
        missing = [name for name in names if name not in self.known.get(cell, {})]
        if missing:
            found = compute(missing)
            self.known.setdefault(cell, {}).update(found)
            with self.file.open("a") as out:
                out.write(json.dumps([cell, found]) + "\n")


def nasbench201(options: argparse.Namespace, ours: dict[str, float], runs: list[Any]) -> None:
    with gzip.open(options.table, "rt") as file:
        rows = list(csv.DictReader(file))
    truth = np.array([float(row[TEST]) for row in rows])
    best = np.argsort(-truth)[: len(rows) // 10]
    rng = np.random.default_rng(options.seed)
    everywhere, top = rng.permutation(len(rows)).tolist(), rng.permutation(best).tolist()
    space, task = CellSpace(), ne.tasks.Classification(str(options.data), "error", seed=options.seed)
    if task.dataset.input_shape != space.input_shape:
        sys.exit(f"the benchmark's cells take images [32, 32, 3], {options.data} has samples {list(task.dataset.input_shape)}")
    options.run.mkdir(parents=True, exist_ok=True)
    scores = Scores(options.run / f"nasbench201-{options.samples}-{options.seed}.jsonl")
    context = Context(seed=options.seed)

    def score(cell: int, names: Sequence[str]) -> None:
        def compute(wanted: Sequence[str]) -> dict[str, list[float]]:
            genome = space.build([int(digit) for digit in rows[cell]["ops"]])
            network = task.untrained(genome, context, cell, samples=options.samples)
            found: dict[str, list[float]] = {}
            network.model  # noqa: B018  built before any proxy is timed
            for name, proxy in proxies(list(wanted)).items():
                start = time.perf_counter()
                found[name] = [proxy(network), time.perf_counter() - start]
            return found

        scores.of(cell, names, compute)

    plan = [(cell, options.proxies) for cell in [*everywhere[: options.cells], *top[: options.top_cells]]]
    plan += [(cell, ["naswot"]) for cell in everywhere[: options.naswot_cells]]
    for cell, names in track(plan, "scoring cells", console=Console(stderr=True)):
        score(cell, names)

    top_cells = set(best.tolist())
    screen = Screen("proxy", "cells", "all", "95 %", "published", "best tenth", "95 %", "cells", "seconds")
    for name in [name for name in NAMES if name in options.proxies or (name == "naswot" and options.naswot_cells)]:
        count = max(options.cells if name in options.proxies else 0, options.naswot_cells if name == "naswot" else 0)
        drawn = everywhere[:count]
        upper = list(
            dict.fromkeys([*(top[: options.top_cells] if name in options.proxies else []), *(c for c in drawn if c in top_cells)])
        )
        found, among = ([scores.known[cell][name][0] for cell in cells] for cells in (drawn, upper))
        all_, low, high = correlation(found, truth[drawn].tolist())
        of_top = correlation(among, truth[upper].tolist()) if len(upper) > 4 else (float("nan"),) * 3
        seconds = float(np.median([scores.known[cell][name][1] for cell in drawn]))
        ours[f"rank_correlation_{name}"] = all_
        if len(upper) > 4:
            ours[f"rank_correlation_top_{name}"] = of_top[0]
        runs.append({"part": "nasbench201", "proxy": name, "cells": count, "top_cells": len(upper), "all": [all_, low, high],
                     "top": list(of_top), "seconds": seconds})  # fmt: skip
        published = f"{PUBLISHED[name]:.2f}" if name in PUBLISHED else ""
        screen.add_row(name, str(count), f"{all_:.3f}", f"{low:.2f} .. {high:.2f}", published, f"{of_top[0]:.3f}",
                       f"{of_top[1]:.2f} .. {of_top[2]:.2f}", str(len(upper)), f"{seconds:.2f}")  # fmt: skip
        if name == "naswot":
            own = [float(rows[cell][OWN]) for cell in drawn]
            ours["naswot_with_the_tables"] = correlation(found, own)[0]
            ours["rank_correlation_of_the_tables_naswot"] = correlation(own, truth[drawn].tolist())[0]
            screen.caption = (
                f"naswot with the table's own column: {ours['naswot_with_the_tables']:.3f}; that column with test accuracy on the same cells: "
                f"{ours['rank_correlation_of_the_tables_naswot']:.3f}"
            )
    Console(width=130).print(screen)


def digits(options: argparse.Namespace, ours: dict[str, float], runs: list[Any]) -> None:
    objectives = ["error", "loss", *NAMES]
    space = NetworkSpace(input_shape=(8, 8, 1), outputs=10, max_parameters=100_000)
    folder = options.run / f"digits-{options.networks}-{options.epochs}-{options.seed}"
    trained = ne.evolve(
        space, ne.tasks.Classification("digits", objectives, seed=options.seed), seed=options.seed, run=folder, workers=options.workers,
        strategy=ne.strategies.RandomSearch(batch=options.networks), estimation=FullTraining(epochs=options.epochs),
        budget=ne.Budget(evaluations=options.networks),
    )  # fmt: skip
    done = [one for one in trained if one.status == "done"]
    screen = Screen("proxy", f"with -error, {len(done)} networks", "95 %", "with -loss", "95 %")
    for name in NAMES:
        values = [one.values[name] for one in done]
        found = [correlation(values, [-one.values[truth] for one in done]) for truth in ("error", "loss")]
        ours[f"rank_correlation_digits_{name}"] = found[0][0]
        runs.append({"part": "digits", "proxy": name, "networks": len(done), "error": found[0], "loss": found[1]})
        screen.add_row(name, *[text for all_, low, high in found for text in (f"{all_:.3f}", f"{low:.2f} .. {high:.2f}")])
    Console(width=110).print(screen)

    screen = Screen(
        "strategy", "screen", "best validation error", "hypervolume", "parameters of the best", "seconds", "of screening"
    )
    made = {
        "random": lambda: ne.strategies.RandomSearch(batch=8),
        "nsga2": lambda: ne.strategies.Nsga2(population=8),
    }
    for strategy, make in made.items():
        for proxy in (None, "naswot", "synflow"):
            screened = None if proxy is None else ne.strategies.Screen(proxy, 4)
            rows = []
            for seed in range(options.seeds):
                name = f"{strategy}{'' if proxy is None else '_' + proxy}"
                folder = options.run / f"digits-{name}-{options.evaluations}-{options.epochs}-{seed}"
                run = ne.evolve(
                    space, ne.tasks.Classification("digits", "error,parameters", seed=seed), strategy=make(), screen=screened, seed=seed, run=folder,
                    estimation=FullTraining(epochs=options.epochs), budget=ne.Budget(evaluations=options.evaluations), workers=options.workers,
                )  # fmt: skip
                row = run.summaries[-1]
                best = run.best
                rows.append(
                    (
                        best.values["error"],
                        run.hypervolume or 0.0,
                        best.values["parameters"],
                        run.seconds,
                        row.get("screening_seconds", 0.0),
                    )
                )
                runs.append({"part": "screen", "strategy": name, "seed": seed, "error": rows[-1][0], "hypervolume": rows[-1][1]})
            mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
            ours[f"error_digits_{name}"], ours[f"hypervolume_digits_{name}"] = float(mean[0]), float(mean[1])
            screen.add_row(strategy, "none" if proxy is None else f"{proxy}, 1 of 4", f"{mean[0]:.4f} +- {spread[0]:.4f}",
                           f"{mean[1]:.3f} +- {spread[1]:.3f}", f"{mean[2]:.0f}", f"{mean[3]:.0f}", f"{mean[4]:.0f}")  # fmt: skip
    Console(width=130).print(screen)


def predictor(options: argparse.Namespace, ours: dict[str, float], runs: list[Any]) -> None:
    with gzip.open(options.table, "rt") as file:
        rows = list(csv.DictReader(file))
    drawn = np.random.default_rng(options.seed).permutation(len(rows))[: options.pool].tolist()
    space = CellSpace()
    genomes = [space.build([int(digit) for digit in rows[cell]["ops"]]) for cell in drawn]
    values = np.log([100.0 - float(rows[cell]["c10_val200"]) for cell in drawn])
    screen = Screen("features", *[f"from {fitted}" for fitted in options.fitted])
    for features in ("paths", "proxies", "paths_proxies"):
        model, shown = Ensemble(features), []  # the same model again and again: it keeps proxies of single genomes
        for fitted in options.fitted:
            found = []
            for split in track(range(options.splits), f"{features} {fitted}", console=Console(stderr=True)):
                order = np.random.default_rng(split).permutation(len(genomes)).tolist()
                seen, rest = order[:fitted], order[fitted:]
                model.fit([genomes[place] for place in seen], values[seen])
                found.append(rank_correlation(model.predict([genomes[place] for place in rest])[0], values[rest]))
            ours[f"ensemble_{features}_rank_correlation_{fitted}"] = float(np.mean(found))
            runs.append({"part": "predictor", "features": features, "fitted": fitted, "rank_correlations": found})
            shown.append(f"{np.mean(found):.3f} +- {np.std(found):.3f}")
        screen.add_row(features, *shown)
    Console(width=110).print(screen)


PARTS = {"nasbench201": nasbench201, "predictor": predictor, "digits": digits}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS), help="what is measured")
    parser.add_argument(
        "--table", type=Path, default=Path("../shared/data/nb201_cifar10.csv.gz"), help="CSV file of the benchmark"
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data/cifar10_10k_2k.npz"), help="CIFAR-10 images")
    parser.add_argument("--proxies", nargs="*", choices=NAMES, default=list(NAMES), help="what cells are scored by")
    parser.add_argument("--cells", type=int, default=60, help="cells of the whole table")
    parser.add_argument("--top-cells", type=int, default=60, help="further cells of its best tenth")
    parser.add_argument("--naswot-cells", type=int, default=0, help="cells of the whole table for naswot alone")
    parser.add_argument("--samples", type=int, default=64, help="images in the batch")
    parser.add_argument(
        "--pool", type=int, default=110, help="predictor: cells, of which some are fitted and the others predicted"
    )
    parser.add_argument("--fitted", type=int, nargs="+", default=[20, 50], help="predictor: cells to fit on")
    parser.add_argument("--splits", type=int, default=10, help="predictor: draws of those")
    parser.add_argument("--networks", type=int, default=40, help="digits: networks that are scored and trained")
    parser.add_argument("--epochs", type=int, default=10, help="digits: training epochs of each")
    parser.add_argument("--evaluations", type=int, default=24, help="digits: networks that a search trains")
    parser.add_argument("--seeds", type=int, default=5, help="digits: searches of each kind")
    parser.add_argument("--seed", type=int, default=1, help="which cells and networks are drawn, and their weights")
    parser.add_argument("--workers", type=int, default=1, help="digits: processes that train")
    parser.add_argument("--run", type=Path, default=Path("runs/zero_cost"), help="folder for scores and the digits run")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    if {"nasbench201", "predictor"} & set(options.parts):
        for what, path in (("table", options.table), ("data", options.data)):
            if not path.is_file():
                sys.exit(f"there is no file {path}: give it with --{what} (see --help)")
    ours: dict[str, float] = {}
    runs: list[Any] = []
    for name in options.parts:
        PARTS[name](options, ours, runs)
    if options.json:
        report = {
            "method": "zero-cost proxies",
            "paper": "Mellor et al. 2020, 2021; Abdelfattah et al. 2021; Tanaka et al. 2020; Lee et al. 2019; Lin et al. 2021",
            "settings": {name: str(value) for name, value in vars(options).items() if name not in ("json", "run")},
            "seeds": options.seeds,
            "published": {f"rank_correlation_{name}": value for name, value in PUBLISHED.items()},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
