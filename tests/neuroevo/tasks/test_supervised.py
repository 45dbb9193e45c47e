"""Classification and regression as tasks: objectives, limits, scores, settings."""

import json
import pickle

import cloudpickle
import keras
import numpy as np
import pytest

from genomes import NetworkSpace
from neuroevo.core.objectives import Objective
from neuroevo.data import DataError, load
from neuroevo.tasks import Classification, Context, Regression


def model_for(task):
    inputs = keras.Input(task.dataset.input_shape)
    return keras.Model(inputs, keras.layers.Dense(task.dataset.outputs)(keras.layers.Flatten()(inputs)))


def test_objectives_are_chosen_by_name_with_limits():
    task = Classification("digits", "error,parameters<20000")
    assert list(task.objectives) == ["error", "parameters"]
    assert task.objectives["parameters"].limit == 20_000
    assert Classification("iris", ("f1", "flops")).objectives["f1"].direction == "maximise"


def test_an_unknown_objective_suggests_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'error'"):
        Classification("digits", ("eror",))
    with pytest.raises(ValueError, match="unknown objective 'mae'"):
        Classification("digits", ("mae",))


def test_data_is_not_loaded_before_it_is_needed():
    task = Classification("no_such_data")
    with pytest.raises(DataError, match="unknown data"):
        _ = task.dataset


def test_the_default_space_is_for_the_datas_inputs_and_outputs():
    space = Classification("digits").default_space(max_parameters=9000)
    assert isinstance(space, NetworkSpace)
    assert (space.input_shape, space.outputs, space.max_parameters) == ((8, 8, 1), 10, 9000)
    assert Regression("diabetes").default_space().input_shape == (10,)


def test_scores_are_of_the_validation_part_and_the_test_part_is_apart():
    task = Classification("iris", ("error", "loss", "auc"), seed=1)
    model = model_for(task)
    scores, tested = task.score(model, Context()), task.test_scores(model)
    wrong = np.asarray(model(task.dataset.validation.x)).argmax(1) != task.dataset.validation.y
    assert scores["error"] == pytest.approx(wrong.mean())
    assert set(tested) == {"error", "balanced_error", "loss", "f1", "auc"}
    assert tested["loss"] != scores["loss"]


def test_regression_scores_are_in_the_values_units():
    task = Regression("diabetes", seed=1)
    model = model_for(task)
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    scores = task.score(model, Context())
    y = task.dataset.validation.y
    mean = task.dataset.train.y.mean()
    assert scores["mae"] == pytest.approx(np.abs(y - mean).mean(), rel=1e-4)
    assert scores["rmse"] == pytest.approx(np.sqrt(((y - mean) ** 2).mean()), rel=1e-4)
    assert scores["loss"] == pytest.approx(1, abs=0.3)


def test_any_function_of_the_trained_model_is_an_objective():
    def kernel_norm(model):
        return float(np.square(model.get_weights()[0]).sum())

    depth = Objective("depth", "minimise", "cheap", of=lambda genome: genome.architecture.depth)
    task = Classification("iris", ("error", kernel_norm, depth))
    assert list(task.objectives) == ["error", "kernel_norm", "depth"]
    model = model_for(task)
    assert task.score(model, Context())["kernel_norm"] == pytest.approx(kernel_norm(model))
    genome = task.default_space().random(np.random.default_rng(0))
    assert task.cheap(genome) == {"depth": genome.architecture.depth}


def test_latency_is_measured_where_it_is_asked():
    task = Classification("iris", ("error", "latency"))
    assert 0 < task.score(model_for(task), Context())["latency"] < 1000
    assert task.objectives["latency"].kind == "measured"


def test_outputs_that_are_not_finite_are_an_error():
    task = Classification("iris")
    model = model_for(task)
    model.weights[0].assign(np.full(model.weights[0].shape, np.nan))
    with pytest.raises(ValueError, match="not finite"):
        task.score(model, Context())


def test_a_task_comes_back_from_its_settings():
    task = Classification("digits", "error,parameters<5000", seed=4)
    settings = json.loads(json.dumps(task.settings()))
    again = Classification.from_settings(settings)
    assert again.settings() == task.settings()
    assert again.objectives == task.objectives


def test_changed_data_changes_the_settings(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(40, 3)), np.arange(40) % 2
    np.savez(tmp_path / "d.npz", x=x, y=y)
    before = Classification(tmp_path / "d.npz").settings()
    np.savez(tmp_path / "d.npz", x=x + (np.arange(40) == 7)[:, None], y=y)
    assert Classification(tmp_path / "d.npz").settings() != before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": "arrays"}, "arrays in memory"),
        ({"data": None}, "data name or path"),
        ({"objectives": []}, "data name or path"),
        ({"objectives": [{"name": "mine"}]}, "Python function"),
        ({"objectives": [{"name": "error", "limit": "x"}]}, "limit of 'error'"),
    ],
)
def test_settings_that_cannot_be_a_task_are_one_sentence(changes, words):
    settings = {**Classification("iris").settings(), **changes}
    with pytest.raises(ValueError, match=words):
        Classification.from_settings(settings)


def test_small_data_travels_with_the_task_and_large_data_is_loaded_again(monkeypatch):
    task = Classification("iris")
    _ = task.dataset
    assert pickle.loads(cloudpickle.dumps(task))._dataset is not None
    monkeypatch.setattr("neuroevo.tasks.supervised.SENT_ALONG", 10)
    again = pickle.loads(cloudpickle.dumps(task))
    assert again._dataset is None
    assert again.dataset.digest() == task.dataset.digest()


def test_arrays_and_datasets_are_data_too():
    rng = np.random.default_rng(0)
    arrays = Classification((rng.normal(size=(50, 4)), np.arange(50) % 2))
    assert arrays.dataset.input_shape == (4,)
    assert Classification(load("iris", seed=2)).dataset.name == "iris"
