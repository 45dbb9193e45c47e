"""Estimation by folds: every row is asked about once, by a network that neither it nor its ancestors ever saw it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from neuroevo.cli.search import evolve_networks
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Fidelity, Trial
from neuroevo.decode import build, set_weights
from neuroevo.estimation import FoldedTraining, FullTraining, LearningCurve
from neuroevo.evaluators import Serial, Slots
from neuroevo.report.html import page
from neuroevo.run.search import SearchSettings
from neuroevo.tasks.base import Context
from neuroevo.tasks.folding import search_folds_of
from neuroevo.train.loop import model_outputs


def searched(folder: Path | None, evaluations: int = 6, evaluator=None, strategy=None, **settings) -> ne.Run:
    task = ne.tasks.Classification("iris", "error,parameters", seed=1)
    return ne.evolve(
        task.default_space(starter_parameters=(20, 100)), task, strategy=strategy or ne.strategies.Nsga2(population=3, inheritance="lamarckian"),
        estimation=FoldedTraining(3, epochs=3, **settings), budget=ne.Budget(evaluations=evaluations), seed=2, run=folder,
        evaluator=evaluator or Serial(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ne.Run:
    return searched(tmp_path_factory.mktemp("folded") / "run")


@pytest.mark.parametrize("data", ["iris", "diabetes"])
@pytest.mark.parametrize("folds", [2, 3, 5])
def test_the_first_fold_is_that_of_a_search_without_and_all_together_ask_each_row_once(data: str, folds: int) -> None:
    task = ne.tasks.for_data(data, seed=1)
    rows, train = search_folds_of(task, folds, 1), len(task.dataset.train)
    assert len(rows) == folds
    assert rows[0][0].tolist() == list(range(train)) and rows[0][1].tolist() == list(range(train, len(task.dataset.search_part)))
    assert sorted(np.concatenate([asked for _, asked in rows]).tolist()) == list(range(len(task.dataset.search_part)))
    for trained, asked in rows:
        assert not set(trained.tolist()) & set(asked.tolist()) and len(trained) + len(asked) == len(task.dataset.search_part)
    with pytest.raises(ValueError, match="a number from 2 to"):
        search_folds_of(task, 1, 1)
    with pytest.raises(ValueError, match="a number from 2 to"):
        search_folds_of(task, 400, 1)


def of_fold(individual: Individual, fold: int):
    """A fold's network of an individual."""
    prefix = f"fold_{fold}/" if fold else ""
    arrays = {name.removeprefix(prefix): array for name, array in individual.artifact.load().items() if name.startswith(prefix)}
    model = build(individual.genome)
    set_weights(model, individual.genome, arrays)
    return model


def test_a_score_is_of_the_answers_to_all_rows_each_from_its_folds_network(run: ne.Run) -> None:
    assert run.failures == 0
    both = run.task.dataset.search_part
    kept = [individual for individual in run if individual.artifact is not None]
    assert kept
    for individual in kept:
        answers = np.zeros((len(both), 3), np.float32)
        for fold, (_, asked) in enumerate(search_folds_of(run.task, 3, 2)):
            answers[asked] = model_outputs(of_fold(individual, fold), both.x[asked])
        assert individual.values["error"] == pytest.approx(run.task.scores(answers, both.y)["error"])
        assert individual.info["folds"]["samples"] == len(both) == 120 and len(individual.info["folds"]["each"]) == 3
        validation = run.task.scores(model_outputs(individual.model(), run.task.dataset.validation.x), run.task.dataset.validation.y)
        assert individual.info["folds"]["each"][0] == pytest.approx(validation["error"]), "the first fold's network is the model"
    assert run.epochs == 6 * 3 * 3, "each is trained three times"


