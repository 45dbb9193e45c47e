"""Layer graphs: top to bottom, one row a layer, shapes on the edges, skips in lanes of their own beside the main path."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuroevo.plots.layered import Edge, Point, layered
from neuroevo.plots.node_names import columns_line, node_name
from neuroevo.plots.palette import BLUE, GREEN, GREY, INK, MUTED, ORANGE, PINK, SKY, STATUS, YELLOW

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
    "detect": ORANGE,
    "plain_conv": SKY,
    "plain_separable": SKY,
    "plain_depthwise": SKY,
    "half": GREY,
    "upsample": YELLOW,
    "attend": GREEN,
    "relu": GREY,
    "norm": GREY,
    "dropout": GREY,
    "gate": GREEN,
    "sum": GREEN,
    "zero": GREY,
}
WIDTH, HEIGHT, ROW = 2.6, 0.5, 0.92  # of a box, and from row to row, in inches
LANE = 0.28  # from one skip to the next, in inches
BESIDE = 0.45  # between boxes that stand side by side, in inches


@dataclass(frozen=True)
class Layout:
    """Where everything is drawn, in inches; rows count down from 0.

    Attributes:
        position: node -> (x of its centre, row).
        lanes: skip edge -> its lane, from 1 at the boxes outwards; skips that overlap in rows have different lanes. Only where no two
            boxes stand side by side.
        routes: elsewhere, for every edge the points (row, x) that it runs through.
        columns: how many boxes stand side by side at most.
    """

    position: dict[Any, tuple[float, int]]
    lanes: dict[Edge, int]
    routes: dict[Edge, tuple[Point, ...]]
    columns: int


def layer_layout(graph: nx.DiGraph[Any]) -> Layout:
    """Rows by the longest path from the input. Boxes below each other have their skips in lanes beside them; where boxes stand side by
    side, skips run between them.

    Raises:
        ValueError: the graph has a cycle.
    """
    import networkx as nx

    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError("only an acyclic layer graph can be drawn top to bottom")
    row = _rows(graph)
    columns = max(Counter(row.values()).values())
    if columns == 1:
        return Layout({node: (0.0, r) for node, r in row.items()}, _lanes(graph, row), {}, 1)
    place, routes = layered(row, graph.edges, node=WIDTH + BESIDE, line=LANE)
    return Layout({node: (-place[node], r) for node, r in row.items()}, {}, _mirrored(routes), columns)


def _mirrored(routes: dict[Edge, tuple[Point, ...]]) -> dict[Edge, tuple[Point, ...]]:
    return {edge: tuple((row, -place) for row, place in points) for edge, points in routes.items()}


def _rows(graph: nx.DiGraph[Any]) -> dict[Any, int]:
    """The longest path from the input; nodes with slack come down to where they are used, if that makes their lines shorter or their row
    less crowded."""
    import networkx as nx

    row: dict[Any, int] = {}
    order = list(nx.topological_sort(graph))
    for node in order:
        row[node] = 1 + max((row[before] for before in graph.predecessors(node)), default=-1)
    crowd = Counter(row.values())
    for node in reversed(order):
        lowest = min((row[after] for after in graph.successors(node)), default=0) - 1
        if lowest <= row[node] or not graph.in_degree(node):
            continue
        ins, outs = graph.in_degree(node), graph.out_degree(node)
        if ins > outs:
            continue
        here = row[node]
        crowd[here] -= 1
        row[node] = lowest if ins < outs else min(range(here, lowest + 1), key=lambda r: (crowd[r], r))
        crowd[row[node]] += 1
    return row


def _lanes(graph: nx.DiGraph[Any], row: dict[Any, int]) -> dict[Edge, int]:
    long = [(a, b) for a, b in graph.edges if row[b] - row[a] > 1]
    lanes: dict[Edge, int] = {}
    ends: list[int] = []  # the last row that each lane is taken to
    for a, b in sorted(long, key=lambda edge: (row[edge[0]], row[edge[1]] - row[edge[0]])):
        free = next((lane for lane, end in enumerate(ends) if end <= row[a]), None)
        if free is None:
            ends.append(row[b])
            free = len(ends) - 1
        ends[free] = row[b]
        lanes[(a, b)] = free + 1
    return lanes


def layer_graph(graph: nx.DiGraph[Any], title: str = "", status: Mapping[Any, str] | None = None) -> Figure:
    """Draw a layer graph (`genome.graph()` of the deep encodings).

    Args:
        graph: nodes with `label`, `kind`, `shape` and `parameters`.
        title: one line above it.
        status: as for `draw_layers`.
    """
    from matplotlib.figure import Figure

    layout = layer_layout(graph)
    left, right, top, bottom = extent(layout)
    scale = min(
        1.0, 40.0 / (top - bottom), 40.0 / (right - left)
    )  # very large networks are drawn smaller, not on an endless sheet
    figure = Figure(figsize=(max(4.2, right - left) * scale, (top - bottom) * scale))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    draw_layers(axes, graph, layout, scale, status)
    if title:
        axes.text((left + right) / 2, top - 0.2, title, ha="center", va="center", fontsize=10 * scale, color=INK)
    return figure


def extent(layout: Layout) -> tuple[float, float, float, float]:
    """Inches that a drawing takes: left, right, top, bottom."""
    rows = 1 + max(row for _, row in layout.position.values())
    places = [x for x, _ in layout.position.values()]
    passing = [x for points in layout.routes.values() for _, x in points]
    left = min([min(places) - WIDTH / 2, *passing]) - 0.3
    right = max([max(places) + WIDTH / 2, *passing]) + 0.3 + LANE * (max(layout.lanes.values(), default=-1) + 1)
    return left, right, 0.75, -(rows - 1) * _row_height(layout) - 0.55


def draw_layers(
    axes: Axes, graph: nx.DiGraph[Any], layout: Layout, scale: float, status: Mapping[Any, str] | None = None
) -> None:
    """Draw a layer graph into axes of the size of its `extent`.

    Args:
        axes: to fill.
        graph, layout: what.
        scale: of text and lines.
        status: for every node and every edge (a pair of nodes) a key of `palette.STATUS`, which then gives the colours.
    """
    left, right, top, bottom = extent(layout)
    middle, half = (left + right) / 2, max(4.2, right - left) / 2
    axes.set_xlim(middle - half, middle + half)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.axis("off")
    ports = _ports(layout)
    for a, b in graph.edges:
        colour = None if status is None else STATUS[status[a, b]]
        if layout.routes:
            skip = graph.edges[a, b].get("skip", False)
            _routed(axes, layout, (a, b), ports, colour or (GREEN if skip else INK), scale)
        else:
            _edge(axes, graph, layout, a, b, colour, scale)
    for node, data in graph.nodes(data=True):
        _box(axes, layout, node, data, None if status is None else STATUS[status[node]], scale)


def _row_height(layout: Layout) -> float:
    return ROW if not layout.routes else ROW + min(0.5, 0.06 * layout.columns)


def _at(layout: Layout, node: Any) -> tuple[float, float]:
    x, row = layout.position[node]
    return x, -row * _row_height(layout)


def _box(axes: Axes, layout: Layout, node: Any, data: dict[str, Any], colour: str | None, scale: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    x, y = _at(layout, node)
    edge = colour or COLOURS.get(data.get("kind", ""), GREY)
    axes.add_artist(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=_pale(edge), edgecolor=edge, linewidth=1.3 * scale, zorder=3,
        )
    )  # fmt: skip
    lines = [f"{data['parameters']:,} parameters"] if data.get("parameters") else []
    if data.get("columns"):
        lines.append(columns_line(data["columns"]))
    if layout.routes and data.get("shape") is not None:
        lines.insert(0, " × ".join(map(str, data["shape"])))
    style: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4}
    named = textwrap.shorten(node_name(node, data), 42, placeholder="...")
    axes.text(x, y + (0.1 if lines else 0.0), named, fontsize=9 * scale, color=INK, **style)
    if lines:
        axes.text(x, y - 0.12, ", ".join(lines), fontsize=6.5 * scale, color=MUTED, **style)


def _ports(layout: Layout) -> dict[tuple[Edge, str], float]:
    """Where an edge leaves and enters, from the middle of a box: side by side, in the order of where it comes from and goes to."""
    ends: dict[tuple[Any, str], list[tuple[float, Edge]]] = {}
    for edge, points in layout.routes.items():
        ends.setdefault((edge[0], "leaves"), []).append((points[1][1], edge))
        ends.setdefault((edge[1], "enters"), []).append((points[-2][1], edge))
    found: dict[tuple[Edge, str], float] = {}
    for (_, way), edges in ends.items():
        apart = min(0.4, (WIDTH - 0.4) / len(edges))
        for place, (_, edge) in enumerate(sorted(edges, key=lambda item: item[0])):
            found[edge, way] = (place - (len(edges) - 1) / 2) * apart
    return found


def _routed(axes: Axes, layout: Layout, edge: Edge, ports: dict[tuple[Edge, str], float], colour: str, scale: float) -> None:
    """A line from box to box, upright where it passes a row of boxes."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    step = _row_height(layout)
    points = layout.routes[edge]
    x, y = points[0][1] + ports[edge, "leaves"], -points[0][0] * step - HEIGHT / 2
    corners, codes = [(x, y)], [Path.MOVETO]
    for row, place in points[1:]:
        last = row == points[-1][0]
        to = place + (ports[edge, "enters"] if last else 0.0)
        top = -row * step + HEIGHT / 2
        end = top + 0.09 if last else top  # a short straight piece carries the arrow's head
        half = (y - end) / 2
        corners += [(x, y - half), (to, end + half), (to, end)]
        codes += [Path.CURVE4] * 3
        corners.append((to, top if last else top - HEIGHT))
        codes.append(Path.LINETO)
        x, y = to, top - HEIGHT
    axes.add_artist(
        FancyArrowPatch(
            path=Path(corners, codes), arrowstyle="-|>", mutation_scale=8 * scale, linewidth=1.1 * scale, color=colour, zorder=2
        )
    )


