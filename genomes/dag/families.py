"""Families of random graphs. Each gives bool [nodes, nodes]: whether there is an edge from row to column.

All but "oriented" point from lower to higher numbers, so they are acyclic; "oriented" may have cycles, which repair breaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Adjacency = npt.NDArray[np.bool_]


def uniform(nodes: int, rng: np.random.Generator) -> Adjacency:
    """As many edges as a uniform draw from `nodes` - 1 (a tree's) to twice that says, among all pairs alike."""
    pairs = nodes * (nodes - 1) // 2
    few = max(nodes - 1, 0)
    count = int(rng.integers(min(few, pairs), min(2 * few, pairs) + 1))
    chosen = np.zeros(pairs, bool)
    chosen[rng.choice(pairs, count, replace=False)] = True
    return _upper(nodes, chosen)


def erdos_renyi(nodes: int, rng: np.random.Generator) -> Adjacency:
    """Each pair with probability 3 / nodes, at most 1/2 (Erdos & Renyi 1959; Gilbert 1959)."""
    return _upper(nodes, rng.random(nodes * (nodes - 1) // 2) < _probability(nodes))


def barabasi_albert(nodes: int, rng: np.random.Generator) -> Adjacency:
    """Each node takes two earlier ones (or one), with probabilities proportional to their degrees (Barabasi & Albert 1999)."""
    graph = np.zeros((nodes, nodes), bool)
    for target in range(1, nodes):
        degree = (graph.sum(axis=0) + graph.sum(axis=1))[:target] + 1.0
        count = min(2, target)
        graph[rng.choice(target, count, replace=False, p=degree / degree.sum()), target] = True
    return graph


def watts_strogatz(nodes: int, rng: np.random.Generator) -> Adjacency:
    """A ring where each node is joined to its two nearest on either side, every edge's end moved elsewhere with probability 1/4
    (Watts & Strogatz 1998)."""
    graph = np.zeros((nodes, nodes), bool)
    for step in (1, 2):
        for node in range(nodes):
            other = (node + step) % nodes
            if rng.random() < 0.25:
                other = int(rng.integers(nodes))
            if other != node:
                graph[min(node, other), max(node, other)] = True
    return graph


def oriented(nodes: int, rng: np.random.Generator) -> Adjacency:
    """Pairs as in `erdos_renyi`, each in a random direction."""
    graph = erdos_renyi(nodes, rng)
    turned = graph & (rng.random((nodes, nodes)) < 0.5)
    result: Adjacency = (graph & ~turned) | turned.T
    return result


FAMILIES: Mapping[str, Callable[[int, np.random.Generator], Adjacency]] = {
    family.__name__: family for family in (uniform, erdos_renyi, barabasi_albert, watts_strogatz, oriented)
}


def _probability(nodes: int) -> float:
    return min(0.5, 3 / max(nodes, 1))


def _upper(nodes: int, chosen: npt.NDArray[np.bool_]) -> Adjacency:
    graph = np.zeros((nodes, nodes), bool)
    graph[np.triu_indices(nodes, 1)] = chosen
    return graph
