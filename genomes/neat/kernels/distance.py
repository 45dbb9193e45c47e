"""Compatibility distance (Stanley & Miikkulainen 2002, equation 1)."""

# ruff: noqa: RUF046
import math

from numba import njit

SMALL = 20  # genomes with fewer genes are not normalised by their size


@njit(cache=True, nogil=True)
def compatibility(a, i, b, j, coefficients, limit):
    """The distance of genome i of pool a from genome j of pool b; infinite as soon as it is known to exceed `limit`.

    c1 * excess / N + c2 * disjoint / N + c3 * mean absolute weight difference of matching genes; N is the number of genes of the
    larger genome, 1 if both have fewer than 20. `coefficients` is (c1, c2, c3, whether node biases count as weights, sensors).
    """
    x, y = a.connections, b.connections
    p, p_end = a.connection_start[i], a.connection_start[i] + a.connection_count[i]
    q, q_end = b.connection_start[j], b.connection_start[j] + b.connection_count[j]
    larger = max(p_end - p, q_end - q)
    size = 1.0 if larger < SMALL else float(larger)
    most = limit * size
    matching, disjoint, difference = 0, 0, 0.0
    while p < p_end and q < q_end:
        if x.marking[p] == y.marking[q]:
            matching += 1
            difference += abs(x.weight[p] - y.weight[q])
            p += 1
            q += 1
        else:
            disjoint += 1
            if coefficients.disjoint * disjoint > most:
                return math.inf
            if x.marking[p] < y.marking[q]:
                p += 1
            else:
                q += 1
    excess = (p_end - p) + (q_end - q)
    genes = (coefficients.excess * excess + coefficients.disjoint * disjoint) / size
    if genes > limit:
        return math.inf
    if coefficients.biases:
        u, v = a.nodes, b.nodes
        p, p_end = a.node_start[i] + coefficients.sensors, a.node_start[i] + a.node_count[i]
        q, q_end = b.node_start[j] + coefficients.sensors, b.node_start[j] + b.node_count[j]
        while p < p_end and q < q_end:
            if u.marking[p] == v.marking[q]:
                matching += 1
                difference += abs(u.bias[p] - v.bias[q])
                p += 1
                q += 1
            elif u.marking[p] < v.marking[q]:
                p += 1
            else:
                q += 1
    if matching > 0:
        genes += coefficients.weight * difference / matching
    return genes if genes <= limit else math.inf
