"""One NEAT genome as a network from inputs to outputs; or two of them in one drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from neuroevo.plots.layered import Edge, Point
from neuroevo.plots.neat_layout import Layout, neat_layout
from neuroevo.plots.palette import BLUE, CHANGED, GREEN, GREY, INK, MUTED, ORANGE, PINK, SHARED, STATUS

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path


POSITIVE, NEGATIVE = BLUE, ORANGE
NODES = {"input": INK, "bias": GREY, "hidden": GREEN, "output": PINK}
COLUMN, NARROW, BARE = 1.75, 1.15, 0.42  # inches from column to column, the same if there are many, and where nodes have no names
ROW, LOW = 0.56, 0.3  # inches from row to row, and where nodes have no names
RADIUS = 0.11  # of a node, in inches
WIDE, LARGEST = 14.0, 26.0  # inches: wider, columns move together; larger, everything is drawn smaller
MANY = 30  # hidden nodes; where there are more, shapes say what they compute, and disabled connections are left out
SHAPES = "osD^vphP*X"
LETTER = 0.068  # inches of a letter of a node's name
LONGEST = 30  # letters of a name
MARGIN = (1.0, 1.75, 0.55, 1.5)  # inches left, right, below and above and below together


@dataclass(frozen=True)
class Sheet:
    """Where and how a graph is drawn.

    Attributes:
        graph, layout: what.
        size: inches, before `scale`.
        origin, step: inches of column 0 and row 0, and from column to column and from row to row.
        large: whether there are too many hidden nodes to name what each computes.
        heaviest: the largest enabled weight, which is drawn thickest.
        scale: of everything but text, for drawings larger than any sheet.
        status: of nodes and connections, where two genomes are drawn in one.
        moved: of those that both have with other numbers, by how much these differ.
        worth: of nodes and connections, where colours say what each is worth.
    """

    graph: nx.DiGraph[Any]
    layout: Layout
    size: Point
    origin: Point
    step: Point
    large: bool
    heaviest: float
    scale: float
    status: Mapping[Any, str] | None
    moved: Mapping[Any, float]
    worth: Mapping[Any, float] | None = None

    def place(self, point: Point) -> Point:
        return self.origin[0] + point[0] * self.step[0], self.origin[1] + point[1] * self.step[1]

    def text(self, size: float) -> float:
        """Points of a text that stays readable on a smaller drawing."""
        return max(size * self.scale, min(size, 7.0))


def draw_network(
    graph: nx.DiGraph[Any],
    title: str = "",
    status: Mapping[Any, str] | None = None,
    moved: Mapping[Any, float] | None = None,
    worth: Mapping[Any, float] | None = None,
) -> Figure:
    """Draw the graph of a NEAT genome, or of two in one: inputs on the left, outputs on the right, every connection with its weight as width
    and colour. Of a genome with many hidden nodes the disabled connections are left out, and shapes say what a node computes.

    Args:
        graph: `genome.graph()`, feed-forward or recurrent.
        title: one line above it.
        status: for every node and every connection (a pair of nodes) a key of `palette.STATUS`, which then gives the colours.
        moved: of those that both genomes have with other numbers (a weight, a bias), by how much these differ: they are drawn as shared,
            with the difference inside, on the scale of the weights.
        worth: of nodes and of connections (pairs of nodes) what each is worth, such as a Shapley value, which then gives its colour; what has
            none is grey.
    """
    from matplotlib.figure import Figure

    caption = neat_caption(graph)
    sheet = replace(_sheet(graph, status, moved or {}), worth=worth)
    width, height = sheet.size
    figure = Figure(figsize=(width * sheet.scale, height * sheet.scale))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    _connections(axes, sheet)
    shapes = _nodes(axes, sheet)
    if title:
        axes.text(width / 2, height - 0.2, title, ha="center", va="center", fontsize=sheet.text(11), color=INK)
    if sheet.graph is not graph:
        caption += " (not drawn)"
    if status is None:
        axes.text(width / 2, height - 0.46, caption, ha="center", va="center", fontsize=sheet.text(8.5), color=MUTED)
    _legend(axes, sheet, shapes)
    return figure


def neat_caption(graph: nx.DiGraph[Any]) -> str:
    """What a NEAT genome's graph consists of, in one line."""
    kinds = [data["type"] for _, data in graph.nodes(data=True)]
    enabled = sum(data["enabled"] for *_, data in graph.edges(data=True))
    disabled = graph.number_of_edges() - enabled
    parts = [
        counted(kinds.count("input"), "input") + (" and a bias" if "bias" in kinds else ""),
        counted(kinds.count("hidden"), "hidden node"),
        counted(kinds.count("output"), "output"),
        counted(enabled, "connection") + (f" and {disabled} disabled" if disabled else ""),
    ]
    return ", ".join(parts)


