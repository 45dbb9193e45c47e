"""The genes of NEAT as arrays: one genome's, or a whole population's end to end.

Node genes and connection genes are sorted by historical marking. The nodes that every genome of a space has come first and have
small markings: the inputs 0, 1, ..., then the bias node (where the space has one), then the outputs; hidden nodes follow. So the
index of a fixed node is its marking, and what type a node is follows from its index.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

NODE_INNOVATION = 1  # kinds of innovation, for genomes.markings.marking
CONNECTION_INNOVATION = 2


class Nodes(NamedTuple):
    """Node genes: arrays [nodes]. A node's value is activation(bias + response * aggregation(weighted inputs))."""

    marking: npt.NDArray[np.int64]
    bias: npt.NDArray[np.float64]
    response: npt.NDArray[np.float64]
    activation: npt.NDArray[np.int16]
    aggregation: npt.NDArray[np.int16]


class Connections(NamedTuple):
    """Connection genes: arrays [connections]; `source` and `target` are markings of nodes."""

    marking: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]
    weight: npt.NDArray[np.float64]
    enabled: npt.NDArray[np.bool_]


class Pool(NamedTuple):
    """Genomes laid out in shared arrays: genome i has `node_count[i]` nodes from `node_start[i]` on, connections likewise."""

    nodes: Nodes
    connections: Connections
    node_start: npt.NDArray[np.int64]
    node_count: npt.NDArray[np.int64]
    connection_start: npt.NDArray[np.int64]
    connection_count: npt.NDArray[np.int64]


def empty_nodes(size: int) -> Nodes:
    """Room for node genes, not initialised."""
    return Nodes(np.empty(size, np.int64), np.empty(size), np.empty(size), np.empty(size, np.int16), np.empty(size, np.int16))


def empty_connections(size: int) -> Connections:
    """Room for connection genes, not initialised."""
    return Connections(
        np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size, np.int64), np.empty(size), np.empty(size, np.bool_)
    )


def starts(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each genome begins when genomes of these sizes lie end to end."""
    begins = np.zeros(len(counts), np.int64)
    np.cumsum(counts[:-1], out=begins[1:])
    return begins


def empty_pool(node_room: npt.NDArray[np.int64], connection_room: npt.NDArray[np.int64]) -> Pool:
    """Room for one genome of at most `node_room[i]` nodes and `connection_room[i]` connections each; the counts are still 0."""
    members = len(node_room)
    return Pool(
        empty_nodes(int(node_room.sum())),
        empty_connections(int(connection_room.sum())),
        starts(node_room),
        np.zeros(members, np.int64),
        starts(connection_room),
        np.zeros(members, np.int64),
    )


def pool_of(genomes: list[tuple[Nodes, Connections]], room: int = 0) -> Pool:
    """The genomes in one pool, with room for `room` further genes of each sort behind every genome."""
    node_count = np.array([len(nodes.marking) for nodes, _ in genomes], np.int64)
    connection_count = np.array([len(connections.marking) for _, connections in genomes], np.int64)
    pool = empty_pool(node_count + room, connection_count + room)
    pool.node_count[:] = node_count
    pool.connection_count[:] = connection_count
    for i, (nodes, connections) in enumerate(genomes):
        _put(pool.nodes, int(pool.node_start[i]), nodes)
        _put(pool.connections, int(pool.connection_start[i]), connections)
    return pool


def _put(into: tuple[npt.NDArray[Any], ...], start: int, genes: tuple[npt.NDArray[Any], ...]) -> None:
    for whole, part in zip(into, genes, strict=True):
        whole[start : start + len(part)] = part


def genes_of(pool: Pool, member: int) -> tuple[Nodes, Connections]:
    """Read-only copies of one genome's genes."""
    first, last = int(pool.node_start[member]), int(pool.node_start[member] + pool.node_count[member])
    nodes = Nodes(*[_read_only(array[first:last].copy()) for array in pool.nodes])
    first, last = int(pool.connection_start[member]), int(pool.connection_start[member] + pool.connection_count[member])
    return nodes, Connections(*[_read_only(array[first:last].copy()) for array in pool.connections])


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array


def compact(pool: Pool) -> Pool:
    """The same genomes end to end, without the room between them."""
    if _is_compact(pool):
        return pool
    packed = empty_pool(pool.node_count, pool.connection_count)
    packed.node_count[:] = pool.node_count
    packed.connection_count[:] = pool.connection_count
    _copy(packed.nodes, pool.nodes, _members_of(pool.node_start, pool.node_count))
    _copy(packed.connections, pool.connections, _members_of(pool.connection_start, pool.connection_count))
    return packed


def _copy(into: tuple[Any, ...], source: tuple[Any, ...], chosen: npt.NDArray[np.int64]) -> None:
    for empty, array in zip(into, source, strict=True):
        empty[:] = array[chosen]


def _is_compact(pool: Pool) -> bool:
    return int(pool.node_count.sum()) == len(pool.nodes.marking) and int(pool.connection_count.sum()) == len(
        pool.connections.marking
    )


def _members_of(start: npt.NDArray[np.int64], count: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.repeat(start - starts(count), count) + np.arange(int(count.sum()))
