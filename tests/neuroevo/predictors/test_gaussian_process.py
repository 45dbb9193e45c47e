"""Gaussian processes: the suite with every kernel, the textbook's formulas, matrices that need mending, and what nothing is known of."""

import json
import math
from dataclasses import dataclass

import numpy as np
import pytest

from genomes import CellSpace, NeatSpace
from genomes.base import Genome
from genomes.distances import Distance, Edit, Hamming, OptimalTransport, WeisfeilerLehman
from genomes.testing import lineage
from neuroevo.core import registry
from neuroevo.predictors import GaussianProcess, Predictor, Term, held_out
from neuroevo.predictors.gaussian_process import NOISES, spectrum_of
from neuroevo.predictors.intervals import of_logarithms
from neuroevo.testing import PredictorSuite
from neuroevo.testing.evaluator import Number, NumberSpace

LINE = NumberSpace()
CELLS = CellSpace()


@dataclass(frozen=True)
class Apart(Distance):
    """How far numbers are apart."""

    def prepare(self, genome: Genome) -> float:
        assert isinstance(genome, Number)
        return genome.value

    def compare(self, first, second):
        return np.abs(np.subtract.outer(first, second)).astype(np.float64).reshape(len(first), len(second))


@dataclass(frozen=True)
class NoMetric(Apart):
    """Near or far: whoever is near to two need not be near to both, so the exponentials are far from positive semi-definite."""

    def compare(self, first, second):
        apart = super().compare(first, second)
        return np.where(apart <= 4, 0.1, 2.0) * (apart > 0)


def numbers(values) -> list[Number]:
    return [LINE.from_genes(float(value)) for value in values]


class TestWeisfeilerLehman(PredictorSuite):
    def predictor(self) -> Predictor:
        return GaussianProcess()

    def spaces(self):
        return CELLS, NeatSpace(inputs=3, outputs=2)


class TestOptimalTransport(PredictorSuite):
    def predictor(self) -> Predictor:
        return GaussianProcess("otmann")


class TestNasbot(PredictorSuite):
    def predictor(self) -> Predictor:
        return GaussianProcess("nasbot")


class TestEditSquaredAndEmbedded(PredictorSuite):
    def predictor(self) -> Predictor:
        return GaussianProcess(Term((Edit(),), 2), embedding=True)


class TestSquaredEditIsMended(PredictorSuite):
    def predictor(self) -> Predictor:
        return GaussianProcess(Term((Edit(),), 2))


def test_it_is_the_posterior_of_the_textbook() -> None:
    """Rasmussen & Williams 2006, algorithm 2.1, by a Cholesky factor, at the hyperparameters that were found."""
    rng = np.random.default_rng(0)
    at, asked = rng.uniform(0, 10, 30), rng.uniform(-2, 12, 15)
    values = 5 + np.sin(at) + 0.1 * rng.normal(size=30)
    process = GaussianProcess(Apart())
    process.fit(numbers(at), values)
    beta = float(process._betas[0][process._place[0]])
    _, noise, scale, _ = process._found
    unit = values.std()
    factor = np.linalg.cholesky(np.exp(-beta * abs(np.subtract.outer(at, at))) + noise * np.eye(30))
    cross = np.exp(-beta * abs(np.subtract.outer(asked, at)))
    weights = np.linalg.solve(factor.T, np.linalg.solve(factor, (values - values.mean()) / unit))
    solved = np.linalg.solve(factor, cross.T)
    mean, deviation = process.predict(numbers(asked))
    np.testing.assert_allclose(mean, values.mean() + unit * cross @ weights, rtol=1e-9)
    expected = process._factor * unit * np.sqrt(scale * (1 - (solved**2).sum(axis=0) + noise))
    np.testing.assert_allclose(deviation, expected, rtol=1e-6)
    assert process.mended == 0


