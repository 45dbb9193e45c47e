"""Crossover by historical marking (Stanley & Miikkulainen 2002, section 3.2)."""

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.streams import uniform
from genomes.neat.kernels.structure import (
    copy_connection,
    copy_node,
    find_edge,
    insert_connection,
    makes_cycle,
    node_index,
)


@kernel()
def cross(pool, i, j, into, k, equal, share, average, rates, stream):
    """Write the child of genomes i and j of a pool as genome k of another.

    Matching genes come from either parent (from j with probability `share`), or are averaged; disjoint and excess genes come from i,
    the fitter; if the parents are `equal`ly fit, each is inherited at random, as long as the child stays within the space's limits. A gene
    that is disabled in either parent is disabled in the child with probability `rates.disabled`, in both with `rates.disabled_in_both`; a
    disabled gene that is not matching stays disabled. There must be room for the genes of i, and of j too if the parents are equal.
    """
    if equal:
        cross_equals(pool, i, j, into, k, share, average, rates, stream)
    else:
        _cross_nodes_of(pool, i, j, into, k, share, average, np.bool_(False), stream)
        u, w = pool.connections, into.connections
        cross_connections(
            u.marking, u.source, u.target, u.weight, u.enabled,
            pool.connection_start[i], pool.connection_start[i] + pool.connection_count[i],
            pool.connection_start[j], pool.connection_start[j] + pool.connection_count[j],
            w.marking, w.source, w.target, w.weight, w.enabled, into.connection_start[k], share, average, rates.disabled, rates.disabled_in_both,
            stream,
        )  # fmt: skip
        into.connection_count[k] = pool.connection_count[i]


@kernel(inner=True)
def cross_equals(pool, i, j, into, k, share, average, rates, stream):
    """The same for equally fit parents."""
    _cross_nodes_of(pool, i, j, into, k, share, average, np.bool_(True), stream)
    _cross_connections_of_equals(pool, i, j, into, k, share, average, rates, stream)


@kernel(inner=True)
def _cross_nodes_of(pool, i, j, into, k, share, average, union, stream):
    x, z = pool.nodes, into.nodes
    into.node_count[k] = cross_nodes(
        x.marking, x.bias, x.response, x.activation, x.aggregation,
        pool.node_start[i], pool.node_start[i] + pool.node_count[i], pool.node_start[j], pool.node_start[j] + pool.node_count[j],
        z.marking, z.bias, z.response, z.activation, z.aggregation, into.node_start[k], share, average, union, stream,
    )  # fmt: skip


@kernel(inner=True)
def cross_connections(
    marking, source, target, weight, enabled, p, p_end, q, q_end,
    into_marking, into_source, into_target, into_weight, into_enabled, r, share, average, disabled_share,
    disabled_in_both, stream,
):  # fmt: skip
    """Connections of the child of two parents of unequal fitness: all of the fitter's (p to p_end)."""
    while p < p_end:
        while q < q_end and marking[q] < marking[p]:
            q += 1
        into_marking[r], into_source[r], into_target[r] = marking[p], source[p], target[p]
        if q < q_end and marking[q] == marking[p]:
            if average:
                into_weight[r] = (1.0 - share) * weight[p] + share * weight[q]
            else:
                into_weight[r] = weight[q] if uniform(stream) < share else weight[p]
            either = disabled_share if enabled[p] or enabled[q] else disabled_in_both
            into_enabled[r] = (enabled[p] and enabled[q]) or uniform(stream) >= either
        else:
            into_weight[r], into_enabled[r] = weight[p], enabled[p]
        p += 1
        r += 1


@kernel(inner=True)
def cross_nodes(
    marking, bias, response, activation, aggregation, p, p_end, q, q_end,
    into_marking, into_bias, into_response, into_activation, into_aggregation, r, share, average, union, stream,
):  # fmt: skip
    """Nodes of the child: the fitter's (p to p_end), and with `union` the other's too. Returns how many."""
    first = r
    while p < p_end or (union and q < q_end):
        if p < p_end and q < q_end and marking[p] == marking[q]:
            chosen = q if uniform(stream) < share else p
            into_bias[r], into_response[r] = bias[chosen], response[chosen]
            if average:
                into_bias[r] = (1.0 - share) * bias[p] + share * bias[q]
                into_response[r] = (1.0 - share) * response[p] + share * response[q]
            p += 1
            q += 1
        elif p < p_end and (q >= q_end or marking[p] < marking[q]):
            chosen = p
            into_bias[r], into_response[r] = bias[p], response[p]
            p += 1
        else:
            chosen = q
            q += 1
            if not union:
                continue
            into_bias[r], into_response[r] = bias[chosen], response[chosen]
        into_marking[r] = marking[chosen]
        into_activation[r], into_aggregation[r] = activation[chosen], aggregation[chosen]
        r += 1
    return r - first


