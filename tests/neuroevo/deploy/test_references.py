"""A search is compared with usual models on the same samples, and says so where a network is not the answer."""

from __future__ import annotations

import html
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import neuroevo
from sklearn.linear_model import LogisticRegression

import neuroevo as ne
from neuroevo.core.files import write_json_whole
from neuroevo.deploy.intervals import INTERVALS_FILE, intervals_of
from neuroevo.deploy.reference_models import REFERENCES_FILE, constant_of, constant_reference, references_of, train_references
from neuroevo.deploy.verdict import verdict
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.html import page
from neuroevo.report.text import run_table, with_interval
from neuroevo.report.text import test_scores as scores_on_test


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that trains too little, on a table that a linear model knows how to separate, and its end."""
    folder = tmp_path_factory.mktemp("references")
    task = ne.tasks.Classification("breast_cancer", ("error", "parameters"), seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(30, 200), embeddings=("periodic", "piecewise"), gates=False, dropout=False), task, strategy=ne.strategies.RandomSearch(), estimation=FullTraining(epochs=1),
        budget=ne.Budget(evaluations=3), seed=1, run=folder / "run",
    )  # fmt: skip
    finish(run, references=True)
    return folder / "run"


def test_references_are_fitted_on_the_training_part_alone_and_scored_as_networks_are(folder: Path) -> None:
    task = ne.tasks.Classification("breast_cancer", seed=1)
    data = task.dataset
    linear, forest, boosting = references_of(ne.load_run(folder))
    oracle = LogisticRegression(max_iter=2000).fit(data.train.x, data.train.y)
    for part, scores in (("validation", linear.validation), ("test", linear.test)):
        samples = getattr(data, part)
        assert scores["error"] == pytest.approx(1 - oracle.score(samples.x, samples.y))
        low, high = linear.intervals[part]["error"]
        assert low <= scores["error"] <= high
    assert linear.numbers == 31 and linear.validation["parameters"] == 31
    assert (forest.name, boosting.name) == ("forest", "boosting") and min(forest.numbers, boosting.numbers) > 500


def test_the_table_the_figure_and_the_report_show_them(folder: Path) -> None:
    run = ne.load_run(folder)
    table = run_table(run)
    for name in ("linear", "forest", "boosting"):
        assert any(line.split()[:1] == [name] and "scikit-learn" in line for line in table.splitlines())
    figure = ne.plots.front(run, scores_on_test(run))
    assert {"linear (scikit-learn)", "forest (scikit-learn)", "boosting (scikit-learn)"} <= {
        text.get_text() for text in figure.legends[0].get_texts()
    }
    data = ne.plots.front_data(run)
    assert data.references["linear"] == pytest.approx([references_of(run)[0].validation["error"], 31])
    text = page(run)
    assert "<h2>References</h2>" in text and "logistic regression" in text
    shown = json.loads(neuroevo("show", folder, "--json", folder=folder).stdout)
    assert [one["name"] for one in shown["references"]] == ["linear", "forest", "boosting"] and shown["verdict"] == verdict(run, scores_on_test(run))


def test_the_end_says_in_one_line_what_beats_the_front(folder: Path, tmp_path: Path) -> None:
    run = ne.load_run(folder)
    tested = scores_on_test(run)
    linear = references_of(run)[0].test["error"]
    best = run.best
    assert linear < tested[best.id]["error"], "a network of one epoch loses to a linear model here"
    (said,) = verdict(run, tested)
    assert f"linear ({linear:.4g})" in said and f"the front's best, {best.id} ({tested[best.id]['error']:.4g})" in said
    assert said in run_table(run) and html.escape(said[1:]) in page(run)
    better = {id: {**scores, "error": 0.0} for id, scores in tested.items()}
    assert verdict(run, better) == [], "nothing is said where no other model is better"
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    wide = {best.id: {"test": {"error": (0.0, 0.9)}}}
    write_json_whole(copy / INTERVALS_FILE, wide)
    assert "0 to 0.9) holds" in verdict(ne.load_run(copy), tested)[0], "a difference that so few rows cannot tell is said to be one"
    (copy / REFERENCES_FILE).unlink()
    assert verdict(ne.load_run(copy), tested) == []


def test_a_network_that_is_no_better_than_one_answer_is_named(folder: Path, tmp_path: Path) -> None:
    run = ne.load_run(folder)
    constant = constant_of(run)
    assert constant is not None and constant.about == "always 'benign'"
    y = ne.tasks.Classification("breast_cancer", seed=1).dataset.validation.y
    assert constant.validation["error"] == pytest.approx((y != 1).mean()) and constant.validation["auc"] == 0.5
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    found = json.loads((copy / REFERENCES_FILE).read_text())
    found["constant"]["validation"]["error"], found["references"] = run.best.values["error"], []
    write_json_whole(copy / REFERENCES_FILE, found)
    (said,) = verdict(ne.load_run(copy), scores_on_test(run))
    assert said.startswith("no better than always 'benign'") and str(run.best.id) in said


def test_scores_stand_beside_their_intervals(folder: Path) -> None:
    run = ne.load_run(folder)
    sure = intervals_of(run)
    assert set(sure) == {individual.id for individual in run.front}
    low, high = sure[run.best.id]["test"]["error"]
    assert low <= scores_on_test(run)[run.best.id]["error"] <= high
    assert with_interval(scores_on_test(run)[run.best.id]["error"], (low, high)) in run_table(run)
    assert "95 %" in page(run)


def test_a_regression_of_several_numbers_has_references(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(120, 4)), columns=list("abcd"))
    table["width"], table["height"] = table.a * 2 + 1000, table.b - table.c
    table.to_csv(tmp_path / "boxes.csv", index=False)
    task = ne.tasks.Regression(tmp_path / "boxes.csv", target=("width", "height"), seed=1)
    linear, forest, boosting = train_references(task, 1)
    assert linear.test["mae"] < 0.2 < min(forest.test["mae"], boosting.test["mae"]) < 2, "in the target's own units"
    assert linear.numbers == 2 * 4 + 2
    constant = constant_reference(task)
    assert constant.about == "always the median"
    both = task.dataset
    assert constant.validation["mae"] == pytest.approx(np.abs(both.validation.y - np.median(both.train.y, axis=0)).mean(), rel=1e-4)


def test_a_run_in_memory_gives_them_and_one_without_data_refuses() -> None:
    from neuroevo.testing.evaluator import NumberSpace, SquareTask

    run = ne.evolve(NumberSpace(), SquareTask(), strategy=ne.strategies.RandomSearch(), budget=ne.Budget(evaluations=2), seed=1)
    with pytest.raises(ValueError, match="not a search on data"):
        run.references()


def test_a_damaged_record_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "run"))
    (copy / REFERENCES_FILE).write_text("{}")
    shown = neuroevo("show", copy, folder=tmp_path)
    assert shown.returncode == 2 and "references.json is damaged" in shown.stderr and "--references again" in shown.stderr
