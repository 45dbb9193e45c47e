"""Controllers on NAS-Bench-201: REINFORCE, PPO and Q-learning, two objectives by one reward (MONAS), and an expert's mirror (IRLAS).

`search`: one objective, 12,000 simulated seconds as in `nasbench201.py`: signal the validation accuracy after 12 epochs, reported the test
accuracy after 200 of the best cell by the signal; and the same after 100 evaluations. Beside the controllers stand random search and
regularized evolution. REINFORCE with logits and Adam 0.1 is Dong & Yang's (2020; published 93.85); "lstm, the paper's rate" has Zoph & Le's
(2017) sizes, rate and cubed accuracy; PPO has NASNet's rule (Zoph et al. 2018) at a rate that suits hundreds of samples. After
400 samples the mean signal of the last 50 says whether an LSTM learns at all. The rates were chosen on this same table.

`metaqnn`: Q-learning with the schedule of Baker et al. (2017), 2,700 different cells: the mean signal of all cells drawn at epsilon 1 and at 0.1, with
the reward at the last decision and in equal parts (BlockQNN; Zhong et al. 2018).

`monas`: accuracy after 200 epochs and FLOPs in one reward (Hsu et al. 2018): the cell with the best reward of 200 for several alphas; the share
of the last 100 samples of 1,000 that hold a cap on FLOPs, and a floor under the accuracy, with logits and with an LSTM; and the hypervolume of all 200 cells beside that of NSGA-II.

`irlas`: Q-learning with the mirror of an expert cell (Guo et al. 2019): edges of the last 20 of 100 cells that differ from the expert's, and test
accuracy, with weight 0 and 0.2, and with a bad expert.

The table is that of `nasbench201.py`. All parts with the default seeds take about 40 minutes in one process; half of it with `--workers 2`.
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

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table as Screen

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.core.objectives import FLOPS
from neuroevo.selection import normalised_hypervolume
from neuroevo.strategies import Capped, Floor, Mirror, Mixed, Power, QLearning, Reinforce

PUBLISHED = {
    "random_search": 93.70,
    "regularized_evolution": 93.92,
    "reinforce": 93.85,
}
SIMULATED_SECONDS = 12_000.0
EPOCHS = 12 / 2 + 1 / 6  # see nasbench201.py
PER_CENT = 0.01
SHORT = ((1.0, 20), (0.5, 20), (0.3, 20), (0.1, 40))  # epsilons of Q-learning for a hundred cells

PPO: dict[str, Any] = {
    "policy": "lstm", "rule": "ppo", "hidden": 100, "layers": 1, "initial": 0.1, "learning_rate": 1e-3, "batch": 10, "passes": 10, "baseline": 0.95,
}  # fmt: skip
SEARCHES: dict[str, Callable[[], strategies.Strategy]] = {
    "random_search": lambda: strategies.RandomSearch(),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=20, sample=5),
    "reinforce": lambda: Reinforce(reward=Power(scale=PER_CENT)),
    "lstm_paper": lambda: Reinforce(policy="lstm", learning_rate=6e-4, reward=Power(3, scale=PER_CENT)),
    "lstm": lambda: Reinforce(policy="lstm", learning_rate=4e-3, reward=Power(3, scale=PER_CENT)),
    "ppo_lstm": lambda: Reinforce(**PPO, reward=Power(scale=PER_CENT)),
    "q_learning": lambda: QLearning(alpha=0.1, shaping="equal", schedule=SHORT, reward=Power(scale=PER_CENT)),
}
ALPHAS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
LARGEST = 220.12e6  # FLOPs of the largest cell: what counts as cost 1
CAP, FLOOR = 60e6, 0.90
EXPERT, BAD_EXPERT = "303101", "000000"


def benchmark(path: Path, signal: str = "c10_val12", **more: Any) -> ne.tasks.Table:
    objective = {signal: ne.maximise, **more}
    return ne.tasks.Table(path, key="ops", signal=objective, report=("c10_test200",), cost="epoch_s_c10", cost_factor=EPOCHS)


def evolved(task: ne.tasks.Table, strategy: strategies.Strategy, seed: int, **budget: float) -> list[Any]:
    """The individuals of a search in the order of their birth."""
    run = ne.evolve(CellSpace(), task, strategy=strategy, budget=ne.Budget(**budget), seed=seed, progress=False)  # type: ignore[arg-type]
    return list(run)


def best_test(individuals: list[Any], signal: str = "c10_val12") -> float:
    return float(max(individuals, key=lambda one: one.values[signal]).info["scores"]["c10_test200"])


def mean_of(individuals: list[Any], name: str) -> float:
    return statistics.fmean(one.values[name] for one in individuals)


def search(method: str, seed: int, table: Path) -> dict[str, Any]:
    start, task = time.perf_counter(), benchmark(table)
    found = evolved(task, SEARCHES[method](), seed, simulated_seconds=SIMULATED_SECONDS)
    result = {"test_12000_s": best_test(found), "evaluations": len(found)}
    later = evolved(task, SEARCHES[method](), seed, evaluations=400 if method in ("lstm", "lstm_paper", "ppo_lstm") else 100)
    result |= {"test_100": best_test(later[:100])}
    if len(later) == 400:
        result["signal_351_to_400"] = mean_of(later[350:], "c10_val12")
    result["ms_an_evaluation"] = 1000.0 * (time.perf_counter() - start) / (len(found) + len(later))
    return result


def metaqnn(shaping: str, seed: int, table: Path) -> dict[str, Any]:
    strategy = QLearning(shaping=shaping, reward=Power(scale=PER_CENT))  # type: ignore[arg-type]
    budget = ne.Budget(evaluations=2700)
    run = ne.evolve(CellSpace(), benchmark(table), strategy=strategy, budget=budget, seed=seed, progress=False)
    drawn, different = run.summaries, list(run)
    return {
        "epsilon_1": mean_drawn(drawn[:1500]),
        "epsilon_01": mean_drawn(drawn[-150:]),
        "different_epsilon_01": mean_of(different[-150:], "c10_val12"),
        "drawn": sum(one["drawn"] for one in drawn),
    }


def mean_drawn(summaries: list[dict[str, Any]]) -> float:
    """The mean signal of all cells that were drawn, those that were known among them, in per cent."""
    drawn = sum(one["drawn"] for one in summaries)
    return 100.0 * sum(one["drawn_reward"] * one["drawn"] for one in summaries) / drawn


def controller(reward: Any) -> Reinforce:
    return Reinforce(policy="lstm", learning_rate=4e-3, batch=2, reward=reward)


def constrained(reward: Any, policy: str) -> Reinforce:
    return Reinforce(reward=reward) if policy == "logits" else Reinforce(**PPO, reward=reward)


def monas(which: str, seed: int, table: Path) -> dict[str, Any]:
    task = benchmark(table, "c10_val200", flops=FLOPS)
    if which in ("nsga2", "random_search"):
        strategy: Any = strategies.Nsga2() if which == "nsga2" else strategies.RandomSearch()
        return {"hypervolume": covered(evolved(task, strategy, seed, evaluations=200), table)}
    reward_of, _, policy = which.partition("_")
    if reward_of == "capped":
        last = evolved(task, constrained(Capped("flops", CAP, scale=PER_CENT), policy), seed, evaluations=1000)[-100:]
        return {"held": statistics.fmean(one.values["flops"] <= CAP for one in last), "accuracy": mean_of(last, "c10_val200")}
    if reward_of == "floor":
        last = evolved(task, constrained(Floor("flops", FLOOR, LARGEST, scale=PER_CENT), policy), seed, evaluations=1000)[-100:]
        held = statistics.fmean(one.values["c10_val200"] >= 100 * FLOOR for one in last)
        return {"held": held, "mflops": mean_of(last, "flops") / 1e6}
    reward = Mixed(float(which), {"flops": LARGEST}, scale=PER_CENT)
    found = evolved(task, controller(reward), seed, evaluations=200)
    best = max(found, key=reward)
    return {
        "mflops": best.values["flops"] / 1e6,
        "error": 100 - best.info["scores"]["c10_test200"],
        "hypervolume": covered(found, table),
    }


def covered(individuals: list[Any], table: Path) -> float:
    """The share of the exact hypervolume of validation error and FLOPs, min-max normalised over the table, reference (1, 1)."""
    rows = np.array(list(ne.tasks.Table(table, key="ops", signal=("c10_val200"), report=("flops_M_c10",)).rows().values()))
    whole = np.stack([100.0 - rows[:, 0], rows[:, 1]], axis=1)
    points = np.array([[100.0 - one.values["c10_val200"], one.values["flops"] / 1e6] for one in individuals])
    ideal, worst = whole.min(axis=0), whole.max(axis=0)
    return normalised_hypervolume(points, ideal, worst) / normalised_hypervolume(whole, ideal, worst)


def irlas(which: str, seed: int, table: Path) -> dict[str, Any]:
    space = CellSpace()
    name = BAD_EXPERT if which == "bad_expert" else EXPERT
    expert = space.build([int(digit) for digit in name])
    reward: Any = Power(scale=PER_CENT)
    if which != "weight_0":
        reward = Mirror(expert, weight=0.2, discount=0.9, base=reward)
    strategy = QLearning(alpha=0.1, shaping="equal", schedule=SHORT, reward=reward)
    found = evolved(benchmark(table), strategy, seed, evaluations=100)
    return {"edges": statistics.fmean(one.genome.distance(expert) for one in found[-20:]), "test": best_test(found)}


PARTS: dict[str, tuple[Callable[[str, int, Path], dict[str, Any]], tuple[str, ...]]] = {
    "search": (search, tuple(SEARCHES)),
    "metaqnn": (metaqnn, ("terminal", "equal")),
    "monas": (monas, (*map(str, ALPHAS), "capped_logits", "capped_lstm", "floor_logits", "floor_lstm", "nsga2", "random_search")),
    "irlas": (irlas, ("weight_0", "weight_02", "bad_expert")),
}
SEEDS = {"search": 500, "metaqnn": 10, "monas": 20, "irlas": 200}
FEWER = {"lstm_paper": 100, "lstm": 100, "ppo_lstm": 100}  # of the methods whose steps cost more


def work(job: tuple[str, str, int, Path]) -> dict[str, Any]:
    part, method, seed, table = job
    return {"part": part, "method": method, "seed": seed, **PARTS[part][0](method, seed, table)}


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
    parser.add_argument("--methods", nargs="*", help="of these parts only")
    parser.add_argument("--seeds", type=int, help=f"searches of each method; by default {SEEDS}")
    parser.add_argument("--workers", type=int, default=1, help="processes that searches are spread over")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    if not options.table.is_file():
        sys.exit(
            f"there is no table at {options.table}: give the benchmark's CSV file with --table (its columns: see nasbench201.py)"
        )
    ours: dict[str, float] = {}
    runs: list[dict[str, Any]] = []
    screen = Screen("part", "method", "figure", "mean", "spread", "worst", "best", "seeds")
    for part in options.parts:
        for method in PARTS[part][1]:
            if options.methods and method not in options.methods:
                continue
            seeds = options.seeds or min(SEEDS[part], FEWER.get(method, SEEDS[part]))
            found = run_all([(part, method, seed, options.table) for seed in range(seeds)], options.workers, f"{part}: {method}")
            runs.extend(found)
            for name in [key for key in found[0] if key not in ("part", "method", "seed")]:
                values = [one[name] for one in found]
                ours[f"{part}_{method}_{name}"] = statistics.fmean(values)
                numbers = (statistics.fmean(values), statistics.pstdev(values), min(values), max(values))
                screen.add_row(part, method, name, *[f"{number:.3f}" for number in numbers], str(seeds))
            if part == "metaqnn":
                least = min(one["epsilon_01"] - one["epsilon_1"] for one in found)
                ours[f"{part}_{method}_least_gain"] = least
                screen.add_row(part, method, "least gain", f"{least:.3f}", "", "", "", str(seeds))
    Console(width=120).print(screen)
    if options.json:
        report = {
            "method": "REINFORCE, PPO, Q-learning, MONAS, IRLAS on NAS-Bench-201",
            "paper": "Williams 1992; Zoph & Le 2017; Zoph et al. 2018; Baker et al. 2017; Zhong et al. 2018; Hsu et al. 2018; Guo et al. 2019",
            "settings": {
                "simulated_seconds": SIMULATED_SECONDS,
                "epochs_an_evaluation": EPOCHS,
                "cap_flops": CAP,
                "floor_accuracy": FLOOR,
                "expert": EXPERT,
                "bad_expert": BAD_EXPERT,
                **{method: make().settings() for method, make in SEARCHES.items()},
            },
            "seeds": options.seeds or SEEDS,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
