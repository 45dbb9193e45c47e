"""The canonical form of a cell: equal for cells that compute the same.

A cell is first reduced to *units*, the edges that compute something and reach the output, and to what each unit reads: a multiset of
the cell's input and other units, because a node is a sum, "none" adds nothing and "skip" adds the summands of its source. An operation
of nothing counts as nothing. What remains is a small labelled graph, whose canonical order is found by colour refinement with branching
on ties (McKay & Piperno 2014, section 2). Two convolutions of the same input have weights of their own, so a value used twice differs
from two copies of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from genomes.cell.vocabulary import NONE, SKIP, Edge

INPUT = -1
Summands = tuple[int, ...]  # sorted: INPUT or the position of a unit, with repetition
Unit = tuple[str, Summands]
Encoding = tuple[tuple[Unit, ...], Summands]


def canonical_key(edges: Sequence[Edge], weightless: Collection[str]) -> str:
    """A string that is equal for isomorphic cells.

    Args:
        edges: the cell's edges; node 0 is the input and the highest node the output.
        weightless: the operations without weights; two of them that read the same are one.
    """
    units, output = live_units(edges, weightless)
    encoded, summands = _smallest(units, output, [0] * len(units))
    body = " ".join(f"{operation}({_sum(sources)})" for operation, sources in encoded)
    return f"{body} -> {_sum(summands)}" if body else f"-> {_sum(summands)}"


def live_units(edges: Sequence[Edge], weightless: Collection[str]) -> tuple[list[Unit], Summands]:
    """The units of a cell in topological order, and the summands of its output."""
    last = max(edge.target for edge in edges)
    nodes: list[Summands] = [(INPUT,)]
    units: list[Unit] = []
    for node in range(1, last + 1):
        summands: list[int] = []
        for edge in edges:
            if edge.target != node or edge.operation == NONE or not nodes[edge.source]:
                continue
            if edge.operation == SKIP:
                summands.extend(nodes[edge.source])
                continue
            unit = (edge.operation, nodes[edge.source])
            if edge.operation in weightless and unit in units:
                summands.append(units.index(unit))
            else:
                summands.append(len(units))
                units.append(unit)
        nodes.append(tuple(sorted(summands)))
    return _reaching(units, nodes[last])


def _reaching(units: list[Unit], output: Summands) -> tuple[list[Unit], Summands]:
    """Only the units that the output depends on."""
    live = set(output)
    for position in range(len(units) - 1, -1, -1):
        if position in live:
            live.update(units[position][1])
    kept = [position for position in range(len(units)) if position in live]
    place = {INPUT: INPUT, **{position: index for index, position in enumerate(kept)}}
    renamed = [(operation, tuple(place[s] for s in sources)) for operation, sources in (units[position] for position in kept)]
    return renamed, tuple(place[s] for s in output)


def _smallest(units: list[Unit], output: Summands, colours: list[int]) -> Encoding:
    """The smallest encoding over all orders of the units that the colours allow."""
    colours = _refined(units, output, colours)
    tied = _tied(colours)
    if not tied:
        return _encoded(units, output, colours)
    branches: dict[Encoding, Encoding] = {}
    for position in tied:
        individualised = _individualised(colours, position)
        leaf = _first_leaf(units, output, individualised)
        # Equal leaves mean that an automorphism maps one branch onto the other, so the second has nothing new.
        if leaf not in branches:
            branches[leaf] = _smallest(units, output, individualised)
    return min(branches.values())


def _first_leaf(units: list[Unit], output: Summands, colours: list[int]) -> Encoding:
    """The encoding that always choosing the first of the tied units leads to."""
    colours = _refined(units, output, colours)
    while tied := _tied(colours):
        colours = _refined(units, output, _individualised(colours, tied[0]))
    return _encoded(units, output, colours)


def _tied(colours: list[int]) -> list[int]:
    """The positions that share the lowest colour that several have."""
    lowest = min((colour for colour in colours if colours.count(colour) > 1), default=None)
    return [position for position, colour in enumerate(colours) if colour == lowest]


def _individualised(colours: list[int], position: int) -> list[int]:
    """The colours with one position set before the others of its colour."""
    apart = [2 * colour + 1 for colour in colours]
    apart[position] -= 1
    return apart


def _encoded(units: list[Unit], output: Summands, colours: list[int]) -> Encoding:
    place = {INPUT: INPUT, **dict(enumerate(colours))}
    order = sorted(range(len(units)), key=lambda position: colours[position])
    encoded = tuple([(units[p][0], tuple(sorted([place[s] for s in units[p][1]]))) for p in order])
    return encoded, tuple(sorted([place[s] for s in output]))


def _refined(units: list[Unit], output: Summands, colours: list[int]) -> list[int]:
    """Colours 0, 1, ... by operation, sources and consumers, until they no longer split; they respect the given order."""
    while True:
        seen = {INPUT: -1, **dict(enumerate(colours))}
        signatures = [
            (
                colours[position],
                operation,
                tuple(sorted(seen[s] for s in sources)),
                output.count(position),
                tuple(sorted(colours[p] for p, (_, others) in enumerate(units) for s in others if s == position)),
            )
            for position, (operation, sources) in enumerate(units)
        ]
        ranks = {signature: rank for rank, signature in enumerate(sorted(set(signatures)))}
        refined = [ranks[signature] for signature in signatures]
        if len(ranks) == len(set(colours)):
            return refined
        colours = refined


def _sum(summands: Summands) -> str:
    return "+".join("x" if summand == INPUT else str(summand) for summand in summands) or "0"
