"""Compiled training of small dense networks (`neuroevo.predictors.ensemble`)."""

import numpy as np

from genomes.compiled import kernel

FIRST, SECOND, TINY = np.float32(0.9), np.float32(0.99), np.float32(1e-7)  # Adam's decay rates and epsilon
ZERO, ONE = np.float32(0), np.float32(1)


@kernel(error_model="numpy")
def train(weights, sizes, rows, scores, seen, orders, batch, rate, squared):
    """Train each network on the observations that it sees, by Adam (Kingma & Ba 2015), in place.

    weights: float32 [networks, weights], layer by layer the kernel [in, out] and the bias. sizes: int64 [layers + 1]. rows: float32
    [observations, features]. scores: float32 [observations]. seen: bool [networks, observations]. orders: int64 [epochs, observations].
    batch: observations in a step, of whom a network passes over those that it does not see. squared: whether the loss is the squared error.
    """
    count, layers, widest = weights.shape[1], len(sizes) - 1, 0
    for units in sizes[1:]:
        widest = max(widest, units)
    gradient, first, second = np.empty(count, np.float32), np.empty(count, np.float32), np.empty(count, np.float32)
    values = np.empty((layers + 1, max(widest, sizes[0])), np.float32)
    slope, below = np.empty(widest, np.float32), np.empty(widest, np.float32)
    turned = np.empty(count, np.float32)  # the kernels with their axes exchanged, so that every inner loop runs over neighbours
    for network in range(len(weights)):
        own = weights[network]
        first[:] = ZERO
        second[:] = ZERO
        decay_first, decay_second = ONE, ONE
        for order in orders:
            for start in range(0, len(order), batch):
                chosen = order[start : start + batch]
                members = 0
                for one in chosen:
                    members += seen[network, one]
                if members == 0:
                    continue
                turn(own, sizes, turned)
                gradient[:] = ZERO
                for one in chosen:
                    if seen[network, one]:
                        values[0, : sizes[0]] = rows[one]
                        forward(own, sizes, values)
                        error = values[layers, 0] - scores[one]
                        if squared:
                            slope[0] = 2 * error / np.float32(members)
                        else:
                            slope[0] = np.float32(np.sign(error)) / np.float32(members)
                        backward(turned, sizes, values, slope, below, gradient)
                decay_first *= FIRST
                decay_second *= SECOND
                pace, root = rate / (ONE - decay_first), ONE / (ONE - decay_second)
                for k in range(count):
                    g = gradient[k]
                    first[k] += (ONE - FIRST) * (g - first[k])
                    second[k] += (ONE - SECOND) * (g * g - second[k])
                    own[k] -= pace * first[k] / (np.sqrt(second[k] * root) + TINY)


@kernel()
def outputs(weights, sizes, rows):
    """What each network says of each row: float64 [networks, rows]."""
    layers = len(sizes) - 1
    values = np.empty((layers + 1, sizes.max()), np.float32)
    found = np.empty((len(weights), len(rows)))
    for network in range(len(weights)):
        for row in range(len(rows)):
            values[0, : sizes[0]] = rows[row]
            forward(weights[network], sizes, values)
            found[network, row] = values[layers, 0]
    return found


@kernel(inner=True)
def forward(own, sizes, values):
    """Fill in the values of all layers behind the first: ReLU after all but the last."""
    start = 0
    for layer in range(len(sizes) - 1):
        before, after = sizes[layer], sizes[layer + 1]
        here = values[layer + 1, :after]
        here[:] = own[start + before * after : start + (before + 1) * after]
        for k in range(before):
            x = values[layer, k]
            if x != ZERO:
                kernel_row = own[start + k * after : start + (k + 1) * after]
                for j in range(after):
                    here[j] += x * kernel_row[j]
        if layer < len(sizes) - 2:
            for j in range(after):
                here[j] = max(here[j], ZERO)
        start += (before + 1) * after


@kernel(inner=True)
def backward(turned, sizes, values, slope, below, gradient):
    """Add one observation's gradient. slope: that of the loss by the last layer's value; overwritten."""
    start = len(gradient)
    for layer in range(len(sizes) - 2, -1, -1):
        before, after = sizes[layer], sizes[layer + 1]
        start -= (before + 1) * after
        for k in range(before):
            x = values[layer, k]
            if x != ZERO:
                kernel_row = gradient[start + k * after : start + (k + 1) * after]
                for j in range(after):
                    kernel_row[j] += x * slope[j]
        bias = gradient[start + before * after : start + (before + 1) * after]
        for j in range(after):
            bias[j] += slope[j]
        if layer:
            below[:before] = ZERO
            for j in range(after):
                s = slope[j]
                if s != ZERO:
                    column = turned[start + j * before : start + (j + 1) * before]
                    for k in range(before):
                        below[k] += s * column[k]
            for k in range(before):
                slope[k] = below[k] if values[layer, k] > ZERO else ZERO


@kernel(inner=True)
def turn(own, sizes, turned):
    """Exchange the axes of every kernel but the first layer's, behind which no gradient goes."""
    start = (sizes[0] + 1) * sizes[1]
    for layer in range(1, len(sizes) - 1):
        before, after = sizes[layer], sizes[layer + 1]
        for k in range(before):
            for j in range(after):
                turned[start + j * before + k] = own[start + k * after + j]
        start += (before + 1) * after
