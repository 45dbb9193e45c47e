"""Genomes as networks: compiled to short programs, evaluated for a batch of samples or for one at a time.

A rule of all hot kernels: arrays are taken out of a tuple once, before the loops. Inside them each look-up would count references,
with an atomic operation, which costs more than the arithmetic and much more when threads share the arrays.
"""

from typing import NamedTuple

import numpy as np

from genomes.compiled import kernel
from genomes.neat.functions import CUSTOM
from genomes.neat.kernels.functions import SUM, activate, activation_value, aggregated
from genomes.neat.kernels.structure import node_index

_CUSTOM = CUSTOM
_FEW = 16  # samples; fewer are evaluated one by one
_BLOCK = 64  # samples evaluated together: their values stay in the first-level cache
INTEGERS, NUMBERS = 4, 2  # per step, beside one of each for every edge
PROGRAM = 3  # integers that say where a custom function's program lies


class Networks(NamedTuple):
    """The networks of a pool's genomes.

    Member m is `step_count[m]` steps, each the value of one node; in a feed-forward network every source comes before its target. The
    steps lie one after the other in `integers` from `integer_start[m]` on: node, activation, aggregation, number of edges, and the
    source of each edge; and in `numbers` from `number_start[m]` on: bias, response, and the weight of each edge. Custom functions lie behind. Nodes are indices in the
    member's values, which are `width[m]` floats: the inputs, the bias node if there is one, the outputs, the hidden nodes.
    """

    integer_start: np.ndarray
    number_start: np.ndarray
    value_start: np.ndarray  # where a member's values begin when the states of all members lie end to end
    step_count: np.ndarray
    width: np.ndarray
    integers: np.ndarray
    numbers: np.ndarray
    activations: int  # where in `integers` the table of the custom activations' programs begins
    aggregations: int
    most_nodes: int  # of any member
    most_edges: int
    inputs: int
    outputs: int
    sensors: int  # inputs and the bias node
    bias_value: float  # what the bias node holds
    recurrent: bool


def room_for(pool, activations, aggregations, inputs, outputs, sensors, bias_value, recurrent):
    """Networks for the genomes of a pool, to be filled by `compile_members`."""
    nodes, connections, members = len(pool.nodes.marking), len(pool.connections.marking), len(pool.node_start)
    own_integers, own_numbers = INTEGERS * nodes + connections, NUMBERS * nodes + connections
    custom = len(activations.start) + len(aggregations.start) > 2  # no programs in most spaces
    table, operations, constants = (
        _custom_functions((activations, aggregations), own_integers, own_numbers) if custom else ((), (), ())
    )
    networks = Networks(
        INTEGERS * pool.node_start + pool.connection_start,
        NUMBERS * pool.node_start + pool.connection_start,
        pool.node_start,
        np.zeros(members, np.int64),
        pool.node_count,
        np.empty(own_integers + len(table) + len(operations), np.int32),
        np.empty(own_numbers + len(constants)),
        own_integers,
        own_integers + PROGRAM * (len(activations.start) - 1),
        int(pool.node_count.max()),
        max(1, int(pool.connection_count.max())),
        inputs,
        outputs,
        sensors,
        bias_value,
        recurrent,
    )
    if custom:
        networks.integers[own_integers : own_integers + len(table)] = table
        networks.integers[own_integers + len(table) :] = operations
        networks.numbers[own_numbers:] = constants
    return networks


def _custom_functions(functions, integer_end, number_end):
    """The programs of custom functions as they lie behind the networks: a table (where the operations of each program begin, where its
    constants, how many there are), the operations, the constants. A custom aggregation has three programs."""
    starts = [p.start[:-1] + len(q) for p, q in zip(functions, ([], functions[0].operation), strict=True)]
    start = np.concatenate(starts)
    count = np.concatenate([np.diff(p.start) for p in functions])
    table = np.stack([integer_end + PROGRAM * len(start) + start, number_end + start, count], axis=1).ravel()
    return table, np.concatenate([p.operation for p in functions]), np.concatenate([p.constant for p in functions])


