"""Speciation, compiled.

Each member is compared with many representatives, so these are laid out as a table that compares a gene with 16 of them at once: for every
marking the 16 weights that they have for it, not a number where they lack the gene. The table gives a lower bound of the compatibility
distance in single precision; only what it lets pass is compared exactly.
"""

from typing import NamedTuple

import numpy as np

from genomes.compiled import kernel
from genomes.neat.kernels.distance import compatibility
from genomes.neat.kernels.streams import below

LANES = 16  # representatives that are compared at once
_TILE = 64  # members that are taken through the whole table together, so that their genes stay in the cache
_FIRST, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


class Table(NamedTuple):
    """Representatives in blocks of `LANES`, oldest species first.

    slots: int64 [2, slots], open addressing: which gene of the table has a marking of a connection (0) or node (1), -1: free.
    markings: int64 [genes].
    rows: int32 [blocks, genes]: the row of a gene in a block, -1 where no representative of the block has it.
    weights: float32 [blocks, rows, LANES]: weights of connections, biases of nodes.
    sizes: float32 [blocks, LANES]: connection genes.
    largest: of all weights, absolute.
    """

    slots: np.ndarray
    markings: np.ndarray
    rows: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    largest: float


@kernel(inline="always")
def _gene_of(slots, markings, kind, marking):
    """The gene of the table that has a marking, and its slot; -1 where none has."""
    mask = slots.shape[1] - 1
    slot = np.int64((np.uint64(marking) * _FIRST) >> _SHIFT) & mask
    gene = slots[kind, slot]
    while gene >= 0 and markings[gene] != marking:
        slot = (slot + 1) & mask
        gene = slots[kind, slot]
    return gene, slot


@kernel()
def tabulate(pool, representative, coefficients):
    """The table of these members of a pool."""
    biases, sensors = coefficients.biases, coefficients.sensors
    blocks = (len(representative) + LANES - 1) // LANES
    most, total = 1, 1
    for block in range(blocks):
        genes = 0
        for s in range(block * LANES, min((block + 1) * LANES, len(representative))):
            genes += pool.connection_count[representative[s]]
            genes += pool.node_count[representative[s]] - sensors if biases else 0
        most = max(most, genes)
        total += genes
    room = 4
    while room < 2 * total:
        room *= 2
    slots = np.empty((2, room), np.int64)
    for slot in range(room):  # `np.full` takes longer to compile
        slots[0, slot], slots[1, slot] = -1, -1
    markings = np.empty(total, np.int64)
    known = 0
    for s in range(len(representative)):
        k = representative[s]
        for kind in range(2 if biases else 1):
            first, count = _genes(pool, k, kind, sensors)
            for i in range(first, first + count):
                marking = pool.connections.marking[i] if kind == 0 else pool.nodes.marking[i]
                gene, slot = _gene_of(slots, markings, kind, marking)
                if gene < 0:
                    slots[kind, slot], markings[known] = known, marking
                    known += 1
    rows = np.empty((blocks, max(1, known)), np.int32)
    weights = np.empty((blocks, most, LANES), np.float32)
    sizes = np.empty((blocks, LANES), np.float32)
    largest = 0.0
    for block in range(blocks):
        used = 0
        for gene in range(rows.shape[1]):
            rows[block, gene] = -1
        for lane in range(LANES):
            sizes[block, lane] = 0.0
            for row in range(most):
                weights[block, row, lane] = np.nan
        for lane in range(min(LANES, len(representative) - block * LANES)):
            k = representative[block * LANES + lane]
            sizes[block, lane] = pool.connection_count[k]
            for kind in range(2 if biases else 1):
                first, count = _genes(pool, k, kind, sensors)
                for i in range(first, first + count):
                    marking = pool.connections.marking[i] if kind == 0 else pool.nodes.marking[i]
                    gene, _ = _gene_of(slots, markings, kind, marking)
                    if rows[block, gene] < 0:
                        rows[block, gene] = used
                        used += 1
                    weight = pool.connections.weight[i] if kind == 0 else pool.nodes.bias[i]
                    weights[block, rows[block, gene], lane] = weight
                    largest = max(largest, abs(weight))
    return Table(slots, markings, rows, weights, sizes, largest)


@kernel(inline="always")
def _genes(pool, k, kind, sensors):
    """Where the connections (kind 0) or varied nodes (1) of a member begin, and how many there are."""
    if kind == 0:
        return pool.connection_start[k], pool.connection_count[k]
    return pool.node_start[k] + sensors, pool.node_count[k] - sensors


