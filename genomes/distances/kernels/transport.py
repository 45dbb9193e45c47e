"""OTMANN for all pairs of two sets of packed genomes."""

import numpy as np

from genomes.compiled import kernel
from genomes.distances.kernels.flow import partial_transport

CONVOLUTION, POOLING = 1, 2  # families
NEVER = 1e9  # the mismatch of layers that are not matched


@kernel(inner=True)
def mismatch(one, other):
    """The label mismatch of two layers by family, kind and kernel (Kandasamy et al. 2018, section 3; convolutions of different kinds as the
    authors' code has it for residual blocks)."""
    if one[0] != other[0]:
        return NEVER
    same = one[1] == other[1]
    size = 0.1 * np.sqrt(2.0 * abs(one[2] - other[2]))
    if one[0] == CONVOLUTION:
        return size if same else 0.9 * size + 0.1
    if one[0] == POOLING:
        return size if same else 0.5
    return 0.0 if same else NEVER


@kernel()
def transport_matrix(a, b, mislabel, structure, normalised):
    """The distances of all genomes of pool a to all of pool b: float64 [a, b]. For the pools see `genomes.distances.transport.Pool`."""
    most_a, most_b = 1, 1
    for part in range(len(a.start) - 1):
        most_a = max(most_a, a.start[part + 1] - a.start[part])
    for part in range(len(b.start) - 1):
        most_b = max(most_b, b.start[part + 1] - b.start[part])
    size = max(most_a, most_b)
    cost = np.empty((size, size))
    flow = np.empty((size, size))
    supply, demand = np.empty(size), np.empty(size)
    potential, length = np.empty(2 * size), np.empty(2 * size)
    came = np.empty(2 * size, dtype=np.int64)
    settled = np.empty(2 * size, dtype=np.bool_)
    found = np.empty((len(a.first) - 1, len(b.first) - 1))
    for g in range(len(a.first) - 1):
        for h in range(len(b.first) - 1):
            paid = 0.0
            parts_a, parts_b = a.first[g + 1] - a.first[g], b.first[h + 1] - b.first[h]
            for part in range(max(parts_a, parts_b)):
                low_a, high_a, low_b, high_b = 0, 0, 0, 0
                if part < parts_a:
                    low_a, high_a = a.start[a.first[g] + part], a.start[a.first[g] + part + 1]
                if part < parts_b:
                    low_b, high_b = b.start[b.first[h] + part], b.start[b.first[h] + part + 1]
                if a.rank[g] <= b.rank[h]:  # always from the same side, so that both directions agree to the last bit
                    each = _between(
                        a, low_a, high_a, b, low_b, high_b, mislabel, structure,
                        cost, supply, demand, flow, potential, length, came, settled,
                    )  # fmt: skip
                else:
                    each = _between(
                        b, low_b, high_b, a, low_a, high_a, mislabel, structure,
                        cost, supply, demand, flow, potential, length, came, settled,
                    )  # fmt: skip
                paid += each
            if normalised:
                paid /= a.mass_of[g] + b.mass_of[h]
            found[g, h] = paid
    return found


@kernel(inner=True)
def _between(
    a, low_a, high_a, b, low_b, high_b, mislabel, structure, cost, supply, demand, flow, potential, length, came, settled
):  # fmt: skip
    rows, columns = high_a - low_a, high_b - low_b
    lengths = a.lengths.shape[1]
    for j in range(columns):
        demand[j] = b.mass[low_b + j]
    for i in range(rows):
        v = low_a + i
        supply[i] = a.mass[v]
        for j in range(columns):
            w = low_b + j
            each = mismatch(a.label[v], b.label[w])
            if each < NEVER:
                apart = 0.0
                for k in range(lengths):
                    apart += abs(a.lengths[v, k] - b.lengths[w, k])
                each = mislabel * each + structure * apart / lengths
            cost[i, j] = each
    return partial_transport(cost, supply, demand, rows, columns, 1.0, flow, potential, length, came, settled)
