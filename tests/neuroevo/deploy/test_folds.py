"""A small table's front is validated by folds: every row is asked about once, of a network that never saw it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import neuroevo

import neuroevo as ne
from neuroevo.cli.search import evolve_networks
from neuroevo.deploy.folds import folded, validate_by_folds
from neuroevo.evaluators import Serial
from neuroevo.report.finish import finish
from neuroevo.report.html import page
from neuroevo.report.text import run_table
from neuroevo.run.search import SearchSettings
from neuroevo.tasks.folding import folds_of, usual_folds
from neuroevo.train.recipe import Recipe


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes"])
def test_each_row_is_asked_about_once_and_never_trained_on_then(name: str) -> None:
    task = ne.tasks.for_data(name, seed=1)
    rows = folds_of(task, 5, 1)
    assert sorted(np.concatenate([asked for _, asked in rows]).tolist()) == list(range(len(task.dataset.search_part)))
    for train, asked in rows:
        assert not set(train) & set(asked) and len(train) + len(asked) == len(task.dataset.search_part)
    if task.kind == "classification":
        shares = [task.dataset.search_part.y[asked].mean() for _, asked in rows]
        assert max(shares) - min(shares) < 0.02, "stratified"


def test_copies_of_a_row_are_in_one_fold() -> None:
    x = np.repeat(np.random.default_rng(0).normal(size=(60, 3)), 4, axis=0)
    task = ne.tasks.Classification((x, np.repeat(np.arange(60) % 2, 4)), seed=1)
    both = task.dataset.search_part
    for train, asked in folds_of(task, 4, 1):
        assert not {row.tobytes() for row in both.x[train]} & {row.tobytes() for row in both.x[asked]}


def test_answers_are_those_of_networks_that_never_saw_the_row() -> None:
    """On pure noise a network that had seen the rows would know them."""
    rng = np.random.default_rng(0)
    task = ne.tasks.Classification((rng.normal(size=(200, 30)).astype(np.float32), rng.integers(0, 2, 200)), seed=1)
    space = task.default_space(starter_parameters=(2000, 4000))
    genome = space.random(np.random.default_rng(0))
    recipe = Recipe(epochs=40, learning_rate=0.1, weight_decay=0.0)
    found = validate_by_folds(genome, task, recipe, 4, 1)
    assert 0.38 < found.scores["error"] < 0.62 and found.samples == 160
    low, high = found.intervals["error"]
    assert low < 0.5 < high or abs(found.scores["error"] - 0.5) < 0.12
    assert validate_by_folds(genome, task, recipe, 4, 1).scores == found.scores, "the seed decides"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("folds")
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=150), "b": rng.normal(size=150), "site": rng.choice(["x", "y"], 150)})
    table["kind"] = np.where(table.a + (table.site == "x") > 0.5, "high", "low")
    table["patient"] = np.arange(150) // 3
    table.to_csv(folder / "small.csv", index=False)
    settings = SearchSettings(str(folder / "small.csv"), target="kind", epochs=3)
    evolve_networks(settings, folder / "run", evaluations=3, evaluator=Serial())
    return folder


def test_a_small_table_is_folded_by_itself_and_the_table_and_report_show_it(folder: Path) -> None:
    run = ne.load_run(folder / "run")
    found = folded(run)
    assert set(found) == {individual.id for individual in run.front} and {one.folds for one in found.values()} == {5}
    best = min(found, key=lambda id: found[id].scores["error"])
    table = run_table(run)
    assert "error (5 folds)" in table and f"{best} is best: error {found[best].scores['error']:.4g}" in table and "over the 120 rows" in table
    assert "error (5 folds)" in page(run)
    shown = json.loads(neuroevo("show", folder / "run", "--json", folder=folder).stdout)
    assert shown["front"][0]["folds"]["samples"] == 120


def test_a_run_that_goes_on_folds_what_is_new_on_its_front_alone(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    settings = SearchSettings(str(folder / "small.csv"), target="kind", epochs=3)
    before = folded(ne.load_run(tmp_path / "run"))
    said: list[str] = []
    run = evolve_networks(settings, tmp_path / "run", evaluations=8, evaluator=Serial(), folds=0)
    finish(run, say=said.append)
    after = folded(run)
    assert set(after) == {individual.id for individual in run.front} and said == []
    assert all(after[id] == before[id] for id in after if id in before)


def test_what_cannot_be_folded_is_said_before_anything_is_trained(folder: Path) -> None:
    grouped = neuroevo("search", "small.csv", "--target", "kind", "--group", "patient", "--folds", 5, "--run", "g", folder=folder)
    assert grouped.returncode == 2 and "split by 'patient' cannot be folded" in grouped.stderr and not (folder / "g").exists()
    many = neuroevo("search", "small.csv", "--target", "kind", "--folds", 1, "--run", "g", folder=folder)
    assert many.returncode == 2 and "a number from 2 to" in many.stderr
    task = ne.tasks.for_data(str(folder / "small.csv"), target="kind", columns={"group": "patient"})
    few = ne.tasks.Classification((np.random.default_rng(0).normal(size=(45, 2)), np.array([0] * 20 + [1] * 20 + [2] * 5)), seed=1)
    assert usual_folds(few) == np.bincount(few.dataset.search_part.y).min() < 5 and folds_of(few, usual_folds(few), 1)
    assert usual_folds(task) == 0 and usual_folds(ne.tasks.Classification("digits")) == 0, "images are not folded by themselves"


def test_the_last_training_takes_every_row_and_is_not_tested(folder: Path) -> None:
    run = ne.load_run(folder / "run")
    done = neuroevo("train", "run", run.best.id, "--epochs", 2, "--all", "--always", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "on every row, the test data's, too" in done.stdout and "before" in done.stdout and "after 2 more epochs" not in done.stdout
    (child,) = ne.load_run(folder / "run").derived
    assert child.details["trained_on"] == "train + validation + test" and child.test == {}
