"""Genomes as rows of numbers, for models that take vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from genomes.base import Genome, unknown
from genomes.distances import Distance, Hamming, Paths
from genomes.distances.base import Matrix
from genomes.distances.hamming import answers
from neuroevo.predictors.proxies import ProxyColumns

FEATURES = ("paths", "decisions", "blocks", "proxies", "paths_proxies")

Word = tuple[str, str]  # what was asked, the same in every part of a network, and the option


class Features:
    """What is known of genomes as numbers: 1 where a genome has a feature that some observed one has and 0 elsewhere; and zero-cost proxies
    of its untrained network, standardised over the observed ones.

    Args:
        name: "paths" (`genomes.distances.Paths`), "decisions" (each option of each question), "blocks" (the share in which each option of a
            kind of question was chosen: what an average over a cell's blocks tells; Liu et al. 2018, section 3.3), "proxies" (`ProxyColumns`),
            or "paths_proxies".

    Raises:
        ValueError: another name.
    """

    def __init__(self, name: str) -> None:
        if name not in FEATURES:
            raise ValueError(unknown("features", name, FEATURES))
        self.name = name
        self._distance: Distance | None = None if name in ("proxies", "blocks") else Hamming() if name == "decisions" else Paths()
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

    def _of(self, genome: Genome) -> Mapping[Any, float]:
        if self.name == "blocks":
            read = said(genome, self)
            asked = Counter(kind for kind, _ in read)
            return {word: count / asked[word[0]] for word, count in Counter(read).items()}
        if self._distance is None:
            return {}
        if isinstance(self._distance, Paths):
            return dict.fromkeys(self._distance.features(genome), 1.0)
        questions, given = answers(self._distance, genome)
        return {(about, options[answer]): 1.0 for (about, options), answer in zip(questions, given, strict=True)}

    def _rows(self, found: Sequence[Mapping[Any, float]]) -> Matrix:
        rows = np.zeros((len(found), len(self._columns)))
        for row, each in enumerate(found):
            for feature, value in each.items():
                if feature in self._columns:
                    rows[row, self._columns[feature]] = value
        return rows


def said(genome: Genome, asker: object) -> list[Word]:
    """A genome's decisions as words, in order.

    Args:
        asker: named in the error.

    Raises:
        ValueError: its encoding is not described by decisions.
    """
    space = genome.space
    if not space.sequential:
        raise ValueError(
            f"{type(asker).__name__} is for encodings with decisions (CellSpace, DagSpace and others that are `sequential`), got a "
            f"{type(genome).__name__}; Ensemble('paths') serves every encoding"
        )
    given = tuple(space.decisions(genome))
    words = []
    for place, answer in enumerate(given):
        question = space.question(given[:place])
        if question is not None:
            words.append((question.kind, question.options[answer]))
    return words
