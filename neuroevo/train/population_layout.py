"""The layout of a population of different topologies as tensors: nodes of equal depth of all genomes are computed together.

A node's depth is the length of the longest way that leads to it. The values of all nodes lie in one tensor [rows, samples]: row 0 holds
zeros, then come the inputs and the constant of the bias node, which all genomes share, then the nodes of depth 1, of depth 2, and so on.
A level lists its edges, node by node. Nodes that no output depends on are left out, and so are disabled connections.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.neat.functions import CUSTOM
from genomes.neat.genes import Pool
from genomes.neat.genome import NeatGenome
from genomes.neat.space import NeatSpace

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """What is fixed when a population's forward pass is compiled.

    Args:
        inputs, outputs: sizes.
        levels: how many levels the tables have: an even number, the last one may be empty, so that fewer layouts are compiled.
        activations, aggregations: names of those in use or, where they mutate, of all that the space allows; nodes hold positions in these.
        bias_value: what the bias node holds.
    """

    inputs: int
    outputs: int
    levels: int
    activations: tuple[str, ...]
    aggregations: tuple[str, ...]
    bias_value: float


@dataclass(frozen=True)
class Level:
    """The nodes of one depth.

    Args:
        sources: int32 [edges], the row that each edge reads; 0 for padding.
        targets: int32 [edges], the node that it leads to, counted inside the level; in order.
        genes: int64 [edges], its connection gene in the pool; -1 for padding.
        nodes: int64 [nodes], the node gene of each node in the pool; -1 for padding.
        slots: int32 [nodes, most edges], the edges of each node; the number of edges where it has fewer.
        count: int32 [nodes], edges of each node.
        response: float64 [nodes].
        activation, aggregation: int32 [nodes], positions in the layout's names.
    """

    sources: npt.NDArray[np.int32]
    targets: npt.NDArray[np.int32]
    genes: Ints
    nodes: Ints
    slots: npt.NDArray[np.int32]
    count: npt.NDArray[np.int32]
    response: npt.NDArray[np.float64]
    activation: npt.NDArray[np.int32]
    aggregation: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Arrangement:
    """A population (or a chunk of one) as tables.

    Args:
        layout: what is fixed.
        levels: the tables, by depth.
        outputs: int32 [members * outputs], the rows of the outputs.
    """

    layout: Layout
    levels: tuple[Level, ...]
    outputs: npt.NDArray[np.int32]

    @property
    def genes(self) -> Ints:
        """The connection gene of every weight, level after level: int64 [weights]; -1 for padding."""
        return np.concatenate([level.genes for level in self.levels])

    @property
    def nodes(self) -> Ints:
        """The node gene of every bias, level after level: int64 [biases]; -1 for padding."""
        return np.concatenate([level.nodes for level in self.levels])


def unsuited(space: NeatSpace) -> str:
    """Why networks of this space cannot be trained by gradient, or ""."""
    if space.genome_type.network is not NeatGenome.network:
        return f"genomes of the encoding {space.encoding!r} describe other networks than their own genes: only NEAT's genomes can be trained"
    if space.recurrent:
        return "recurrent networks keep a state from call to call: only feed-forward ones (recurrent=False) can be trained by gradient"
    return ""


def arrange(space: NeatSpace, pool: Pool, begin: int, end: int, *, padded: bool = False) -> Arrangement:
    """Members `begin` to `end` of a pool as tables.

    Args:
        padded: round the sizes of tables up, so that like populations have tables of the same shape (for compilers that want fixed
            shapes).

    Raises:
        ValueError: a space whose networks cannot be trained by gradient, or a node with a formula of the user's.
    """
    reason = unsuited(space)
    if reason:
        raise ValueError(reason)
    node_gene = _rows(pool.node_start[begin:end], pool.node_count[begin:end])
    node_member = np.repeat(np.arange(end - begin), pool.node_count[begin:end])
    first = np.cumsum(pool.node_count[begin:end]) - pool.node_count[begin:end]
    node_index = np.arange(len(node_gene)) - first[node_member]
    edge_gene = _rows(pool.connection_start[begin:end], pool.connection_count[begin:end])
    edge_member = np.repeat(np.arange(end - begin), pool.connection_count[begin:end])
    enabled = pool.connections.enabled[edge_gene]
    edge_gene, edge_member = edge_gene[enabled], edge_member[enabled]
    find = _finder(pool.nodes.marking[node_gene], node_member)
    source, target = find(pool.connections.source[edge_gene], edge_member), find(pool.connections.target[edge_gene], edge_member)

    output = (node_index >= space.sensors) & (node_index < space.fixed)
    needed = _needed(output, source, target)
    kept = needed[target]
    edge_gene, source, target = edge_gene[kept], source[kept], target[kept]
    depth = _depth(node_index < space.sensors, source, target)
    depth[~needed & (node_index >= space.sensors)] = -1
    rates, used = space.rates, depth > 0
    activations, activation = _names(
        space.activation_functions.names,
        pool.nodes.activation[node_gene],
        used,
        rates.activations[: _all(rates.activation)],
        "activation",
    )
    aggregations, aggregation = _names(
        space.aggregation_functions.names,
        pool.nodes.aggregation[node_gene],
        used,
        rates.aggregations[: _all(rates.aggregation)],
        "aggregation",
    )

    # Inputs are shared: row 1 + index. Nodes of a level follow each other in the order of their genes.
    row = np.zeros(len(node_gene), np.int64)
    sensor = node_index < space.sensors
    row[sensor] = 1 + node_index[sensor]
    order = np.argsort(target, kind="stable")
    edge_gene, source, target = edge_gene[order], source[order], target[order]
    count = np.bincount(target, minlength=len(node_gene))
    edge_start = np.cumsum(count) - count
    slot = np.arange(len(target)) - edge_start[target]
    next_row, levels = space.inputs + 2, []
    deepest = int(depth.max(initial=1))
    for number in range(1, deepest + deepest % 2 + 1):
        here = np.flatnonzero(depth == number)
        width, most = len(here), int(count[here].max(initial=1))
        place = np.full(len(node_gene), -1)
        place[here] = np.arange(width)
        mine = np.flatnonzero(place[target] >= 0)
        rows, edges = width, len(mine)
        if padded:
            rows, edges, most = _rounded(width, 8), _rounded(edges, 8), 1 << (most - 1).bit_length()
        slots = np.full((rows, most), edges, np.int32)
        slots[place[target[mine]], slot[mine]] = np.arange(len(mine))
        row[here] = next_row + np.arange(width)
        next_row += rows
        levels.append(
            Level(
                _filled(row[source[mine]], edges, 0, np.int32),
                _filled(place[target[mine]], edges, max(rows - 1, 0), np.int32),
                _filled(edge_gene[mine], edges, -1, np.int64),
                _filled(node_gene[here], rows, -1, np.int64),
                slots,
                _filled(count[here], rows, 0, np.int32),
                _filled(pool.nodes.response[node_gene[here]], rows, 0.0, np.float64),
                _filled(activation[here], rows, 0, np.int32),
                _filled(aggregation[here], rows, 0, np.int32),
            )
        )
    layout = Layout(space.inputs, space.outputs, len(levels), activations, aggregations, float(space.bias_value))
    return Arrangement(layout, tuple(levels), row[output].astype(np.int32))


def _rows(start: Ints, count: Ints) -> Ints:
    """Positions in the pool of the genes of consecutive members."""
    before = np.cumsum(count) - count
    rows: Ints = np.repeat(start - before, count) + np.arange(int(count.sum()))
    return rows


def _finder(marking: Ints, member: Ints) -> Callable[[Ints, Ints], Ints]:
    """A function that finds nodes by marking and member, among nodes that are sorted by both."""
    markings = np.unique(marking)
    keys = member * len(markings) + np.searchsorted(markings, marking)

    def find(wanted: Ints, of: Ints) -> Ints:
        found: Ints = np.searchsorted(keys, of * len(markings) + np.searchsorted(markings, wanted))
        return found

    return find


def _needed(output: npt.NDArray[np.bool_], source: Ints, target: Ints) -> npt.NDArray[np.bool_]:
    """Which nodes an output depends on."""
    needed = output.copy()
    while True:
        before = int(needed.sum())
        needed[source[needed[target]]] = True
        if int(needed.sum()) == before:
            return needed


def _depth(sensor: npt.NDArray[np.bool_], source: Ints, target: Ints) -> Ints:
    """The length of the longest way to each node; 1 for nodes that nothing leads to, 0 for sensors."""
    depth: Ints = np.where(sensor, 0, 1)
    while True:
        deeper = depth.copy()
        np.maximum.at(deeper, target, depth[source] + 1)
        if np.array_equal(deeper, depth):
            return depth
        depth = deeper


def _all(rate: float) -> int | None:
    """As the end of a slice: everything where the rate is not 0, else nothing."""
    return None if rate > 0 else 0


def _names(
    names: dict[int, str], codes: npt.NDArray[np.int16], used: npt.NDArray[np.bool_], allowed: npt.NDArray[np.int16], what: str
) -> tuple[tuple[str, ...], Ints]:
    """The names in use or allowed, and each node's position among them."""
    present = np.union1d(codes[used], allowed)
    custom = [names[int(code)] for code in present if code >= CUSTOM]
    if custom:
        built_in = ", ".join(name for code, name in names.items() if code < CUSTOM)
        raise ValueError(f"the {what} {custom[0]!r} is a formula, which has no counterpart in Keras (allowed: {built_in})")
    return tuple(names[int(code)] for code in present), np.searchsorted(present, codes)


def _rounded(size: int, least: int) -> int:
    """The next of a few sizes that are at most a quarter apart."""
    if size <= least:
        return least
    unit = max(1, 1 << (size.bit_length() - 3))
    return -(-size // unit) * unit


def _filled(values: npt.NDArray[Any], size: int, fill: float, dtype: type[np.generic]) -> npt.NDArray[Any]:
    result = np.full(size, fill, dtype)
    result[: len(values)] = values
    return result
