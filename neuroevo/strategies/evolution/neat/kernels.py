"""Reproduction of NEAT, compiled: who the parents of each child are, and the children."""

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.crossover import cross_connections, cross_equals, cross_nodes
from genomes.neat.kernels.mutation import due_structure, mutate_functions, mutate_structure, mutate_values
from genomes.neat.kernels.streams import below, birth_key, uniform
from genomes.neat.operators import CROSSOVER, ELITE, INTERSPECIES

NODE_ROOM, CONNECTION_ROOM = 1, 3  # genes that one mutation may add


@kernel()
def birth_keys(seed, first_id, count):
    """The keys of consecutive births' random streams."""
    keys = np.empty(count, np.uint64)
    for k in range(count):
        keys[k] = birth_key(seed, first_id + k)
    return keys


@kernel()
def choose_parents(
    begin, end, node_count, connection_count, fitness, members, start, survivors, first_child, elites, crossover_share, interspecies, keys,
    mother, father, node_room, connection_room,
):  # fmt: skip
    """Draw the parents of children `begin` to `end`, and the room that each child needs.

    Species s has the survivors members[start[s] : start[s] + survivors[s]], the fittest first; its children are first_child[s] to
    first_child[s + 1], the first elites[s] of them copies of its champion. father is -1 without crossover, -2 for an elite. `keys`
    are the streams: they are advanced.
    """
    stream = np.empty(1, np.uint64)
    s = 0
    for k in range(begin, end):
        while k >= first_child[s + 1]:
            s += 1
        if k - first_child[s] < elites[s]:
            mother[k], father[k] = members[start[s]], -2
            node_room[k], connection_room[k] = node_count[mother[k]], connection_count[mother[k]]
            continue
        stream[0] = keys[k]
        a = members[start[s] + below(stream, survivors[s])]
        b = np.int64(-1)
        if uniform(stream) < crossover_share:
            if uniform(stream) < interspecies:
                other = below(stream, len(survivors))
                if survivors[other] > 0:
                    b = members[start[other]]
            if b < 0:
                b = members[start[s] + below(stream, survivors[s])]
            if b == a:
                b = np.int64(-1)  # a genome crossed with itself is itself
        if b >= 0 and fitness[b] > fitness[a]:
            a, b = b, a
        mother[k], father[k], keys[k] = a, b, stream[0]
        node_room[k] = node_count[a] + NODE_ROOM
        connection_room[k] = connection_count[a] + CONNECTION_ROOM
        if b >= 0 and fitness[a] == fitness[b]:
            node_room[k] += node_count[b]
            connection_room[k] += connection_count[b]


@kernel()
def reproduce(begin, end, pool, fitness, label, mother, father, keys, mutate_crossed, rates, clock, into, operators):
    """Make children `begin` to `end`: copies, mutants, and crossings that are mutated too (with probability `mutate_crossed`)."""
    node, bias, response, activation, aggregation = (
        pool.nodes.marking, pool.nodes.bias, pool.nodes.response, pool.nodes.activation, pool.nodes.aggregation,
    )  # fmt: skip
    into_node, into_bias, into_response, into_activation, into_aggregation = (
        into.nodes.marking, into.nodes.bias, into.nodes.response, into.nodes.activation, into.nodes.aggregation,
    )  # fmt: skip
    marking, source, target, weight, enabled = (
        pool.connections.marking, pool.connections.source, pool.connections.target, pool.connections.weight, pool.connections.enabled,
    )  # fmt: skip
    into_marking, into_source, into_target, into_weight, into_enabled = (
        into.connections.marking, into.connections.source, into.connections.target, into.connections.weight, into.connections.enabled,
    )  # fmt: skip
    node_start, node_count = pool.node_start, pool.node_count
    connection_start, connection_count = pool.connection_start, pool.connection_count
    into_node_start, into_node_count = into.node_start, into.node_count
    into_connection_start, into_connection_count = into.connection_start, into.connection_count
    stream = np.empty(1, np.uint64)
    functional = max(rates.responses, rates.activation, rates.aggregation)
    for k in range(begin, end):
        a, b, done = mother[k], father[k], 0
        stream[0] = keys[k]
        if b >= 0 and fitness[a] == fitness[b]:
            average = uniform(stream) < rates.average
            cross_equals(pool, a, b, into, k, 0.5, average, rates, stream)
            done = CROSSOVER
        elif b >= 0:
            average = uniform(stream) < rates.average
            into_node_count[k] = cross_nodes(
                node, bias, response, activation, aggregation,
                node_start[a], node_start[a] + node_count[a], node_start[b], node_start[b] + node_count[b],
                into_node, into_bias, into_response, into_activation, into_aggregation, into_node_start[k], 0.5, average, np.bool_(False), stream,
            )  # fmt: skip
            cross_connections(
                marking, source, target, weight, enabled, connection_start[a], connection_start[a] + connection_count[a],
                connection_start[b], connection_start[b] + connection_count[b],
                into_marking, into_source, into_target, into_weight, into_enabled, into_connection_start[k],
                0.5, average, rates.disabled, rates.disabled_in_both, stream,
            )  # fmt: skip
            into_connection_count[k] = connection_count[a]
            done = CROSSOVER
        else:
            p, r = node_start[a], into_node_start[k]
            for i in range(node_count[a]):
                into_node[r + i], into_bias[r + i], into_response[r + i] = node[p + i], bias[p + i], response[p + i]
                into_activation[r + i], into_aggregation[r + i] = activation[p + i], aggregation[p + i]
            p, r = connection_start[a], into_connection_start[k]
            for i in range(connection_count[a]):
                into_marking[r + i], into_source[r + i], into_target[r + i] = marking[p + i], source[p + i], target[p + i]
                into_weight[r + i], into_enabled[r + i] = weight[p + i], enabled[p + i]
            into_node_count[k], into_connection_count[k] = node_count[a], connection_count[a]
            done = ELITE if b == -2 else 0
        if b >= 0 and label[a] != label[b]:
            done |= INTERSPECIES
        if b == -2 or (b >= 0 and mutate_crossed < 1.0 and uniform(stream) >= mutate_crossed):
            operators[k] = done
            continue
        due = due_structure(
            rates.add_node, rates.add_connection, rates.remove_node, rates.remove_connection, rates.toggle, rates.reenable, stream
        )
        if due:
            done |= mutate_structure(into, k, due, rates, clock, stream)
        done |= mutate_values(
            into_weight, into_connection_start[k], into_connection_count[k], into_bias, into_node_start[k], into_node_count[k],
            rates, stream,
        )  # fmt: skip
        if functional > 0.0:
            done |= mutate_functions(into, k, rates, stream)
        operators[k] = done
