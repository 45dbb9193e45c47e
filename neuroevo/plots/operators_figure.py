"""Operators: how often each was used, and how often its children were worth it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.core.individual import DONE, FAILED, PENDING, PREDICTED, STOPPED, Individual
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.palette import BLUE, GREEN, GREY, INK
from neuroevo.run.records import spread
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NARROW = 3.6  # inches, of a figure for a narrow screen


@dataclass(frozen=True)
class OperatorSuccess:
    """Children that an operator helped to make.

    Attributes:
        operator: its name.
        children: how many were evaluated.
        improved: share of them with a better first objective than each of their parents.
        undominated: share of them that no parent is at least as good as in every objective.
        failed: share of them that failed.
        stopped: share of them whose training was ended early.
    """

    operator: str
    children: int
    improved: float
    undominated: float
    failed: float
    stopped: float = 0.0


def operators_data(individuals: Iterable[Individual]) -> list[OperatorSuccess]:
    """What became of each operator's children, most frequent first. Left out are children of parents that were not kept, those that were
    only predicted, and those that were measured at another fidelity than their parents: their values say nothing beside each other. Of a
    run that is thinned, the children are an even share of all."""
    records = individuals.records if isinstance(individuals, Run) else None
    known = {individual.id: individual for individual in individuals}
    children = list(known.values())
    if records is not None and records.left_out:
        ids = np.array(list(known), np.int64)
        children = [known[id] for id in ids[spread(ids) < records.share].tolist()]
        for id in sorted({parent for child in children for parent in child.parents} - known.keys()):
            with suppress(KeyError):  # it was not kept
                known[id] = records.find(id)
    found: dict[str, list[tuple[bool, bool, bool, bool]]] = {}
    for child in children:
        parents = [known[id] for id in child.parents if id in known]
        if not parents or len(parents) < len(child.parents) or any(parent.status != DONE for parent in parents):
            continue
        if child.status in (PREDICTED, PENDING) or (
            child.status == DONE and any(_rank(parent) != _rank(child) for parent in parents)
        ):
            continue
        done = child.status == DONE
        mine = child.fitness.wvalues
        improved = done and all(mine[0] > parent.fitness.wvalues[0] for parent in parents)
        beaten = not done or any(all(p >= c for p, c in zip(parent.fitness.wvalues, mine, strict=True)) for parent in parents)
        for operator in set(child.operators):
            found.setdefault(operator, []).append((improved, not beaten, child.status == FAILED, child.status == STOPPED))
    entries = [
        OperatorSuccess(name, len(rows), *(sum(row[column] for row in rows) / len(rows) for column in range(4)))
        for name, rows in found.items()
    ]
    return sorted(entries, key=lambda entry: (-entry.children, entry.operator))


def _rank(individual: Individual) -> tuple[float, ...] | None:
    return None if individual.fidelity is None else individual.fidelity.rank


def operators(run: Run, *, narrow: bool = False) -> Figure:
    """Draw each operator's success: the share of its children that beat their parents.

    Args:
        run: the run.
        narrow: as wide as the screen of a telephone, the names above the bars.

    Raises:
        ValueError: no child of kept parents was evaluated.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    entries = operators_data(run)
    if not entries:
        raise ValueError("this run has no children of kept parents, so there is no operator to judge")
    first = next(iter(run.objectives))
    several = len(run.objectives) > 1
    row = 0.62 if narrow else 0.42
    figure = Figure(figsize=(NARROW if narrow else 8.0, (1.9 if narrow else 1.6) + row * len(entries)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(entries))
    height = (0.26 if narrow else 0.38) if several else (0.36 if narrow else 0.6)
    shift = height / 2 if several else 0.0
    down = 0.16 if narrow else 0.0  # the bars, to leave room for the name above them
    axes.barh(places - shift + down, [e.improved for e in entries], height, color=BLUE, label=f"better {first} than its parents")
    if several:
        axes.barh(places + shift + down, [e.undominated for e in entries], height, color=GREEN, label="not dominated by a parent")
    size = 8.5 if narrow else 8.0
    for place, entry in zip(places.tolist(), entries, strict=True):
        name, children = entry.operator.replace("_", " "), "1 child" if entry.children == 1 else f"{entry.children} children"
        failed = f", {entry.failed:.0%} failed" if entry.failed else ""
        failed += f", {entry.stopped:.0%} stopped" if entry.stopped else ""
        if narrow:
            axes.text(0.0, place - 0.27, f"{name}: {children}{failed}", va="center", fontsize=size, color=INK)
            continue
        right = max(entry.improved, entry.undominated if several else 0.0)
        axes.text(right + 0.01, place, f"{children}{failed}", va="center", fontsize=size, color=GREY)
    axes.set_yticks([] if narrow else places, [] if narrow else [entry.operator.replace("_", " ") for entry in entries])
    axes.set_ylim(len(entries) - 0.4, -0.6)
    axes.set_xlim(0, 1.18 * max(0.1, max(max(e.improved, e.undominated) for e in entries)))
    if narrow:
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 1])
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    some = " (an even share of all)" if run.records.left_out else ""
    axes.set_xlabel(f"share of an operator's children{some}" if narrow else f"share of the children that an operator helped to make{some}")
    figure.legend(loc="outside upper left", frameon=False, fontsize=9, ncols=1 if narrow else 2)
    quiet(axes)
    return figure
