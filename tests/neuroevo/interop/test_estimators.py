"""The estimators are scikit-learn's: its own checks pass, and pipelines and grid searches take them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import neuroevo as ne
from neuroevo.interop.estimators import split

pytestmark = pytest.mark.usefixtures("compiled_once")


@pytest.fixture(scope="module")
def cancer():
    x, y = load_breast_cancer(return_X_y=True, as_frame=True)
    return train_test_split(x, np.where(y == 1, "benign", "malignant"), random_state=0, stratify=y)


@pytest.fixture(scope="module")
def fitted(cancer) -> ne.interop.NeuroEvoClassifier:
    x, _, y, _ = cancer
    return ne.interop.NeuroEvoClassifier("minimal", random_state=0).fit(x, y)


def test_a_classifier_finds_tumours_and_knows_its_classes_and_columns(fitted, cancer) -> None:
    x, unseen, _, truth = cancer
    assert fitted.score(unseen, truth) > 0.9
    assert fitted.classes_.tolist() == ["benign", "malignant"] and fitted.feature_names_in_.tolist() == list(x.columns)
    chosen, probabilities = fitted.predict(unseen), fitted.predict_proba(unseen)
    assert np.allclose(probabilities.sum(axis=1), 1) and (chosen == fitted.classes_[probabilities.argmax(axis=1)]).all()
    one_by_one = np.concatenate([fitted.predict_proba(unseen.iloc[[row]]) for row in range(5)])
    assert np.allclose(one_by_one, probabilities[:5], atol=1e-12, rtol=0)
    assert fitted.run_.evaluations == 2 and fitted.best_ in fitted.run_.front


def test_its_network_is_a_keras_model_of_raw_features(fitted, cancer, tmp_path: Path) -> None:
    import keras

    unseen = cancer[1].to_numpy(np.float32)
    assert np.abs(np.array(fitted.model_(unseen)) - fitted.predict_proba(cancer[1])).max() < 1e-4
    written = ne.interop.export(fitted.best_, tmp_path / "net.keras", dataset=fitted.dataset_)
    assert np.allclose(np.array(keras.saving.load_model(written)(unseen)), np.array(fitted.model_(unseen)), atol=1e-6)


def test_the_random_state_decides_everything(fitted, cancer) -> None:
    x, unseen, y, _ = cancer
    again = clone(fitted).fit(x, y)
    assert np.array_equal(again.predict_proba(unseen), fitted.predict_proba(unseen))
    assert again.get_params() == fitted.get_params()


def test_a_data_frame_may_have_texts_and_holes() -> None:
    iris = load_iris(as_frame=True)
    x = iris.data.copy()
    x["size"] = np.where(x["petal length (cm)"] > 3, "large", "small")
    x.iloc[::7, 0] = np.nan
    model = ne.interop.NeuroEvoClassifier("minimal", random_state=1).fit(x, iris.target)
    assert model.score(x, iris.target) > 0.85 and model.dataset_.input_shape == (4 + 1 + 2,)
    with pytest.raises(ValueError, match="data frame with the same columns"):
        model.predict(np.zeros((1, 5)))
    with pytest.raises(ValueError, match="feature names"):
        model.predict(x.rename(columns={"size": "width"}))


def test_images_and_limits_are_parameters() -> None:
    x, y = load_digits(return_X_y=True)
    model = ne.interop.NeuroEvoClassifier(
        evaluations=2, epochs=1, input_shape=(8, 8, 1), max_parameters=5000, strategy="random_search", random_state=0
    )
    model.fit(x[:300], y[:300])
    assert model.dataset_.input_shape == (8, 8, 1) and all(i.genome.parameters <= 5000 for i in model.run_)
    with pytest.raises(ValueError, match=r"input_shape \(9, 9, 1\) needs 81 features, X has 64"):
        clone(model).set_params(input_shape=(9, 9, 1)).fit(x[:300], y[:300])
    with pytest.raises(ValueError, match="did you mean 'quick'"):
        ne.interop.NeuroEvoClassifier("quik").fit(x, y)


def test_a_regressor_predicts_in_the_targets_units_in_a_pipeline() -> None:
    x, y = load_diabetes(return_X_y=True)
    model = make_pipeline(StandardScaler(), ne.interop.NeuroEvoRegressor("minimal", random_state=0)).fit(x[::2], y[::2])
    assert model.predict(x[1::2]).shape == (221,) and model.score(x[1::2], y[1::2]) > 0.05


def test_a_grid_search_compares_settings() -> None:
    x, y = load_iris(return_X_y=True)
    grid = GridSearchCV(
        ne.interop.NeuroEvoClassifier("minimal", evaluations=1, random_state=0), {"epochs": [1, 30]}, cv=2, error_score="raise"
    )
    grid.fit(x, pd.Series(y).map({0: 7, 1: 3, 2: 5}).astype(str))
    assert grid.best_params_ == {"epochs": 30} and set(grid.predict(x)) <= {"3", "5", "7"}


def test_every_class_keeps_samples_to_learn_from() -> None:
    y = np.array([0] * 40 + [1] * 8 + [2])
    train, validation = split(y, len(y), 0)
    assert sorted([*train, *validation]) == list(range(49))
    assert np.bincount(y[train]).tolist() == [30, 6, 1] and np.bincount(y[validation]).tolist() == [10, 2]
    train, validation = split(np.array([0, 1]), 2, 0)
    assert train.tolist() == validation.tolist() == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["NeuroEvoClassifier", "NeuroEvoRegressor"])
def test_scikit_learns_own_checks_pass(kind: str) -> None:
    check_estimator(getattr(ne.interop, kind)("minimal", random_state=0))
