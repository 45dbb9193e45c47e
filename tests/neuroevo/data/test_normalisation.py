"""Normalisation: small spreads and large offsets stay what they are, and nothing depends on the unit that a number has."""

import numpy as np
import pytest

from neuroevo.data import Normalisation, load

UNIT = np.random.default_rng(0).normal(size=(200, 1))
KINDS = {
    "nanometres": 1e-9 * UNIT,
    "picofarad on an offset": 1e-12 * UNIT + 3e-10,
    "smaller than float32": 1e-41 * UNIT,
    "next to the smallest float64": 1e-290 * UNIT,
    "larger than float32": 1e45 * UNIT,
    "next to the largest float64": 1e307 * UNIT,
    "milliseconds since 1970": 1.7e12 + 1e3 * UNIT,
    "microseconds since 1970": 1.7e15 + 1e6 * UNIT,
    "kelvin with microkelvins": 273.15 + 1e-6 * UNIT,
    "a year and its days": 2024 + UNIT / 365,
    "ordinary": 5 + 2 * UNIT,
}


@pytest.mark.parametrize("name", KINDS)
def test_a_feature_keeps_its_shape_in_every_unit(name):
    x = KINDS[name]
    found = Normalisation.of(x)
    normalised = found(x)
    assert normalised.dtype == np.float32
    expected = (UNIT - UNIT.mean()) / UNIT.std()
    assert np.allclose(normalised, expected, atol=2e-3)
    assert len(np.unique(normalised)) > 190
    assert np.allclose(found.inverse(normalised), x, rtol=0, atol=1e-3 * found.deviation[0])


@pytest.mark.parametrize("name", KINDS)
def test_a_model_of_float32_gets_there_in_two_steps(name):
    x = KINDS[name]
    found = Normalisation.of(x)
    before = found.before_float32
    assert (before is None) == bool(found.held.all())
    given = (x if before is None else before(x)).astype(np.float32)
    inside = found.in_float32
    one = (given - inside.mean.astype(np.float32)) * (1 / inside.deviation).astype(np.float32)
    assert np.allclose(one, found(x), atol=2e-3)
    assert np.isfinite(one).all()


def test_features_that_float32_holds_are_given_as_they_are_beside_others():
    x = np.hstack([KINDS["ordinary"], KINDS["milliseconds since 1970"], KINDS["nanometres"]])
    found = Normalisation.of(x)
    assert found.held.tolist() == [True, False, True]
    assert np.array_equal(found.before_float32(x)[:, [0, 2]], x[:, [0, 2]].astype(np.float32))


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0, 1e-12, 1.7e12, 1e300])
def test_a_constant_feature_becomes_zero_and_another_value_of_it_stays_small(value):
    found = Normalisation.of(np.full((50, 1), value))
    assert (found(np.full((3, 1), value)) == 0).all()
    assert np.abs(found(np.array([[1.1 * value + 1e-13]]))).max() <= 1


def test_rounding_of_a_sum_is_no_spread():
    x = np.array([[0.1 + 0.2], [0.3]] * 20)
    assert np.abs(Normalisation.of(x)(x)).max() < 1e-6


@pytest.mark.parametrize(("offset", "deviation"), [(0.0, 1.0), (1.7e9, 30.0), (300.0, 1e-7), (0.0, 1e-20)])
def test_values_are_written_with_the_digits_that_tell_them_apart(offset, deviation):
    values = offset + deviation * UNIT[:, 0]
    (digits,) = Normalisation.of(values[:, None]).digits
    written = np.array([float(f"{value:.{digits}g}") for value in values])
    assert np.abs(written - values).max() < 1e-4 * deviation
    assert digits == 6 or offset


def test_samples_of_every_shape_are_normalised_by_their_last_axis_in_blocks(monkeypatch):
    monkeypatch.setattr("neuroevo.data.normalisation.BLOCK", 50)
    x = 1.7e12 + np.arange(20 * 3 * 4 * 2, dtype=np.int64).reshape(20, 3, 4, 2)
    found = Normalisation.of(x)
    assert np.allclose(found(x), (x - x.mean(axis=(0, 1, 2))) / x.std(axis=(0, 1, 2)), atol=1e-5)


def test_it_comes_back_from_json_to_the_last_bit():
    found = Normalisation.of(KINDS["milliseconds since 1970"])
    again = Normalisation.from_dict(found.to_dict())
    assert (again.mean, again.deviation) == (found.mean, found.deviation)


@pytest.mark.parametrize("factor", [1e-9, 1e-30, 1.0, 1e12])
def test_arrays_of_any_unit_are_one_data_set(factor):
    x = np.random.default_rng(1).normal(size=(60, 3))
    plain, scaled = (load((k * x, k * x[:, 0])) for k in (1.0, factor))
    assert np.allclose(plain.train.x, scaled.train.x, atol=1e-5)
    assert np.allclose(plain.targets(plain.train), scaled.targets(scaled.train), atol=1e-5)


def test_an_outlier_that_float32_cannot_hold_is_said():
    x = np.random.default_rng(1).normal(size=(60, 1))
    counted = load((np.arange(60.0)[:, None], x[:, 0]))
    tested = int(np.rint(counted.normalisation.inverse(counted.test.x[:1]))[0, 0])
    outlier = 1e-30 * x
    outlier[tested] = 1e25
    with pytest.raises(ValueError, match="the test samples of arrays have values too far"):
        load((outlier, x[:, 0]))


@pytest.mark.parametrize(
    ("base", "dtype"),
    [
        (1_700_000_000_000_000_000, np.int64),
        (-1_700_000_000_000_000_000, np.int64),
        (2**63 + 5, np.uint64),
        (2**64 - 200, np.uint64),
        (-(2**63), np.int64),
        (2**63 - 200, np.int64),
    ],
)
def test_whole_numbers_that_float64_cannot_hold_stay_apart(base, dtype):
    small = np.random.default_rng(0).integers(0, 100, 200)
    x = np.array([[base + int(k), int(k)] for k in small], dtype=dtype)
    found = Normalisation.of(x)(x)
    assert len(np.unique(found[:, 0])) == len(np.unique(small))
    assert abs(found[:, 0].std() - 1) < 1e-5
    assert np.allclose(found[:, 0] - found[0, 0], found[:, 1] - found[0, 1], atol=1e-5)
