"""Which strategy for which problem? Every strategy that fits, on the same spaces, tasks, training and budgets (Lindauer & Hutter 2020).

Contests, of which `--contests` names some:

- `nasbench201`: one objective, the validation accuracy of 200 epochs on CIFAR-10, 100 evaluations of 15,625 cells (Dong & Yang 2020); tested is the
  test accuracy of the cell that is chosen.
- `nasbench201-12`: the same by the accuracy of 12 epochs, which is a noisy guide.
- `nasbench201-two`: accuracy and multiply-adds, hypervolume after 200 evaluations.
- `nasbench-macro`: another table, with `--macro FILE`: 6,561 networks of eight blocks, each the identity or one of two inverted bottlenecks
  (Su et al. 2021; their `nas-bench-macro_cifar10.json`), test accuracy after 50 epochs on CIFAR-10, mean of three trainings, 100 evaluations.
- `xor`, `double-pole`: topologies and weights evolve; the fitness of the papers (Stanley & Miikkulainen 2002, sections 4.1 and 4.2), 3,000 evaluations.
- `digits`, `mnist1d`: really trained, error and parameters, hypervolume after so many epochs, as `neuroevo search` searches.

Strategies have their own defaults; on data those of the command. A table's contests take a few seconds a seed without the models of scores and half a minute
with them, `digits` about 2 minutes a strategy and seed on one core. The same command goes on with a folder, and more seeds add to it.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

import neuroevo as ne
from genomes import CellSpace, ChoiceSpace, NeatSpace
from neuroevo.arena import Arena, Contest, data_contest, results
from neuroevo.arena.page import write_results
from neuroevo.arena.text import contest_table
from neuroevo.core.objectives import FLOPS, Objective
from neuroevo.run.search import SearchSettings
from neuroevo.simulators import DoublePole
from neuroevo.tasks.base import Task
from neuroevo.tasks.function import as_task

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ANSWERS = np.array([0.0, 1.0, 1.0, 0.0])

TABULAR = [
    "local_search", "regularized_evolution", "nsga2", "lemonade", "hill_climb", "alps", "crowding", "reinforce", "q_learning", "bayesian",
    "Bayesian('GaussianProcess(\"edit\")')", "progressive",
]  # fmt: skip
MACRO = [
    "local_search", "regularized_evolution", "nsga2", "lemonade", "hill_climb", "alps", "crowding", "reinforce", "q_learning",
    "Bayesian('GaussianProcess(\"hamming\")')",
]  # fmt: skip
TWO = ["nsga2", "nsga3", "lemonade", "bayesian", "Nsga2(population=40)"]
WEIGHTS = ["neat", "regularized_evolution", "nsga2", "alps", "crowding", "hill_climb"]
TRAINED = ["nsga2", "lemonade", "regularized_evolution", "bayesian", "hyperband"]


def table_task(path: Path, signal: str, two: bool, seed: int) -> Task:
    accuracy = Objective(signal, "maximise", ideal=100.0)
    objectives = {signal: accuracy, "flops": FLOPS} if two else {signal: accuracy}
    return ne.tasks.Table(path, key="ops", signal=objectives, report=("c10_test200",))


def cells(task: Task) -> CellSpace:
    return CellSpace()


def macro_csv(path: Path, folder: Path) -> Path:
    """The authors' JSON as a table."""
    found = json.loads(path.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    written = folder / "nasbench_macro.csv"
    rows = [f"{key},{row['mean_acc']},{row['flops']}" for key, row in sorted(found.items())]
    written.write_text("blocks,accuracy,flops\n" + "\n".join(rows) + "\n")
    return written


def macro_task(path: Path, seed: int) -> Task:
    return ne.tasks.Table(path, key="blocks", signal={"accuracy": Objective("accuracy", "maximise", ideal=100.0)})


def blocks(task: Task) -> ChoiceSpace:
    return ChoiceSpace.alike(8, ("0", "1", "2"), separator="")


@ne.population_fitness
def xor(population: Any) -> np.ndarray:
    outputs = population(INPUTS)[:, :, 0]
    return (4.0 - np.abs(outputs - ANSWERS).sum(axis=1)) ** 2


def xor_task(seed: int) -> Task:
    return as_task(xor)


def poles_task(seed: int) -> Task:
    return DoublePole(velocities=True)


def weights(inputs: int, task: Task) -> NeatSpace:
    return NeatSpace(inputs=inputs, outputs=1)


def contests(options: argparse.Namespace) -> dict[str, tuple[list[str], Any]]:
    """Of each name: its strategies, and what makes the contest."""
    table = partial(table_task, options.table)
    data = {
        name: (
            TRAINED,
            lambda name=name: data_contest(
                SearchSettings(data=name, max_parameters=20_000), ne.Budget(epochs=options.epochs), name
            ),
        )
        for name in ("digits", "mnist1d")
    }
    return {
        "nasbench201": (
            TABULAR,
            lambda: Contest("nasbench201", partial(table, "c10_val200", False), cells, ne.Budget(evaluations=100), test="c10_test200"),
        ),
        "nasbench201-12": (
            TABULAR,
            lambda: Contest("nasbench201-12", partial(table, "c10_val12", False), cells, ne.Budget(evaluations=100), test="c10_test200"),
        ),
        "nasbench201-two": (
            TWO,
            lambda: Contest("nasbench201-two", partial(table, "c10_val200", True), cells, ne.Budget(evaluations=200), test="c10_test200"),
        ),
        **({} if options.macro is None else {
            "nasbench-macro": (
                MACRO,
                lambda: Contest(
                    "nasbench-macro", partial(macro_task, macro_csv(options.macro, options.run)), blocks, ne.Budget(evaluations=100)
                ),
            )
        }),
        "xor": (WEIGHTS, lambda: Contest("xor", xor_task, partial(weights, 2), ne.Budget(evaluations=3000))),
        "double-pole": (
            WEIGHTS,
            lambda: Contest("double-pole", poles_task, partial(weights, 6), ne.Budget(evaluations=3000, target=DoublePole(velocities=True).target)),
        ),
        **data,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--table", type=Path, default=Path("../shared/data/nb201_cifar10.csv.gz"), help="CSV file of NAS-Bench-201"
    )
    parser.add_argument("--macro", type=Path, help="JSON file of NAS-Bench-Macro; without it that contest is left out")
    parser.add_argument("--contests", nargs="+", help="these; default all")
    parser.add_argument("--strategies", nargs="+", help="these in place of those that fit each contest")
    parser.add_argument("--seeds", type=int, default=20, help="seeds 1 to this")
    parser.add_argument("--epochs", type=float, default=600, help="of each search that trains")
    parser.add_argument("--workers", type=int, default=2, help="searches at a time")
    parser.add_argument(
        "--run", type=Path, default=Path("runs/arena"), help="keep the runs here; the same command goes on with them"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    known = contests(options)
    unknown = sorted(set(options.contests or ()) - set(known))
    if unknown:
        parser.error(f"there is no contest {', '.join(unknown)}; there are {', '.join(known)}")
    ours: dict[str, float] = {}
    runs = []
    for name in options.contests or known:
        strategies, make = known[name]
        arena = Arena([make()], options.strategies or strategies, options.seeds, options.run)
        with Progress(console=Console(stderr=True)) as progress:
            bar = progress.add_task(name, total=sum(game.outcome() is None for game in arena.games()))
            arena.play(options.workers, lambda game, outcome, bar=bar, progress=progress: progress.advance(bar))
        found = results(arena)
        (one,) = found.contests
        write_results(found, options.run / name)
        print(contest_table(one), end="\n\n", flush=True)
        for player, rank in zip(one.players, one.standings.mean, strict=True):
            ours |= {
                f"rank_{name}_{player.strategy}": float(rank),
                f"median_{name}_{player.strategy}": float(np.nanmedian(player.final)),
            }
        runs.append(found.to_json())
    if options.json:
        report = {
            "method": "strategies on equal terms",
            "paper": "Lindauer & Hutter 2020; Demsar 2006",
            "settings": {key: str(value) for key, value in vars(options).items() if key not in ("json", "run", "workers")},
            "seeds": options.seeds,
            "published": {},
            "ours": ours,
            "runs": runs,
        }
        options.json.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
