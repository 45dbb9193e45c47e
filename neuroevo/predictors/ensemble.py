"""An ensemble of small neural networks on path features or decisions: BANANAS's predictor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown, unknown
from genomes.distances.base import Matrix, whole
from neuroevo.predictors.base import Predictor, Scores, texts
from neuroevo.predictors.features import FEATURES, Features
from neuroevo.predictors.intervals import calibrated, logarithms, of_logarithms

LOSSES = ("mae", "mse")


@dataclass
class Ensemble(Predictor):
    """The mean of small dense networks that begin with other weights (BANANAS; White, Neiswanger & Savani 2021, section 4).

    Each network takes which paths lead from input to output (of those that some observed genome has), or the decisions, one number an option,
    and is trained by Adam (0.9, 0.99). Values are centred and brought to variance 1 before.

    Of five networks, each is trained on four fifths of the observations (as PNAS does; Liu et al. 2018) and says how far off it is on the
    rest, so that the errors of networks which have not seen a genome are known. The deviation of a prediction is that of the networks together
    with the typical error, widened or narrowed so that nine of ten of those errors lie within 1.645 deviations. Where there are fewer
    different genomes than networks, or equal values, it is at least the largest value's size, at least 1, divided by the number of observations.

    Args:
        features: "paths" (`genomes.distances.Paths`, for every encoding), "decisions" (where all genomes answer the same questions),
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

    features: Literal["paths", "decisions", "proxies", "paths_proxies"] = "paths"
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
        for name, value, allowed in (("features", self.features, FEATURES), ("loss", self.loss, LOSSES)):
            if value not in allowed:
                raise ValueError(unknown(name, value, allowed))
        for name, least in (("members", 2), ("layers", 1), ("width", 1), ("epochs", 1), ("batch", 1), ("seed", 0)):
            whole(name, getattr(self, name), least)
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 < self.rate < math.inf:
            raise ValueError(f"rate must be a number > 0, got {shown(self.rate)}")
        if not isinstance(self.log, bool):
            raise ValueError(f"log must be True or False, got {shown(self.log)}")
        self._features = Features(self.features)

    @property
    def several_spaces(self) -> bool:
        return True  # each genome has its paths and its answers, whatever others have

    def learn(self, genomes: Sequence[Genome], values: Scores) -> None:
        fitted = logarithms(values) if self.log else values
        features = self._features.anew()
        # in the order of their genes, so that the order in which they were observed does not matter, not even to the last bit
        named = sorted(zip(texts(genomes), fitted.tolist(), range(len(genomes)), strict=True))
        rows = features.learn([genomes[position] for _, _, position in named])
        self._features = features
        ordered = np.array([value for _, value, _ in named])
        low, high = float(ordered.min()), float(ordered.max())
        half = high / 2 - low / 2  # from -1 to 1 first, so that no square overflows
        narrowed = (ordered - (low / 2 + high / 2)) / half if half > 0 else np.zeros(len(ordered))
        mean, deviation = float(narrowed.mean()), float(narrowed.std())
        self._centre, self._unit = low / 2 + high / 2 + half * mean, half * deviation
        self._doubt = max(abs(low), abs(high), 1.0) / len(ordered)
        self._typical, self._factor = 0.0, 1.0
        self._weights: npt.NDArray[np.float32] | None = None
        if self._unit == 0:
            return
        self._train(rows, (narrowed - mean) / deviation, [name for name, _, _ in named])

    def _train(self, rows: Matrix, scores: Scores, texts: Sequence[str]) -> None:
        from neuroevo.predictors.ensemble_kernels import outputs, train

        rng = np.random.default_rng(self.seed)
        different = {name: place for place, name in enumerate(dict.fromkeys(texts))}
        part = (
            rng.permutation(len(different))[[different[name] for name in texts]] % self.members
        )  # equal genomes lie in one part
        held_out = len(different) >= self.members
        seen = (part != np.arange(self.members)[:, None]) if held_out else np.ones((self.members, len(rows)), dtype=bool)
        sizes = np.array([rows.shape[1], *[self.width] * self.layers, 1])
        weights = initial(self.members, sizes.tolist(), rng)
        orders = np.stack([rng.permutation(len(rows)) for _ in range(self.epochs)])
        taken = rows.astype(np.float32)
        train(
            weights, sizes, taken, scores.astype(np.float32), seen, orders, self.batch, np.float32(self.rate), self.loss == "mse"
        )
        self._weights, self._sizes = weights, sizes
        if not held_out:
            return
        found = outputs(weights, sizes, taken)
        errors = np.abs(found[part, np.arange(len(rows))] - scores)
        spread = found.var(axis=0, ddof=1)
        # one network misses by more than their mean does: by the spread, less what of it stays in the mean
        of_one = spread * (1 - 1 / self.members)
        square = float((errors**2).mean())
        self._typical = math.sqrt(max(square - float(of_one.mean()), square / 4))
        if square > 0:
            self._factor = calibrated(np.sort(errors / np.sqrt(self._typical**2 + spread + of_one)))

    def estimate(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        if self._weights is not None:
            from neuroevo.predictors.ensemble_kernels import outputs

            found = outputs(self._weights, self._sizes, self._features.rows(genomes).astype(np.float32))
            mean = self._centre + self._unit * found.mean(axis=0)
            spread = self._unit * np.hypot(found.std(axis=0, ddof=1), self._typical)
            deviation = self._factor * spread if self._typical > 0 else np.hypot(spread, self._doubt)
        else:
            mean, deviation = np.full(len(genomes), self._centre), np.full(len(genomes), self._doubt)
        return of_logarithms(mean, deviation) if self.log else (mean, deviation)


def initial(networks: int, sizes: Sequence[int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Weights of dense networks (Glorot & Bengio 2010, uniform) and biases of 0: float32 [networks, weights], layer by layer the kernel
    [in, out] and the bias."""
    found = []
    for before, after in pairwise(sizes):
        limit = math.sqrt(6 / (before + after))
        found += [rng.uniform(-limit, limit, (networks, before * after)), np.zeros((networks, after))]
    return np.concatenate(found, axis=1).astype(np.float32)
