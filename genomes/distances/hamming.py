"""Hamming distance of decision vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from genomes.base import Genome, shown
from genomes.distances.base import Distance, Matrix, refuse_encoding


class Answers(NamedTuple):
    """A genome's decisions, and what was asked: of each question what it is about and its options."""

    asked: tuple[tuple[str, tuple[str, ...]], ...]
    given: tuple[int, ...]


@dataclass(frozen=True)
class Hamming(Distance):
    """In how many decisions two genomes differ (`Space.decisions`), where both answer the same questions.

    >>> from genomes import CellSpace
    >>> space = CellSpace()
    >>> Hamming().between(space.build([1, 2, 3, 4, 0, 0]), space.build([1, 2, 3, 4, 1, 1]))
    2.0
    """

    several_spaces = False
    metric = True

    def prepare(self, genome: Genome) -> Answers:
        return answers(self, genome)

    def compare(self, first: Sequence[Answers], second: Sequence[Answers]) -> Matrix:
        everybody = [*first, *second]
        if not first or not second:
            return np.zeros((len(first), len(second)))
        same_questions(everybody)
        one, other = [np.array([each.given for each in side], dtype=np.int64) for side in (first, second)]
        found = np.zeros((len(first), len(second)))
        for place in range(one.shape[1]):
            found += one[:, place, None] != other[None, :, place]
        return found


def answers(distance: Distance, genome: Genome) -> Answers:
    """A genome's decisions with their questions.

    Raises:
        ValueError: its encoding has none.
    """
    space = genome.space
    if not space.sequential:
        raise refuse_encoding(distance, genome, "encodings with decisions (CellSpace, DagSpace and others that are `sequential`)")
    given = tuple(space.decisions(genome))
    asked = []
    for place in range(len(given)):
        question = space.question(given[:place])
        asked.append(("", ()) if question is None else (question.about, question.options))
    return Answers(tuple(asked), given)


def same_questions(everybody: Sequence[Answers]) -> None:
    """Refuse genomes that answer different questions.

    Raises:
        ValueError: they do; the sentence names one.
    """
    like = everybody[0].asked
    for each in everybody:
        if each.asked is like or each.asked == like:
            continue
        pairs = zip(each.asked, like, strict=False)
        odd = next((pair for pair in pairs if pair[0] != pair[1]), None)
        what = f"{len(each.asked)} and {len(like)} of them" if odd is None else f"{shown(odd[0])} in place of {shown(odd[1])}"
        raise ValueError(
            "Hamming compares decisions that answer the same questions, and what these genomes were asked depends on the answers before "
            f"({what}); use Edit or WeisfeilerLehman"
        )