def test_the_likelihood_is_the_textbooks_and_the_largest_near_by() -> None:
    rng = np.random.default_rng(1)
    at = np.sort(rng.uniform(0, 10, 25))
    values = np.sin(at) + 0.2 * rng.normal(size=25)
    process = GaussianProcess(Apart())
    process.fit(numbers(at), values)
    scores = (values - values.mean()) / values.std()
    order = np.argsort([json.dumps(value) for value in at.tolist()])
    np.testing.assert_allclose(process._scores, scores[order])

    def likelihood(step: int, noise: float) -> float:
        beta = betas[step]
        matrix = np.exp(-beta * abs(np.subtract.outer(at, at))) + noise * np.eye(25)
        scale = scores @ np.linalg.solve(matrix, scores) / 25
        return -(25 * math.log(scale) + np.linalg.slogdet(matrix)[1] + ((step - 5) / 1.3) ** 2) / 2

    place, found, betas = process._place[0], process._found, process._betas[0]
    assert found.likelihood == pytest.approx(likelihood(place, found.noise), rel=1e-9)
    near = [likelihood(one, noise) for one in (place - 1, place, place + 1) if 0 <= one < len(betas) for noise in NOISES]
    assert found.likelihood >= max(near) - 1e-6


def test_leave_one_out_errors_calibrate_the_deviations() -> None:
    rng = np.random.default_rng(2)
    at = rng.uniform(0, 10, 20)
    values = np.sin(at) + 0.2 * rng.normal(size=20)
    process = GaussianProcess(Apart())
    process.fit(numbers(at), values)
    beta, (_, noise, scale, _) = float(process._betas[0][process._place[0]]), process._found
    matrix = np.exp(-beta * abs(np.subtract.outer(at, at))) + noise * np.eye(20)
    scores = (values - values.mean()) / values.std()
    sizes = []
    for left in range(20):
        rest = np.delete(np.arange(20), left)
        weights = np.linalg.solve(matrix[np.ix_(rest, rest)], np.c_[scores[rest], matrix[rest, left]])
        error = scores[left] - matrix[left, rest] @ weights[:, 0]
        sizes.append(abs(error) / np.sqrt(scale * (matrix[left, left] - matrix[left, rest] @ weights[:, 1])))
    from neuroevo.predictors.intervals import calibrated

    assert process._factor == pytest.approx(calibrated(np.sort(sizes)), rel=1e-9)


def test_a_matrix_that_is_not_positive_semi_definite_is_mended_for_new_genomes_too() -> None:
    rng = np.random.default_rng(3)
    at = rng.permutation(40).astype(float)
    process = GaussianProcess(Term((NoMetric(),), 1, (1.0, 1.0)))
    process.fit(numbers(at[:30]), rng.normal(size=30))
    assert process.mended > 0
    mean, deviation = process.predict(numbers(at))
    assert np.isfinite(mean).all() and (deviation > 0).all()
    # the kernel that is used, of the observed and a new genome together, is positive semi-definite and the observed ones' is the projection
    summed = [NoMetric().matrix(process._different)]
    spectrum = process._found.spectrum
    projected = spectrum.vectors * spectrum.values @ spectrum.vectors.T
    for one in numbers(at[30:]):
        covariance = process._kernel([NoMetric().matrix([one], process._different)], process._place)[0]
        along = spectrum.vectors @ (spectrum.vectors.T @ covariance)
        prior = max(1, float(((spectrum.vectors.T @ covariance) ** 2 / spectrum.values).sum()))
        whole = np.block([[projected, along[:, None]], [along[None, :], np.array([[prior]])]])
        assert np.linalg.eigvalsh(whole)[0] > -1e-9
    assert np.linalg.eigvalsh(process._kernel(summed, process._place))[0] < -1e-3


def test_squared_edit_distances_need_mending_and_embedded_ones_do_not() -> None:
    cells = lineage(CELLS, 1, 120, size=30)
    values = [float(cell.parameters) for cell in cells]
    squared, embedded = GaussianProcess(Term((Edit(),), 2)), GaussianProcess(Term((Edit(),), 2), embedding=True)
    squared.fit(cells, values)
    embedded.fit(cells, values)
    assert squared.mended > 0 and embedded.mended == 0
    for process in (squared, embedded):
        _, deviation = process.predict(lineage(CELLS, 2, 60, size=30))
        assert deviation.min() > 0.01 * np.std(values), "no variance is clipped"


