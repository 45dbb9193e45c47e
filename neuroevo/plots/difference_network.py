"""Two networks of nodes in one drawing, coloured by what they share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neuroevo.plots.neat import draw_network
from neuroevo.plots.palette import INK, MUTED
from neuroevo.plots.shared_genes import Difference, difference_caption, moved, union

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def networks_in_one(data: Difference, names: tuple[str, str]) -> Figure:
    """Draw both networks in one, the difference of a weight as a purple line of that width inside the grey one."""
    figure = draw_network(union(data), "", {**data.nodes, **data.edges}, moved(data))
    height = figure.get_size_inches()[1]
    caption = difference_caption(data, "node", "connection")
    figure.text(0.5, 1 - 0.2 / height, f"first: {names[0]}; second: {names[1]}", ha="center", va="center", fontsize=10, color=INK)
    figure.text(0.5, 1 - 0.42 / height, caption, ha="center", va="center", fontsize=8.5, color=MUTED)
    return figure
