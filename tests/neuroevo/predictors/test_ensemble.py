"""The ensemble: the suite, its training against one written down anew, and what is known of cells."""

import json
import math
from itertools import pairwise
from typing import ClassVar

import numpy as np
import pytest

from genomes import CellSpace, ChainSpace, NeatSpace, NetworkSpace
from genomes.testing import lineage
from neuroevo.core.streams import TRAINING, stream
from neuroevo.predictors import Ensemble, Predictor, held_out
from neuroevo.predictors.ensemble import initial
from neuroevo.predictors.ensemble_kernels import outputs, train
from neuroevo.predictors.features import Features
from neuroevo.testing import PredictorSuite
from neuroevo.train.untrained import Untrained
from neuroevo.train.zero_cost import synflow

CELLS = CellSpace()


class TestEnsemble(PredictorSuite):
    def predictor(self) -> Predictor:
        return Ensemble(epochs=60)


class TestEnsembleOfDecisions(PredictorSuite):
    def predictor(self) -> Predictor:
        return Ensemble("decisions", layers=2, loss="mse", seed=3, members=4)


SMALL = NetworkSpace(input_shape=(3,), outputs=2, starter_parameters=(20, 60))


class TestEnsembleOfProxies(PredictorSuite):
    observed = 8
    known: ClassVar[dict] = {}  # of genomes, whose proxies do not change from test to test
    # starts TensorFlow in another process
    test_another_process_with_another_hash_seed_predicts_the_same = pytest.mark.slow(
        PredictorSuite.test_another_process_with_another_hash_seed_predicts_the_same
    )

    def predictor(self) -> Predictor:
        made = Ensemble("paths_proxies", epochs=40)
        made._features._proxies._known = self.known
        return made

    def spaces(self):
        return (SMALL,)


def test_proxies_are_columns_standardised_over_the_observed() -> None:
    rng = np.random.default_rng(0)
    genomes = [SMALL.random(rng) for _ in range(6)]
    features = Features("proxies")
    rows = features.learn(genomes)
    assert rows.shape == (6, 6)
    sizes = np.log([genome.parameters for genome in genomes])
    assert np.allclose(rows[:, 4], (sizes - sizes.mean()) / sizes.std())
    x = stream(0, 1, TRAINING).standard_normal((32, 3), np.float32)
    scores = [synflow(Untrained(genome, x, x[:, :1], stream(0, 0, TRAINING))) for genome in genomes]
    assert np.corrcoef(scores, rows[:, 2])[0, 1] == pytest.approx(1)
    assert (rows[:, 0] == -4).all(), "naswot says nothing of networks with fewer ReLUs than samples"
    assert np.array_equal(features.rows(genomes[3:5]), rows[3:5])
    both = Features("paths_proxies")
    assert np.array_equal(both.learn(genomes), np.hstack([Features("paths").learn(genomes), rows]))
    with pytest.raises(ValueError, match="networks that will be trained"):
        Features("proxies").learn([NeatSpace(inputs=2, outputs=1).random(rng)])


def reference(weights, sizes, rows, scores, seen, orders, batch, rate, squared):
    """The same training in NumPy and float64, one network after the other."""
    found = []
    for own, mask in zip(weights.astype(np.float64), seen, strict=True):
        layers, start = [], 0
        for before, after in pairwise(sizes):
            layers.append(
                [own[start : start + before * after].reshape(before, after).copy(), own[start + before * after :][:after].copy()]
            )
            start += (before + 1) * after
        moments = [[[np.zeros_like(each), np.zeros_like(each)] for each in layer] for layer in layers]
        step = 0
        for order in orders:
            for first in range(0, len(order), batch):
                chosen = [one for one in order[first : first + batch] if mask[one]]
                if not chosen:
                    continue
                step += 1
                values = [rows[chosen].astype(np.float64)]
                for number, (kernel, bias) in enumerate(layers):
                    values.append(values[-1] @ kernel + bias)
                    if number < len(layers) - 1:
                        values[-1] = np.maximum(values[-1], 0)
                error = values[-1][:, 0] - scores[chosen]
                slope = ((2 * error if squared else np.sign(error)) / len(chosen))[:, None]
                for number in range(len(layers) - 1, -1, -1):
                    gradients = values[number].T @ slope, slope.sum(axis=0)
                    slope = (slope @ layers[number][0].T) * (values[number] > 0)
                    for each, gradient, (m, v) in zip(layers[number], gradients, moments[number], strict=True):
                        m += 0.1 * (gradient - m)
                        v += 0.01 * (gradient**2 - v)
                        each -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.99**step)) + 1e-7)
        here = rows.astype(np.float64)
        for number, (kernel, bias) in enumerate(layers):
            here = here @ kernel + bias
            here = np.maximum(here, 0) if number < len(layers) - 1 else here
        found.append(here[:, 0])
    return np.array(found)


