"""Novelty, surprise and curiosity in the deceptive mazes (Lehman & Stanley 2011; Gravina, Liapis & Yannakakis 2016): evaluations until a robot
is at the goal.

NEAT evolves recurrent networks that drive a robot through the medium or the hard maze, at the rates of the authors' program. Five ways to
choose parents: by novelty of the place where a robot is at last (the 15 nearest, archive by an adaptive threshold), by surprise (200 clusters,
the 2 nearest predictions), by curiosity (how many cells of 25 units a robot was in during its own life), by closeness to the goal (the
objective), and at random. A run ends when a robot comes within 5 units of the goal, looked at after each generation of 250, or unsolved after
250,000 evaluations, which then count with these in the mean; medians are reported beside it, because tails are heavy. Also: what share of a
grid of 20 x 20 cells over the maze was the last place of some robot, after 10,000 and after 25,000 evaluations, over the runs that lasted so
long.

The side of a cell was chosen on seeds from 100 on: of five searches of the hard maze (`--mazes hard --methods curiosity --cap 100000 --cell 10 --seed
101` to 105) cells of 10 units, the first try, solved 3, those of 20, 25 and 30 all five, after 29,600, 30,850 and 27,600 evaluations; of
seeds 105 to 109 those of 20 solved 2, of 30 four, of 25 all. In the medium maze curiosity itself is deceptive: its wide first room has more cells than
there are on the way out of it, so that who leaves it early loses, whatever the side.

Published (Lehman & Stanley 2011): medium maze, 40 runs each, all solved: 18,274 evaluations by novelty, 56,334 by the objective; hard maze:
novelty solves 39 of 40, the objective 3, random selection 4. An evaluation, 400 steps and its share of NEAT, takes 0.2 ms of one core (1.8
million in 6 minutes of processor time): a run of 18,000 takes 4 seconds, one until the cap 50. All methods on both mazes with 40 seeds, of which
about half end at the cap, take about 3 hours of one core.
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

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.selection import Chance, Novelty, Surprise
from neuroevo.simulators import DeceptiveMaze
from neuroevo.strategies import Neat

PUBLISHED = {
    "solved_medium_novelty": 1.0, "evaluations_medium_novelty": 18_274, "solved_medium_objective": 1.0, "evaluations_medium_objective": 56_334,
    "solved_hard_novelty": 39 / 40, "solved_hard_objective": 3 / 40, "solved_hard_random": 4 / 40,
}  # fmt: skip
METHODS = ("novelty", "surprise", "curiosity", "objective", "random")
MAZES = ("medium", "hard")
CAP, POPULATION, GRID, COVERED_AT, CELL = 250_000, 250, 20, (10_000, 25_000), 25.0


def space() -> NeatSpace:
    """The authors' first networks and rates: all sensors to one hidden node, that to both outputs; growth is slow."""
    return NeatSpace(
        DeceptiveMaze.inputs, DeceptiveMaze.outputs, recurrent=True, bias="input", initial="full", initial_hidden=1,
        weight_mutation_rate=0.6, weight_power=0.8, weight_range=1.0, add_node_rate=0.005, add_connection_rate=0.1,
    )  # fmt: skip


def strategy(method: str) -> Neat:
    """NEAT at the authors' rates, by one of the methods."""
    scoring = {
        "novelty": Novelty(k=15, threshold=6.0, floor=0.25, distance="mean_absolute"),
        "surprise": Surprise(clusters=200, nearest=2),
        "random": Chance(),
    }.get(method)
    return Neat(
        population=POPULATION, excess=1.0, disjoint=1.0, weight=3.0, target_species=POPULATION // 15, survival=0.4, stagnation=2000,
        refocus=0, crossover=0.7, threads=1, scoring=scoring,
    )  # fmt: skip


def task(maze: str, method: str, cell: float = CELL) -> DeceptiveMaze:
    """The maze; the first objective is what Neat maximises where there is no scoring."""
    return DeceptiveMaze(maze, "curiosity,closeness", cell=cell) if method == "curiosity" else DeceptiveMaze(maze)


class Watch(ne.Callback):
    """Ends a run when a robot is at the goal; keeps the coverage."""

    def __init__(self, world: DeceptiveMaze) -> None:
        self.world, self.solved = world, False
        self.ended_in = np.zeros((GRID, GRID), bool)
        self.coverage: dict[int, float] = {}

    def on_start(self, run: ne.Run) -> None:
        self.whole = run.generation == 0  # else the cells of before are not known
        if not self.whole:
            self.end_if_solved(run)

    def on_generation(self, run: ne.Run) -> None:
        low, high = self.world.maze.box
        ends = run.strategy.living.descriptors
        cells = np.clip((ends - low) / (high - low) * GRID, 0, GRID - 1).astype(int)
        self.ended_in[cells[:, 0], cells[:, 1]] = True
        for evaluations in COVERED_AT:
            if self.whole and evaluations <= run.evaluations < evaluations + POPULATION:
                self.coverage[evaluations] = float(self.ended_in.mean())
        self.end_if_solved(run)

    def end_if_solved(self, run: ne.Run) -> None:
        """Stop the run where a robot of the last generation is at the goal."""
        if self.world.maze.distance(run.strategy.living.descriptors).min() <= self.world.near:
            self.solved = True
            raise ne.StopRun


