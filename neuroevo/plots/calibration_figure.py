"""Calibration: whether a network's probabilities can be taken at their word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.deploy.examination import Calibration, Examination, examination
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import BLUE, GREY
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class CalibrationData:
    """What the figure shows.

    Attributes:
        calibration: bins of probabilities, and the expected calibration error.
        examined: the rest.
    """

    calibration: Calibration
    examined: Examination


def calibration_data(run: Run, name: int | str | None = None) -> CalibrationData:
    """The numbers behind `calibration`.

    Raises:
        KeyError: there is no such network.
        ValueError: the run is no classification.
    """
    found = examination(run, name)
    if found.calibration is None:
        raise ValueError("probabilities are those of classes; of numbers there is neuroevo plot RUN residuals, of boxes neuroevo plot RUN detections")
    return CalibrationData(found.calibration, found)


def calibration(run: Run, name: int | str | None = None) -> Figure:
    """Draw how often a network is right where it says so with which probability (a reliability diagram, Guo et al. 2017, figure 1), in bins of as
    many samples each, with 95 % intervals.

    Args:
        name: an individual's id or a derived network's name; None: the best.
    """
    from matplotlib.figure import Figure

    data = calibration_data(run, name)
    bins, found = data.calibration.bins, data.examined
    x, y = (np.array([getattr(each, which) for each in bins]) for which in ("probability", "share"))
    ends = np.array([[each.share - each.low, each.high - each.share] for each in bins]).T
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1.0, label="probabilities that are what they say")
    axes.errorbar(
        x, y, yerr=np.maximum(ends, 0.0), color=BLUE, linewidth=1.4, marker="o", markersize=5, elinewidth=1.0, capsize=2,
        label=f"{len(bins)} groups of {min(each.samples for each in bins)} or more samples, 95 % intervals",
    )  # fmt: skip
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_aspect("equal")
    two = len(found.labels) == 2
    axes.set_xlabel(f"probability that the network gives {data.calibration.of}")
    axes.set_ylabel(f"share that is {data.calibration.of}" if two else "share that it is right about")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=9)
    axes.set_title(
        f"individual {found.name}: expected calibration error {data.calibration.error:.3f}\non {found.samples:,} {found.part} samples", fontsize=11
    )
    quiet(axes)
    return figure