def test_projection_keeps_what_is_positive() -> None:
    rng = np.random.default_rng(4)
    vectors = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    values = np.array([3.0, 2.0, 0.2, -0.1, -0.5])
    found = spectrum_of(vectors * values @ vectors.T)
    np.testing.assert_allclose(np.sort(found.values), [2, 3])
    assert found.removed == 2, "0.2 is not larger than the negative part: noise as well"
    sound = spectrum_of(vectors * abs(values) @ vectors.T)
    assert len(sound.values) == 5 and sound.removed == 0


@pytest.mark.parametrize("kernel", ["wl", "otmann", "edit", "hamming", "paths"])
def test_nine_of_ten_scores_lie_in_the_interval(kernel: str) -> None:
    """Of cells with a smooth score and noise, on the average of some draws."""
    rng = np.random.default_rng(5)
    cells = [CELLS.random(rng) for _ in range(400)]
    weights = np.array([0.0, 0.3, 1.0, 1.5, 0.2])
    smooth = np.array(
        [weights[list(cell.decisions)].sum() + (cell.decisions[3] == 3) * weights[cell.decisions[0]] for cell in cells]
    )
    coverage = []
    for seed in range(4):
        values = smooth + 0.3 * np.random.default_rng(seed).normal(size=400)
        coverage.append(held_out(GaussianProcess(kernel), cells, values, fitted=60, seed=seed).coverage)
    assert 0.85 < np.mean(coverage) < 0.95, coverage


def test_it_learns_a_smooth_score_of_cells() -> None:
    rng = np.random.default_rng(6)
    cells = [CELLS.random(rng) for _ in range(200)]
    values = [math.log(cell.parameters) for cell in cells]
    for kernel in ("wl", "otmann", "edit"):
        assert held_out(GaussianProcess(kernel), cells, values, fitted=100).rank_correlation > 0.6


def test_logarithms_are_predicted_in_the_values_own_unit() -> None:
    rng = np.random.default_rng(7)
    at = rng.uniform(0, 6, 300)
    values = np.exp(2 * np.sin(at) + 0.2 * rng.normal(size=300))
    process = GaussianProcess(Apart(), log=True)
    process.fit(numbers(at[:150]), values[:150])
    plain = GaussianProcess(Apart())
    plain.fit(numbers(at[:150]), np.log(values[:150]))
    mean, deviation = process.predict(numbers(at[150:]))
    np.testing.assert_allclose(mean, np.exp(plain.predict(numbers(at[150:]))[0]))
    assert 0.84 < (abs(mean - values[150:]) <= 1.645 * deviation).mean() < 0.96
    before = process.predict(numbers([1.0]))
    with pytest.raises(ValueError, match=r"log=True fits the logarithms .* number 1 of 2 is 0.0"):
        process.fit(numbers([0, 1]), [1.0, 0.0])
    assert np.array_equal(before, process.predict(numbers([1.0])))


def test_nine_of_ten_lognormal_values_lie_within_the_interval() -> None:
    rng = np.random.default_rng(8)
    for spread in (0.01, 0.3, 1.0, 4.0):
        values = np.exp(1 + spread * rng.normal(size=40000))
        middle, deviation = of_logarithms(np.array([1.0]), np.array([spread]))
        assert (abs(values - middle[0]) <= 1.6448536 * deviation[0]).mean() == pytest.approx(0.9, abs=0.01)
    middle, deviation = of_logarithms(np.array([1e4]), np.array([1e5]))
    assert np.isfinite(middle).all() and np.isfinite(deviation).all()


def test_one_observation_says_its_value_with_a_wide_deviation() -> None:
    for value, least in ((0.93, 1.0), (93.0, 93.0)):
        process = GaussianProcess(Apart())
        process.fit(numbers([0]), [value])
        mean, deviation = process.predict(numbers([0, 10]))
        assert mean.tolist() == [value, value] and least <= deviation[0] < deviation[1] < math.inf


def test_equal_values_are_predicted_exactly_and_with_doubt_that_shrinks() -> None:
    doubts = []
    for count in (1, 10, 100):
        process = GaussianProcess(Apart())
        process.fit(numbers(range(count)), [0.1] * count)
        mean, deviation = process.predict(numbers([0.5]))
        assert mean.tolist() == [0.1]
        doubts.append(deviation[0])
    assert doubts[0] > doubts[1] > doubts[2] > 0


