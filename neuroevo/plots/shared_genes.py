"""What two graphs share and where they differ, node by node and edge by edge; and the caption and the legend that say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import CHANGED, INK, SHARED, STATUS

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

FIRST, SECOND = "only in the first", "only in the second"
CONTEXT = ("shape", "parameters", "cell", "skip", "marking")  # what follows from other genes


@dataclass(frozen=True)
class Difference:
    """What two genomes share, by the nodes and edges of their graphs.

    Attributes:
        first, second: the graphs.
        nodes, edges: status of every node and every edge of either: "shared", "changed", "only in the first" or "only in the second".
        changes: for everything changed, in words: ("conv 3×3, 8 filters", "conv 5×5, 8 filters").
    """

    first: nx.DiGraph[Any]
    second: nx.DiGraph[Any]
    nodes: Mapping[Any, str]
    edges: Mapping[Any, str]
    changes: Mapping[Any, tuple[str, str]]

    def counts(self) -> dict[str, tuple[int, int]]:
        """(nodes, edges) of each status."""
        nodes, edges = Counter(self.nodes.values()), Counter(self.edges.values())
        return {status: (nodes[status], edges[status]) for status in STATUS}


def compared(first: nx.DiGraph[Any], second: nx.DiGraph[Any]) -> Difference:
    """What two graphs share: nodes by their names, edges by the nodes that they join."""
    changes: dict[Any, tuple[str, str]] = {}
    nodes = _compared(dict(first.nodes(data=True)), dict(second.nodes(data=True)), changes)
    edges = _compared(
        {(a, b): data for a, b, data in first.edges(data=True)}, {(a, b): data for a, b, data in second.edges(data=True)}, changes
    )
    return Difference(first, second, nodes, edges, changes)


def _compared(
    one: Mapping[Any, Mapping[str, Any]], two: Mapping[Any, Mapping[str, Any]], changes: dict[Any, tuple[str, str]]
) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for name in [*one, *[name for name in two if name not in one]]:
        if name not in two or name not in one:
            found[name] = FIRST if name in one else SECOND
        elif _genes(one[name]) == _genes(two[name]):
            found[name] = SHARED
        else:
            found[name] = CHANGED
            changes[name] = (_words(one[name], two[name]), _words(two[name], one[name]))
    return found


def _genes(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key not in CONTEXT}


def _words(data: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    for key in ("label", "operation", "kind"):
        if key in data and data[key] != other.get(key):
            return str(data[key]).replace("_", " ")
    different = [key for key in _genes(data) if data[key] != other.get(key)]
    return ", ".join(f"{key} {data[key]:.3g}" if isinstance(data[key], float) else f"{key} {data[key]}" for key in different)


def moved(data: Difference) -> dict[Any, float]:
    """By how much the numbers of NEAT's nodes and connections differ (weight, bias, response; their sum), of those that both genomes have
    and that differ in nothing else: in a network and its descendants this is nearly everything, and mostly by little."""
    found = {}
    for part, status in [*data.nodes.items(), *data.edges.items()]:
        if status == CHANGED:
            edge = part in data.edges
            one, two = (_genes(graph.edges[part] if edge else graph.nodes[part]) for graph in (data.first, data.second))
            different = [key for key in {*one, *two} if one.get(key) != two.get(key)]
            if all(isinstance(one.get(key), float) and isinstance(two.get(key), float) for key in different):
                found[part] = float(sum(abs(two[key] - one[key]) for key in different))
    return found


def union(data: Difference) -> nx.DiGraph[Any]:
    """Both graphs in one, inputs first and outputs last; what both have as the second has it."""
    import networkx as nx

    both: nx.DiGraph[Any] = nx.DiGraph()
    for graph in (data.first, data.second):
        both.add_nodes_from(graph.nodes(data=True))
        both.add_edges_from(graph.edges(data=True))
    return both


def difference_caption(data: Difference, nodes: str, edges: str) -> str:
    """How much is shared, in one line; `nodes` and `edges` say what one of them is."""
    from neuroevo.plots.neat import counted

    parts = [f"{status}: {counted(n, nodes)}, {counted(e, edges)}" for status, (n, e) in data.counts().items() if n or e]
    return "; ".join(parts)


def legend(figure: Figure, present: set[str], height: float) -> None:
    """What the colours mean, below a figure."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=STATUS[name], linewidth=4, label=name) for name in STATUS if name in present]
    figure.legend(
        handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9, labelcolor=INK,
        bbox_to_anchor=(0.5, 0.08 / height), borderaxespad=0.0,
    )  # fmt: skip
