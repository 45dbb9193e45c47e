"""LunarLander-v3 by NEAT: land a craft between two flags with four actions, in gymnasium's own environment (Box2D).

Small feed-forward networks start as a linear map from the 8 observations to the 4 actions. Each generation everybody plays the same
few starts, new ones each generation; an episode of the search is cut after 400 steps, so that hovering does not cost time, and hopeless
networks play one start only. Who reaches 200 there is tested on 100 fresh episodes under the environment's own limit of 1,000 steps; the
first network whose mean is at least 200 ends the run, and is then played on another 100 fresh episodes, which are what is reported. A seed
counts as solved if that second mean is at least 200 (gymnasium's threshold).

The settings were chosen after looking at seed 0. Needs the extra `gym`. One core makes some 15,000 environment steps a second; seeds
that are solved take one to seven million (1 to 8 minutes), one that is not 18 million until its 300 generations end.
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

SOLVED = 200.0
PUBLISHED = {"reward": SOLVED}  # no paper: gymnasium's threshold


def space(task: Environment) -> NeatSpace:
    """What evolves: outputs are compared, so they need no squashing."""
    return NeatSpace(
        task.inputs,
        task.outputs,
        activations=("tanh",),
        output_activation="identity",
        bias="input",
        perturbation="gaussian",
        weight_mutation_share=0.3,
        weight_replace_rate=0.005,
        weight_power=0.15,
        weight_range=1.0,
        bias_power=0.5,
        bias_range=1.0,
        add_node_rate=0.01,
        add_connection_rate=0.02,
    )


def strategy(population: int) -> Neat:
    """NEAT in one species that does not stagnate: rewards of one generation are noisy, so small species lose what they found, and no
    improvement says little."""
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
    """One run."""
    count = StepCount()
    run = ne.evolve(
        space(task),
        task,
        strategy=strategy(options.population),
        budget=ne.Budget(generations=options.generations, seconds=options.seconds, target=SOLVED),
        seed=seed,
        workers=options.workers,
        run=options.run / f"lunar-lander-{seed}" if options.run else None,
        record="champions",
        callbacks=[count, Watch(seed, count)],
        progress=False,
    )
    winner = run.best.genome
    reward = task.play(winner, episodes=100, seed=seed).rewards
    if options.film:
        task.record(winner, options.film.with_name(f"{options.film.stem}-{seed}.gif"), seed=seed)
    return {
        "seed": seed,
        "solved": run.solved and bool(reward.mean() >= SOLVED),
        "reward": float(reward.mean()),
        "worst_reward": float(reward.min()),
        "generations": run.generation,
        "evaluations": run.evaluations,
        "environment_steps": count.steps,
        "hidden": winner.hidden,
        "connections": int(winner.connections.enabled.sum()),
        "seconds": run.seconds,
        "genome": winner.to_dict(),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    """What is reported."""
    solved = [run for run in runs if run["solved"]]
    ours: dict[str, float] = {"solved_seeds": len(solved), "seeds": len(runs)}
    for name in ("reward", "generations", "environment_steps", "connections", "hidden", "seconds"):
        ours[f"mean_{name}"] = statistics.fmean(run[name] for run in runs)
    if solved:
        ours["mean_environment_steps_to_solve"] = statistics.fmean(run["environment_steps"] for run in solved)
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--population", type=int, default=150)
    parser.add_argument("--generations", type=int, default=300)
    parser.add_argument("--seconds", type=float, help="stop a seed after so long")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--run", type=Path, help="keep the runs in this folder; a run that is there goes on")
    parser.add_argument("--film", type=Path, help="film every winner as GIF: FILM-SEED.gif")
    parser.add_argument("--json", type=Path, help="write the numbers to this file, after every seed")
    options = parser.parse_args()

    seeds = [options.seed] if options.seed is not None else list(range(options.seeds))
    task = Environment("LunarLander-v3", episodes=4, rungs=((1, -120.0), (2, -60.0)), steps=400, normalise="none", solved=SOLVED)
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        runs.append(solve(seed, task, options))
        shown = {name: value for name, value in runs[-1].items() if name != "genome"}
        print(f"seed {seed}: {json.dumps(shown)}", file=sys.stderr, flush=True)
        report = {
            "method": "NEAT on LunarLander-v3",
            "paper": "Stanley & Miikkulainen 2002 (the method)",
            "settings": {
                "population": options.population,
                "generations": options.generations,
                "space": space(task).to_dict(),
                "strategy": strategy(options.population).settings(),
                "task": task.settings(),
            },
            "seeds": seeds[: len(runs)],
            "published": PUBLISHED,
            "ours": summary(runs),
            "runs": runs,
        }
        if options.json:
            options.json.write_text(json.dumps(report, indent=2))
    table = Table(
        "measure", "ours", title=f"NEAT on LunarLander-v3 ({len(runs)} seeds; solved: mean of 100 fresh episodes >= 200)"
    )
    for name, value in summary(runs).items():
        table.add_row(name.replace("_", " "), f"{value:,.1f}")
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
