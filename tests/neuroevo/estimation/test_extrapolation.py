"""Extrapolation of learning curves: against regressions solved one by one, and what must hold for every curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from neuroevo.estimation import extrapolation
from neuroevo.estimation.extrapolation import FINAL, GAIN, KNOWN, NOISE, extrapolate
from neuroevo.estimation.shapes import FAMILIES, shapes

EPOCHS, END = (1, 2, 4, 5, 8), 20


def by_hand(scores, epochs, end, families, recency=10.0):
    """Location, scale and degrees of freedom of each shape's prediction: a least-squares problem with the prior as two more rows."""
    unit = np.ptp(scores)
    y, weights = (scores - scores[-1]) / unit, recency ** (np.arange(1, len(epochs) + 1) / len(epochs) - 1)
    values, _ = shapes(families, np.array([*epochs, end], float), float(end))
    found = []
    for row in values:
        g = (row[:-1] - row[-1]) / (row[0] - row[-1])
        design = np.column_stack([np.ones(len(y)), g]) * np.sqrt(weights)[:, None]
        prior = np.diag([1 / FINAL, 1 / GAIN])
        rows, targets = np.vstack([design, prior]), np.concatenate([y * np.sqrt(weights), prior @ [0.0, 1.0]])
        solved, _, _, _ = np.linalg.lstsq(rows, targets, rcond=None)
        squares = ((rows @ solved - targets) ** 2).sum() + 2 * KNOWN * NOISE**2
        freedom = 2 * KNOWN + weights.sum()
        spread = np.sqrt(squares / freedom * (1 + np.linalg.inv(rows.T @ rows)[0, 0]))
        found.append((scores[-1] + unit * solved[0], unit * spread, freedom))
    return np.array(found)


@pytest.mark.parametrize("families", FAMILIES)
def test_every_shape_predicts_what_its_own_regression_does(families):
    scores = np.array([0.9, 0.7, 0.5, 0.52, 0.4])
    expected, found = by_hand(scores, EPOCHS, END, families), extrapolate(scores, EPOCHS, END, families=families)
    # nearly parallel columns of the slowest shapes: two ways to the same numbers
    assert np.allclose(found.locations[0], expected[:, 0], rtol=1e-5, atol=1e-6)
    assert np.allclose(found.scales[0], expected[:, 1], rtol=1e-5)
    assert np.allclose(found.freedom, expected[:, 2])


def test_shapes_count_by_the_probability_of_the_scores(monkeypatch):
    """Where all scores count alike, they are a multivariate Student t of the prior."""
    monkeypatch.setattr(extrapolation, "RECENCY", 1.0)
    extrapolation._regressions.cache_clear()
    scores = np.array([0.9, 0.7, 0.55, 0.52, 0.4])
    found = extrapolate(scores, EPOCHS, END)
    extrapolation._regressions.cache_clear()
    values, share = shapes("power_law", np.array([*EPOCHS, END], float), float(END))
    y, log = (scores - scores[-1]) / 0.5, []
    for row, prior in zip(values, share, strict=True):
        g = (row[:-1] - row[-1]) / (row[0] - row[-1])
        covariance = NOISE**2 * (np.eye(5) + FINAL**2 + GAIN**2 * np.outer(g, g))
        log.append(prior + stats.multivariate_t.logpdf(y, g, covariance, df=2 * KNOWN))
    expected = np.exp(np.array(log) - max(log))
    assert np.allclose(found.shares[0], expected / expected.sum(), rtol=1e-5)


def test_the_mixture_is_summed_up_as_samples_of_it_are():
    found = extrapolate([0.9, 0.7, 0.5, 0.52, 0.4], EPOCHS, END)
    rng = np.random.default_rng(0)
    shape = rng.choice(found.shares.shape[1], 200_000, p=found.shares[0])
    drawn = found.locations[0][shape] + found.scales[0][shape] * rng.standard_t(found.freedom, len(shape))
    assert np.mean(drawn) == pytest.approx(found.mean[0], abs=0.005)
    for value in (0.1, 0.3, 0.4):
        assert np.mean(drawn < value) == pytest.approx(found.below(value)[0], abs=0.005)
    for probability in (0.05, 0.5, 0.95):
        assert found.below(found.quantile(probability))[0] == pytest.approx(probability, abs=1e-5)


CURVES = st.lists(st.floats(-100, 100), min_size=1, max_size=12)


