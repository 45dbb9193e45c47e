"""Texts of many values tell a network what they have in common with the target, and never a row's own target."""

import numpy as np
import pandas
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from neuroevo.data import encoded, load
from neuroevo.data.table import feature_names

N = 3000


def table(signal, per_text, seed=0):
    """A column of texts, each with its own rate of the second class where there is a signal."""
    rng = np.random.default_rng(seed)
    texts = rng.integers(0, N // per_text, N)
    rates = np.where(rng.random(N // per_text) < 0.5, 0.15, 0.85) if signal else np.full(N // per_text, 0.5)
    y = np.where(rng.random(N) < rates[texts], "b", "a")
    return pandas.DataFrame({"town": [f"t{k}" for k in texts], "z": rng.normal(size=N), "y": y})


def accuracy(model, data, part):
    return model.fit(data.train.x[:, :1], data.train.y).score(part.x[:, :1], part.y)


@pytest.mark.parametrize("per_text", [2, 5, 20])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_column_of_noise_does_not_help(per_text, seed):
    data = load(table(False, per_text, seed), target="y", seed=seed)
    assert feature_names(data.columns) == ["town's mean of b", "z"]
    chance = 4 * np.sqrt(0.25 / 600)
    for model in (LogisticRegression(), RandomForestClassifier(50, min_samples_leaf=20, random_state=0)):
        assert abs(accuracy(model, data, data.test) - 0.5) < chance


@pytest.mark.parametrize("per_text", [2, 5, 20])
def test_a_training_row_is_not_told_its_own_target(per_text):
    frame = table(False, per_text)
    data = load(frame, target="y")
    own = np.corrcoef(data.train.x[:, 0], data.train.y)[0, 1]
    targets = (frame["y"] == "b").to_numpy(dtype=float)[:, None]
    told = encoded.means(frame["town"].tolist(), targets, targets.mean(axis=0))
    naive = np.corrcoef(encoded.of_known(frame["town"].tolist(), told, targets.mean(axis=0))[:, 0], targets[:, 0])[0, 1]
    assert naive > 0.2, "what would be told without folds"
    assert own < 0.08


def test_a_column_with_a_signal_helps():
    data = load(table(True, 20), target="y")
    assert accuracy(LogisticRegression(), data, data.test) > 0.78


def test_means_come_from_training_rows_alone():
    frame = table(True, 20).assign(z=np.arange(N) / 2)
    data = load(frame, target="y")
    train = {round(value, 1) for value in data.normalisation.inverse(data.train.x)[:, 1].tolist()}
    outside = ~frame["z"].isin(train)
    assert outside.sum() == 1200
    changed = frame.copy()
    changed.loc[outside, "town"] = changed.loc[outside, "town"].to_numpy()[::-1]
    assert load(changed, target="y").columns["columns"][0] == data.columns["columns"][0]


def test_means_are_shrunk_towards_that_of_all_rows():
    found = encoded.means(["x"] * 10 + ["y"], np.ones((11, 1)), np.array([0.5]))
    assert found["x"][0] == pytest.approx((10 + 5) / 20)
    assert found["y"][0] == pytest.approx((1 + 5) / 11)
    assert encoded.of_known(["z"], found, np.array([0.5]))[0, 0] == 0.5


def test_rows_that_belong_together_are_in_one_fold():
    y = np.random.default_rng(0).random((40, 1))
    together = np.arange(40) // 2
    found = encoded.out_of_fold([f"t{k // 2}" for k in range(40)], y, together, 0)
    assert np.allclose(found, y.mean()), "each text has the rows of one fold alone"


@pytest.mark.parametrize(
    ("classes", "names"), [(2, ["t's mean of c1"]), (3, ["t's mean of c0", "t's mean of c1", "t's mean of c2"])]
)
def test_classes_become_a_mean_each(classes, names):
    rng = np.random.default_rng(0)
    frame = pandas.DataFrame({"t": [f"t{k % 70}" for k in range(600)], "y": [f"c{k}" for k in rng.integers(0, classes, 600)]})
    data = load(frame, target="y")
    assert feature_names(data.columns) == names
    assert np.isfinite(data.train.x).all()


def test_many_classes_make_hashes_of_texts():
    frame = pandas.DataFrame({"t": [f"t{k % 70}" for k in range(600)], "y": [f"c{k % 12}" for k in range(600)]})
    data = load(frame, target="y")
    assert feature_names(data.columns) == [f"t has hash {k}" for k in range(encoded.BUCKETS)]
    assert (data.train.x.sum(axis=1) == 1).all()


def test_a_hash_is_the_same_everywhere():
    assert [encoded.bucket(text) for text in ("", "a", "Ü", "\ud800")] == [20, 15, 25, 8]


def test_a_regression_has_the_mean_of_its_values():
    rng = np.random.default_rng(0)
    level = rng.normal(size=100)
    town = rng.integers(0, 100, 2000)
    frame = pandas.DataFrame({"town": [f"t{k}" for k in town], "price": level[town] + 0.1 * rng.normal(size=2000)})
    data = load(frame, target="price")
    assert feature_names(data.columns) == ["town's mean of price"]
    assert np.corrcoef(data.test.x[:, 0], data.test.y[:, 0])[0, 1] > 0.9
