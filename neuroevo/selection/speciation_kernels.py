"""Speciation, compiled."""

import numpy as np
from numba import njit

from genomes.neat.kernels.distance import compatibility
from genomes.neat.kernels.streams import below


@njit(cache=True, nogil=True)
def join_species(begin, end, pool, previous_pool, representative, previous_label, mothers, coefficients, threshold, label):
    """Label members `begin` to `end` with the species they are compatible with, their first parent's first; -1 for none."""
    x, u, start, count = pool.connections.marking, pool.connections.weight, pool.connection_start, pool.connection_count
    y, v, start_2, count_2 = (
        previous_pool.connections.marking, previous_pool.connections.weight, previous_pool.connection_start, previous_pool.connection_count,
    )  # fmt: skip
    n, a, node_start, node_count = pool.nodes.marking, pool.nodes.bias, pool.node_start, pool.node_count
    m, b, node_start_2, node_count_2 = (
        previous_pool.nodes.marking, previous_pool.nodes.bias, previous_pool.node_start, previous_pool.node_count,
    )  # fmt: skip
    c1, c2, c3 = coefficients.excess, coefficients.disjoint, coefficients.weight
    biases, sensors = coefficients.biases, coefficients.sensors
    for k in range(begin, end):
        home = previous_label[mothers[k]] if mothers[k] >= 0 and len(previous_label) > 0 else -1
        label[k] = -1
        p, p_end = start[k], start[k] + count[k]
        # the first parent's species is looked at first, then the others, oldest first
        for turn in range(-1, len(representative)):
            s = home if turn < 0 else turn
            if s < 0 or (turn >= 0 and s == home):
                continue
            r = representative[s]
            distance = compatibility(
                x, u, p, p_end, y, v, start_2[r], start_2[r] + count_2[r],
                n, a, node_start[k] + sensors, node_start[k] + node_count[k],
                m, b, node_start_2[r] + sensors, node_start_2[r] + node_count_2[r], biases, c1, c2, c3, threshold,
            )  # fmt: skip
            if distance <= threshold:
                label[k] = s
                break


@njit(cache=True, nogil=True)
def found_species(pool, coefficients, threshold, label, first):
    """Label the members that fit nowhere: each joins the first new species that it is compatible with, or founds one. Returns the
    number of new species; they are labelled from `first` on."""
    x, u, start, count = pool.connections.marking, pool.connections.weight, pool.connection_start, pool.connection_count
    n, a, node_start, node_count = pool.nodes.marking, pool.nodes.bias, pool.node_start, pool.node_count
    c1, c2, c3 = coefficients.excess, coefficients.disjoint, coefficients.weight
    biases, sensors = coefficients.biases, coefficients.sensors
    founders = np.empty(len(label), np.int64)
    founded = 0
    for k in range(len(label)):
        if label[k] >= 0:
            continue
        for s in range(founded):
            r = founders[s]
            distance = compatibility(
                x, u, start[k], start[k] + count[k], x, u, start[r], start[r] + count[r],
                n, a, node_start[k] + sensors, node_start[k] + node_count[k],
                n, a, node_start[r] + sensors, node_start[r] + node_count[r], biases, c1, c2, c3, threshold,
            )  # fmt: skip
            if distance <= threshold:
                label[k] = first + s
                break
        if label[k] < 0:
            founders[founded] = k
            label[k] = first + founded
            founded += 1
    return founded


def order_of(fitness):
    """Positions by falling fitness, the earlier first among equals."""
    return np.argsort(-fitness, kind="stable")


@njit(cache=True, nogil=True)
def group(label, order, count, key):
    """Group members by species, keeping their order; species without members vanish.

    Returns (start, members, kept species, new labels, a random member of each species).
    """
    size = np.zeros(count, np.int64)
    for k in range(len(label)):
        size[label[k]] += 1
    renamed = np.empty(count, np.int64)
    kept = np.empty(count, np.int64)
    alive = 0
    for s in range(count):
        renamed[s] = alive
        if size[s] > 0:
            kept[alive] = s
            alive += 1
    start = np.zeros(alive + 1, np.int64)
    for s in range(alive):
        start[s + 1] = start[s] + size[kept[s]]
    cursor = start[:alive].copy()
    members = np.empty(len(label), np.int64)
    relabelled = np.empty(len(label), np.int64)
    for position in range(len(order)):
        k = order[position]
        s = renamed[label[k]]
        relabelled[k] = s
        members[cursor[s]] = k
        cursor[s] += 1
    stream = np.empty(1, np.uint64)
    stream[0] = key
    representative = np.empty(alive, np.int64)
    for s in range(alive):
        representative[s] = members[start[s] + below(stream, start[s + 1] - start[s])]
    return start, members, kept[:alive].copy(), relabelled, representative
