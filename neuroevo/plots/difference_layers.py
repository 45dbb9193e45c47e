"""Two layer graphs next to each other, coloured by what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroevo.plots.layer_graph import draw_layers, extent, layer_layout
from neuroevo.plots.palette import INK, MUTED
from neuroevo.plots.shared_genes import Difference, difference_caption, legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def layers_side_by_side(data: Difference, names: tuple[str, str]) -> Figure:
    """Draw the layers of the first genome beside those of the second."""
    from matplotlib.figure import Figure

    graphs = (data.first, data.second)
    layouts = [layer_layout(graph) for graph in graphs]
    sizes = [(max(4.2, right - left), top - bottom) for left, right, top, bottom in map(extent, layouts)]
    width, tall = sum(w for w, _ in sizes), max(h for _, h in sizes)
    head, foot = 0.45, 0.4
    scale = min(1.0, 40.0 / (tall + head + foot), 40.0 / width)
    height = tall * scale + head + foot
    figure = Figure(figsize=(width * scale, height))
    at = 0.0
    for graph, layout, (w, h), name, place in zip(graphs, layouts, sizes, names, ("first", "second"), strict=True):
        axes = figure.add_axes((at / width, 1 - (head + h * scale) / height, w / width, h * scale / height))
        draw_layers(axes, graph, layout, scale, {**data.nodes, **data.edges})
        figure.text((at + w / 2) / width, 1 - 0.52 / height, f"{place}: {name}", ha="center", va="center", fontsize=10, color=INK)
        at += w
    caption = difference_caption(data, "layer", "edge")
    figure.text(0.5, 1 - 0.2 / height, caption, ha="center", va="center", fontsize=8.5, color=MUTED)
    legend(figure, {*data.nodes.values(), *data.edges.values()}, height)
    return figure
