"""Nearest neighbours: the suite in every encoding, and what is theirs alone: ties, calibration, distances measured once."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genomes import CellSpace, ChainSpace, CppnSpace, DagSpace, NeatSpace, NetworkSpace
from neuroevo.core import registry
from neuroevo.predictors import Neighbours, Predictor
from neuroevo.predictors.neighbours import NUMBERS, places
from neuroevo.testing import PredictorSuite
from neuroevo.testing.evaluator import Number, NumberSpace

LINE = NumberSpace()


def numbers(values) -> list[Number]:
    return [LINE.from_genes(float(value)) for value in values]


class TestNeighbours(PredictorSuite):
    def predictor(self) -> Predictor:
        return Neighbours()

    def spaces(self):
        return CellSpace(), NeatSpace(inputs=3, outputs=2), LINE


class TestTwoNeighboursByInverseDistance(PredictorSuite):
    def predictor(self) -> Predictor:
        return Neighbours(k=2, weights="inverse")


class TestFiveNeighboursAlike(PredictorSuite):
    def predictor(self) -> Predictor:
        return Neighbours(k=5, weights="uniform")


class TestNeighboursOfLayerGraphsAndPatterns(PredictorSuite):
    observed = 8

    def predictor(self) -> Predictor:
        return Neighbours()

    def spaces(self):
        shape = {"input_shape": (8, 8, 1), "outputs": 10}
        return NetworkSpace(**shape), DagSpace(**shape), ChainSpace(**shape), CppnSpace()


def test_one_neighbour_is_the_nearest_observation() -> None:
    predictor = Neighbours(k=1)
    predictor.fit(numbers([0, 1, 5]), [10.0, 20.0, 60.0])
    np.testing.assert_allclose(predictor.predict(numbers([0.2, 0.9, 3.1, 100]))[0], [10, 20, 60, 60])


def test_weights_are_those_of_the_formula() -> None:
    observed, values = numbers([0, 1, 3]), [0.0, 1.0, 5.0]  # each is 1, 1 and 2 from the nearest other
    length = (1 + 1 + 2) / 3 / 2
    distances = np.array([0.4, 0.6, 2.6])
    for weights, expected in (
        ("uniform", np.ones(3)),
        ("inverse", 1 / (distances + length)),
        ("exponential", np.exp(-distances / length)),
    ):
        predictor = Neighbours(k=3, weights=weights)
        predictor.fit(observed, values)
        np.testing.assert_allclose(predictor.predict(numbers([0.4]))[0], [expected @ values / expected.sum()])


def test_observations_that_tie_for_the_last_place_share_it() -> None:
    predictor = Neighbours(k=2, weights="uniform")
    predictor.fit(numbers([-1, 1, 0.5]), [0.0, 4.0, 10.0])
    assert predictor.predict(numbers([0.0]))[0] == pytest.approx((10 + (0 + 4) / 2) / 2)
    assert places(np.array([[2.0, 1.0, 2.0, 2.0, 3.0]]), 3).tolist() == [[2 / 3, 1, 2 / 3, 2 / 3, 0]]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.data())
def test_places_are_k_in_all_and_go_to_the_nearest(distances: list[int], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(distances)))
    row = np.array([distances], dtype=float)
    taken = places(row, k)[0]
    assert taken.sum() == pytest.approx(k) and (taken >= 0).all() and (taken <= 1).all()
    last = sorted(distances)[k - 1]
    assert (taken[row[0] < last] == 1).all() and (taken[row[0] > last] == 0).all()


def test_k_is_the_number_that_predicts_each_observation_best_from_the_others() -> None:
    rng = np.random.default_rng(0)
    at = rng.uniform(0, 10, 60)
    noisy = Neighbours(weights="uniform")
    noisy.fit(numbers(at), rng.normal(size=60))  # noise alone: the mean of many is best
    smooth = Neighbours(weights="uniform")
    smooth.fit(numbers(at), 10 * at)
    assert noisy._chosen >= 13 and smooth._chosen <= 3

    def error(k: int) -> float:
        others = [(np.delete(at, i), np.delete(10 * at, i)) for i in range(60)]
        return float(np.mean([(y[np.argsort(abs(x - at[i]))[:k]].mean() - 10 * at[i]) ** 2 for i, (x, y) in enumerate(others)]))

    assert smooth._chosen == min((k for k in NUMBERS if k < 60), key=error)


def test_the_deviation_grows_with_the_distance_to_the_nearest_and_with_the_spread() -> None:
    rng = np.random.default_rng(1)
    at = np.concatenate([rng.uniform(0, 1, 50), rng.uniform(5, 6, 50)])
    values = np.where(at < 3, 0.01, 1.0) * rng.normal(size=100)
    predictor = Neighbours(k=8)
    predictor.fit(numbers(at), values)
    _, deviation = predictor.predict(numbers([0.5, 5.5, 6.5, 9.0, 30.0]))
    assert (np.diff(deviation) > 0).all(), "calm, noisy, a little outside, further, far away"
    _, one = predictor.predict([LINE.from_genes(float(at[0]))])
    assert one[0] > 0, "an observed genome trained anew may score otherwise"


def test_nine_of_ten_scores_lie_in_the_interval() -> None:
    """On the average of some data sets: one of many may be far from it."""
    coverage = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        at = rng.uniform(0, 10, 600)
        values = np.sin(at) + rng.normal(size=600) * 0.2
        predictor = Neighbours()
        predictor.fit(numbers(at[:100]), values[:100])
        mean, deviation = predictor.predict(numbers(at[100:]))
        coverage.append((np.abs(mean - values[100:]) <= 1.645 * deviation).mean())
    assert 0.85 < np.mean(coverage) < 0.95, coverage


def test_few_observations_are_not_trusted() -> None:
    coverage = []
    for seed in range(200):
        values = np.random.default_rng(seed).normal(size=4)
        predictor = Neighbours()
        predictor.fit(numbers([0, 1, 2]), values[:3])
        mean, deviation = predictor.predict(numbers([1.5]))
        coverage.append(abs(mean[0] - values[3]) <= 1.645 * deviation[0])
    assert 0.8 < np.mean(coverage) < 0.95, "without Student's quantile it is 0.7"


def test_one_observation_says_its_value_with_a_wide_deviation() -> None:
    for value, least in ((0.93, 1.0), (93.0, 93.0)):
        predictor = Neighbours()
        predictor.fit(numbers([0]), [value])
        mean, deviation = predictor.predict(numbers([0, 10]))
        assert mean.tolist() == [value, value]
        assert least <= deviation[0] < deviation[1] < math.inf


def test_equal_values_are_predicted_exactly_and_with_doubt_that_shrinks() -> None:
    doubts = []
    for count in (1, 10, 100):
        predictor = Neighbours()
        predictor.fit(numbers(range(count)), [0.1] * count)
        mean, deviation = predictor.predict(numbers([0.5]))
        assert mean.tolist() == [0.1]
        doubts.append(deviation[0])
    assert doubts[0] > doubts[1] > doubts[2] > 0


def test_repeated_genomes_are_averaged_and_their_noise_is_known() -> None:
    rng = np.random.default_rng(2)
    predictor = Neighbours(k=30)
    predictor.fit(numbers([0] * 30 + [1] * 30), rng.normal(size=60))
    mean, deviation = predictor.predict(numbers([0]))
    assert abs(mean[0]) < 0.5 and 0.7 < deviation[0] < 3


def test_predictions_follow_the_unit_of_the_values() -> None:
    rng = np.random.default_rng(3)
    at, values = rng.uniform(0, 10, 40), rng.normal(size=40)
    plain, scaled = Neighbours(), Neighbours()
    plain.fit(numbers(at), values)
    scaled.fit(numbers(at), 1e200 * (values + 3))
    (mean, deviation), (large, wide) = plain.predict(numbers([1, 5, 50])), scaled.predict(numbers([1, 5, 50]))
    np.testing.assert_allclose(large, 1e200 * (mean + 3))
    np.testing.assert_allclose(wide, 1e200 * deviation)


def test_a_distance_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    original = Number.distance
    monkeypatch.setattr(Number, "distance", lambda a, b: measured.append((a, b)) or original(a, b))
    predictor = Neighbours()
    observed = numbers(range(20))
    predictor.fit(observed, np.arange(20.0))
    assert len(measured) == 20 * 19 / 2
    measured.clear()
    predictor.fit([*numbers(range(5, 20)), LINE.from_genes(30.0)], np.arange(16.0))
    assert len(measured) == 15, "the new one's distances to those that stay"
    measured.clear()
    predictor.predict(numbers([1.5, 2.5]))
    assert len(measured) == 2 * 16
    warm = predictor.predict(numbers([1.5, 2.5]))
    cold = Neighbours()
    cold.fit([*numbers(range(5, 20)), LINE.from_genes(30.0)], np.arange(16.0))
    assert np.array_equal(cold.predict(numbers([1.5, 2.5])), warm)


def test_another_space_is_another_world() -> None:
    predictor = Neighbours(k=1)
    predictor.fit(numbers([0, 1]), [0.0, 1.0])
    cells = CellSpace()
    far, near = cells.build([0] * 6), cells.build([4, 4, 4, 4, 4, 3])
    predictor.fit([far, near], [1.0, 2.0])
    assert predictor.predict([cells.build([4] * 6)])[0].tolist() == [2.0]
    with pytest.raises(ValueError, match="genomes of one space"):
        predictor.predict(numbers([0]))


@dataclass(frozen=True)
class WithoutDistance(NumberSpace, encoding="test-without-distance"):
    def from_genes(self, genes):
        return Alone(self, float(genes))


class Alone(Number):
    def distance(self, other):
        if self.value == 7:
            return float("nan")
        raise NotImplementedError("these genomes cannot be compared")


def test_a_space_without_a_distance_is_refused_in_a_sentence() -> None:
    space = WithoutDistance()
    predictor = Neighbours()
    with pytest.raises(ValueError, match="Alone has no distance, so its neighbours are not known"):
        predictor.fit([space.from_genes(0), space.from_genes(1)], [0.0, 1.0])
    with pytest.raises(ValueError, match=r"finite number >= 0, that of two Alone is nan"):
        predictor.fit([space.from_genes(7), space.from_genes(8)], [0.0, 1.0])
    with pytest.raises(ValueError, match="has seen no scores yet"):
        predictor.predict([space.from_genes(0)])


@pytest.mark.parametrize("wrong", [{"k": 0}, {"k": True}, {"k": 2.5}, {"weights": "gaussian"}])
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        Neighbours(**wrong)
    with pytest.raises(ValueError, match="must be"):
        Neighbours.from_settings({"predictor": "Neighbours", **wrong})


def test_it_is_found_by_name() -> None:
    assert "Neighbours" in registry.names("predictor")
    assert registry.part("predictor", "Neighbours") is Neighbours
    assert Predictor.from_settings({"predictor": "Neighbours", "k": 3, "weights": "uniform"}) == Neighbours(3, "uniform")
    with pytest.raises(ValueError, match="did you mean 'Neighbours'"):
        Predictor.from_settings({"predictor": "Neighbors"})
    with pytest.raises(ValueError, match="do not fit this release"):
        Predictor.from_settings({"predictor": "Neighbours", "radius": 3})
    with pytest.raises(ValueError, match="with its name under 'predictor'"):
        Predictor.from_settings({"k": 3})


def test_a_state_of_other_genomes_or_a_damaged_one_is_refused() -> None:
    predictor = Neighbours()
    observed = numbers([0, 1, 2])
    predictor.fit(observed, [0.0, 1.0, 4.0])
    state = predictor.state()
    for genomes, message in ((observed[:2], "of 3 genomes, restore was given 2"), (observed[::-1], "of other genomes")):
        with pytest.raises(ValueError, match=message):
            Neighbours().restore(state, genomes)
    for values in ([0.0, 1.0], [0.0, 1.0, math.nan]):
        with pytest.raises(ValueError, match=r"damaged|finite"):
            Neighbours().restore(type(state)(state.json, {"values": np.array(values)}), observed)


def test_individuals_in_place_of_genomes_are_refused_with_what_to_write() -> None:
    from neuroevo.core.individual import Individual

    with pytest.raises(ValueError, match=r"individual.genome for individual"):
        Neighbours().fit([Individual(0, LINE.from_genes(0.0), (1.0,))], [1.0])
