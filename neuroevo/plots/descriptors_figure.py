"""Descriptors: what the phenotypes of a run did, coloured by how well they did it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import FAILED
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import ORANGE
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WORST = 5  # percent of the individuals that share the colour of the worst of the others
PIXELS_FROM = 2_000  # points that are drawn as pixels: a page with so many shapes would be large and slow


@dataclass(frozen=True)
class DescriptorsData:
    """What the figure shows.

    Attributes:
        ids: of the individuals that have descriptors.
        points: float64 [individuals, d], their descriptors.
        values: float64 [individuals], their first objective.
        best: position of the run's best individual, or None where it has no descriptors.
    """

    ids: tuple[int, ...]
    points: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    best: int | None


def descriptors_data(run: Run) -> DescriptorsData:
    """The numbers behind `descriptors`.

    Raises:
        ValueError: the run's task describes nothing.
    """
    described = [
        (individual.id, individual.descriptors, individual.fitness.values[0])
        for individual in run
        if individual.descriptors is not None and individual.status != FAILED and np.isfinite(individual.descriptors).all()
    ]
    if not described:
        raise ValueError("no individual of this run has descriptors: its task has no `descriptors` that say what a network does")
    ids = tuple(id for id, _, _ in described)
    best = run.records.best
    place = ids.index(best.id) if best is not None and best.id in ids else None
    values = np.array([value for _, _, value in described], dtype=np.float64)
    return DescriptorsData(ids, np.stack([points for _, points, _ in described]), values, place)


def descriptors(run: Run) -> Figure:
    """Draw the first two descriptors of every individual that has such, coloured by its first objective (yellow is best), the worst below and
    the best on top; of a single descriptor, the objective above it."""
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure

    data = descriptors_data(run)
    name, objective = next(iter(run.objectives.items()))
    figure = Figure(figsize=(7.2, 5.2), layout="constrained")
    axes = figure.subplots()
    order = np.argsort(data.values * objective.weight, kind="stable")
    x = data.points[order, 0]
    alone = data.points.shape[1] == 1
    y = data.values[order] if alone else data.points[order, 1]
    better = f"{name} ({'lower' if objective.direction == 'minimise' else 'higher'} is better)"
    logarithmic = objective.log and bool((data.values > 0).all())
    low, high = float(data.values.min()), float(data.values.max())
    # a few far worse than the others would leave these one colour
    ends = (
        (float(np.percentile(data.values, WORST)), high)
        if objective.weight > 0
        else (low, float(np.percentile(data.values, 100 - WORST)))
    )
    cut = ends != (low, high)
    shown = axes.scatter(
        x, y, c=data.values[order], s=20 if len(x) < 500 else 9, cmap="cividis" if objective.weight > 0 else "cividis_r", linewidths=0,
        alpha=0.85, norm=(LogNorm if logarithmic else Normalize)(*ends), rasterized=len(x) > PIXELS_FROM,
    )  # fmt: skip
    figure.colorbar(shown, ax=axes, label=better, extend=("min" if objective.weight > 0 else "max") if cut else "neither")
    if data.best is not None:
        at = data.points[data.best]
        height = data.values[data.best] if alone else at[1]
        axes.scatter(
            [at[0]], [height], s=130, facecolors="none", edgecolors=ORANGE, linewidths=1.8,
            label=f"best {name}: individual {data.ids[data.best]}",
        )  # fmt: skip
        figure.legend(loc="outside lower center", frameon=False, fontsize=9)
    axes.set_xlabel("descriptor 0")
    axes.set_ylabel(better if alone else "descriptor 1")
    if alone and logarithmic:
        axes.set_yscale("log")
    more = f" (the first two of {data.points.shape[1]})" if data.points.shape[1] > 2 else ""
    axes.set_title(f"What {len(data.ids):,} individuals did: their descriptors{more}", fontsize=11)
    quiet(axes)
    return figure