def counted(count: int, what: str) -> str:
    """A number with its noun."""
    plural = f"{what[:-2]}ices" if what.endswith("ex") else f"{what}s"
    return f"{count} {what if count == 1 else plural}"


def computed(data: Mapping[str, Any]) -> str:
    """What a node computes, for its label: its activation, after its aggregation where that is not a sum."""
    activation = str(data["activation"]).replace("_", " ")
    return activation if data["aggregation"] == "sum" else f"{activation} of {str(data['aggregation']).replace('_', ' ')}"


def _sheet(graph: nx.DiGraph[Any], status: Mapping[Any, str] | None, moved: Mapping[Any, float]) -> Sheet:
    large = sum(data["type"] == "hidden" for _, data in graph.nodes(data=True)) > MANY
    if large and status is None:
        disabled = [(a, b) for a, b, data in graph.edges(data=True) if not data["enabled"]]
        if disabled:
            graph = graph.copy()
            graph.remove_edges_from(disabled)
    layout = neat_layout(graph)
    left, right, bottom, around = MARGIN
    longest = max(
        (len(_shortened(data["name"])) for _, data in graph.nodes(data=True) if data["type"] == "input" and "name" in data),
        default=0,
    )
    left = max(left, 0.4 + LETTER * longest)
    row = LOW if large else ROW
    lowest = min(y for route in (*layout.routes.values(), layout.position.values()) for _, y in route)
    least = BARE if large else NARROW
    across = min(COLUMN, max(least, (WIDE - left - right) / (layout.columns - 1)))
    width = max(6.2, (layout.columns - 1) * across + left + right)
    tall = max(layout.height, ROW / row)
    size = (width, tall * row + bottom + around)
    slack = (tall - layout.height) / 2
    heaviest = max((abs(data["weight"]) for *_, data in graph.edges(data=True) if data["enabled"]), default=1.0) or 1.0
    origin = (left, bottom + 0.35 + (slack - lowest) * row)
    step = ((width - left - right) / (layout.columns - 1), row)
    scale = min(1.0, LARGEST / size[0], LARGEST / size[1])
    return Sheet(graph, layout, size, origin, step, large, heaviest, scale, status, moved)


# Nodes ------------------------------------------------------------------------------------------------------------------------


def _nodes(axes: Axes, sheet: Sheet) -> dict[str, str]:
    """Draw the nodes; returns what each shape of a hidden node stands for, where they are not named."""
    graph, found = sheet.graph, dict[str, str]()
    counts: dict[str, int] = {}
    for _, data in graph.nodes(data=True):
        if data["type"] == "hidden":
            counts[computed(data)] = counts.get(computed(data), 0) + 1
    if sheet.large:
        often = sorted(counts, key=lambda name: (-counts[name], name))
        found = {name: SHAPES[min(place, len(SHAPES) - 1)] for place, name in enumerate(often)}
    size = (2 * 72 * RADIUS * sheet.scale) ** 2 * (0.5 if sheet.large else 1.0)
    groups: dict[tuple[str, str], list[Point]] = {}
    for node, data in graph.nodes(data=True):
        at, hidden = sheet.place(sheet.layout.position[node]), data["type"] == "hidden"
        colour = _status_colour(sheet, node) if sheet.status is not None else NODES[data["type"]]
        if sheet.worth is not None:
            colour = worth_colour(sheet.worth, node) if hidden else INK
        groups.setdefault((found.get(computed(data), "o") if hidden else "o", colour), []).append(at)
        if not hidden or not sheet.large:
            _name_node(axes, sheet, at, _name(graph, node), data)
    for (shape, colour), places in groups.items():
        larger = 1.0 if shape in "os" else 1.4
        axes.scatter(
            [x for x, _ in places], [y for _, y in places], s=size * larger, c=colour, marker=shape, edgecolors="white",
            linewidths=sheet.scale, zorder=5,
        )  # fmt: skip
    for node in graph.nodes:
        if node in sheet.moved:
            x, y = sheet.place(sheet.layout.position[node])
            axes.scatter(
                [x], [y], s=size * min(1.0, _share(sheet, node)), c=STATUS[CHANGED], marker="o", linewidths=0, zorder=5.5
            )
    return found


