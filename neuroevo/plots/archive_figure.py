"""The archive of MAP-Elites: which cells are filled, and how good the best of each is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE
from neuroevo.plots.palette import INK
from neuroevo.run.run import Run
from neuroevo.run.settings import strategy_from_settings
from neuroevo.selection.cells import Cells, Grid, Voronoi
from neuroevo.strategies.diversity.map_elites import MapElites

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIXELS = 400  # of the map on each side


@dataclass(frozen=True)
class ArchiveData:
    """What the figure shows.

    Attributes:
        cells: the space of descriptors as it was cut.
        elites: of each filled cell, the individual.
        values: of each filled cell, the first objective.
        coverage: the share of the cells that are filled.
        score: the QD score after the last complete generation, as it was recorded; 0 before any.
        names: of the axes.
        logarithmic: which axes are cut by their logarithm.
    """

    cells: Cells
    elites: dict[int, int]
    values: dict[int, float]
    coverage: float
    score: float
    names: tuple[str, ...]
    logarithmic: tuple[bool, ...]


def archive_data(run: Run) -> ArchiveData:
    """The numbers behind `archive`.

    Raises:
        ValueError: the run's strategy keeps no archive, or everybody failed.
    """
    strategy = strategy_from_settings(run.settings["strategy"])
    if not isinstance(strategy, MapElites):
        raise ValueError(f"there is no archive to draw: this run's strategy is {type(strategy).__name__}, not MapElites")
    cells = strategy.cut(run.settings["seed"], run.objectives)
    done = [one for one in run if one.status == DONE]
    if not done:
        raise ValueError(f"there is no archive to draw: {run.evaluations} individuals were evaluated, and none is done")
    elites = strategy.best_of(cells, done, run.objectives)
    return ArchiveData(
        cells,
        {cell: one.id for cell, one in elites.items()},
        {cell: one.fitness.values[0] for cell, one in elites.items()},
        len(elites) / cells.count,
        float(run.summaries[-1]["qd_score"]) if run.summaries else 0.0,
        strategy.axes or tuple(f"descriptor {number}" for number in range(len(strategy.low))),
        tuple(run.objectives[axis].log for axis in strategy.axes) or (False,) * len(strategy.low),
    )


def archive(run: Run) -> Figure:
    """Draw the archive of a run of `MapElites`: the first objective of the best individual of each cell, over two axes (yellow is best; empty
    cells are white). Of more axes the first two: of a grid the best of the cells that are one in these, of regions those that are filled, by their
    centres; of a single axis a strip."""
    from matplotlib.colors import LogNorm
    from matplotlib.figure import Figure

    data = archive_data(run)
    name, objective = next(iter(run.objectives.items()))
    low, high = data.cells.low, data.cells.high
    shown = picture(data, objective.weight)
    figure = Figure(figsize=(7.0, 5.6 if len(low) > 1 else 2.4), layout="constrained")
    axes = figure.subplots()
    logarithmic = objective.log and bool((shown[np.isfinite(shown)] > 0).all())
    up = (low[1], high[1]) if len(low) > 1 else (0.0, 1.0)
    drawn = axes.imshow(
        np.ma.masked_invalid(shown), origin="lower", extent=(low[0], high[0], *up), aspect="auto", interpolation="nearest",
        cmap="cividis" if objective.weight > 0 else "cividis_r", norm=LogNorm() if logarithmic else None,
    )  # fmt: skip
    better = "lower" if objective.direction == "minimise" else "higher"
    figure.colorbar(drawn, ax=axes, label=f"{name} ({better} is better)")
    axes.set_xlabel(data.names[0])
    if len(low) > 1:
        axes.set_ylabel(data.names[1])
    else:
        axes.set_yticks([])
    for axis, log in zip((axes.xaxis, axes.yaxis), data.logarithmic, strict=False):
        if log:
            _in_powers_of_ten(axis, *((low[0], high[0]) if axis is axes.xaxis else up))
    more = f" (the first two of {len(low)} axes)" if len(low) > 2 else ""
    axes.set_title(
        f"{len(data.elites):,} of {data.cells.count:,} cells filled ({data.coverage:.0%}), QD score {data.score:,.4g}{more}",
        fontsize=11,
    )
    for side in axes.spines.values():
        side.set_color(INK)
    return figure


def picture(data: ArchiveData, weight: float) -> npt.NDArray[np.float64]:
    """The map: float64 [rows, columns], from below, NaN where nothing was found; one row of a single axis.

    Args:
        weight: +1 where the objective is maximised, -1 where it is minimised.
    """
    low, high = data.cells.low, data.cells.high
    sides = [low[axis] + (np.arange(PIXELS) + 0.5) / PIXELS * (high[axis] - low[axis]) for axis in range(min(2, len(low)))]
    columns, rows = np.meshgrid(sides[0], sides[1] if len(sides) > 1 else np.zeros(1))
    places = np.stack([columns.ravel(), rows.ravel()], axis=1)[:, : len(low)]
    table: npt.NDArray[np.float64] = np.full(data.cells.count, np.nan)
    table[list(data.values)] = list(data.values.values())
    if len(low) <= 2:
        return table[data.cells.of(places)].reshape(columns.shape)
    if isinstance(data.cells, Grid):
        others = table.reshape((*data.cells.cells[:2], -1)) * weight
        best = np.where(np.isnan(others).all(axis=2), np.nan, np.nan_to_num(others, nan=-np.inf).max(axis=2)) * weight
        seen = Grid(low[:2], high[:2], data.cells.cells[:2])
        return best.ravel()[seen.of(places[:, :2])].reshape(columns.shape)
    assert isinstance(data.cells, Voronoi)
    filled = np.array(list(data.values))
    seen_from_above = Voronoi(low[:2], high[:2], data.cells.centres[filled, :2])
    shown: npt.NDArray[np.float64] = table[filled][seen_from_above.of(places[:, :2])].reshape(columns.shape)
    return shown


def _in_powers_of_ten(axis: object, low: float, high: float) -> None:
    ticks = np.arange(math.ceil(low), math.floor(high) + 1)
    axis.set_ticks(ticks, labels=[f"$10^{{{int(tick)}}}$" for tick in ticks])  # type: ignore[attr-defined]
