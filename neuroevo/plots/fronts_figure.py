"""The front by generation: how far it had come at several moments of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import PREDICTED
from neuroevo.plots.front_figure import not_below_zero, quiet, stairs
from neuroevo.plots.palette import GREY
from neuroevo.run.run import Run
from neuroevo.selection.nsga2 import pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FrontAt:
    """The front after a generation.

    Attributes:
        generation: which.
        evaluated: how many individuals had been evaluated.
        ids: of the members.
        values: float64 [members, objectives], sorted by the first objective.
    """

    generation: int
    evaluated: int
    ids: tuple[int, ...]
    values: Floats


def fronts_data(run: Run, moments: int = 6) -> list[FrontAt]:
    """The fronts after generations that lie evenly over the run, the first and the last among them.

    Raises:
        ValueError: one objective, whose best value `progress` shows; or nothing was evaluated successfully.
    """
    if len(run.objectives) < 2:
        raise ValueError("a front needs two objectives or more; `progress` shows one objective over the evaluations")
    individuals = list(run)
    done = [individual for individual in individuals if run.records.counts(individual)]
    if not done:
        raise ValueError(
            f"there is no front to draw: {run.evaluations} individuals were evaluated and {run.failures} of them failed"
        )
    last = max(individual.generation for individual in done)
    first = min(individual.generation for individual in done)
    chosen = sorted({round(at) for at in np.linspace(first, last, min(moments, last - first + 1))})
    found = []
    for generation in chosen:
        born = [individual for individual in done if individual.generation <= generation]
        best = sorted(pareto_front(born), key=lambda individual: individual.fitness.values[0])
        evaluated = sum(individual.generation <= generation and individual.status != PREDICTED for individual in individuals)
        found.append(
            FrontAt(generation, evaluated, tuple(one.id for one in best), np.array([one.fitness.values for one in best]))
        )
    return found


def fronts(run: Run, x: str | None = None, y: str | None = None, moments: int = 6) -> Figure:
    """Draw the front after several generations, later ones darker.

    Args:
        run: the run.
        x, y: the objectives across and up; by default the second and the first.
        moments: most fronts drawn.
    """
    import matplotlib
    from matplotlib.figure import Figure

    data = fronts_data(run, moments)
    names = list(run.objectives)
    across, up = (run.objectives[name] for name in (x or names[1], y or names[0]))
    columns = [names.index(across.name), names.index(up.name)]
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    everything = np.array([individual.fitness.values for individual in run if run.records.counts(individual)])
    axes.scatter(everything[:, columns[0]], everything[:, columns[1]], s=8, color=GREY, alpha=0.35, linewidths=0)
    shades = matplotlib.colormaps["cividis_r"](np.linspace(0.25, 1.0, len(data)))
    for at, shade in zip(data, shades, strict=True):
        points = at.values[np.argsort(at.values[:, columns[0]], kind="stable")][:, columns]
        line = "-" if len(names) == 2 else ""  # of a projection, no line: its points are not a front
        label = f"generation {at.generation} ({at.evaluated:,} evaluated)"
        axes.plot(
            *points.T, line, marker="o", markersize=4, color=shade, linewidth=1.4, label=label, drawstyle=stairs(across)
        )  # fmt: skip
    for axis, objective in ((axes.xaxis, across), (axes.yaxis, up)):
        axis.set_label_text(f"{objective.name} ({'lower' if objective.direction == 'minimise' else 'higher'} is better)")
    if across.log:
        axes.set_xscale("log")
    if up.log:
        axes.set_yscale("log")
    _frame(axes, np.concatenate([at.values[:, columns] for at in data]), (across.log, up.log))
    not_below_zero(axes, everything[:, columns[0]], everything[:, columns[1]])
    axes.legend(facecolor="white", framealpha=0.9, edgecolor="none", fontsize=8.5, loc="upper right")
    axes.set_title("The front by generation", fontsize=11)
    quiet(axes)
    return figure


def _frame(axes: Axes, fronts: Floats, logarithmic: tuple[bool, bool]) -> None:
    """Show where the fronts are: a dominated individual may be so far away that nothing else could be seen."""
    for column, log in enumerate(logarithmic):
        values = fronts[:, column]
        values = np.log10(values[values > 0]) if log else values
        if not len(values):
            continue
        low, high = float(values.min()), float(values.max())
        margin = 0.2 * (high - low) or 0.2 * abs(high) or 0.2
        ends = (10.0 ** (low - margin), 10.0 ** (high + margin)) if log else (low - margin, high + margin)
        if column == 0:
            axes.set_xlim(*ends)
        else:
            axes.set_ylim(*ends)
