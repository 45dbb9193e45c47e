"""An ensemble of small neural networks on path features or decisions: BANANAS's predictor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, unknown
from neuroevo.predictors.base import Scores
from neuroevo.predictors.features import FEATURES, Features
from neuroevo.predictors.members import Members, Singles


@dataclass
class Ensemble(Members):
    """The mean of small dense networks that begin with other weights (BANANAS; White, Neiswanger & Savani 2021, section 4).

    Each network takes which paths lead from input to output (of those that some observed genome has), or the decisions, one number an option,
    and is trained by Adam (0.9, 0.99). What each is trained on, and how far off their mean may be: `Members`.

    Args:
        features: "paths" (`genomes.distances.Paths`, for every encoding), "decisions" (where all genomes answer the same questions),
            "blocks" (the share of each option over the blocks of a cell, layers of a chain: PNAS's MLP; Liu et al. 2018, section 3.3),
            "proxies" (zero-cost proxies of untrained networks, about a second for each new genome) or "paths_proxies" (both, as in
            White, Zela, Ru, Liu & Hutter 2021, section 4).
        members: how many networks, >= 2.
        layers: hidden layers of each, >= 1.
        width: units of a hidden layer, >= 1.
        epochs: passes over the observations, >= 1.
        batch: observations in a step, >= 1.
        rate: Adam's learning rate, > 0.
        loss: "mae" (absolute error) or "mse" (squared error).
        log: whether logarithms are fitted, of values that must be positive; predictions are then medians, in the values' own unit.
        seed: of the first weights and of the order of observations.

    Raises:
        ValueError: a setting out of range.
    """

    features: Literal["paths", "decisions", "blocks", "proxies", "paths_proxies"] = "paths"
    members: int = 5
    layers: int = 10
    width: int = 20
    epochs: int = 150
    batch: int = 32
    rate: float = 0.01
    loss: Literal["mae", "mse"] = "mae"
    log: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.features not in FEATURES:
            raise ValueError(unknown("features", self.features, FEATURES))
        self.check(("layers", "width"))
        self._features = Features(self.features)

    @property
    def several_spaces(self) -> bool:
        return True  # each genome has its paths and its answers, whatever others have

    def rows_of(self, genomes: Sequence[Genome]) -> Singles:
        features = self._features.anew()
        rows = features.learn(genomes)
        self._features = features
        return rows.astype(np.float32)

    def train(self, rows: Singles, scores: Singles, seen: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
        from neuroevo.predictors.ensemble_kernels import train

        sizes = np.array([rows.shape[1], *[self.width] * self.layers, 1])
        weights = initial(self.members, sizes.tolist(), rng)
        orders = self.orders(len(rows), rng)
        train(weights, sizes, rows, scores, seen, orders, self.batch, np.float32(self.rate), self.loss == "mse")
        self._weights, self._sizes = weights, sizes

    def outputs(self, rows: Singles) -> Scores:
        from neuroevo.predictors.ensemble_kernels import outputs

        found: Scores = outputs(self._weights, self._sizes, rows)
        return found

    def rows_of_new(self, genomes: Sequence[Genome]) -> Singles:
        return self._features.rows(genomes).astype(np.float32)


def initial(networks: int, sizes: Sequence[int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Weights of dense networks (Glorot & Bengio 2010, uniform) and biases of 0: float32 [networks, weights], layer by layer the kernel
    [in, out] and the bias."""
    found = []
    for before, after in pairwise(sizes):
        limit = math.sqrt(6 / (before + after))
        found += [rng.uniform(-limit, limit, (networks, before * after)), np.zeros((networks, after))]
    return np.concatenate(found, axis=1).astype(np.float32)
