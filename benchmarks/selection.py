"""NSGA-II's selection of half a population, next to DEAP's and pymoo's, on the same random objectives in one process.

Our times and DEAP's start from evaluated individuals (reading their fitness included), pymoo's from its population. The targets at 1,000
and 5,000 individuals with two objectives are 1.5 and 6 ms. DEAP's default sorting takes seconds at 1,000 and most of a minute at
5,000, where it is left out. Takes about 15 seconds on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from deap import tools

from neuroevo import Individual
from neuroevo.selection import select_nsga2


def milliseconds(call: Callable[[], Any], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def population(values: np.ndarray) -> list[Individual]:
    made = []
    for id, row in enumerate(values.tolist()):
        individual = Individual(id, None, (-1.0,) * len(row))
        individual.fitness.values = row
        made.append(individual)
    return made


def pymoo_selection(values: np.ndarray) -> Callable[[], Any] | None:
    try:
        from pymoo.algorithms.moo.nsga2 import RankAndCrowdingSurvival
        from pymoo.core.population import Population
        from pymoo.core.problem import Problem
    except ImportError:
        return None
    problem = Problem(n_var=1, n_obj=values.shape[1])
    members = Population.new(X=np.zeros((len(values), 1)), F=values)
    survival = RankAndCrowdingSurvival()
    return lambda: survival.do(problem, members, n_survive=len(values) // 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--objectives", type=int, nargs="+", default=[2, 3])
    parser.add_argument("--repeats", type=int, default=51)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = []
    print(
        f"{'individuals':>12s}{'objectives':>11s}{'ours ms':>10s}{'DEAP log':>10s}{'DEAP':>10s}{'pymoo':>10s}   (times, then ratios)"
    )
    for objectives in options.objectives:
        for size in options.sizes:
            values = np.random.default_rng(options.seed).normal(size=(size, objectives))
            individuals = population(values)
            select_nsga2(individuals, size // 2)  # imports
            pymoo = pymoo_selection(values)
            row = {
                "individuals": size,
                "objectives": objectives,
                "ours_ms": milliseconds(lambda: select_nsga2(individuals, size // 2), options.repeats),  # noqa: B023
                "deap_log_ms": milliseconds(lambda: tools.selNSGA2(individuals, size // 2, nd="log"), 3),  # noqa: B023
                "deap_ms": None if size > 1000 else milliseconds(lambda: tools.selNSGA2(individuals, size // 2), 1),  # noqa: B023
                "pymoo_ms": None if pymoo is None else milliseconds(pymoo, 5),
            }
            runs.append(row)
            others = [row[name] for name in ("deap_log_ms", "deap_ms", "pymoo_ms")]
            shown = "".join(f"{'-':>10s}" if other is None else f"{other:10.1f}" for other in others)
            ratios = " ".join("-" if other is None else f"x{other / row['ours_ms']:.0f}" for other in others)
            print(f"{size:12d}{objectives:11d}{row['ours_ms']:10.2f}{shown}   {ratios}")
    if options.json:
        ours = {f"ms_{row['individuals']}_objectives_{row['objectives']}": row["ours_ms"] for row in runs}
        for row in runs:
            for peer in ("deap_log", "deap", "pymoo"):
                if row[f"{peer}_ms"] is not None:
                    name = f"ratio_{peer}_{row['individuals']}_objectives_{row['objectives']}"
                    ours[name] = row[f"{peer}_ms"] / row["ours_ms"]
        report = {
            "method": "NSGA-II selection",
            "paper": "Deb, Pratap, Agarwal & Meyarivan 2002",
            "settings": {"repeats": options.repeats, "seed": options.seed},
            "seeds": 1,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
