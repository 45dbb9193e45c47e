"""Layer graphs: top to bottom, one row a layer, shapes on the edges, skips in lanes of their own beside the main path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import BLUE, GREEN, GREY, INK, ORANGE, PINK, SKY, YELLOW

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {
    "input": BLUE,
    "conv": SKY,
    "separable": SKY,
    "dense": SKY,
    "max_pool": YELLOW,
    "average_pool": YELLOW,
    "global_average": YELLOW,
    "global_max": YELLOW,
    "flatten": GREY,
    "add": GREEN,
    "concat": PINK,
    "logits": ORANGE,
    "plain_conv": SKY,
    "plain_separable": SKY,
    "relu": GREY,
    "norm": GREY,
    "sum": GREEN,
    "zero": GREY,
}
WIDTH, HEIGHT, ROW = 2.6, 0.5, 0.92  # of a box, and from row to row, in inches
LANE = 0.28  # from one skip to the next, in inches


@dataclass(frozen=True)
class Layout:
    """Where everything is drawn, in inches; rows count down from 0.

    Attributes:
        position: node -> (x of its centre, row).
        lanes: skip edge -> its lane, from 1 at the boxes outwards; skips that overlap in rows have different lanes.
        columns: how many boxes stand side by side at most.
    """

    position: dict[Any, tuple[float, int]]
    lanes: dict[tuple[Any, Any], int]
    columns: int


def layer_layout(graph: nx.DiGraph[Any]) -> Layout:
    """Rows by the longest path from the input; the main path in the first column; skips in lanes.

    Raises:
        ValueError: the graph has a cycle.
    """
    import networkx as nx

    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError("only an acyclic layer graph can be drawn top to bottom")
    row: dict[Any, int] = {}
    for node in nx.topological_sort(graph):
        row[node] = 1 + max((row[before] for before in graph.predecessors(node)), default=-1)
    in_row: dict[int, list[Any]] = {}
    for node in sorted(row, key=lambda node: (row[node], graph.nodes[node].get("off_main", False))):
        in_row.setdefault(row[node], []).append(node)
    columns = max(len(nodes) for nodes in in_row.values())
    position = {node: (column * (WIDTH + 0.5), r) for r, nodes in in_row.items() for column, node in enumerate(nodes)}
    long = [(a, b) for a, b in graph.edges if row[b] - row[a] > 1]
    lanes: dict[tuple[Any, Any], int] = {}
    ends: list[int] = []  # the last row that each lane is taken to
    for a, b in sorted(long, key=lambda edge: (row[edge[0]], row[edge[1]] - row[edge[0]])):
        free = next((lane for lane, end in enumerate(ends) if end <= row[a]), None)
        if free is None:
            ends.append(row[b])
            free = len(ends) - 1
        ends[free] = row[b]
        lanes[(a, b)] = free + 1
    return Layout(position, lanes, columns)


def layer_graph(graph: nx.DiGraph[Any], title: str = "") -> Figure:
    """Draw a layer graph (`genome.graph()` of the deep encodings).

    Args:
        graph: nodes with `label`, `kind`, `shape` and `parameters`.
        title: one line above it.
    """
    from matplotlib.figure import Figure

    layout = layer_layout(graph)
    rows = 1 + max(row for _, row in layout.position.values())
    lanes = max(layout.lanes.values(), default=0)
    right = (layout.columns - 1) * (WIDTH + 0.5) + WIDTH / 2 + 0.35 + LANE * (lanes + 1)
    left = -WIDTH / 2 - 0.3
    top, bottom = 0.75, -(rows - 1) * ROW - 0.55
    scale = min(1.0, 40.0 / (top - bottom))  # very deep networks are drawn smaller, not on an endless sheet
    figure = Figure(figsize=(max(4.2, right - left) * scale, (top - bottom) * scale))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    middle, half = (left + right) / 2, max(4.2, right - left) / 2
    axes.set_xlim(middle - half, middle + half)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.axis("off")
    if title:
        axes.text(middle, top - 0.2, title, ha="center", va="center", fontsize=10 * scale, color=INK)
    for a, b in graph.edges:
        _edge(axes, graph, layout, a, b, scale)
    for node, data in graph.nodes(data=True):
        _box(axes, layout, node, data, scale)
    return figure


def _at(layout: Layout, node: Any) -> tuple[float, float]:
    x, row = layout.position[node]
    return x, -row * ROW


def _box(axes: Axes, layout: Layout, node: Any, data: dict[str, Any], scale: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = _at(layout, node)
    colour = COLOURS.get(data.get("kind", ""), GREY)
    axes.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=_pale(colour), edgecolor=colour, linewidth=1.3 * scale, zorder=3,
        )
    )  # fmt: skip
    parameters = data.get("parameters", 0)
    text = str(data.get("label", node))
    if parameters:
        axes.text(x, y + 0.1, text, ha="center", va="center", fontsize=9 * scale, color=INK, zorder=4)
        axes.text(
            x, y - 0.12, f"{parameters:,} parameters", ha="center", va="center", fontsize=6.5 * scale, color="#555555", zorder=4
        )
    else:
        axes.text(x, y, text, ha="center", va="center", fontsize=9 * scale, color=INK, zorder=4)


def _edge(axes: Axes, graph: nx.DiGraph[Any], layout: Layout, a: Any, b: Any, scale: float) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = _at(layout, a), _at(layout, b)
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9 * scale, "linewidth": 1.1 * scale, "zorder": 2}
    lane = layout.lanes.get((a, b))
    if lane is None:
        axes.add_patch(FancyArrowPatch((x0, y0 - HEIGHT / 2), (x1, y1 + HEIGHT / 2), color=INK, shrinkA=0, shrinkB=0, **style))
        shape = graph.nodes[a].get("shape")
        if shape is not None:
            label = " × ".join(map(str, shape))
            axes.text(
                (x0 + x1) / 2 + 0.08,
                (y0 + y1) / 2,
                label,
                ha="left",
                va="center",
                fontsize=7.5 * scale,
                color="#555555",
                zorder=4,
            )
        return
    out = (layout.columns - 1) * (WIDTH + 0.5) + WIDTH / 2 + 0.15 + LANE * lane
    x0, x1, r = x0 + WIDTH / 2, x1 + WIDTH / 2, 0.12
    y0, y1 = y0 - 0.06 * lane / (lane + 1), y1 + 0.12 * lane / (lane + 1)
    corners = [(x0, y0), (out - r, y0), (out, y0), (out, y0 - r), (out, y1 + r), (out, y1), (out - r, y1), (x1, y1)]
    codes = [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO]
    axes.add_patch(FancyArrowPatch(path=Path(corners, codes), color=GREEN, **style))


def _pale(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return (0.78 + 0.22 * red, 0.78 + 0.22 * green, 0.78 + 0.22 * blue)
