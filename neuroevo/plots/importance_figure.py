"""Importance: which columns a network needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.deploy.examination import Examination, Importance, examination
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import BLUE, GREY, INK
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_COLUMNS = 25
LONGEST = 32  # characters of a column's name


@dataclass(frozen=True)
class ImportanceData:
    """What the figure shows.

    Attributes:
        columns: the most important first, at most `MOST_COLUMNS`.
        left_out: how many more there are.
        examined: the rest.
    """

    columns: tuple[Importance, ...]
    left_out: int
    examined: Examination


def importance_data(run: Run, name: int | str | None = None) -> ImportanceData:
    """The numbers behind `importance`.

    Raises:
        KeyError: there is no such network.
        ValueError: the run's inputs are not features.
    """
    found = examination(run, name)
    if not found.importance:
        raise ValueError("columns are important in tables; this run's inputs are images or sequences")
    shown = found.importance[:MOST_COLUMNS]
    return ImportanceData(shown, len(found.importance) - len(shown), found)


def importance(run: Run, name: int | str | None = None) -> Figure:
    """Draw how much worse a network is where a column's values are shuffled among the rows (permutation importance, Breiman 2001). Columns that say
    the same share what they are worth: each alone may look dispensable.

    Args:
        name: an individual's id or a derived network's name; None: the best.
    """
    from matplotlib.figure import Figure

    data = importance_data(run, name)
    found, score = data.examined, data.examined.score[0]
    figure = Figure(figsize=(7.2, 1.5 + 0.27 * len(data.columns)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(data.columns))[::-1]
    worse = np.array([each.worse for each in data.columns])
    spread = np.array([each.deviation for each in data.columns])
    axes.barh(places, worse, xerr=spread, height=0.66, color=[BLUE if value > 0 else GREY for value in worse], ecolor=INK,
              error_kw={"elinewidth": 0.9, "capsize": 2})  # fmt: skip
    axes.set_yticks(places, [_short(each.column) for each in data.columns], fontsize=9)
    axes.set_ylim(-0.6, len(data.columns) - 0.4)
    axes.axvline(0.0, color=INK, linewidth=0.8)
    figure.supxlabel(f"by how much {score} is worse with the column shuffled (mean and deviation of 5)", fontsize=10)
    more = f"\n{data.left_out} less important columns are not shown" if data.left_out else ""
    title = f"individual {found.name}: {score} {found.score[1]:.4g} on {found.samples:,} {found.part} samples{more}"
    figure.suptitle(title, fontsize=11)
    quiet(axes)
    axes.grid(False, axis="y")
    return figure


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 3]}..."
