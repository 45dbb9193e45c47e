"""Cells of blocks (NASNet, DARTS): hidden states as boxes from left to right, each with its operations and where they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import BLUE, CYCLE, GREEN, GREY, INK, ORANGE, PINK, SHARED, STATUS

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATES = frozenset({"input", "add", "concatenate", "output"})
COLOURS = {"input": BLUE, "add": GREEN, "concatenate": PINK, "output": ORANGE}
NAME = 0.3  # inches for a cell's name
COLUMN, WIDTH, LINE, GAP = 3.1, 2.1, 0.3, 0.35  # from column to column, of a box, of a line of text, between boxes, in inches


@dataclass(frozen=True)
class Box:
    """A hidden state in the drawing.

    Attributes:
        name: the vertex in the genome's graph.
        kind: "input", "add", "concatenate" or "output".
        title: its first line.
        operations: (operation, vertex that it reads), one a line; for joined outputs the operation is "".
        vertices: of the operations in the genome's graph, likewise; for joined outputs the edges.
        x, y: the middle of its left side, in inches.
    """

    name: Any
    kind: str
    title: str
    operations: tuple[tuple[str, Any], ...]
    vertices: tuple[Any, ...]
    x: float
    y: float

    @property
    def height(self) -> float:
        return LINE * (1 + sum(operation != "" for operation, _ in self.operations)) + 0.1


def block_layout(graph: nx.DiGraph[Any]) -> list[Box]:
    """The hidden states of one cell with their places: a column for each number of operations before a state, states that end
    nowhere in the last."""
    import networkx as nx

    states = [node for node in nx.topological_sort(graph) if graph.nodes[node]["kind"] in STATES]
    read: dict[Any, list[tuple[str, Any]]] = {state: [] for state in states}
    vertices: dict[Any, list[Any]] = {state: [] for state in states}
    for state in states:
        for before in graph.predecessors(state):
            kind = graph.nodes[before]["kind"]
            vertices[state].append((before, state) if kind in STATES else before)
            read[state].append(("", before) if kind in STATES else (kind, next(iter(graph.predecessors(before)))))
    column: dict[Any, int] = {}
    for state in states:
        column[state] = 1 + max((column[source] for _, source in read[state]), default=-1)
    last = max(column.values())
    blocks = [state for state in states if graph.nodes[state]["kind"] != "input" and not _is_join(read[state])]
    boxes: list[Box] = []
    for at in range(last + 1):
        here = [state for state in states if column[state] == at]
        sizes = [
            Box(s, graph.nodes[s]["kind"], _title(graph, s, blocks, read), tuple(read[s]), tuple(vertices[s]), 0, 0) for s in here
        ]
        total = sum(box.height for box in sizes) + GAP * (len(sizes) - 1)
        top = total / 2
        for box in sizes:
            boxes.append(replace(box, x=at * COLUMN, y=top - box.height / 2))
            top -= box.height + GAP
    return boxes


def _is_join(operations: list[tuple[str, Any]]) -> bool:
    return any(operation == "" for operation, _ in operations)


def _title(graph: nx.DiGraph[Any], state: Any, blocks: list[Any], read: dict[Any, list[tuple[str, Any]]]) -> str:
    kind = graph.nodes[state]["kind"]
    if kind == "input":
        return "the cell before the last" if str(state).endswith("0") else "the last cell"
    if state not in blocks:
        return "output: joined"
    name = f"block {blocks.index(state)}"
    return f"{name}, output" if kind == "output" else f"{name}: {kind}"


def block_cells(graph: nx.DiGraph[Any], title: str = "") -> Figure:
    """Draw the cells of a genome (`genome.graph()`), one below the other."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(data["cell"] for _, data in graph.nodes(data=True)))
    layouts = {
        name: block_layout(graph.subgraph([node for node, data in graph.nodes(data=True) if data["cell"] == name]))
        for name in names
    }
    sizes = [block_extent(boxes) for boxes in layouts.values()]
    head = 0.3 if title else 0.0
    width, height = max(w for w, _ in sizes), sum(h + NAME for _, h in sizes) + head
    figure = Figure(figsize=(width, height))
    top = height - head
    for (name, boxes), (w, h) in zip(layouts.items(), sizes, strict=True):
        figure.text(0.2 / width, (top - NAME / 2) / height, f"{name} cell", ha="left", va="center", fontsize=10, color=INK)
        draw_blocks(figure.add_axes((0.0, (top - NAME - h) / height, w / width, h / height)), boxes)
        top -= h + NAME
    if title:
        figure.text(0.5, 1 - 0.15 / height, title, ha="center", va="center", fontsize=10, color=INK)
    return figure


