"""Critical difference: mean ranks of several methods, and which of them a test cannot tell apart (Demšar 2006, section 3.2.4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from genomes.base import shown
from neuroevo.plots.palette import BLUE, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def critical_difference_data(ranks: Sequence[float], difference: float | None) -> list[tuple[float, float]]:
    """The longest spans of mean ranks within which no two differ by more than the critical difference: (best, worst) of each, of two methods or more.

    >>> critical_difference_data([1.0, 1.6, 2.8, 3.2], 1.5)
    [(1.0, 1.6), (1.6, 2.8), (2.8, 3.2)]
    """
    if difference is None:
        return []
    ordered = sorted(ranks)
    spans: list[tuple[float, float]] = []
    for place, best in enumerate(ordered):
        inside = [rank for rank in ordered[place:] if rank - best <= difference]
        if len(inside) > 1 and (not spans or inside[-1] > spans[-1][1]):
            spans.append((best, inside[-1]))
    return spans


def critical_difference(
    names: Sequence[str], ranks: Sequence[float], difference: float | None, blocks: int, title: str = "Mean ranks"
) -> Figure:
    """Draw mean ranks on a line, the best on the left. A bar joins methods whose ranks differ by no more than the critical difference.

    Args:
        names, ranks: the methods and their mean ranks, 1 is best.
        difference: the critical difference; None where nothing was tested.
        blocks: over how many blocks (seeds, tasks) ranks were averaged.

    Raises:
        ValueError: not one rank for each name, or none at all.
    """
    from matplotlib.figure import Figure

    if len(names) != len(ranks) or not len(names):
        raise ValueError(f"each method needs one mean rank, got {len(names)} names and {len(ranks)} ranks ({shown(list(names))})")
    order = sorted(range(len(names)), key=lambda place: (ranks[place], names[place]))
    left, right = order[: math.ceil(len(order) / 2)], order[math.ceil(len(order) / 2) :][::-1]
    spans = critical_difference_data(ranks, difference)
    top, step = 0.55 + 0.16 * len(spans), 0.34
    height = top + step * len(left) - 0.1
    widest = max(len(name) for name in names)
    margin = min(4.3, 0.5 + 0.085 * widest)  # inches for a name and its rank
    width = 5.2 + 2 * margin
    figure = Figure(figsize=(width, height + 1.35))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    last = max(2, len(names))

    def place(rank: float) -> float:
        return margin + 0.2 + (width - 2 * margin - 0.4) * (rank - 1) / (last - 1)

    axes.set_xlim(0, width)
    axes.set_ylim(-height - 0.45, 0.9)
    axes.set_axis_off()
    axes.plot([place(1), place(last)], [0, 0], color=INK, linewidth=1.2)
    for tick in range(1, last + 1):
        axes.plot([place(tick)] * 2, [0, 0.09], color=INK, linewidth=1.0)
        axes.text(place(tick), 0.14, str(tick), ha="center", va="bottom", fontsize=9, color=INK)
    for number, (best, worst) in enumerate(spans):
        y = -0.2 - 0.16 * number
        axes.plot([place(best) - 0.05, place(worst) + 0.05], [y, y], color=INK, linewidth=4.0, solid_capstyle="butt")
    for side, members, edge, align, sign in (("left", left, margin, "right", -1), ("right", right, width - margin, "left", 1)):
        for row, member in enumerate(members):
            y = -top - step * row
            axes.plot([place(ranks[member])] * 2, [0, y], color=BLUE, linewidth=1.1)
            axes.plot([place(ranks[member]), edge], [y, y], color=BLUE, linewidth=1.1)
            name = names[member] if len(names[member]) <= 47 else f"{names[member][:46]}…"
            text = f"{name}  {ranks[member]:.2f}" if side == "left" else f"{ranks[member]:.2f}  {name}"
            axes.text(edge + 0.06 * sign, y, text, ha=align, va="center", fontsize=9.5, color=INK)
    axes.text(width / 2, 0.72, title, ha="center", va="center", fontsize=11, color=INK)
    said = (
        f"mean rank over {blocks} blocks, 1 is best; too few to test"
        if difference is None
        else f"mean rank over {blocks} blocks, 1 is best; a bar joins methods within the critical difference of {difference:.2f} "
        "(Nemenyi, 0.05)"
    )
    axes.text(width / 2, -height - 0.25, said, ha="center", va="center", fontsize=8.5, color=MUTED)
    return figure