@pytest.mark.parametrize("squared", [False, True])
def test_the_compiled_training_is_the_training_that_is_meant(squared: bool) -> None:
    rng = np.random.default_rng(0)
    rows = (rng.random((11, 7)) < 0.5).astype(np.float32)
    scores = rng.normal(size=11).astype(np.float32)
    sizes = np.array([7, 5, 4, 1])
    weights = initial(3, sizes.tolist(), rng)
    seen = rng.random((3, 11)) < 0.8
    orders = np.stack([rng.permutation(11) for _ in range(4)])
    expected = reference(weights, sizes.tolist(), rows, scores, seen, orders, 4, 0.01, squared)
    train(weights, sizes, rows, scores, seen, orders, 4, np.float32(0.01), squared)
    np.testing.assert_allclose(outputs(weights, sizes, rows), expected, rtol=2e-3, atol=2e-4)


def test_a_network_learns_nothing_of_what_it_does_not_see() -> None:
    rng = np.random.default_rng(1)
    rows, scores = (rng.random((10, 6)) < 0.5).astype(np.float32), rng.normal(size=10).astype(np.float32)
    seen = np.arange(10) < 6
    found = []
    for last in (1.0, -50.0):
        weights = initial(1, [6, 4, 1], np.random.default_rng(2))
        changed = np.where(seen, scores, np.float32(last))
        train(
            weights, np.array([6, 4, 1]), rows, changed, seen[None], np.arange(10)[None].repeat(5, 0), 3, np.float32(0.01), True
        )
        found.append(weights)
    assert np.array_equal(*found)


def test_it_learns_a_score_of_cells_and_its_intervals_hold() -> None:
    rng = np.random.default_rng(3)
    cells = [CELLS.random(rng) for _ in range(400)]
    weights = np.array([0.0, 0.3, 1.0, 1.5, 0.2])
    smooth = np.array([weights[list(cell.decisions)].sum() for cell in cells])
    for features in ("paths", "decisions"):
        covered = []
        for seed in range(3):
            values = smooth + 0.3 * np.random.default_rng(seed).normal(size=400)
            found = held_out(Ensemble(features), cells, values, fitted=100, seed=seed)
            covered.append(found.coverage)
            assert found.rank_correlation > 0.55
        assert 0.83 < np.mean(covered) < 0.96


def test_features_are_those_of_the_observed_genomes() -> None:
    one, other = CELLS.build([2, 0, 0, 3, 0, 4]), CELLS.build([0, 0, 0, 4, 0, 0])
    known = Features("paths")
    assert known.learn([one]).tolist() == [[1.0]], "one path: the 3x3 convolution"
    assert known.rows([other, one]).tolist() == [[0.0], [1.0]]
    decisions = Features("decisions")
    assert decisions.learn([one, other]).sum(axis=1).tolist() == [6, 6] and decisions.rows([one]).shape == (1, 9)


def test_logarithms_are_predicted_in_the_values_own_unit() -> None:
    cells = lineage(CELLS, 1, 60, size=20)
    values = np.array([float(cell.parameters) for cell in cells])
    logarithmic, plain = Ensemble(log=True, epochs=30), Ensemble(epochs=30)
    logarithmic.fit(cells, values)
    plain.fit(cells, np.log(values))
    np.testing.assert_allclose(logarithmic.predict(cells)[0], np.exp(plain.predict(cells)[0]))
    with pytest.raises(ValueError, match="which must be > 0"):
        logarithmic.fit(cells, -values)


def test_another_seed_is_another_ensemble() -> None:
    cells = lineage(CELLS, 1, 40, size=20)
    values = [float(cell.parameters) for cell in cells]
    found = []
    for seed in (0, 0, 1):
        ensemble = Ensemble(epochs=10, seed=seed)
        ensemble.fit(cells, values)
        found.append(ensemble.predict(cells)[0])
    assert np.array_equal(found[0], found[1]) and not np.array_equal(found[0], found[2])


def test_equal_values_are_predicted_exactly_and_with_doubt_that_shrinks() -> None:
    cells = lineage(CELLS, 1, 40, size=20)
    doubts = []
    for count in (1, 10, 40):
        ensemble = Ensemble()
        ensemble.fit(cells[:count], [0.1] * count)
        mean, deviation = ensemble.predict(cells[:2])
        assert mean.tolist() == [0.1, 0.1] and deviation[0] < math.inf
        doubts.append(deviation[0])
    assert doubts[0] > doubts[1] > doubts[2] > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"features": "pixels"},
        {"loss": "huber"},
        {"members": 1},
        {"layers": 0},
        {"epochs": 2.5},
        {"rate": 0},
        {"rate": math.nan},
        {"log": 1},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"must be|unknown"):
        Ensemble(**wrong)


def test_encodings_without_such_features_are_a_sentence() -> None:
    neat = NeatSpace(inputs=2, outputs=1)
    with pytest.raises(ValueError, match="is for encodings with decisions"):
        Ensemble("decisions").fit([neat.random(np.random.default_rng(0))], [1.0])
    chains = ChainSpace((8, 8, 1), 10)
    ensemble = Ensemble(epochs=5)
    genomes = lineage(chains, 1, 12, size=4)
    ensemble.fit(genomes, np.arange(float(len(genomes))))
    assert np.isfinite(ensemble.predict(genomes)[0]).all()
    assert json.loads(json.dumps(ensemble.settings()))["features"] == "paths"
