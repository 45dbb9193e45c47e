"""Learning curves: training loss and validation score over epochs, of some individuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neuroevo.core.individual import STOPPED, Individual
from neuroevo.plots.front_figure import not_below_zero, quiet
from neuroevo.plots.palette import CYCLE
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 12  # curves in one figure
STOPPED_SHOWN = 4  # of them, of individuals that were stopped


@dataclass(frozen=True)
class Expected:
    """What was expected of a training that was ended early.

    Attributes:
        epoch: the last one that it would have had.
        mean: the expected score after that.
        low, high: the ends of a 90 % interval.
    """

    epoch: int
    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, info: Mapping[str, Any]) -> Expected | None:
        """What a stop rule recorded (`neuroevo.estimation.stopping.StopRule.extrapolation`), or None."""
        found = info.get("extrapolation") or {}
        if not {"epoch", "mean", "low", "high"} <= set(found):
            return None
        return cls(found["epoch"], found["mean"], found["low"], found["high"])


@dataclass(frozen=True)
class LearningCurve:
    """One individual's training.

    Attributes:
        id: the individual's.
        loss: mean training loss of epochs 1, 2, ...
        epochs: the epochs after which the validation score was taken; `scores` goes with it. An individual that inherited weights has its
            score right after that as epoch 0.
        inherited: whether it did.
        stopped: why its training was ended early, or "".
        expected: what its score would have been at the end, where a rule that extrapolates ended it.
    """

    id: int
    loss: tuple[float, ...]
    epochs: tuple[int, ...]
    scores: tuple[float, ...]
    inherited: bool
    stopped: str = ""
    expected: Expected | None = None


def curves_data(individuals: Sequence[Individual]) -> tuple[str, list[LearningCurve]]:
    """The validation score's name, and the learning curves of those individuals that were trained.

    Raises:
        ValueError: none of them has a learning curve.
    """
    name, curves = "", []
    for individual in individuals:
        recorded = (individual.info or {}).get("curve")
        if not recorded:
            continue
        name = next(key for key in recorded if key not in ("train_loss", "epochs"))
        epochs, scores = tuple(recorded["epochs"]), tuple(recorded[name])
        start = (individual.info.get("inherited") or {}).get(name)
        if start is not None:
            epochs, scores = (0, *epochs), (start, *scores)
        stopped = (individual.reason or STOPPED) if individual.status == STOPPED else ""
        expected = Expected.of(individual.info) if stopped else None
        loss = tuple(recorded["train_loss"])
        curves.append(LearningCurve(individual.id, loss, epochs, scores, start is not None, stopped, expected))
    if not curves:
        raise ValueError("none of these individuals has a learning curve: their scores did not come from training")
    return name, curves


def _evenly(individuals: Sequence[Individual], most: int) -> list[Individual]:
    if len(individuals) <= most:
        return list(individuals)
    return [individuals[round(step * (len(individuals) - 1) / max(1, most - 1))] for step in range(most)]


def curves(run: Run, ids: int | Sequence[int] | None = None) -> Figure:
    """Draw learning curves: training loss on the left, validation score on the right; a cross ends one that was stopped, and a
    dashed line leads from there to the score that was expected at the end, in its 90 % interval.

    Args:
        run: whose individuals.
        ids: which, one or several; None: the front (at most twelve of it, evenly chosen), and up to four that were stopped.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    chosen = run.front if ids is None else [run[id] for id in ([ids] if isinstance(ids, int) else ids)]
    if ids is None:
        stopped = [individual for individual in run if individual.status == STOPPED] if run.stopped else []
        chosen = [*_evenly(chosen, MOST - min(STOPPED_SHOWN, len(stopped))), *_evenly(stopped, STOPPED_SHOWN)]
    name, found = curves_data(chosen)
    figure = Figure(figsize=(10.2, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for position, curve in enumerate(found):
        colour, style = CYCLE[position % len(CYCLE)], ("-", "--", ":")[position // len(CYCLE) % 3]
        label = f"{curve.id}{' (inherited)' if curve.inherited else ''}{' (stopped)' if curve.stopped else ''}"
        left.plot(range(1, len(curve.loss) + 1), curve.loss, style, color=colour, linewidth=1.4)
        right.plot(curve.epochs, curve.scores, style, color=colour, linewidth=1.4, marker="o", markersize=3, label=label)
        if curve.stopped:
            for axes, x, y in ((left, len(curve.loss), curve.loss), (right, curve.epochs[-1], curve.scores)):
                axes.plot([x], [y[-1]], "X", color=colour, markersize=9, markeredgecolor="white", zorder=4)
        if curve.expected is not None:
            _extrapolated(right, curve, curve.expected, colour)
    left.set_ylabel("training loss, by epoch")
    right.set_ylabel(f"validation {name}")
    for axes in (left, right):
        axes.set_xlabel("epoch (0: right after inheriting)" if axes is right and any(c.inherited for c in found) else "epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        ends = [(curve.expected.low, curve.expected.high) for curve in found if curve.expected and axes is right]
        not_below_zero(axes, y=np.concatenate([*(curve.loss if axes is left else curve.scores for curve in found), *ends]))
        quiet(axes)
    figure.legend(*right.get_legend_handles_labels(), loc="outside right upper", frameon=False, fontsize=9, title="individual")
    crosses = "; a cross: stopped there" if any(curve.stopped for curve in found) else ""
    crosses += "; from there on: what was expected, within 90 %" if any(curve.expected for curve in found) else ""
    figure.suptitle(f"Learning curves{crosses}", fontsize=11)
    return figure


def _extrapolated(axes: Any, curve: LearningCurve, expected: Expected, colour: str) -> None:
    """From where a training was stopped to what was expected of it."""
    epochs, last = (curve.epochs[-1], expected.epoch), curve.scores[-1]
    axes.fill_between(epochs, (last, expected.low), (last, expected.high), color=colour, alpha=0.12, linewidth=0)
    axes.plot(epochs, (last, expected.mean), linestyle=(0, (4, 3)), color=colour, linewidth=1.2)
    bounds = [[expected.mean - expected.low], [expected.high - expected.mean]]
    axes.errorbar([expected.epoch], [expected.mean], yerr=np.maximum(bounds, 0.0), color=colour, linewidth=1.2, capsize=3)
