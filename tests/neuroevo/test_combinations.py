"""Every part with every other: strategies, estimations, schedules and ways of recording, as a whole and in parts.

Faults of combination show here: a run that is stopped inside a batch, and goes on, must end as the run that was not.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import neuroevo as ne
from genomes import CellSpace, NeatSpace
from neuroevo.estimation import Direct, Estimation
from neuroevo.predictors import Ensemble, Neighbours
from neuroevo.selection import Chance
from neuroevo.strategies import (
    Alps,
    Asha,
    Bayesian,
    Crowding,
    FidelityStudy,
    GeneticAlgorithm,
    HillClimb,
    Hyperband,
    Lemonade,
    LocalSearch,
    MapElites,
    Neat,
    Nsga2,
    Nsga3,
    Progressive,
    RandomSearch,
    RegularizedEvolution,
    Strategy,
    SuccessiveHalving,
)
from neuroevo.testing.evaluator import NumberSpace, SquareTask

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "docs" / "examples")]

from first_strategy import Climber  # noqa: E402
from test_trials import Learning, Sceptic, StopAfter  # noqa: E402

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "Alps": lambda: Alps(population=4, layers=3, gap=2, elites=1),
    "Asha": lambda: Asha(eta=2, rungs=3, batch=4, proposals=Nsga2(population=4)),
    "Bayesian": lambda: Bayesian(Neighbours(), initial=5, batch=3, candidates=8),
    "Climber": Climber,
    "Crowding": lambda: Crowding(population=7, crossover=0.5),
    "FidelityStudy": lambda: FidelityStudy(networks=6, fidelities=[{"epochs": count} for count in range(1, 10)]),
    "GeneticAlgorithm": lambda: GeneticAlgorithm(population=6, parents=3, lifespan=3, hall_of_fame=2, selection="lexicase"),
    "HillClimb": lambda: HillClimb(neighbours=4, mutations=1),
    "Hyperband": lambda: Hyperband(eta=2, maximum=4, proposals=RegularizedEvolution(population=4, sample=2)),
    "Lemonade": lambda: Lemonade(population=4, proposals=8, accepted=4),
    "LocalSearch": lambda: LocalSearch(mutants=5),
    "MapElites": lambda: MapElites(
        axes=("square", "distance"), low=(0.0, 0.0), high=(4.0, 4.0), cells=(4,), batch=5, crossover=0.3
    ),
    "Nsga2": lambda: Nsga2(population=6),
    "Nsga2 with species": lambda: Nsga2(population=6, speciation=2),
    "Nsga2 by chance": lambda: Nsga2(population=6, scoring=Chance()),
    "Nsga3": lambda: Nsga3(population=6),
    "RandomSearch": lambda: RandomSearch(batch=5),
    "RegularizedEvolution": lambda: RegularizedEvolution(population=6, sample=2),
    "SuccessiveHalving": lambda: SuccessiveHalving(
        candidates=6, eta=2, proposals=Bayesian(Neighbours(), initial=3, candidates=4)
    ),
}
ESTIMATIONS: dict[str, Callable[[], Estimation]] = {"Direct": Direct, "Learning": Learning, "Sceptic": Sceptic}
ASYNCHRONOUS = (
    "Asha",
    "Bayesian",
    "Lemonade",
    "LocalSearch",
    "MapElites",
    "Nsga2",
    "Nsga3",
    "RandomSearch",
    "RegularizedEvolution",
)
WHOLE, PARTS, STOPS = 36, (1, 7, 20), (3, 9)


class Failing(SquareTask):
    def __init__(self) -> None:
        super().__init__(fail_within=0.3)


def evolved(
    strategy: str, estimation: str, schedule: Any, record: Any, evaluations: int, folder: Path | None, **options: Any
) -> ne.Run:
    return ne.evolve(
        NumberSpace(), Failing(), strategy=STRATEGIES[strategy](), estimation=ESTIMATIONS[estimation](), schedule=schedule, record=record,
        budget=ne.Budget(evaluations=evaluations), seed=5, run=folder, progress=False, **options,
    )  # fmt: skip


def seen(run: ne.Run) -> dict[str, Any]:
    kept = {one.id: [one.status, list(one.fitness.values), one.trial, list(one.parents)] for one in run}
    front = [one.id for one in run.front]
    counts = [run.evaluations, run.failures, run.records.predictions, run.epochs, run.generation]
    return {
        "front": front,
        "counts": counts,
        "everyone": kept if run.settings["record"] == "all" else {id: kept[id] for id in front},
    }


def combinations() -> list[Any]:
    """All of them; of every strategy with every estimation one schedule and one way of recording in turn is tried quickly, the others by the slow
    suite."""
    found = []
    for turn, (strategy, estimation) in enumerate(itertools.product(STRATEGIES, ESTIMATIONS)):
        schedules = ("synchronous", "asynchronous") if strategy in ASYNCHRONOUS else ("synchronous",)
        ways = list(itertools.product(schedules, ("all", "champions")))
        found += [
            pytest.param(strategy, estimation, *way, marks=() if number == turn % len(ways) else pytest.mark.slow)
            for number, way in enumerate(ways)
        ]
    return found


@pytest.mark.parametrize(("strategy", "estimation", "schedule", "record"), combinations())
def test_a_run_in_parts_ends_as_the_whole(strategy: str, estimation: str, schedule: Any, record: Any, tmp_path: Path) -> None:
    whole = evolved(strategy, estimation, schedule, record, WHOLE, tmp_path / "whole")
    expected = seen(whole)
    assert expected["counts"][0] == WHOLE and (expected["front"] or estimation == "Learning")
    assert seen(evolved(strategy, estimation, schedule, record, WHOLE, None)) == expected, "in memory it is another run"
    for evaluations in PARTS:
        evolved(strategy, estimation, schedule, record, evaluations, tmp_path / "budgets")
    assert seen(evolved(strategy, estimation, schedule, record, WHOLE, tmp_path / "budgets")) == expected
    for results in STOPS:
        evolved(strategy, estimation, schedule, record, WHOLE, tmp_path / "stopped", callbacks=[StopAfter(results)])
    assert seen(evolved(strategy, estimation, schedule, record, WHOLE, tmp_path / "stopped")) == expected
    assert seen(ne.load_run(tmp_path / "stopped")) == expected, "read back it is another run"


@pytest.mark.parametrize("estimation", ESTIMATIONS)
@pytest.mark.parametrize(
    ("space", "record"),
    [pytest.param(CellSpace(), "all", marks=pytest.mark.slow), (CellSpace("nasnet", 3, (8, 8, 1), 10, 4, 1, 2), "champions")],
    ids=["nodes", "blocks"],
)
def test_cells_that_grow_end_alike_in_parts(space: CellSpace, estimation: str, record: Any, tmp_path: Path) -> None:
    def run(folder: Path, evaluations: int, **options: Any) -> ne.Run:
        task = ne.tasks.Function(lambda genome: sum(map(len, genome.genes())) / len(genome.genes()), of="genome")
        model = Ensemble(epochs=3, layers=1, members=2)
        return ne.evolve(
            space, task, strategy=Progressive(model, best=8, batches=2, initial=6, candidates=12), estimation=ESTIMATIONS[estimation](),
            budget=ne.Budget(evaluations=evaluations), seed=5, run=folder, record=record, progress=False, **options,
        )  # fmt: skip

    whole = run(tmp_path / "whole", 18)
    assert whole.summaries[-1]["predicted"] or estimation != "Direct"
    for evaluations in (1, 8):
        run(tmp_path / "parts", evaluations)
    run(tmp_path / "parts", 18, callbacks=[StopAfter(4)])
    parts = run(tmp_path / "parts", 18)
    assert seen(parts) == seen(whole) == seen(ne.load_run(tmp_path / "parts"))
    assert [row["predicted"] for row in parts.summaries] == [row["predicted"] for row in whole.summaries]


@pytest.mark.parametrize(
    ("once", "record"),
    [
        pytest.param(True, "all", marks=pytest.mark.slow),
        (False, "champions"),
        pytest.param(True, "champions", marks=pytest.mark.slow),
        pytest.param(False, "all", marks=pytest.mark.slow),
    ],
)
def test_neat_and_the_cache_end_alike_in_parts(record: Any, once: bool, tmp_path: Path) -> None:
    def run(folder: Path, evaluations: int) -> ne.Run:
        return ne.evolve(
            NeatSpace(inputs=2, outputs=1), lambda network: float(network([[0.3, 0.7]])[0, 0]), strategy=Neat(population=12),
            budget=ne.Budget(evaluations=evaluations), seed=5, run=folder, record=record, once=once, progress=False,
        )  # fmt: skip

    whole = run(tmp_path / "whole", WHOLE)
    for evaluations in PARTS:
        run(tmp_path / "parts", evaluations)
    parts = run(tmp_path / "parts", WHOLE)
    assert seen(parts) == seen(whole)
