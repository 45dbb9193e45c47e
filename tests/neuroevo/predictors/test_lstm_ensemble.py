"""PNAS's predictors: the suite, the compiled training against Keras's LSTM, sequences of other lengths, and what is known of cells."""

import json
import math

import numpy as np
import pytest

from genomes import CellSpace, ChainSpace, NeatSpace
from genomes.testing import lineage
from neuroevo.predictors import Ensemble, LstmEnsemble, Predictor, held_out
from neuroevo.predictors.features import Features, said
from neuroevo.predictors.lstm_ensemble import initial
from neuroevo.predictors.lstm_kernels import outputs, parts, train
from neuroevo.testing import PredictorSuite

CELLS = CellSpace()


class TestLstmEnsemble(PredictorSuite):
    def predictor(self) -> Predictor:
        return LstmEnsemble(width=12, epochs=30)

    def spaces(self):
        return (CELLS, ChainSpace((8, 8, 1), 10))


class TestAverageOfBlocks(PredictorSuite):
    def predictor(self) -> Predictor:
        return Ensemble("blocks", layers=1, width=20, epochs=60, seed=1)

    def spaces(self):
        return (CELLS, ChainSpace((8, 8, 1), 10))


def loss(own, words, hidden, sentences, lengths, scores):
    return float(((outputs(own[None], words, hidden, sentences, lengths)[0] - scores) ** 2).mean())


def test_the_network_is_kerass_lstm() -> None:
    keras = pytest.importorskip("keras")
    words, hidden, rng = 5, 4, np.random.default_rng(0)
    own = initial(1, words, hidden, rng)[0] * 3
    sentences = rng.integers(0, words, (6, 7))
    table, recurrent, bias, last, shift = parts(own, words, hidden)
    theirs = keras.layers.LSTM(hidden)
    theirs.build((None, 7, words))
    order = np.concatenate(
        [np.arange(hidden) + hidden * place for place in (0, 1, 3, 2)]
    )  # theirs: input, forget, candidate, output
    theirs.set_weights([table[:, order], recurrent[:, order], bias[order]])
    expected = np.asarray(theirs(np.eye(words, dtype=np.float32)[sentences])) @ last + shift
    found = outputs(own[None], words, hidden, sentences, np.full(6, 7))[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_its_gradient_is_that_of_finite_differences() -> None:
    """From equal moments Adam's first step is rate * sign(gradient): what it takes up and down says the sign of every weight's gradient."""
    words, hidden, rng = 3, 3, np.random.default_rng(1)
    before = initial(1, words, hidden, rng) * 3
    sentences, lengths = rng.integers(0, words, (5, 4)), np.array([4, 2, 3, 4, 1])
    scores = rng.normal(size=5).astype(np.float32)
    after = before.copy()
    train(after, words, hidden, sentences, lengths, scores, np.ones((1, 5), bool), np.arange(5)[None], 5, np.float32(1e-3), True)
    slopes = []
    for place in range(before.shape[1]):
        up, down = before[0].copy(), before[0].copy()
        up[place] += 0.01
        down[place] -= 0.01
        slopes.append(loss(up, words, hidden, sentences, lengths, scores) - loss(down, words, hidden, sentences, lengths, scores))
    clear = np.abs(slopes) > 1e-5
    assert clear.mean() > 0.8
    assert np.array_equal(np.sign(before - after)[0][clear], np.sign(slopes)[clear])


def test_the_sizes_of_its_gradient_are_those_of_finite_differences() -> None:
    """Two steps of Adam: the second divides by the root of both squares, so that it depends on how large gradients are."""
    words, hidden, rng = 2, 2, np.random.default_rng(2)
    start = initial(1, words, hidden, rng) * 2
    sentences, lengths = rng.integers(0, words, (4, 3)), np.array([3, 3, 2, 1])
    scores, rate = rng.normal(size=4).astype(np.float32), 0.05
    found = start.copy()
    train(
        found, words, hidden, sentences, lengths, scores, np.ones((1, 4), bool), np.arange(4)[None].repeat(3, 0), 4, np.float32(rate), True
    )  # fmt: skip
    own = start[0].astype(np.float64)
    m, v = np.zeros_like(own), np.zeros_like(own)
    for step in range(1, 4):
        gradient = np.empty_like(own)
        for place in range(len(own)):
            ends = []
            for change in (0.005, -0.005):
                moved = own.copy()
                moved[place] += change
                ends.append(loss(moved.astype(np.float32), words, hidden, sentences, lengths, scores))
            gradient[place] = (ends[0] - ends[1]) / 0.01
        m += 0.1 * (gradient - m)
        v += 0.001 * (gradient**2 - v)
        own -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-7)
    clear = np.abs(gradient) > 3e-3
    assert clear.sum() > 10
    np.testing.assert_allclose((found - start)[0][clear], (own - start[0])[clear], rtol=0.05, atol=2e-3)


