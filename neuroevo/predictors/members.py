"""What ensembles of networks have in common: four fifths of the observations for each network, and intervals from the rest."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown, unknown
from genomes.distances.base import whole
from neuroevo.predictors.base import Predictor, Scores, texts
from neuroevo.predictors.intervals import calibrated, logarithms, of_logarithms

LOSSES = ("mae", "mse")
Singles = npt.NDArray[np.float32]


class Members(Predictor):
    """The mean of several networks that begin with other weights. Subclass as a dataclass with `members`, `epochs`, `batch`, `rate`, `loss`,
    `log` and `seed` among its fields, and how genomes become rows and networks learn from them.

    Values are centred and brought to variance 1 before. Each network is trained on what does not lie in its own part of as many parts as there
    are networks (of five, on four fifths, as PNAS does; Liu et al. 2018), and says how far off it is on the rest, so that the errors of networks
    which have not seen a genome are known. The deviation of a prediction is that of the networks together with the typical error, widened or
    narrowed so that nine of ten of those errors lie within 1.645 deviations. Where there are fewer different genomes than networks, or equal
    values, it is at least the largest value's size, at least 1, divided by the number of observations.
    """

    members: int
    epochs: int
    batch: int
    rate: float
    loss: Literal["mae", "mse"]
    log: bool
    seed: int

    @abstractmethod
    def rows_of(self, genomes: Sequence[Genome]) -> Any:
        """The observed genomes as the networks take them, indexed by genome; raise a ValueError before anything is changed."""

    @abstractmethod
    def rows_of_new(self, genomes: Sequence[Genome]) -> Any:
        """Any genomes, as the networks trained last take them."""

    @abstractmethod
    def train(self, rows: Any, scores: Singles, seen: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
        """Train all networks anew.

        Args:
            rows: what `rows_of` gave.
            scores: float32 [observations], of mean 0 and variance 1.
            seen: bool [members, observations], what each network is trained on.
            rng: for the first weights and, by `orders`, the order of observations.
        """

    @abstractmethod
    def outputs(self, rows: Any) -> Scores:
        """What each network says: float64 [members, rows]."""

    def check(self, counts: Sequence[str]) -> None:
        """Refuse settings out of range.

        Args:
            counts: names of further settings that are whole numbers >= 1.

        Raises:
            ValueError: one is.
        """
        if self.loss not in LOSSES:
            raise ValueError(unknown("loss", self.loss, LOSSES))
        for name, least in (("members", 2), *[(name, 1) for name in counts], ("epochs", 1), ("batch", 1), ("seed", 0)):
            whole(name, getattr(self, name), least)
        if isinstance(self.rate, bool) or not isinstance(self.rate, (int, float)) or not 0 < self.rate < math.inf:
            raise ValueError(f"rate must be a number > 0, got {shown(self.rate)}")
        if not isinstance(self.log, bool):
            raise ValueError(f"log must be True or False, got {shown(self.log)}")

    @property
    def several_spaces(self) -> bool:
        return True  # each genome has its paths and its answers, whatever others have

    def orders(self, observations: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """The order of the observations in each epoch: int64 [epochs, observations]."""
        return np.stack([rng.permutation(observations) for _ in range(self.epochs)])

    def learn(self, genomes: Sequence[Genome], values: Scores) -> None:
        fitted = logarithms(values) if self.log else values
        # in the order of their genes, so that the order in which they were observed does not matter, not even to the last bit
        named = sorted(zip(texts(genomes), fitted.tolist(), range(len(genomes)), strict=True))
        rows = self.rows_of([genomes[position] for _, _, position in named])
        ordered = np.array([value for _, value, _ in named])
        low, high = float(ordered.min()), float(ordered.max())
        half = high / 2 - low / 2  # from -1 to 1 first, so that no square overflows
        narrowed = (ordered - (low / 2 + high / 2)) / half if half > 0 else np.zeros(len(ordered))
        mean, deviation = float(narrowed.mean()), float(narrowed.std())
        self._centre, self._unit = low / 2 + high / 2 + half * mean, half * deviation
        self._doubt = max(abs(low), abs(high), 1.0) / len(ordered)
        self._typical, self._factor = 0.0, 1.0
        self._trained = self._unit > 0
        if self._trained:
            self._hold_out(rows, (narrowed - mean) / deviation, [name for name, _, _ in named])

    def _hold_out(self, rows: Any, scores: Scores, texts: Sequence[str]) -> None:
        """Train the networks, and find how far off they are on what each did not see."""
        rng = np.random.default_rng(self.seed)
        different = {name: place for place, name in enumerate(dict.fromkeys(texts))}
        part = (
            rng.permutation(len(different))[[different[name] for name in texts]] % self.members
        )  # equal genomes lie in one part
        held_out = len(different) >= self.members
        seen = (part != np.arange(self.members)[:, None]) if held_out else np.ones((self.members, len(scores)), dtype=bool)
        self.train(rows, scores.astype(np.float32), seen, rng)
        if not held_out:
            return
        found = self.outputs(rows)
        errors = np.abs(found[part, np.arange(len(scores))] - scores)
        spread = found.var(axis=0, ddof=1)
        # one network misses by more than their mean does: by the spread, less what of it stays in the mean
        of_one = spread * (1 - 1 / self.members)
        square = float((errors**2).mean())
        self._typical = math.sqrt(max(square - float(of_one.mean()), square / 4))
        if square > 0:
            self._factor = calibrated(np.sort(errors / np.sqrt(self._typical**2 + spread + of_one)))

    def estimate(self, genomes: Sequence[Genome]) -> tuple[Scores, Scores]:
        if self._trained:
            found = self.outputs(self.rows_of_new(genomes))
            mean = self._centre + self._unit * found.mean(axis=0)
            spread = self._unit * np.hypot(found.std(axis=0, ddof=1), self._typical)
            deviation = self._factor * spread if self._typical > 0 else np.hypot(spread, self._doubt)
        else:
            mean, deviation = np.full(len(genomes), self._centre), np.full(len(genomes), self._doubt)
        return of_logarithms(mean, deviation) if self.log else (mean, deviation)
