"""Merging cells: how a pyramid's maps are made of each other (Ghiasi, Lin & Le 2019, NAS-FPN, section 3.2).

The *candidates* of a pyramid are its input maps, one a level and the finest first, and then its cells, in order. A cell takes two different
candidates before it, brings both to its level, merges them, and puts ReLU, a 3x3 convolution and BatchNorm behind. The last cells, as many as there
are levels, are the pyramid's outputs, one a level in any order; those before are inner ones. Inputs and inner cells that no cell takes are
added to what the output of their level merges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genomes.cell.canonical import Unit, Value, Values, smallest_encoding

SUM, ATTENTION = "sum", "attention"
OPERATIONS = (SUM, ATTENTION)


class Merge(NamedTuple):
    """A merging cell.

    Attributes:
        first, second: the candidates that it takes.
        level: of its map; a level's maps have a cell for every 2**level pixels of the image's height and width.
        operation: "sum", or "attention": a + b * sigmoid(maximum of a over all positions), a the coarser of the two, of equally coarse ones
            the first.
    """

    first: int
    second: int
    level: int
    operation: str


Wiring = tuple[Merge, ...]

# Section 4.2 and figure 6, and the authors' code, for the levels 3 to 7.
NAS_FPN: Wiring = (
    Merge(1, 3, 4, ATTENTION),
    Merge(1, 5, 4, SUM),
    Merge(0, 6, 3, SUM),
    Merge(6, 7, 4, SUM),
    Merge(7, 8, 5, ATTENTION),
    Merge(7, 9, 7, ATTENTION),
    Merge(9, 10, 6, ATTENTION),
)
_PUBLISHED = (3, 4, 5, 6, 7)


def nas_fpn(levels: Sequence[int]) -> Wiring:
    """The published wiring for these levels: itself for five. For fewer, the coarsest level that there is stands for all that are not there, and
    of the outputs that so have one level the first is kept.

    Raises:
        ValueError: there are not 3 to 5 levels.
    """
    count = len(levels)
    if not 3 <= count <= len(_PUBLISHED):
        raise ValueError(f"NAS-FPN's wiring is for 3 to {len(_PUBLISHED)} levels, got {count}")
    place = {candidate: min(candidate, count - 1) for candidate in range(len(_PUBLISHED))}
    found: list[Merge] = []
    made: set[int] = set()
    for index, merge in enumerate(NAS_FPN, len(_PUBLISHED)):
        level = levels[min(_PUBLISHED.index(merge.level), count - 1)]
        if index >= 2 + len(_PUBLISHED) and level in made:
            continue
        if index >= 2 + len(_PUBLISHED):
            made.add(level)
        place[index] = count + len(found)
        found.append(Merge(place[merge.first], place[merge.second], level, merge.operation))
    return tuple(found)


def candidate_levels(wiring: Wiring, levels: Sequence[int]) -> tuple[int, ...]:
    """The level of every candidate."""
    return (*levels, *[merge.level for merge in wiring])


def is_output(index: int, wiring: Wiring, levels: Sequence[int]) -> bool:
    """Whether the cell at an index is an output."""
    return index >= len(wiring) - len(levels)


def coarser_first(merge: Merge, level_of: Sequence[int]) -> tuple[int, int]:
    """The candidates that a cell takes, the coarser one first."""
    first, second = merge.first, merge.second
    return (first, second) if level_of[first] >= level_of[second] else (second, first)


def unused(wiring: Wiring, levels: Sequence[int]) -> Mapping[int, tuple[int, ...]]:
    """By level, the inputs and inner cells that no cell takes."""
    taken = {candidate for merge in wiring for candidate in (merge.first, merge.second)}
    found: dict[int, list[int]] = defaultdict(list)
    for candidate, level in enumerate(candidate_levels(wiring, levels)[: len(wiring)]):
        if candidate not in taken:
            found[level].append(candidate)
    return {level: tuple(candidates) for level, candidates in found.items()}


def canonical_wiring(wiring: Wiring, levels: Sequence[int]) -> str:
    """A text that is equal for wirings that compute the same: whatever the order of the cells and of a sum's inputs.

    A cell is written as a unit of `genomes.cell.canonical`, whose values have no order: which input the attention comes from is said by how
    often a summand occurs, once for a, twice for b, three times for what is added behind.
    """
    count, level_of, left = len(levels), candidate_levels(wiring, levels), unused(wiring, levels)

    def named(candidates: Sequence[int], times: int = 1) -> Value:
        return tuple(sorted([c - count if c >= count else -1 - c for c in candidates] * times))

    units: list[Unit] = []
    for index, merge in enumerate(wiring):
        output = is_output(index, wiring, levels)
        added = left.get(merge.level, ()) if output else ()
        a, b = coarser_first(merge, level_of)
        values: Values = (named((a, b, *added)),)
        if merge.operation == ATTENTION:
            values = tuple(sorted([named((a,)), named((b,), 2), *([named(added, 3)] if added else [])]))
        units.append((f"{merge.operation} {merge.level}{'!' if output else ''}", values))
    ends: Values = tuple([(index,) for index in range(len(wiring)) if is_output(index, wiring, levels)])
    encoded, joined = smallest_encoding(units, ends)
    body = " ".join(f"{name}({_text(values)})" for name, values in encoded)
    return f"{body} -> {_text(joined)}"


def _text(values: Values) -> str:
    return ", ".join("+".join(str(summand) if summand >= 0 else f"p{-1 - summand}" for summand in value) for value in values)
