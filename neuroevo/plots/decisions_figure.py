"""Decisions: how the probabilities of a controller's policy, or the values of its decisions, changed over a run's generations."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genomes.base import Space
from neuroevo.plots.palette import INK, MUTED, distinct
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 12  # decisions that are drawn
COLUMNS = 3
NAMED = 14  # options that are told apart by colour


@dataclass(frozen=True)
class DecisionData:
    """What was known of one decision.

    Attributes:
        about: what is decided.
        options: the names of what may be chosen.
        generations: int64 [times], the generations in which the controller's best network had this decision.
        numbers: float64 [times, options]: probabilities, or values.
    """

    about: str
    options: tuple[str, ...]
    generations: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.float64]


def decisions_data(run: Run) -> tuple[str, list[DecisionData]]:
    """The numbers behind `decisions`: "probability" or "value", and the decisions of the best network in the last generation.

    Raises:
        ValueError: no generation is complete, or the run's strategy is no controller.
    """
    rows = [row for row in run.summaries if row.get("decisions")]
    if not rows:
        name = run.settings.get("strategy", {}).get("strategy", "its strategy")
        why = "no generation is complete" if not run.summaries else f"{name} is no controller (Reinforce, QLearning)"
        raise ValueError(f"there are no decisions to draw: {why}")
    kind = "policy" if "policy" in rows[-1] else "values"
    space = Space.from_dict(run.settings["space"])
    found: dict[tuple[str, tuple[str, ...]], tuple[list[int], list[list[float]]]] = {}
    asked: list[tuple[str, tuple[str, ...]]] = []
    for row in rows:
        asked = []
        for place in range(len(row["decisions"])):
            question = space.question(row["decisions"][:place])
            if question is None:
                break
            asked.append((question.about, question.options))
            generations, numbers = found.setdefault(asked[-1], ([], []))
            generations.append(row["generation"])
            numbers.append(row[kind][place])
    data = [DecisionData(*key, np.array(found[key][0], np.int64), np.array(found[key][1], np.float64)) for key in asked]
    return {"policy": "probability", "values": "value"}[kind], data


def decisions(run: Run) -> Figure:
    """Draw what a controller (`Reinforce`, `QLearning`) knew of its decisions over a run's generations: for each decision of its best network
    at the end the probabilities of the options, stacked, or their values as lines. At the right stands what it would choose."""
    from matplotlib.figure import Figure

    kind, data = decisions_data(run)
    open_ones = [one for one in data if len(one.options) > 1] or data
    shown = open_ones[:MOST]
    columns = min(COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    names = list(dict.fromkeys(option for one in shown for option in one.options))
    colours = dict(zip(names, distinct(len(names)), strict=True))
    legend = len(names) <= NAMED
    figure = Figure(figsize=(3.4 * columns + 0.6, 2.0 * lines + (1.1 if legend else 0.7)), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True)
    for place, axes in enumerate(grid.flat):
        if place < len(shown):
            _draw(axes, shown[place], colours, kind)
        else:
            axes.set_visible(False)
    for place in range(max(0, len(shown) - columns), len(shown)):
        grid.flat[place].set_xlabel("generation", fontsize=8)
        grid.flat[place].xaxis.set_tick_params(labelbottom=True)
    what = "probabilities of the options" if kind == "probability" else "values of the options"
    more = f"; the first {len(shown)} of {len(open_ones)} decisions" if len(open_ones) > len(shown) else ""
    figure.suptitle(f"What the controller learned: {what}{more}", fontsize=10)
    if legend:
        figure.legend(
            handles=[_patch(colours[name], shorten(name, 28)) for name in names],
            loc="outside lower center",
            ncols=min(5, len(names)),
            fontsize=8,
            frameon=False,
        )
    return figure


def _draw(axes: Axes, one: DecisionData, colours: dict[str, str], kind: str) -> None:
    chosen = int(one.numbers[-1].argmax())
    if kind == "probability" and len(one.generations) > 1:
        axes.stackplot(
            one.generations,
            one.numbers.T,
            colors=[colours[option] for option in one.options],
            alpha=0.8,
            edgecolor="white",
            linewidth=0.3,
        )
        axes.set_ylim(0, 1)
        axes.set_xlim(one.generations[0], one.generations[-1])
    else:
        marker = "o" if len(one.generations) == 1 else None
        for place, option in enumerate(one.options):
            width = 2.0 if place == chosen else 1.1
            axes.plot(one.generations, one.numbers[:, place], color=colours[option], linewidth=width, marker=marker)
    axes.set_title(shorten(one.about, 44), fontsize=8.5, color=INK, loc="left")
    label = f"{shorten(one.options[chosen], 22)} {one.numbers[-1, chosen]:.2f}"
    if len(one.about) < 16:
        axes.set_title(label, fontsize=8, color=MUTED, loc="right")
    else:
        box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 1.5}
        axes.text(0.98, 0.95, label, transform=axes.transAxes, ha="right", va="top", fontsize=7.5, color=INK, bbox=box)
    axes.tick_params(labelsize=7)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _patch(colour: str, label: str) -> Artist:
    from matplotlib.patches import Patch

    return Patch(facecolor=colour, alpha=0.8, label=label)
