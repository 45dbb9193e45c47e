"""Metrics agree with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from neuroevo.tasks import metrics


def drawn(seed, classes, samples=60, ties=False):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, samples - classes)])
    logits = rng.normal(size=(samples, classes)) + np.eye(classes)[y]
    return (np.round(logits) if ties else logits).astype(np.float32), y


@given(st.integers(0, 10_000), st.integers(2, 6), st.booleans())
def test_classification_scores_agree_with_scikit_learn(seed, classes, ties):
    logits, y = drawn(seed, classes, ties=ties)
    probabilities = np.exp(metrics.log_probabilities(logits))
    predicted = logits.argmax(axis=1)
    assert metrics.error(logits, y) == pytest.approx(1 - oracle.accuracy_score(y, predicted))
    assert metrics.cross_entropy(logits, y) == pytest.approx(oracle.log_loss(y, probabilities, labels=range(classes)))
    assert metrics.f1(logits, y) == pytest.approx(oracle.f1_score(y, predicted, average="macro"))
    if classes == 2:
        expected = oracle.roc_auc_score(y, logits[:, 1].astype(float) - logits[:, 0])
    else:
        expected = np.mean([oracle.roc_auc_score(y == k, metrics.log_probabilities(logits)[:, k]) for k in range(classes)])
    if not ties:
        assert metrics.auc(logits, y) == pytest.approx(expected)


def test_ties_count_half_in_the_area():
    logits = np.zeros((10, 3), np.float32)
    assert metrics.auc(logits, np.arange(10) % 3) == pytest.approx(0.5)


def test_large_logits_do_not_overflow():
    logits = np.array([[1000.0, 0.0], [0.0, 1000.0]], np.float32)
    assert metrics.cross_entropy(logits, np.array([0, 1])) == pytest.approx(0)
    assert metrics.cross_entropy(logits, np.array([1, 1])) == pytest.approx(500)


def test_regression_scores_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    predicted, y = rng.normal(size=(2, 50, 3)).astype(np.float32)
    assert metrics.mean_absolute_error(predicted, y) == pytest.approx(oracle.mean_absolute_error(y, predicted), rel=1e-5)
    assert metrics.root_mean_squared_error(predicted, y) == pytest.approx(
        oracle.mean_squared_error(y, predicted) ** 0.5, rel=1e-5
    )
