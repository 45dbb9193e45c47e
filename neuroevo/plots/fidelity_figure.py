"""Fidelity: how well cheap trainings rank networks, beside what they cost; of a study of fidelities."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import CYCLE, INK, MUTED
from neuroevo.report.fidelity import FidelityReport, Interval, Step, fidelity_report
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Row(NamedTuple):
    """A fidelity as a row of the figure.

    Attributes:
        label: its name, and its schedule where the same epochs are there in two.
        kind: what it saves, in words.
    """

    label: str
    kind: str
    step: Step


def fidelity_data(report: FidelityReport) -> list[Row]:
    """The report's fidelities in order of cost, the cheapest first and the second full training last."""
    rows = []
    for step in report.steps:
        saved = step.kind.replace("+", " and ")
        kind = {"again": "nothing: full training again", "epochs": "epochs, as a training of its own"}.get(step.kind, saved)
        rows.append(Row(step.name, "epochs, as the first part of full training" if step.schedule == "whole" else kind, step))
    return rows


def fidelity(run: Run | FidelityReport, objective: str | None = None) -> Figure:
    """Draw, for each fidelity, its rank correlation with full training, how much of full training's best it keeps, and its cost. Bars, and the
    band of the second full training, are 95 % intervals over networks.

    Args:
        run: of the strategy FidelityStudy, or its report.
        objective: by which networks are ranked; None: the first.

    Raises:
        ValueError: another run, or nothing to compare yet.
    """
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    report = run if isinstance(run, FidelityReport) else fidelity_report(run, objective)
    rows, again = fidelity_data(report), report.again
    kinds = list(dict.fromkeys(row.kind for row in rows))
    colours = {kind: CYCLE[place % len(CYCLE)] for place, kind in enumerate(kinds)}
    figure = Figure(figsize=(11.0, 1.9 + 0.36 * len(rows)), layout="constrained")
    left, middle, right = figure.subplots(1, 3, sharey=True, width_ratios=(4, 4, 2))
    _intervals(left, [row.step.correlation for row in rows], rows, colours, None if again is None else again.correlation)
    _intervals(middle, [row.step.overlap for row in rows], rows, colours, None if again is None else again.overlap)
    costs = [row.step.cost for row in rows]
    right.barh(range(len(rows)), costs, height=0.5, color=[colours[row.kind] for row in rows])
    for place, cost in enumerate(costs):
        right.annotate(f"{cost:.0%}", (cost, place), (4, 0), textcoords="offset points", va="center", fontsize=8, color=INK)
    right.set_xlim(0, 1.3 * max(1.0, *costs))
    right.set_xticks([0, 0.5, 1], ["0", "50%", "100%"])
    quiet(right)
    left.set_yticks(range(len(rows)), [row.label for row in rows])
    left.set_ylim(len(rows) - 0.5, -0.5)
    left.set_xlabel("rank correlation with full training")
    middle.set_xlabel(f"share of its best {report.top} that is kept")
    right.set_xlabel("cost, of full training's")
    handles = [Line2D([], [], color=colours[kind], marker="o", linestyle="-", label=kind) for kind in kinds]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(3, len(kinds)), frameon=False, fontsize=9, title="what is saved",
                  title_fontsize=9)  # fmt: skip
    figure.suptitle(
        f"Where cheap training stops ranking: {report.networks} networks by {report.objective}; full training is {report.reference}",
        fontsize=11,
    )
    return figure


def _intervals(axes: Axes, found: list[Interval], rows: list[Row], colours: dict[str, str], ceiling: Interval | None) -> None:
    if ceiling is not None:
        axes.axvspan(ceiling.low, ceiling.high, color=MUTED, alpha=0.10, linewidth=0)
        axes.axvline(ceiling.value, color=MUTED, linewidth=1.0, linestyle="--")
    for place, (one, row) in enumerate(zip(found, rows, strict=True)):
        bars = np.array([[max(0.0, one.value - one.low)], [max(0.0, one.high - one.value)]])
        axes.errorbar(
            [one.value], [place], xerr=bars, color=colours[row.kind], marker="o", markersize=6, elinewidth=1.4, capsize=3
        )
    axes.set_xlim(min([0.0, *(one.low for one in found)]) - 0.05, 1.05)
    quiet(axes)