@given(CURVES, st.sampled_from(sorted(FAMILIES)), st.integers(1, 100))
def test_every_finite_curve_has_a_finite_extrapolation(scores, families, more):
    found = extrapolate(scores, range(1, len(scores) + 1), len(scores) + more, families=families)
    assert np.isfinite(found.locations).all() and (found.scales > 0).all() and np.isfinite(found.deviation).all()
    assert found.shares.sum() == pytest.approx(1.0) and 0 <= found.below(0.0)[0] <= 1
    assert found.quantile(0.05) <= found.quantile(0.5) <= found.quantile(0.95)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=8), st.floats(0.01, 100), st.floats(-10, 10))
def test_the_unit_and_the_zero_of_a_score_do_not_matter(scores, unit, zero):
    scores = [*scores, scores[-1] + 1]  # their range is known
    epochs = range(1, len(scores) + 1)
    one, other = extrapolate(scores, epochs, 30), extrapolate(unit * np.array(scores) + zero, epochs, 30)
    assert np.allclose(other.mean, unit * one.mean + zero, atol=1e-6 * max(1, unit))
    assert np.allclose(other.deviation, unit * one.deviation, rtol=1e-6)


@given(st.lists(CURVES.filter(lambda curve: len(curve) == 4), min_size=2, max_size=5))
def test_curves_are_extrapolated_together_as_alone(curves):
    together = extrapolate(curves, (1, 2, 3, 4), 9)
    for place, curve in enumerate(curves):
        assert np.allclose(extrapolate(curve, (1, 2, 3, 4), 9).below(0.5)[0], together.below(0.5)[place], atol=1e-12)


@pytest.mark.parametrize("families", FAMILIES)
@pytest.mark.parametrize("final", [0.1, 0.3])
def test_a_power_law_ends_where_it_is_said_to(families, final):
    curve = final + (1 - final) * np.arange(1, 11) ** -0.8
    found = extrapolate(curve, range(1, 11), 60, families=families)
    true = final + (1 - final) * 60**-0.8
    assert abs(found.mean[0] - true) < 0.65 * (curve[-1] - true), "nearer than the last score"
    assert found.quantile(0.05) < true < found.quantile(0.95)


def test_a_curve_that_never_moves_is_only_as_certain_as_curves_are_known_to_move():
    flat = [0.9] * 6
    assert extrapolate(flat, range(1, 7), 40).below(0.8)[0] < 1e-6
    assert extrapolate(flat, range(1, 7), 40, scale=1.0).below(0.8)[0] > 0.05


def test_domhans_trainings_do_not_end_worse_than_they_began():
    rising = np.array([0.5, 0.51, 0.52, 0.53, 0.54, 0.55])
    mine, theirs = (extrapolate(rising, range(1, 7), 40, families=name) for name in ("power_law", "domhan"))
    assert theirs.below(0.5)[0] > mine.below(0.5)[0]


def test_each_family_counts_alike_at_first():
    _, share = shapes("domhan", np.array([1.0, 2.0]), 10.0)
    assert len(FAMILIES["domhan"]) == 11 and np.exp(share).sum() == pytest.approx(1.0)
    place = [family.name for family in FAMILIES["domhan"]].index("ilog2") * 24  # it has one shape; those before have 24
    assert share[place] == pytest.approx(-np.log(11)) and share[0] == pytest.approx(-np.log(11 * 24))
    values, share = shapes("power_law", np.arange(1.0, 11.0), 10.0)
    assert len(values) == 95 and len(set(share)) == 1 and (np.diff(values, axis=1) <= 0).all()


@pytest.mark.parametrize(
    ("scores", "epochs", "end", "families", "said"),
    [
        ([0.5, np.nan], (1, 2), 5, "power_law", "only finite scores"),
        ([0.5, 0.4], (1, 2), 2, "power_law", "end before epoch 2"),
        ([0.5, 0.4], (2, 1), 5, "power_law", "ascend"),
        ([0.5, 0.4], (0, 1), 5, "power_law", "ascend from 1"),
        ([0.5, 0.4], (1, 2, 3), 5, "power_law", "a column for each of the 3 epochs"),
        ([], (), 5, "power_law", "a column for each of the 0 epochs"),
        ([0.5], (1,), 5, "power_laws", "did you mean 'power_law'"),
    ],
)  # fmt: skip
def test_what_cannot_be_extrapolated_is_refused(scores, epochs, end, families, said):
    with pytest.raises(ValueError, match=said):
        extrapolate(scores, epochs, end, families=families)
