"""Kernel: how alike the networks of a run are to the model of its scores, in the order of clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import Objective
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import GREY, ORANGE
from neuroevo.plots.scored import better, colours, model_of, scored
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 300  # networks: a matrix of more has no room for its cells


@dataclass(frozen=True)
class KernelData:
    """What the figure shows, of evaluated individuals in the order of clusters.

    Attributes:
        objective: whose values are shown beside.
        ids: int64 [individuals].
        values: float64 [individuals].
        kernel: float64 [individuals, individuals], from 0 to 1.
        linkage: float64 [individuals - 1, 4], scipy's, of the individuals in the order of their births.
        best: position of the best.
    """

    objective: Objective
    ids: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    kernel: npt.NDArray[np.float64]
    linkage: npt.NDArray[np.float64]
    best: int


def kernel_data(run: Run) -> KernelData:
    """The numbers behind `kernel`: the Gaussian process of the run's strategy (the default one, where it has none) fitted to the records, and
    average linkage of 1 - kernel, its leaves ordered so that neighbours are alike (Bar-Joseph, Gifford & Jaakkola 2001).

    Raises:
        ValueError: fewer than two individuals were evaluated.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    found = scored(run, MOST)
    model = model_of(run)
    model.fit(found.genomes, found.values)
    kernel = model.correlations(found.genomes)
    apart = 1 - (kernel + kernel.T) / 2
    np.fill_diagonal(apart, 0)
    tree = linkage(squareform(np.maximum(apart, 0), checks=False), "average", optimal_ordering=True)
    order = leaves_list(tree)
    best = int(np.flatnonzero(order == found.leaders[-1])[0])
    return KernelData(found.objective, found.ids[order], found.values[order], kernel[np.ix_(order, order)], tree, best)


def kernel(run: Run) -> Figure:
    """Draw the kernel of every pair of a run's networks, ordered by clusters, with the tree of clusters at the left and the scores at the
    right. Blocks are families of networks that the model takes to score alike; good ones stand out where their scores agree."""
    from matplotlib.figure import Figure

    data = kernel_data(run)
    count = len(data.ids)
    figure = Figure(figsize=(8.6, 5.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(0.9, 5, 1.5))
    _tree(left, data.linkage)
    image = middle.imshow(
        data.kernel,
        cmap="viridis",
        vmin=float(data.kernel.min()),
        vmax=1,
        interpolation="nearest",
        aspect="auto",
        rasterized=True,
    )
    middle.set_xticks([])
    middle.set_yticks([])
    middle.set_xlabel(f"{count:,} networks in the order of clusters")
    norm, colour_map, extend = colours(data.objective, data.values)
    places = np.arange(count)
    x = np.clip(data.values, norm.vmin, norm.vmax)
    right.scatter(x, places, c=x, cmap=colour_map, norm=norm, s=11, linewidths=0)
    right.scatter([x[data.best]], [data.best], s=70, facecolors="none", edgecolors=ORANGE, linewidths=1.5)
    cut = {"neither": "", "min": f"; {norm.vmin:.3g} or worse at the left", "max": f"; {norm.vmax:.3g} or worse at the right"}[
        extend
    ]
    right.set_yticks([])
    right.set_xlabel((better(data.objective) + cut).replace(" (", "\n(").replace("; ", ";\n"), fontsize=8.5)
    right.tick_params(labelsize=8)
    if data.objective.log and (data.values > 0).all():
        right.set_xscale("log")
    for axes in (left, right):
        axes.set_ylim(count - 0.5, -0.5)
    left.set_axis_off()
    quiet(right)
    right.spines["left"].set_visible(False)
    figure.colorbar(image, ax=right, label="kernel: 1 for the same", location="right", shrink=0.6)
    figure.suptitle(f"How alike {count:,} networks are to the model; best: individual {data.ids[data.best]} (ring)", fontsize=11)
    return figure


def _tree(axes: object, linkage: npt.NDArray[np.float64]) -> None:
    """The tree of clusters, its root at the left."""
    from scipy.cluster.hierarchy import dendrogram

    drawn = dendrogram(linkage, no_plot=True)
    for places, heights in zip(drawn["icoord"], drawn["dcoord"], strict=True):
        # scipy's leaves lie at 5, 15, 25, ...
        axes.plot([-height for height in heights], [(place - 5) / 10 for place in places], color=GREY, linewidth=0.7)  # type: ignore[attr-defined]
