"""Speciation, compiled."""

# ruff: noqa: RUF046
import numpy as np
from numba import njit

from genomes.neat.kernels.distance import compatibility
from genomes.neat.kernels.streams import below


@njit(cache=True, nogil=True)
def join_species(begin, end, pool, previous_pool, representative, previous_label, mothers, coefficients, threshold, label):
    """Label members `begin` to `end` with the species they are compatible with, their first parent's first; -1 for none."""
    for k in range(begin, end):
        home = previous_label[mothers[k]] if mothers[k] >= 0 and len(previous_label) > 0 else -1
        label[k] = -1
        if home >= 0 and compatibility(pool, k, previous_pool, representative[home], coefficients, threshold) <= threshold:
            label[k] = home
            continue
        for s in range(len(representative)):
            if s != home and compatibility(pool, k, previous_pool, representative[s], coefficients, threshold) <= threshold:
                label[k] = s
                break


@njit(cache=True, nogil=True)
def found_species(pool, coefficients, threshold, label, first):
    """Label the members that fit nowhere: each joins the first new species that it is compatible with, or founds one. Returns the
    number of new species; they are labelled from `first` on."""
    founders = np.empty(len(label), np.int64)
    founded = 0
    for k in range(len(label)):
        if label[k] >= 0:
            continue
        for s in range(founded):
            if compatibility(pool, k, pool, founders[s], coefficients, threshold) <= threshold:
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
