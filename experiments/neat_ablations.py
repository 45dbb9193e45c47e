"""What each part of NEAT is worth (Stanley & Miikkulainen 2002, section 5): ablations on double pole balancing with velocities.

full: NEAT as in experiments/double_pole_velocities.py. No mating: every child has one parent. Random initial population: first genomes have 1 to 10
hidden nodes on random connections instead of none; the same with a threshold that moves towards 15 species. No speciation: one species, hence no
protection of new structure; as in the paper it starts from random topologies, which without speciation would not grow. No growth: ten hidden
nodes, fully connected, topology fixed.
Published evaluations / failures: 3,600 / 0; 5,557 / 0; 23,033 / 5 %; 25,600 / 25 %; 30,239 / 80 %.

The order found here is the paper's but for one pair: from random topologies, no speciation is faster than speciation. 150 random topologies make
about 148 species, and still 93 five generations later, each with one or two children, so little is selected. Nothing fails here, and mating is
worth less than in the paper (4 % of the evaluations in 100 runs).

A run that is not solved after 1,000 generations of 150 has failed. `ours` has the mean evaluations of the runs that were solved (as published)
and, as `_with_failures`, of all runs, failed ones with what they used. Takes about 10 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
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

PUBLISHED = {
    "full": (3600, 0.0),
    "no_mating": (5557, 0.0),
    "random_initial": (23033, 0.05),
    "random_initial_15_species": (23033, 0.05),
    "no_speciation": (25600, 0.25),
    "no_growth": (30239, 0.80),
}
POPULATION = 150
SPACE = NeatSpace(inputs=6, outputs=1)
RANDOM = replace(SPACE, initial="random", initial_hidden=10)
FIXED = replace(SPACE, initial="full", initial_hidden=10, add_node_rate=0.0, add_connection_rate=0.0)
NEAT = Neat(population=POPULATION, threads=1)
ABLATIONS = {
    "full": (SPACE, NEAT),
    "no_mating": (SPACE, replace(NEAT, crossover=0.0)),
    "random_initial": (RANDOM, NEAT),
    "random_initial_15_species": (RANDOM, replace(NEAT, target_species=15)),
    "no_speciation": (RANDOM, replace(NEAT, threshold=math.inf)),
    "no_growth": (FIXED, NEAT),
}


def solve(job: tuple[str, int, int, Path | None]) -> dict[str, Any]:
    """One run."""
    name, seed, generations, folder = job
    space, strategy = ABLATIONS[name]
    task = DoublePole(velocities=True)
    run = ne.evolve(
        space,
        task,
        strategy=replace(strategy),
        budget=ne.Budget(generations=generations, target=task.target),
        seed=seed,
        run=None if folder is None else folder / f"{name}-seed-{seed}",
        record="champions",
        progress=False,
    )
    return {
        "ablation": name,
        "seed": seed,
        "solved": run.solved,
        "evaluations": run.evaluations,
        "hidden": run.best.genome.hidden,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one run of each ablation with this seed")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each ablation, with seeds 0, 1, ...")
    parser.add_argument("--ablations", nargs="+", choices=list(ABLATIONS), default=list(ABLATIONS), help="only these")
    parser.add_argument("--generations", type=int, default=1000, help="after which a run has failed")
    parser.add_argument("--workers", type=int, default=1, help="processes that runs are spread over")
    parser.add_argument("--run", type=Path, help="record every run in this folder")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    seeds = list(range(options.seeds)) if options.seed is None else [options.seed]
    jobs = [(name, seed, options.generations, options.run) for name in options.ablations for seed in seeds]
    with Progress(console=Console(stderr=True)) as progress, ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        runs = list(progress.track(pool.map(solve, jobs), total=len(jobs), description="ablations"))

    ours: dict[str, float] = {}
    table = Table("ablation", "evaluations", "with failures", "failures", "published evaluations", "published failures")
    table.title = f"NEAT's parts on double pole with velocities ({len(seeds)} runs each)"
    for name in options.ablations:
        evaluations, failures = PUBLISHED[name]
        own = [run for run in runs if run["ablation"] == name]
        solved = [run["evaluations"] for run in own if run["solved"]]
        ours[f"{name}_evaluations"] = statistics.fmean(solved) if solved else math.inf
        ours[f"{name}_evaluations_with_failures"] = statistics.fmean(run["evaluations"] for run in own)
        ours[f"{name}_failures"] = 1.0 - len(solved) / len(own)
        table.add_row(
            name.replace("_", " "),
            f"{ours[f'{name}_evaluations']:,.0f}",
            f"{ours[f'{name}_evaluations_with_failures']:,.0f}",
            f"{ours[f'{name}_failures']:.0%}",
            f"{evaluations:,}",
            f"{failures:.0%}",
        )
    Console(width=110).print(table)
    if options.json:
        report = {
            "method": "NEAT, ablations on double pole balancing with velocities",
            "paper": "Stanley & Miikkulainen 2002",
            "settings": {
                "generations": options.generations,
                **{
                    name: {"space": space.to_dict(), "strategy": strategy.settings()}
                    for name, (space, strategy) in ABLATIONS.items()
                    if name in options.ablations
                },
            },
            "seeds": seeds,
            "published": {
                f"{name}_{what}": value
                for name in options.ablations
                for what, value in zip(("evaluations", "failures"), PUBLISHED[name], strict=True)
            },
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
