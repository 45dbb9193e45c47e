"""Finding genes and asking about structure, inside one genome of a pool."""

import numpy as np

from genomes.compiled import kernel


@kernel(inner=True)
def node_index(marking, start, count, wanted, fixed):
    """Index inside its genome of the node with this marking, or -1. Fixed nodes are their own index."""
    if 0 <= wanted < fixed:
        return wanted
    low, high = fixed, count
    while low < high:
        middle = (low + high) >> 1
        if marking[start + middle] < wanted:
            low = middle + 1
        else:
            high = middle
    if low < count and marking[start + low] == wanted:
        return low
    return -1


@kernel(inner=True)
def find_edge(connections, start, count, source, target):
    """Position inside its genome of the connection between two nodes, or -1."""
    for i in range(start, start + count):
        if connections.source[i] == source and connections.target[i] == target:
            return i - start
    return -1


@kernel(inner=True)
def makes_cycle(nodes, node_start, node_count, connections, start, count, source, target, fixed):
    """Whether a connection source -> target (markings) would close a cycle, disabled connections included."""
    if source == target:
        return True
    reached = np.zeros(node_count, np.bool_)
    reached[node_index(nodes.marking, node_start, node_count, target, fixed)] = True
    wanted = node_index(nodes.marking, node_start, node_count, source, fixed)
    ends = np.empty((count, 2), np.int64)
    for i in range(count):
        ends[i, 0] = node_index(nodes.marking, node_start, node_count, connections.source[start + i], fixed)
        ends[i, 1] = node_index(nodes.marking, node_start, node_count, connections.target[start + i], fixed)
    grew = True
    while grew:
        grew = False
        for i in range(count):
            if reached[ends[i, 0]] and not reached[ends[i, 1]]:
                reached[ends[i, 1]] = True
                grew = True
        if reached[wanted]:
            return True
    return False


@kernel()
def has_cycle(source, target, nodes):
    """Whether the graph of connections source[i] -> target[i] (node indices) has a cycle (Kahn 1962)."""
    incoming = np.zeros(nodes, np.int64)
    for i in range(len(target)):
        incoming[target[i]] += 1
    removed = 0
    ready = np.empty(nodes, np.int64)
    for node in range(nodes):
        if incoming[node] == 0:
            ready[removed] = node
            removed += 1
    position = 0
    while position < removed:
        node = ready[position]
        position += 1
        for i in range(len(source)):
            if source[i] == node:
                incoming[target[i]] -= 1
                if incoming[target[i]] == 0:
                    ready[removed] = target[i]
                    removed += 1
    return removed < nodes


@kernel(inner=True)
def insert_node(nodes, start, count, marking, bias, response, activation, aggregation):
    """Put a node gene in its place by marking; there is room for it. Returns the new count."""
    i = start + count
    while i > start and nodes.marking[i - 1] > marking:
        nodes.marking[i] = nodes.marking[i - 1]
        nodes.bias[i] = nodes.bias[i - 1]
        nodes.response[i] = nodes.response[i - 1]
        nodes.activation[i] = nodes.activation[i - 1]
        nodes.aggregation[i] = nodes.aggregation[i - 1]
        i -= 1
    nodes.marking[i] = marking
    nodes.bias[i] = bias
    nodes.response[i] = response
    nodes.activation[i] = activation
    nodes.aggregation[i] = aggregation
    return count + 1


@kernel(inner=True)
def insert_connection(connections, start, count, marking, source, target, weight, enabled):
    """Put a connection gene in its place by marking; there is room for it. Returns the new count."""
    i = start + count
    while i > start and connections.marking[i - 1] > marking:
        copy_connection(connections, i - 1, connections, i)
        i -= 1
    connections.marking[i] = marking
    connections.source[i] = source
    connections.target[i] = target
    connections.weight[i] = weight
    connections.enabled[i] = enabled
    return count + 1


@kernel(inline="always")
def copy_connection(connections, i, into, j):
    """Copy one connection gene."""
    into.marking[j] = connections.marking[i]
    into.source[j] = connections.source[i]
    into.target[j] = connections.target[i]
    into.weight[j] = connections.weight[i]
    into.enabled[j] = connections.enabled[i]


@kernel(inline="always")
def copy_node(nodes, i, into, j):
    """Copy one node gene."""
    into.marking[j] = nodes.marking[i]
    into.bias[j] = nodes.bias[i]
    into.response[j] = nodes.response[i]
    into.activation[j] = nodes.activation[i]
    into.aggregation[j] = nodes.aggregation[i]
