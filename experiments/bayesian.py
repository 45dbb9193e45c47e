"""Bayesian optimization, PNAS and local search on NAS-Bench-201, beside random search and regularized evolution.

`search`, one objective: the signal is the validation accuracy after 200 epochs; reported are the test accuracy of the best cell by the signal
after 50, 100 and 200 evaluations, and the share of the searches that found the cell with the best signal of all 15,625 by then. Local search
(White, Nolen & Savani 2021) is the baseline that many papers leave out.

`seconds`, as the benchmark's own figures are made (Dong & Yang 2020): the signal is the validation accuracy after 12 epochs, a search has 12,000
simulated seconds, some 90 cells; reported is the test accuracy of the best by the signal.

`two`, two objectives: after how many evaluations everything evaluated covers 99.9 % of the exact front's hypervolume (error after 200 epochs and
FLOPs, as in `nasbench201.py`), beside NSGA-II.

"wl" is the strategy as it comes (a Gaussian process of Weisfeiler-Lehman features; Ru et al. 2021), "nasbot" has NASBOT's kernel and 20 random
cells first (Kandasamy et al. 2018), "edit" and "wl_tree" have AutoKeras's distance and its inner search (Jin, Song & Hu 2019), "bananas" is
BANANAS (White, Neiswanger & Savani 2021: an ensemble of networks on paths, independent Thompson draws, batches of ten), "wl_thompson" has its
acquisition; "pnas" is fitted again three times at each size, "pnas_one_batch" once as in the paper (Liu
et al. 2018); both end after 158 cells, 98 of them of the largest size.

The table is that of `nasbench201.py`. A search with a model takes 8 to 80 seconds (NASBOT's kernel) in one process; `--workers 2` spreads the
searches over two.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Screen

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.core.objectives import FLOPS, Objective
from neuroevo.predictors import Ensemble, GaussianProcess, LstmEnsemble, Neighbours

sys.path[:0] = [str(Path(__file__).parent)]

from nasbench201 import EPOCHS, SIMULATED_SECONDS, Benchmark, UntilReached  # noqa: E402

SIGNAL, TEST = "c10_val200", "c10_test200"
AFTER = (50, 100, 200)

SEARCHES: dict[str, Callable[[], strategies.Strategy]] = {
    "random_search": lambda: strategies.RandomSearch(batch=1, deduplicate="key"),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=30, sample=10),
    "local_search": lambda: strategies.LocalSearch(),
    "local_search_best": lambda: strategies.LocalSearch(move="best"),
    "wl": lambda: strategies.Bayesian(),
    "wl_local": lambda: strategies.Bayesian(inner="local"),
    "wl_tree": lambda: strategies.Bayesian(inner="annealed_tree"),
    "wl_thompson": lambda: strategies.Bayesian(acquisition="thompson"),
    "bananas": lambda: strategies.Bayesian(Ensemble(), acquisition="thompson", batch=10),
    "edit": lambda: strategies.Bayesian(GaussianProcess("edit")),
    "otmann": lambda: strategies.Bayesian(GaussianProcess("otmann")),
    "nasbot": lambda: strategies.Bayesian(GaussianProcess("nasbot"), initial=20),
    "hamming": lambda: strategies.Bayesian(GaussianProcess("hamming")),
    "neighbours": lambda: strategies.Bayesian(Neighbours()),
    "pnas": lambda: strategies.Progressive(best=98),
    "pnas_one_batch": lambda: strategies.Progressive(best=98, batches=1),
    "pnas_lstm": lambda: strategies.Progressive(LstmEnsemble(), best=98),
    "pnas_mlp": lambda: strategies.Progressive(Ensemble("blocks", layers=1, width=100), best=98),
}
TWO_OBJECTIVES: dict[str, Callable[[], strategies.Strategy]] = {
    "nsga2": lambda: strategies.Nsga2(),
    "bayesian": lambda: strategies.Bayesian(),
    "bayesian_hamming": lambda: strategies.Bayesian(GaussianProcess("hamming")),
}
BESIDE = ("random_search", "regularized_evolution", "local_search")  # always shown


def search(method: str, seed: int, table: Path, evaluations: int = max(AFTER)) -> dict[str, Any]:
    """One search with one objective."""
    accuracy = Objective(SIGNAL, "maximise", ideal=100.0)  # per cent
    task = ne.tasks.Table(table, key="ops", signal={SIGNAL: accuracy}, report=(TEST,))
    start = time.perf_counter()
    budget = ne.Budget(evaluations=evaluations)
    run = ne.evolve(CellSpace(), task, strategy=SEARCHES[method](), budget=budget, seed=seed, progress=False)
    seconds = time.perf_counter() - start
    found = list(run)
    signals = [one.values[SIGNAL] for one in found]
    result: dict[str, Any] = {"evaluations": len(found), "ms_an_evaluation": 1000 * seconds / len(found)}
    for count in [count for count in AFTER if count <= evaluations]:
        best = max(found[:count], key=lambda one: one.values[SIGNAL])
        result[f"test_accuracy_{count}"] = best.info["scores"][TEST]
    optimum = max(row[0] for row in task.rows().values())
    result["optimum_200"] = float(max(signals) == optimum)
    result["evaluations_to_optimum"] = signals.index(optimum) + 1 if optimum in signals else None
    return result


def seconds(method: str, seed: int, table: Path) -> dict[str, Any]:
    """One search of 12,000 simulated seconds, with one objective."""
    accuracy = Objective("c10_val12", "maximise", ideal=100.0)
    task = ne.tasks.Table(
        table, key="ops", signal={"c10_val12": accuracy}, report=(TEST,), cost="epoch_s_c10", cost_factor=EPOCHS
    )
    budget = ne.Budget(simulated_seconds=SIMULATED_SECONDS)
    run = ne.evolve(CellSpace(), task, strategy=SEARCHES[method](), budget=budget, seed=seed, progress=False)
    return {"test_accuracy_seconds": run.best.info["scores"][TEST], "evaluations": run.evaluations}


def two(method: str, seed: int, table: Path, cap: int = 800) -> dict[str, Any]:
    """One search with two objectives."""
    error = Objective(SIGNAL, "maximise", ideal=100.0)
    task = ne.tasks.Table(table, key="ops", signal={SIGNAL: error, "flops": FLOPS})
    watch = UntilReached(Benchmark(table))
    start = time.perf_counter()
    run = ne.evolve(
        CellSpace(),
        task,
        strategy=TWO_OBJECTIVES[method](),
        budget=ne.Budget(evaluations=cap),
        seed=seed,
        callbacks=[watch],
        progress=False,
    )
    reached = run.ended == "stopped"
    seconds = time.perf_counter() - start
    count = watch.evaluations if reached else cap
    return {"evaluations_to_999": count, "reached": float(reached), "ms_an_evaluation": 1000 * seconds / watch.evaluations}


def work(job: tuple[str, str, int, Path]) -> dict[str, Any]:
    part, method, seed, table = job
    return {"part": part, "method": method, "seed": seed, **PARTS[part](method, seed, table)}


PARTS: dict[str, Callable[[str, int, Path], dict[str, Any]]] = {"search": search, "seconds": seconds, "two": two}


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
            for result in pool.map(work, jobs, chunksize=1):
                found.append(result)
                progress.advance(bar)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--table", type=Path, default=Path("../shared/data/nb201_cifar10.csv.gz"), help="CSV file of the benchmark"
    )
    parser.add_argument("--parts", nargs="*", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--methods", nargs="*", choices=list(SEARCHES | TWO_OBJECTIVES), help="these, beside the baselines, which are always run"
    )
    parser.add_argument("--seeds", type=int, default=30, help="searches of each method")
    parser.add_argument("--workers", type=int, default=1, help="processes that searches are spread over")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    if not options.table.is_file():
        sys.exit(
            f"there is no table at {options.table}: give the benchmark's CSV file with --table (its columns: see nasbench201.py)"
        )
    ours: dict[str, float] = {}
    runs: list[dict[str, Any]] = []
    one = [*BESIDE, *[name for name in options.methods or SEARCHES if name in SEARCHES and name not in BESIDE]]
    chosen = {
        "search": one,
        "seconds": one,
        "two": ["nsga2", *[name for name in options.methods or TWO_OBJECTIVES if name in TWO_OBJECTIVES and name != "nsga2"]],
    }
    console = Console(width=120)
    if "search" in options.parts:
        screen = Screen("method", "after 50", "after 100", "after 200", "optimum by 200", "ms an evaluation", "seeds")
        for method in chosen["search"]:
            found = run_all([("search", method, seed, options.table) for seed in range(options.seeds)], options.workers, method)
            runs.extend(found)
            names = [f"test_accuracy_{count}" for count in AFTER] + ["optimum_200", "ms_an_evaluation"]
            means = {name: statistics.fmean(one[name] for one in found) for name in names}
            ours |= {f"{method}_{name}": value for name, value in means.items()}
            screen.add_row(method, *[f"{means[name]:.2f}" for name in names[:4]], f"{means[names[4]]:.0f}", str(options.seeds))
        console.print(screen)
    if "seconds" in options.parts:
        screen = Screen("method", f"after {SIMULATED_SECONDS:,.0f} s", "deviation", "evaluations", "seeds")
        for method in chosen["seconds"]:
            found = run_all([("seconds", method, seed, options.table) for seed in range(options.seeds)], options.workers, method)
            runs.extend(found)
            accuracies = [one["test_accuracy_seconds"] for one in found]
            ours[f"{method}_test_accuracy_seconds"] = statistics.fmean(accuracies)
            count = statistics.fmean(one["evaluations"] for one in found)
            deviation = statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0
            screen.add_row(method, f"{statistics.fmean(accuracies):.2f}", f"{deviation:.2f}", f"{count:.0f}", str(options.seeds))
        console.print(screen)
    if "two" in options.parts:
        screen = Screen("method", "evaluations to 99.9 %", "least", "most", "reached", "ms an evaluation", "seeds")
        for method in chosen["two"]:
            found = run_all([("two", method, seed, options.table) for seed in range(options.seeds)], options.workers, method)
            runs.extend(found)
            counts = [one["evaluations_to_999"] for one in found]
            ours[f"{method}_evaluations_to_999"] = statistics.median(counts)
            share, cost = (statistics.fmean(one[name] for one in found) for name in ("reached", "ms_an_evaluation"))
            numbers = [f"{statistics.median(counts):.0f}", str(min(counts)), str(max(counts)), f"{share:.2f}", f"{cost:.0f}"]
            screen.add_row(method, *numbers, str(options.seeds))
        console.print(screen)
    if options.json:
        report = {
            "method": "Bayesian optimization, PNAS and local search on NAS-Bench-201",
            "paper": "Kandasamy et al. 2018; Jin, Song & Hu 2019; White, Neiswanger & Savani 2021; Liu et al. 2018; White, Nolen & Savani 2021",
            "settings": {
                "signal": SIGNAL,
                **{method: SEARCHES[method]().settings() for method in chosen["search"]},
                **{f"{method}_two_objectives": TWO_OBJECTIVES[method]().settings() for method in chosen["two"]},
            },
            "seeds": options.seeds,
            "published": {"REA 12,000 s": 93.92, "BOHB 12,000 s": 93.61, "random search 12,000 s": 93.70},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
