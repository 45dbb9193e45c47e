"""NAS-Bench-201: search 15,625 cells whose training was measured once and for all (Dong & Yang 2020).

One objective. A search may spend 12,000 simulated seconds on CIFAR-10. Its signal is the validation accuracy after 12 epochs; an
evaluation costs these 12 epochs on CIFAR-10-valid and one pass over the validation images. Reported is the test accuracy after 200
epochs of the best cell by the signal, which the search never sees. Published (500 runs): random search 93.70, regularized evolution
(REA) 93.92.

Two objectives. How many evaluations until the hypervolume of everything evaluated reaches 99.9 % of the exact front's, for the validation
error after 200 epochs and FLOPs, min-max normalised over the benchmark, reference (1, 1). No method evaluates the same genes twice: random search
draws distinct cells, NSGA-II and NSGA-III make no child whose genes they have seen, and LEMONADE is told again of what it evaluated
(`once="genome"`). Isomorphic cells are evaluated apart, since the table has a training of its own for each: who takes them for one may miss a point
of the front for good (`--same key`). `--figure` draws the hypervolume that is still missing over the evaluations.

`--held-out`: the same on tables made from this one: other columns (test accuracy and the logarithm of the parameters; the
validation accuracy of 12 epochs and FLOPs; the test accuracy of 12 epochs and the seconds of an epoch), with noise of 0.2 points on the validation
accuracy, and with operations that mean another one on every edge. LEMONADE's `again` was chosen on seeds from 2000 of CIFAR-10 and of such tables (another
permutation, none with noise).

The table is a CSV file (`--table`), with a row for each cell: `ops` (six digits, one an edge), accuracies `c10_val12`, `c10_val200`,
`c10_test200` (per cent), `epoch_s_c10` (seconds a training epoch on CIFAR-10's 50,000 images) and `flops_M_c10`.
Takes about 5 minutes in one process, 20 seconds of them for one objective; less with `--workers 2`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Screen

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.core.objectives import FLOPS, Objective
from neuroevo.selection import normalised_hypervolume

PUBLISHED = {"random_search_test_accuracy": 93.70, "regularized_evolution_test_accuracy": 93.92}
SIMULATED_SECONDS = 12_000.0
# CIFAR-10-valid trains on half of the 50,000 images, and a validation pass (the other half, forwards only) costs about a third of
# training on as many: 12 epochs and a pass are 12 / 2 + 1 / 6 of the table's epochs.
EPOCHS = 12 / 2 + 1 / 6
SHARE = 0.999
HELD_OUT = ("test_parameters", "validation_12", "test_12_seconds", "noise", "permuted")

ONE_OBJECTIVE: dict[str, Callable[[], strategies.Strategy]] = {
    "random_search": lambda: strategies.RandomSearch(),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=10, sample=3),
}
TWO_OBJECTIVES: dict[str, Callable[[str], strategies.Strategy]] = {
    "nsga2": lambda same: strategies.Nsga2(deduplicate=same),
    "nsga3": lambda same: strategies.Nsga3(deduplicate=same),
    # LEMONADE keeps its Pareto front only, and one changed edge does not always lead from there to a better cell: a fifth of the children change another
    "lemonade": lambda same: strategies.Lemonade(population=30, again=0.2, inheritance="none"),
    "random_search": lambda same: strategies.RandomSearch(deduplicate="genome"),
}


def test_accuracy(method: str, seed: int, table: Path, folder: Path | None) -> dict[str, Any]:
    """One search with one objective."""
    task = ne.tasks.Table(table, key="ops", signal="c10_val12", report=("c10_test200",), cost="epoch_s_c10", cost_factor=EPOCHS)
    run = ne.evolve(
        CellSpace(),
        task,
        strategy=ONE_OBJECTIVE[method](),
        budget=ne.Budget(simulated_seconds=SIMULATED_SECONDS),
        seed=seed,
        run=folder and folder / f"{method}-{seed}",
        progress=False,
    )
    test = run.best.info["scores"]["c10_test200"]
    return {"method": method, "seed": seed, "test_accuracy": test, "evaluations": run.evaluations}


class Benchmark:
    """The exact front of the whole table, as hypervolume.

    Args:
        table: a CSV file.
        columns: of an accuracy in per cent, and of a cost.
    """

    def __init__(self, table: Path, columns: tuple[str, str] = ("c10_val200", "flops_M_c10")) -> None:
        task = ne.tasks.Table(table, key="ops", signal={columns[0]: ne.maximise, columns[1]: ne.minimise})
        self.costs = {key: row[1] for key, row in task.rows().items()}
        points = self.points(np.array(list(task.rows().values())))
        self.ideal, self.worst = points.min(axis=0), points.max(axis=0)
        self.hypervolume = self.of(points)

    @staticmethod
    def points(values: np.ndarray) -> np.ndarray:
        """Error in per cent, and cost: float64 [cells, 2]."""
        return np.stack([100.0 - values[:, 0], values[:, 1]], axis=1)

    def of(self, points: np.ndarray) -> float:
        """The normalised hypervolume of points."""
        return normalised_hypervolume(points, self.ideal, self.worst)


class UntilReached(ne.Callback):
    """Ends a run as soon as its evaluations cover a share of the exact hypervolume."""

    def __init__(self, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self.front = np.empty((0, 2))
        self.evaluations = 0
        self.curve: list[tuple[int, float]] = []  # after so many evaluations, this share of the exact hypervolume

    def on_result(self, run: ne.Run, result: Any) -> None:
        for individual in result.individuals:
            self.evaluations += 1
            accuracy, cost = individual.values.values()
            point = np.array([100.0 - accuracy, cost / 1e6 if "flops" in individual.values else cost])
            if (self.front <= point).all(axis=1).any():
                continue
            self.front = np.concatenate([self.front[~(self.front >= point).all(axis=1)], point[None]])
            share = self.benchmark.of(self.front) / self.benchmark.hypervolume
            self.curve.append((self.evaluations, share))
            if share >= SHARE:
                raise ne.StopRun


def held_out(table: Path, folder: Path) -> dict[str, Path]:
    """Tables of `accuracy` and `cost` made from the benchmark's, as CSV files in a folder."""
    columns = ("ops", "c10_val200", "c10_test200", "c10_val12", "c10_test12", "flops_M_c10", "params_c10", "epoch_s_c10")
    frame = pd.read_csv(table, dtype={"ops": str}, usecols=columns)
    rng = np.random.default_rng(0)
    orders = [rng.permutation(5) for _ in range(6)]
    renamed = frame.ops.map(lambda ops: "".join(str(order[int(digit)]) for order, digit in zip(orders, ops, strict=True)))
    made = {
        "test_parameters": (frame.ops, frame.c10_test200, np.log10(frame.params_c10)),
        "validation_12": (frame.ops, frame.c10_val12, frame.flops_M_c10),
        "test_12_seconds": (frame.ops, frame.c10_test12, frame.epoch_s_c10),
        "noise": (frame.ops, frame.c10_val200 + rng.normal(scale=0.2, size=len(frame)), frame.flops_M_c10),
        "permuted": (renamed, frame.c10_val200, frame.flops_M_c10),
    }
    paths = {name: folder / f"{name}.csv" for name in made}
    for name, (ops, accuracy, cost) in made.items():
        pd.DataFrame({"ops": ops, "accuracy": accuracy, "cost": cost}).to_csv(paths[name], index=False)
    return paths


