"""Progress: hypervolume, or the best value, over evaluations, epochs or time; of one run or of several groups of runs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.plots.front_figure import not_below_zero, quiet
from neuroevo.plots.palette import CYCLE, MUTED
from neuroevo.report.comparison import AXES, Comparison, Curve, compare, refuse_no_epochs
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


def progress_data(curves: Sequence[Curve], points: int = 400, axis: str = "evaluations") -> tuple[Floats, Floats]:
    """Quartiles of several runs' curves at the same numbers of evaluations or epochs, or at the same times.

    Returns:
        float64 [points], the evaluations, epochs or seconds, up to the shortest run's end; float64 [3, points], first quartile, median and
        third quartile. NaN where no run had succeeded.
    """
    steps = [curve.over(axis) for curve in curves]
    last = min(float(step[-1]) for step in steps)
    if axis == "evaluations":
        grid = np.unique(np.linspace(1, last, min(points, int(last))).round())
    else:
        grid = np.linspace(0.0, last, points)
    rows = []
    for curve, step in zip(curves, steps, strict=True):
        at = np.searchsorted(step, grid, side="right") - 1
        rows.append(np.where(at >= 0, curve.value[np.maximum(at, 0)], np.nan))
    values = np.array(rows)
    known = np.isfinite(values).all(axis=0)
    quartiles = np.full((3, len(grid)), np.nan)
    quartiles[:, known] = np.percentile(values[:, known], [25, 50, 75], axis=0)
    return grid.astype(np.float64), quartiles


def progress(
    runs: Run | Sequence[Run] | Comparison, measure: str | None = None, axis: str | Sequence[str] | None = None
) -> Figure:
    """Draw progress: a line a run; a median line and a band between the quartiles for runs that differ in their seed alone.

    Args:
        runs: one run, several on the same objectives, or a comparison of them.
        measure: "hypervolume", or an objective, whose best value so far is drawn; None: hypervolume where there are several.
        axis: "evaluations", training "epochs" or "seconds" of wall-clock time, or several of these, next to each other; None: the
            comparison's, or evaluations.

    Raises:
        ValueError: nothing succeeded, an unknown axis, or epochs of runs that trained nothing.
    """
    from matplotlib.figure import Figure

    comparison = runs if isinstance(runs, Comparison) else compare([runs] if isinstance(runs, Run) else runs, measure)
    asked = comparison.axis if axis is None else axis
    panels = (asked,) if isinstance(asked, str) else tuple(asked)
    every = [run for group in comparison.groups for run in group.runs]
    for across in panels:
        if across not in AXES:
            raise ValueError(unknown("axis of progress", across, tuple(AXES)))
        refuse_no_epochs(every, across)
    width = {1: 7.2, 2: 11.0}.get(len(panels), 4.9 * len(panels))
    figure = Figure(figsize=(width, 4.8), layout="constrained")
    for axes, across in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _panel(axes, comparison, across)
    banded = "; median and quartiles" if any(len(group.runs) > 1 for group in comparison.groups) else ""
    final = f": hypervolume {every[0].hypervolume:.4f} in the end" if comparison.box is not None and len(every) == 1 else ""
    figure.suptitle(f"Progress{final}{banded}", fontsize=11)
    if comparison.named_box is not None:
        said = textwrap.fill(f"hypervolume in the box {comparison.named_box.described}", int(13.5 * width))
        figure.supxlabel(said, fontsize=8, color=MUTED)
    return figure


def _panel(axes: Axes, comparison: Comparison, across: str) -> None:
    several = len(comparison.groups) > 1
    for position, group in enumerate(comparison.groups):
        colour = CYCLE[position % len(CYCLE)]
        style = ("-", "--", ":", "-.")[position // len(CYCLE) % 4]
        grid, (low, middle, high) = progress_data(group.curves, axis=across)
        seeds = f" ({len(group.runs)} seeds)" if len(group.runs) > 1 else ""
        label = f"{group.label}{seeds}" if several or seeds else None
        axes.step(grid, middle, style, where="post", color=colour, linewidth=1.8, label=label)
        if len(group.runs) > 1:
            axes.fill_between(grid, low, high, step="post", color=colour, alpha=0.15, linewidth=0)
    if several or any(len(group.runs) > 1 for group in comparison.groups):
        axes.legend(frameon=False, fontsize=9, loc="best")
    axes.set_xlabel(AXES[across])
    better = "higher" if comparison.higher_is_better else "lower"
    what = "hypervolume of the front" if comparison.box is not None else f"best {comparison.measure}"
    axes.set_ylabel(f"{what} ({better} is better)")
    if comparison.box is None and comparison.groups[0].runs[0].objectives[comparison.measure].log:
        axes.set_yscale("log")
    not_below_zero(axes, y=np.concatenate([curve.value for group in comparison.groups for curve in group.curves]))
    quiet(axes)
