"""First genomes, compiled: random weights, and the topologies that are drawn."""

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.mutation import add_connection, add_node
from genomes.neat.kernels.streams import below, symmetric, uniform
from genomes.neat.kernels.structure import copy_connection

_PARTIAL, _FEATURE_SELECTIVE, _RANDOM = 1, 2, 4


@kernel()
def fill(pool, keys, rates, topology, share, hidden):
    """Draw every genome of a pool that holds the template of the space's first genomes."""
    stream = np.zeros(1, np.uint64)
    clock = np.int64(0)
    for k in range(len(keys)):
        stream[0] = keys[k]
        if topology == _PARTIAL:
            _keep(pool, k, share, np.int64(-1), rates, stream)
        elif topology == _FEATURE_SELECTIVE and rates.sensors > 0:
            _keep(pool, k, 0.0, below(stream, rates.inputs) if rates.inputs > 0 else np.int64(0), rates, stream)
        elif topology == _RANDOM:
            _keep(pool, k, share, np.int64(-1), rates, stream)
            wanted = 1 + below(stream, hidden)
            for _ in range(wanted):
                if not add_node(pool, k, rates, clock, stream):
                    add_connection(pool, k, rates, clock, stream)
                    add_node(pool, k, rates, clock, stream)
        first = pool.connection_start[k]
        for i in range(first, first + pool.connection_count[k]):
            pool.connections.weight[i] = rates.weight_range * symmetric(stream)
        if rates.biases > 0.0:
            first = pool.node_start[k]
            for i in range(first + rates.sensors, first + pool.node_count[k]):
                pool.nodes.bias[i] = rates.bias_range * symmetric(stream)


@kernel(inner=True)
def _keep(pool, k, share, feature, rates, stream):
    start = pool.connection_start[k]
    kept = start
    for i in range(start, start + pool.connection_count[k]):
        source = pool.connections.source[i]
        if uniform(stream) < share or (feature >= 0 and (source == feature or source >= rates.inputs)):
            copy_connection(pool.connections, i, pool.connections, kept)
            kept += 1
    pool.connection_count[k] = kept - start