@kernel()
def join(begin, end, chosen, pool, other_pool, representative, table, coefficients, threshold, first_label, label):
    """Label the members chosen[begin:end] that have no label (-1) with the first representative that they are compatible with, counted
    from `first_label`; the representatives are members of `other_pool`."""
    x, u, start, count = pool.connections.marking, pool.connections.weight, pool.connection_start, pool.connection_count
    y, v, start_2, count_2 = (
        other_pool.connections.marking, other_pool.connections.weight, other_pool.connection_start, other_pool.connection_count,
    )  # fmt: skip
    n, a, node_start, node_count = pool.nodes.marking, pool.nodes.bias, pool.node_start, pool.node_count
    m, b, node_start_2, node_count_2 = (
        other_pool.nodes.marking, other_pool.nodes.bias, other_pool.node_start, other_pool.node_count,
    )  # fmt: skip
    c1, c2, c3, small = coefficients.excess, coefficients.disjoint, coefficients.weight, coefficients.small
    biases, sensors = coefficients.biases, coefficients.sensors
    slots, markings, rows, weights, sizes = table.slots, table.markings, table.rows, table.weights, table.sizes
    structure, mean = np.float32(min(c1, c2)), np.float32(c3)
    # Single precision must not turn a compatible genome away: sums of genes err by less than a thousandth, a weight by its last bit.
    bound = np.float32(threshold + 1e-3 * (1.0 + threshold) + c3 * table.largest * 2.0**-21)
    matching, difference = np.empty(LANES, np.float32), np.empty(LANES, np.float32)
    least = np.empty(LANES, np.float32)
    # Of the members of a tile: the genes that the table knows, and their weights; where a member's connections begin and its nodes.
    gene, own_weight = np.empty(64, np.int32), np.empty(64, np.float32)
    first = np.zeros((_TILE + 1, 2), np.int64)
    for tile in range(begin, end, _TILE):
        tile_end = min(end, tile + _TILE)
        genes = 0
        for position in range(tile, tile_end):
            genes += count[chosen[position]] + node_count[chosen[position]]
        if genes > len(gene):
            gene, own_weight = np.empty(2 * genes, np.int32), np.empty(2 * genes, np.float32)
        filled = 0
        for position in range(tile, tile_end):
            k = chosen[position]
            for kind in range(2):
                first[position - tile, kind] = filled
                if kind == 1 and not biases:
                    continue
                begin_2, genes = _genes(pool, k, kind, sensors)
                for i in range(begin_2, begin_2 + genes):
                    found_gene, _ = _gene_of(slots, markings, kind, x[i] if kind == 0 else n[i])
                    gene[filled], own_weight[filled] = found_gene, u[i] if kind == 0 else a[i]
                    filled += 1 if found_gene >= 0 else 0
        first[tile_end - tile, 0] = filled
        for block in range(len(sizes)):
            lanes = min(LANES, len(representative) - block * LANES)
            for position in range(tile, tile_end):
                k = chosen[position]
                if label[k] >= 0:
                    continue
                for lane in range(LANES):
                    matching[lane], difference[lane] = 0.0, 0.0
                nodes_from = first[position - tile, 1]
                for i in range(first[position - tile, 0], nodes_from):
                    row = rows[block, gene[i]]
                    if row >= 0:
                        _compare(weights, block, row, own_weight[i], matching, difference)
                own = np.float32(count[k])
                nearest = np.float32(np.inf)
                for lane in range(LANES):
                    size = max(own, sizes[block, lane])
                    least[lane] = structure * (own + sizes[block, lane] - np.float32(2.0) * matching[lane])
                    least[lane] /= np.float32(1.0) if size < small else size
                    nearest = min(nearest, least[lane])
                if nearest > bound:
                    continue
                for i in range(nodes_from, first[position - tile + 1, 0]):
                    row = rows[block, gene[i]]
                    if row >= 0:
                        _compare(weights, block, row, own_weight[i], matching, difference)
                for lane in range(LANES):
                    least[lane] += mean * difference[lane] / max(np.float32(1.0), matching[lane])
                for lane in range(lanes):
                    if least[lane] <= bound:
                        s = block * LANES + lane
                        r = representative[s]
                        distance = compatibility(
                            x, u, start[k], start[k] + count[k], y, v, start_2[r], start_2[r] + count_2[r],
                            n, a, node_start[k] + sensors, node_start[k] + node_count[k],
                            m, b, node_start_2[r] + sensors, node_start_2[r] + node_count_2[r], biases, c1, c2, c3, small, threshold,
                        )  # fmt: skip
                        if distance <= threshold:
                            label[k] = first_label + s
                            break


@kernel(inline="always")
def _compare(weights, block, row, own, matching, difference):
    for lane in range(LANES):
        apart = abs(weights[block, row, lane] - own)
        known = apart == apart  # not a number: that representative lacks the gene
        matching[lane] += np.float32(1.0) if known else np.float32(0.0)
        difference[lane] += apart if known else np.float32(0.0)


@kernel()
def found(chosen, pool, coefficients, threshold, first_label, label, most):
    """Go through members that fit nowhere until `LANES` new species are founded or `most` members are placed: each joins the first new
    species that it is compatible with, or founds one, labelled from `first_label` on. Returns the founders and how many members were
    placed."""
    x, u, start, count = pool.connections.marking, pool.connections.weight, pool.connection_start, pool.connection_count
    n, a, node_start, node_count = pool.nodes.marking, pool.nodes.bias, pool.node_start, pool.node_count
    c1, c2, c3, small = coefficients.excess, coefficients.disjoint, coefficients.weight, coefficients.small
    biases, sensors = coefficients.biases, coefficients.sensors
    founders = np.empty(LANES, np.int64)
    founded, placed = 0, 0
    while placed < min(most, len(chosen)) and founded < LANES:
        k = chosen[placed]
        for s in range(founded):
            r = founders[s]
            distance = compatibility(
                x, u, start[k], start[k] + count[k], x, u, start[r], start[r] + count[r],
                n, a, node_start[k] + sensors, node_start[k] + node_count[k],
                n, a, node_start[r] + sensors, node_start[r] + node_count[r], biases, c1, c2, c3, small, threshold,
            )  # fmt: skip
            if distance <= threshold:
                label[k] = first_label + s
                break
        if label[k] < 0:
            label[k] = first_label + founded
            founders[founded] = k
            founded += 1
        placed += 1
    return founders[:founded].copy(), placed


def order_of(fitness):
    """Positions by falling fitness, the earlier first among equals."""
    order = np.argsort(-fitness)  # not stable, which takes a quarter of a stable sort's time; then equals are put in order
    ranked = fitness[order]
    other = ranked[1:] != ranked[:-1]
    if other.all():
        return order
    begins = np.zeros(len(order), np.int64)  # of each run of equals, times more than any position
    np.cumsum(other, out=begins[1:])
    begins *= len(order)
    return np.sort(begins + order) - begins


@kernel()
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
