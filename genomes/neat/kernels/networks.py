"""Genomes as networks: compiled to flat lists of steps, evaluated for a batch of samples or for one at a time."""

# ruff: noqa: RUF046
from typing import NamedTuple

import numpy as np
from numba import njit

from genomes.neat.expressions import Programs
from genomes.neat.functions import CUSTOM
from genomes.neat.kernels.functions import SUM, activate, activation_value, aggregated
from genomes.neat.kernels.structure import node_index

_CUSTOM = CUSTOM
_BLOCK = 64  # samples evaluated together: their values stay in the first-level cache


class Networks(NamedTuple):
    """The networks of a pool's genomes, one after the other.

    Member m's steps are `step_start[m]` to `step_start[m] + step_count[m]`, in an order in which every source comes before its target
    (feed-forward). A step computes the value of node `node` (an index inside the member, whose values are `width[m]` numbers: the
    inputs, the bias node if there is one, the outputs, the hidden nodes) from the edges `edge_begin` to `edge_end`.
    """

    step_start: np.ndarray
    step_count: np.ndarray
    width: np.ndarray
    node: np.ndarray
    bias: np.ndarray
    response: np.ndarray
    activation: np.ndarray
    aggregation: np.ndarray
    edge_begin: np.ndarray
    edge_end: np.ndarray
    edge_source: np.ndarray
    edge_weight: np.ndarray
    activations: Programs
    aggregations: Programs
    inputs: int
    outputs: int
    sensors: int  # inputs and the bias node
    bias_value: float  # what the bias node holds
    recurrent: bool


def room_for(pool, activations, aggregations, inputs, outputs, sensors, bias_value, recurrent):
    """Networks for the genomes of a pool, to be filled by `compile_members`."""
    nodes, connections, members = len(pool.nodes.marking), len(pool.connections.marking), len(pool.node_start)
    return Networks(
        pool.node_start,
        np.zeros(members, np.int64),
        pool.node_count,
        np.empty(nodes, np.int32),
        np.empty(nodes),
        np.empty(nodes),
        np.empty(nodes, np.int16),
        np.empty(nodes, np.int16),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int64),
        np.empty(connections, np.int32),
        np.empty(connections),
        activations,
        aggregations,
        inputs,
        outputs,
        sensors,
        bias_value,
        recurrent,
    )


@njit(cache=True, nogil=True)
def compile_members(begin, end, pool, networks):
    """Fill the networks of members `begin` to `end`: the nodes that lead to an output by enabled connections, sources first."""
    most_nodes = most_edges = 0
    for k in range(begin, end):
        most_nodes = max(most_nodes, pool.node_count[k])
        most_edges = max(most_edges, pool.connection_count[k])
    ends = np.empty((most_edges, 2), np.int32)
    by_target = np.empty(most_edges, np.int32)
    first_edge = np.empty(most_nodes + 1, np.int32)
    state = np.empty(most_nodes, np.int8)
    stack = np.empty(most_nodes, np.int32)
    cursor = np.empty(most_nodes, np.int32)
    for k in range(begin, end):
        _compile(pool, k, networks, ends, by_target, first_edge, state, stack, cursor)


@njit(cache=True, nogil=True)
def _compile(pool, k, networks, ends, by_target, first_edge, state, stack, cursor):
    sensors, fixed = networks.sensors, networks.sensors + networks.outputs
    first, count = pool.node_start[k], pool.node_count[k]
    start, edges = pool.connection_start[k], pool.connection_count[k]
    # Edges by target (counting sort); disabled ones are left out.
    first_edge[: count + 1] = 0
    for i in range(edges):
        if pool.connections.enabled[start + i]:
            ends[i, 0] = node_index(pool.nodes.marking, first, count, pool.connections.source[start + i], fixed)
            ends[i, 1] = node_index(pool.nodes.marking, first, count, pool.connections.target[start + i], fixed)
            first_edge[ends[i, 1] + 1] += 1
    for node in range(count):
        first_edge[node + 1] += first_edge[node]
        cursor[node] = first_edge[node]
        state[node] = 0
    for i in range(edges):
        if pool.connections.enabled[start + i]:
            by_target[cursor[ends[i, 1]]] = i
            cursor[ends[i, 1]] += 1
    # Depth-first from the outputs, against the edges: a node is written when all that it needs has been.
    for node in range(count):
        cursor[node] = first_edge[node]
    steps, written = first, start
    for output in range(sensors, fixed):
        if state[output] != 0:
            continue
        stack[0] = output
        state[output] = 1
        top = 0
        while top >= 0:
            node = stack[top]
            if cursor[node] < first_edge[node + 1]:
                source = ends[by_target[cursor[node]], 0]
                cursor[node] += 1
                if source >= sensors and state[source] == 0:
                    state[source] = 1
                    top += 1
                    stack[top] = source
                continue
            top -= 1
            networks.node[steps] = node
            networks.bias[steps] = pool.nodes.bias[first + node]
            networks.response[steps] = pool.nodes.response[first + node]
            networks.activation[steps] = pool.nodes.activation[first + node]
            networks.aggregation[steps] = pool.nodes.aggregation[first + node]
            networks.edge_begin[steps] = written
            for e in range(first_edge[node], first_edge[node + 1]):
                networks.edge_source[written] = ends[by_target[e], 0]
                networks.edge_weight[written] = pool.connections.weight[start + by_target[e]]
                written += 1
            networks.edge_end[steps] = written
            steps += 1
    networks.step_count[k] = steps - first