_costs: dict[str, float] = {}  # of the held-out table that this process searches


def cost_of(genome: Any) -> float:
    """A cell's cost by its row: known before anything is trained, as FLOPs are."""
    return _costs[genome.table_key]


def evaluations_to_reach(method: str, seed: int, table: Path, folder: Path | None, cap: int, same: str) -> dict[str, Any]:
    """One search with two objectives: after how many evaluations it covers the share (the cap where it does not)."""
    if held := table.suffix == ".csv" and table.stem in HELD_OUT:
        benchmark = Benchmark(table, ("accuracy", "cost"))
        _costs.update(benchmark.costs)
        signal: dict[str, Any] = {"accuracy": ne.maximise, "cost": Objective("cost", "minimise", "cheap", of=cost_of)}
    else:
        benchmark, signal = Benchmark(table), {"c10_val200": ne.maximise, "flops": FLOPS}
    task = ne.tasks.Table(table, key="ops", signal=signal)
    watch = UntilReached(benchmark)
    run = ne.evolve(
        CellSpace(),
        task,
        strategy=TWO_OBJECTIVES[method](same),
        once=method == "lemonade" and (same == "key" or "genome"),
        budget=ne.Budget(evaluations=cap),
        seed=seed,
        run=folder and folder / f"{method}-two-objectives-{f'{table.stem}-' if held else ''}{seed}",
        callbacks=[watch],
        progress=False,
    )
    reached = run.ended == "stopped"
    count = watch.evaluations if reached else cap
    return {"method": method, "table": table.stem if held else "", "seed": seed, "evaluations_to_999": count, "reached": reached, "curve": watch.curve}


