"""Genomes as rows of numbers, for models that take vectors."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from genomes.base import Genome, unknown
from genomes.distances import Distance, Hamming, Paths
from genomes.distances.base import Matrix
from genomes.distances.hamming import answers
from neuroevo.predictors.proxies import ProxyColumns

FEATURES = ("paths", "decisions", "proxies", "paths_proxies")


class Features:
    """What is known of genomes as numbers: 1 where a genome has a feature that some observed one has and 0 elsewhere; and zero-cost proxies
    of its untrained network, standardised over the observed ones.

    Args:
        name: "paths" (`genomes.distances.Paths`), "decisions" (each option of each question), "proxies" (`ProxyColumns`), or
            "paths_proxies".

    Raises:
        ValueError: another name.
    """

    def __init__(self, name: str) -> None:
        if name not in FEATURES:
            raise ValueError(unknown("features", name, FEATURES))
        self.name = name
        self._distance: Distance | None = None if name == "proxies" else Hamming() if name == "decisions" else Paths()
        self._proxies = ProxyColumns() if name.endswith("proxies") else None
        self._columns: Mapping[Hashable, int] = {}

    def anew(self) -> Self:
        """Such features that have learned nothing; what was computed of single genomes is kept."""
        made = type(self)(self.name)
        made._proxies = None if self._proxies is None else self._proxies.anew()
        return made

    def learn(self, genomes: Sequence[Genome]) -> Matrix:
        """The rows of observed genomes, whose features are those that are known from now on: float64 [genomes, features].

        Raises:
            ValueError: an encoding without such features.
        """
        found = [self._of(genome) for genome in genomes]
        self._columns = {feature: column for column, feature in enumerate(sorted({one for each in found for one in each}))}
        rows = self._rows(found)
        return rows if self._proxies is None else np.hstack([rows, self._proxies.learn(genomes)])

    def rows(self, genomes: Sequence[Genome]) -> Matrix:
        """The rows of any genomes: float64 [genomes, features]. What no observed one has, says nothing.

        Raises:
            ValueError: an encoding without such features.
        """
        rows = self._rows([self._of(genome) for genome in genomes])
        return rows if self._proxies is None else np.hstack([rows, self._proxies.rows(genomes)])

    def _of(self, genome: Genome) -> frozenset[Any]:
        if self._distance is None:
            return frozenset()
        if isinstance(self._distance, Paths):
            return self._distance.features(genome)
        asked, given = answers(self._distance, genome)
        return frozenset([(about, options[answer]) for (about, options), answer in zip(asked, given, strict=True)])

    def _rows(self, found: Sequence[frozenset[Any]]) -> Matrix:
        rows = np.zeros((len(found), len(self._columns)))
        for row, each in enumerate(found):
            rows[row, [self._columns[one] for one in each if one in self._columns]] = 1
        return rows
