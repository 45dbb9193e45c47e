"""Predictions: what a model expected of networks before they were evaluated, against what was then observed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE
from neuroevo.core.objectives import Objective
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import BLUE, GREY, INK, ORANGE
from neuroevo.plots.scored import forecasts, predicted_place
from neuroevo.predictors.validation import rank_correlation
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

APART = 30  # points beyond which the interval of each is thin


@dataclass(frozen=True)
class PredictionsData:
    """What the figure shows, of individuals that were predicted and then evaluated, in the order of their births.

    Attributes:
        objective: what was predicted.
        ids: int64 [individuals].
        predicted, low, high: float64 [individuals], with the ends of the 90 % interval.
        observed: float64 [individuals].
    """

    objective: Objective
    ids: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    observed: npt.NDArray[np.float64]

    @property
    def within(self) -> npt.NDArray[np.bool_]:
        """Whether each observation lies in its interval: bool [individuals]."""
        found: npt.NDArray[np.bool_] = (self.low <= self.observed) & (self.observed <= self.high)
        return found

    @property
    def coverage(self) -> float:
        """Share of the observations that lie in their interval; 0.9 is honest."""
        return float(self.within.mean())

    @property
    def rank_correlation(self) -> float:
        """Spearman's, of predictions with observations. It is that of what was chosen, which is alike: lower than among random networks."""
        return rank_correlation(self.predicted, self.observed)


def predictions_data(run: Run) -> PredictionsData:
    """The numbers behind `predictions`.

    Raises:
        ValueError: the run has no recorded predictions of networks that were then evaluated.
    """
    place = predicted_place(run)
    observed = {one.id: one.fitness.values[place] for one in run if one.status == DONE and np.isfinite(one.fitness.values[place])}
    rows = forecasts(run, observed)
    values = np.array([row[1:4] for row in rows], dtype=np.float64).T
    ids = np.array([row[0] for row in rows], np.int64)
    return PredictionsData(
        list(run.objectives.values())[place],
        ids,
        values[0],
        values[1],
        values[2],
        np.array([observed[id] for id in ids.tolist()]),
    )


def predictions(run: Run) -> Figure:
    """Draw what the model of a run (`Bayesian`, `Progressive`) expected of each network before it was evaluated, with the interval that should
    hold it nine times out of ten, against what was observed; in orange where it did not."""
    from matplotlib.figure import Figure

    data = predictions_data(run)
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    within = data.within
    width = 1.4 if len(data.ids) <= APART else 0.7
    shown = np.concatenate([data.observed, data.predicted])
    logarithmic = data.objective.log and bool((shown > 0).all() and (data.low > 0).all())
    low, high, ends = _ends(shown, logarithmic)
    x, y = np.clip(data.observed, low, high), np.clip(data.predicted, low, high)
    beyond = (x != data.observed) | (y != data.predicted)
    for those, colour, label in ((within, BLUE, "within its 90 % interval"), (~within, ORANGE, "outside")):
        axes.vlines(x[those], data.low[those], data.high[those], color=colour, alpha=0.35, linewidth=width)
        if those.any():
            axes.scatter(
                x[those & ~beyond],
                y[those & ~beyond],
                s=18,
                color=colour,
                linewidths=0,
                zorder=3,
                label=f"{label} ({those.sum()})",
            )
            axes.scatter(
                x[those & beyond], y[those & beyond], s=20, facecolors="white", edgecolors=colour, linewidths=1.1, zorder=3
            )
    if beyond.any():
        axes.scatter(
            [],
            [],
            s=20,
            facecolors="white",
            edgecolors=INK,
            linewidths=1.1,
            label=f"beyond the axes, drawn at their end ({beyond.sum()})",
        )
    axes.plot(ends, ends, color=GREY, linewidth=1, linestyle="--", zorder=1)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.set_xlabel(f"{data.objective.name}, observed")
    axes.set_ylabel(f"{data.objective.name}, predicted before")
    axes.set_title(f"What was expected of {len(data.ids):,} networks, and what they scored", fontsize=11, color=INK)
    caption = f"coverage of the 90 % intervals {data.coverage:.2f}, Spearman's correlation {data.rank_correlation:.2f}"
    figure.legend(
        loc="outside lower center",
        ncols=3,
        columnspacing=1.2,
        handletextpad=0.3,
        frameon=False,
        fontsize=8.5,
        title=caption,
        title_fontsize=9,
    )
    quiet(axes)
    return figure


def _ends(shown: npt.NDArray[np.float64], logarithmic: bool) -> tuple[float, float, tuple[float, float]]:
    """The least and the largest that is drawn where it is, and the ends of the axes: a few far from the others would press these together."""
    numbers = np.log(shown) if logarithmic else shown
    least, most = np.percentile(numbers, (5, 95))
    reach = (most - least) / 2
    low, high = max(float(numbers.min()), least - reach), min(float(numbers.max()), most + reach)
    margin = 0.05 * (high - low) or 0.5
    found = np.array([low, high, low - margin, high + margin])
    low, high, first, last = (np.exp(found) if logarithmic else found).tolist()
    return low, high, (first, last)
