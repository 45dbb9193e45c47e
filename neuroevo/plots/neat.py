"""NEAT's pictures: one genome as a network from inputs to outputs, and a run's species over its generations."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.plots.neat_layout import Layout, Point, neat_layout
from neuroevo.plots.palette import BLUE, CYCLE, GREEN, GREY, INK, ORANGE, PINK
from neuroevo.run import Run

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.path import Path

    from genomes.neat import NeatGenome

POSITIVE, NEGATIVE = BLUE, ORANGE
NODES = {"input": INK, "bias": GREY, "hidden": GREEN, "output": PINK}
COLUMN, NARROW, ROW = 1.75, 1.15, 0.56  # inches from column to column, the same if there are many, and from row to row
RADIUS = 0.11  # of a node, in inches
WIDE, LARGEST = 14.0, 26.0  # inches: wider, columns move together; larger, everything is drawn smaller


# Genomes ----------------------------------------------------------------------------------------------------------------------


def neat_graph(genome: NeatGenome, title: str = "") -> Figure:
    """Draw a NEAT genome: inputs on the left, outputs on the right, every connection with its weight as width and colour.

    Args:
        genome: feed-forward or recurrent.
        title: one line above it.
    """
    from matplotlib.figure import Figure

    graph = genome.graph()
    layout = neat_layout(graph)
    left, right, top, bottom = 1.0, 1.75, 0.5, 0.55
    lowest = min(y for route in (*layout.routes.values(), layout.position.values()) for _, y in route)
    across = min(COLUMN, max(NARROW, (WIDE - left - right) / (layout.columns - 1)))
    width = max(6.2, (layout.columns - 1) * across + left + right)
    height = max(layout.height, 1.0) * ROW + top + bottom + 1.0
    scale = min(1.0, LARGEST / width, LARGEST / height)
    figure = Figure(figsize=(width * scale, height * scale))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.axis("off")
    across = (width - left - right) / (layout.columns - 1)
    slack = (max(layout.height, 1.0) - layout.height) / 2

    def place(point: Point) -> Point:
        return left + point[0] * across, bottom + 0.35 + (point[1] - lowest + slack) * ROW

    heaviest = max((abs(data["weight"]) for *_, data in graph.edges(data=True) if data["enabled"]), default=1.0) or 1.0
    for a, b, data in sorted(graph.edges(data=True), key=lambda edge: (edge[2]["enabled"], abs(edge[2]["weight"]))):
        _connection(axes, layout, place, (a, b), data, heaviest, scale)
    for node, data in graph.nodes(data=True):
        _node(axes, place(layout.position[node]), _name(graph, node), data, scale)
    if title:
        axes.text(width / 2, height - 0.2, title, ha="center", va="center", fontsize=11 * scale, color=INK)
    axes.text(width / 2, height - 0.46, neat_caption(graph), ha="center", va="center", fontsize=8.5 * scale, color="#555555")
    _legend(axes, graph, layout, heaviest, scale)
    return figure


def neat_caption(graph: nx.DiGraph[Any]) -> str:
    """What a NEAT genome's graph consists of, in one line."""
    kinds = [data["type"] for _, data in graph.nodes(data=True)]
    enabled = sum(data["enabled"] for *_, data in graph.edges(data=True))
    disabled = graph.number_of_edges() - enabled
    parts = [
        _counted(kinds.count("input"), "input") + (" and a bias" if "bias" in kinds else ""),
        _counted(kinds.count("hidden"), "hidden node"),
        _counted(kinds.count("output"), "output"),
        _counted(enabled, "connection") + (f" and {disabled} disabled" if disabled else ""),
    ]
    return ", ".join(parts)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _name(graph: nx.DiGraph[Any], node: Any) -> str:
    kind = graph.nodes[node]["type"]
    if "name" in graph.nodes[node]:  # an encoding that knows what its inputs and outputs are (CPPNs)
        return str(graph.nodes[node]["name"])
    if kind in ("bias", "hidden"):
        return "bias" if kind == "bias" else ""
    alike = [other for other, data in graph.nodes(data=True) if data["type"] == kind]
    return f"{kind} {alike.index(node)}" if len(alike) > 1 else str(kind)


def computed(data: dict[str, Any]) -> str:
    """What a node computes, for its label: its activation, after its aggregation where that is not a sum."""
    activation = str(data["activation"]).replace("_", " ")
    return activation if data["aggregation"] == "sum" else f"{activation} of {str(data['aggregation']).replace('_', ' ')}"


