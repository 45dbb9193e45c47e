"""Brackets: how many candidates each rung of successive halving had, what they scored there, and who went on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE
from neuroevo.plots.front_figure import not_below_zero, quiet
from neuroevo.plots.palette import BLUE, GREY, MUTED, ORANGE, PURPLE
from neuroevo.run.run import Run
from neuroevo.store import RecordedTrial, Store

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST = 8  # brackets that are drawn
COLUMNS = 4
WIDE = 30.0  # the largest score by the smallest, from where on the axis is logarithmic
DODGE = 0.16  # of the way to the next rung: how far the marks of a rung are spread


@dataclass(frozen=True)
class RungData:
    """A rung of a bracket.

    Attributes:
        epochs: of training in all.
        ids: int64 [candidates], in the order of their trials.
        scores: float64 [candidates], NaN where the trial failed or was stopped.
        promoted: bool [candidates], whether they went on to a further rung.
    """

    epochs: int
    ids: npt.NDArray[np.int64]
    scores: npt.NDArray[np.float64]
    promoted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BracketData:
    """A bracket: its rungs by their epochs.

    Attributes:
        epochs: that all its trials took together, in passes over the training data.
    """

    rungs: tuple[RungData, ...]
    epochs: float

    @property
    def candidates(self) -> int:
        """How many different ones there were."""
        return len({id for rung in self.rungs for id in rung.ids.tolist()})


def brackets_data(run: Run) -> tuple[str, list[BracketData]]:
    """The numbers behind `brackets`: the name of what is scored (the first objective that costs training), and the brackets in their order.

    Trials that were begun and not finished, since the budget ended or the run goes on, are not among them.

    A bracket begins with a new candidate after others went on, or after others that began with other epochs. Where nobody waits for a rung to be
    complete (`Asha`, the asynchronous schedule) there is one.

    Raises:
        ValueError: no trial names its epochs, or none is finished yet, or the run is in memory, where trials are not recorded.
    """
    if run.folder is None:
        raise ValueError(
            "a run in memory does not record its trials, so there are no brackets to draw: give evolve(run=...) a folder"
        )
    store = Store(run.folder, writable=False)
    try:
        found = {one.trial: one for one in store.evaluations()}
        named = [one for one in store.trials().values() if one.members == 1 and one.fidelity.epochs is not None]
    finally:
        store.close()
    if {one.fidelity.epochs for one in named} <= {_epochs_of_all(run)}:
        name = run.settings.get("strategy", {}).get("strategy", "its strategy")
        raise ValueError(f"there are no brackets to draw: {name} names no epochs (SuccessiveHalving, Hyperband and Asha do)")
    trials = [
        one for one in named if one.id in found
    ]  # the budget may end in a rung: the rest of it neither failed nor was stopped
    if not trials:
        raise ValueError("there are no brackets to draw yet: no trial is finished")
    names = list(run.objectives)
    column = next((place for place, name in enumerate(names) if run.objectives[name].kind != "cheap"), 0)
    scores = {id: one.values[column] if one.status == DONE else np.nan for id, one in found.items()}
    waits = run.settings.get("schedule") != "asynchronous" and run.settings.get("strategy", {}).get("strategy") != "Asha"
    groups = _groups(trials) if waits else [trials]
    return names[column], [_bracket(group, scores) for group in groups]


def _epochs_of_all(run: Run) -> int | None:
    """The epochs of every training, where the estimation says them and not the strategy."""
    estimation = run.settings.get("estimation", {})
    while "base" in estimation:
        estimation = estimation["base"]
    return estimation.get("epochs")  # type: ignore[no-any-return]


def _groups(trials: Iterable[RecordedTrial]) -> list[list[RecordedTrial]]:
    """The trials of each bracket."""
    groups: list[list[RecordedTrial]] = []
    seen: set[int | None] = set()
    for trial in trials:
        last = groups[-1][-1] if groups else None
        goes_on = trial.individual in seen
        if last is None or (not goes_on and (len(seen) < len(groups[-1]) or trial.fidelity.epochs != last.fidelity.epochs)):
            groups.append([])
            seen = set()
        seen.add(trial.individual)
        groups[-1].append(trial)
    return groups


def _bracket(trials: list[RecordedTrial], scores: dict[int, float]) -> BracketData:
    last = {trial.individual: trial.id for trial in trials}
    rungs = []
    for epochs in sorted({trial.fidelity.epochs or 0 for trial in trials}):
        there = [trial for trial in trials if trial.fidelity.epochs == epochs]
        rungs.append(
            RungData(
                epochs,
                np.array([trial.individual for trial in there], np.int64),
                np.array([scores.get(trial.id, np.nan) for trial in there], np.float64),
                np.array([last[trial.individual] != trial.id for trial in there], np.bool_),
            )
        )
    return BracketData(tuple(rungs), float(sum(trial.epochs for trial in trials)))


def brackets(run: Run) -> Figure:
    """Draw the brackets of successive halving: for each, what its candidates scored at each rung, with a line for every candidate from rung to rung;
    filled marks went on, hollow ones did not."""
    from matplotlib.figure import Figure

    name, data = brackets_data(run)
    shown = data[:MOST]
    columns = min(COLUMNS, len(shown))
    lines = -(-len(shown) // columns)
    width = max(3.0 * columns, 6.4) + 0.8
    figure = Figure(figsize=(width, 3.1 * lines + 1.1), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False, sharey=True)
    everything = np.concatenate([rung.scores for bracket in shown for rung in bracket.rungs])
    known = everything[np.isfinite(everything)]
    wide = len(known) > 0 and 0 < WIDE * known.min() < known.max()
    for place, axes in enumerate(grid.flat):
        if place < len(shown):
            _draw(axes, shown[place], run)
            axes.set_yscale("log" if wide else "linear")
            not_below_zero(axes, y=everything)
        else:
            axes.set_visible(False)
    for row in grid:
        row[0].set_ylabel(name, fontsize=9)
    for place in range(max(0, len(shown) - columns), len(shown)):
        grid.flat[place].set_xlabel("epochs of training (candidates there)", fontsize=9)
    more = f"; the first {len(shown)} of {len(data)} brackets" if len(data) > len(shown) else ""
    by = f"; {' and '.join(run.objectives)} decide who goes on" if len(run.objectives) > 1 else ""
    figure.suptitle(f"Who is trained on: each line is a candidate{more}{by}", fontsize=11)
    figure.legend(
        handles=[
            _mark(BLUE, BLUE, "went on to the next rung"), _mark("white", GREY, "did not"), _mark(ORANGE, ORANGE, "trained to the last rung"),
            *([_mark(PURPLE, PURPLE, "failed or stopped", "x")] if np.isnan(everything).any() else []),
        ],
        loc="outside lower center", ncols=4, fontsize=8.5, frameon=False,
    )  # fmt: skip
    return figure


def _draw(axes: Axes, bracket: BracketData, run: Run) -> None:
    full, rungs = run.records.full.epochs, bracket.rungs
    places = {
        (rung.epochs, id): at + _spread(rung)[row] for at, rung in enumerate(rungs) for row, id in enumerate(rung.ids.tolist())
    }
    ways: dict[int, list[tuple[float, float, int]]] = {}
    for rung in rungs:
        for id, score in zip(rung.ids.tolist(), rung.scores.tolist(), strict=True):
            ways.setdefault(id, []).append((places[rung.epochs, id], score, rung.epochs))
    for way in ways.values():
        reached = way[-1][2] == full and np.isfinite(way[-1][1])
        axes.plot(
            [x for x, _, _ in way], [y for _, y, _ in way], color=ORANGE if reached else BLUE if len(way) > 1 else GREY,
            linewidth=1.4 if reached else 0.9, alpha=0.9 if reached else 0.45, zorder=2 + reached,
        )  # fmt: skip
    for at, rung in enumerate(rungs):
        x, done = at + _spread(rung), np.isfinite(rung.scores)
        colour = ORANGE if rung.epochs == full else BLUE
        filled = done & (rung.promoted | (rung.epochs == full))
        axes.scatter(x[filled], rung.scores[filled], s=20, color=colour, linewidths=0, zorder=5, clip_on=False)
        axes.scatter(
            x[done & ~filled],
            rung.scores[done & ~filled],
            s=18,
            facecolors="white",
            edgecolors=GREY,
            linewidths=0.9,
            zorder=4,
            clip_on=False,
        )
        axes.scatter(
            x[~done], np.full(int((~done).sum()), 0.965), s=18, marker="x", color=PURPLE, transform=axes.get_xaxis_transform()
        )
    axes.set_xticks(range(len(rungs)), [f"{rung.epochs}\n({len(rung.ids)})" for rung in rungs])
    axes.set_xlim(-0.5, len(rungs) - 0.5)
    quiet(axes)
    axes.grid(False, axis="x")
    axes.tick_params(labelsize=8)
    axes.set_title(f"{bracket.candidates} candidates, {bracket.epochs:,.6g} epochs", fontsize=9, color=MUTED)


def _spread(rung: RungData) -> npt.NDArray[np.float64]:
    """How far to the left or the right the marks of a rung stand, so that one sees how many there are: float64 [candidates]."""
    count = len(rung.ids)
    return np.linspace(-DODGE, DODGE, count) if count > 1 else np.zeros(count)


def _mark(face: str, edge: str, label: str, marker: str = "o") -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker=marker, markersize=5, markerfacecolor=face, markeredgecolor=edge, label=label)
