"""Any directed graph: rows of boxes where it has no cycle, else boxes on a circle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuroevo.plots.node_names import node_name
from neuroevo.plots.palette import GREY, INK, STATUS

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

LARGEST = 40.0  # inches of a sheet's edge


def any_graph(graph: nx.DiGraph[Any], title: str = "", status: Mapping[Any, str] | None = None) -> Figure:
    """Draw a graph.

    Args:
        graph: nodes are named by their `label`, else as they are.
        title: one line above it.
        status: for every node and every edge (a pair of nodes) a key of `palette.STATUS`, which then gives the colours.
    """
    import networkx as nx

    from neuroevo.plots.layer_graph import layer_graph

    if graph.number_of_nodes() and nx.is_directed_acyclic_graph(graph):
        return layer_graph(graph, title, status)
    return _circle(graph, title, status)


def _circle(graph: nx.DiGraph[Any], title: str, status: Mapping[Any, str] | None) -> Figure:
    import networkx as nx
    from matplotlib.figure import Figure

    size = min(LARGEST, 3.0 + 0.35 * graph.number_of_nodes())
    figure = Figure(figsize=(size, size))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35))
    axes.axis("off")
    place = {node: (float(x), float(y)) for node, (x, y) in nx.circular_layout(graph).items()}
    for a, b in graph.edges:
        colour = INK if status is None else STATUS[status[a, b]]
        bend = "arc3,rad=0.15" if a != b else "arc3,rad=1.5"
        out = 1.0 if a != b else 1.15
        arrow = {"arrowstyle": "-|>", "color": colour, "shrinkA": 14, "shrinkB": 14, "connectionstyle": bend}
        axes.annotate("", (place[b][0] * out, place[b][1] * out), place[a], arrowprops=arrow)
    for node, data in graph.nodes(data=True):
        box = {"boxstyle": "round", "facecolor": "white", "edgecolor": GREY if status is None else STATUS[status[node]]}
        x, y = place[node]
        axes.text(x, y, node_name(node, data), ha="center", va="center", fontsize=8, color=INK, bbox=box)
    if title:
        axes.text(0.0, 1.27, title, ha="center", va="center", fontsize=10, color=INK)
    return figure
