"""Compression: the networks that were made from a run's, their size against their score, a line for each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import CYCLE, GREY, INK
from neuroevo.report.compression import Point, compression_points, compression_score
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = "osD^vPX*"


def compression_data(run: Run, size: str = "parameters") -> tuple[list[Point], list[Point]]:
    """The networks that compression made (after those that it made them from), and the front of size against score among all of them, the smallest
    first.

    Args:
        run: the run.
        size: "parameters" or "bytes".

    Raises:
        ValueError: nothing was compressed.
    """
    points = compression_points(run, size)
    higher = run.objectives[compression_score(run)].weight > 0
    best, front = None, []
    for point in sorted(points, key=lambda point: (point.size, -point.score if higher else point.score)):
        better = best is None or (point.score > best if higher else point.score < best)
        if better:
            best = point.score
            front.append(point)
    return points, front


def compression(run: Run, size: str | None = None) -> Figure:
    """Draw size against score of everything that compression made of a run's networks, with the networks that it began with, and the front of the
    two. Parameters and bytes on disk side by side, unless one is named.

    Args:
        run: the run.
        size: "parameters" or "bytes"; None: both.

    Raises:
        ValueError: nothing was compressed.
    """
    from matplotlib.figure import Figure

    sizes = ("parameters", "bytes") if size is None else (size,)
    found = [(name, compression_data(run, name)) for name in sizes]
    methods = list(dict.fromkeys(point.method for _, (points, _) in found for point in points if point.method))
    figure = Figure(figsize=(5.6 * len(sizes) + 0.6, 4.9), layout="constrained")
    panels = figure.subplots(1, len(sizes), squeeze=False)[0]
    for panel, (name, (points, front)) in zip(panels, found, strict=True):
        _panel(panel, points, front, methods)
        panel.set_xlabel("parameters" if name == "parameters" else "bytes on disk")
    score = compression_score(run)
    panels[0].set_ylabel(f"{score} (validation)")
    handles, labels = _legend(panels[0], methods)
    figure.legend(handles=handles, labels=labels, loc="outside lower center", ncols=min(5, len(labels)), frameon=False, fontsize=9)
    parents = sorted({point.of for _, (points, _) in found for point in points})
    figure.suptitle(f"What compression made of {', '.join(parents[:4])}{' and others' if len(parents) > 4 else ''}", fontsize=11)
    return figure


def _panel(axes: Axes, points: list[Point], front: list[Point], methods: list[str]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    steps = sorted(front, key=lambda point: point.size)
    axes.step([p.size for p in steps], [p.score for p in steps], where="post", color=GREY, linewidth=1.2, zorder=1)
    for place, method in enumerate(methods):
        colour, marker = CYCLE[place % len(CYCLE)], MARKERS[place % len(MARKERS)]
        for of in dict.fromkeys(point.of for point in points if point.method == method):
            mine = sorted((p for p in points if p.method == method and p.of == of), key=lambda point: point.size)
            swept = len(mine) > 1 and all(point.share is not None for point in mine)
            axes.plot(
                [p.size for p in mine], [p.score for p in mine], color=colour, marker=marker, markersize=6,
                linestyle="-" if swept else "none", linewidth=1.4, zorder=3,
            )  # fmt: skip
    for point in points:
        if not point.method:
            axes.plot([point.size], [point.score], color=INK, marker="*", markersize=13, linestyle="none", zorder=4)
            axes.annotate(point.name, (point.size, point.score), (6, 6), textcoords="offset points", fontsize=8, color=INK)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(0.12)
    quiet(axes)


def _legend(axes: Axes, methods: list[str]) -> tuple[list[object], list[str]]:
    from matplotlib.lines import Line2D

    handles: list[object] = [Line2D([], [], color=INK, marker="*", markersize=11, linestyle="none")]
    handles += [
        Line2D([], [], color=CYCLE[place % len(CYCLE)], marker=MARKERS[place % len(MARKERS)], linestyle="-")
        for place in range(len(methods))
    ]
    handles.append(Line2D([], [], color=GREY, linewidth=1.2))
    return handles, ["before", *(method.replace("_", " ") for method in methods), "front"]
