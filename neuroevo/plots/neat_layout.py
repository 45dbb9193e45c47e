"""Where the nodes and connections of a NEAT genome are drawn: layers from left to right (Sugiyama, Tagawa & Toda 1981).

Inputs are the first column, outputs the last; a hidden node's column is the longest path that leads to it. A connection that skips
columns is given a place in each of them, so that it runs between the nodes and not through them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import networkx as nx

Edge = tuple[Any, Any]
Point = tuple[float, float]

_SWEEPS = 24  # passes over the columns that order them
_NODE, _LINE = 1.0, 0.28  # height that a node and a passing connection take up


@dataclass(frozen=True)
class Layout:
    """Where everything is drawn. x counts columns, y counts rows (upwards); a row has room for one node.

    Attributes:
        position: node -> (x, y); x is the node's column.
        routes: connection -> the points it runs through, from its source to its target.
        backward: connections that lead to the same column or back: only recurrent genomes have them.
        columns: how many columns there are.
    """

    position: Mapping[Any, Point]
    routes: Mapping[Edge, tuple[Point, ...]]
    backward: frozenset[Edge]
    columns: int

    @property
    def height(self) -> float:
        """Rows between the highest and the lowest point."""
        heights = [y for _, y in self.position.values()] + [y for route in self.routes.values() for _, y in route]
        return max(heights) - min(heights)


def neat_layout(graph: nx.DiGraph[Any]) -> Layout:
    """Lay out a genome's graph.

    Args:
        graph: `genome.graph()` of a NEAT genome: nodes with `type` "input", "bias", "hidden" or "output", in the order of their genes.
    """
    column = columns_of(graph)
    columns = max(column.values()) + 1
    backward = frozenset((a, b) for a, b in graph.edges if column[b] <= column[a])
    # A backward connection takes part in the layout as if it ran forward, one inside a column not at all.
    forward = {(a, b): ((b, a) if (a, b) in backward else (a, b)) for a, b in graph.edges if column[a] != column[b]}
    chains = {edge: _chain(edge, first, last, column) for edge, (first, last) in forward.items()}
    rows: list[list[Any]] = [[] for _ in range(columns)]
    for node in graph:
        rows[column[node]].append(node)
    for chain in chains.values():
        for point in chain[1:-1]:
            rows[point[1]].append(point)
    before, after = _neighbours(chains.values())
    _order(rows, before, after)
    height = _heights(rows, before, after, set(graph))
    position = {node: (float(column[node]), height[node]) for node in graph}
    routes: dict[Edge, tuple[Point, ...]] = {}
    for edge in graph.edges:
        if edge not in chains:
            routes[edge] = (position[edge[0]], position[edge[1]])
            continue
        points = [position[p] if p in position else (float(p[1]), height[p]) for p in chains[edge]]
        routes[edge] = tuple(reversed(points)) if edge in backward else tuple(points)
    return Layout(position, routes, backward, columns)


def columns_of(graph: nx.DiGraph[Any]) -> dict[Any, int]:
    """Column of every node: 0 for inputs, the longest path for hidden nodes, one column behind all others for outputs.

    Connections that close a cycle (found depth first, from the inputs on) do not count as paths.
    """
    kind = {node: data["type"] for node, data in graph.nodes(data=True)}
    inner = [node for node in graph if kind[node] == "hidden"]
    closing = _closing(graph, [node for node in graph if kind[node] in ("input", "bias")] + inner, kind)
    column = {node: 0 for node in graph if kind[node] in ("input", "bias")}

    ready, waiting = list(column), {node: 0 for node in inner}
    paths = [(a, b) for a, b in graph.edges if kind[b] == "hidden" and kind[a] != "output" and (a, b) not in closing]
    for _, b in paths:
        waiting[b] += 1
    following: dict[Any, list[Any]] = {}
    for a, b in paths:
        following.setdefault(a, []).append(b)
    ready += [node for node in inner if waiting[node] == 0]
    column.update((node, 1) for node in inner)
    for node in ready:  # grows while it is walked: a node is ready when all that lead to it have their columns
        for b in following.get(node, []):
            column[b] = max(column[b], column[node] + 1)
            waiting[b] -= 1
            if waiting[b] == 0:
                ready.append(b)
    last = 1 + max([column[node] for node in inner], default=0)
    column.update((node, last) for node in graph if kind[node] == "output")
    return column


def _closing(graph: nx.DiGraph[Any], starts: Sequence[Any], kind: Mapping[Any, str]) -> set[Edge]:
    """Connections that lead back to a node on the path that is being walked, depth first."""
    closing: set[Edge] = set()
    done: set[Any] = set()
    for start in starts:
        if start in done:
            continue
        path, walk = {start}, [(start, iter(list(graph.successors(start))))]
        done.add(start)
        while walk:
            node, following = walk[-1]
            for after in following:
                if kind[after] == "output":
                    continue
                if after in path:
                    closing.add((node, after))
                elif after not in done:
                    done.add(after)
                    path.add(after)
                    walk.append((after, iter(list(graph.successors(after)))))
                    break
            else:
                walk.pop()
                path.discard(node)
    return closing


def _chain(edge: Edge, first: Any, last: Any, column: Mapping[Any, int]) -> list[Any]:
    return [first, *[(edge, c) for c in range(column[first] + 1, column[last])], last]


def _neighbours(chains: Iterable[Sequence[Any]]) -> tuple[dict[Any, list[Any]], dict[Any, list[Any]]]:
    before: dict[Any, list[Any]] = {}
    after: dict[Any, list[Any]] = {}
    for chain in chains:
        for a, b in pairwise(chain):
            after.setdefault(a, []).append(b)
            before.setdefault(b, []).append(a)
    return before, after


def _order(rows: list[list[Any]], before: Mapping[Any, list[Any]], after: Mapping[Any, list[Any]]) -> None:
    """Sort the columns between inputs and outputs so that few connections cross: by the mean place of neighbours, sweep by sweep."""
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        inner = range(1, len(rows) - 1) if forward else range(len(rows) - 2, 0, -1)
        for c in inner:
            place = {p: i / max(1, len(rows[c + d]) - 1) for d in (-1, 1) for i, p in enumerate(rows[c + d])}
            own = {p: i / max(1, len(rows[c]) - 1) for i, p in enumerate(rows[c])}
            near = before if forward else after
            mean = {p: _mean([place[q] for q in near.get(p, [])], own[p]) for p in rows[c]}
            rows[c].sort(key=lambda p: mean[p])


def _heights(
    rows: Sequence[Sequence[Any]], before: Mapping[Any, list[Any]], after: Mapping[Any, list[Any]], nodes: set[Any]
) -> dict[Any, float]:
    """y of every point: near its neighbours, in the order of its column, with room for what it is."""
    height: dict[Any, float] = {}
    offsets = [_offsets(points, nodes) for points in rows]
    for points, offset in zip(rows, offsets, strict=True):
        for point, below in zip(points, offset, strict=True):
            height[point] = offset[-1] / 2 - below
    for sweep in range(_SWEEPS):
        for c in range(len(rows)) if sweep % 2 else range(len(rows) - 1, -1, -1):
            wanted = [_mean([height[q] for q in (*before.get(p, []), *after.get(p, []))], height[p]) for p in rows[c]]
            if c in (0, len(rows) - 1):  # inputs and outputs stay evenly spaced: only the column as a whole moves
                middle = _mean([w + o for w, o in zip(wanted, offsets[c], strict=True)], 0.0)
                found = [middle] * len(rows[c])
            else:
                found = _falling([w + o for w, o in zip(wanted, offsets[c], strict=True)])
            height.update((p, f - o) for p, f, o in zip(rows[c], found, offsets[c], strict=True))
    return height


def _offsets(points: Sequence[Any], nodes: set[Any]) -> list[float]:
    """How far below the first point of a column each may be at the least."""
    size = [_NODE if point in nodes else _LINE for point in points]
    offset = [0.0][: len(size)]
    for upper, lower in pairwise(size):
        offset.append(offset[-1] + (upper + lower) / 2)
    return offset


def _falling(values: Sequence[float]) -> list[float]:
    """The nearest sequence that never rises, in squares (pool adjacent violators)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        total, count = value, 1
        while blocks and blocks[-1][0] / blocks[-1][1] < total / count:
            total, count = total + blocks[-1][0], count + blocks[-1][1]
            blocks.pop()
        blocks.append((total, count))
    return [total / count for total, count in blocks for _ in range(count)]


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
