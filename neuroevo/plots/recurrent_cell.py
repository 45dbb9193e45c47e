"""Recurrent cells: the tree of one step, from what goes in at the bottom to the new hidden state at the top."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import BLUE, GREEN, GREY, INK, MUTED, ORANGE, PINK, SKY

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]

WIDTH, HEIGHT, ROW = 1.16, 0.5, 1.0  # of a box, and from row to row, in inches
APART = 0.14  # between two leaves, in inches
COLOURS = {"leaf": SKY, "inner": GREEN, "inject": PINK, "input": BLUE, "output": ORANGE}
INJECTED = 0.64  # rows that the injection stands above its node
LANE = HEIGHT / 2 + 0.07  # from the middle of a node to the line that reads the new state from it
MARGIN = 0.35


def cell_positions(graph: nx.DiGraph[Any]) -> dict[Any, Point]:
    """Where the nodes of `RecurrentCellGenome.graph()` are drawn, in inches: the leaves in a row, every other node in the middle above the
    two that it combines, the injection above its node, and what belongs to the cell state at the right."""
    kinds = dict(graph.nodes(data="kind"))
    numbers = sorted(node for node, kind in kinds.items() if kind in ("leaf", "inner"))
    leaves = [node for node in numbers if kinds[node] == "leaf"]
    step, injection = WIDTH + APART, next(node for node, kind in kinds.items() if kind == "inject")
    injected = next(source for source in graph.predecessors(injection) if source != "c(t-1)")
    place: dict[Any, Point] = {}
    for node in numbers:
        below = 2 * (node - len(leaves))
        if below < 0:
            place[node] = (node * step, 0.0)
            continue
        (left, height), (right, _) = place[below], place[below + 1]
        raised = INJECTED if injected in _level(node, len(leaves)) else 0.0
        place[node] = ((left + right) / 2, height + (1 + raised) * ROW)
    x, y = place[injected]
    place[injection] = (x, y + INJECTED * ROW)
    root, top = numbers[-1], max(height for _, height in place.values())
    right = place[leaves[-1]][0] + step
    place["x(t), h(t-1)"] = (place[root][0], -ROW)
    place["c(t-1)"] = (right, place[injection][1])
    place["h(t)"] = (place[root][0], top + ROW)
    read = place[next(iter(graph.predecessors("c(t)")))][1] + LANE
    beside = abs(read - place[injection][1]) < HEIGHT
    place["c(t)"] = (right + step * beside, read)
    return place


def _level(node: int, leaves: int) -> range:
    """The nodes one level below a node of a full binary tree."""
    first, width = 0, leaves
    while node >= first + width + width // 2:
        first, width = first + width, width // 2
    return range(first, first + width)


def cell_tree(graph: nx.DiGraph[Any], title: str = "") -> Figure:
    """Draw the tree of a recurrent cell (`RecurrentCellGenome.graph()`).

    Args:
        graph: nodes with `label` and `kind`.
        title: one line above it.
    """
    from matplotlib.figure import Figure

    place = cell_positions(graph)
    left, right = (end(x for x, _ in place.values()) for end in (min, max))
    bottom, top = (end(y for _, y in place.values()) for end in (min, max))
    left, right, bottom = left - WIDTH / 2 - MARGIN, right + WIDTH / 2 + MARGIN, bottom - HEIGHT / 2 - MARGIN
    top += HEIGHT / 2 + MARGIN + (0.3 if title else 0.0)
    scale = min(1.0, 40.0 / (right - left))  # a base of 64 is drawn smaller, not on an endless sheet
    figure = Figure(figsize=((right - left) * scale, (top - bottom) * scale))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.axis("off")
    for source, target in graph.edges:
        _edge(axes, place, source, target, scale)
    for node, data in graph.nodes(data=True):
        _box(axes, place[node], node, {**data, "read": next(iter(graph.predecessors(node)), None)}, scale)
    if title:
        axes.text((left + right) / 2, top - 0.25, title, ha="center", va="center", fontsize=10 * scale, color=INK)
    return figure


def _edge(axes: Axes, place: dict[Any, Point], source: Any, target: Any, scale: float) -> None:
    """A line from the top of a box to the bottom of another; what is of the cell state runs from and to the right, dashed."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    (x0, y0), (x1, y1) = place[source], place[target]
    if target == "c(t)":  # above the boxes that stand at the right of its node
        points = [(x0 + WIDTH / 2 - 0.12, y0 + HEIGHT / 2), (x0 + WIDTH / 2 - 0.12, y1), (x1 - WIDTH / 2, y1)]
    elif source == "c(t-1)":
        points = [(x0 - WIDTH / 2, y0), (x1 + WIDTH / 2, y1)]
    else:
        points = [(x0, y0 + HEIGHT / 2), (x1, y1 - HEIGHT / 2)]
    state = source == "c(t-1)" or target == "c(t)"
    axes.add_artist(
        FancyArrowPatch(
            path=Path(points), arrowstyle="-|>", mutation_scale=8 * scale, linewidth=1.1 * scale,
            color=PINK if state else INK, linestyle="--" if state else "-", zorder=1 if state else 2,
        )
    )  # fmt: skip


def _box(axes: Axes, at: Point, node: Any, data: dict[str, Any], scale: float) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import FancyBboxPatch

    colour = COLOURS.get(data["kind"], GREY)
    pale = tuple(0.78 + 0.22 * part for part in to_rgb(colour))
    axes.add_artist(
        FancyBboxPatch(
            (at[0] - WIDTH / 2, at[1] - HEIGHT / 2), WIDTH, HEIGHT, boxstyle="round,pad=0,rounding_size=0.1",
            facecolor=pale, edgecolor=colour, linewidth=1.3 * scale, zorder=3,
        )
    )  # fmt: skip
    small = {"leaf": f"{node}: W x, U h", "inner": str(node), "inject": "with c(t-1)"}.get(data["kind"], "")
    if node == "c(t)":
        small = f"{data['read']} before activation"
    style: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 4}
    axes.text(at[0], at[1] + (0.08 if small else 0.0), data["label"], fontsize=8 * scale, color=INK, **style)
    if small:
        axes.text(at[0], at[1] - 0.13, small, fontsize=6.5 * scale, color=MUTED, **style)