@kernel()
def compile_members(begin, end, pool, networks):
    """Fill the networks of members `begin` to `end`: the nodes that lead to an output by enabled connections, sources first."""
    marking, bias, response = pool.nodes.marking, pool.nodes.bias, pool.nodes.response
    activation, aggregation = pool.nodes.activation, pool.nodes.aggregation
    source, target = pool.connections.source, pool.connections.target
    weight, enabled = pool.connections.weight, pool.connections.enabled
    node_start, node_count = pool.node_start, pool.node_count
    connection_start, connection_count = pool.connection_start, pool.connection_count
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    sensors, fixed = networks.sensors, networks.sensors + networks.outputs
    edge_source = np.empty(networks.most_edges, np.int32)
    edge_target = np.empty(networks.most_edges, np.int32)
    by_target = np.empty(networks.most_edges, np.int32)
    first_edge = np.empty(networks.most_nodes + 1, np.int32)
    cursor = np.empty(networks.most_nodes, np.int32)
    seen = np.empty(networks.most_nodes, np.bool_)
    stack = np.empty(networks.most_nodes, np.int32)
    for k in range(begin, end):
        first, count = node_start[k], node_count[k]
        start, edges = connection_start[k], connection_count[k]
        # Edges by target (counting sort); disabled ones are left out.
        for node in range(count + 1):
            first_edge[node] = 0
        for i in range(edges):
            if enabled[start + i]:
                edge_source[i] = node_index(marking, first, count, source[start + i], fixed)
                edge_target[i] = node_index(marking, first, count, target[start + i], fixed)
                first_edge[edge_target[i] + 1] += 1
        for node in range(count):
            first_edge[node + 1] += first_edge[node]
            cursor[node] = first_edge[node]
            seen[node] = False
        for i in range(edges):
            if enabled[start + i]:
                by_target[cursor[edge_target[i]]] = i
                cursor[edge_target[i]] += 1
        for node in range(count):
            cursor[node] = first_edge[node]
        # Depth-first from the outputs, against the edges: a node is written when all that it needs has been.
        p, q, steps = integer_start[k], number_start[k], 0
        for output in range(sensors, fixed):
            if seen[output]:
                continue
            stack[0] = output
            seen[output] = True
            top = 0
            while top >= 0:
                node = stack[top]
                if cursor[node] < first_edge[node + 1]:
                    needed = edge_source[by_target[cursor[node]]]
                    cursor[node] += 1
                    if needed >= sensors and not seen[needed]:
                        seen[needed] = True
                        top += 1
                        stack[top] = needed
                    continue
                top -= 1
                incoming = first_edge[node + 1] - first_edge[node]
                integers[p], integers[p + 1] = node, activation[first + node]
                integers[p + 2], integers[p + 3] = aggregation[first + node], incoming
                numbers[q], numbers[q + 1] = bias[first + node], response[first + node]
                p, q = p + INTEGERS, q + NUMBERS
                for e in range(first_edge[node], first_edge[node + 1]):
                    integers[p] = edge_source[by_target[e]]
                    numbers[q] = weight[start + by_target[e]]
                    p, q = p + 1, q + 1
                steps += 1
        step_count[k] = steps


@kernel(inline="always")
def _value(integers, numbers, p, q, values, gathered, activations, aggregations):
    """The new value of the node whose step begins at p and q, for one sample."""
    edges = integers[p + 3]
    total = 0.0
    if integers[p + 2] == SUM:
        for e in range(edges):
            total += numbers[q + NUMBERS + e] * values[integers[p + INTEGERS + e]]
    else:
        for e in range(edges):
            gathered[e] = numbers[q + NUMBERS + e] * values[integers[p + INTEGERS + e]]
        total = aggregated(integers[p + 2], gathered, edges, integers, numbers, aggregations)
    total = numbers[q] + numbers[q + 1] * total
    code = integers[p + 1]
    return activate(code, total) if code < _CUSTOM else activation_value(code, total, integers, numbers, activations)


@kernel()
def control(
    integers, numbers, p, q, steps, recurrent, times, values, fresh, gathered, activations, aggregations
):  # fmt: skip
    """One time step of one network, for one sample: reads the sensors from `values`, leaves the outputs there.

    p, q: where the member begins in `integers` and `numbers`. A feed-forward network is evaluated; in a recurrent one every node sees
    what its sources held before, `times` times over. `values` float64 [width] is the network's state: zero it, and set the bias node,
    at the start of an episode. `fresh` [nodes] and `gathered` [edges of one node] are scratch space.
    """
    if not recurrent:
        for _ in range(steps):
            values[integers[p]] = _value(integers, numbers, p, q, values, gathered, activations, aggregations)
            edges = integers[p + 3]
            p, q = p + INTEGERS + edges, q + NUMBERS + edges
    else:
        for _ in range(times):
            i, j = p, q
            for step in range(steps):
                fresh[step] = _value(integers, numbers, i, j, values, gathered, activations, aggregations)
                edges = integers[i + 3]
                i, j = i + INTEGERS + edges, j + NUMBERS + edges
            i = p
            for step in range(steps):
                values[integers[i]] = fresh[step]
                i += INTEGERS + integers[i + 3]


@kernel(inner=True)
def _values(integers, numbers, p, q, values, samples, gathered, into, activations, aggregations):
    """The same for a block of samples: values float64 [nodes, samples], into float64 [samples]."""
    edges = integers[p + 3]
    if integers[p + 2] == SUM:
        for s in range(samples):
            into[s] = 0.0
        for e in range(edges):
            weight, source = numbers[q + NUMBERS + e], integers[p + INTEGERS + e]
            for s in range(samples):
                into[s] += weight * values[source, s]
    else:
        for s in range(samples):
            for e in range(edges):
                gathered[e] = numbers[q + NUMBERS + e] * values[integers[p + INTEGERS + e], s]
            into[s] = aggregated(integers[p + 2], gathered, edges, integers, numbers, aggregations)
    bias, response, code = numbers[q], numbers[q + 1], integers[p + 1]
    if code < _CUSTOM:
        for s in range(samples):
            into[s] = activate(code, bias + response * into[s])
    else:
        for s in range(samples):
            into[s] = activation_value(code, bias + response * into[s], integers, numbers, activations)