def _node(axes: Axes, at: Point, name: str, data: dict[str, Any], scale: float) -> None:
    from matplotlib.patches import Circle

    x, y = at
    kind = data["type"]
    axes.add_patch(Circle((x, y), RADIUS, facecolor=NODES[kind], edgecolor="white", linewidth=1.0 * scale, zorder=5))
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.6}
    if kind in ("input", "bias"):
        axes.text(x - 0.2, y, name, ha="right", va="center", fontsize=8.5 * scale, color=INK, zorder=6)
    elif kind == "output":
        axes.text(x + 0.2, y + 0.08, name, ha="left", va="center", fontsize=8.5 * scale, color=INK, zorder=6)
        axes.text(x + 0.2, y - 0.09, computed(data), ha="left", va="center", fontsize=7 * scale, color="#555555", zorder=6)
    else:
        axes.text(x, y - 0.2, computed(data), ha="center", va="center", fontsize=7 * scale, color=INK, zorder=6, bbox=box)


def _connection(
    axes: Axes, layout: Layout, place: Any, edge: tuple[Any, Any], data: dict[str, Any], heaviest: float, scale: float
) -> None:
    from matplotlib.patches import FancyArrowPatch

    enabled = data["enabled"]
    points = [place(point) for point in layout.routes[edge]]
    style: dict[str, Any] = {
        "color": (POSITIVE if data["weight"] >= 0 else NEGATIVE) if enabled else GREY,
        "linewidth": _width(data["weight"], heaviest) * scale if enabled else 0.8 * scale,
        "linestyle": "-" if enabled else (0, (4, 3)),
        "alpha": 0.85 if enabled else 0.7,
        "zorder": 3 if enabled else 2,
        "shrinkA": 0,
        "shrinkB": 0,
        "capstyle": "butt",
        "joinstyle": "round",
    }
    if edge in layout.backward:
        style |= {"arrowstyle": "-|>", "mutation_scale": 9 * scale}
    else:
        style |= {"arrowstyle": "-"}
    axes.add_patch(FancyArrowPatch(path=_path(points, edge in layout.backward, layout, edge), **style))


def _width(weight: float, heaviest: float) -> float:
    return 0.5 + 3.5 * abs(weight) / heaviest


def _path(points: list[Point], backward: bool, layout: Layout, edge: tuple[Any, Any]) -> Path:
    """A smooth line through the points, level at each of them; loops and lines inside a column bulge to the side."""
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = points[0], points[-1]
    if edge[0] == edge[1]:
        loop = ((-0.5, 0.9), (-3.2, 4.2), (3.2, 4.2), (0.6, 1.1))  # in radii, from the node's centre
        corners = [(x0 + x * RADIUS, y0 + y * RADIUS) for x, y in loop]
        return Path(corners, [Path.MOVETO, *[Path.CURVE4] * 3])
    if layout.position[edge[0]][0] == layout.position[edge[1]][0]:
        side = -1.0 if layout.position[edge[0]][0] == layout.columns - 1 else 1.0
        out = x0 + side * (0.3 + 0.12 * abs(y1 - y0))
        return Path([(x0 + side * RADIUS, y0), (out, y0), (out, y1), (x1 + side * RADIUS, y1)], [Path.MOVETO, *[Path.CURVE4] * 3])
    if backward:  # the arrow's head stands at the edge of its target, where it can be seen
        points = [(x0 - RADIUS, y0), *points[1:-1], (x1 + RADIUS, y1)]
    corners, codes = [points[0]], [Path.MOVETO]
    for (xa, ya), (xb, yb) in pairwise(points):
        middle = (xa + xb) / 2
        corners += [(middle, ya), (middle, yb), (xb, yb)]
        codes += [Path.CURVE4] * 3
    return Path(corners, codes)


