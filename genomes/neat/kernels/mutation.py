"""Mutation of one genome in a pool, in place (Stanley & Miikkulainen 2002, section 3.1; gene removal and the rest are later)."""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.genes import CONNECTION_INNOVATION, NODE_INNOVATION
from genomes.neat.kernels.streams import below, marking_of_one, marking_of_two, normal, symmetric, uniform
from genomes.neat.kernels.structure import (
    copy_connection,
    copy_node,
    find_edge,
    insert_connection,
    insert_node,
    makes_cycle,
    node_index,
)
from genomes.neat.operators import (
    ACTIVATION,
    ADD_CONNECTION,
    ADD_NODE,
    AGGREGATION,
    BIASES,
    REENABLE,
    REMOVE_CONNECTION,
    REMOVE_NODE,
    RESPONSES,
    TOGGLE,
    WEIGHTS,
)

_UNIFORM, _GAUSSIAN, _CAUCHY = range(3)
_TRIES = 20  # pairs of nodes looked at before "add connection" gives up


@kernel()
def mutate(pool, k, rates, clock, stream):
    """Mutate genome k; returns the bits of the operators that changed something. There must be room for a node and three connections
    more."""
    due = due_structure(
        rates.add_node, rates.add_connection, rates.remove_node, rates.remove_connection, rates.toggle, rates.reenable, stream
    )
    return (
        mutate_structure(pool, k, due, rates, clock, stream)
        | mutate_values(
            pool.connections.weight, pool.connection_start[k], pool.connection_count[k],
            pool.nodes.bias, pool.node_start[k], pool.node_count[k], rates, stream,
        )
        | mutate_functions(pool, k, rates, stream)
    )  # fmt: skip


@kernel(inner=True)
def due_structure(add_node, add_connection, remove_node, remove_connection, toggle, reenable, stream):
    """The structural operators that a child undergoes, as bits; drawn apart, since most children undergo none."""
    due = 0
    if uniform(stream) < add_node:
        due |= ADD_NODE
    if uniform(stream) < add_connection:
        due |= ADD_CONNECTION
    if remove_node > 0.0 and uniform(stream) < remove_node:
        due |= REMOVE_NODE
    if remove_connection > 0.0 and uniform(stream) < remove_connection:
        due |= REMOVE_CONNECTION
    if toggle > 0.0 and uniform(stream) < toggle:
        due |= TOGGLE
    if reenable > 0.0 and uniform(stream) < reenable:
        due |= REENABLE
    return due


@kernel(inner=True)
def mutate_structure(pool, k, due, rates, clock, stream):
    """Apply the operators that are due to genome k; returns those that changed something."""
    done = 0
    if due & ADD_NODE and add_node(pool, k, rates, clock, stream):
        done |= ADD_NODE
    if due & ADD_CONNECTION and add_connection(pool, k, rates, clock, stream):
        done |= ADD_CONNECTION
    if due & REMOVE_NODE and _remove_node(pool, k, rates, stream):
        done |= REMOVE_NODE
    if due & REMOVE_CONNECTION and _remove_connection(pool, k, stream):
        done |= REMOVE_CONNECTION
    if due & TOGGLE and _toggle(pool, k, stream):
        done |= TOGGLE
    if due & REENABLE and _reenable(pool, k, stream):
        done |= REENABLE
    return done


@kernel(inner=True)
def _step(perturbation, stream):
    if perturbation == _UNIFORM:
        return symmetric(stream)
    if perturbation == _GAUSSIAN:
        return normal(stream)
    return math.tan(0.5 * math.pi * symmetric(stream))


@kernel(inner=True)
def _varied(value, replace_share, power, perturbation, spread, limit, stream):
    if uniform(stream) < replace_share:
        value = spread * symmetric(stream)
    else:
        value += power * _step(perturbation, stream)
    return min(max(value, -limit), limit)


@kernel(inner=True)
def mutate_values(weight, first, connections, bias, first_node, nodes, rates, stream):
    """Mutate a genome's weights and biases: `weight` from `first` on, `bias` from `first_node` on."""
    done = 0
    if uniform(stream) < rates.weights and connections > 0:
        share = rates.weight_share if rates.weight_share > 0.0 else uniform(stream)
        for i in range(first, first + connections):
            if share >= 1.0 or uniform(stream) < share:
                weight[i] = _varied(
                    weight[i], rates.weight_replace, rates.weight_power, rates.perturbation, rates.weight_range, rates.weight_limit, stream
                )  # fmt: skip
        done |= WEIGHTS
    if rates.biases > 0.0 and uniform(stream) < rates.biases:
        for i in range(first_node + rates.sensors, first_node + nodes):
            bias[i] = _varied(
                bias[i], rates.weight_replace, rates.bias_power, rates.perturbation, rates.bias_range, rates.bias_limit, stream
            )  # fmt: skip
        done |= BIASES
    return done


@kernel(inner=True)
def mutate_functions(pool, k, rates, stream):
    """Mutate responses, activations and aggregations of genome k: all off by default."""
    nodes, done = pool.nodes, 0
    first, count = pool.node_start[k], pool.node_count[k]
    if rates.responses > 0.0 and uniform(stream) < rates.responses:
        for i in range(first + rates.sensors, first + count):
            step = rates.response_power * _step(rates.perturbation, stream)
            nodes.response[i] = min(max(nodes.response[i] + step, -rates.weight_limit), rates.weight_limit)
        done |= RESPONSES
    if rates.activation > 0.0 and uniform(stream) < rates.activation and count > rates.first_varied:
        i = first + rates.first_varied + below(stream, count - rates.first_varied)
        chosen = rates.activations[below(stream, len(rates.activations))]
        if chosen != nodes.activation[i]:
            nodes.activation[i] = chosen
            done |= ACTIVATION
    if rates.aggregation > 0.0 and uniform(stream) < rates.aggregation:
        i = first + rates.sensors + below(stream, count - rates.sensors)
        chosen = rates.aggregations[below(stream, len(rates.aggregations))]
        if chosen != nodes.aggregation[i]:
            nodes.aggregation[i] = chosen
            done |= AGGREGATION
    return done