@kernel(inner=True)
def _match_connection(x, p, q, z, r, share, average, disabled_share, disabled_in_both, stream):
    copy_connection(x, p, z, r)  # matching genes differ in weight and enabled only
    if average:
        z.weight[r] = (1.0 - share) * x.weight[p] + share * x.weight[q]
    else:
        z.weight[r] = x.weight[q] if uniform(stream) < share else x.weight[p]
    either = disabled_share if x.enabled[p] or x.enabled[q] else disabled_in_both
    z.enabled[r] = (x.enabled[p] and x.enabled[q]) or uniform(stream) >= either


@kernel(inner=True)
def _cross_connections_of_equals(pool, i, j, into, k, share, average, rates, stream):
    fixed = rates.fixed
    x, z = pool.connections, into.connections
    p, p_end = pool.connection_start[i], pool.connection_start[i] + pool.connection_count[i]
    q, q_end = pool.connection_start[j], pool.connection_start[j] + pool.connection_count[j]
    start = into.connection_start[k]
    count = 0
    offered = np.empty(pool.connection_count[j], np.int64)  # genes of j alone that the child may take
    offers = 0
    while p < p_end or q < q_end:
        if q >= q_end or (p < p_end and x.marking[p] < x.marking[q]):
            if uniform(stream) >= share:
                copy_connection(x, p, z, start + count)
                count += 1
            p += 1
        elif p >= p_end or x.marking[q] < x.marking[p]:
            if uniform(stream) < share:
                offered[offers] = q
                offers += 1
            q += 1
        else:
            _match_connection(x, p, q, z, start + count, share, average, rates.disabled, rates.disabled_in_both, stream)
            count += 1
            p += 1
            q += 1
    # The genes so far are some of i's, so they are as sound as i; each gene of j alone is taken only where it fits in: the same edge may
    # have been invented in both lines, and two sound halves can close a cycle.
    marking, first, nodes = into.nodes.marking, into.node_start[k], into.node_count[k]
    touched = _touched(into, k, count, fixed)
    hidden = 0
    for node in range(fixed, nodes):  # the same by `sum` takes longer to compile than all of this
        hidden += touched[node]
    for number in range(offers):
        q = offered[number]
        source, target = x.source[q], x.target[q]
        a, b = node_index(marking, first, nodes, source, fixed), node_index(marking, first, nodes, target, fixed)
        fresh = (not touched[a] and a >= fixed) + (not touched[b] and b >= fixed and a != b)
        if count >= rates.most_connections or fixed + hidden + fresh > rates.most_nodes:
            continue
        if find_edge(z, start, count, source, target) >= 0:
            continue
        if not rates.recurrent and makes_cycle(into.nodes, first, nodes, z, start, count, source, target, fixed):
            continue
        count = insert_connection(z, start, count, x.marking[q], source, target, x.weight[q], x.enabled[q])
        touched[a], touched[b] = True, True
        hidden += fresh
    into.connection_count[k] = count
    _drop_nodes(into, k, touched, fixed)


@kernel(inner=True)
def _touched(pool, k, connected, fixed):
    """Which nodes of genome k its first `connected` connections touch."""
    marking, first, count = pool.nodes.marking, pool.node_start[k], pool.node_count[k]
    touched = np.zeros(count, np.bool_)
    for i in range(pool.connection_start[k], pool.connection_start[k] + connected):
        touched[node_index(marking, first, count, pool.connections.source[i], fixed)] = True
        touched[node_index(marking, first, count, pool.connections.target[i], fixed)] = True
    return touched


@kernel(inner=True)
def _drop_nodes(pool, k, kept_nodes, fixed):
    """Keep the fixed nodes and those hidden ones that are marked."""
    nodes, first = pool.nodes, pool.node_start[k]
    kept = fixed
    for i in range(fixed, pool.node_count[k]):
        if kept_nodes[i]:
            if kept < i:
                copy_node(nodes, first + i, nodes, first + kept)
            kept += 1
    pool.node_count[k] = kept
