"""CartPole-v1 by NEAT: balance a pole on a cart, in gymnasium's own environment.

The whole population plays at once, in steps that are compiled and equal gymnasium's. A run is solved when a network's mean reward over 100 fresh
episodes is at least 475 (gymnasium's threshold; an episode lasts at most 500 steps); the winner is then played on another 100 fresh
episodes, which are what is reported. Needs the extra `gym`. 20 seeds take about a minute on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

import neuroevo as ne
from neuroevo.strategies import Neat
from neuroevo.tasks import Environment, StepCount

SOLVED = 475.0
PUBLISHED = {"failures": 0, "mean_reward": SOLVED}  # no paper: gymnasium's threshold


def solve(seed: int, task: Environment, options: argparse.Namespace) -> dict[str, Any]:
    """One run."""
    count = StepCount()
    run = ne.evolve(
        task.space(),
        task,
        strategy=Neat(population=options.population),
        budget=ne.Budget(generations=options.generations, target=SOLVED),
        seed=seed,
        workers=options.workers,
        run=options.run / f"cartpole-{seed}" if options.run else None,
        record="champions",
        callbacks=[count],
        progress=False,
    )
    winner = run.best.genome
    reward = float(task.play(winner, episodes=100, seed=seed).rewards.mean())
    if options.film and seed == 0:
        task.record(winner, options.film)
    return {
        "seed": seed,
        "solved": run.solved and reward >= SOLVED,
        "reward": reward,
        "generations": run.generation,
        "evaluations": run.evaluations,
        "environment_steps": count.steps,
        "hidden": winner.hidden,
        "connections": int(winner.connections.enabled.sum()),
        "seconds": run.seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--generations", type=int, default=100, help="a run that needs more is a failure")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder")
    parser.add_argument("--film", type=Path, help="film the winner of seed 0 as this GIF")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    task = Environment("CartPole-v1", episodes=2, solved=SOLVED)
    runs = [solve(seed, task, options) for seed in track(seeds, "CartPole-v1", console=Console(stderr=True))]
    names = ("reward", "generations", "evaluations", "environment_steps", "hidden", "connections")
    ours = {"failures": sum(not run["solved"] for run in runs), "least_reward": min(run["reward"] for run in runs)}
    ours |= {f"mean_{name}": statistics.fmean(run[name] for run in runs) for name in names}
    table = Table("measure", "ours", "threshold", title=f"NEAT on CartPole-v1 ({len(runs)} seeds)")
    for name, value in ours.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}", f"{PUBLISHED[name]:,.0f}" if name in PUBLISHED else "-")
    Console(width=100).print(table)
    if options.json:
        report = {
            "method": "NEAT on CartPole-v1",
            "paper": "Stanley & Miikkulainen 2002 (the method)",
            "settings": {"population": options.population, "generations": options.generations, "task": task.settings()},
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
