"""Parallel coordinates: objectives and architecture side by side, a line an individual (Inselberg 1985)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.plots.features import architecture_features
from neuroevo.plots.palette import BLUE, GREY, INK, MUTED, ORANGE
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
OTHERS = 300  # most individuals that are drawn beside the front


@dataclass(frozen=True)
class ParallelData:
    """What the figure shows.

    Attributes:
        names: the axes: objectives first, then features of the architecture that differ between individuals.
        values: float64 [individuals, axes].
        ids: of the individuals, in the order of the rows.
        front: bool [individuals].
        upside_down: for each axis, whether the smallest value stands at the top, so that better is up (objectives only).
        log: for each axis, whether it is logarithmic.
        objectives: how many axes are objectives.
    """

    names: tuple[str, ...]
    values: Floats
    ids: tuple[int, ...]
    front: npt.NDArray[np.bool_]
    upside_down: tuple[bool, ...]
    log: tuple[bool, ...]
    objectives: int


def parallel_data(run: Run, others: int = OTHERS) -> ParallelData:
    """The numbers behind `parallel`.

    Args:
        run: the run.
        others: most individuals beside the front, spread evenly over the run; of those that are done at the run's full fidelity.

    Raises:
        ValueError: nothing was evaluated successfully.
    """
    if not run.front:
        raise ValueError(
            f"there is nothing to draw: {run.evaluations} individuals were evaluated and {run.failures} of them failed"
        )
    on_front = {individual.id: individual for individual in run.front}
    rest = [individual for individual in run if run.records.counts(individual) and individual.id not in on_front]
    if len(rest) > others:
        rest = [rest[round(place)] for place in np.linspace(0, len(rest) - 1, others)] if others else []
    shown = [*rest, *on_front.values()]
    features = [architecture_features(individual.genome) for individual in shown]
    objectives = tuple(run.objectives)
    known = [name for name in features[0] if name not in objectives and all(name in one for one in features)]
    columns = [np.array([individual.values[name] for individual in shown]) for name in objectives]
    names, log = [*objectives], [objective.log for objective in run.objectives.values()]
    for name in known:
        column = np.array([one[name] for one in features])
        if np.ptp(column) > 0:
            names.append(name)
            columns.append(column)
            log.append(bool(column.min() > 0 and column.max() / column.min() > 50))
    log = [flag and bool(column.min() > 0) for flag, column in zip(log, columns, strict=True)]
    upside_down = [objective.direction == "minimise" for objective in run.objectives.values()]
    return ParallelData(
        tuple(names), np.stack(columns, axis=1), tuple(individual.id for individual in shown),
        np.array([individual.id in on_front for individual in shown]),
        (*upside_down, *[False] * (len(names) - len(objectives))), tuple(log), len(objectives),
    )  # fmt: skip


def places(data: ParallelData) -> Floats:
    """Where each line crosses each axis, from 0 (bottom) to 1: float64 [individuals, axes]."""
    columns = []
    for axis in range(len(data.names)):
        column = np.log10(data.values[:, axis]) if data.log[axis] else data.values[:, axis]
        span = np.ptp(column)
        share = (column - column.min()) / span if span > 0 else np.full(len(column), 0.5)
        columns.append(1 - share if data.upside_down[axis] else share)
    return np.stack(columns, axis=1)


def parallel(run: Run) -> Figure:
    """Draw objectives and features of the architecture as parallel axes: the front in blue, its best first objective in orange; on
    objectives, up is better."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    data = parallel_data(run)
    heights, axes_count = places(data), len(data.names)
    figure = Figure(figsize=(max(5.0, 1.25 * axes_count + 1.2), 4.8), layout="constrained")
    axes = figure.subplots()
    across = np.arange(axes_count, dtype=np.float64)
    best = data.ids.index(run.best.id)
    for rows, colour, width, alpha, order in (
        (np.flatnonzero(~data.front), GREY, 0.7, 0.25, 2),
        (np.flatnonzero(data.front), BLUE, 1.3, 0.8, 3),
        (np.array([best]), ORANGE, 2.2, 1.0, 4),
    ):
        lines = [np.column_stack([across, heights[row]]) for row in rows]
        axes.add_collection(LineCollection(lines, colors=colour, linewidths=width, alpha=alpha, zorder=order))
    for axis, name in enumerate(data.names):
        _axis(axes, data, axis, name)
    axes.set_xlim(-0.45, axes_count - 1 + 0.6)
    axes.set_ylim(-0.1, 1.2)
    axes.axis("off")
    handles = [
        Line2D([], [], color=ORANGE, linewidth=2.2, label=f"best {data.names[0]}: individual {run.best.id}"),
        Line2D([], [], color=BLUE, linewidth=1.3, label="front"),
        Line2D([], [], color=GREY, linewidth=0.9, label="dominated"),
    ]
    handles = handles if not data.front.all() else handles[:2]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5, labelcolor=INK)
    shown = "" if len(data.ids) == run.evaluations - run.failures else f" ({len(data.ids)} of {run.evaluations} individuals)"
    axes.set_title(f"Objectives and architecture{shown}", fontsize=11)
    return figure


def _axis(axes: Axes, data: ParallelData, axis: int, name: str) -> None:
    column = data.values[:, axis]
    low, high = column.min(), column.max()
    down = data.upside_down[axis]
    axes.plot([axis, axis], [0, 1], color=INK, linewidth=0.9, zorder=5)
    objective = axis < data.objectives
    axes.text(axis, 1.13, name, ha="center", va="center", fontsize=9, color=INK, weight="bold" if objective else "normal")
    for height, value in ((0.0, high if down else low), (1.0, low if down else high)):
        axes.plot([axis - 0.03, axis + 0.03], [height, height], color=INK, linewidth=0.9, zorder=5)
        axes.text(axis, height + (0.045 if height else -0.05), short(value), ha="center", va="center", fontsize=8, color=MUTED)


def short(value: float) -> str:
    """A number in few characters."""
    if value == 0 or (float(value).is_integer() and abs(value) < 1e6):
        return f"{value:,.0f}"
    return f"{value / 1e6:.3g}M" if abs(value) >= 1e6 else f"{value:.3g}"
