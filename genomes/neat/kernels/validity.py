"""Whether the genomes of a pool are sound, compiled: arrays that come from a file are checked before any other kernel sees them."""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS, CUSTOM
from genomes.neat.kernels.structure import has_cycle, node_index

_ACTIVATIONS, _AGGREGATIONS, _CUSTOM = len(ACTIVATIONS), len(AGGREGATIONS), CUSTOM


@kernel()
def first_unsound(pool, sensors, fixed, recurrent, activations, aggregations):
    """The first member that is no genome of the space, or -1. `activations` and `aggregations` count the custom functions."""
    for k in range(len(pool.node_start)):
        if not (
            _sound_nodes(pool, k, fixed, activations, aggregations) and _sound_connections(pool, k, sensors, fixed, recurrent)
        ):
            return k
    return -1


@kernel(inner=True)
def _known(code, built_in, custom):
    return 0 <= code < built_in or _CUSTOM <= code < _CUSTOM + custom


@kernel(inner=True)
def _sound_nodes(pool, k, fixed, activations, aggregations):
    nodes, first, count = pool.nodes, pool.node_start[k], pool.node_count[k]
    if count < fixed:
        return False
    for i in range(count):
        marking = nodes.marking[first + i]
        if (
            (i < fixed and marking != i)
            or (i >= fixed and marking < fixed)
            or (i > 0 and marking <= nodes.marking[first + i - 1])
        ):
            return False
        if not (math.isfinite(nodes.bias[first + i]) and math.isfinite(nodes.response[first + i])):
            return False
        if not _known(nodes.activation[first + i], _ACTIVATIONS, activations):
            return False
        if not _known(nodes.aggregation[first + i], _AGGREGATIONS, aggregations):
            return False
    return True


@kernel(inner=True)
def _sound_connections(pool, k, sensors, fixed, recurrent):
    connections, first, count = pool.connections, pool.connection_start[k], pool.connection_count[k]
    source = np.empty(count, np.int64)
    target = np.empty(count, np.int64)
    for i in range(count):
        c = first + i
        source[i] = node_index(pool.nodes.marking, pool.node_start[k], pool.node_count[k], connections.source[c], fixed)
        target[i] = node_index(pool.nodes.marking, pool.node_start[k], pool.node_count[k], connections.target[c], fixed)
        if source[i] < 0 or target[i] < sensors or not math.isfinite(connections.weight[c]):
            return False
        if connections.marking[c] < 0 or (i > 0 and connections.marking[c] <= connections.marking[c - 1]):
            return False
    for i in range(count):
        for j in range(i):
            if source[i] == source[j] and target[i] == target[j]:
                return False
    return recurrent or not has_cycle(source, target, pool.node_count[k])
