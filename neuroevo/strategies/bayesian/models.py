"""Models: predictors of the objectives that cost training, and the acquisition that is made of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objective
from neuroevo.predictors.base import Predictor
from neuroevo.predictors.intervals import NORMAL
from neuroevo.strategies.base import Search
from neuroevo.strategies.bayesian.acquisition import (
    log_expected_improvement,
    log_hypervolume_improvement,
    tchebycheff,
    upper_confidence_bound,
)
from neuroevo.strategies.bayesian.inner import Acquisition
from neuroevo.strategies.bayesian.scores import Scale

Floats = npt.NDArray[np.float64]

MARGIN = 0.2  # how far behind the worst that was observed a hypervolume's reference lies, as a share of what was observed


def fresh(predictor: Predictor | None) -> Predictor:
    """A predictor of the same settings that has learned nothing; None: a Gaussian process."""
    if predictor is None:
        from neuroevo.predictors import GaussianProcess

        return GaussianProcess()
    return type(predictor).from_settings(predictor.settings())


class Models:
    """What was observed of a search's objectives, and predictors of those that cost training.

    Args:
        search: gives the objectives.
        predictor: of which each objective has one of its own.
        log: as `Scale.of` takes it, for objectives that are predicted.
    """

    def __init__(self, search: Search, predictor: Predictor | None, log: bool | None) -> None:
        self.objectives = list(search.objectives.values())
        self.log = log
        predicted = [place for place, objective in enumerate(self.objectives) if objective.of is None]
        self.first = predicted[0] if predicted else 0
        self.predicted = predicted or [0]
        self._predictors = {place: fresh(predictor) for place in self.predicted}

    def check(self, genomes: Sequence[Genome]) -> None:
        """Refuse a predictor that cannot learn from such genomes, before anything is evaluated.

        Args:
            genomes: two or more of the space, of which it is asked about all but the first.

        Raises:
            ValueError: it cannot; the predictor's own sentence.
        """
        tried = fresh(self._predictors[self.first])
        tried.fit(genomes[:1], [0.0])
        tried.predict(genomes[1:])

    @property
    def several_spaces(self) -> bool:
        """Whether genomes of different spaces can be learned from together."""
        return all(predictor.several_spaces for predictor in self._predictors.values())

    def observe(self, observed: Sequence[Individual]) -> None:
        """Take what was evaluated, one or more with finite values; nothing is fitted yet."""
        values = np.array([individual.fitness.values for individual in observed], dtype=np.float64)
        self._genomes = [individual.genome for individual in observed]
        self._within = np.array([individual.fitness.violation <= 0 for individual in observed])
        self._scales = [
            Scale.of(objective, values[:, place], self._logs(place, objective)) for place, objective in enumerate(self.objectives)
        ]
        self.scores = np.stack([scale(values[:, place]) for place, scale in enumerate(self._scales)], axis=1)

    def _logs(self, place: int, objective: Objective) -> bool | None:
        return self.log if place in self._predictors else objective.log

    def fit(self, places: Sequence[int], pending: Sequence[Genome] = ()) -> None:
        """Fit the predictors of some objectives.

        Args:
            pending: genomes that are being evaluated: each is taken to score as the mean of all (a constant liar; Ginsbourger, Le Riche & Carraro
                2010), so that the next one is looked for elsewhere.
        """
        for place in places:
            scores = self.scores[:, place]
            lies = np.full(len(pending), scores.mean())
            self._predictors[place].fit([*self._genomes, *pending], np.concatenate([scores, lies]))

    def predict(self, place: int, genomes: Sequence[Genome]) -> tuple[Floats, Floats]:
        """Mean and deviation of an objective's score, float64 [genomes] each; exact where it is computed from the genome."""
        if place in self._predictors:
            return self._predictors[place].predict(genomes)
        of = self.objectives[place].of
        assert of is not None
        values = np.array([of(genome) for genome in genomes], dtype=np.float64)
        return self._scales[place](values), np.zeros(len(genomes))

    def expected(self, genome: Genome) -> tuple[float, float, float]:
        """The first predicted objective of a genome in its own unit, and the ends of the interval that holds it nine times out of ten."""
        mean, deviation = self._predictors[self.first].predict([genome])
        ends = mean + NORMAL * deviation * np.array([0.0, -1.0, 1.0])
        value, *interval = self._scales[self.first].values(ends).tolist()
        return value, min(interval), max(interval)

    def improvement(self) -> Acquisition:
        """Expected improvement of the first score over the best observed one."""
        scores = self.scores[:, self.first]
        best = float(scores[self._within].max() if self._within.any() else scores.max())

        def acquisition(genomes: Sequence[Genome]) -> Floats:
            mean, deviation = self.predict(self.first, genomes)
            return log_expected_improvement(mean, deviation, best)

        return acquisition

    def bound(self, confidence: float) -> Acquisition:
        """Upper confidence bound of the first score."""
        return lambda genomes: upper_confidence_bound(*self.predict(self.first, genomes), confidence)

    def thompson(self, rng: np.random.Generator) -> Acquisition:
        """A draw of the first score, independent for each candidate (White, Neiswanger & Savani 2021, section 4)."""
        return lambda genomes: self._drawn(self.first, genomes, rng)

    def _drawn(self, place: int, genomes: Sequence[Genome], rng: np.random.Generator) -> Floats:
        mean, deviation = self.predict(place, genomes)
        return mean + deviation * rng.standard_normal(len(genomes))

    def hypervolume(self, cheap: int) -> Acquisition:
        """Expected hypervolume improvement of the first score and one that is computed from the genome, in the scores' own units."""
        front = self.scores[:, [self.first, cheap]]
        reference = front.min(axis=0) - np.maximum(MARGIN * np.ptp(front, axis=0), 1e-6)
        floor = (float(reference[0]), float(reference[1]))
        front = front[self._within]

        def acquisition(genomes: Sequence[Genome]) -> Floats:
            mean, deviation = self.predict(self.first, genomes)
            return log_hypervolume_improvement(mean, deviation, self.predict(cheap, genomes)[0], front, floor)

        return acquisition

    def scalarised(self, rng: np.random.Generator) -> Acquisition:
        """Draws of all scores, joined by one random weighting."""
        low, high = self.scores.min(axis=0), self.scores.max(axis=0)
        width = np.where(high > low, high - low, 1.0)
        weights = rng.dirichlet(np.ones(len(self.objectives)))

        def acquisition(genomes: Sequence[Genome]) -> Floats:
            drawn = np.stack([self._drawn(place, genomes, rng) for place in range(len(self.objectives))], axis=1)
            return tchebycheff((drawn - low) / width, weights)

        return acquisition
