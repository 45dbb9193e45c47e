"""Residuals: how far off a network's numbers are, and where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.deploy.examination import Examination, examination
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import BLUE, GREY, ORANGE
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_OUTPUTS = 4
GROUPS = 10  # of samples by what was predicted, of which the median residual is drawn


@dataclass(frozen=True)
class ResidualsData:
    """What the figure shows.

    Attributes:
        labels: the outputs.
        observed, predicted: float64 [samples, outputs], in their own units.
        examined: the rest.
    """

    labels: tuple[str, ...]
    observed: npt.NDArray[np.float64]
    predicted: npt.NDArray[np.float64]
    examined: Examination

    @property
    def residuals(self) -> npt.NDArray[np.float64]:
        """Observed less predicted: float64 [samples, outputs]."""
        return self.observed - self.predicted


def residuals_data(run: Run, name: int | str | None = None) -> ResidualsData:
    """The numbers behind `residuals`.

    Raises:
        KeyError: there is no such network.
        ValueError: the run is no regression.
    """
    found = examination(run, name)
    if not found.observed:
        raise ValueError("residuals are those of numbers; this run predicts classes: neuroevo plot RUN confusion")
    return ResidualsData(found.labels, np.array(found.observed), np.array(found.predicted), found)


def residuals(run: Run, name: int | str | None = None) -> Figure:
    """Draw what a network predicts against what was observed, and what is left over what it predicts: a row for each of the first outputs.

    Args:
        name: an individual's id or a derived network's name; None: the best.
    """
    from matplotlib.figure import Figure

    data = residuals_data(run, name)
    outputs = min(MOST_OUTPUTS, len(data.labels))
    figure = Figure(figsize=(9.6, 4.0 * outputs + 0.4), layout="constrained")
    panels = figure.subplots(outputs, 2, squeeze=False)
    for row, (left, right) in enumerate(panels):
        observed, predicted, off = data.observed[:, row], data.predicted[:, row], data.residuals[:, row]
        size = 14 if len(observed) < 500 else 6
        left.scatter(predicted, observed, s=size, color=BLUE, alpha=0.5, linewidths=0)
        ends = [min(observed.min(), predicted.min()), max(observed.max(), predicted.max())]
        left.plot(ends, ends, color=GREY, linewidth=1.0, label="what would be right")
        left.set_ylabel(f"{data.labels[row]}, observed")
        right.axhline(0.0, color=GREY, linewidth=1.0)
        right.scatter(predicted, off, s=size, color=BLUE, alpha=0.5, linewidths=0)
        groups = np.array_split(np.argsort(predicted, kind="stable"), min(GROUPS, max(1, len(predicted) // 8)))
        middle = np.array([[np.median(predicted[rows]), np.median(off[rows])] for rows in groups])
        right.plot(middle[:, 0], middle[:, 1], color=ORANGE, linewidth=1.6, marker="o", markersize=4, label="median of its neighbours")
        right.set_ylabel("observed - predicted")
        for axes in (left, right):
            axes.set_xlabel(f"{data.labels[row]}, predicted")
            quiet(axes)
    drawn = [panels[0, place].get_legend_handles_labels() for place in (0, 1)]
    handles, labels = (drawn[0][which] + drawn[1][which] for which in (0, 1))
    figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=9, ncols=2)
    found = data.examined
    name_, value = found.score
    shown = "" if len(data.observed) == found.samples else f", {len(data.observed):,} of them drawn"
    figure.suptitle(f"individual {found.name}: {name_} {value:.4g} on {found.samples:,} {found.part} samples{shown}", fontsize=11)
    return figure