@njit(cache=True, nogil=True)
def _fill_sensors(networks, x, m, first, samples, values):
    for i in range(networks.inputs):
        for s in range(samples):
            values[i, s] = x[m, first + s, i]
    if networks.sensors > networks.inputs:
        values[networks.inputs, :samples] = networks.bias_value


@njit(cache=True, nogil=True)
def _step(networks, step, values, samples, gathered, into):
    """One step for a block of samples: `into` gets the node's new value in each."""
    begin, end = networks.edge_begin[step], networks.edge_end[step]
    bias, response = networks.bias[step], networks.response[step]
    if networks.aggregation[step] == SUM:
        for s in range(samples):
            into[s] = 0.0
        for e in range(begin, end):
            weight, source = networks.edge_weight[e], networks.edge_source[e]
            for s in range(samples):
                into[s] += weight * values[source, s]
    else:
        for s in range(samples):
            for e in range(begin, end):
                gathered[e - begin] = networks.edge_weight[e] * values[networks.edge_source[e], s]
            into[s] = aggregated(networks.aggregation[step], gathered, end - begin, networks.aggregations)
    code = networks.activation[step]
    if code < _CUSTOM:
        for s in range(samples):
            into[s] = activate(code, bias + response * into[s])
    else:
        for s in range(samples):
            into[s] = activation_value(code, bias + response * into[s], networks.activations)


@njit(cache=True, nogil=True)
def _widest(networks, begin, end):
    nodes = edges = 1
    for m in range(begin, end):
        nodes = max(nodes, networks.width[m])
        for step in range(networks.step_start[m], networks.step_start[m] + networks.step_count[m]):
            edges = max(edges, networks.edge_end[step] - networks.edge_begin[step])
    return nodes, edges


@njit(cache=True, nogil=True)
def forward(begin, end, networks, x, y):
    """Feed-forward evaluation of members `begin` to `end`.

    x: float64 [members or 1, samples, inputs]; y: float64 [members, samples, outputs], written.
    """
    nodes, edges = _widest(networks, begin, end)
    values = np.empty((nodes, _BLOCK))
    gathered = np.empty(edges)
    shared = x.shape[0] == 1
    for m in range(begin, end):
        for first in range(0, x.shape[1], _BLOCK):
            samples = min(_BLOCK, x.shape[1] - first)
            _fill_sensors(networks, x, 0 if shared else m, first, samples, values)
            for step in range(networks.step_start[m], networks.step_start[m] + networks.step_count[m]):
                _step(networks, step, values, samples, gathered, values[networks.node[step]])
            for output in range(networks.outputs):
                for s in range(samples):
                    y[m, first + s, output] = values[networks.sensors + output, s]


@njit(cache=True, nogil=True)
def advance(begin, end, networks, x, y, state, activations):
    """One time step of recurrent networks: every node sees what its sources held before, `activations` times over.

    state: float64 [nodes of all members, samples], the nodes' values, kept from one time step to the next.
    """
    nodes, edges = _widest(networks, begin, end)
    samples = x.shape[1]
    fresh = np.empty((nodes, samples))
    gathered = np.empty(edges)
    shared = x.shape[0] == 1
    for m in range(begin, end):
        values = state[networks.step_start[m] : networks.step_start[m] + networks.width[m]]
        _fill_sensors(networks, x, 0 if shared else m, 0, samples, values)
        for _ in range(activations):
            first = networks.step_start[m]
            for step in range(networks.step_count[m]):
                _step(networks, first + step, values, samples, gathered, fresh[step])
            for step in range(networks.step_count[m]):
                values[networks.node[first + step]] = fresh[step]
        for output in range(networks.outputs):
            for s in range(samples):
                y[m, s, output] = values[networks.sensors + output, s]


@njit(cache=True, nogil=True)
def step_value(networks, step, values, gathered):
    """The new value of one node, for one sample."""
    begin, end = networks.edge_begin[step], networks.edge_end[step]
    if networks.aggregation[step] == SUM:
        total = 0.0
        for e in range(begin, end):
            total += networks.edge_weight[e] * values[networks.edge_source[e]]
    else:
        for e in range(begin, end):
            gathered[e - begin] = networks.edge_weight[e] * values[networks.edge_source[e]]
        total = aggregated(networks.aggregation[step], gathered, end - begin, networks.aggregations)
    return activation_value(networks.activation[step], networks.bias[step] + networks.response[step] * total, networks.activations)


@njit(cache=True, nogil=True)
def control(networks, m, values, fresh, gathered, activations):
    """One time step of member m inside a simulator: reads the inputs from `values[:inputs]`, leaves the outputs in
    `values[sensors:sensors + outputs]`. `values` float64 [width] is the network's state: zero it at the start of an episode.
    `fresh` [width] and `gathered` [edges of one node] are scratch space."""
    if networks.sensors > networks.inputs:
        values[networks.inputs] = networks.bias_value
    first = networks.step_start[m]
    if not networks.recurrent:
        for step in range(first, first + networks.step_count[m]):
            values[networks.node[step]] = step_value(networks, step, values, gathered)
        return
    for _ in range(activations):
        for step in range(networks.step_count[m]):
            fresh[step] = step_value(networks, first + step, values, gathered)
        for step in range(networks.step_count[m]):
            values[networks.node[first + step]] = fresh[step]
