"""NEAT under NSGA-II: reward against the number of connections, on CartPole-v1, with and without species.

NEAT's genomes evolve towards two objectives at once: the mean reward of 5 episodes (maximised) and the number of enabled connections
(minimised), from networks without any. `speciation` is a switch of `Nsga2`: half of each generation's places are then shared out among about
so many species. The front is played again on 100 fresh episodes. Reported for each setting: the fewest connections with which a network
reaches 475 there, in how many seeds one does, and the hypervolume of the front (reference: reward 0, 20 connections; 1 would be 500 without a
connection). No paper has this setting: the comparison is between the two. Needs the extra `gym`. 10 seeds of each take about two minutes
on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.selection.indicators import hypervolume
from neuroevo.strategies import Nsga2
from neuroevo.tasks import Environment, StepCount

SOLVED, MOST_REWARD, MOST_CONNECTIONS = 475.0, 500.0, 20.0
SPECIES = {"without species": 0, "with species": 6}


def space(task: Environment) -> NeatSpace:
    """What evolves: from no connections, which may also be lost again."""
    return NeatSpace(
        task.inputs,
        task.outputs,
        initial="none",
        add_connection_rate=0.3,
        remove_connection_rate=0.1,
        remove_node_rate=0.03,
        toggle_rate=0.05,
    )


def solve(seed: int, speciation: int, task: Environment, options: argparse.Namespace) -> dict[str, Any]:
    """One run; its front on fresh episodes."""
    count = StepCount()
    run = ne.evolve(
        space(task),
        task,
        strategy=Nsga2(population=options.population, speciation=speciation, deduplicate="none"),
        budget=ne.Budget(generations=options.generations),
        seed=seed,
        workers=options.workers,
        run=options.run / f"two-objectives-{speciation}-{seed}" if options.run else None,
        callbacks=[count],
        progress=False,
    )
    front = []
    for individual in run.front:
        reward = float(task.play(individual.genome, episodes=100, seed=seed).rewards.mean())
        front.append({"connections": int(individual.fitness.values[1]), "reward": reward})
    front.sort(key=lambda point: point["connections"])
    costs = np.array([[1.0 - p["reward"] / MOST_REWARD, p["connections"] / MOST_CONNECTIONS] for p in front])
    good = [point["connections"] for point in front if point["reward"] >= SOLVED]
    return {
        "seed": seed,
        "speciation": speciation,
        "front": front,
        "hypervolume": float(hypervolume(costs, np.ones(2))),
        "fewest_connections": min(good) if good else None,
        "evaluations": run.evaluations,
        "environment_steps": count.steps,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--population", type=int, default=60)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    task = Environment("CartPole-v1", episodes=5, objectives="reward,connections")
    jobs = [(seed, speciation) for speciation in SPECIES.values() for seed in seeds]
    with Progress(console=Console(stderr=True)) as progress:
        runs = [solve(*job, task, options) for job in progress.track(jobs, description="two objectives")]
    table = Table("measure", *SPECIES, title=f"NEAT under NSGA-II, CartPole-v1 ({len(seeds)} seeds)")
    ours: dict[str, float] = {}
    columns = []
    for label, speciation in SPECIES.items():
        chosen = [run for run in runs if run["speciation"] == speciation]
        fewest = [run["fewest_connections"] for run in chosen if run["fewest_connections"] is not None]
        values = {
            "solved_seeds": len(fewest),
            "mean_fewest_connections": statistics.fmean(fewest) if fewest else float("nan"),
            "mean_hypervolume": statistics.fmean(run["hypervolume"] for run in chosen),
            "mean_environment_steps": statistics.fmean(run["environment_steps"] for run in chosen),
        }
        columns.append(values)
        ours |= {f"{name}_{label.replace(' ', '_')}": value for name, value in values.items()}
    for name in columns[0]:
        table.add_row(name.replace("_", " "), *[f"{values[name]:,.3f}".rstrip("0").rstrip(".") for values in columns])
    Console(width=100).print(table)
    if options.json:
        report = {
            "method": "NEAT under NSGA-II: reward against connections",
            "paper": "Stanley & Miikkulainen 2002; Deb, Pratap, Agarwal & Meyarivan 2002 (the parts)",
            "settings": {
                "population": options.population,
                "generations": options.generations,
                "space": space(task).to_dict(),
                "task": task.settings(),
            },
            "seeds": seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