@kernel(inner=True)
def _chosen_connection(pool, k, enabled, stream):
    """A random connection of genome k that is (or is not) enabled: its index in the pool, or -1."""
    first, count = pool.connection_start[k], pool.connection_count[k]
    fitting = 0
    for i in range(first, first + count):
        if pool.connections.enabled[i] == enabled:
            fitting += 1
    if fitting == 0:
        return -1
    wanted = below(stream, fitting)
    for i in range(first, first + count):
        if pool.connections.enabled[i] == enabled:
            if wanted == 0:
                return i
            wanted -= 1
    return -1


@kernel(inner=True)
def add_node(pool, k, rates, clock, stream):
    """Split an enabled connection: it is disabled, source -> new has weight 1, new -> target the old weight."""
    nodes, connections = pool.nodes, pool.connections
    if pool.node_count[k] >= rates.most_nodes or pool.connection_count[k] + 2 > rates.most_connections:
        return False
    split = _chosen_connection(pool, k, np.bool_(True), stream)
    if split < 0:
        return False
    source, target, weight = connections.source[split], connections.target[split], connections.weight[split]
    occurrence = np.int64(0)
    first, count = pool.node_start[k], pool.node_count[k]
    marking = marking_of_one(clock, NODE_INNOVATION, connections.marking[split], occurrence)
    while marking < rates.fixed or node_index(nodes.marking, first, count, marking, rates.fixed) >= 0:
        occurrence += 1
        marking = marking_of_one(clock, NODE_INNOVATION, connections.marking[split], occurrence)
    connections.enabled[split] = False
    activation = rates.activations[below(stream, len(rates.activations)) if rates.activation > 0.0 else 0]
    aggregation = rates.aggregations[below(stream, len(rates.aggregations)) if rates.aggregation > 0.0 else 0]
    pool.node_count[k] = insert_node(nodes, first, count, marking, 0.0, 1.0, activation, aggregation)
    _connect(pool, k, source, marking, 1.0, clock)
    _connect(pool, k, marking, target, weight, clock)
    return True


@kernel(inner=True)
def _connect(pool, k, source, target, weight, clock):
    marking = marking_of_two(clock, CONNECTION_INNOVATION, source, target, np.int64(0))
    pool.connection_count[k] = insert_connection(
        pool.connections, pool.connection_start[k], pool.connection_count[k], marking, source, target, weight, np.bool_(True)
    )


@kernel(inner=True)
def add_connection(pool, k, rates, clock, stream):
    """Connect two nodes that are not connected; in a feed-forward genome, without closing a cycle."""
    nodes, connections = pool.nodes, pool.connections
    first, count = pool.node_start[k], pool.node_count[k]
    start, connected = pool.connection_start[k], pool.connection_count[k]
    if connected + 1 > rates.most_connections:
        return False
    for _ in range(_TRIES):
        a = below(stream, count)
        b = rates.sensors + below(stream, count - rates.sensors)
        if not rates.recurrent and (a == b or rates.sensors <= a < rates.fixed):
            continue
        source, target = nodes.marking[first + a], nodes.marking[first + b]
        if find_edge(connections, start, connected, source, target) >= 0:
            continue
        if (
            not rates.recurrent
            and a >= rates.fixed
            and makes_cycle(nodes, first, count, connections, start, connected, source, target, rates.fixed)
        ):
            continue
        _connect(pool, k, source, target, rates.weight_range * symmetric(stream), clock)
        return True
    return False


@kernel(inner=True)
def _remove_node(pool, k, rates, stream):
    nodes, connections = pool.nodes, pool.connections
    first, count = pool.node_start[k], pool.node_count[k]
    if count <= rates.fixed:
        return False
    removed = first + rates.fixed + below(stream, count - rates.fixed)
    marking = nodes.marking[removed]
    for i in range(removed, first + count - 1):
        copy_node(nodes, i + 1, nodes, i)
    pool.node_count[k] = count - 1
    start = pool.connection_start[k]
    kept = start
    for i in range(start, start + pool.connection_count[k]):
        if connections.source[i] != marking and connections.target[i] != marking:
            copy_connection(connections, i, connections, kept)
            kept += 1
    pool.connection_count[k] = kept - start
    return True


@kernel(inner=True)
def _remove_connection(pool, k, stream):
    start, count = pool.connection_start[k], pool.connection_count[k]
    if count == 0:
        return False
    for i in range(start + below(stream, count), start + count - 1):
        copy_connection(pool.connections, i + 1, pool.connections, i)
    pool.connection_count[k] = count - 1
    return True


@kernel(inner=True)
def _toggle(pool, k, stream):
    if pool.connection_count[k] == 0:
        return False
    i = pool.connection_start[k] + below(stream, pool.connection_count[k])
    pool.connections.enabled[i] = not pool.connections.enabled[i]
    return True


@kernel(inner=True)
def _reenable(pool, k, stream):
    i = _chosen_connection(pool, k, np.bool_(False), stream)
    if i < 0:
        return False
    pool.connections.enabled[i] = True
    return True
