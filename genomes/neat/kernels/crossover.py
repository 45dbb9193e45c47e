"""Crossover by historical marking (Stanley & Miikkulainen 2002, section 3.2)."""

# ruff: noqa: RUF046
import numpy as np
from numba import njit

from genomes.neat.kernels.streams import uniform
from genomes.neat.kernels.structure import (
    copy_connection,
    copy_node,
    find_edge,
    insert_connection,
    makes_cycle,
    node_index,
)


@njit(cache=True, nogil=True)
def cross(a, i, b, j, into, k, equal, share, average, disabled_share, recurrent, fixed, stream):
    """Write the child of genome i of pool a and genome j of pool b as genome k of pool `into`.

    Matching genes come from either parent (from b with probability `share`), or are averaged; disjoint and excess genes come from
    a, the fitter; if the parents are `equal`ly fit, each is inherited at random. A gene that is disabled in either parent is disabled
    in the child with probability `disabled_share`; a disabled gene that is not matching stays disabled.
    There must be room for the genes of a, and of b too if the parents are equal.
    """
    _cross_nodes(a, i, b, j, into, k, share, average, equal, stream)
    if equal:
        _cross_connections_of_equals(a, i, b, j, into, k, share, average, disabled_share, recurrent, fixed, stream)
    else:
        _cross_connections(a, i, b, j, into, k, share, average, disabled_share, stream)


@njit(cache=True, nogil=True)
def _match_connection(x, p, y, q, z, r, share, average, disabled_share, stream):
    if average:
        copy_connection(x, p, z, r)
        z.weight[r] = (1.0 - share) * x.weight[p] + share * y.weight[q]
    elif uniform(stream) < share:
        copy_connection(y, q, z, r)
    else:
        copy_connection(x, p, z, r)
    if x.enabled[p] and y.enabled[q]:
        z.enabled[r] = True
    else:
        z.enabled[r] = uniform(stream) >= disabled_share


@njit(cache=True, nogil=True)
def _cross_connections(a, i, b, j, into, k, share, average, disabled_share, stream):
    x, y, z = a.connections, b.connections, into.connections
    p, p_end = a.connection_start[i], a.connection_start[i] + a.connection_count[i]
    q, q_end = b.connection_start[j], b.connection_start[j] + b.connection_count[j]
    r = into.connection_start[k]
    while p < p_end:
        while q < q_end and y.marking[q] < x.marking[p]:
            q += 1
        if q < q_end and y.marking[q] == x.marking[p]:
            _match_connection(x, p, y, q, z, r, share, average, disabled_share, stream)
        else:
            copy_connection(x, p, z, r)
        p += 1
        r += 1
    into.connection_count[k] = a.connection_count[i]


@njit(cache=True, nogil=True)
def _cross_nodes(a, i, b, j, into, k, share, average, union, stream):
    x, y, z = a.nodes, b.nodes, into.nodes
    p, p_end = a.node_start[i], a.node_start[i] + a.node_count[i]
    q, q_end = b.node_start[j], b.node_start[j] + b.node_count[j]
    r = into.node_start[k]
    while p < p_end or (union and q < q_end):
        if q >= q_end or (p < p_end and x.marking[p] < y.marking[q]):
            copy_node(x, p, z, r)
            p += 1
            r += 1
        elif p >= p_end or y.marking[q] < x.marking[p]:
            if union:
                copy_node(y, q, z, r)
                r += 1
            q += 1
        else:
            if uniform(stream) < share:
                copy_node(y, q, z, r)
            else:
                copy_node(x, p, z, r)
            if average:
                z.bias[r] = (1.0 - share) * x.bias[p] + share * y.bias[q]
                z.response[r] = (1.0 - share) * x.response[p] + share * y.response[q]
            p += 1
            q += 1
            r += 1
    into.node_count[k] = r - into.node_start[k]


@njit(cache=True, nogil=True)
def _cross_connections_of_equals(a, i, b, j, into, k, share, average, disabled_share, recurrent, fixed, stream):
    x, y, z = a.connections, b.connections, into.connections
    p, p_end = a.connection_start[i], a.connection_start[i] + a.connection_count[i]
    q, q_end = b.connection_start[j], b.connection_start[j] + b.connection_count[j]
    start = into.connection_start[k]
    count = 0
    offered = np.empty(b.connection_count[j], np.int64)  # genes of b alone that the child may take
    offers = 0
    while p < p_end or q < q_end:
        if q >= q_end or (p < p_end and x.marking[p] < y.marking[q]):
            if uniform(stream) >= share:
                copy_connection(x, p, z, start + count)
                count += 1
            p += 1
        elif p >= p_end or y.marking[q] < x.marking[p]:
            if uniform(stream) < share:
                offered[offers] = q
                offers += 1
            q += 1
        else:
            _match_connection(x, p, y, q, z, start + count, share, average, disabled_share, stream)
            count += 1
            p += 1
            q += 1
    # The genes so far are some of a's, so they are as sound as a; each gene of b alone is taken only where it fits in: the same edge may
    # have been invented in both lines, and two sound halves can close a cycle.
    for number in range(offers):
        q = offered[number]
        source, target = y.source[q], y.target[q]
        if find_edge(z, start, count, source, target) >= 0:
            continue
        if not recurrent and makes_cycle(
            into.nodes, into.node_start[k], into.node_count[k], z, start, count, source, target, fixed
        ):
            continue
        count = insert_connection(z, start, count, y.marking[q], source, target, y.weight[q], y.enabled[q])
    into.connection_count[k] = count
    _drop_untouched_nodes(into, k, fixed)


@njit(cache=True, nogil=True)
def _drop_untouched_nodes(pool, k, fixed):
    nodes, connections = pool.nodes, pool.connections
    first, count = pool.node_start[k], pool.node_count[k]
    touched = np.zeros(count, np.bool_)
    for i in range(pool.connection_start[k], pool.connection_start[k] + pool.connection_count[k]):
        touched[node_index(nodes.marking, first, count, connections.source[i], fixed)] = True
        touched[node_index(nodes.marking, first, count, connections.target[i], fixed)] = True
    kept = fixed
    for i in range(fixed, count):
        if touched[i]:
            if kept < i:
                copy_node(nodes, first + i, nodes, first + kept)
            kept += 1
    pool.node_count[k] = kept


@njit(cache=True, nogil=True)
def copy_genome(a, i, into, k):
    """Copy genome i of pool a to genome k of pool `into`."""
    for offset in range(a.node_count[i]):
        copy_node(a.nodes, a.node_start[i] + offset, into.nodes, into.node_start[k] + offset)
    into.node_count[k] = a.node_count[i]
    for offset in range(a.connection_count[i]):
        copy_connection(a.connections, a.connection_start[i] + offset, into.connections, into.connection_start[k] + offset)
    into.connection_count[k] = a.connection_count[i]
