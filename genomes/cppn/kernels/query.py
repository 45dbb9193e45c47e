"""CPPNs evaluated for blocks of points.

The programs are those of `genomes.neat.kernels.networks`. Every block is computed whole, its last points repeated where it is not full: so
a point's value does not depend on how many others are asked for.
"""

import numpy as np

from genomes.compiled import kernel
from genomes.cppn.kernels.activations import activate_row
from genomes.neat.kernels.functions import SUM, aggregated
from genomes.neat.kernels.networks import INTEGERS, NUMBERS

BLOCK = 64  # points evaluated together: their values stay in the first-level cache
_SUM = SUM


@kernel(inner=True, fastmath={"contract"})
def evaluate_block(integers, numbers, p, q, steps, values, gathered, activations, aggregations):
    """One network on one block: values float64 [nodes, BLOCK] holds the sensors, and after it every node.

    p, q: where the network's program begins in `integers` and `numbers`; gathered float64 [most edges of a node]: scratch space.
    """
    for _ in range(steps):
        node, code, gathering, edges = integers[p], integers[p + 1], integers[p + 2], integers[p + 3]
        bias, response = numbers[q], numbers[q + 1]
        p, q = p + INTEGERS, q + NUMBERS
        row = values[node]
        if gathering == _SUM:
            for s in range(BLOCK):
                row[s] = 0.0
            for e in range(edges):
                weight, source = numbers[q + e], values[integers[p + e]]
                for s in range(BLOCK):
                    row[s] += weight * source[s]
        else:
            for s in range(BLOCK):
                for e in range(edges):
                    gathered[e] = numbers[q + e] * values[integers[p + e], s]
                row[s] = aggregated(gathering, gathered, edges, integers, numbers, aggregations)
        if bias != 0.0 or response != 1.0:
            for s in range(BLOCK):
                row[s] = bias + response * row[s]
        activate_row(code, row, 0, BLOCK, integers, numbers, activations)
        p, q = p + edges, q + edges


@kernel(inner=True)
def scratch(networks):
    """Room for the values of one block, the bias node set."""
    values = np.zeros((max(networks.most_nodes, networks.sensors + networks.outputs), BLOCK))
    if networks.sensors > networks.inputs:
        values[networks.inputs, :] = networks.bias_value
    return values


@kernel()
def forward(begin, end, networks, x, y):
    """Feed-forward evaluation; the work is `members * blocks` pieces, of which `begin` to `end` are done here.

    x: float64 [members or 1, samples, inputs]; y: float64 [members, samples, outputs], written.
    """
    integers, numbers = networks.integers, networks.numbers
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    activations, aggregations = networks.activations, networks.aggregations
    inputs, sensors, outputs = networks.inputs, networks.sensors, networks.outputs
    values, gathered = scratch(networks), np.empty(networks.most_edges)
    total = x.shape[1]
    blocks = (total + BLOCK - 1) // BLOCK
    for piece in range(begin, end):
        m, first = piece // blocks, (piece % blocks) * BLOCK
        row = 0 if x.shape[0] == 1 else m
        samples = min(BLOCK, total - first)
        for i in range(inputs):
            for s in range(samples):
                values[i, s] = x[row, first + s, i]
            for s in range(samples, BLOCK):
                values[i, s] = x[row, first + samples - 1, i]
        evaluate_block(
            integers, numbers, integer_start[m], number_start[m], step_count[m], values, gathered, activations, aggregations
        )  # fmt: skip
        for output in range(outputs):
            for s in range(samples):
                y[m, first + s, output] = values[sensors + output, s]