def test_a_network_learns_nothing_of_what_it_does_not_see() -> None:
    rng = np.random.default_rng(1)
    sentences, scores = rng.integers(0, 3, (8, 4)), rng.normal(size=8).astype(np.float32)
    seen, found = np.arange(8) < 5, []
    for last in (1.0, -50.0):
        weights = initial(1, 3, 4, np.random.default_rng(2))
        changed = np.where(seen, scores, np.float32(last))
        train(
            weights, 3, 4, sentences, np.full(8, 4), changed, seen[None], np.arange(8)[None].repeat(5, 0), 3, np.float32(0.01), False
        )  # fmt: skip
        found.append(weights)
    assert np.array_equal(*found)


def test_sentences_that_begin_alike_are_read_once_and_say_the_same() -> None:
    rng = np.random.default_rng(4)
    weights, sentences = initial(2, 3, 5, rng), np.array([[0, 1, 2], [0, 1, 1], [0, 1, -1], [2, -1, -1], [2, 1, 0]])
    lengths = np.array([3, 3, 2, 1, 3])
    together = outputs(weights, 3, 5, sentences, lengths)
    alone = [outputs(weights, 3, 5, sentences[k : k + 1], lengths[k : k + 1])[:, 0] for k in range(5)]
    assert np.array_equal(together, np.array(alone).T)


def test_cells_of_more_blocks_are_ranked_from_cells_of_fewer() -> None:
    """A block's operations are the same words wherever it is, so that what was learned of two blocks is said of three."""
    spaces = [CellSpace("nasnet", nodes=count) for count in (2, 3)]
    rng = np.random.default_rng(5)
    small, large = [[space.random(rng) for _ in range(150)] for space in spaces]

    def score(genome):
        return np.mean(["separable" in option or "sep" in option for _, option in said(genome, None)])

    for model in (LstmEnsemble(width=24, epochs=60), Ensemble("blocks", layers=1, width=40)):
        model.fit(small, [score(genome) for genome in small])
        mean, _ = model.predict(large)
        assert np.corrcoef(mean, [score(genome) for genome in large])[0, 1] > 0.6


def test_it_learns_a_score_of_cells_and_its_intervals_hold() -> None:
    rng = np.random.default_rng(3)
    cells = [CELLS.random(rng) for _ in range(300)]
    weights = np.array([0.0, 0.3, 1.0, 1.5, 0.2])
    smooth = np.array([weights[list(cell.decisions)].sum() for cell in cells])
    covered = []
    for seed in range(2):
        values = smooth + 0.3 * np.random.default_rng(seed).normal(size=300)
        found = held_out(LstmEnsemble(width=24), cells, values, fitted=100, seed=seed)
        covered.append(found.coverage)
        assert found.rank_correlation > 0.7
    assert 0.75 < np.mean(covered) < 0.97


def test_blocks_are_shares_of_the_options() -> None:
    one, other = CELLS.build([3, 0, 0, 3, 0, 4]), CELLS.build([0, 0, 0, 0, 0, 0])
    known = Features("blocks")
    rows = known.learn([one, other])
    assert sorted(rows[0].tolist()) == [pytest.approx(each) for each in (1 / 6, 2 / 6, 3 / 6)]
    assert rows[1].max() == 1 and known.rows([CELLS.build([1, 1, 1, 1, 1, 1])]).sum() == 0


@pytest.mark.parametrize(
    "wrong", [{"loss": "huber"}, {"members": 1}, {"width": 0}, {"epochs": 2.5}, {"rate": math.inf}, {"log": 1}]
)
def test_settings_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"must be|unknown"):
        LstmEnsemble(**wrong)


def test_encodings_without_decisions_are_a_sentence() -> None:
    genomes = lineage(NeatSpace(inputs=2, outputs=1), 1, 3, size=3)
    for model in (LstmEnsemble(), Ensemble("blocks")):
        with pytest.raises(ValueError, match="is for encodings with decisions"):
            model.fit(genomes[:2], [1.0, 2.0])
    assert json.loads(json.dumps(LstmEnsemble().settings()))["width"] == 100
