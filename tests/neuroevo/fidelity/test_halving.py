"""Successive halving and Hyperband in whole runs, on a descent that goes on from checkpoints."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neuroevo as ne
from neuroevo.core.trial import CHECKPOINT, Fidelity
from neuroevo.report.text import fidelity_text
from neuroevo.run.settings import strategy_from_settings
from neuroevo.strategies import (
    Asha,
    Bayesian,
    HillClimb,
    Hyperband,
    Nsga2,
    RandomSearch,
    RegularizedEvolution,
    Strategy,
    SuccessiveHalving,
)
from neuroevo.strategies.fidelity.rungs import best_first
from neuroevo.testing.evaluator import NumberSpace

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "reliability")]

from test_trials import StopAfter  # noqa: E402
from tiny_halving import Descent, Loss  # noqa: E402


class OneLoss(Loss):
    def __init__(self) -> None:
        super().__init__()
        del self.objectives["size"]


class OneDescent(Descent):
    """For one objective or two; it knows what a continued trial is going to take."""

    def cost(self, trial: Any, task: Any) -> float:
        checkpoint = trial.artifact(CHECKPOINT)
        return float(trial.fidelity.epochs - (0 if checkpoint is None else checkpoint.meta["epochs"]))

    def measure(self, trial: Any, task: Any, context: Any) -> Any:
        both = super().measure(trial, Loss(), context)
        return replace(both, values=both.values[:, : len(task.objectives)], info=())


def evolved(strategy: Strategy, folder: Path | None = None, task: Any = None, **options: Any) -> ne.Run:
    budget = options.pop("budget", None) or ne.Budget(generations=options.pop("generations", 1))
    return ne.evolve(
        NumberSpace(), task or Loss(), strategy=strategy, estimation=OneDescent(), budget=budget, seed=options.pop("seed", 3),
        run=folder, progress=False, **options,
    )  # fmt: skip


def rungs(run: ne.Run) -> list[list[int]]:
    """The individuals of each rung of one bracket, in the order of their trials."""
    trials = run.trials()
    epochs = [fidelity["epochs"] for fidelity in trials["fidelity"]]
    return [trials["individual"][np.array(epochs) == rung].tolist() for rung in sorted(set(epochs))]


def test_a_bracket_trains_all_a_little_and_the_best_of_them_more(tmp_path: Path) -> None:
    run = evolved(SuccessiveHalving(candidates=18), tmp_path / "run", task=OneLoss(), seed=10)
    first, second, third = rungs(run)
    assert (len(first), len(second), len(third)) == (18, 6, 2)
    scores = {
        (one.id, found.fidelity.epochs): found.values[0]
        for one in run
        for found in run.evaluations_of(one.id)
        if found.status == "done"
    }
    failed = [one.id for one in run if one.status == "failed"]
    assert failed and run.failures == len(failed), "some fail, so that one sees that they do not go on"
    assert second == sorted((id for id in first if id not in failed), key=lambda id: (scores[id, 1], id))[:6]
    assert third == sorted(second, key=lambda id: (scores[id, 3], id))[:2]
    assert run.epochs == 18 * 1 + 6 * 2 + 2 * 6, "each rung goes on from where the one before stood"
    assert [one.id for one in run.front] == [min(third, key=lambda id: (scores[id, 9], id))]
    assert run.records.full.epochs == 9 and {one.fidelity.epochs for one in run.front} == {9}
    previous = [fidelity.get("previous") for fidelity in run.trials()["fidelity"]]
    assert previous[:18] == [None] * 18 and previous[18:24] == [first.index(id) for id in second]


def test_of_several_objectives_the_front_goes_on(tmp_path: Path) -> None:
    run = evolved(SuccessiveHalving(candidates=18, rungs=2), tmp_path / "run")
    first, second = rungs(run)
    low = {id: run.evaluations_of(id)[0] for id in first}
    asked = []
    for id in first:
        one = run[id]
        one.fidelity = None
        one.take(low[id])
        asked.append(one)
    assert second == [one.id for one in best_first(asked)][:6]


def test_the_rungs_say_how_their_schedule_runs(tmp_path: Path) -> None:
    whole = evolved(SuccessiveHalving(candidates=9), tmp_path / "whole").trials()["fidelity"]
    assert [fidelity.get("schedule") for fidelity in whole] == [9] * 13
    assert fidelity_text(Fidelity.from_dict(whole[9])) == "3 epochs, on the way to 9, after trial 0"
    each = evolved(SuccessiveHalving(candidates=9, schedule="rung"), tmp_path / "each").trials()["fidelity"]
    assert [fidelity.get("schedule") for fidelity in each] == [None] * 13
    assert [fidelity["epochs"] for fidelity in each] == [1] * 9 + [3] * 3 + [9]


def test_hyperband_goes_through_its_brackets_and_begins_again(tmp_path: Path) -> None:
    run = evolved(Hyperband(maximum=9), tmp_path / "run", generations=4)
    assert [row["bracket"] for row in run.summaries] == [2, 1, 0, 2]
    assert [row["rungs"] for row in run.summaries] == [[9, 3, 1], [5, 1], [3], [9, 3, 1]]
    epochs = [fidelity["epochs"] for fidelity in run.trials()["fidelity"]]
    assert epochs == [1] * 9 + [3] * 3 + [9] + [3] * 5 + [9] + [9] * 3 + [1] * 9 + [3] * 3 + [9]
    assert all(one.fidelity.epochs == 9 for one in run.front)


def history(run: ne.Run) -> Any:
    return run.history().drop(columns=["reason"])


@pytest.mark.parametrize("workers", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_any_number_of_workers_gives_the_same(workers: int) -> None:
    one, many = (
        evolved(Hyperband(maximum=9, proposals=Nsga2(population=6)), generations=4, workers=count) for count in (1, workers)
    )
    assert history(many).equals(history(one))


MADE = {
    "halving": lambda: SuccessiveHalving(candidates=6, eta=2, proposals=RegularizedEvolution(4, 2, inheritance="lamarckian")),
    "hyperband": lambda: Hyperband(eta=2, maximum=4, proposals=Nsga2(population=4)),
    "asha": lambda: Asha(eta=2, rungs=3, batch=4, proposals=RegularizedEvolution(4, 2, inheritance="lamarckian")),
}


@pytest.mark.parametrize("record", ["all", pytest.param("champions", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", MADE)
def test_a_run_that_is_killed_inside_a_rung_ends_as_one_that_was_not(name: str, record: Any, tmp_path: Path) -> None:
    options = {"budget": ne.Budget(evaluations=40), "record": record}
    whole = evolved(MADE[name](), tmp_path / "whole", **options)
    stops = (1, 4, 8, 9, 10, 13, 17, 5)
    for results in stops:
        evolved(MADE[name](), tmp_path / "parts", **options, callbacks=[StopAfter(results)])
    for evaluations in (26, 33):
        evolved(MADE[name](), tmp_path / "parts", **(options | {"budget": ne.Budget(evaluations=evaluations)}))
    parts = evolved(MADE[name](), tmp_path / "parts", **options)
    assert (parts.evaluations, parts.epochs, parts.generation) == (40, whole.epochs, whole.generation)
    assert parts.trials().drop(columns=["seconds"]).equals(whole.trials().drop(columns=["seconds"]))
    assert [one.id for one in parts.front] == [one.id for one in whole.front]
    if record == "all":
        assert history(parts).equals(history(whole)) and any(one.parents for one in whole)
    kept = [sorted(path.name for path in (tmp_path / name / "artifacts").iterdir()) for name in ("whole", "parts")]
    assert kept[0] == kept[1]


def test_only_checkpoints_that_somebody_goes_on_from_are_kept(tmp_path: Path) -> None:
    def checkpoints(evaluations: int) -> list[int]:
        budget = ne.Budget(evaluations=evaluations)
        run = evolved(SuccessiveHalving(candidates=9), tmp_path / "run", task=OneLoss(), budget=budget)
        kept = [path.name for path in (tmp_path / "run" / "artifacts").iterdir()]
        assert len([name for name in kept if CHECKPOINT not in name]) == len(run.front), "weights of the front alone"
        return sorted(int(name.split(".")[0]) for name in kept if CHECKPOINT in name)

    assert len(checkpoints(9)) == 3, "of those that go on to the second rung"
    assert len(checkpoints(12)) == 1 and checkpoints(12)[0] >= 9
    assert checkpoints(13) == []


def test_a_budget_of_epochs_ends_a_bracket_inside_a_rung() -> None:
    run = evolved(SuccessiveHalving(candidates=9), budget=ne.Budget(epochs=12))
    assert run.ended == "epochs" and run.epochs == 13, "a trial begins where there is room"
    assert not run.front, "nobody reached the last rung"
    assert evolved(SuccessiveHalving(candidates=9), budget=ne.Budget(epochs=21)).epochs == 21


@dataclass
class Listening(RandomSearch):
    """Random search that keeps what it is told."""

    def start(self, search: Any) -> None:
        super().start(search)
        self.heard: list[tuple[int, str, float]] = []
        HEARD.append(self)

    def steady_state(self) -> Strategy:
        return Listening(self.batch)

    def tell(self, results: Any) -> None:
        assert len(results) == 1
        (one,) = results[0].individuals
        self.heard.append((one.id, one.status, one.fitness.values[0]))
        super().tell(results)


HEARD: list[Listening] = []


def heard_by(made: Any, **options: Any) -> tuple[ne.Run, list[tuple[int, str, float]]]:
    HEARD.clear()
    run = evolved(made(Listening(4)), **options)
    return run, HEARD[-1].heard


def test_the_proposing_strategy_is_told_of_each_candidate_once_with_what_it_reached() -> None:
    run, heard = heard_by(lambda listening: SuccessiveHalving(candidates=9, proposals=listening), generations=2)
    assert heard == [(one.id, one.status, one.fitness.values[0]) for one in run] and len(heard) == 18
    assert {one.fidelity.epochs for one in run} == {1, 3, 9}


def test_a_model_of_scores_learns_from_the_last_rung_alone() -> None:
    run, heard = heard_by(lambda listening: SuccessiveHalving(candidates=9, proposals=listening, told="last"), generations=2)
    assert [id for id, status, _ in heard if status == "done"] == [one.id for one in run if one.fidelity.epochs == 9]
    assert {status for _, status, _ in heard} >= {"done", "stopped"} and len(heard) == 18
    assert all(one.status != "stopped" for one in run), "they are no less done for it"
    strategy = SuccessiveHalving(candidates=9, proposals=Bayesian(initial=3, candidates=5))
    run = evolved(strategy, generations=3)
    observed = strategy._proposals.strategy._observed
    assert 0 < len(observed) < 6 and all(one.fidelity.epochs == 9 for one in observed)


def test_asha_tells_of_the_first_rung_whatever_comes_later(tmp_path: Path) -> None:
    run, heard = heard_by(lambda listening: Asha(rungs=3, proposals=listening), folder=tmp_path / "run", generations=7)
    first = {one.id: run.evaluations_of(one.id)[0] for one in run}
    assert heard == [(id, first[id].status, first[id].values[0]) for id in first]
    assert any(one.fitness.values[0] != first[one.id].values[0] for one in run), "some went on"


@pytest.mark.parametrize("made", [SuccessiveHalving, Hyperband, Asha])
def test_settings_travel_as_json_with_the_strategy_inside(made: Any) -> None:
    strategy = made(eta=4, proposals=Nsga2(population=7, inheritance="lamarckian"), schedule="rung")
    again = strategy_from_settings(strategy.settings())
    assert again == strategy and again.settings() == strategy.settings()
    assert again.inheritance == "lamarckian" and again.toolbox_entries == ("mate", "mutate", "select")
    by_name = made(proposals="nsga2")
    assert by_name.proposals == Nsga2() and made(proposals="Nsga2(population=7)").proposals == Nsga2(population=7)
    assert strategy_from_settings(made().settings()).proposals == RandomSearch()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: SuccessiveHalving(eta=1), "eta must be a whole number >= 2, got 1"),
        (lambda: SuccessiveHalving(candidates=0), "candidates must be a whole number >= 1"),
        (lambda: Hyperband(first=4, maximum=3), "maximum must be >= first"),
        (lambda: Asha(schedule="cosine"), "schedule must be one of 'whole', 'rung', got 'cosine'"),
        (lambda: Hyperband(told="all"), "told must be one of 'highest', 'last'"),
        (lambda: Hyperband(proposals=HillClimb()), "HillClimb works in whole generations only"),
        (lambda: Hyperband(proposals=Asha()), "must leave fidelities to the strategy around it; Asha chooses them"),
        (lambda: Asha(proposals="nsga"), "Nsga2"),
        (lambda: Asha(proposals="Nsga2(population=0)"), "population must be a whole number >= 1"),
        (lambda: Asha(proposals="Nsga2(__import__('os'))"), "a strategy is written as"),
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("(", r"\(")):
        make()
    with pytest.raises(TypeError, match="proposals must be a strategy such as"):
        Asha(proposals=3)  # type: ignore[arg-type]
