"""Optimal transport in which masses may also stay where they are: the smallest cost, by successive shortest paths (Ahuja, Magnanti & Orlin
1993, section 9.7)."""

import numpy as np

from genomes.compiled import kernel

SMALL = 1e-12  # of the mass: less is the rounding of differences


@kernel()
def partial_transport(cost, supply, demand, rows, columns, unmatched, flow, potential, length, came, settled):  # fmt: skip
    """The least cost of moving masses of rows to columns, where a unit that stays on either side costs `unmatched`.

    cost: float64 [>= rows, >= columns], >= 0. supply, demand: float64, the masses; what is left of them is in them afterwards. flow: float64
    of the cost's shape. potential, length: float64 [>= rows + columns]; came: int64, settled: bool, of the same length.

    It is the transport problem with a dummy row and column that take what is not assigned (Kandasamy et al. 2018, section 3), where a path
    that costs 2 * unmatched or more is never worth while: so those two need no place in the graph, nor do larger costs.
    """
    limit = 2 * unmatched
    total = 0.0
    for i in range(rows):
        total += supply[i]
        for j in range(columns):
            flow[i, j] = 0.0
    for j in range(columns):
        total += demand[j]
    small = SMALL * total
    count = rows + columns
    for v in range(count):
        potential[v] = 0.0
    sink = 0.0  # the sink's potential: the length of the last shortest path
    while True:
        for v in range(count):
            length[v] = np.inf
            came[v] = -1
            settled[v] = False
        for i in range(rows):
            if supply[i] > small:
                length[i] = 0.0
        best, end = np.inf, -1
        while True:  # Dijkstra's algorithm on reduced costs
            near, v = np.inf, -1
            for w in range(count):
                if not settled[w] and length[w] < near:
                    near, v = length[w], w
            if v < 0 or near >= best:
                break
            settled[v] = True
            if v < rows:
                for j in range(columns):
                    w = rows + j
                    if not settled[w] and cost[v, j] < limit:
                        reduced = max(cost[v, j] + potential[v] - potential[w], 0.0)
                        if near + reduced < length[w]:
                            length[w] = near + reduced
                            came[w] = v
            else:
                j = v - rows
                if demand[j] > small:
                    ending = near + max(potential[v] - sink, 0.0)
                    if ending < best:
                        best, end = ending, v
                for i in range(rows):
                    if not settled[i] and flow[i, j] > 0 and near < length[i]:
                        length[i] = near  # back along a flow: its reduced cost is 0
                        came[i] = v
        if end < 0:
            break
        for v in range(count):
            potential[v] += min(length[v], best)
        sink += best
        if sink >= limit:
            break
        amount = demand[end - rows]
        v = end
        while came[v] >= 0:
            w = came[v]
            if v < rows:
                amount = min(amount, flow[v, w - rows])
            v = w
        amount = min(amount, supply[v])
        supply[v] -= amount
        demand[end - rows] -= amount
        v = end
        while came[v] >= 0:
            w = came[v]
            if v < rows:
                flow[v, w - rows] -= amount
            else:
                flow[w, v - rows] += amount
            v = w
    paid = 0.0
    for i in range(rows):
        if supply[i] > small:
            paid += unmatched * supply[i]
        for j in range(columns):
            if flow[i, j] > small:
                paid += flow[i, j] * cost[i, j]
    for j in range(columns):
        if demand[j] > small:
            paid += unmatched * demand[j]
    return paid
