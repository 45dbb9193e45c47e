"""Acquisition: what a strategy with a model chose its networks by, over the generations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import BLUE, GREY, ORANGE
from neuroevo.plots.scored import forecasts
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = {
    "ei": "log expected improvement",
    "ucb": "upper confidence bound of the score",
    "thompson": "score drawn from the model",
    "hypervolume": "log expected hypervolume improvement",
    "scalarised": "score drawn from the models, by random weights",
    "mean": "predicted score",
}


@dataclass(frozen=True)
class AcquisitionData:
    """What the figure shows.

    Attributes:
        name: what the acquisition is.
        ids: int64 [individuals] that were chosen by it, in the order of their births.
        generations: int64 [individuals].
        chosen: float64 [individuals], their acquisitions.
        typical: float64 [individuals], the median of the candidates that each was chosen from; NaN where none was finite.
        best: float64 [generations], the largest acquisition that was chosen in each of `np.unique(generations)`.
    """

    name: str
    ids: npt.NDArray[np.int64]
    generations: npt.NDArray[np.int64]
    chosen: npt.NDArray[np.float64]
    typical: npt.NDArray[np.float64]
    best: npt.NDArray[np.float64]


def acquisition_data(run: Run) -> AcquisitionData:
    """The numbers behind `acquisition`.

    Raises:
        ValueError: the run has no recorded acquisitions.
    """
    generation = {row[0]: summary["generation"] for summary in run.summaries for row in summary.get("predicted") or ()}
    rows = [row for row in forecasts(run) if row[4] is not None]
    if not rows:
        raise ValueError("no acquisition of this run was a finite number: no candidate was worth more than another")
    ids = np.array([row[0] for row in rows], np.int64)
    at = np.array([generation[id] for id in ids.tolist()], np.int64)
    chosen = np.array([row[4] for row in rows], dtype=np.float64)
    typical = np.array([np.nan if row[5] is None else row[5] for row in rows], dtype=np.float64)
    best = np.array([chosen[at == each].max() for each in np.unique(at)])
    return AcquisitionData(NAMES[_kind(run)], ids, at, chosen, typical, best)


def acquisition(run: Run) -> Figure:
    """Draw the acquisition of what a strategy (`Bayesian`, `Progressive`) chose in each generation, the best of the generation as a line, and
    what is typical of the candidates that it was chosen from. Where it falls, the model expects little more."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    data = acquisition_data(run)
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.subplots()
    times = np.unique(data.generations)
    if not np.isnan(data.typical).all():
        axes.scatter(data.generations, data.typical, s=10, color=GREY, linewidths=0, label="median of the candidates")
    if len(times) < len(data.ids):
        axes.scatter(data.generations, data.chosen, s=16, color=BLUE, linewidths=0, alpha=0.7, label="chosen")
        axes.plot(times, data.best, color=ORANGE, linewidth=1.6, marker="o", markersize=4, label="best of the generation")
    else:
        axes.plot(
            times, data.best, color=BLUE, linewidth=1.3, marker="o", markersize=3.2, label="chosen, the best of its candidates"
        )
    axes.set_xlabel("generation")
    axes.set_ylabel(data.name)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"What {len(data.ids):,} networks were chosen by", fontsize=11)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    quiet(axes)
    return figure


def _kind(run: Run) -> str:
    strategy: Any = run.settings.get("strategy") or {}
    if "acquisition" not in strategy:
        return "mean"
    kind = strategy["acquisition"] or ("hypervolume" if len(run.objectives) > 1 else "ei")
    if kind != "hypervolume" or len(run.objectives) == 1:
        return "ei" if kind == "hypervolume" else str(kind)
    cheap = [objective for objective in run.objectives.values() if objective.kind == "cheap"]
    return "hypervolume" if len(run.objectives) == 2 and len(cheap) == 1 else "scalarised"
