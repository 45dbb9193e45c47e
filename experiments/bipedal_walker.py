"""BipedalWalker-v3 by NEAT: a two-legged walker with 24 observations and 4 continuous actions, within a bounded budget.

Small feed-forward networks start as a linear map from observations to torques (tanh, scaled to the action's box); everybody plays the same
starts in a generation, episodes of the search are cut after 600 steps, and hopeless networks play one only. gymnasium counts a mean of 300
over 100 episodes as solved, under its own limit of 1,600 steps. The default budget is far too small for that: what is reported is the
mean reward of the best network on 100 fresh episodes, and the environment steps it took. Standing still gives about 0, falling at
once about -100. Needs the extra `gym`.
One core makes a few thousand environment steps a second: the default budget takes some ten minutes (`--seconds` bounds it).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.strategies import Neat
from neuroevo.tasks import Environment, StepCount

SOLVED = 300.0
PUBLISHED = {"mean_reward": SOLVED}  # no paper: gymnasium's threshold


def space(task: Environment) -> NeatSpace:
    """What evolves."""
    return NeatSpace(
        task.inputs,
        task.outputs,
        activations=("tanh",),
        bias="input",
        perturbation="gaussian",
        weight_mutation_share=0.3,
        weight_replace_rate=0.005,
        weight_power=0.15,
        weight_range=1.0,
        add_node_rate=0.01,
        add_connection_rate=0.02,
    )


def strategy(population: int) -> Neat:
    """As in experiments/lunar_lander.py: one species that does not stagnate."""
    return Neat(population=population, threshold=1000.0, stagnation=1000, refocus=0, threads=1)


class Watch(ne.Callback):
    """A line now and then: this is a long run."""

    def __init__(self, seed: int, count: StepCount, every: float = 30.0) -> None:
        self.seed, self.count, self.every, self.last = seed, count, every, time.monotonic()

    def on_generation(self, run: ne.Run) -> None:
        if time.monotonic() - self.last < self.every:
            return
        self.last = time.monotonic()
        fitness = run.strategy.living.fitness
        print(
            f"seed {self.seed}: generation {run.generation}, best {fitness.max():.0f}, mean {fitness.mean():.0f}, "
            f"{self.count.steps:,} environment steps, {run.seconds:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def solve(seed: int, task: Environment, options: argparse.Namespace) -> dict[str, Any]:
    """One run: the best of the last generation by 10 fresh episodes each of the five best, then played on 100."""
    count = StepCount()
    run = ne.evolve(
        space(task),
        task,
        strategy=strategy(options.population),
        budget=ne.Budget(generations=options.generations, seconds=options.seconds, target=SOLVED),
        seed=seed,
        workers=options.workers,
        run=options.run / f"bipedal-walker-{seed}" if options.run else None,
        record="champions",
        callbacks=[count, Watch(seed, count)],
        progress=False,
    )
    living = sorted(run.strategy.living, key=lambda individual: -individual.fitness.values[0])
    candidates = [individual.genome for individual in living[:5]]
    trials = [task.play(genome, episodes=10, seed=10_000 + seed) for genome in candidates]
    winner = candidates[max(range(len(trials)), key=lambda i: trials[i].rewards.mean())]
    played = task.play(winner, episodes=100, seed=seed)
    if options.film:
        task.record(winner, options.film.with_name(f"{options.film.stem}-{seed}.gif"), seed=seed)
    return {
        "seed": seed,
        "solved": bool(played.rewards.mean() >= SOLVED),
        "reward": float(played.rewards.mean()),
        "worst_reward": float(played.rewards.min()),
        "generations": run.generation,
        "evaluations": run.evaluations,
        "environment_steps": count.steps + sum(int(trial.steps.sum()) for trial in trials),
        "hidden": winner.hidden,
        "connections": int(winner.connections.enabled.sum()),
        "seconds": run.seconds,
        "genome": winner.to_dict(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--population", type=int, default=100)
    parser.add_argument("--generations", type=int, default=40)
    parser.add_argument("--seconds", type=float, help="stop a seed after so long")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; a run that is there goes on")
    parser.add_argument("--film", type=Path, help="film every winner as GIF: FILM-SEED.gif")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    task = Environment("BipedalWalker-v3", episodes=2, rungs=((1, -80.0),), steps=600, normalise="none", solved=SOLVED)
    runs = [solve(seed, task, options) for seed in seeds]
    ours: dict[str, float] = {"solved_seeds": sum(run["solved"] for run in runs), "seeds": len(runs)}
    for name in ("reward", "generations", "environment_steps", "connections", "hidden", "seconds"):
        ours[f"mean_{name}"] = statistics.fmean(run[name] for run in runs)
    table = Table("measure", "ours", "threshold", title=f"NEAT on BipedalWalker-v3 ({len(runs)} seeds)")
    for name, value in ours.items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}", f"{PUBLISHED[name]:,.0f}" if name in PUBLISHED else "-")
    Console(width=100).print(table)
    if options.json:
        report = {
            "method": "NEAT on BipedalWalker-v3",
            "paper": "Stanley & Miikkulainen 2002 (the method)",
            "settings": {
                "population": options.population,
                "generations": options.generations,
                "space": space(task).to_dict(),
                "strategy": strategy(options.population).settings(),
                "task": task.settings(),
            },
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
