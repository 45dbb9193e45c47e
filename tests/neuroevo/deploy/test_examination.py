"""What a chosen network confuses, whether its probabilities hold, and which columns it needs: computed once, drawn and reported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import neuroevo
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

import neuroevo as ne
from neuroevo.deploy.examination import EXAMINED_FILE, calibration_of, examination, examine, examined
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.html import page


def table(rows: int = 300) -> pd.DataFrame:
    """What is sold depends on the price and the city, not on the noise."""
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"price": rng.normal(100, 20, rows), "noise": rng.normal(size=rows), "city": rng.choice(["Rome", "Bonn", "Oslo"], rows)})
    found["sold"] = np.where((found.price < 100) ^ (found.city == "Oslo"), "yes", "no")
    found["rent"] = found.price * 3 + 10 * (found.city == "Rome")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classification and a regression of the same table, finished."""
    folder = tmp_path_factory.mktemp("examined")
    table().to_csv(folder / "sales.csv", index=False)
    for target, out, epochs in (("sold", "rent", 12), ("rent", "sold", 12)):
        task = ne.tasks.for_data(str(folder / "sales.csv"), target=target, seed=1, columns={"drop": [out]})
        run = ne.evolve(
            task.default_space(starter_parameters=(100, 300)), task, strategy=ne.strategies.RandomSearch(),
            estimation=FullTraining(epochs=epochs), budget=ne.Budget(evaluations=2), seed=1, run=folder / target,
        )  # fmt: skip
        finish(run)
    return folder


def test_the_confusion_is_that_of_the_network_on_the_test_part(folder: Path) -> None:
    run = ne.load_run(folder / "sold")
    data = ne.plots.confusion_data(run)
    task = ne.tasks.Classification(str(folder / "sales.csv"), target="sold", seed=1, columns={"drop": ["rent"]})
    test = task.dataset.test
    said = np.asarray(run.best.model()(test.x)).argmax(axis=1)
    assert (data.counts == confusion_matrix(test.y, said)).all() and data.labels == ("no", "yes")
    assert data.shares.sum(axis=1) == pytest.approx(1)
    texts = [text.get_text() for text in ne.plots.confusion(run).axes[0].texts]
    assert texts == [str(count) for count in data.counts.ravel()]


def test_the_columns_that_decide_are_found_and_a_category_is_one(folder: Path) -> None:
    for target in ("sold", "rent"):
        found = examination(ne.load_run(folder / target)).importance
        assert {each.column for each in found} == {"price", "noise", "city"}
        worth = {each.column: each.worse for each in found}
        assert worth["price"] > 5 * max(abs(worth["noise"]), 1e-9) and worth["city"] > worth["noise"]
        assert [each.worse for each in found] == sorted(worth.values(), reverse=True)
    labels = [label.get_text() for label in ne.plots.importance(ne.load_run(folder / "sold")).axes[0].get_yticklabels()]
    assert labels[-1] == "noise"


def test_calibration_agrees_with_scikit_learn() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(2000)
    y = (rng.random(2000) < truth).astype(int)
    honest = calibration_of(np.stack([1 - truth, truth], axis=1), y, ("no", "yes"))
    share, probability = calibration_curve(y, truth, n_bins=10, strategy="quantile")
    assert [each.share for each in honest.bins] == pytest.approx(share, abs=0.01)
    assert [each.probability for each in honest.bins] == pytest.approx(probability, abs=0.01)
    assert honest.of == "yes" and honest.error < 0.03
    boastful = np.clip((truth - 0.5) * 4 + 0.5, 0.001, 0.999)
    assert calibration_of(np.stack([1 - boastful, boastful], axis=1), y, ("no", "yes")).error > 0.1
    of_three = calibration_of(np.tile([0.5, 0.3, 0.2], (60, 1)), np.arange(60) % 3, ("a", "b", "c"))
    assert of_three.error == pytest.approx(0.5 - 1 / 3) and of_three.of == "the class that it says"


def test_residuals_are_in_the_targets_own_units(folder: Path) -> None:
    run = ne.load_run(folder / "rent")
    data = ne.plots.residuals_data(run)
    assert data.observed[:, 0] == pytest.approx(data.predicted[:, 0] + data.residuals[:, 0])
    assert np.abs(data.residuals).mean() == pytest.approx(run_test_score(folder / "rent", run.best.id, "mae"), rel=1e-4)
    assert ne.plots.residuals(run).axes[0].get_ylabel() == "rent, observed"


def run_test_score(folder: Path, id: int, name: str) -> float:
    return float(json.loads((folder / "test.json").read_text())[str(id)][name])


def test_the_report_needs_neither_the_data_nor_the_network(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ne.load_run(folder / "sold")
    assert set(examined(run)) == {str(run.best.id)}, "the best was examined at the end of the search"
    monkeypatch.setattr(type(run.best), "model", lambda self: pytest.fail("the network was loaded"))
    text = page(run)
    assert f"<h2>Network {run.best.id}, the best</h2>" in text and "expected calibration error" in text and "with the column shuffled" in text


def test_the_command_draws_any_network_once_examined(folder: Path) -> None:
    run = ne.load_run(folder / "sold")
    other = next(individual.id for individual in run if individual.id != run.best.id)
    done = neuroevo("plot", "sold", "calibration", other, folder=folder)
    assert done.returncode == 0, done.stderr
    assert (folder / "sold" / "figures" / f"calibration-{other}.png").stat().st_size > 8000
    assert str(other) in examined(run)
    derived = run.derive(run.best.id, run.best.genome, weights=run.best.artifact.load(), operators=("train",))
    assert neuroevo("plot", "sold", "confusion", derived.name, folder=folder).returncode == 0
    assert examination(run, derived.name).confusion == examination(run).confusion


def test_a_figure_of_another_kind_is_one_sentence(folder: Path) -> None:
    assert "neuroevo plot RUN confusion" in neuroevo("plot", "sold", "residuals", folder=folder).stderr
    assert "neuroevo plot RUN residuals" in neuroevo("plot", "rent", "calibration", folder=folder).stderr
    wrong = neuroevo("plot", "sold", "genome", "1.1", folder=folder)
    assert wrong.returncode == 2 and "a whole number, got '1.1'" in wrong.stderr


def test_shuffles_are_the_same_in_every_call(folder: Path) -> None:
    run = ne.load_run(folder / "sold")
    task = ne.tasks.Classification(str(folder / "sales.csv"), target="sold", seed=1, columns={"drop": ["rent"]})
    again = examine(task, run.best.model(), str(run.best.id), part="test", seed=1)
    assert json.loads((folder / "sold" / EXAMINED_FILE).read_text())[again.name]["importance"] == [vars(each) for each in again.importance]