def _edge(axes: Axes, graph: nx.DiGraph[Any], layout: Layout, a: Any, b: Any, colour: str | None, scale: float) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = _at(layout, a), _at(layout, b)
    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 9 * scale, "linewidth": 1.1 * scale, "zorder": 2}
    lane = layout.lanes.get((a, b))
    if lane is None:
        line = FancyArrowPatch((x0, y0 - HEIGHT / 2), (x1, y1 + HEIGHT / 2), color=colour or INK, shrinkA=0, shrinkB=0, **style)
        axes.add_artist(line)
        shape = graph.nodes[a].get("shape")
        if shape is not None:
            label, middle = " × ".join(map(str, shape)), (y0 + y1) / 2
            axes.text(x0 + 0.08, middle, label, ha="left", va="center", fontsize=7.5 * scale, color=MUTED, zorder=4)
        return
    out = WIDTH / 2 + 0.15 + LANE * lane
    x0, x1, r = x0 + WIDTH / 2, x1 + WIDTH / 2, 0.12
    y0, y1 = y0 - 0.06 * lane / (lane + 1), y1 + 0.12 * lane / (lane + 1)
    corners = [(x0, y0), (out - r, y0), (out, y0), (out, y0 - r), (out, y1 + r), (out, y1), (out - r, y1), (x1, y1)]
    codes = [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO]
    axes.add_artist(FancyArrowPatch(path=Path(corners, codes), color=colour or GREEN, **style))


def _pale(colour: str) -> tuple[float, float, float]:
    from matplotlib.colors import to_rgb

    red, green, blue = to_rgb(colour)
    return (0.78 + 0.22 * red, 0.78 + 0.22 * green, 0.78 + 0.22 * blue)
