"""Compatibility distance (Stanley & Miikkulainen 2002, equation 1)."""

import math

from genomes.compiled import kernel


@kernel(inner=True)
def compatibility(
    x, u, p, p_end, y, v, q, q_end, n, a, i, i_end, m, b, j, j_end, biases, c1, c2, c3, small, limit
):  # fmt: skip
    """The distance of two genomes; infinite as soon as it is known to exceed `limit`.

    c1 * excess / N + c2 * disjoint / N + c3 * mean absolute weight difference of matching genes; N is the number of connection genes of
    the larger genome, 1 if both have fewer than `small`. With `biases`, the biases of matching nodes count as weights.
    x, u: connection markings and weights of one genome, from p to p_end; n, a: node markings and biases, from i to i_end; y, v, q, m, b, j:
    of the other.
    """
    larger = max(p_end - p, q_end - q)
    size = 1.0 if larger < small else float(larger)
    most = limit * size
    matching, disjoint, difference = 0, 0, 0.0
    while p < p_end and q < q_end:
        if x[p] == y[q]:
            matching += 1
            difference += abs(u[p] - v[q])
            p += 1
            q += 1
        else:
            disjoint += 1
            if c2 * disjoint > most:
                return math.inf
            if x[p] < y[q]:
                p += 1
            else:
                q += 1
    distance = (c1 * ((p_end - p) + (q_end - q)) + c2 * disjoint) / size
    if distance > limit:
        return math.inf
    while biases and i < i_end and j < j_end:
        if n[i] == m[j]:
            matching += 1
            difference += abs(a[i] - b[j])
            i += 1
            j += 1
        elif n[i] < m[j]:
            i += 1
        else:
            j += 1
    return distance + c3 * difference / matching if matching > 0 else distance


@kernel()
def compatibility_of_members(a, i, b, j, coefficients):
    """The distance of genome i of pool a from genome j of pool b."""
    return compatibility(
        a.connections.marking, a.connections.weight, a.connection_start[i], a.connection_start[i] + a.connection_count[i],
        b.connections.marking, b.connections.weight, b.connection_start[j], b.connection_start[j] + b.connection_count[j],
        a.nodes.marking, a.nodes.bias, a.node_start[i] + coefficients.sensors, a.node_start[i] + a.node_count[i],
        b.nodes.marking, b.nodes.bias, b.node_start[j] + coefficients.sensors, b.node_start[j] + b.node_count[j],
        coefficients.biases, coefficients.excess, coefficients.disjoint, coefficients.weight, coefficients.small,
        math.inf,
    )  # fmt: skip
