"""Networks in time, compiled: leaky and continuous-time nodes, and spiking ones (Izhikevich 2003)."""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.functions import CUSTOM
from genomes.neat.kernels.functions import SUM, activation_value, aggregated
from genomes.neat.kernels.networks import INTEGERS, NUMBERS, PROGRAM

_CUSTOM = CUSTOM
_PEAK = 30.0  # millivolts: a spike


@kernel()
def advance_leaky(begin, end, networks, x, y, state, time_step, steps_a_call, alternating):
    """`steps_a_call` time steps of networks whose nodes move towards what they compute: value += time_step / time_constant * (target -
    value), every node seeing what its sources held before (Euler). The response gene is the time constant.

    state: float64 [2, nodes of all members, samples]: the values, and those of the time step before. With `alternating`, as neat-python
    2.0 integrates: a node moves on from its value two time steps ago, and the outputs are those of the last time step but one.
    """
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers, value_start, width = networks.integers, networks.numbers, networks.value_start, networks.width
    activations, aggregations = networks.activations, networks.aggregations
    inputs, sensors, outputs = networks.inputs, networks.sensors, networks.outputs
    values, before, fresh = np.empty(networks.most_nodes), np.empty(networks.most_nodes), np.empty(networks.most_nodes)
    gathered = np.empty(networks.most_edges)
    for m in range(begin, end):
        row, first, nodes = 0 if x.shape[0] == 1 else m, value_start[m], width[m]
        for s in range(x.shape[1]):
            for node in range(nodes):
                values[node], before[node] = state[0, first + node, s], state[1, first + node, s]
            for i in range(inputs):
                values[i] = before[i] = x[row, s, i]
            if sensors > inputs:
                values[inputs] = before[inputs] = networks.bias_value
            for _ in range(steps_a_call):
                p, q = integer_start[m], number_start[m]
                for step in range(step_count[m]):
                    node, edges = integers[p], integers[p + 3]
                    total = 0.0
                    if integers[p + 2] == SUM:
                        for e in range(edges):
                            total += numbers[q + NUMBERS + e] * values[integers[p + INTEGERS + e]]
                    else:
                        for e in range(edges):
                            gathered[e] = numbers[q + NUMBERS + e] * values[integers[p + INTEGERS + e]]
                        total = aggregated(integers[p + 2], gathered, edges, integers, numbers, aggregations)
                    target = activation_value(integers[p + 1], numbers[q] + total, integers, numbers, activations)
                    from_value = before[node] if alternating else values[node]
                    # A time constant below the step would overshoot, and one of any sign may be inherited: both are legal this way.
                    fresh[step] = from_value + time_step / max(abs(numbers[q + 1]), time_step) * (target - from_value)
                    p, q = p + INTEGERS + edges, q + NUMBERS + edges
                p = integer_start[m]
                for step in range(step_count[m]):
                    before[integers[p]] = values[integers[p]]
                    values[integers[p]] = fresh[step]
                    p += INTEGERS + integers[p + 3]
            for node in range(nodes):
                state[0, first + node, s], state[1, first + node, s] = values[node], before[node]
            for output in range(outputs):
                y[m, s, output] = before[sensors + output] if alternating else values[sensors + output]


@kernel(inner=True)
def _parameters(code, integers, numbers, activations):
    """a, b, c, d of a kind of neuron: constants that lie where a custom activation's program would."""
    base = integers[activations + PROGRAM * (code - _CUSTOM) + 1]
    return numbers[base], numbers[base + 1], numbers[base + 2], numbers[base + 3]


@kernel()
def advance_spiking(begin, end, networks, x, y, state, time_step, steps_a_call, starts):
    """`steps_a_call` time steps (milliseconds each: `time_step`) of spiking networks; an output is the share of them in which it fired.

    v' = 0.04 v^2 + 5 v + 140 - u + I and u' = a (b v - u), v in two half steps; at 30 mV a spike, v = c and u += d. I is the bias, plus
    the weights of the sources that fired in the time step before, plus weights times inputs.

    state: float64 [3, nodes of all members, samples]: v, u, and whether the node fired; `starts` sets them to rest first.
    """
    integer_start, number_start, step_count = networks.integer_start, networks.number_start, networks.step_count
    integers, numbers, value_start = networks.integers, networks.numbers, networks.value_start
    activations, inputs, sensors, outputs = networks.activations, networks.inputs, networks.sensors, networks.outputs
    current = np.empty(networks.most_nodes)
    for m in range(begin, end):
        row, first = 0 if x.shape[0] == 1 else m, value_start[m]
        for s in range(x.shape[1]):
            if starts:
                p = integer_start[m]
                for _ in range(step_count[m]):
                    node = first + integers[p]
                    _, b, c, _ = _parameters(integers[p + 1], integers, numbers, activations)
                    state[0, node, s], state[1, node, s], state[2, node, s] = c, b * c, 0.0
                    p += INTEGERS + integers[p + 3]
            for i in range(inputs):
                state[2, first + i, s] = x[row, s, i]
            if sensors > inputs:
                state[2, first + inputs, s] = networks.bias_value
            for output in range(outputs):
                y[m, s, output] = 0.0
            for _ in range(steps_a_call):
                p, q = integer_start[m], number_start[m]
                for step in range(step_count[m]):
                    edges = integers[p + 3]
                    total = numbers[q]
                    for e in range(edges):
                        total += numbers[q + NUMBERS + e] * state[2, first + integers[p + INTEGERS + e], s]
                    current[step] = total
                    p, q = p + INTEGERS + edges, q + NUMBERS + edges
                p = integer_start[m]
                for step in range(step_count[m]):
                    node = first + integers[p]
                    a, b, c, d = _parameters(integers[p + 1], integers, numbers, activations)
                    v, u = state[0, node, s], state[1, node, s]
                    v += 0.5 * time_step * (0.04 * v * v + 5.0 * v + 140.0 - u + current[step])
                    v += 0.5 * time_step * (0.04 * v * v + 5.0 * v + 140.0 - u + current[step])
                    u += time_step * a * (b * v - u)
                    fired = 0.0
                    if not (math.isfinite(v) and math.isfinite(u)):  # a current too strong for the time step: back to rest
                        v, u = c, b * c
                    elif v > _PEAK:
                        fired, v, u = 1.0, c, u + d
                    state[0, node, s], state[1, node, s], state[2, node, s] = v, u, fired
                    p += INTEGERS + integers[p + 3]
                for output in range(outputs):
                    y[m, s, output] += state[2, first + sensors + output, s] / steps_a_call
