"""The front: what was evaluated, what is not dominated, which one is chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import PREDICTED, Individual
from neuroevo.core.objectives import Objective
from neuroevo.deploy.baseline import baseline_of
from neuroevo.deploy.reference_models import Reference, asked_alike, references_of
from neuroevo.plots.outcomes import DOMINATED, MARKS, by_outcome, deviations
from neuroevo.plots.palette import BLUE, GREEN, INK, ORANGE, PINK, YELLOW
from neuroevo.run.run import Run
from neuroevo.run.settings import search_folds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REFERENCES = ("v", "s", "P")  # the marks of a linear model, a forest, boosting
LINES: Mapping[str, Any] = {"v": ":", "s": "--", "P": "-."}


@dataclass(frozen=True)
class FrontData:
    """What the front's figure shows.

    Attributes:
        names: the objectives, in order.
        dominated: float64 [n, objectives], of the others that are done at the run's full fidelity.
        front: float64 [n, objectives], sorted by the first objective's quality; `ids` goes with it.
        test: float64 [n, objectives], the front's test scores where they are known, else its values; or None.
        chosen: position in the front of the individual with the best first objective.
        log: for each objective, whether its axis is logarithmic.
        baseline: float64 [objectives], of the hand-made network that the search compared with; or None.
        beside: float64 [n, objectives] of those that cannot be on the front, by outcome: "partial" (done at a lower fidelity only),
            "stopped", "predicted".
        deviation: float64 [predicted, objectives], by how much the predictions may be off; NaN where that is not known.
        references: float64 [objectives], by name, of the models of scikit-learn that the search compared with; NaN where one has no such
            number.
    """

    names: tuple[str, ...]
    dominated: npt.NDArray[np.float64]
    front: npt.NDArray[np.float64]
    ids: tuple[int, ...]
    test: npt.NDArray[np.float64] | None
    chosen: int
    log: tuple[bool, ...]
    baseline: npt.NDArray[np.float64] | None = None
    beside: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)
    deviation: npt.NDArray[np.float64] | None = None
    references: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)


def front_data(run: Run, test: Mapping[int, Mapping[str, float]] | None = None) -> FrontData:
    """The numbers behind `front`.

    Raises:
        ValueError: nothing was evaluated successfully.
    """
    members = run.front
    if not members:
        raise ValueError(
            f"there is no front to draw: {run.evaluations} individuals were evaluated and {run.failures} of them failed"
        )
    names = tuple(run.objectives)
    on_front = {individual.id for individual in members}
    groups = by_outcome(run, (individual for individual in run if individual.id not in on_front))
    beside = {kind: _values(found, len(names)) for kind, found in groups.items()}
    tested = None
    if test:
        tested = np.array([[test.get(i.id, {}).get(name, i.values[name]) for name in names] for i in members])
    plain = baseline_of(run)
    return FrontData(
        names,
        beside.pop(DOMINATED),
        np.array([individual.fitness.values for individual in members]),
        tuple(individual.id for individual in members),
        tested,
        [individual.id for individual in members].index(run.best.id),
        tuple(objective.log for objective in run.objectives.values()),
        None if plain is None else np.array([plain.validation[name] for name in names]),
        beside,
        np.array([deviations(individual.info, len(names)) for individual in groups[PREDICTED]]).reshape(-1, len(names)),
        {one.name: np.array([_asked(run, one).get(name, np.nan) for name in names]) for one in references_of(run)},
    )


def _asked(run: Run, reference: Reference) -> Mapping[str, float]:
    """What a reference scores of what the candidates were asked; of one that was asked otherwise, its size alone."""
    return {name: value for name, value in reference.validation.items() if name == "parameters" or asked_alike(run, reference)}


def _values(individuals: Sequence[Individual], objectives: int) -> npt.NDArray[np.float64]:
    return np.array([individual.fitness.values for individual in individuals], dtype=np.float64).reshape(-1, objectives)


def front(run: Run, test: Mapping[int, Mapping[str, float]] | None = None) -> Figure:
    """Draw the front: one panel for every pair of objectives (with one objective: its best value over evaluations).

    Args:
        run: the run.
        test: the front's test scores, {id: {objective: value}}; drawn beside the validation scores.
    """
    from matplotlib.figure import Figure

    if len(run.objectives) == 1:
        return _progress(run, test or {})
    data = front_data(run, test)
    pairs = list(combinations(range(len(data.names)), 2))
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure = Figure(figsize=(6.4 * columns if columns > 1 else 7.2, 4.8 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (first, second) in zip(axes, pairs, strict=False):
        _panel(panel, run, data, second, first)
    for unused in axes[len(pairs) :]:
        unused.set_visible(False)
    _legend(figure, axes[0], bool(data.references) or any(len(values) for values in data.beside.values()))
    figure.suptitle(_caption(run), fontsize=11)
    return figure


def _legend(figure: Figure, axes: Axes, many: bool) -> None:
    """Inside the axes where there is room; below them where there are many marks."""
    if many:
        figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", frameon=False, fontsize=9, ncols=3)
    else:
        axes.legend(loc="best", frameon=False, fontsize=9)


def _caption(run: Run) -> str:
    name = run.settings.get("task", {}).get("data") or run.settings.get("task", {}).get("fitness") or ""
    source = f"{Path(str(name)).name}: " if name else ""
    return f"{source}{run.evaluations} networks evaluated, {len(run.front)} on the front"


def _panel(axes: Axes, run: Run, data: FrontData, x: int, y: int) -> None:
    for kind, values in data.beside.items():
        spread = data.deviation if kind == PREDICTED else None
        draw_outcome(axes, kind, values[:, x], values[:, y], *(() if spread is None else (spread[:, x], spread[:, y])))
    draw_outcome(axes, DOMINATED, data.dominated[:, x], data.dominated[:, y])
    order = np.argsort(data.front[:, x])
    objectives = list(run.objectives.values())
    if len(data.names) == 2:
        steps = stairs(objectives[x])
        axes.plot(data.front[order, x], data.front[order, y], color=BLUE, linewidth=1.2, zorder=2, drawstyle=steps)
    validated, folds = data.test is not None, search_folds(run.settings)
    axes.scatter(
        data.front[:, x], data.front[:, y], s=36, color=BLUE, zorder=3, label=f"front ({folds} folds)" if folds else "front (validation)" if validated else "front"
    )
    if data.test is not None:
        axes.scatter(
            data.test[:, x], data.test[:, y], s=30, marker="x", color=GREEN, zorder=4, label="the same networks on test data"
        )
    chosen = data.front[data.chosen]
    axes.scatter(
        [chosen[x]], [chosen[y]], s=150, facecolors="none", edgecolors=ORANGE, linewidths=1.8, zorder=5,
        label=f"best {data.names[0]}: individual {data.ids[data.chosen]}",
    )  # fmt: skip
    if data.baseline is not None:
        axes.scatter(
            [data.baseline[x]], [data.baseline[y]], s=70, marker="D", color=YELLOW, edgecolors="white", linewidths=0.8, zorder=4,
            label="baseline, made by hand",
        )  # fmt: skip
    _references(axes, data, x, y)
    for axis, column in ((axes.xaxis, x), (axes.yaxis, y)):
        objective = objectives[column]
        better = "lower" if objective.direction == "minimise" else "higher"
        axis.set_label_text(f"{data.names[column]} ({better} is better)")
    if data.log[x]:
        axes.set_xscale("log")
    if data.log[y]:
        axes.set_yscale("log")
    shown = [data.dominated, data.front, *data.beside.values(), *[part for part in (data.test,) if part is not None]]
    beside = [values[None] for values in (data.baseline, *data.references.values()) if values is not None]
    everything = np.concatenate([*shown, *beside])
    not_below_zero(axes, everything[:, x], everything[:, y])
    quiet(axes)


def _references(axes: Axes, data: FrontData, x: int, y: int) -> None:
    """A mark for each reference where both numbers are known, else a line at the one that is."""
    for (name, values), marker in zip(data.references.items(), REFERENCES, strict=False):
        across, up = values[x], values[y]
        label = f"{name} (scikit-learn)"
        if np.isfinite([across, up]).all():
            axes.scatter([across], [up], s=52, marker=marker, color=PINK, edgecolors="white", linewidths=0.8, zorder=4, label=label)
        elif np.isfinite(up):
            axes.axhline(up, color=PINK, linewidth=1.0, linestyle=LINES[marker], zorder=1, label=label)
        elif np.isfinite(across):
            axes.axvline(across, color=PINK, linewidth=1.0, linestyle=LINES[marker], zorder=1, label=label)


def _progress(run: Run, test: Mapping[int, Mapping[str, float]]) -> Figure:
    from matplotlib.figure import Figure

    (name, objective), *_ = run.objectives.items()
    groups = by_outcome(run, run)
    done = [(i.id, i.fitness.values[0]) for i in groups.pop(DOMINATED)]
    if not done:
        raise ValueError(
            f"there is nothing to draw: {run.evaluations} individuals were evaluated and {run.failures} of them failed"
        )
    ids, values = (np.array(column) for column in zip(*done, strict=True))
    running = np.maximum.accumulate(values * objective.weight) * objective.weight
    figure = Figure(figsize=(7.2, 4.8), layout="constrained")
    axes = figure.subplots()
    for kind, found in groups.items():
        column, places = _values(found, 1)[:, 0], np.array([individual.id for individual in found])
        spread = np.array([deviations(individual.info, 1)[0] for individual in found])
        draw_outcome(axes, kind, places, column, None, spread if kind == PREDICTED else None)
    draw_outcome(axes, DOMINATED, ids, values, label="individuals")
    axes.step(ids, running, where="post", color=BLUE, linewidth=1.6, label="best so far")
    for reference, marker in zip(references_of(run), REFERENCES, strict=False):
        if name in (asked := _asked(run, reference)):
            level = asked[name]
            axes.axhline(level, color=PINK, linewidth=1.0, linestyle=LINES[marker], zorder=1, label=f"{reference.name} (scikit-learn)")
            values = np.append(values, level)
    tested = [(id, scores[name]) for id, scores in sorted(test.items()) if name in scores]
    if tested:
        at, scored = (np.array(column) for column in zip(*tested, strict=True))
        axes.scatter(at, scored, s=30, marker="x", color=GREEN, zorder=4, label="the front on test data")
        values = np.concatenate([values, scored])
    axes.set_xlabel("individual, in order of birth")
    axes.set_ylabel(f"{name} ({'lower' if objective.direction == 'minimise' else 'higher'} is better)")
    if objective.log:
        axes.set_yscale("log")
    beside = [_values(found, 1)[:, 0] for found in groups.values()]
    not_below_zero(axes, y=np.concatenate([values, *beside]))
    _legend(figure, axes, any(groups.values()) or bool(references_of(run)))
    axes.set_title(f"{run.evaluations} individuals evaluated", fontsize=11)
    quiet(axes)
    return figure


def draw_outcome(
    axes: Axes,
    kind: str,
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    x_deviation: npt.NDArray[np.float64] | None = None,
    y_deviation: npt.NDArray[np.float64] | None = None,
    label: str = "",
) -> None:
    """Draw individuals with the mark of their outcome, and bars of their deviations where these are known; nothing where there are none."""
    if not len(x):
        return
    mark = MARKS[kind]
    axes.scatter(
        x, y, s=mark.size, marker=mark.marker, label=label or mark.label, facecolors=mark.colour if mark.filled else "none",
        edgecolors=mark.colour, linewidths=0.0 if mark.filled else 0.9, alpha=0.45 if mark.filled else 0.8,
    )  # fmt: skip
    bars = [spread if spread is not None and np.isfinite(spread).any() else None for spread in (x_deviation, y_deviation)]
    if any(spread is not None for spread in bars):
        axes.errorbar(x, y, xerr=bars[0], yerr=bars[1], fmt="none", ecolor=mark.colour, elinewidth=0.7, alpha=0.45, zorder=1)


def stairs(x: Objective) -> str:
    """How the members of a front are joined (matplotlib's drawstyle), sorted by the objective across: what they attain together is a staircase;
    between two of them, nothing better than the worse is known."""
    return "steps-post" if x.direction == "minimise" else "steps-pre"


def not_below_zero(axes: Axes, x: npt.ArrayLike | None = None, y: npt.ArrayLike | None = None) -> None:
    """End the axes at 0 where all that they show is 0 or more, as errors and sizes are; logarithmic ones stay as they are.

    Args:
        axes: in which everything is drawn.
        x, y: the values shown along each axis; None: leave that axis as it is.
    """
    for values, scale, limits, end in (
        (x, axes.get_xscale(), axes.get_xlim, axes.set_xlim), (y, axes.get_yscale(), axes.get_ylim, axes.set_ylim)
    ):  # fmt: skip
        shown = np.asarray([] if values is None else values, np.float64)
        shown = shown[np.isfinite(shown)]
        if len(shown) and scale == "linear" and shown.min() >= 0 and min(limits()) < 0:
            end(0.0, max(limits()))


def quiet(axes: Axes) -> None:
    """No frame at the top and the right, a faint grid."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(True, color=INK, alpha=0.08, linewidth=0.6)
