"""Where the nodes and connections of a NEAT genome are drawn: layers from left to right (Sugiyama, Tagawa & Toda 1981).

Inputs are the first column, outputs the last; a hidden node's column is the longest path that leads to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroevo.plots.layered import Edge, Point, layered

if TYPE_CHECKING:
    import networkx as nx

NODE, LINE = 1.0, 0.28  # height that a node and a passing connection take up
FEW = 60  # connections; where there are more, passing ones run closer together


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
    line = LINE if graph.number_of_edges() <= FEW else LINE * (FEW / graph.number_of_edges()) ** 0.5
    height, routes = layered(column, graph.edges, node=NODE, line=line, even_ends=True)
    position = {node: (float(column[node]), height[node]) for node in graph}
    routes |= {(a, b): (position[a], position[b]) for a, b in graph.edges if (a, b) not in routes}
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
