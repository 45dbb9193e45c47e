"""Estimation by folds: every row is asked about once, by a network that neither it nor its ancestors ever saw it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import neuroevo as ne
from neuroevo.cli.search import evolve_networks
from neuroevo.core.individual import Individual
from neuroevo.core.trial import Fidelity, Measurement, Result, Trial
from neuroevo.data.dataset import Part
from neuroevo.decode import build, set_weights
from neuroevo.deploy.reference_models import constant_reference
from neuroevo.estimation import FoldedTraining, FullTraining, LearningCurve
from neuroevo.estimation.folded import folded_outputs
from neuroevo.estimation.to_beat import ToBeat
from neuroevo.evaluators import Serial, Slots
from neuroevo.report.derived import beside_parent
from neuroevo.report.finish import finish
from neuroevo.report.html import page
from neuroevo.report.text import run_table
from neuroevo.run.search import SearchSettings, estimation_by_names, folds_for
from neuroevo.run.settings import search_recipes
from neuroevo.strategies.reinforcement.rewards import Power
from neuroevo.tasks.base import Context
from neuroevo.tasks.folding import search_folds_of
from neuroevo.tasks.metrics import log_probabilities
from neuroevo.train.loop import model_outputs
from neuroevo.train.recipe import FROM_SCRATCH, INHERITED, TABLE, TABLE_INHERITED


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


def test_a_small_table_is_searched_by_folds_unless_it_goes_on_otherwise_or_little_is_trained(run: ne.Run) -> None:
    iris, images = run.task, ne.tasks.Classification("digits")
    nsga2, hyperband, shared = ne.strategies.Nsga2(), ne.strategies.Hyperband(), ne.strategies.SharedWeights()
    assert folds_for(None, iris, nsga2, 60) == folds_for(None, iris, nsga2, None) == 5
    assert folds_for(None, iris, nsga2, 16) == folds_for(None, images, nsga2, 60) == 0
    assert folds_for(None, iris, hyperband, 60) == folds_for(None, iris, shared, 60) == 0
    assert folds_for(0, iris, nsga2, 60) == 0 and folds_for(3, iris, hyperband, 4) == 3
    assert folds_for(None, iris, nsga2, 60, run.settings) == 3 and folds_for(None, iris, nsga2, 60, {"estimation": FullTraining().settings()}) == 0
    assert folds_for(None, iris, nsga2, 60, stop_early="median") == 0
    curve = LearningCurve(FoldedTraining(4)).settings()
    assert folds_for(None, iris, nsga2, 4, {"estimation": curve}) == 4
    untrained = ne.tasks.Classification("iris", "synflow,parameters", seed=1)
    assert folds_for(None, untrained, nsga2, 60) == 0
    three = np.repeat([0, 1, 2], [40, 40, 5])
    few = ne.tasks.Classification((np.random.default_rng(0).normal(size=(85, 2)), three), seed=1)
    rarest = int(np.bincount(few.dataset.train.y).min())
    assert folds_for(None, few, nsga2, 60) == 1 + rarest == 4 and search_folds_of(few, 4, 1)
    rest = np.delete(np.arange(len(few.dataset.train)), np.flatnonzero(few.dataset.train.y == 2)[:1])
    few.dataset = replace(few.dataset, train=Part(few.dataset.train.x[rest], few.dataset.train.y[rest]))
    assert folds_for(None, few, nsga2, 60) == 0, "a class of two training rows makes folds of few rows"
    levels = np.repeat([[0.0], [1.0], [2.0]], 40, axis=0)
    copies = ne.tasks.Regression((levels, levels[:, 0] * 3), seed=1)
    assert folds_for(None, copies, nsga2, 60) == len(search_folds_of(copies, 4, 1)) == 4, "the validation part, and copies of each of three rows"
    with pytest.raises(ValueError, match="different training rows"):
        search_folds_of(copies, 5, 1)
    given = ne.tasks.Classification(iris.dataset, seed=1)
    assert folds_for(None, given, nsga2, 60) == 5
    given.dataset = replace(iris.dataset, validation_given=True)
    assert folds_for(None, given, nsga2, 60) == 0 and folds_for(5, given, nsga2, 60) == 5
    other = ne.tasks.Classification("iris", "synflow,parameters", seed=1)
    assert folds_for(None, other, nsga2, 60, run.settings) == folds_for(None, iris, hyperband, 60, run.settings) == 0, "another search: evolve says so"


def test_references_and_the_ensemble_are_asked_as_the_candidates_are(tmp_path: Path) -> None:
    run = searched(tmp_path / "run")
    task, both = run.task, run.task.dataset.search_part
    rows = search_folds_of(task, 3, 2)
    linear = next(one for one in run.references() if one.name == "linear")
    answers = np.zeros(len(both), np.int64)
    for trained, asked in rows:
        answers[asked] = LogisticRegression(max_iter=2000).fit(both.x[trained], both.y[trained]).predict(both.x[asked])
    assert linear.folds == 3 and linear.validation["error"] == pytest.approx(np.mean(answers != both.y))
    commonest = sum(int((both.y[asked] != np.bincount(both.y[trained]).argmax()).sum()) for trained, asked in rows)
    assert constant_reference(task, 2, 3).validation["error"] == pytest.approx(commonest / len(both))
    finish(run)
    assert f"linear  {linear.validation['error']:.4g}" in run_table(run)

    assert folded_outputs(run.best, task, 4, 2) is None, "it has no network of a fourth fold"
    outputs = {one.id: folded_outputs(one, task, 3, 2) for one in run.front}
    expected = np.zeros_like(outputs[run.best.id])
    for fold, (_, asked) in enumerate(rows):
        expected[asked] = model_outputs(of_fold(run.best, fold), both.x[asked])
    assert np.allclose(outputs[run.best.id], expected, atol=1e-5)
    found = run.ensemble()
    assert found.folds == 3
    means = [np.exp(log_probabilities(outputs[id])) * times for id, times in found.members.items()]
    mean = np.log(sum(means) / sum(found.members.values()))
    assert found.scores["error"] == pytest.approx(task.scores(mean.astype(np.float32), both.y)["error"])
    first = next(iter(found.members))
    assert found.single["error"] == pytest.approx(run[first].values["error"]), "what the search knows of it"


def test_what_is_of_the_first_fold_is_compared_with_the_first_fold(tmp_path: Path) -> None:
    run = searched(tmp_path / "run")
    best = max(run.front, key=lambda one: abs(one.values["error"] - one.info["folds"]["first"]["error"]))
    first = best.info["folds"]["first"]["error"]
    assert best.info["folds"]["each"][0] == first != best.values["error"]

    made = run.derive(best.id, best.model(), operators=("copy",))
    beside = {row.title: row for row in beside_parent(run, made, {})}
    assert beside["error (validation)"].parent == pytest.approx(first) == pytest.approx(beside["error (validation)"].mine)
    assert beside["parameters"].parent == beside["parameters"].mine
    assert beside["bytes"].parent == round(best.artifact.path.stat().st_size / 3), "of one of its three networks"

    known = ToBeat(run.objectives)
    trial = Trial(1, (best,))
    known.add([Result(trial, Measurement(np.array([list(best.values.values())]), {}, (best.info,)))])
    assert known.score(best.genome, "error") == pytest.approx(first), "what learning curves are of"
    assert Power(1, last=5).accuracy(best) == pytest.approx(1 - best.values["error"]), "the reward is of all folds"


@pytest.mark.slow
def test_a_classifier_that_trains_many_asks_all_rows(tmp_path: Path) -> None:
    x, y = load_iris(return_X_y=True)
    fitted = ne.interop.NeuroEvoClassifier(evaluations=17, epochs=1, random_state=1).fit(x, y)
    assert fitted.run_.settings["estimation"]["folds"] == 5 and fitted.run_.best.info["folds"]["samples"] == 150
    assert not any(name.startswith("fold_") for name in fitted._weights) and fitted.predict(x[:3]).shape == (3,)
    few = ne.interop.NeuroEvoClassifier(evaluations=2, epochs=1, random_state=1).fit(x, y)
    assert few.run_.settings["estimation"]["estimation"] == "FullTraining"


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


def test_a_table_is_trained_in_its_own_way_and_a_run_goes_on_as_it_began() -> None:
    iris, images = ne.tasks.Classification("iris", seed=1), ne.tasks.Classification("digits", seed=1)
    for estimation in (FullTraining(epochs=3), FoldedTraining(3, epochs=3), LearningCurve(FullTraining(epochs=3))):
        inner = getattr(estimation, "base", estimation)
        assert inner.settings()["recipe"] is None and inner.settings()["inherited"] is None
        for task, scratch, inherited in ((iris, TABLE, TABLE_INHERITED), (images, FROM_SCRATCH, INHERITED)):
            estimation.suit(task)
            assert inner.settings()["recipe"] == replace(scratch, epochs=3).to_dict()
            assert inner.settings()["inherited"] == replace(inherited, epochs=3).to_dict()
            assert search_recipes({"estimation": estimation.settings()}) == (replace(scratch, epochs=3), replace(inherited, epochs=3))
    said = FullTraining(recipe=replace(FROM_SCRATCH, learning_rate=0.3))
    said.suit(iris)
    assert said.settings()["recipe"]["learning_rate"] == 0.3 and said.settings()["inherited"] == TABLE_INHERITED.to_dict()
    earlier = {"estimation": FullTraining(None, FROM_SCRATCH, INHERITED).settings()}
    for given in ({}, {"folds": 3}, {"stop_early": "median"}):
        begun, new = (estimation_by_names(iris, None, given.get("stop_early"), None, given.get("folds", 0), was).settings() for was in (earlier, None))
        assert search_recipes({"estimation": begun}) == (FROM_SCRATCH, INHERITED)
        assert search_recipes({"estimation": new}) == (TABLE, TABLE_INHERITED)
