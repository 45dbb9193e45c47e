"""Distances between genomes, each measured once however often the observations grow."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Space
from genomes.distances.base import Distance

Matrix = npt.NDArray[np.float64]


class Distances:
    """What is known of the distances among observed genomes.

    A pair is measured from the genome whose genes come first as text. So what is found depends on the genomes alone, not on their order or
    on what was known before, although the two directions of a distance may differ in their last bits.

    Args:
        measure: the distance; None: the genomes' own.
    """

    def __init__(self, measure: Distance | None = None) -> None:
        self.measure = measure
        self._space: Space | None = None
        self._positions: dict[str, int] = {}  # by the genes as text, a row of the matrix
        self._matrix: Matrix = np.empty((0, 0))

    def among(self, genomes: Sequence[Genome], texts: Sequence[str]) -> Matrix:
        """The distances of different genomes: float64 [genomes, genomes]. They, and no others, are known from now on.

        Args:
            genomes: no two equal, in the order of their texts.
            texts: as `neuroevo.predictors.base.texts` gives them: of genomes of several spaces with these.

        Raises:
            ValueError: a distance that is not defined.
        """
        shared = genomes[0].space
        space = shared if all(genome.space is shared or genome.space == shared for genome in genomes) else None
        if space != self._space:
            self._positions, self._matrix = {}, np.empty((0, 0))
        known = [(row, self._positions[name]) for row, name in enumerate(texts) if name in self._positions]
        rows, before = [row for row, _ in known], [position for _, position in known]
        matrix = np.zeros((len(genomes), len(genomes)))
        matrix[np.ix_(rows, rows)] = self._matrix[np.ix_(before, before)]
        new = sorted(set(range(len(genomes))) - set(rows))
        missing = set(new)
        if self.measure is not None and new:
            block = distances_to([genomes[row] for row in new], genomes, self.measure)
            matrix[new], matrix[:, new] = block, block.T
        for row in new if self.measure is None else ():
            for other in range(len(genomes)):
                if other > row or (other < row and other not in missing):
                    first, second = min(row, other), max(row, other)
                    matrix[first, second] = matrix[second, first] = distance(genomes[first], genomes[second])
        self._space, self._positions, self._matrix = space, {name: row for row, name in enumerate(texts)}, matrix
        return matrix


def distances_to(genomes: Sequence[Genome], others: Sequence[Genome], measure: Distance | None = None) -> Matrix:
    """The distances from each of some genomes to each of others: float64 [genomes, others].

    Args:
        genomes, others: of one space.
        measure: the distance; None: the genomes' own.

    Raises:
        ValueError: a distance that is not defined.
    """
    if measure is not None:
        measured = measure.matrix(genomes, others)
        if not (np.isfinite(measured) & (measured >= 0)).all():
            raise ValueError(f"a distance is a finite number >= 0, {type(measure).__name__} gave others")
        return measured
    found = [distance(genome, other) for genome in genomes for other in others]
    return np.array(found).reshape(len(genomes), len(others))


def distance(first: Genome, second: Genome) -> float:
    """The distance of two genomes.

    Raises:
        ValueError: it is not defined, not finite, or negative.
    """
    try:
        found = float(first.distance(second))
    except NotImplementedError as error:
        raise ValueError(f"{type(first).__name__} has no distance, so its neighbours are not known: {error}") from error
    if not 0 <= found < math.inf:
        raise ValueError(f"a distance is a finite number >= 0, that of two {type(first).__name__} is {found}")
    return found
