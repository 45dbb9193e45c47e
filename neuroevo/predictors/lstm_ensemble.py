"""An ensemble of LSTMs that read a genome's decisions one by one: PNAS's predictor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.predictors.base import Scores
from neuroevo.predictors.features import Word, said
from neuroevo.predictors.members import Members, Singles


class Sentences(NamedTuple):
    """Genomes as numbers of words: int64 [genomes, longest], filled up with -1; and how many words each has: int64 [genomes]."""

    words: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.int64]


@dataclass
class LstmEnsemble(Members):
    """The mean of LSTMs that read what was decided, in order, and give a score behind the last word (PNAS; Liu et al. 2018, section 3.3).

    A word is an option together with what was asked, where all parts of a network are asked alike: "conv_3x3 as the operation on an edge" is
    one word, wherever the edge. So cells of two blocks can be predicted from cells of one, and sequences may have any length. Networks of
    different spaces of one encoding can be compared. A word that no observed genome has, says nothing.

    The paper's embedding is folded into the gates (each word has its own vector there), and its last layer is linear here, because scores are
    any numbers. Adam has (0.9, 0.999). What each network is trained on, and how far off their mean may be: `Members`. PNAS's other predictor,
    networks on the average of the blocks, is `Ensemble("blocks", layers=1, width=100)`.

    Args:
        members: how many networks, >= 2.
        width: units of the LSTM, >= 1 (the paper's 100).
        epochs: passes over the observations, >= 1.
        batch: observations in a step, >= 1.
        rate: Adam's learning rate, > 0.
        loss: "mae" (absolute error; the paper's) or "mse" (squared error).
        log: whether logarithms are fitted, of values that must be positive; predictions are then medians, in the values' own unit.
        seed: of the first weights and of the order of observations.

    Raises:
        ValueError: a setting out of range; at the first fit, an encoding that is not described by decisions.
    """

    members: int = 5
    width: int = 100
    epochs: int = 40
    batch: int = 16
    rate: float = 0.01
    loss: Literal["mae", "mse"] = "mae"
    log: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        self.check(("width",))

    def rows_of(self, genomes: Sequence[Genome]) -> Sentences:
        read = [said(genome, self) for genome in genomes]
        self._words = {word: number for number, word in enumerate(sorted({word for each in read for word in each}))}
        return self._numbered(read)

    def rows_of_new(self, genomes: Sequence[Genome]) -> Sentences:
        return self._numbered([said(genome, self) for genome in genomes])

    def _numbered(self, read: Sequence[Sequence[Word]]) -> Sentences:
        lengths = np.array([len(each) for each in read])
        words = np.full((len(read), max(1, int(lengths.max()))), -1)
        for row, each in zip(words, read, strict=True):
            row[: len(each)] = [self._words.get(word, -1) for word in each]
        return Sentences(words, lengths)

    def train(self, rows: Sentences, scores: Singles, seen: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
        from neuroevo.predictors.lstm_kernels import train

        weights = initial(self.members, len(self._words), self.width, rng)
        orders = self.orders(len(scores), rng)
        train(
            weights, len(self._words), self.width, *rows, scores, seen, orders, self.batch, np.float32(self.rate), self.loss == "mse"
        )  # fmt: skip
        self._weights = weights

    def outputs(self, rows: Sentences) -> Scores:
        from neuroevo.predictors.lstm_kernels import outputs

        order = np.lexsort(rows.words.T[::-1])  # so that those which begin alike follow each other
        found = np.empty((self.members, len(order)))
        found[:, order] = outputs(self._weights, len(self._words), self.width, rows.words[order], rows.lengths[order])
        return found


def initial(networks: int, words: int, hidden: int, rng: np.random.Generator) -> Singles:
    """First weights, as `lstm_kernels.parts` takes them, float32 [networks, weights]: uniform below 1 / sqrt(hidden), the forget gates' bias 1
    (Jozefowicz, Zaremba & Sutskever 2015), the other biases 0."""
    limit = hidden**-0.5
    bias = np.zeros((networks, 4 * hidden))
    bias[:, hidden : 2 * hidden] = 1
    gates = rng.uniform(-limit, limit, (networks, (words + hidden) * 4 * hidden))
    last = rng.uniform(-limit, limit, (networks, hidden))
    return np.concatenate([gates, bias, last, np.zeros((networks, 1))], axis=1).astype(np.float32)