def solve(job: tuple[str, str, int, int, float, Path | None]) -> dict[str, Any]:
    """One run."""
    maze, method, seed, cap, cell, folder = job
    world = task(maze, method, cell)
    watch = Watch(world)
    run = ne.evolve(
        space(), world, strategy=strategy(method), budget=ne.Budget(evaluations=cap), seed=seed, record="champions", callbacks=[watch],
        run=None if folder is None else folder / f"{maze}-{method}-{seed}", progress=False,
    )  # fmt: skip
    return {
        "maze": maze,
        "method": method,
        "seed": seed,
        "solved": watch.solved,
        "evaluations": run.evaluations,
        "seconds": run.seconds,
        "coverage": watch.coverage,
        **{name: run.summaries[-1][name] for name in ("mean_hidden", "mean_connections", "species")},
        "archive": run.summaries[-1].get("archive"),
    }


def summary(runs: list[dict[str, Any]]) -> dict[str, float]:
    """Shares, means and medians by maze and method."""
    ours: dict[str, float] = {}
    for maze, method in dict.fromkeys((run["maze"], run["method"]) for run in runs):
        chosen = [run for run in runs if (run["maze"], run["method"]) == (maze, method)]
        spent = sorted(run["evaluations"] for run in chosen)
        name = f"{maze}_{method}"
        ours |= {
            f"solved_{name}": statistics.fmean(run["solved"] for run in chosen),
            f"evaluations_{name}": statistics.fmean(spent),
            f"median_evaluations_{name}": statistics.median(spent),
            f"upper_quartile_evaluations_{name}": spent[math.ceil(0.75 * len(spent)) - 1],
            f"worst_evaluations_{name}": spent[-1],
            f"seconds_{name}": statistics.fmean(run["seconds"] for run in chosen),
        }
        for at in COVERED_AT:
            covered = [run["coverage"][at] for run in chosen if at in run["coverage"]]
            if covered:
                ours[f"coverage_{at}_{name}"] = statistics.fmean(covered)
    return ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one run of each with this seed")
    parser.add_argument("--seeds", type=int, default=40, help="runs of each, with seeds 0, 1, ...")
    parser.add_argument("--mazes", nargs="+", choices=MAZES, default=list(MAZES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--cap", type=int, default=CAP, help="evaluations after which a run counts as unsolved")
    parser.add_argument("--cell", type=float, default=CELL, help="side of a cell, for curiosity")
    parser.add_argument("--workers", type=int, default=1, help="processes that runs are spread over")
    parser.add_argument("--run", type=Path, help="record every run in this folder")
    parser.add_argument("--json", type=Path, help="write the numbers to this file")
    options = parser.parse_args()
    seeds = list(range(options.seeds)) if options.seed is None else [options.seed]
    jobs = [
        (maze, method, seed, options.cap, options.cell, options.run)
        for maze in options.mazes
        for method in options.methods
        for seed in seeds
    ]
    with Progress(console=Console(stderr=True)) as progress, ProcessPoolExecutor(options.workers, get_context("spawn")) as pool:
        runs = list(progress.track(pool.map(solve, jobs), total=len(jobs), description="deceptive mazes"))

    ours = summary(runs)
    title = f"Deceptive mazes ({len(seeds)} seeds, at most {options.cap:,} evaluations)"
    table = Table("maze", "method", "solved", "mean evaluations", "median", "worst", "coverage", "published", title=title)
    for maze in options.mazes:
        for method in options.methods:
            name = f"{maze}_{method}"
            published = [
                f"{PUBLISHED[f'solved_{name}']:.0%}" if f"solved_{name}" in PUBLISHED else "",
                f"{PUBLISHED[f'evaluations_{name}']:,}" if f"evaluations_{name}" in PUBLISHED else "",
            ]
            covered = [f"{ours[key]:.0%}" for at in COVERED_AT if (key := f"coverage_{at}_{name}") in ours]
            table.add_row(
                maze, method, f"{ours[f'solved_{name}'] * len(seeds):.0f} of {len(seeds)}", f"{ours[f'evaluations_{name}']:,.0f}",
                f"{ours[f'median_evaluations_{name}']:,.0f}", f"{ours[f'worst_evaluations_{name}']:,.0f}", ", ".join(covered),
                ", ".join(filter(None, published)) or "-",
            )  # fmt: skip
    Console(width=120).print(table)
    if options.json:
        report = {
            "method": "Novelty, surprise and curiosity in deceptive mazes",
            "paper": "Lehman & Stanley 2011; Gravina, Liapis & Yannakakis 2016",
            "settings": {
                "space": space().to_dict(),
                "strategies": {method: strategy(method).settings() for method in options.methods},
                "tasks": {maze: task(maze, "novelty").settings() for maze in options.mazes},
                "cap": options.cap,
                "cell": options.cell,
            },
            "seeds": seeds,
            "published": PUBLISHED,
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
