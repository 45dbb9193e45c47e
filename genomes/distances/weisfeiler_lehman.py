"""Weisfeiler-Lehman features: how often each neighbourhood occurs in a genome's graph (Shervashidze et al. 2011)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from genomes.base import Genome
from genomes.distances.base import Distance, Matrix, whole
from genomes.distances.graphs import labelled

Counts = Mapping[int, int]  # of each feature, by its label, how often it occurs


class _Prepared(NamedTuple):
    counts: Counts
    square: int


@dataclass(frozen=True)
class WeisfeilerLehman(Distance):
    """How different the neighbourhoods in two graphs are (Shervashidze et al. 2011; for architectures: Ru et al. 2021).

    Every vertex of `Genome.graph()` begins with a label; in each iteration it takes a new one, made of its own, of those that it takes its
    input from and of those that take its output. The features of a genome are how often each label of each iteration occurs. Where vertices
    have a `kind` and more that describes them (filters of a layer, the activation of a node, the weights of its connections by sign and size),
    this is done twice: with the kinds alone, and with everything, so that two networks of other widths still have something in common.

    The kernel is the cosine of two genomes' counts, positive semi-definite by construction, and serves every encoding. The distance is that
    of the counts brought to length 1, sqrt(2 - 2 cosine), from 0 to sqrt(2).

    Args:
        iterations: how far a neighbourhood reaches, >= 0.

    >>> from genomes import CellSpace
    >>> space = CellSpace()
    >>> distance = WeisfeilerLehman()
    >>> one, alike, other = [space.build(answers) for answers in ([3] * 6, [3, 3, 3, 3, 3, 2], [4] * 6)]
    >>> distance.between(one, one), distance.between(one, alike) < distance.between(one, other)
    (0.0, True)
    """

    metric = True
    iterations: int = 2

    def __post_init__(self) -> None:
        whole("iterations", self.iterations, 0)

    def features(self, genome: Genome) -> Counts:
        """How often each label of each iteration occurs, by the label: a whole number that is the same in every process."""
        graph = labelled(genome)
        found: Counter[int] = Counter()
        weighted = any(any(words) for words in graph.words_before)
        for labels in (graph.coarse, graph.fine) if weighted else dict.fromkeys((graph.coarse, graph.fine)):
            current = [_number(label.encode()) for label in labels]
            found.update(current)
            whole = labels is graph.fine
            for _ in range(self.iterations):
                current = [
                    _number(f"{own} {_around(current, *before, whole)} {_around(current, *after, whole)}".encode())
                    for own, before, after in zip(
                        current,
                        zip(graph.before, graph.words_before, strict=True),
                        zip(graph.after, graph.words_after, strict=True),
                        strict=True,
                    )
                ]
                found.update(current)
        return dict(found)

    def kernel(self, genomes: Sequence[Genome], others: Sequence[Genome] | None = None) -> Matrix:
        """The cosine of the counts of each two genomes: float64 [genomes, others], from 0 to 1, positive semi-definite."""
        first = self._prepared(genomes)
        return _cosine(first, first if others is None else self._prepared(others))

    def prepare(self, genome: Genome) -> _Prepared:
        counts = self.features(genome)
        return _Prepared(counts, sum([count * count for count in counts.values()]))

    def compare(self, first: Sequence[_Prepared], second: Sequence[_Prepared]) -> Matrix:
        found: Matrix = np.sqrt(np.maximum(2 - 2 * _cosine(first, second), 0))
        return found


def _around(labels: Sequence[int], places: Sequence[int], words: Sequence[str], whole: bool) -> list[tuple[int, str]]:
    """The labels of the neighbours at these places, with what their edges are if the whole is wanted."""
    return sorted([(labels[place], word if whole else "") for place, word in zip(places, words, strict=True)])


def _cosine(first: Sequence[_Prepared], second: Sequence[_Prepared]) -> Matrix:
    columns: dict[int, int] = {}
    for each in first:
        for label in each.counts:
            columns.setdefault(label, len(columns))
    # sums of whole numbers are exact, so that neither their order nor the company of a pair matters
    products = _dense(first, columns) @ _dense(second, columns).T
    squares = [np.array([each.square for each in side], dtype=np.float64) for side in (first, second)]
    lengths = np.sqrt(squares[0][:, None] * squares[1][None, :])
    found: Matrix = np.divide(products, lengths, out=np.ones_like(products), where=lengths > 0)
    return found


def _dense(side: Sequence[_Prepared], columns: Mapping[int, int]) -> Matrix:
    found = np.zeros((len(side), len(columns)))
    for row, each in enumerate(side):
        for label, count in each.counts.items():
            if label in columns:
                found[row, columns[label]] = count
    return found


def _number(data: bytes) -> int:
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")
