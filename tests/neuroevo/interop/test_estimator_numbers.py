"""Estimators and numbers that float32 cannot hold apart, words, and data frames whose columns change their dtype."""

import json
import warnings

import numpy as np
import pandas as pd
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.data import InputWarning

RNG = np.random.default_rng(0)
ROWS = 80


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "time": 1_700_000_000_000 + 1000 * RNG.permutation(ROWS),
            "length": 1e-9 * RNG.normal(size=ROWS),
            "code": pd.Series(np.array([3, 4, "None"], dtype=object)[RNG.integers(0, 3, ROWS)], dtype=object),
            "new": RNG.integers(0, 2, ROWS).astype(bool),
        }
    )


@pytest.fixture(scope="module")
def fitted():
    x = frame()
    y = np.stack([1.7e9 + 25 * x["length"] * 1e9, 1e-12 * x["length"] * 1e9], axis=1)
    return ne.interop.NeuroEvoRegressor(evaluations=1, epochs=2, random_state=0).fit(x, y), x, y


def test_a_regressor_sees_small_spreads_of_features_and_targets(fitted):
    model, x, y = fitted
    assert np.allclose(model.dataset_.train.x[:, :2].std(axis=0), 1, atol=1e-3)
    assert np.allclose(model.dataset_.targets(model.dataset_.train).std(axis=0), 1, atol=1e-3)
    predicted = model.predict(x)
    assert (np.abs(predicted - y.mean(axis=0)).max(axis=0) < 20 * y.std(axis=0)).all()
    assert [len(np.unique(predicted[:, k])) for k in (0, 1)] == [ROWS, ROWS]


def test_its_model_and_the_file_beside_an_export_give_the_same(fitted, tmp_path):
    model, x, _ = fitted
    path = ne.interop.export(model.best_, tmp_path / "net.keras", dataset=model.dataset_)
    said = json.loads((tmp_path / "net.inputs.json").read_text())
    assert [feature["column"] for feature in said["inputs"]["features"]] == [
        "time",
        "length",
        "code",
        "code",
        "code",
        "new",
        "new",
    ]
    x.to_csv(tmp_path / "x.csv", index=False)
    found = np.array([list(row.values.values()) for row in ne.deploy.predict(path, tmp_path / "x.csv")])
    expected = model.predict(x)
    assert (np.abs(found - expected).max(axis=0) < 1e-3 * expected.std(axis=0)).all()
    assert said["outputs"]["multiply"] and said["inputs"]["subtract"][0] > 1.6e12


@pytest.mark.parametrize(
    "change",
    [
        {"code": pd.Series([3.0, np.nan, 3.0])},
        {"code": pd.Series(["3", None, "3"], dtype=object)},
        {"new": pd.Series([True, None, True], dtype=object)},
        {"new": pd.array([True, None, True], "boolean")},
        {"time": pd.Series([1.7e12 + 5, np.nan, 1.7e12 + 5])},
    ],
)
def test_a_hole_in_a_frame_changes_no_other_row(fitted, change):
    model = fitted[0]
    whole = pd.DataFrame({"time": [1_700_000_000_005] * 3, "length": [0.0] * 3, "code": [3, 4, 3], "new": [True, False, True]})
    with pytest.warns(InputWarning, match="no training row"):
        holed = model.predict(whole.assign(**change))
    assert np.array_equal(holed[[0, 2]], model.predict(whole)[[0, 2]])


def test_what_was_never_seen_is_counted(fitted):
    model, x, _ = fitted
    new = x.head(5).assign(code=[3, "up", 4, "up", "None"])
    with pytest.warns(InputWarning, match="'code' is 'up' in 2 rows"):
        model.predict(new)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(x)


def test_a_numpy_file_says_what_its_network_takes(tmp_path):
    data = ne.data.load((1.7e12 + RNG.normal(size=(40, 2)) * 1e5, RNG.normal(size=40)))
    genome = NeatSpace(inputs=2, outputs=1).random(np.random.default_rng(0))
    ne.interop.export(genome, tmp_path / "net.py", dataset=data)
    said = json.loads((tmp_path / "net.inputs.json").read_text())
    assert said["normalisation"]["where"].startswith("before the model")
    assert said["normalisation"]["mean"] == data.normalisation.mean.tolist()


@pytest.mark.parametrize("as_frame", [False, True])
def test_an_estimator_keeps_nanoseconds_apart(as_frame):
    x = np.stack([1_700_000_000_000_000_000 + RNG.integers(0, 100, ROWS), RNG.integers(0, 9, ROWS)], axis=1)
    given = pd.DataFrame(x, columns=["time", "count"]) if as_frame else x
    model = ne.interop.NeuroEvoRegressor(evaluations=1, epochs=1, random_state=0).fit(given, x[:, 0] % 100 * 1.5)
    assert np.allclose(model.dataset_.train.x.std(axis=0), 1, atol=1e-3)
    assert np.ptp(model.predict(given)) > 0


@pytest.mark.parametrize(
    ("labels", "said"), [(["a", None] * 20, "20 of 40 labels are missing"), ([1, "a"] * 20, "several types, int and str")]
)
def test_labels_that_cannot_be_compared_are_refused_in_a_sentence(labels, said):
    with pytest.raises(ValueError, match=said):
        ne.interop.NeuroEvoClassifier(evaluations=1).fit(RNG.normal(size=(40, 2)), np.array(labels, dtype=object))
