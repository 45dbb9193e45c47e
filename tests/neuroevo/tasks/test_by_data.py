"""The target decides the task: its kind, its objectives, and what is said where one may want the other."""

import json

import keras
import numpy as np
import pandas
import pytest

from neuroevo.data import DataError, load
from neuroevo.run.search import SearchSettings, supervised_task
from neuroevo.tasks import Classification, Context, Regression, for_data

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "houses.csv"
    pandas.DataFrame(
        {
            "area": RNG.normal(size=90).round(4),
            "price": (1e5 * RNG.random(90)).round(2),
            "score": RNG.integers(0, 101, 90),
            "rooms": RNG.integers(1, 6, 90),
            "street": RNG.choice(["oak", "elm", "None"], 90),
            "sold": RNG.integers(0, 2, 90),
        }
    ).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("target", "options", "kind", "objectives"),
    [
        ("price", {}, Regression, ["mae", "parameters"]),
        ("score", {}, Regression, ["mae", "parameters"]),
        ("rooms", {}, Classification, ["error", "parameters"]),
        ("sold", {}, Classification, ["error", "parameters"]),
        ("street", {}, Classification, ["error", "parameters"]),
        ("rooms", {"kind": "regression"}, Regression, ["mae", "parameters"]),
        ("rooms", {"objectives": "rmse,flops"}, Regression, ["rmse", "flops"]),
        ("sold", {"objectives": "f1,auc"}, Classification, ["f1", "auc"]),
        ("price", {"objectives": "loss,parameters<500"}, Regression, ["loss", "parameters"]),
        (("price", "score"), {}, Regression, ["mae", "parameters"]),
        ("price,area", {}, Regression, ["mae", "parameters"]),
    ],
)
def test_the_target_decides_the_task_in_python_and_on_the_command_line(houses, target, options, kind, objectives):
    task = for_data(houses, target=target, **options)
    assert type(task) is kind
    assert list(task.objectives) == objectives
    by_command = supervised_task(SearchSettings(data=str(houses), target=target, **{"seed": 0, **options}))
    assert by_command.settings() == task.settings()


@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        (
            "price",
            {"objectives": "error"},
            r"error is an objective of classification.*as price asks for.*mae, rmse.*--kind classification",
        ),
        ("score", {"objectives": "f1,parameters"}, "f1 is an objective of classification.*--kind classification"),
        ("street", {"objectives": "mae"}, "the target holds '.*--kind classification"),
        ("rooms", {"objectives": "mae", "kind": "classification"}, "mae is an objective of regression.*--kind regression"),
        ("rooms", {"objectives": "mae,error"}, "error is of classification and mae of regression"),
        ("street", {"kind": "regression"}, "--kind classification"),
        ("price", {"kind": "classification"}, "--kind regression"),
        ("score", {"kind": "classification"}, "or predict numbers with --kind regression"),
        (("price", "street"), {}, "'street' holds texts such as .*--target street"),
        (("price", "rooms"), {"kind": "classification"}, "got price, rooms: name one with --target"),
        (None, {}, "--target NAME"),
        ("rooms", {"missing": "?"}, r"such as \['\?'\]"),
        ("rooms", {"kind": "clasification"}, "did you mean 'classification'"),
    ],
)
def test_what_does_not_fit_names_the_option_that_helps(houses, target, options, words):
    with pytest.raises((DataError, ValueError), match=words):
        for_data(houses, target=target, **options)


@pytest.mark.parametrize(
    ("y", "kind", "said"),
    [
        (np.arange(100) % 10, "classification", "--kind regression"),
        (np.arange(100) % 2 * 2 - 1, "classification", "--kind regression"),
        (np.array([1, 2, 3, 5, 6, 7])[np.arange(120) % 6], "classification", "--kind regression"),
        (np.arange(100) % 10 * 10, "regression", "--kind classification"),
        (np.arange(200) % 101, "regression", ""),
        (np.arange(200) % 35, "regression", "--kind classification"),
        (np.arange(30), "regression", ""),
        (np.arange(60) % 2 + 0.5, "regression", ""),
        (np.array(["x", "y"])[np.arange(60) % 2], "classification", ""),
        (np.arange(60) % 2 == 0, "classification", ""),
        (np.eye(3)[np.arange(60) % 3], "classification", "--kind regression"),
        (np.stack([np.arange(60), np.arange(60)], 1), "regression", ""),
    ],
)
def test_numbers_of_arrays_are_classes_where_they_are_few_and_close(y, kind, said):
    data = load((RNG.normal(size=(len(y), 3)), y))
    assert data.kind == kind
    notes = [note for note in data.notes if "taken for" in note]
    assert (said in notes[0]) if said else not notes


def test_labels_of_pictures_are_classes_however_many():
    y = np.arange(300) % 30
    assert load((RNG.integers(0, 255, (300, 4, 4, 1), dtype=np.uint8), y)).outputs == 30
    assert load((RNG.normal(size=(300, 4)), y)).kind == "regression"


@pytest.mark.parametrize(
    "options", [{"target": ("price", "score")}, {"target": "price", "missing": ("?", "-1")}, {"target": "street"}]
)
def test_a_task_comes_back_from_its_settings(houses, options):
    task = for_data(houses, **options)
    settings = json.loads(json.dumps(task.settings()))
    again = type(task).from_settings(settings)
    assert again.settings() == task.settings()
    assert again.dataset.digest() == task.dataset.digest()
    assert ("missing" in settings) == ("missing" in options), "as in runs so far where nothing is said"


@pytest.mark.parametrize(("offset", "deviation"), [(1.7e9, 30.0), (0.0, 1e-12), (1.7e12, 0.5), (101_325.0, 1e-3)])
def test_the_scores_of_a_regression_are_those_of_its_values(offset, deviation):
    x = RNG.normal(size=(60, 1))
    task = Regression((x, offset + deviation * x[:, 0]))
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1)(inputs))
    model.set_weights([np.ones((1, 1)), np.zeros(1)])
    scores = task.score(model, Context())
    assert scores["mae"] < 1e-3 * deviation
    model.set_weights([np.ones((1, 1)), np.full(1, 0.5)])
    assert task.score(model, Context())["mae"] == pytest.approx(0.5 * task.dataset.target_normalisation.deviation[0], rel=1e-3)


def test_several_targets_are_scored_in_their_own_units(houses):
    task = for_data(houses, target="price,area")
    inputs = keras.Input(task.dataset.input_shape)
    model = keras.Model(inputs, keras.layers.Dense(2, kernel_initializer="zeros")(inputs))
    y, mean = task.dataset.validation.y, task.dataset.train.y.mean(axis=0)
    assert task.score(model, Context())["mae"] == pytest.approx(np.abs(y - mean).mean(), rel=1e-3)
    assert task.dataset.label_names == ("price", "area")