def _legend(axes: Axes, graph: nx.DiGraph[Any], layout: Layout, heaviest: float, scale: float) -> None:
    from matplotlib.lines import Line2D

    edges = [data for *_, data in graph.edges(data=True)]
    handles = []
    for colour, sign, name in ((POSITIVE, 1, "positive weight"), (NEGATIVE, -1, "negative weight")):
        weights = [abs(data["weight"]) for data in edges if data["enabled"] and (data["weight"] >= 0) == (sign > 0)]
        if weights:
            label = f"{name} (up to {sign * max(weights):+.2g})"
            handles.append(Line2D([], [], color=colour, linewidth=_width(max(weights), heaviest) * scale, label=label))
    if any(not data["enabled"] for data in edges):
        handles.append(Line2D([], [], color=GREY, linewidth=0.9 * scale, linestyle=(0, (4, 3)), label="disabled"))
    if layout.backward:
        style: dict[str, Any] = {"color": INK, "linewidth": 0.9 * scale, "marker": "<", "markersize": 5 * scale}
        handles.append(Line2D([], [], label="arrow: leads back (next time step)", **style))
    if handles:
        axes.legend(
            handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=7.5 * scale, labelcolor=INK,
            borderaxespad=0.3, handlelength=2.2, columnspacing=1.4,
        )  # fmt: skip


# Species ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpeciesData:
    """What the species' figure shows.

    Attributes:
        generations: int64 [generations], their numbers.
        ids: int64 [species], every species that ever lived, in the order of birth.
        sizes: int64 [species, generations], members; 0 before its birth and after its end.
    """

    generations: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


def species_data(run: Run) -> SpeciesData:
    """The numbers behind `species`.

    Raises:
        ValueError: the run has no complete generation, or its strategy has no species.
    """
    rows = [row for row in run.summaries if row.get("species_ids")]
    if not rows:
        name = run.settings.get("strategy", {}).get("strategy", "its strategy")
        why = "no generation is complete" if not run.summaries else f"{name} keeps no species"
        raise ValueError(f"there are no species to draw: {why}")
    ids = np.array(sorted({id for row in rows for id in row["species_ids"]}), np.int64)
    sizes = np.zeros((len(ids), len(rows)), np.int64)
    for column, row in enumerate(rows):
        sizes[np.searchsorted(ids, row["species_ids"]), column] = row["species_sizes"]
    return SpeciesData(np.array([row["generation"] for row in rows], np.int64), ids, sizes)


def species(run: Run) -> Figure:
    """Draw the sizes of a run's species over its generations, stacked, the oldest at the bottom."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    data = species_data(run)
    edges = np.append(data.generations, data.generations[-1] + 1) - 0.5
    tops = np.cumsum(np.vstack([np.zeros(len(data.generations), np.int64), data.sizes]), axis=0)
    population = int(tops[-1].max())
    figure = Figure(figsize=(8.2, 4.8), layout="constrained")
    axes = figure.subplots()
    for row, id in enumerate(data.ids.tolist()):
        for begin, end in _stretches(data.sizes[row] > 0):
            low, high = (np.append(line[begin:end], line[end - 1]) for line in (tops[row], tops[row + 1]))
            axes.fill_between(
                edges[begin : end + 1], low, high, step="post", facecolor=CYCLE[id % len(CYCLE)], alpha=0.75, edgecolor="white",
                linewidth=0.6,
            )  # fmt: skip
        _species_name(axes, data, tops, row, population)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, population)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("generation")
    axes.set_ylabel("members of each species")
    axes.set_title(
        f"{len(data.ids)} species in {_counted(len(data.generations), 'generation')} "
        f"of {population} genomes; {int((data.sizes[:, -1] > 0).sum())} live at the end, numbered by birth",
        fontsize=10,
    )  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _species_name(axes: Axes, data: SpeciesData, tops: npt.NDArray[np.int64], row: int, population: int) -> None:
    """A species' number, where it fits: where its band is highest, in the longest stretch in which it is high enough for text."""
    stretches = _stretches(data.sizes[row] >= max(1.0, 0.04 * population))
    begin, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=(0, 0))
    if end - begin <= 0.025 * len(data.generations):
        return
    # Its height over three generations at each: text is wider than one, and must not stand on a step.
    columns = np.arange(begin + 1, end - 1) if end - begin > 2 else np.arange(begin, end)
    around = np.clip(columns[:, None] + [-1, 0, 1], begin, end - 1)
    low, high = tops[row][around].max(axis=1), tops[row + 1][around].min(axis=1)
    best = np.flatnonzero(high - low == (high - low).max())
    at = int(best[len(best) // 2])
    axes.text(
        data.generations[columns[at]], (low[at] + high[at]) / 2, str(data.ids[row]), ha="center", va="center", fontsize=8, color=INK
    )  # fmt: skip


def _stretches(present: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a condition holds without a break: (begin, end) of each stretch, the end excluded."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(np.int8), [0]])))
    return list(zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True))
