"""Landscape: the networks of a run as points of a plane, near where they are alike, and the way of the search over it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import Objective
from neuroevo.plots.palette import INK, ORANGE
from neuroevo.plots.scored import better, colours, model_of, scored
from neuroevo.predictors.gaussian_process import one_thread
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 500  # networks


@dataclass(frozen=True)
class LandscapeData:
    """What the figure shows, of evaluated individuals in the order of their births.

    Attributes:
        objective: by whose values they are coloured.
        ids: int64 [individuals].
        values: float64 [individuals].
        points: float64 [individuals, 2].
        leaders: positions of those that were better than all before them: the way of the search.
        share: of the squared distances, what the plane shows, from 0 to 1.
    """

    objective: Objective
    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64]
    leaders: tuple[int, ...]
    share: float


def landscape_data(run: Run) -> LandscapeData:
    """The numbers behind `landscape`: classical scaling (Torgerson 1952) of the distances by which the run's model tells networks apart (of the
    default one, where its strategy has none).

    Raises:
        ValueError: fewer than two individuals were evaluated.
    """
    found = scored(run, MOST)
    points, share = scaled(model_of(run).distances(found.genomes))
    return LandscapeData(found.objective, found.ids, found.values, points, found.leaders, share)


def scaled(distances: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], float]:
    """Classical scaling to two dimensions: the points, float64 [points, 2], and the share of the squared distances that they keep.

    >>> points, share = scaled(np.array([[0.0, 3.0, 4.0], [3.0, 0.0, 5.0], [4.0, 5.0, 0.0]]))
    >>> round(float(np.linalg.norm(points[1] - points[2])), 6), round(share, 6)
    (5.0, 1.0)
    """
    with one_thread():
        squares = distances**2
        centred = squares - squares.mean(axis=0) - squares.mean(axis=1)[:, None] + squares.mean()
        values, vectors = np.linalg.eigh(-(centred + centred.T) / 4)
    largest = np.maximum(values[::-1][:2], 0)
    vectors = vectors[:, ::-1][:, :2]
    # an eigenvector's sign is arbitrary: its largest entry is positive here
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])] < 0, -1, 1)
    total = float(np.maximum(values, 0).sum())
    return vectors * np.sqrt(largest), float(largest.sum() / total) if total > 0 else 1.0


def landscape(run: Run) -> Figure:
    """Draw the networks of a run in a plane, as near to each other as they are alike, coloured by their score (yellow is best); a line leads
    over those that were the best so far, to the best of all."""
    from matplotlib.figure import Figure

    data = landscape_data(run)
    figure = Figure(figsize=(7.6, 5.8), layout="constrained")
    axes = figure.subplots()
    norm, colour_map, extend = colours(data.objective, data.values)
    order = np.argsort(data.values * data.objective.weight, kind="stable")
    count = len(data.ids)
    shown = axes.scatter(
        data.points[order, 0], data.points[order, 1], c=data.values[order], cmap=colour_map, norm=norm, s=26 if count < 300 else 12, linewidths=0, alpha=0.9
    )  # fmt: skip
    figure.colorbar(shown, ax=axes, label=better(data.objective), extend=extend, shrink=0.85)
    way = data.points[list(data.leaders)]
    axes.plot(*way.T, color=ORANGE, linewidth=1.3, alpha=0.9, zorder=3)
    for start, end in pairwise(way):
        middle = (start + end) / 2
        if np.abs(end - start).max() > 0.02 * np.ptp(data.points, axis=0).max():
            axes.annotate(
                "", middle, start, arrowprops={"arrowstyle": "-|>", "color": ORANGE, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
            )
    axes.scatter(
        way[0, 0], way[0, 1], s=70, marker="s", facecolors="none", edgecolors=INK, linewidths=1.5, zorder=4, label="the first"
    )
    axes.scatter(
        way[-1, 0], way[-1, 1], s=130, facecolors="none", edgecolors=ORANGE, linewidths=1.8, zorder=4, label=f"the best: {data.ids[data.leaders[-1]]}"
    )  # fmt: skip
    axes.plot([], [], color=ORANGE, label=f"best so far, {len(way)} steps")
    axes.set_aspect("equal", "datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#CCCCCC")
    axes.set_xlabel(f"near: alike to the model; this plane shows {100 * data.share:.0f} % of the squared distances", fontsize=9)
    axes.set_title(f"Where the search went among {count:,} networks", fontsize=11)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return figure