def test_the_first_network_is_that_of_full_training() -> None:
    task = ne.tasks.Classification("iris", "error,parameters", seed=1)
    genome = task.default_space(starter_parameters=(20, 100)).random(np.random.Generator(np.random.Philox(3)))
    arrays = []
    for estimation in (FullTraining(epochs=2), FoldedTraining(4, epochs=2)):
        individual = Individual(5, genome, [o.weight for o in task.objectives.values()], names=tuple(task.objectives))
        measured = estimation.measure(Trial(5, (individual,)), task, Context(seed=2))
        arrays.append(measured.artifacts[0].load())
    assert all(np.array_equal(array, arrays[1][name]) for name, array in arrays[0].items())
    assert len(arrays[1]) == 4 * len(arrays[0])


def test_each_folds_network_comes_from_its_parents_of_the_same_fold(run: ne.Run) -> None:
    """Without training, a child of exact operators answers as its parent does, fold by fold."""
    parent, task, estimation = run.best, run.task, FoldedTraining(3, epochs=3)
    child = Individual(77, parent.genome, [o.weight for o in task.objectives.values()], names=tuple(task.objectives), parents=(parent.id,))
    trial = Trial(77, (child,), fidelity=Fidelity(0), options={"inheritance": "lamarckian"}, artifacts=(parent.artifact,))
    measured = estimation.measure(trial, task, Context(seed=2))
    assert not measured.reasons, measured.reasons
    assert measured.values[0, 0] == pytest.approx(parent.values["error"])
    for name, array in parent.artifact.load().items():
        if name.split("/")[-1] in ("kernel", "bias"):
            assert np.array_equal(array, measured.artifacts[0].load()[name]), name


@pytest.mark.slow
def test_two_workers_find_the_same(run: ne.Run, tmp_path: Path) -> None:
    both = searched(tmp_path / "workers", evaluator=Slots(2))
    assert [(one.id, one.values, one.info["folds"]["each"]) for one in both] == [(one.id, one.values, one.info["folds"]["each"]) for one in run]


def test_a_resumed_run_finds_the_same(run: ne.Run, tmp_path: Path) -> None:
    expected = [(one.id, one.values, one.info["folds"]["each"]) for one in run]
    searched(tmp_path / "resumed", 4)
    again = searched(tmp_path / "resumed")
    assert [(one.id, one.values, one.info["folds"]["each"]) for one in again] == expected


def test_what_folds_cannot_do_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="folds must be a whole number >= 2, got 1"):
        FoldedTraining(1)
    halving = searched(tmp_path / "run", 4, strategy=ne.strategies.Hyperband(proposals=ne.strategies.RandomSearch(batch=4), maximum=9))
    assert halving.failures and all("folds are of whole trainings" in one.reason for one in halving)


@pytest.mark.slow
def test_the_command_scores_by_folds_and_says_so(tmp_path: Path) -> None:
    asked = SearchSettings("iris", epochs=2, folds=3, stop_early="median")
    run = evolve_networks(asked, tmp_path / "run", evaluations=3, evaluator=Serial(), references=True)
    assert isinstance(ne.estimation.LearningCurve.from_settings(run.settings["estimation"]), LearningCurve)
    assert run.settings["estimation"]["base"]["folds"] == 3 and not (tmp_path / "run" / "folds.json").exists()
    shown = neuroevo("show", tmp_path / "run", folder=tmp_path).stdout
    assert "error (3 folds)" in shown and "(validation)" not in shown
    intervals = json.loads((tmp_path / "run" / "intervals.json").read_text())
    best = run.best
    low, high = intervals[str(best.id)]["validation"]["error"]
    assert low <= best.values["error"] <= high and high - low < 0.2, "of 120 rows, not of 30"
    assert "3 folds" in page(run)
    with pytest.raises(ValueError, match=r"leave --search-folds 3 out"):
        evolve_networks(SearchSettings("iris", strategy="hyperband", folds=3), tmp_path / "other", evaluations=3, evaluator=Serial())
    with pytest.raises(ValueError, match="other settings"):
        evolve_networks(SearchSettings("iris", epochs=2), tmp_path / "run", evaluations=4, evaluator=Serial())