def _name(graph: nx.DiGraph[Any], node: Any) -> str:
    kind = graph.nodes[node]["type"]
    if "name" in graph.nodes[node]:  # an encoding that knows what its inputs and outputs are (CPPNs)
        return _shortened(graph.nodes[node]["name"])
    if kind in ("bias", "hidden"):
        return "bias" if kind == "bias" else ""
    alike = [other for other, data in graph.nodes(data=True) if data["type"] == kind]
    return f"{kind} {alike.index(node)}" if len(alike) > 1 else str(kind)


def _shortened(name: Any) -> str:
    return name if len(name := str(name)) <= LONGEST else f"{name[: LONGEST - 3]}..."


def _name_node(axes: Axes, sheet: Sheet, at: Point, name: str, data: Mapping[str, Any]) -> None:
    (x, y), kind = at, data["type"]
    if kind in ("input", "bias"):
        axes.text(x - 0.2, y, name, ha="right", va="center", fontsize=sheet.text(8.5), color=INK, zorder=6)
    elif kind == "output":
        axes.text(x + 0.2, y + 0.08, name, ha="left", va="center", fontsize=sheet.text(8.5), color=INK, zorder=6)
        axes.text(x + 0.2, y - 0.09, computed(data), ha="left", va="center", fontsize=sheet.text(7), color=MUTED, zorder=6)
    else:
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
        size = sheet.text(7)
        axes.text(x, y - 0.2, computed(data), ha="center", va="center", fontsize=size, color=INK, zorder=6, bbox=box)


# Connections ------------------------------------------------------------------------------------------------------------------


def _connections(axes: Axes, sheet: Sheet) -> None:
    edges = sorted(
        sheet.graph.edges(data=True),
        key=lambda edge: (sheet.status is None or sheet.status[edge[:2]] != SHARED, edge[2]["enabled"], abs(edge[2]["weight"])),
    )
    forward = [edge for edge in edges if edge[:2] not in sheet.layout.backward]
    if forward:
        _lines(axes, sheet, forward)
    for a, b, data in edges:
        if (a, b) in sheet.layout.backward:
            _arrow(axes, sheet, (a, b), data)


def _lines(axes: Axes, sheet: Sheet, forward: Sequence[tuple[Any, Any, dict[str, Any]]]) -> None:
    from matplotlib.collections import PathCollection

    lines: Any = PathCollection(
        [_path(sheet, (a, b)) for a, b, _ in forward],
        facecolors="none",
        edgecolors=[_colour(sheet, (a, b), data) for a, b, data in forward],
        linewidths=[_width(sheet, data) for *_, data in forward],
        linestyles=["-" if data["enabled"] else (0, (4, 3)) for *_, data in forward],
        alpha=[0.85 if data["enabled"] else 0.7 for *_, data in forward],
        zorder=3,
    )
    lines.set_transform(axes.transData)
    axes.add_collection(lines, autolim=False)
    cores = [(a, b) for a, b, _ in forward if (a, b) in sheet.moved]
    inside: Any = PathCollection(
        [_path(sheet, edge) for edge in cores],
        facecolors="none",
        edgecolors=STATUS[CHANGED],
        linewidths=[_core(sheet, edge) for edge in cores],
        zorder=3.5,
    )
    inside.set_transform(axes.transData)
    axes.add_collection(inside, autolim=False)


