"""Networks that are better together are chosen by the validation data, become one plain Keras model, and a child of the run."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from command_line import neuroevo

import neuroevo as ne
from neuroevo.deploy.ensembles import greedy_selection
from neuroevo.estimation import FullTraining
from neuroevo.report.finish import finish
from neuroevo.report.html import page
from neuroevo.report.text import run_table
from neuroevo.train.recipe import FROM_SCRATCH


def squared(target: np.ndarray):
    return lambda mean: (float(((mean - target) ** 2).mean()),)


def test_each_round_adds_the_network_with_which_the_mean_is_best() -> None:
    rng = np.random.default_rng(0)
    target = rng.normal(size=(50, 1))
    answers = {id: target + rng.normal(scale=scale, size=(50, 1)) for id, scale in enumerate((0.5, 0.6, 0.7, 2.0))}
    chosen, keys = greedy_selection(answers, squared(target), 12)
    assert chosen[0] == min(answers, key=lambda id: squared(target)(answers[id])), "the best alone is first"
    for round in range(1, len(chosen)):
        every = {id: squared(target)(np.mean([answers[c] for c in [*chosen[:round], id]], axis=0)) for id in answers}
        assert chosen[round] == min(every, key=lambda id: every[id]) and keys[round] == pytest.approx(every[chosen[round]])
    assert keys[-1][0] < 0.6 * keys[0][0], "independent errors cancel"
    best = min(squared(target)(np.mean([answers[id] for id in many], axis=0))[0] for many in itertools.product(answers, repeat=5))
    assert keys[-1][0] < 1.1 * best, "nearly as good as the best of all choices of five"


def test_a_network_is_added_only_where_it_makes_the_mean_better() -> None:
    target = np.zeros((20, 1))
    answers = {1: np.full((20, 1), 0.1), 2: np.full((20, 1), 0.3)}
    assert greedy_selection(answers, squared(target), 20)[0] == [1]
    barely = {1: np.full((20, 1), 0.1), 2: np.full((20, 1), 0.0999)}
    assert greedy_selection(barely, squared(target), 20)[0] == [2]
    opposed = {1: np.full((20, 1), 0.1), 2: np.full((20, 1), -0.3)}
    assert sorted(greedy_selection(opposed, squared(target), 20)[0]) == [1, 1, 1, 2], "with replacement: weights 3 and 1 cancel out"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table with texts and holes, whose target is far from 0; five networks, trained for two epochs."""
    folder = tmp_path_factory.mktemp("ensemble")
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(300, 3)), columns=["area", "age", "noise"])
    table["heating"] = rng.choice(["gas", "oil"], 300)
    table["price"] = 5000 + 300 * table.area - 100 * table.age * (table.heating == "gas") + 20 * table.noise
    table.to_csv(folder / "houses.csv", index=False)
    task = ne.tasks.Regression(folder / "houses.csv", ("mae", "parameters", "flops"), target="price", seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(30, 300)), task, strategy=ne.strategies.Nsga2(population=6), estimation=FullTraining(epochs=2),
        budget=ne.Budget(evaluations=6), seed=1, run=folder / "run",
    )  # fmt: skip
    finish(run)
    return folder


