"""Edit distance for all pairs of two sets of packed genomes."""

import numpy as np

from genomes.compiled import kernel
from genomes.distances.kernels.assignment import assignment


@kernel()
def edit_matrix(a, b, skips):
    """The distances of all genomes of pool a to all of pool b: float64 [a, b]. For the pools see `genomes.distances.edit.Pool`."""
    most, most_skips = 1, 1
    for pool in (a, b):
        for part in range(len(pool.start) - 1):
            most = max(most, pool.start[part + 1] - pool.start[part])
            most_skips = max(most_skips, pool.skip_start[part + 1] - pool.skip_start[part])
    row = np.empty(most + 1)
    words = max(np.max(a.words), np.max(b.words))
    changes = np.empty((words, words))
    cost = np.empty((most_skips, most_skips))
    places = np.empty((4, most_skips), dtype=np.int64)
    potential, least, reached = np.empty(2 * most_skips), np.empty(most_skips), np.empty(most_skips, dtype=np.bool_)
    found = np.empty((len(a.first) - 1, len(b.first) - 1))
    for g in range(len(a.first) - 1):
        for h in range(len(b.first) - 1):
            if a.rank[g] <= b.rank[h]:  # always from the same side, so that both directions agree to the last bit
                found[g, h] = _between(a, g, b, h, skips, row, changes, cost, places, potential, least, reached)
            else:
                found[g, h] = _between(b, h, a, g, skips, row, changes, cost, places, potential, least, reached)
    return found


@kernel(inner=True)
def _between(a, g, b, h, skips, row, changes, cost, places, potential, least, reached):
    total = 0.0
    # layers of one genome are often alike: each different pair is compared once, where both first come
    seen_a = 0
    for v in range(a.start[a.first[g]], a.start[a.first[g + 1]]):
        if a.word[v] == seen_a:
            seen_b = 0
            for w in range(b.start[b.first[h]], b.start[b.first[h + 1]]):
                if b.word[w] == seen_b:
                    changes[seen_a, seen_b] = substitution(a.kind, a.attributes, v, b.kind, b.attributes, w)
                    seen_b += 1
            seen_a += 1
    parts_a, parts_b = a.first[g + 1] - a.first[g], b.first[h + 1] - b.first[h]
    for part in range(max(parts_a, parts_b)):
        low_a, high_a, low_b, high_b, left_a, right_a, left_b, right_b = 0, 0, 0, 0, 0, 0, 0, 0
        if part < parts_a:
            p = a.first[g] + part
            low_a, high_a, left_a, right_a = a.start[p], a.start[p + 1], a.skip_start[p], a.skip_start[p + 1]
        if part < parts_b:
            p = b.first[h] + part
            low_b, high_b, left_b, right_b = b.start[p], b.start[p + 1], b.skip_start[p], b.skip_start[p + 1]
        total += _aligned(a.word, low_a, high_a, b.word, low_b, high_b, changes, row)
        if skips > 0:
            total += skips * _skips_assigned(
                a.skip, left_a, right_a, b.skip, left_b, right_b, cost, places, potential, least, reached
            )  # fmt: skip
    return total


@kernel(inner=True)
def _skips_assigned(skips_a, left_a, right_a, skips_b, left_b, right_b, cost, places, potential, least, reached):
    """The least cost of assigning the skips of one side to those of the other.

    Two of equal content are a pair: the cost is a metric, so that no other assignment is cheaper. Of the others as many as possible are paired,
    because a pair costs at most 1, and one that is left costs 1 as well.
    """
    rows, columns = 0, 0
    v, w = left_a, left_b
    while v < right_a or w < right_b:  # both sides are sorted
        order = 0
        if w == right_b:
            order = -1
        elif v == right_a:
            order = 1
        else:
            for k in range(3):
                if order == 0 and skips_a[v, k] != skips_b[w, k]:
                    order = -1 if skips_a[v, k] < skips_b[w, k] else 1
        if order < 0:
            places[0, rows] = v
            rows += 1
        elif order > 0:
            places[1, columns] = w
            columns += 1
        v += order <= 0
        w += order >= 0
    if rows <= columns:
        for i in range(rows):
            for j in range(columns):
                cost[i, j] = skip_substitution(skips_a, places[0, i], skips_b, places[1, j])
        return columns - rows + assignment(cost, rows, columns, potential, places[2], least, places[3], reached)
    for i in range(columns):
        for j in range(rows):
            cost[i, j] = skip_substitution(skips_a, places[0, j], skips_b, places[1, i])
    return rows - columns + assignment(cost, columns, rows, potential, places[2], least, places[3], reached)


@kernel(inner=True)
def _aligned(word_a, low_a, high_a, word_b, low_b, high_b, changes, row):
    """The cheapest alignment of two sequences of layers (Jin, Song & Hu 2019, section 3.1)."""
    for j in range(high_b - low_b + 1):
        row[j] = j
    for v in range(low_a, high_a):
        diagonal = row[0]
        row[0] += 1
        for j in range(1, high_b - low_b + 1):
            changed = diagonal + changes[word_a[v], word_b[low_b + j - 1]]
            diagonal = row[j]
            row[j] = min(changed, row[j] + 1, row[j - 1] + 1)
    return row[high_b - low_b]


@kernel(inner=True)
def substitution(kind_a, attributes_a, v, kind_b, attributes_b, w):
    """What it costs to change a layer into another: 1 across kinds, else the mean relative difference of their attributes."""
    if kind_a[v] != kind_b[w]:
        return 1.0
    total, count = 0.0, 0
    for k in range(attributes_a.shape[1]):
        x, y = attributes_a[v, k], attributes_b[w, k]
        if x > 0 or y > 0:
            total += abs(x - y) / max(x, y)
            count += 1
    return total / count if count > 0 else 0.0


@kernel(inner=True)
def skip_substitution(skips_a, v, skips_b, w):
    """What it costs to change a skip into another: 1 across kinds, else the relative difference of where they start and how far they go."""
    if skips_a[v, 0] != skips_b[w, 0]:
        return 1.0
    apart, larger = 0.0, 0.0
    for k in range(1, 3):
        apart += abs(skips_a[v, k] - skips_b[w, k])
        larger += max(skips_a[v, k], skips_b[w, k])
    return apart / larger if larger > 0 else 0.0
