"""What each selection scheme is for: one small experiment a scheme, with the number that shows it, beside the same search without the scheme.

Drawing parents (no search): how many of 50 individuals have children when 50 are drawn, and the spread of an individual's children about what it
expects; takeover: generations of drawing alone until one individual is all that is left (Goldberg & Deb 1991; Baker 1987).

Cases: 8 numbers to be near to, one genome each; how many have a genome near them in the end, by lexicase on the eight errors and by tournament on
their sum (Spector 2012).

Noise: a fitness that in 2 % of its measurements is far too good; the true fitness of those who live in the end, with a lifespan of 2 generations and
without (Schwefel & Rudolph 1995); and, without noise, the best of the last generation with elites, with a hall of fame, and with neither.

Parents: evaluations until a cell with given operations on all edges is bred, by two parents a child, and by four (Eiben, Raue & Ruttkay 1994).

Peaks: a function of one number with five peaks of different height; how many have somebody on them in the end (Mahfoud 1995; Goldberg & Richardson
1987). Trap: a function whose near, low peak leads away from the far, high one; in how many seeds the high one is found (Hornby 2006).

Maze: the medium deceptive maze, 10,000 evaluations each: what share of 20 x 20 cells was the last place of a robot, and the QD score over these cells
(closeness to the goal, 300 at most, summed over the best of each): by closeness alone, and by schemes that look at what robots do (Lehman & Stanley
2011; Mouret & Clune 2015; Pugh, Soros & Stanley 2016). Memory: the T-maze whose rewards change places, 50,000 evaluations of NEAT: the best mean
reward; 0.6 needs no memory, 0.88 is perfect (Risi, Hughes & Stanley 2010).

The parts but the mazes take about a minute of one core with 20 seeds, the mazes about 4 minutes with 3.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

import neuroevo as ne
from genomes import CellSpace, NeatSpace
from genomes.base import Genome, Space
from neuroevo.core.individual import Individual
from neuroevo.selection import FitnessSharing, Novelty, Surprise
from neuroevo.selection.cells import Grid
from neuroevo.selection.named import parent_selection
from neuroevo.simulators import DeceptiveMaze, TMaze
from neuroevo.strategies import Alps, Crowding, GeneticAlgorithm, MapElites, Neat, Nsga2, Strategy
from neuroevo.tasks import Function, Task
from neuroevo.testing.evaluator import NumberSpace


class Row(NamedTuple):
    """One line of the table."""

    part: str
    scheme: str
    measure: str
    value: float


def searched(space: Space, task: Task, strategy: Strategy, seed: int, **budget: Any) -> ne.Run:
    return ne.evolve(space, task, strategy=strategy, budget=ne.Budget(**budget), seed=seed, progress=False)


def number(fitness: Callable[[Any], Any], **options: Any) -> Function:
    """A task on a genome that is one number."""
    return Function(fitness, of="genome", descriptors=lambda genome: [genome.value], **options)


def mean(values: Any) -> float:
    return float(statistics.fmean(values))


# Parts ------------------------------------------------------------------------------------------------------------------------

DRAWN = (
    "tournament(size=2)", "tournament(size=7)", "linear_ranking(pressure=1.5)", "linear_ranking(pressure=2.0)", "roulette", "stochastic_universal",
)  # fmt: skip


def drawing(seeds: list[int]) -> list[Row]:
    rows = []
    for text in DRAWN:
        select, parents, spread, takeover = parent_selection(text), [], [], []
        for seed in seeds:
            rng = np.random.default_rng(seed)
            population = []
            for id, value in enumerate(rng.uniform(1.0, 2.0, 50).tolist()):
                one = Individual(id, NumberSpace().from_genes(value), (1.0,))
                one.fitness.values = (value,)
                population.append(one)
            counts = np.array([np.bincount([one.id for one in select(population, 50, rng)], minlength=50) for _ in range(200)])
            parents.append((counts > 0).sum(axis=1).mean())
            spread.append(counts.std(axis=0).mean())
            generations, living = 0, population
            while len({one.id for one in living}) > 1 and generations < 1000:
                living, generations = select(living, 50, rng), generations + 1
            takeover.append(generations)
        for measure, values in (
            ("of 50 become parents", parents),
            ("spread of children", spread),
            ("generations to takeover", takeover),
        ):
            rows.append(Row("drawing", text, measure, mean(values)))
    return rows


def cases(seeds: list[int]) -> list[Row]:
    wanted = np.arange(8.0)

    def per_case(genome: Any) -> dict[str, Any]:
        errors = np.abs(wanted - genome.value)
        return {"fitness": -float(errors.sum()), "cases": -errors}

    rows = []
    for selection in ("lexicase(cases='descriptors')", "tournament(size=5)"):
        kept = []
        for seed in seeds:
            task = Function(per_case, {"fitness": ne.maximise}, of="genome", descriptors="cases")
            strategy = GeneticAlgorithm(population=40, selection=selection, crossover=0.0, elites=0)
            ends = np.array(
                [one.genome.value for one in searched(NumberSpace(), task, strategy, seed, generations=30).strategy.living]
            )
            kept.append(sum(bool((np.abs(ends - case) < 0.5).any()) for case in wanted))
        rows.append(Row("cases", selection, "of 8 cases have a specialist", mean(kept)))
    return rows


def noise(seeds: list[int]) -> list[Row]:
    def true(genome: Any) -> float:
        return -abs(genome.value - 30.0)

    def lucky(genome: Any, rng: np.random.Generator) -> float:
        return true(genome) + (1000.0 if rng.random() < 0.02 else 0.0)

    rows = []
    for lifespan in (None, 2):
        strategy = GeneticAlgorithm(population=20, survivors="best", lifespan=lifespan, crossover=0.0)
        ends = [
            mean(
                true(one.genome) for one in searched(NumberSpace(), number(lucky), strategy, seed, generations=60).strategy.living
            )
            for seed in seeds
        ]
        rows.append(Row("noise", f"lifespan={lifespan}, the best live on", "true fitness of the living (0 is best)", mean(ends)))
    for name, settings in (
        ("neither", {"elites": 0}),
        ("elites=1", {"elites": 1}),
        ("hall_of_fame=3", {"elites": 0, "hall_of_fame": 3}),
    ):
        strategy = GeneticAlgorithm(population=20, crossover=0.0, selection="tournament(size=2)", **settings)
        last = []
        for seed in seeds:
            run = searched(NumberSpace(), number(true), strategy, seed, generations=60)
            last.append(max(true(one.genome) for one in run.strategy.living))
        rows.append(Row("elites", name, "best that may become a parent (0 is best)", mean(last)))
    return rows


def parents(seeds: list[int]) -> list[Row]:
    space = CellSpace("nasnet", 3, (8, 8, 1), 10, 4, 1, 2)
    rows = []
    for count in (2, 4):
        spent = []
        for seed in seeds:
            wanted = space.random(np.random.default_rng([seed, 7])).decisions

            def alike(genome: Genome, wanted: tuple[int, ...] = wanted) -> float:
                return float(sum(a == b for a, b in zip(genome.decisions, wanted, strict=True)))  # type: ignore[attr-defined]

            strategy = GeneticAlgorithm(population=40, parents=count, crossover=0.9, elites=2)
            task = Function(alike, of="genome")
            spent.append(searched(space, task, strategy, seed, evaluations=8000, target=float(len(wanted))).evaluations)
        rows.append(
            Row("parents", f"parents={count}", f"evaluations until all {len(wanted)} decisions are as wanted", mean(spent))
        )
    return rows


PEAKS = {-8.0: 1.0, -4.0: 0.9, 0.0: 0.8, 4.0: 0.9, 8.0: 1.0}


def peaks(seeds: list[int]) -> list[Row]:
    def hills(genome: Any) -> float:
        return float(max(height * np.exp(-((genome.value - at) ** 2)) for at, height in PEAKS.items()))

    def trap(genome: Any) -> float:
        return float(max(2.0 - 4.0 * abs(genome.value + 2.0), 6.0 - 1.5 * abs(genome.value - 8.5)))

    schemes: dict[str, Callable[[], Strategy]] = {
        "elites alone": lambda: GeneticAlgorithm(population=40, survivors="best", crossover=0.0),
        "crowding": lambda: Crowding(population=40, crossover=0.0),
        "fitness sharing": lambda: Nsga2(
            population=40, deduplicate="none", crossover=0.0, scoring=FitnessSharing(sigma=2.0), scoring_joins=False
        ),
        "ALPS": lambda: Alps(population=8, layers=5, gap=4, elites=2, crossover=0.0),
        "lifespan=3": lambda: GeneticAlgorithm(population=40, survivors="best", lifespan=3, crossover=0.0),
        "novelty": lambda: GeneticAlgorithm(population=40, crossover=0.0, scoring=Novelty()),
        "novelty with fitness": lambda: Nsga2(population=40, deduplicate="none", crossover=0.0, scoring=Novelty()),
        "local competition": lambda: Nsga2(
            population=40, deduplicate="none", crossover=0.0, scoring="LocalCompetition", scoring_joins=False
        ),
        "MAP-Elites": lambda: MapElites(low=(-12.0,), high=(12.0,), cells=(24,), batch=40),
    }
    rows = []
    for name, make in schemes.items():
        kept, found = [], []
        for seed in seeds:
            ends = np.array(
                [
                    one.genome.value
                    for one in searched(NumberSpace(), number(hills), make(), seed, evaluations=3000).strategy.living
                ]
            )
            kept.append(sum(bool((np.abs(ends - at) < 0.5).any()) for at in PEAKS))
            found.append(searched(NumberSpace(), number(trap), make(), seed, evaluations=3000).best.fitness.values[0] > 5.0)
        rows.append(Row("peaks", name, "of 5 peaks have somebody on them", mean(kept)))
        rows.append(Row("trap", name, f"of {len(seeds)} seeds find the high peak", float(sum(found))))
    return rows


def maze(seeds: list[int]) -> list[Row]:
    space = NeatSpace(
        10, 2, recurrent=True, bias="input", initial="full", initial_hidden=1, add_node_rate=0.03, add_connection_rate=0.1
    )
    low, high = DeceptiveMaze("medium").maze.box
    grid = Grid(low, high, (20, 20))

    def neat(scoring: Any = None) -> Strategy:
        return Neat(population=250, target_species=16, stagnation=2000, refocus=0, threads=1, scoring=scoring)

    elitist = {"population": 100, "deduplicate": "none", "crossover": 0.2}
    schemes: dict[str, tuple[str, Callable[[], Strategy]]] = {
        "NEAT by closeness": ("closeness", neat),
        "NEAT by curiosity": ("curiosity,closeness", neat),
        "NEAT by novelty": ("closeness", lambda: neat(Novelty(threshold=6.0, distance="mean_absolute"))),
        "NEAT by surprise": ("closeness", lambda: neat(Surprise())),
        "NSGA-II by closeness": ("closeness", lambda: Nsga2(**elitist)),
        "NSGA-II, novelty and closeness": ("closeness", lambda: Nsga2(**elitist, scoring=Novelty())),
        "NSGA-II, novelty above a criterion": (
            "closeness",
            lambda: Nsga2(**elitist, scoring=Novelty(criterion="closeness>75"), scoring_joins=False),
        ),
        "NSGA-II, local competition (NSLC)": (
            "closeness",
            lambda: Nsga2(**elitist, scoring="LocalCompetition", scoring_joins=False),
        ),
        "MAP-Elites": (
            "closeness",
            lambda: MapElites(low=tuple(low), high=tuple(high), cells=(20, 20), batch=100, crossover=0.2),
        ),
    }
    rows = []
    for name, (objectives, make) in schemes.items():
        coverage, score, nearest = [], [], []
        for seed in seeds:
            task = DeceptiveMaze("medium", objectives)
            run = searched(space, task, make(), seed, evaluations=10_000)
            ends = np.array([one.descriptors for one in run])
            closeness = 300.0 - task.maze.distance(ends)
            best = np.zeros(grid.count)
            np.maximum.at(best, grid.of(ends), closeness)
            coverage.append(100.0 * float((best > 0).mean()))
            score.append(float(best.sum()))
            nearest.append(float(task.maze.distance(ends).min()))
        rows.append(Row("maze", name, "% of the cells, a last place", mean(coverage)))
        rows.append(Row("maze", name, "QD score", mean(score)))
        rows.append(Row("maze", name, "nearest to the goal, units", mean(nearest)))
    return rows


def memory(seeds: list[int]) -> list[Row]:
    space = NeatSpace(4, 1, recurrent=True, bias="input", add_node_rate=0.05, add_connection_rate=0.1)
    rows = []
    for name, scoring in (("the reward", None), ("novelty", Novelty())):
        strategy = Neat(population=250, target_species=15, stagnation=2000, refocus=0, threads=1, scoring=scoring)
        best = []
        for seed in seeds:
            run = ne.evolve(
                space,
                TMaze(),
                strategy=strategy,
                budget=ne.Budget(evaluations=50_000),
                seed=seed,
                record="champions",
                progress=False,
            )
            best.append(run.best.fitness.values[0])
        rows.append(Row("memory", f"NEAT by {name}", "best mean reward", mean(best)))
    return rows


PARTS: dict[str, Callable[[list[int]], list[Row]]] = {
    "drawing": drawing, "cases": cases, "noise": noise, "parents": parents, "peaks": peaks, "maze": maze, "memory": memory,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="one seed only")
    parser.add_argument("--seeds", type=int, help="seeds 0, 1, ...; default 20, of the mazes 3")
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=list(PARTS))
    parser.add_argument("--workers", type=int, default=1, help="always 1: the evaluations are too cheap to be sent to others")
    parser.add_argument("--run", type=Path, help="nothing is recorded: the searches are many and small")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows: list[Row] = []
    with Progress(console=Console(stderr=True)) as progress:
        for part in progress.track(options.parts, description="selection schemes"):
            count = options.seeds or (3 if part in ("maze", "memory") else 20)
            rows += PARTS[part]([options.seed] if options.seed is not None else list(range(count)))
    table = Table("part", "scheme", "measure", "mean", title="Selection schemes")
    for before, row in zip([None, *rows], rows, strict=False):
        table.add_row(
            "" if before and before.part == row.part else row.part,
            row.scheme,
            row.measure,
            f"{row.value:,.0f}" if row.value >= 1000 else f"{row.value:.4g}",
        )
    Console(width=140).print(table)
    if options.json:
        report = {
            "method": "selection schemes",
            "paper": "those that the docstring names",
            "settings": {"parts": options.parts},
            "seeds": options.seeds or [options.seed],
            "published": {},
            "ours": {f"{row.part}, {row.scheme}: {row.measure}": row.value for row in rows},
            "runs": [row._asdict() for row in rows],
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