def test_an_ensemble_is_one_plain_keras_model_that_is_better_than_each(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    run = ne.load_run(tmp_path / "run")
    task = ne.tasks.Regression(folder / "houses.csv", ("mae", "parameters", "flops"), target="price", seed=1)
    found = run.ensemble(of="kept", path=tmp_path / "ensemble.keras")
    part, first = task.dataset.validation, next(iter(found.members))
    assert len(found.members) > 1 and found.derived is not None
    assert found.scores["mae"] < found.single["mae"] == pytest.approx(min(i.values["mae"] for i in run), rel=1e-4)
    raw = task.dataset.normalisation.inverse(part.x).astype(np.float32)
    total = sum(found.members.values())
    by_hand = sum(times / total * np.asarray(run[id].model()(part.x)) for id, times in found.members.items())
    scale = task.dataset.target_normalisation
    for model in (keras.saving.load_model(tmp_path / "ensemble.keras", safe_mode=True), found.derived.model()):
        assert np.asarray(model(raw)) == pytest.approx(scale.inverse(by_hand), rel=1e-4)
    assert found.scores["mae"] == pytest.approx(np.abs(scale.inverse(by_hand) - part.y).mean(), rel=1e-4)
    again = ne.load_run(tmp_path / "run")
    recorded = again[f"{first}.1"]
    assert recorded.operators == ("ensemble",) and recorded.scores["mae"] == found.scores["mae"] and recorded.test["mae"] > 0
    assert recorded.details["members"] == {str(id): times for id, times in found.members.items()}
    assert recorded.parameters == recorded.scores["parameters"] == sum(run[id].values["parameters"] for id in found.members), "its size counts"
    assert recorded.scores["flops"] == sum(run[id].values["flops"] for id in found.members)
    assert "ensemble" in run_table(again) and "ensemble" in page(again)


@pytest.mark.slow
def test_the_command_says_what_was_chosen_and_its_child_predicts_and_is_exported(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    done = neuroevo("ensemble", "run", "--of", "kept", "--output", "e.keras", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    name = done.stdout.partition("recorded: ")[2].split()[0]
    assert "chosen: " in done.stdout and "of the ensemble" in done.stdout and "e.keras: loaded again in Keras" in done.stdout
    assert (tmp_path / "e.inputs.json").exists()
    by_file = neuroevo("predict", "e.keras", folder / "houses.csv", folder=tmp_path).stdout.splitlines()
    by_name = neuroevo("predict", "run", folder / "houses.csv", "--id", name, folder=tmp_path).stdout.splitlines()
    assert by_file == by_name and len(by_file) == 300
    shown = neuroevo("show", "run", name, folder=tmp_path).stdout
    assert "by ensemble" in shown and '"members"' not in shown and "members: {" in shown
    exported = neuroevo("export", "run", name, "e.tflite", folder=tmp_path)
    assert exported.returncode == 0, exported.stderr


def test_where_nothing_is_better_together_nothing_is_made(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run", tmp_path / "run")
    done = neuroevo("ensemble", "run", "--of", "kept", "--rounds", 1, folder=tmp_path)
    assert done.returncode == 0 and "nothing was made" in done.stdout
    assert ne.load_run(tmp_path / "run").derived == []


@pytest.mark.parametrize(
    ("options", "sentence"), [(("--of", "best"), "'front' or 'kept', got 'best'"), (("--output", "e.onnx"), "a .keras file, got e.onnx")]
)  # fmt: skip
def test_a_mistake_is_one_sentence(folder: Path, options: tuple[str, str], sentence: str) -> None:
    done = neuroevo("ensemble", "run", *options, folder=folder)
    assert done.returncode == 2 and sentence in done.stderr


def test_the_mean_of_probabilities_is_that_of_classes(tmp_path: Path) -> None:
    task = ne.tasks.Classification("wine", ("loss", "parameters"), seed=1)
    run = ne.evolve(
        task.default_space(starter_parameters=(50, 400), embeddings=(), norms=False), task, strategy=ne.strategies.Nsga2(population=4), estimation=FullTraining(2, FROM_SCRATCH),
        budget=ne.Budget(evaluations=4), seed=2,
    )  # fmt: skip
    found = run.ensemble(of="kept")
    assert found.derived is not None and found.derived.path is None, "a run in memory keeps it in memory"
    test = task.dataset.test
    raw = task.dataset.normalisation.inverse(test.x).astype(np.float32)
    answers = np.asarray(found.derived.model()(raw))
    assert answers.sum(axis=1) == pytest.approx(1, abs=1e-5)
    total = sum(found.members.values())
    by_hand = sum(times / total * np.asarray(keras.ops.softmax(run[id].model()(test.x))) for id, times in found.members.items())
    assert answers == pytest.approx(by_hand, abs=1e-5)
    assert found.derived.test["error"] == pytest.approx((by_hand.argmax(axis=1) != test.y).mean())


def test_a_run_without_data_has_no_ensemble() -> None:
    from neuroevo.testing.evaluator import NumberSpace, SquareTask

    run = ne.evolve(NumberSpace(), SquareTask(), strategy=ne.strategies.RandomSearch(), budget=ne.Budget(evaluations=2), seed=1)
    with pytest.raises(ValueError, match="not a search on data"):
        run.ensemble()
