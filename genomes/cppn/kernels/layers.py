"""Layered networks with the weights that expression gave, for many members at once."""

import numpy as np

from genomes.compiled import kernel
from genomes.cppn.kernels.activations import activate_row

_NO_INTEGERS, _NO_NUMBERS = np.zeros(1, np.int64), np.zeros(1)


@kernel(fastmath={"contract"}, inline="always")
def _add(weights, m, offset, values, from_node, sources, into, to_node, targets):
    """Add what a layer's values send over its connections: most inputs of a picture are 0 and cost nothing."""
    for i in range(sources):
        value = values[from_node + i]
        if value != 0.0:
            row = offset + i * targets
            for j in range(targets):
                into[to_node + j] += value * weights[m, row + j]


@kernel()
def forward(begin, end, weights, biases, layers, order, pairs, code, output_code, x, y):
    """Feed-forward evaluation of members `begin` to `end`.

    weights: float64 [members, connections]; biases: float64 [members, nodes]; layers: int64 [layers, 2], each one's first node and size;
    order: the layers to compute, sources first; pairs: int64 [pairs, 3], source layer, target layer, first weight.
    x: float64 [members or 1, samples, inputs]; y: float64 [members, samples, outputs], written.
    """
    values = np.zeros(biases.shape[1])
    last = layers.shape[0] - 1
    for m in range(begin, end):
        given = 0 if x.shape[0] == 1 else m
        for s in range(x.shape[1]):
            for i in range(layers[0, 1]):
                values[i] = x[given, s, i]
            for position in range(len(order)):
                layer = order[position]
                first, count = layers[layer, 0], layers[layer, 1]
                for j in range(first, first + count):
                    values[j] = biases[m, j]
                for pair in range(pairs.shape[0]):
                    if pairs[pair, 1] == layer:
                        source = pairs[pair, 0]
                        _add(weights, m, pairs[pair, 2], values, layers[source, 0], layers[source, 1], values, first, count)
                activate_row(output_code if layer == last else code, values, first, count, _NO_INTEGERS, _NO_NUMBERS, 0)
            for j in range(layers[last, 1]):
                y[m, s, j] = values[layers[last, 0] + j]


@kernel()
def advance(begin, end, weights, biases, layers, order, pairs, code, output_code, x, y, state, times):
    """One time step of recurrent networks: every node sees what its sources held before, `times` times over.

    state: float64 [members, samples, nodes], kept from one time step to the next. The rest as for `forward`.
    """
    nodes = biases.shape[1]
    fresh = np.empty(nodes)
    last = layers.shape[0] - 1
    for m in range(begin, end):
        given = 0 if x.shape[0] == 1 else m
        for s in range(x.shape[1]):
            values = state[m, s]
            for i in range(layers[0, 1]):
                values[i] = x[given, s, i]
            for _ in range(times):
                for j in range(nodes):
                    fresh[j] = biases[m, j]
                for pair in range(pairs.shape[0]):
                    source, target = pairs[pair, 0], pairs[pair, 1]
                    _add(
                        weights, m, pairs[pair, 2], values, layers[source, 0], layers[source, 1], fresh, layers[target, 0],
                        layers[target, 1],
                    )  # fmt: skip
                for position in range(len(order)):
                    layer = order[position]
                    first, count = layers[layer, 0], layers[layer, 1]
                    activate_row(output_code if layer == last else code, fresh, first, count, _NO_INTEGERS, _NO_NUMBERS, 0)
                    for j in range(first, first + count):
                        values[j] = fresh[j]
            for j in range(layers[last, 1]):
                y[m, s, j] = values[layers[last, 0] + j]