@kernel(inner=True)
def _forward_few(begin, end, networks, x, y):
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    activations, aggregations = networks.activations, networks.aggregations
    inputs, sensors, outputs = networks.inputs, networks.sensors, networks.outputs
    shared = x.shape[0] == 1
    values, gathered = np.empty(networks.most_nodes), np.empty(networks.most_edges)
    if sensors > inputs:
        values[inputs] = networks.bias_value
    for m in range(begin, end):
        row = 0 if shared else m
        for s in range(x.shape[1]):
            for i in range(inputs):
                values[i] = x[row, s, i]
            p, q = integer_start[m], number_start[m]
            for _ in range(step_count[m]):
                node, code, gathering, edges = integers[p], integers[p + 1], integers[p + 2], integers[p + 3]
                bias, response = numbers[q], numbers[q + 1]
                p, q, total = p + INTEGERS, q + NUMBERS, 0.0
                if gathering == SUM:
                    for e in range(edges):
                        total += numbers[q + e] * values[integers[p + e]]
                else:
                    for e in range(edges):
                        gathered[e] = numbers[q + e] * values[integers[p + e]]
                    total = aggregated(gathering, gathered, edges, integers, numbers, aggregations)
                total = bias + response * total
                if code < _CUSTOM:
                    values[node] = activate(code, total)
                else:
                    values[node] = activation_value(code, total, integers, numbers, activations)
                p, q = p + edges, q + edges
            for output in range(outputs):
                y[m, s, output] = values[sensors + output]


@kernel(inner=True)
def _forward_many(begin, end, networks, x, y):
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    activations, aggregations = networks.activations, networks.aggregations
    inputs, sensors, outputs = networks.inputs, networks.sensors, networks.outputs
    shared = x.shape[0] == 1
    values, gathered = np.empty((networks.most_nodes, _BLOCK)), np.empty(networks.most_edges)
    if sensors > inputs:
        values[inputs] = networks.bias_value
    for m in range(begin, end):
        row = 0 if shared else m
        for first in range(0, x.shape[1], _BLOCK):
            samples = min(_BLOCK, x.shape[1] - first)
            for i in range(inputs):
                for s in range(samples):
                    values[i, s] = x[row, first + s, i]
            p, q = integer_start[m], number_start[m]
            for _ in range(step_count[m]):
                into = values[integers[p]]
                _values(integers, numbers, p, q, values, samples, gathered, into, activations, aggregations)
                edges = integers[p + 3]
                p, q = p + INTEGERS + edges, q + NUMBERS + edges
            for output in range(outputs):
                for s in range(samples):
                    y[m, first + s, output] = values[sensors + output, s]


@kernel()
def forward(begin, end, networks, x, y):
    """Feed-forward evaluation of members `begin` to `end`.

    x: float64 [members or 1, samples, inputs]; y: float64 [members, samples, outputs], written.
    """
    if x.shape[1] < _FEW:
        _forward_few(begin, end, networks, x, y)
    else:
        _forward_many(begin, end, networks, x, y)


@kernel()
def advance(begin, end, networks, x, y, state, times):
    """One time step of recurrent networks: every node sees what its sources held before, `times` times over.

    state: float64 [nodes of all members, samples], the nodes' values, kept from one time step to the next.
    """
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers = networks.integers, networks.numbers
    activations, aggregations = networks.activations, networks.aggregations
    inputs, sensors, outputs = networks.inputs, networks.sensors, networks.outputs
    samples = x.shape[1]
    fresh, gathered = np.empty((networks.most_nodes, samples)), np.empty(networks.most_edges)
    for m in range(begin, end):
        first = networks.value_start[m]
        values = state[first : first + networks.width[m]]
        row = 0 if x.shape[0] == 1 else m
        for s in range(samples):
            for i in range(inputs):
                values[i, s] = x[row, s, i]
            if sensors > inputs:
                values[inputs, s] = networks.bias_value
        for _ in range(times):
            p, q = integer_start[m], number_start[m]
            for step in range(step_count[m]):
                _values(integers, numbers, p, q, values, samples, gathered, fresh[step], activations, aggregations)
                edges = integers[p + 3]
                p, q = p + INTEGERS + edges, q + NUMBERS + edges
            p = integer_start[m]
            for step in range(step_count[m]):
                for s in range(samples):
                    values[integers[p], s] = fresh[step, s]
                p += INTEGERS + integers[p + 3]
        for output in range(outputs):
            for s in range(samples):
                y[m, s, output] = values[sensors + output, s]
