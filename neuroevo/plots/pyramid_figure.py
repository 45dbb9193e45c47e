"""Detectors: a row for each level, the coarsest on top; the backbone's blocks, the maps, the merging cells in their order, and the head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import BLUE, CYCLE, GREEN, GREY, INK, MUTED, ORANGE, PINK, SKY, STATUS, YELLOW

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]

WIDTH, HEIGHT, COLUMN, ROW = 0.9, 0.42, 1.25, 0.95  # of a box, from column to column and from level to level, in inches
BETWEEN = 0.5  # between backbone, pyramid and head, in inches
LEFT, MARGIN, NOTE = 1.2, 0.25, 0.35  # inches left of the first column (for the levels' names), elsewhere, and for the line below
COLOURS = {"input": BLUE, "stem": SKY, "map": GREY, "sum": GREEN, "attention": PINK, "top_down": GREEN, "detect": ORANGE}
NOTES = "dotted: where attention comes from · dashed: added because no cell takes it"


def pyramid_layout(graph: nx.DiGraph[Any]) -> dict[Any, Point]:
    """The middle of every box but the head's, in inches: x to the right, y a row for each level. Blocks stand in the row of their stage; each
    merging cell has a column of its own."""
    backbone = [node for node, data in graph.nodes(data=True) if data["part"] == "backbone"]
    cells = [node for node, data in graph.nodes(data=True) if data["part"] == "pyramid"]
    place: dict[Any, Point] = {}
    taken: dict[int, int] = {}
    for node in backbone:
        level = graph.nodes[node]["level"]
        place[node] = (taken.get(level, 0) * COLUMN, level * ROW)
        taken[level] = taken.get(level, 0) + 1
    first = max(taken.values()) * COLUMN + BETWEEN
    column = 0
    for node in cells:
        data = graph.nodes[node]
        column += data["kind"] != "map"
        place[node] = (first + column * COLUMN, data["level"] * ROW)
    return place


def pyramid_extent(graph: nx.DiGraph[Any]) -> tuple[float, float]:
    """Inches that a drawing takes: width, height."""
    place = pyramid_layout(graph)
    rows = max(y for _, y in place.values()) + 0.6 * ROW
    return LEFT + _head_at(place) + WIDTH + MARGIN, rows + 2 * MARGIN + NOTE


def _head_at(place: Mapping[Any, Point]) -> float:
    return max(x for x, _ in place.values()) + COLUMN + BETWEEN / 2


def pyramid(graph: nx.DiGraph[Any], title: str = "") -> Figure:
    """Draw a detector (`genome.graph()`), with a line above it."""
    from matplotlib.figure import Figure

    width, height = pyramid_extent(graph)
    head = 0.35 if title else 0.0
    scale = min(1.0, 40.0 / width)
    figure = Figure(figsize=(width * scale, (height + head) * scale))
    draw_pyramid(figure.add_axes((0.0, 0.0, 1.0, height / (height + head))), graph, scale)
    if title:
        figure.text(0.5, 1 - head / 2 / (height + head), title, ha="center", va="center", fontsize=10 * scale, color=INK)
    return figure


def draw_pyramid(axes: Axes, graph: nx.DiGraph[Any], scale: float = 1.0, status: Mapping[Any, str] | None = None) -> None:
    """Draw a detector into axes of the size of its `pyramid_extent`.

    Args:
        axes: to fill.
        graph: what.
        scale: of text and lines.
        status: for every node and every edge a key of `palette.STATUS`, which then gives the colours.
    """
    width, height = pyramid_extent(graph)
    place, top = pyramid_layout(graph), height - MARGIN - NOTE
    axes.set_xlim(-LEFT, width - LEFT)
    axes.set_ylim(-MARGIN - NOTE, top)
    axes.set_aspect("equal")
    axes.axis("off")
    levels = sorted({data["level"] for _, data in graph.nodes(data=True) if "level" in data})
    for level in levels:
        y = level * ROW
        axes.axhline(y, color="#EEEEEE", linewidth=14 * scale, zorder=0)
        said = "image" if level == 0 else f"level {level}\n{1 << level} pixels"
        axes.text(-LEFT + 0.1, y, said, ha="left", va="center", fontsize=7.5 * scale, color=MUTED)
    head = _head(graph, place)
    sources = {
        node: CYCLE[index % len(CYCLE)]
        for index, node in enumerate(n for n, d in graph.nodes(data=True) if d["part"] == "pyramid")
    }
    for a, b, data in graph.edges(data=True):
        colour = sources.get(a, INK) if b in place else GREY
        _arrow(axes, place, a, b, data, colour if status is None else STATUS[status[a, b]], scale, head)
    for node, data in graph.nodes(data=True):
        if node in place:
            _box(axes, *place[node], HEIGHT, data, None if status is None else STATUS[status[node]], scale)
        else:
            x, low, high = head
            _box(axes, x, (low + high) / 2, high - low + HEIGHT, data, None if status is None else STATUS[status[node]], scale)
    if any(data["kind"] == "attention" for _, data in graph.nodes(data=True)) or any(
        d.get("added") for *_, d in graph.edges(data=True)
    ):
        said = NOTES if status is not None else f"orange: outputs · {NOTES}"
        axes.text(-LEFT + 0.1, -MARGIN - NOTE / 2, said, ha="left", va="center", fontsize=7.5 * scale, color=MUTED)


def _head(graph: nx.DiGraph[Any], place: Mapping[Any, Point]) -> tuple[float, float, float]:
    """Where the head stands: x, and the rows that it reaches from and to."""
    outputs = [place[node][1] for node in graph.predecessors("detect")]
    return _head_at(place), min(outputs), max(outputs)


def _box(axes: Axes, x: float, y: float, height: float, data: Mapping[str, Any], colour: str | None, scale: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    edge = colour or (ORANGE if data.get("output") else COLOURS.get(data["kind"], YELLOW if "xception" in data["kind"] else SKY))
    corner = (x - WIDTH / 2, y - height / 2)
    rounded = "round,pad=0,rounding_size=0.08"
    wide = 2.0 if data.get("output") else 1.2
    axes.add_artist(
        FancyBboxPatch(
            corner, WIDTH, height, boxstyle=rounded, facecolor="white", edgecolor=edge, linewidth=wide * scale, zorder=3
        )
    )
    words = str(data["label"]).replace(", ", "\n")
    words = words.replace(" ", "\n", 1) if data["kind"].endswith(("x3", "x5", "x7")) or data["kind"] == "detect" else words
    words = words.replace(" → ", "\n→ ")
    axes.text(x, y, words, ha="center", va="center", fontsize=7 * scale, color=INK, zorder=4, linespacing=1.0)


def _arrow(
    axes: Axes, place: Mapping[Any, Point], a: Any, b: Any, data: Mapping[str, Any], colour: str, scale: float,
    head: tuple[float, float, float],
) -> None:  # fmt: skip
    from matplotlib.patches import FancyArrowPatch

    style: dict[str, Any] = {"arrowstyle": "-|>", "mutation_scale": 8 * scale, "color": colour, "zorder": 2}
    style["linestyle"] = (0, (1, 1.2)) if data.get("attention") else "--" if data.get("added") else "-"
    line = FancyArrowPatch(path=_path(place, place[a], place.get(b, (head[0], place[a][1]))), linewidth=1.2 * scale, **style)
    axes.add_artist(line)


def _path(place: Mapping[Any, Point], start: Point, end: Point) -> Any:
    """From the right side of one box to the left side of another; from top to bottom where it stands above or before it. Along a row it runs
    in a bow over what stands between."""
    from matplotlib.path import Path

    curve = [Path.MOVETO, *[Path.CURVE4] * 3]
    if end[0] <= start[0]:  # upwards, to the next stage
        half = (end[1] - start[1]) / 2
        (x0, y0), (x1, y1) = (start[0], start[1] + HEIGHT / 2), (end[0], end[1] - HEIGHT / 2)
        return Path([(x0, y0), (x0, y0 + half / 2), (x1, y1 - half / 2), (x1, y1)], curve)
    (x0, y0), (x1, y1) = (start[0] + WIDTH / 2, start[1]), (end[0] - WIDTH / 2, end[1])
    between = [x for x, y in place.values() if y0 == y1 == y and start[0] < x < end[0]]
    if between:
        over = HEIGHT / 2 + 0.16
        return Path([(x0, y0 + 0.1), (x0 + 0.35, y0 + 1.5 * over), (x1 - 0.35, y1 + 1.5 * over), (x1, y1 + 0.1)], curve)
    bend = min((x1 - x0) / 2, 0.8)
    return Path([(x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1)], curve)
