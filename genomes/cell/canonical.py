"""The canonical form of a cell: equal for cells that compute the same.

A cell is first reduced to *units*, what computes something and reaches the output, and to what each unit reads. A *value* is a multiset of
summands (the cell's inputs and units), because "none" adds nothing and "skip" adds the summands of its source. An operation reads one
value and a concatenation several, in any order: whatever reads joined channels has weights for each. An operation of nothing counts as nothing.
What remains is a small labelled graph, whose canonical order is found by colour refinement with branching on ties (McKay & Piperno 2014,
section 2). Two convolutions of the same input have weights of their own, so a value used twice differs from two copies of it.
"""

from __future__ import annotations

from collections.abc import Collection

from genomes.cell.operations import NONE, SKIP
from genomes.cell.vocabulary import CONCATENATE, Cell

Value = tuple[int, ...]  # sorted, with repetition: the position of a unit, or -1 - i for the cell's input i
Values = tuple[Value, ...]  # sorted
Unit = tuple[str, Values]
Units = tuple[list[Unit], Values]
Encoding = tuple[tuple[Unit, ...], Values]


def canonical_key(cell: Cell, weightless: Collection[str]) -> str:
    """A string that is equal for isomorphic cells.

    Args:
        cell: the cell.
        weightless: the operations without weights; two of them that read the same are one.
    """
    units, output = live_units(cell, weightless)
    encoded, joined = smallest_encoding(units, output)
    body = " ".join(f"{operation}({_text(values)})" for operation, values in encoded)
    return f"{body} -> {_text(joined)}" if body else f"-> {_text(joined)}"


def smallest_encoding(units: list[Unit], output: Values) -> Encoding:
    """The units and the output in canonical order: equal for isomorphic graphs of units.

    Args:
        units: each what it is and what it reads.
        output: what is read of them in the end.
    """
    return _smallest(units, output, [0] * len(units))


def live_units(cell: Cell, weightless: Collection[str]) -> Units:
    """The units of a cell in topological order, and the values that its output joins."""
    nodes: list[Value] = [(-1 - index,) for index in range(cell.inputs)]
    units: list[Unit] = []

    def unit(operation: str, values: Values, shared: bool) -> int:
        if shared and (operation, values) in units:
            return units.index((operation, values))
        units.append((operation, values))
        return len(units) - 1

    for node in cell.nodes:
        values: list[Value] = []
        for edge in node.edges:
            source = nodes[edge.source]
            if edge.operation == NONE or not source:
                continue
            reduces = cell.stride > 1 and edge.source < cell.inputs
            if edge.operation == SKIP and not reduces:
                values.append(source)
            else:
                free = edge.operation in weightless and edge.operation != SKIP
                values.append((unit(edge.operation, (source,), free),))
        if node.combination == CONCATENATE:
            nodes.append((unit(CONCATENATE, tuple(sorted(values)), False),))
        else:
            nodes.append(tuple(sorted([summand for value in values for summand in value])))
    return _reaching(units, tuple(sorted([nodes[index] for index in cell.output])))


def _reaching(units: list[Unit], output: Values) -> Units:
    """Only the units that the output depends on."""
    live = {summand for value in output for summand in value}
    for position in range(len(units) - 1, -1, -1):
        if position in live:
            live.update(summand for value in units[position][1] for summand in value)
    kept = [position for position in range(len(units)) if position in live]
    place = {position: index for index, position in enumerate(kept)}
    return [(units[p][0], _placed(units[p][1], place)) for p in kept], _placed(output, place)


def _placed(values: Values, place: dict[int, int]) -> Values:
    """The values with units at other positions; inputs stay."""
    return tuple(sorted([tuple(sorted([place.get(summand, summand) for summand in value])) for value in values]))


def _smallest(units: list[Unit], output: Values, colours: list[int]) -> Encoding:
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


def _first_leaf(units: list[Unit], output: Values, colours: list[int]) -> Encoding:
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


def _encoded(units: list[Unit], output: Values, colours: list[int]) -> Encoding:
    place = dict(enumerate(colours))
    order = sorted(range(len(units)), key=lambda position: colours[position])
    return tuple([(units[p][0], _placed(units[p][1], place)) for p in order]), _placed(output, place)


def _refined(units: list[Unit], output: Values, colours: list[int]) -> list[int]:
    """Colours 0, 1, ... by operation, sources and consumers, until they no longer split; they respect the given order."""
    while True:
        seen = dict(enumerate(colours))
        signatures = [
            (
                colours[position],
                operation,
                _placed(values, seen),
                tuple(sorted([_placed((value,), seen) for value in output if position in value])),
                tuple(
                    sorted(
                        [
                            (colours[p], _placed((value,), seen), value.count(position))
                            for p, (_, others) in enumerate(units)
                            for value in others
                            if position in value
                        ]
                    )
                ),
                sum([value.count(position) for value in output]),
            )
            for position, (operation, values) in enumerate(units)
        ]
        ranks = {signature: rank for rank, signature in enumerate(sorted(set(signatures)))}
        refined = [ranks[signature] for signature in signatures]
        if len(ranks) == len(set(colours)):
            return refined
        colours = refined


def _text(values: Values) -> str:
    return ", ".join("+".join(_summand(summand) for summand in value) or "0" for value in values)


def _summand(summand: int) -> str:
    return str(summand) if summand >= 0 else "x" if summand == -1 else "y"
