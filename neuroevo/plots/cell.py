"""Cells: nodes are feature maps on a line, edges are operations drawn as arcs with their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import BLUE, GREEN, INK, ORANGE, PINK, SKY, STATUS, YELLOW

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CYCLE = (SKY, ORANGE, GREEN, PINK, YELLOW, BLUE)


UNIT = 1.0  # inches between half of two neighbouring feature maps


def cell_graph(graph: nx.DiGraph[Any], title: str = "") -> Figure:
    """Draw a cell (`genome.graph()`): feature maps as circles from input to output, operations as the arrows between them."""
    from matplotlib.figure import Figure

    merged = operations_as_edges(graph)
    width, height = cell_extent(merged)
    figure = Figure(figsize=(width, height + (0.3 if title else 0.0)))
    axes = figure.add_axes((0.0, 0.0, 1.0, height / (height + (0.3 if title else 0.0))))
    draw_cell(axes, merged)
    if title:
        figure.text(0.5, 1 - 0.15 / (height + 0.3), title, fontsize=10, ha="center", va="center", color=INK)
    return figure


def cell_extent(merged: nx.DiGraph[Any]) -> tuple[float, float]:
    """Inches that the drawing of a cell takes: width, height."""
    place = _places(merged)
    reach = max([abs(place[b] - place[a]) for a, b in merged.edges], default=2.0)
    return UNIT * (2 * len(place)), UNIT * (0.44 * reach + 1.0)


def _places(merged: nx.DiGraph[Any]) -> dict[Any, float]:
    import networkx as nx

    nodes = nx.lexicographical_topological_sort(merged, key=lambda node: (merged.nodes[node]["kind"] == "output", str(node)))
    return {node: float(2 * index) for index, node in enumerate(nodes)}


def draw_cell(axes: Axes, merged: nx.DiGraph[Any], status: Mapping[Any, str] | None = None) -> None:
    """Draw a cell into axes of the size of its `cell_extent`.

    Args:
        axes: to fill.
        merged: feature maps as nodes, operations as edges: `operations_as_edges(genome.graph())`.
        status: for every edge (a pair of nodes) a key of `palette.STATUS`, which then gives the colours.
    """
    from matplotlib.patches import FancyArrowPatch

    graph, place = merged, _places(merged)
    nodes = list(place)
    names = sorted({data.get("operation", "") for *_, data in graph.edges(data=True)} - {""})
    colours = dict(zip(names, CYCLE * (1 + len(names) // len(CYCLE)), strict=False))
    spans = [abs(place[b] - place[a]) for a, b in graph.edges]
    reach = max(spans, default=2.0)
    for index, (a, b, data) in enumerate(sorted(graph.edges(data=True), key=lambda edge: (place[edge[0]], place[edge[1]]))):
        operation = data.get("operation", "")
        span = place[b] - place[a]
        side = 1 if span <= 2 or index % 2 == 0 else -1
        bend = 0.0 if span <= 2 else 0.42 * side
        axes.add_artist(
            FancyArrowPatch(
                (place[a], 0), (place[b], 0), connectionstyle=f"arc3,rad={-bend}", arrowstyle="-|>", mutation_scale=13,
                shrinkA=17, shrinkB=17, linewidth=2.0, color=colours.get(operation, INK) if status is None else STATUS[status[a, b]],
            )
        )  # fmt: skip
        height = bend * span / 2 if bend else 0.0
        axes.text(
            (place[a] + place[b]) / 2, height, operation.replace("_", " "), ha="center", va="center", fontsize=8,
            color=INK, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    for node in nodes:
        label = {"input": "in", "output": "out"}.get(graph.nodes[node]["kind"], str(node))
        axes.text(
            place[node], 0, label, ha="center", va="center", fontsize=9,
            bbox={"boxstyle": "circle,pad=0.4", "facecolor": "white", "edgecolor": INK},
        )  # fmt: skip
    axes.set_aspect("equal")
    axes.set_xlim(-1, place[nodes[-1]] + 1)
    axes.set_ylim(-0.22 * reach - 0.5, 0.22 * reach + 0.5)
    axes.axis("off")


def operations_as_edges(graph: nx.DiGraph[Any]) -> nx.DiGraph[Any]:
    """The graph with every operation node (one input, one output) as an edge between feature maps."""
    import networkx as nx

    states = {"input", "add", "concat", "output"}
    merged: nx.DiGraph[Any] = nx.DiGraph()
    merged.add_nodes_from((node, data) for node, data in graph.nodes(data=True) if data.get("kind") in states)
    for node, data in graph.nodes(data=True):
        if data.get("kind") not in states:
            (before,), (after,) = graph.predecessors(node), graph.successors(node)
            merged.add_edge(before, after, operation=data["kind"])
    return merged