def test_distances_among_observed_genomes_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    original = Apart.compare
    monkeypatch.setattr(Apart, "compare", lambda self, a, b: measured.append((len(a), len(b))) or original(self, a, b))
    process = GaussianProcess(Apart())
    process.fit(numbers(range(20)), np.sin(range(20)))
    assert measured == [(20, 20)]
    measured.clear()
    process.fit([*numbers(range(5, 20)), LINE.from_genes(30.0)], np.sin(range(16)))
    assert measured == [(1, 16)], "the new one's distances"
    cold = GaussianProcess(Apart())
    cold.fit([*numbers(range(5, 20)), LINE.from_genes(30.0)], np.sin(range(16)))
    assert np.array_equal(cold.predict(numbers([1.5, 2.5])), process.predict(numbers([1.5, 2.5])))


def test_predictions_follow_the_unit_of_the_values() -> None:
    rng = np.random.default_rng(3)
    at, values = rng.uniform(0, 10, 40), rng.normal(size=40)
    plain, scaled = GaussianProcess(Apart()), GaussianProcess(Apart())
    plain.fit(numbers(at), values)
    scaled.fit(numbers(at), 1e200 * (values + 3))
    (mean, deviation), (large, wide) = plain.predict(numbers([1, 5, 50])), scaled.predict(numbers([1, 5, 50]))
    np.testing.assert_allclose(large, 1e200 * (mean + 3))
    np.testing.assert_allclose(wide, 1e200 * deviation)


def test_a_kernel_is_given_by_name_by_distance_or_by_terms() -> None:
    assert GaussianProcess("wl").settings() == {"predictor": "GaussianProcess", "kernel": "wl", "log": False, "embedding": False}
    by_name, by_object = GaussianProcess("OptimalTransport"), GaussianProcess(OptimalTransport())
    assert by_name.settings() == by_object.settings() == GaussianProcess([OptimalTransport()]).settings()
    several = GaussianProcess((Hamming(), Term((Edit(), WeisfeilerLehman(3)), 2, (0.1, 10.0))))
    again = Predictor.from_settings(json.loads(json.dumps(several.settings())))
    assert again == several and again.settings() == several.settings()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"kernel": "otman"}, "unknown kernel 'otman'; did you mean 'otmann'"),
        ({"kernel": 3}, "a distance is one of genomes.distances"),
        ({"kernel": ()}, "a sum of one term or more"),
        ({"kernel": [{"distances": [], "power": 1}]}, "one or more"),
        ({"kernel": [{"distances": ["Edit"], "radius": 1}]}, "a term has distances, a power and bounds"),
        ({"log": 1}, "log must be True or False"),
        ({"embedding": "yes"}, "embedding must be True or False"),
    ],
)
def test_wrong_settings_are_a_sentence(wrong: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        GaussianProcess(**wrong)


@pytest.mark.parametrize("wrong", [{"power": 3}, {"distances": ()}, {"bounds": (0, 1)}, {"bounds": (2, 1)}, {"bounds": (1,)}])
def test_a_wrong_term_is_a_sentence(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"must be|one or more"):
        Term(**{"distances": (Edit(),), **wrong})


def test_an_encoding_that_the_kernel_is_not_for_is_a_sentence() -> None:
    space = NeatSpace(inputs=2, outputs=1)
    process = GaussianProcess("otmann")
    with pytest.raises(ValueError, match="OptimalTransport is for cells and layer graphs"):
        process.fit([space.random(np.random.default_rng(0))], [1.0])
    assert registry.part("predictor", "gaussian_process") is GaussianProcess


def test_raw_and_normalised_transports_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    measured = []
    compare = OptimalTransport.compare
    monkeypatch.setattr(OptimalTransport, "compare", lambda self, *sides: measured.append(self) or compare(self, *sides))
    genomes = [CELLS.random(np.random.default_rng(seed)) for seed in range(8)]
    model = GaussianProcess("nasbot")
    model.fit(genomes, [float(len(genome.key())) for genome in genomes])
    assert len(measured) == len(set(measured)) == 4 and not any(one.normalised for one in measured)
    model.predict(genomes[:2])
    assert len(measured) == 8
