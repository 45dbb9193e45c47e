"""Genomes as rows of numbers, for models that take vectors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from genomes.base import Genome, unknown
from genomes.distances import Distance, Hamming, Paths
from genomes.distances.base import Matrix
from genomes.distances.hamming import answers

FEATURES = ("paths", "decisions")


class Features:
    """What is known of genomes as numbers that are 1 where a genome has a feature that some observed one has, and 0 elsewhere.

    Args:
        name: "paths" (`genomes.distances.Paths`) or "decisions" (each option of each question).

    Raises:
        ValueError: another name.
    """

    def __init__(self, name: str) -> None:
        if name not in FEATURES:
            raise ValueError(unknown("features", name, FEATURES))
        self.name = name
        self._distance: Distance = Paths() if name == "paths" else Hamming()
        self._columns: Mapping[Hashable, int] = {}

    def learn(self, genomes: Sequence[Genome]) -> Matrix:
        """The rows of observed genomes, whose features are those that are known from now on: float64 [genomes, features].

        Raises:
            ValueError: an encoding without such features.
        """
        found = [self._of(genome) for genome in genomes]
        self._columns = {feature: column for column, feature in enumerate(sorted({one for each in found for one in each}))}
        return self._rows(found)

    def rows(self, genomes: Sequence[Genome]) -> Matrix:
        """The rows of any genomes: float64 [genomes, features]. What no observed one has, says nothing.

        Raises:
            ValueError: an encoding without such features.
        """
        return self._rows([self._of(genome) for genome in genomes])

    def _of(self, genome: Genome) -> frozenset[Any]:
        if isinstance(self._distance, Paths):
            return self._distance.features(genome)
        asked, given = answers(self._distance, genome)
        return frozenset([(about, options[answer]) for (about, options), answer in zip(asked, given, strict=True)])

    def _rows(self, found: Sequence[frozenset[Any]]) -> Matrix:
        rows = np.zeros((len(found), len(self._columns)))
        for row, each in enumerate(found):
            rows[row, [self._columns[one] for one in each if one in self._columns]] = 1
        return rows