def _arrow(axes: Axes, sheet: Sheet, edge: Edge, data: Mapping[str, Any]) -> None:
    from matplotlib.patches import FancyArrowPatch

    if edge in sheet.moved:
        from matplotlib.patches import PathPatch

        core = {"edgecolor": STATUS[CHANGED], "linewidth": _core(sheet, edge), "zorder": 4.5}
        axes.add_artist(PathPatch(_path(sheet, edge), facecolor="none", **core))
    axes.add_artist(
        FancyArrowPatch(
            path=_path(sheet, edge), arrowstyle="-|>", mutation_scale=9 * sheet.scale, color=_colour(sheet, edge, data),
            linewidth=_width(sheet, data), linestyle="-" if data["enabled"] else (0, (4, 3)), alpha=0.85, zorder=4, shrinkA=0,
            shrinkB=0, capstyle="butt", joinstyle="round",
        )
    )  # fmt: skip


def _colour(sheet: Sheet, edge: Edge, data: Mapping[str, Any]) -> str:
    if sheet.status is not None:
        return _status_colour(sheet, edge)
    if not data["enabled"]:
        return GREY
    if sheet.worth is not None:
        return worth_colour(sheet.worth, edge)
    return POSITIVE if data["weight"] >= 0 else NEGATIVE


def _width(sheet: Sheet, data: Mapping[str, Any]) -> float:
    return width_of(data["weight"], sheet) if data["enabled"] else 0.8 * sheet.scale


def _status_colour(sheet: Sheet, part: Any) -> str:
    assert sheet.status is not None
    return STATUS[SHARED if part in sheet.moved else sheet.status[part]]


def worth_colour(worth: Mapping[Any, float], part: Any) -> str:
    """From blue (worth most) over nearly white (worth nothing) to orange (harms as much as the best helps); grey where it is not known."""
    from matplotlib.colors import to_hex, to_rgb

    if part not in worth:
        return GREY
    share = worth[part] / (max(map(abs, worth.values())) or 1.0)
    strength = abs(share) ** 0.5  # small values are told from nothing
    end, start = to_rgb(POSITIVE if share >= 0 else NEGATIVE), to_rgb("#DDDDDD")
    return to_hex(tuple(a + strength * (b - a) for a, b in zip(start, end, strict=True)))


def _share(sheet: Sheet, part: Any) -> float:
    """By how much a part's numbers differ, as a share of the largest weight."""
    return sheet.moved[part] / sheet.heaviest


def _core(sheet: Sheet, edge: Edge) -> float:
    """Points of the line inside a connection whose weight differs: nothing for nothing, and on the scale of the weights."""
    return min(5.0, (2.0 if sheet.large else 3.5) * _share(sheet, edge)) * sheet.scale


def width_of(weight: float, sheet: Sheet) -> float:
    """Points of a connection's line."""
    return (0.5 + (2.0 if sheet.large else 3.5) * abs(weight) / sheet.heaviest) * sheet.scale


def _path(sheet: Sheet, edge: Edge) -> Path:
    """A smooth line through the points, level at each of them; loops and lines inside a column bulge to the side."""
    from matplotlib.path import Path

    layout = sheet.layout
    points = [sheet.place(point) for point in layout.routes[edge]]
    (x0, y0), (x1, y1) = points[0], points[-1]
    if edge[0] == edge[1]:
        loop = ((-0.5, 0.9), (-3.2, 4.2), (3.2, 4.2), (0.6, 1.1))  # in radii, from the node's centre
        corners = [(x0 + x * RADIUS, y0 + y * RADIUS) for x, y in loop]
        return Path(corners, [Path.MOVETO, *[Path.CURVE4] * 3])
    if layout.position[edge[0]][0] == layout.position[edge[1]][0]:
        side = -1.0 if layout.position[edge[0]][0] == layout.columns - 1 else 1.0
        out = x0 + side * (0.3 + 0.12 * abs(y1 - y0))
        return Path([(x0 + side * RADIUS, y0), (out, y0), (out, y1), (x1 + side * RADIUS, y1)], [Path.MOVETO, *[Path.CURVE4] * 3])
    if edge in layout.backward:  # the arrow's head stands at the edge of its target, where it can be seen
        points = [(x0 - RADIUS, y0), *points[1:-1], (x1 + RADIUS, y1)]
    corners, codes = [points[0]], [Path.MOVETO]
    for (xa, ya), (xb, yb) in pairwise(points):
        middle = (xa + xb) / 2
        corners += [(middle, ya), (middle, yb), (xb, yb)]
        codes += [Path.CURVE4] * 3
    return Path(corners, codes)


