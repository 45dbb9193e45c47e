"""Mixtures: how the weights of mixed operations changed over the epochs of a shared network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from genomes.shared import Choice
from neuroevo.plots.cell import CYCLE
from neuroevo.plots.palette import BLUE, GREEN, INK, MUTED, ORANGE, distinct
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 16  # choices whose weights are drawn
MOMENTS = 4  # drawings of the cell
NAMED = 16  # options that are told apart in the legend


@dataclass(frozen=True)
class MixtureData:
    """What a run knew of its mixture.

    Attributes:
        epochs: int64 [epochs].
        choices: what is chosen.
        weights: for each choice float64 [epochs, options]; an expert that was wiped out has none from there on.
        wiped: for each choice the epoch at which each option was wiped out, 0 for never: int64 [options].
        lines: what else was reported of each epoch, by name: float64 [epochs].
    """

    epochs: npt.NDArray[np.int64]
    choices: tuple[Choice, ...]
    weights: tuple[npt.NDArray[np.float64], ...]
    wiped: tuple[npt.NDArray[np.int64], ...]
    lines: dict[str, npt.NDArray[np.float64]]


def mixtures_data(run: Run) -> MixtureData:
    """The numbers behind `mixtures`.

    Raises:
        ValueError: no epoch is complete, or the run's strategy mixes no operations.
    """
    rows = [row for row in run.summaries if row.get("mixture")]
    if not rows:
        name = run.settings.get("strategy", {}).get("strategy", "its strategy")
        why = "no epoch is complete" if not run.summaries else f"{name} mixes no operations (Darts, Xnas, BayesNas)"
        raise ValueError(f"there is no mixture to draw: {why}")
    choices = Space.from_dict(run.settings["space"]).shared().choices
    weights = tuple([np.array([row["mixture"][place] for row in rows], np.float64) for place in range(len(choices))])
    wiped = []
    for place, choice in enumerate(choices):
        at = np.zeros(len(choice.options), np.int64)
        for row in rows:
            for option, alive in enumerate(row.get("alive", [[1] * len(c.options) for c in choices])[place]):
                if not alive and not at[option]:
                    at[option] = row["generation"]
        wiped.append(at)
    options = sum(len(choice.options) for choice in choices)
    lines = {}
    for name, title, scale in (
        ("entropy", "entropy of the weights", 1.0), ("skip_share", "skips among the strongest", 1.0), ("experts", "experts left", 1.0 / options),
    ):  # fmt: skip
        if all(name in row for row in rows):
            lines[title] = np.array([row[name] * scale for row in rows], np.float64)
    return MixtureData(np.array([row["generation"] for row in rows], np.int64), choices, weights, tuple(wiped), lines)


def mixtures(run: Run) -> Figure:
    """Draw how a search with mixed operations (`Darts`, `Xnas`, `BayesNas`) made up its mind: on top the cell at some epochs, each edge with its
    strongest operation that hands something on, the wider the larger its weight; below, for each choice, the weights of its options over
    the epochs, stacked, with a mark where an expert was wiped out; at the bottom how undecided it was, and how many of the strongest
    operations are skips."""
    from matplotlib.figure import Figure

    data = mixtures_data(run)
    shown = data.choices[:MOST]
    names = list(dict.fromkeys(_operation(option) for choice in shown for option in choice.options))
    colours = dict(zip(names, CYCLE if len(names) <= len(CYCLE) else distinct(len(names)), strict=False))
    first = data.choices[0].cell
    drawn = [place for place, choice in enumerate(data.choices) if choice.source >= 0 and choice.cell == first]
    columns = 3 if len(shown) <= 9 else 4
    lines = -(-len(shown) // columns)
    heights = [*([2.1] if drawn else []), 1.55 * lines, 1.5]
    figure = Figure(figsize=(9.6, sum(heights) + 1.1), layout="constrained")
    parts: Any = figure.subfigures(len(heights), 1, height_ratios=heights, hspace=0.03)
    if drawn:
        moments = np.unique(np.linspace(0, len(data.epochs) - 1, MOMENTS).round().astype(int))
        for axes, moment in zip(np.atleast_1d(parts[0].subplots(1, len(moments))), moments.tolist(), strict=True):
            _draw_cell(axes, data, drawn, moment, colours)
    grid = parts[-2].subplots(lines, columns, squeeze=False, sharex=True)
    for place, axes in enumerate(grid.flat):
        if place < len(shown):
            _draw_choice(axes, data, place, colours)
        else:
            axes.set_visible(False)
    _draw_lines(parts[-1].subplots(), data)
    more = f"; the first {len(shown)} of {len(data.choices)} choices" if len(data.choices) > len(shown) else ""
    figure.suptitle(f"Weights of mixed operations over the epochs of the shared network{more}", fontsize=10)
    if len(names) <= NAMED:
        from matplotlib.patches import Patch

        figure.legend(
            handles=[Patch(facecolor=colours[name], alpha=0.8, label=name.replace("_", " ")) for name in names], loc="outside lower center",
            ncols=min(5, len(names)), fontsize=8, frameon=False,
        )  # fmt: skip
    return figure


def _operation(option: str) -> str:
    return option.rpartition(": ")[2]


def _strongest(choice: Choice, weights: Sequence[float]) -> int:
    allowed = [place for place in range(len(choice.options)) if place not in choice.idle]
    return max(allowed, key=lambda place: weights[place])


def _draw_cell(axes: Axes, data: MixtureData, drawn: Sequence[int], moment: int, colours: dict[str, str]) -> None:
    """The cell's feature maps on a circle's arc, from the left to the right, and the strongest operation of each edge."""
    from matplotlib.patches import FancyArrowPatch

    nodes = sorted({end for place in drawn for end in (data.choices[place].source, data.choices[place].target)})
    angles = np.linspace(np.pi, 0, len(nodes))
    at = {node: (float(np.cos(angle)), 0.75 * float(np.sin(angle))) for node, angle in zip(nodes, angles, strict=True)}
    if len(nodes) == 2:
        at = {nodes[0]: (-1.0, 0.3), nodes[1]: (1.0, 0.3)}
    for place in drawn:
        choice, weights = data.choices[place], data.weights[place][moment]
        option = _strongest(choice, weights.tolist())
        share = float(weights[option] / weights.sum()) if weights.sum() > 0 else 0.0
        axes.add_artist(
            FancyArrowPatch(
                at[choice.source], at[choice.target], arrowstyle="-|>", mutation_scale=9, shrinkA=9, shrinkB=9, linewidth=0.8 + 5.0 * share,
                color=colours[_operation(choice.options[option])], alpha=0.9, connectionstyle="arc3,rad=0.08",
            )
        )  # fmt: skip
    for node, (x, y) in at.items():
        label = "in" if node == nodes[0] and len(nodes) <= 4 else str(node)
        axes.text(
            x, y, label, ha="center", va="center", fontsize=7, bbox={"boxstyle": "circle,pad=0.3", "facecolor": "white", "edgecolor": INK}
        )
    axes.set_xlim(-1.3, 1.3)
    axes.set_ylim(-0.3, 1.05)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(f"epoch {data.epochs[moment]}", fontsize=8.5, color=INK)


def _draw_choice(axes: Axes, data: MixtureData, place: int, colours: dict[str, str]) -> None:
    choice, weights = data.choices[place], data.weights[place]
    shares = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    tints = [colours[_operation(option)] for option in choice.options]
    if len(data.epochs) > 1:
        axes.stackplot(data.epochs, shares.T, colors=tints, alpha=0.8, edgecolor="white", linewidth=0.3)
        axes.set_xlim(data.epochs[0], data.epochs[-1])
    else:
        axes.bar(data.epochs[:1], shares[0], bottom=np.cumsum(shares[0]) - shares[0], color=tints, alpha=0.8)
    for option, epoch in enumerate(data.wiped[place].tolist()):
        if epoch:
            axes.plot([epoch], [0.04 + 0.08 * (option % 3)], marker="x", color=tints[option], markeredgewidth=2.2, markersize=6)
    axes.set_ylim(0, 1)
    option = _strongest(choice, weights[-1].tolist())
    axes.set_title(shorten(choice.name, 30), fontsize=8.5, color=INK, loc="left")
    axes.set_title(f"{shorten(choice.options[option].replace('_', ' '), 24)} {shares[-1, option]:.2f}", fontsize=7.5, color=MUTED, loc="right")
    axes.tick_params(labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_lines(axes: Axes, data: MixtureData) -> None:
    for (name, values), colour in zip(data.lines.items(), (BLUE, ORANGE, GREEN), strict=False):
        axes.plot(data.epochs, values, color=colour, label=name, marker="o" if len(data.epochs) == 1 else None)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("epoch of the shared network", fontsize=8)
    axes.set_ylabel("share", fontsize=8)
    axes.tick_params(labelsize=7)
    axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
