"""Layered drawings (Sugiyama, Tagawa & Toda 1981): nodes in layers, ordered so that few connections cross; a connection that skips
layers is given a place in each of them, so that it runs between the nodes and not through them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

Edge = tuple[Any, Any]
Point = tuple[float, float]

_SWEEPS = 24  # passes over the layers that order them


def layered(
    layer: Mapping[Any, int],
    edges: Iterable[Edge],
    *,
    node: float,
    line: float,
    even_ends: bool = False,
) -> tuple[dict[Any, float], dict[Edge, tuple[Point, ...]]]:
    """Places across the layers.

    Args:
        layer: of every node, from 0.
        edges: (source, target), also backward ones; those inside a layer take no part.
        node, line: room that a node and a passing connection take up in their layer.
        even_ends: whether the first and the last layer keep the order in which their nodes are given, evenly spaced.

    Returns:
        The place of every node in its layer, growing from the last node to the first; and for every edge between layers the points
        (layer, place) through which it runs, from its source to its target.
    """
    forward = {(a, b): ((a, b) if layer[a] < layer[b] else (b, a)) for a, b in edges if layer[a] != layer[b]}
    chains = {edge: _chain(edge, first, last, layer) for edge, (first, last) in forward.items()}
    rows: list[list[Any]] = [[] for _ in range(1 + max(layer.values()))]
    for name in layer:
        rows[layer[name]].append(name)
    for chain in chains.values():
        for point in chain[1:-1]:
            rows[point[1]].append(point)
    before, after = _neighbours(chains.values())
    _order(rows, before, after, even_ends)
    room = {point: node if point in layer else line for row in rows for point in row}
    height = _heights(rows, before, after, room, even_ends)
    routes: dict[Edge, tuple[Point, ...]] = {}
    for edge, chain in chains.items():
        points = [(float(layer[p]) if p in layer else float(p[1]), height[p]) for p in chain]
        routes[edge] = tuple(points) if forward[edge] == edge else tuple(reversed(points))
    return {name: height[name] for name in layer}, routes


def _chain(edge: Edge, first: Any, last: Any, layer: Mapping[Any, int]) -> list[Any]:
    return [first, *[(edge, c) for c in range(layer[first] + 1, layer[last])], last]


def _neighbours(chains: Iterable[Sequence[Any]]) -> tuple[dict[Any, list[Any]], dict[Any, list[Any]]]:
    before: dict[Any, list[Any]] = {}
    after: dict[Any, list[Any]] = {}
    for chain in chains:
        for a, b in pairwise(chain):
            after.setdefault(a, []).append(b)
            before.setdefault(b, []).append(a)
    return before, after


def _order(rows: list[list[Any]], before: Mapping[Any, list[Any]], after: Mapping[Any, list[Any]], even_ends: bool) -> None:
    """Sort the layers so that few connections cross: by the mean place of neighbours, sweep by sweep."""
    first, last = (1, len(rows) - 1) if even_ends else (0, len(rows))
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        inner = range(first, last) if forward else range(last - 1, first - 1, -1)
        for c in inner:
            place = {
                p: i / max(1, len(rows[c + d]) - 1) for d in (-1, 1) if 0 <= c + d < len(rows) for i, p in enumerate(rows[c + d])
            }
            own = {p: i / max(1, len(rows[c]) - 1) for i, p in enumerate(rows[c])}
            near = before if forward else after
            mean = {p: _mean([place[q] for q in near.get(p, [])], own[p]) for p in rows[c]}
            rows[c].sort(key=lambda p: mean[p])


def _heights(
    rows: Sequence[Sequence[Any]],
    before: Mapping[Any, list[Any]],
    after: Mapping[Any, list[Any]],
    room: Mapping[Any, float],
    even_ends: bool,
) -> dict[Any, float]:
    """The place of every point: near its neighbours, in the order of its layer, with room for what it is."""
    height: dict[Any, float] = {}
    offsets = [_offsets(points, room) for points in rows]
    near = {point: (*before.get(point, ()), *after.get(point, ())) for points in rows for point in points}
    for points, offset in zip(rows, offsets, strict=True):
        for point, below in zip(points, offset, strict=True):
            height[point] = offset[-1] / 2 - below
    for sweep in range(_SWEEPS):
        for c in range(len(rows)) if sweep % 2 else range(len(rows) - 1, -1, -1):
            wanted = [_mean([height[q] for q in near[p]], height[p]) for p in rows[c]]
            if even_ends and c in (0, len(rows) - 1):  # only the layer as a whole moves
                middle = _mean([w + o for w, o in zip(wanted, offsets[c], strict=True)], 0.0)
                found = [middle] * len(rows[c])
            else:
                found = _falling([w + o for w, o in zip(wanted, offsets[c], strict=True)])
            height.update((p, f - o) for p, f, o in zip(rows[c], found, offsets[c], strict=True))
    return height


def _offsets(points: Sequence[Any], room: Mapping[Any, float]) -> list[float]:
    """How far below the first point of a layer each may be at the least."""
    size = [room[point] for point in points]
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
