"""Two detectors, one below the other, coloured by what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroevo.plots.palette import INK, MUTED
from neuroevo.plots.pyramid_figure import draw_pyramid, pyramid_extent
from neuroevo.plots.shared_genes import Difference, difference_caption, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAD, FOOT, NAME = 0.4, 0.4, 0.3  # inches above, below, and over each detector


def pyramids_one_below_the_other(data: Difference, names: tuple[str, str]) -> Figure:
    """Draw the first genome above the second."""
    from matplotlib.figure import Figure

    graphs = (data.first, data.second)
    sizes = [pyramid_extent(graph) for graph in graphs]
    width, height = max(w for w, _ in sizes), sum(h + NAME for _, h in sizes) + HEAD + FOOT
    figure = Figure(figsize=(width, height))
    top = height - HEAD
    for place, name, graph, (w, h) in zip(("first", "second"), names, graphs, sizes, strict=True):
        figure.text(0.2 / width, (top - NAME / 2) / height, f"{place}: {name}", ha="left", va="center", fontsize=10, color=INK)
        axes = figure.add_axes((0.0, (top - NAME - h) / height, w / width, h / height))
        draw_pyramid(axes, graph, status={**data.nodes, **data.edges})
        top -= h + NAME
    caption = difference_caption(data, "part", "edge")
    figure.text(0.5, 1 - 0.2 / height, caption, ha="center", va="center", fontsize=8.5, color=MUTED)
    legend(figure, {*data.nodes.values(), *data.edges.values()}, height)
    return figure
