"""Confusion: which classes a network takes for which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.deploy.examination import Examination, examination
from neuroevo.plots.palette import INK
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COUNTED = 16  # classes up to which counts are written into the cells
LONGEST = 18  # characters of a class's name


@dataclass(frozen=True)
class ConfusionData:
    """What the figure shows.

    Attributes:
        labels: the classes.
        counts: int64 [classes, classes]: samples of each class (first) that were taken for which.
        shares: float64 [classes, classes], of the samples of each class; 0 of a class without samples.
        examined: the rest.
    """

    labels: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]
    examined: Examination


def confusion_data(run: Run, name: int | str | None = None) -> ConfusionData:
    """The numbers behind `confusion`.

    Raises:
        KeyError: there is no such network.
        ValueError: the run is no classification.
    """
    found = examination(run, name)
    if not found.confusion:
        raise ValueError("classes are confused in a classification; of numbers there is neuroevo plot RUN residuals, of boxes neuroevo plot RUN detections")
    counts = np.array(found.confusion, np.int64)
    return ConfusionData(found.labels, counts, counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), found)


def confusion(run: Run, name: int | str | None = None) -> Figure:
    """Draw which classes a network takes for which: a row for each true class, shaded by shares of the row.

    Args:
        name: an individual's id or a derived network's name; None: the best.
    """
    from matplotlib.figure import Figure

    data = confusion_data(run, name)
    classes, found = len(data.labels), data.examined
    side = min(9.0, max(4.2, 2.6 + 0.55 * classes))
    figure = Figure(figsize=(side + 1.6, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(data.shares, cmap="Blues", vmin=0.0, vmax=1.0)
    if classes <= MOST_COUNTED:
        for (row, column), count in np.ndenumerate(data.counts):
            colour = "white" if data.shares[row, column] > 0.55 else INK
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour, fontsize=10 if classes <= 10 else 8)
    shown = range(0, classes, max(1, -(-classes // 25)))
    labels = [_short(data.labels[k]) for k in shown]
    axes.set_xticks(list(shown), labels, rotation=0 if sum(map(len, labels)) < 40 else 60, ha="center" if sum(map(len, labels)) < 40 else "right",
                    rotation_mode="anchor")  # fmt: skip
    axes.set_yticks(list(shown), labels)
    axes.set_xlabel("what the network says")
    axes.set_ylabel("what it is")
    axes.spines[:].set_visible(False)
    figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02, label="share of the row")
    wrong = int(data.counts.sum() - np.trace(data.counts))
    axes.set_title(f"individual {found.name}: {wrong:,} of {found.samples:,} {found.part} samples wrong", fontsize=11)
    return figure


def _short(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[: LONGEST - 3]}..."
