"""The assignment problem: each of some rows takes a column of its own, at the least cost together."""

import numpy as np

from genomes.compiled import kernel


@kernel()
def assignment(cost, rows, columns, potential, of_column, least, came, reached):
    """The least cost of giving each row a column of its own, by shortest augmenting paths (Jonker & Volgenant 1987).

    cost: float64 [>= rows, >= columns], rows <= columns. potential: float64 [>= rows + columns]; of_column, came: int64, least: float64,
    reached: bool, [>= columns]. They are work space; afterwards of_column holds the row of each column, or -1.
    """
    for w in range(rows + columns):
        potential[w] = 0.0
    for j in range(columns):
        of_column[j] = -1
    for row in range(rows):
        for j in range(columns):
            least[j] = np.inf
            reached[j] = False
        i, before = row, -1
        while True:  # Dijkstra's algorithm on reduced costs, from this row to a column that nobody has
            near, next_column = np.inf, -1
            for j in range(columns):
                if not reached[j]:
                    reduced = cost[i, j] - potential[i] - potential[rows + j]
                    if reduced < least[j]:
                        least[j] = reduced
                        came[j] = before
                    if least[j] < near:
                        near, next_column = least[j], j
            potential[row] += near
            for j in range(columns):
                if reached[j]:
                    potential[of_column[j]] += near
                    potential[rows + j] -= near
                else:
                    least[j] -= near
            reached[next_column] = True
            before = next_column
            if of_column[next_column] < 0:
                break
            i = of_column[next_column]
        j = before
        while j >= 0:
            of_column[j] = of_column[came[j]] if came[j] >= 0 else row
            j = came[j]
    total = 0.0
    for j in range(columns):
        if of_column[j] >= 0:
            total += cost[of_column[j], j]
    return total
