"""Reading genes from outside: every array is checked before a kernel sees it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from genomes.base import shown
from genomes.neat.functions import CUSTOM
from genomes.neat.genes import Connections, Nodes

if TYPE_CHECKING:
    from genomes.neat.space import NeatSpace

_LARGEST_MARKING = 2**63 - 1
MOST_GENES = 1_000_000


def read(space: NeatSpace, genes: Any) -> tuple[Nodes, Connections]:
    """The genes that JSON describes, validated.

    Raises:
        ValueError: the sentence says which gene is wrong and why.
    """
    if not isinstance(genes, Mapping) or set(genes) != {"nodes", "connections"}:
        raise ValueError(f"NEAT genes are an object with 'nodes' and 'connections', got {shown(genes)}")
    for name in ("nodes", "connections"):
        if not isinstance(genes[name], (list, tuple)):
            raise ValueError(f"{name} must be a list of genes, got {shown(genes[name])}")
        if len(genes[name]) > MOST_GENES:
            raise ValueError(f"a genome has at most {MOST_GENES:,} {name}, got {len(genes[name]):,}")
    nodes = _read_nodes(space, genes["nodes"])
    connections = _read_connections(genes["connections"])
    check(space, nodes, connections)
    return nodes, connections


def _read_nodes(space: NeatSpace, rows: Any) -> Nodes:
    columns: tuple[list[Any], ...] = ([], [], [], [], [])
    for index, row in enumerate(rows):
        what = f"node {index}"
        if not isinstance(row, (list, tuple)) or len(row) != 6:
            raise ValueError(f"{what} must be [marking, type, bias, response, activation, aggregation], got {shown(row)}")
        expected = type_of(space, index)
        if row[1] != expected:
            raise ValueError(f"{what} must be of type {expected!r} in a space of {_described(space)}, got {shown(row[1])}")
        columns[0].append(_marking(row[0], what))
        columns[1].append(_finite(row[2], f"the bias of {what}"))
        columns[2].append(_finite(row[3], f"the response of {what}"))
        columns[3].append(space.activation_functions.code(row[4], "activation"))
        columns[4].append(space.aggregation_functions.code(row[5], "aggregation"))
    return Nodes(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.float64),
        np.array(columns[2], np.float64),
        np.array(columns[3], np.int16),
        np.array(columns[4], np.int16),
    )


def _read_connections(rows: Any) -> Connections:
    columns: tuple[list[Any], ...] = ([], [], [], [], [])
    for index, row in enumerate(rows):
        what = f"connection {index}"
        if not isinstance(row, (list, tuple)) or len(row) != 5:
            raise ValueError(f"{what} must be [marking, source, target, weight, enabled], got {shown(row)}")
        for column in range(3):
            columns[column].append(_marking(row[column], what))
        columns[3].append(_finite(row[3], f"the weight of {what}"))
        if not isinstance(row[4], bool):
            raise ValueError(f"{what} must be enabled: true or false, got {shown(row[4])}")
        columns[4].append(row[4])
    return Connections(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int64),
        np.array(columns[3], np.float64),
        np.array(columns[4], np.bool_),
    )


def check(space: NeatSpace, nodes: Nodes, connections: Connections) -> None:
    """Whether genes (of the right dtypes) are a genome of this space.

    Raises:
        ValueError: the sentence says what is wrong.
    """
    fixed = space.fixed
    if len(nodes.marking) < fixed or not np.array_equal(nodes.marking[:fixed], np.arange(fixed)):
        raise ValueError(f"a genome of {_described(space)} starts with node genes of markings 0 to {fixed - 1}")
    if np.any(nodes.marking[fixed:] < fixed):
        raise ValueError(f"a hidden node's marking must be at least {fixed}, the number of fixed nodes")
    _sorted(nodes.marking, "node")
    _sorted(connections.marking, "connection")
    source, target = _index(nodes, connections.source, "source"), _index(nodes, connections.target, "target")
    if np.any(target < space.sensors):
        wrong = int(np.flatnonzero(target < space.sensors)[0])
        raise ValueError(
            f"connection {wrong} leads into node {int(target[wrong])}, an input: inputs have no incoming connections"
        )
    edges = source * len(nodes.marking) + target
    if len(np.unique(edges)) < len(edges):
        raise ValueError("two connections have the same source and target: a genome holds each connection once")
    for name, array in (("weight", connections.weight), ("bias", nodes.bias), ("response", nodes.response)):
        if not np.all(np.isfinite(array)):
            raise ValueError(f"every {name} must be a finite number, found {array[~np.isfinite(array)][0]}")
    for name, codes, functions in (
        ("activation", nodes.activation, space.activation_functions),
        ("aggregation", nodes.aggregation, space.aggregation_functions),
    ):
        for code in np.unique(codes):
            if int(code) not in functions.names:
                raise ValueError(f"unknown {name} code {int(code)}: this space has {len(functions.names)} {name}s")
    if space.dynamics == "spiking" and np.any(nodes.activation[space.sensors :] < CUSTOM):
        raise ValueError("every node of a spiking genome but the inputs must be a kind of neuron, such as 'regular_spiking'")
    if not space.recurrent:
        from genomes.neat.kernels.structure import has_cycle

        if has_cycle(source, target, len(nodes.marking)):
            raise ValueError("the connections form a cycle; a feed-forward genome has none (recurrent=True allows them)")


def type_of(space: NeatSpace, index: int) -> str:
    """What a node is, by its index in a genome."""
    if index < space.inputs:
        return "input"
    if index < space.sensors:
        return "bias"
    return "output" if index < space.fixed else "hidden"


def _described(space: NeatSpace) -> str:
    bias = ", a bias node" if space.bias == "input" else ""
    return f"{space.inputs} inputs{bias} and {space.outputs} outputs"


def _sorted(markings: np.ndarray[Any, np.dtype[np.int64]], what: str) -> None:
    steps = np.diff(markings)
    if np.any(steps == 0):
        raise ValueError(f"{what} marking {int(markings[1:][steps == 0][0])} occurs twice: markings are unique in a genome")
    if np.any(steps < 0):
        raise ValueError(f"{what} genes must be sorted by marking")


def _index(nodes: Nodes, wanted: np.ndarray[Any, np.dtype[np.int64]], end: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    index = np.minimum(np.searchsorted(nodes.marking, wanted), len(nodes.marking) - 1)
    missing = np.flatnonzero(nodes.marking[index] != wanted)
    if len(missing):
        raise ValueError(f"connection {int(missing[0])} has {end} {int(wanted[missing[0]])}, which is no node of the genome")
    return index.astype(np.int64)


def _marking(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LARGEST_MARKING:
        raise ValueError(f"a marking in {what} must be a whole number from 0 to 2**63 - 1, got {shown(value)}")
    return value


def _finite(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{what} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{what} must be a finite number, got {shown(value)}")
    return number