def block_lanes(boxes: list[Box]) -> dict[tuple[Any, int], float]:
    """For each edge (box that reads, its line from 0) that passes other columns: the height of the lane that leads it past their boxes,
    above or below, whichever is nearer to where it starts."""
    by_name = {box.name: box for box in boxes}
    lanes: dict[tuple[Any, int], float] = {}
    used = {1: 0, -1: 0}
    for box in boxes:
        for line, (_, source) in enumerate(box.operations):
            start = by_name[source]
            between = [other for other in boxes if start.x < other.x < box.x]
            if not between:
                continue
            side = 1 if start.y >= 0 else -1
            used[side] += 1
            reach = max(side * other.y + other.height / 2 for other in between)
            lanes[box.name, line] = side * (reach + 0.05 + 0.09 * used[side])
    return lanes


def block_extent(boxes: list[Box]) -> tuple[float, float]:
    """Inches that a cell's drawing takes: width, height."""
    lanes = [abs(lane) for lane in block_lanes(boxes).values()]
    height = 2 * max([*lanes, *[abs(box.y) + box.height / 2 for box in boxes]]) + 0.3
    return max(box.x for box in boxes) + WIDTH + 0.4, height


def draw_blocks(axes: Axes, boxes: list[Box], status: Mapping[Any, str] | None = None) -> None:
    """Draw a cell into axes of the size of its `block_extent`.

    Args:
        axes: to fill.
        boxes: `block_layout` of the cell.
        status: for every operation and edge of the genome's graph a key of `palette.STATUS`, which then gives the colours.
    """
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    width, height = block_extent(boxes)
    axes.set_xlim(-0.2, width - 0.2)
    axes.set_ylim(-height / 2, height / 2)
    axes.set_aspect("equal")
    axes.axis("off")
    by_name, lanes = {box.name: box for box in boxes}, block_lanes(boxes)
    colours = {box.name: CYCLE[index % len(CYCLE)] for index, box in enumerate(boxes)}
    for box in boxes:
        axes.add_artist(
            FancyBboxPatch(
                (box.x, box.y - box.height / 2), WIDTH, box.height, boxstyle="round,pad=0,rounding_size=0.08",
                facecolor="white", edgecolor=COLOURS.get(box.kind, GREY) if status is None else GREY, linewidth=1.4, zorder=3,
            )
        )  # fmt: skip
        top = box.y + box.height / 2 - 0.05 - LINE / 2
        axes.text(box.x + WIDTH / 2, top, box.title, ha="center", va="center", fontsize=8.5, color=INK, zorder=4, weight="bold")
        for index, (operation, source) in enumerate(box.operations):
            y = top - LINE * (index + 1) if operation else top
            colour = colours[source] if status is None else STATUS[status[box.vertices[index]]]
            bold = status is not None and status[box.vertices[index]] != SHARED
            if operation:
                axes.text(
                    box.x + 0.12, y, operation.replace("_", " "), ha="left", va="center", fontsize=8, zorder=4,
                    color=colour if bold else INK, weight="bold" if bold else "normal",
                )  # fmt: skip
            start = by_name[source]
            path = _path(start.x + WIDTH, start.y, box.x, y, lanes.get((box.name, index)))
            axes.add_artist(FancyArrowPatch(path=path, arrowstyle="-|>", mutation_scale=9, linewidth=1.3, color=colour, zorder=2))


def _path(x0: float, y0: float, x1: float, y1: float, lane: float | None) -> Any:
    """From the right side of one box to a line of another, through a lane where there are boxes between."""
    from matplotlib.path import Path

    if lane is None:
        bend = (x1 - x0) / 2
        return Path([(x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1)], [Path.MOVETO, *[Path.CURVE4] * 3])
    turn = COLUMN - WIDTH
    points = [(x0, y0), (x0 + turn / 2, y0), (x0 + turn / 2, lane), (x0 + turn, lane), (x1 - turn, lane)]
    points += [(x1 - turn / 2, lane), (x1 - turn / 2, y1), (x1, y1)]
    return Path(points, [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3])
