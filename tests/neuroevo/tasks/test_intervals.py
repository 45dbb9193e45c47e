"""Intervals beside scores agree with SciPy, with drawing the samples themselves, and hold the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, bootstrap

import neuroevo as ne
from neuroevo.tasks import intervals, metrics


def drawn(seed: int, classes: int, samples: int = 150) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), rng.integers(0, classes, samples - classes)])
    return (rng.normal(size=(samples, classes)) + 1.5 * np.eye(classes)[y]).astype(np.float32), y


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_of_a_share_is_wilsons(counts: tuple[int, int]) -> None:
    expected = binomtest(*counts).proportion_ci(method="wilson")
    assert intervals.of_share(*counts) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("score", ["f1", "balanced_error"])
def test_the_bootstrap_of_the_confusion_matrix_is_that_of_the_samples(classes: int, score: str) -> None:
    logits, y = drawn(3, classes)
    counts = intervals.confusion(logits.argmax(axis=1), y, classes)
    assert counts.sum() == len(y) and counts[0].sum() == (y == 0).sum()
    of_counts = {"f1": intervals.f1_of, "balanced_error": intervals.balanced_error_of}[score]
    of_samples = getattr(metrics, score)
    assert of_counts(counts) == pytest.approx(of_samples(logits, y))
    expected = bootstrap(
        (np.arange(len(y)),), lambda rows: of_samples(logits[rows], y[rows]), vectorized=False, n_resamples=2000, method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    assert intervals.of_confusion(counts, of_counts) == pytest.approx((expected.low, expected.high), abs=0.015)
    assert intervals.of_confusion(counts, of_counts) == intervals.of_confusion(counts, of_counts), "nothing is left to chance"


@pytest.mark.parametrize("classes", [2, 3])
def test_the_interval_of_the_area_is_that_of_drawing_samples_anew(classes: int) -> None:
    logits, y = drawn(5, classes, 300)
    found = intervals.of_auc(logits, y)
    rows = np.random.default_rng(2).integers(0, len(y), (600, len(y)))
    deviation = np.std([metrics.auc(logits[each], y[each]) for each in rows])
    assert sum(found) / 2 == pytest.approx(metrics.auc(logits, y))
    assert (found[1] - found[0]) / 2 / intervals.Z == pytest.approx(deviation, rel=0.1)
    tied = np.round(logits)
    assert sum(intervals.of_auc(tied, y)) / 2 == pytest.approx(metrics.auc(tied, y)), "ties count half"


def test_the_interval_of_a_mean_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = [low <= 1.0 <= high for low, high in (intervals.of_mean(rng.exponential(size=80)) for _ in range(1000))]
    assert 0.91 < np.mean(held) < 0.97
    assert intervals.of_mean(np.array([2.0])) == (-np.inf, np.inf), "one sample says nothing of its spread"


@pytest.mark.parametrize("name", ["digits", "diabetes"])
def test_every_score_of_a_task_has_an_interval_around_it(name: str) -> None:
    task = ne.tasks.for_data(name, seed=1)
    rng = np.random.default_rng(0)
    part = task.dataset.validation
    outputs = (task.dataset.targets(part) + rng.normal(scale=0.5, size=(len(part), task.dataset.outputs))).astype(np.float32)
    scores, found = task.assessed(lambda x, training=False: outputs[: len(x)], part)
    assert scores == task.scores(outputs, part.y) and set(scores) == set(found)
    for score, (low, high) in found.items():
        assert low <= scores[score] <= high and high - low > 0, score


def test_the_balanced_error_counts_classes_alike() -> None:
    from sklearn.metrics import balanced_accuracy_score

    logits, y = drawn(1, 3)
    assert metrics.balanced_error(logits, y) == pytest.approx(1 - balanced_accuracy_score(y, logits.argmax(axis=1)))
    rare = np.array([0] * 95 + [1] * 5)
    always_zero = np.tile([1.0, 0.0], (100, 1)).astype(np.float32)
    assert metrics.error(always_zero, rare) == pytest.approx(0.05)
    assert metrics.balanced_error(always_zero, rare) == 0.5