def work(job: tuple[str, str, int, Path, Path | None, int, str]) -> dict[str, Any]:
    kind, method, seed, table, folder, cap, same = job
    if kind == "one":
        return test_accuracy(method, seed, table, folder)
    return evaluations_to_reach(method, seed, table, folder, cap, same)


def run_all(jobs: list[Any], workers: int, title: str) -> list[dict[str, Any]]:
    """The jobs' results in order, with a progress bar."""
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task(title, total=len(jobs))
        found = []
        if workers == 1:
            for job in jobs:
                found.append(work(job))
                progress.advance(bar)
            return found
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for result in pool.map(work, jobs, chunksize=4):
                found.append(result)
                progress.advance(bar)
        return found


NAMES = {"nsga2": "NSGA-II", "nsga3": "NSGA-III", "lemonade": "LEMONADE's selection", "random_search": "random search"}


def figure(curves: dict[str, list[list[tuple[int, float]]]], path: Path) -> None:
    """The share of the exact hypervolume that is still missing over evaluations: median and quartiles of the searches."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    from neuroevo.plots.palette import CYCLE

    drawn = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = drawn.subplots()
    grid = np.arange(10, 1501, 10)
    for colour, (method, searches) in zip(CYCLE, curves.items(), strict=False):
        missing = []
        for curve in searches:
            at, share = np.array([count for count, _ in curve]), np.array([0.0, *[share for _, share in curve]])
            missing.append(1 - share[np.searchsorted(at, grid, side="right")])
        low, middle, high = np.percentile(np.maximum(missing, 1e-4), [25, 50, 75], axis=0)
        axes.plot(grid, middle, color=colour, label=NAMES[method], linewidth=1.8)
        axes.fill_between(grid, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.axhline(1 - SHARE, color="#777777", linewidth=1, linestyle="--")
    axes.text(grid[-1], 1 - SHARE, "99.9 % reached: searches end here", ha="right", va="bottom", fontsize=8, color="#555555")
    axes.set_yscale("log")
    axes.set_ylim(4e-4, 0.3)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.set_xlabel("evaluations")
    axes.set_ylabel("missing share of the exact hypervolume")
    axes.set_title(
        f"NAS-Bench-201, error and FLOPs: median and quartiles of {len(next(iter(curves.values())))} seeds", fontsize=10
    )
    axes.grid(alpha=0.15)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(frameon=False)
    drawn.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--table", type=Path, default=Path("../shared/data/nb201_cifar10.csv.gz"), help="CSV file of the benchmark"
    )
    parser.add_argument("--seeds", type=int, default=500, help="searches of each method with one objective; 0: none")
    parser.add_argument("--seeds-two", type=int, default=100, help="searches of each method with two objectives")
    parser.add_argument(
        "--methods", nargs="*", choices=list(TWO_OBJECTIVES), default=list(TWO_OBJECTIVES), help="with two objectives"
    )
    parser.add_argument("--held-out", action="store_true", help="two objectives on the tables made from this one, in place of its own")
    parser.add_argument(
        "--same", choices=("genome", "key"), default="genome", help="what two objectives never evaluate twice: equal genes, or isomorphic cells of equal cost"
    )
    parser.add_argument("--cap", type=int, default=20_000, help="evaluations of a two-objective search at most")
    parser.add_argument("--workers", type=int, default=1, help="processes that searches are spread over")
    parser.add_argument("--run", type=Path, help="record every run in this folder")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    parser.add_argument("--figure", type=Path, help="draw the two-objective searches to this file")
    options = parser.parse_args()
    if not options.table.is_file():
        sys.exit(f"there is no table at {options.table}: give the benchmark's CSV file with --table (its columns: see --help)")

    ours: dict[str, float] = {}
    runs: list[dict[str, Any]] = []
    screen = Screen("measure", "method", "ours", "spread", "published", "evaluations", "seconds")
    curves: dict[str, list[list[tuple[int, float]]]] = {}
    for method in ONE_OBJECTIVE if options.seeds else ():
        start = time.perf_counter()
        jobs = [("one", method, seed, options.table, options.run, 0, "") for seed in range(options.seeds)]
        results = run_all(jobs, options.workers, f"{method}, one objective")
        seconds = time.perf_counter() - start
        accuracies = [result["test_accuracy"] for result in results]
        name = f"{method}_test_accuracy"
        ours[name] = statistics.fmean(accuracies)
        spread = statistics.pstdev(accuracies)
        evaluations = statistics.fmean(result["evaluations"] for result in results)
        screen.add_row(
            "test accuracy",
            method,
            f"{ours[name]:.2f} %",
            f"+- {spread:.2f}",
            f"{PUBLISHED[name]:.2f} %",
            f"{evaluations:.0f}",
            f"{seconds:.0f}",
        )
        ours[f"{method}_deviation"], ours[f"{method}_seconds"] = spread, seconds
        runs.extend(results)
    temporary = tempfile.TemporaryDirectory()
    tables = held_out(options.table, Path(temporary.name)) if options.held_out else {"": options.table}
    for table, path in tables.items():
        benchmark = Benchmark(path, ("accuracy", "cost")) if table else Benchmark(path)
        suffix = f"_{table}" if table else ""
        ours[f"exact_hypervolume{suffix}"] = benchmark.hypervolume
        for method in options.methods:
            start = time.perf_counter()
            jobs = [("two", method, seed, path, options.run, options.cap, options.same) for seed in range(options.seeds_two)]
            results = run_all(jobs, options.workers, f"{method}, two objectives{suffix.replace('_', ' ')}")
            seconds = time.perf_counter() - start
            counts = [result["evaluations_to_999"] for result in results]
            failed = sum(not result["reached"] for result in results)
            name = f"{method}_evaluations_to_999{suffix}"
            ours[name], ours[f"{name}_never"] = statistics.median(counts), failed
            low, high = np.quantile(counts, [0.1, 0.9])
            screen.add_row(
                f"evaluations to 99.9 %{', ' * bool(table)}{table.replace('_', ' ')}", method, f"{ours[name]:.0f}",
                f"{low:.0f} to {high:.0f}{f', {failed} never' if failed else ''}", "-", f"{statistics.fmean(counts):.0f}", f"{seconds:.0f}",
            )  # fmt: skip
            curves[method] = [result.pop("curve") for result in results]
            runs.extend(results)
    temporary.cleanup()
    if options.figure and curves and not options.held_out:
        figure(curves, options.figure)
    console = Console(width=110)
    console.print(screen)
    for name, value in ours.items():
        if name.startswith("exact_hypervolume"):
            console.print(f"exact front{name.removeprefix('exact_hypervolume').replace('_', ' ')}: hypervolume {value:.5f}")
    if options.json:
        report = {
            "method": "random search, regularized evolution, NSGA-II, NSGA-III, LEMONADE on NAS-Bench-201",
            "paper": "Dong & Yang 2020; Real et al. 2019; Deb et al. 2002; Deb & Jain 2014; Elsken et al. 2019",
            "settings": {
                "simulated_seconds": SIMULATED_SECONDS,
                "epochs_an_evaluation": EPOCHS,
                "share": SHARE,
                "cap": options.cap,
                **{method: make().settings() for method, make in ONE_OBJECTIVE.items()},
                **{f"{method}_two_objectives": make(options.same).settings() for method, make in TWO_OBJECTIVES.items()},
            },
            "seeds": {"one_objective": options.seeds, "two_objectives": options.seeds_two},
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