def _legend(axes: Axes, sheet: Sheet, shapes: Mapping[str, str]) -> None:
    from matplotlib.lines import Line2D

    edges, handles = [data for *_, data in sheet.graph.edges(data=True)], []
    if sheet.status is not None:
        drawn = {SHARED if part in sheet.moved else name for part, name in sheet.status.items()}
        says = {CHANGED: "switched on or off, or computes otherwise"}
        handles += [
            Line2D([], [], color=STATUS[name], linewidth=2.5, label=says.get(name, name)) for name in STATUS if name in drawn
        ]
        if sheet.moved:
            from matplotlib.patheffects import Normal, Stroke

            inside = [Stroke(linewidth=6, foreground=STATUS[SHARED]), Normal()]
            label = "shared, other weight: the wider inside, the more"
            handles.insert(
                int(SHARED in drawn), Line2D([], [], color=STATUS[CHANGED], linewidth=2, path_effects=inside, label=label)
            )
    elif sheet.worth is not None:
        values = sheet.worth.values()
        most, least = max(values, default=0.0), min(values, default=0.0)
        scale = max(most, -least) or 1.0
        said = [(most, "worth most"), (0.0, "worth nothing")] + ([(least, "harms most")] if least < -0.01 * scale else [])
        for value, name in said:
            colour = worth_colour({"this": value, "scale": scale}, "this")
            handles.append(Line2D([], [], color=colour, linewidth=2.5, label=f"{name} ({value:+.3g})" if value else name))
        if any((a, b) not in sheet.worth and data["enabled"] for a, b, data in sheet.graph.edges(data=True)):
            handles.append(Line2D([], [], color=GREY, linewidth=2.5, label="not valued"))
    else:
        for colour, sign, name in ((POSITIVE, 1, "positive weight"), (NEGATIVE, -1, "negative weight")):
            weights = [abs(data["weight"]) for data in edges if data["enabled"] and (data["weight"] >= 0) == (sign > 0)]
            if weights:
                label = f"{name} (up to {sign * max(weights):+.2g})"
                handles.append(Line2D([], [], color=colour, linewidth=width_of(max(weights), sheet), label=label))
    if any(not data["enabled"] for data in edges):
        handles.append(Line2D([], [], color=GREY, linewidth=0.9, linestyle=(0, (4, 3)), label="disabled"))
    if sheet.layout.backward:
        style: dict[str, Any] = {"color": INK, "linewidth": 0.9, "marker": "<", "markersize": 5}
        handles.append(Line2D([], [], label="arrow: leads back (next time step)", **style))
    for name, shape in list(shapes.items())[: len(SHAPES)]:
        others = shape == SHAPES[-1] and len(shapes) > len(SHAPES)
        label = "other hidden nodes" if others else f"hidden: {name}"
        handles.append(
            Line2D([], [], color=GREEN if sheet.status is None else GREY, linestyle="", marker=shape, markersize=7, label=label)
        )
    if handles:
        axes.legend(
            handles=handles, loc="lower center", ncols=min(len(handles), max(2, int(sheet.size[0] * sheet.scale / 2))), frameon=False,
            fontsize=sheet.text(7.5), labelcolor=INK, borderaxespad=0.3, handlelength=2.2, columnspacing=1.4,
        )  # fmt: skip
