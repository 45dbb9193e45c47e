"""Fitness sharing: those who are alike divide what their niche is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genomes.base import shown
from neuroevo.selection.neighbours import Floats
from neuroevo.selection.scoring import Generation, Scoring


@dataclass
class FitnessSharing(Scoring):
    """Fitness sharing (Goldberg & Richardson 1987): the first objective divided by the niche count, the sum over everybody of 1 - (d /
    sigma)^alpha where the distance d is below sigma. So a niche holds as many as it is worth, and several peaks are kept at once.

    The objective is taken as a number that larger is better for, and raised where any is negative, so that the worst has 0. In NSGA-II it is
    meant alone (`scoring_joins=False`). NEAT shares fitness among the members of a species by itself.

    Args:
        sigma: the distance from which two do not share, in the unit of the distance.
        alpha: the shape: 1 falls off evenly.
        distance: between "descriptors" (euclidean) or "genomes" (their own).

    Raises:
        ValueError: a setting out of its range.
    """

    sigma: float = 1.0
    alpha: float = 1.0
    distance: Literal["descriptors", "genomes"] = "descriptors"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("sigma", "alpha"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < math.inf:
                raise ValueError(f"{name} must be a number > 0, got {shown(value)}")
        if self.distance not in ("descriptors", "genomes"):
            raise ValueError(f"distance must be 'descriptors' or 'genomes', got {shown(self.distance)}")

    @property
    def needs_descriptors(self) -> bool:
        return self.distance == "descriptors"

    def scores(self, generation: Generation) -> Floats:
        worst = float(generation.fitness.min())
        shared: Floats = (generation.fitness - min(worst, 0.0)) / self._niche_counts(generation)
        return shared

    def _niche_counts(self, generation: Generation) -> Floats:
        from scipy.spatial.distance import pdist, squareform

        if self.distance == "descriptors":
            apart = squareform(pdist(generation.descriptors))
        else:
            genomes = [generation.genome(member) for member in range(len(generation))]
            apart = np.zeros((len(genomes), len(genomes)))
            for member, genome in enumerate(genomes):
                for other in range(member):
                    apart[member, other] = apart[other, member] = genome.distance(genomes[other])
        counts: Floats = np.where(apart < self.sigma, 1.0 - (apart / self.sigma) ** self.alpha, 0.0).sum(axis=1)
        return counts
