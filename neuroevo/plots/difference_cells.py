"""Two cells, one below the other, coloured by what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neuroevo.plots.palette import INK, MUTED
from neuroevo.plots.shared_genes import Difference, difference_caption, legend

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.figure import Figure

HEAD, FOOT, NAME = 0.4, 0.4, 0.3  # inches above, below, and over each cell


def cells_side_by_side(data: Difference, names: tuple[str, str], *, blocks: bool) -> Figure:
    """Draw the cells of the first genome above those of the second.

    Args:
        data: what they share.
        names: of the genomes.
        blocks: whether their cells are of blocks (NASNet, DARTS) or of edges (NAS-Bench-201).
    """
    from matplotlib.figure import Figure

    panels = [
        (f"{place}: {name}{kind and f', {kind} cell'}", graph)
        for place, name, whole in zip(("first", "second"), names, (data.first, data.second), strict=True)
        for kind, graph in (_cells(whole) if blocks else {"": whole}).items()
    ]
    sizes = [_size(graph, blocks) for _, graph in panels]
    width = max(w for w, _ in sizes)
    height = sum(h + NAME for _, h in sizes) + HEAD + FOOT
    figure = Figure(figsize=(width, height))
    top = height - HEAD
    for (title, graph), (w, h) in zip(panels, sizes, strict=True):
        figure.text(0.2 / width, (top - NAME / 2) / height, title, ha="left", va="center", fontsize=10, color=INK)
        axes = figure.add_axes((0.0, (top - NAME - h) / height, w / width, h / height))
        _panel(axes, graph, data, blocks)
        top -= h + NAME
    caption = difference_caption(data, "vertex" if blocks else "feature map", "edge" if blocks else "operation")
    figure.text(0.5, 1 - 0.2 / height, caption, ha="center", va="center", fontsize=8.5, color=MUTED)
    legend(figure, {*data.nodes.values(), *data.edges.values()}, height)
    return figure


def _cells(graph: nx.DiGraph[Any]) -> dict[str, nx.DiGraph[Any]]:
    kinds = dict.fromkeys(data["cell"] for _, data in graph.nodes(data=True))
    return {kind: graph.subgraph([node for node, data in graph.nodes(data=True) if data["cell"] == kind]) for kind in kinds}


def _size(graph: nx.DiGraph[Any], blocks: bool) -> tuple[float, float]:
    if not blocks:
        from neuroevo.plots.cell import cell_extent

        return cell_extent(graph)
    from neuroevo.plots.cell_blocks import block_extent, block_layout

    return block_extent(block_layout(graph))


def _panel(axes: Any, graph: nx.DiGraph[Any], data: Difference, blocks: bool) -> None:
    if not blocks:
        from neuroevo.plots.cell import draw_cell

        draw_cell(axes, graph, data.edges)
        return
    from neuroevo.plots.cell_blocks import block_layout, draw_blocks

    draw_blocks(axes, block_layout(graph), {**data.nodes, **data.edges})
