"""Weights of whole layers from CPPNs, for many CPPNs at once."""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.cppn.kernels.query import BLOCK, evaluate_block, scratch

WEIGHT, LEO, BIAS = 0, 1, 2  # which answer is written


@kernel(inline="always")
def expressed(weight, threshold, weight_range):
    """The weight of a connection with this answer of the CPPN; 0 is no connection, as for answers that are no numbers."""
    size = abs(weight)
    if not size > threshold:
        return 0.0
    return math.copysign(weight_range * (min(size, 1.0) - threshold) / (1.0 - threshold), weight)


@kernel(inner=True)
def put_source(values, place, dimension):
    """Tell the CPPN's block where the connections begin."""
    for d in range(dimension):
        for s in range(BLOCK):
            values[d, s] = place[d]


@kernel(inner=True)
def put_differences(values, dimension, differences, length):
    """Tell it x2 - x1, ... and the distance, from the places that are in the block."""
    next_row = 2 * dimension
    if differences:
        for d in range(dimension):
            for s in range(BLOCK):
                values[next_row + d, s] = values[dimension + d, s] - values[d, s]
        next_row += dimension
    if length:
        for s in range(BLOCK):
            values[next_row, s] = 0.0
        for d in range(dimension):
            for s in range(BLOCK):
                step = values[dimension + d, s] - values[d, s]
                values[next_row, s] += step * step
        for s in range(BLOCK):
            values[next_row, s] = math.sqrt(values[next_row, s])


@kernel()
def express_pair(
    begin, end, networks, sources, targets, target_count, differences, length, output, leo, threshold, weight_range, weights, offset
):  # fmt: skip
    """The connections from every source to every target; the work is `members * sources` pieces, of which `begin` to `end` are done here.

    sources: float64 [sources, dimension]. targets: float64 [dimension, whole blocks], of which the first `target_count` count. output,
    leo: which outputs of the CPPN are the weight and the link expression; leo -1: none. weights: float64 [members, ...]; the weight from
    source i to target j is written at offset + i * target_count + j.
    """
    integers, numbers = networks.integers, networks.numbers
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    activations, aggregations, sensors = networks.activations, networks.aggregations, networks.sensors
    dimension, many = targets.shape[0], sources.shape[0]
    values, gathered = scratch(networks), np.empty(networks.most_edges)
    for piece in range(begin, end):
        m, i = piece // many, piece % many
        put_source(values, sources[i], dimension)
        p, q, steps = integer_start[m], number_start[m], step_count[m]
        for first in range(0, target_count, BLOCK):
            for d in range(dimension):
                for s in range(BLOCK):
                    values[dimension + d, s] = targets[d, first + s]
            put_differences(values, dimension, differences, length)
            evaluate_block(integers, numbers, p, q, steps, values, gathered, activations, aggregations)
            into = offset + i * target_count + first
            for s in range(min(BLOCK, target_count - first)):
                weight = values[sensors + output, s]
                if leo < 0:
                    weights[m, into + s] = expressed(weight, threshold, weight_range)
                elif values[sensors + leo, s] > 0.0:
                    weights[m, into + s] = expressed(weight, 0.0, weight_range)
                else:
                    weights[m, into + s] = 0.0
