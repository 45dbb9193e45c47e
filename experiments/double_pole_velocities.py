"""NEAT on double pole balancing with velocities (Stanley & Miikkulainen 2002, section 4.2): evaluations until the poles stay up.

Two poles of 1 m and 0.1 m on a cart, all six state variables given; solved when they stay up for 100,000 decisions (33 minutes) from a
start with the long pole at 1 degree. Population 150. Published: 3,600 evaluations on average, no failures. A failure here is a run that is
not solved after 50,000 evaluations; it counts with these.

Beside the paper: in how many of the 625 starts of the paper's generalization test (meant for the task without velocities) the winner keeps
the poles up for 1,000 decisions. Takes about a minute for 50 seeds on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.simulators import DoublePole
from neuroevo.strategies import Neat

PUBLISHED = {"failures": 0, "mean_evaluations": 3600}
CAP = 50_000


def solve(job: tuple[int, int, float, Path | None]) -> dict[str, Any]:
    """One run."""
    seed, population, start_angle, folder = job
    task = DoublePole(velocities=True, start_angle=start_angle)
    run = ne.evolve(
        NeatSpace(inputs=task.inputs, outputs=task.outputs),
        task,
        strategy=Neat(population=population, threads=1),
        budget=ne.Budget(evaluations=CAP, target=task.target),
        seed=seed,
        run=None if folder is None else folder / f"seed-{seed}",
        record="champions",
        progress=False,
    )
    genome = run.best.genome
    return {
        "seed": seed,
        "solved": run.solved,
        "evaluations": run.evaluations,
        "generalization": task.generalization(genome.network()),
        "hidden": genome.hidden,
        "connections": int(genome.connections.enabled.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one run with this seed")
    parser.add_argument("--seeds", type=int, default=50, help="runs, with seeds 0, 1, ...")
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--start-angle", type=float, default=1.0, help="of the long pole, degrees")
    parser.add_argument("--workers", type=int, default=1, help="processes that runs are spread over")
    parser.add_argument("--run", type=Path, help="record every run in this folder")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    seeds = list(range(options.seeds)) if options.seed is None else [options.seed]
    jobs = [(seed, options.population, math.radians(options.start_angle), options.run) for seed in seeds]
    with Progress(console=Console(stderr=True)) as progress, ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        runs = list(progress.track(pool.map(solve, jobs), total=len(jobs), description="double pole, velocities"))

    ours = {
        "failures": sum(not run["solved"] for run in runs),
        "mean_evaluations": statistics.fmean(run["evaluations"] for run in runs),
        "median_evaluations": statistics.median(run["evaluations"] for run in runs),
        "worst_evaluations": max(run["evaluations"] for run in runs),
        "mean_generalization": statistics.fmean(run["generalization"] for run in runs),
        "mean_hidden": statistics.fmean(run["hidden"] for run in runs),
        "mean_connections": statistics.fmean(run["connections"] for run in runs),
    }
    table = Table("measure", f"ours ({len(runs)} runs)", "published", title="NEAT, double pole with velocities")
    for name, value in ours.items():
        table.add_row(
            name.replace("_", " "),
            f"{value:,.2f}".rstrip("0").rstrip("."),
            f"{PUBLISHED.get(name, '-'):,}" if name in PUBLISHED else "-",
        )
    Console(width=100).print(table)
    if options.json:
        task = DoublePole(velocities=True, start_angle=math.radians(options.start_angle))
        report = {
            "method": "NEAT, double pole balancing with velocities",
            "paper": "Stanley & Miikkulainen 2002",
            "settings": {
                "space": NeatSpace(inputs=task.inputs, outputs=task.outputs).to_dict(),
                "strategy": Neat(population=options.population).settings(),
                "task": task.settings(),
                "cap": CAP,
            },
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
