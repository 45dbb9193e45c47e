"""Lineage: where an individual comes from, and the descent of a whole run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neuroevo.core.individual import DONE, FAILED, PENDING, Individual
from neuroevo.plots.front_figure import quiet
from neuroevo.plots.outcomes import PARTIAL, outcome
from neuroevo.plots.palette import BLUE, GREEN, GREY, INK, ORANGE
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Lineage:
    """An individual's ancestors.

    Attributes:
        individuals: the individual and those of its ancestors that were kept, by id.
        edges: (parent, child) ids.
        depth: generations of descent from the individual back to each (0 for itself; the longest way counts).
        position: where each is drawn: (column, depth), columns in units of a box.
        inherited: ids that started from their parents' weights.
        missing: how many ancestors were left out: not kept by the run, or farther back than asked for.
    """

    individuals: dict[int, Individual]
    edges: tuple[tuple[int, int], ...]
    depth: dict[int, int]
    position: dict[int, tuple[float, int]]
    inherited: frozenset[int]
    missing: int


def lineage_data(run: Run, id: int, generations: int = 8) -> Lineage:
    """The ancestors of an individual.

    Args:
        run: the run.
        id: the individual.
        generations: how many steps of descent to go back.

    Raises:
        KeyError: the run has no such individual.
    """
    known = {id: run[id]}
    depth = {id: 0}
    frontier, missing = [id], set()
    edges: set[tuple[int, int]] = set()
    for step in range(1, generations + 1):
        following = []
        for child in frontier:
            for parent in known[child].parents:
                if parent not in known:
                    try:
                        known[parent] = run[parent]
                    except KeyError:
                        missing.add(parent)
                        continue
                edges.add((parent, child))
                if depth.get(parent, -1) < step:
                    depth[parent] = step
                    following.append(parent)
        frontier = list(dict.fromkeys(following))
    missing |= {parent for child in known for parent in known[child].parents if parent not in known}
    rows: dict[int, list[int]] = {}
    for member, row in sorted(depth.items()):
        rows.setdefault(row, []).append(member)
    position: dict[int, tuple[float, int]] = {id: (0.0, 0)}
    for row in range(1, max(rows) + 1):
        wanted = {
            member: float(
                np.mean([position[child][0] for parent, child in edges if parent == member and child in position] or [0.0])
            )
            for member in rows[row]
        }
        ordered = sorted(rows[row], key=lambda member: (wanted[member], member))
        centre = float(np.mean(list(wanted.values())))
        for place, member in enumerate(ordered):
            position[member] = (centre + place - (len(ordered) - 1) / 2, row)
    inherited = frozenset(member for member, individual in known.items() if (individual.info or {}).get("inherited"))
    return Lineage(known, tuple(sorted(edges)), depth, position, inherited, len(missing))


def lineage(run: Run, id: int | None = None, generations: int = 8) -> Figure:
    """Draw where an individual comes from: its ancestors above it, with the operators that made each and its scores; green where it
    started from its parents' weights. Without an id: the descent of the whole run.

    Args:
        run: the run.
        id: the individual.
        generations: how many steps of descent to show.
    """
    if id is None:
        return _descent(run)
    from matplotlib.figure import Figure

    data = lineage_data(run, id, generations)
    columns = [x for x, _ in data.position.values()]
    wide, high = 2.3, 1.05
    figure = Figure(figsize=(max(5.0, wide * (max(columns) - min(columns) + 1.4)), high * (max(data.depth.values()) + 1) + 1.0))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    for parent, child in data.edges:
        (x0, y0), (x1, y1) = data.position[parent], data.position[child]
        colour = GREEN if child in data.inherited else GREY
        axes.annotate(
            "", (x1 * wide, y1 * high + 0.17), (x0 * wide, y0 * high - 0.17),
            arrowprops={
                "arrowstyle": "-|>", "color": colour, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0,
                # past the boxes of the generations between
                "connectionstyle": f"arc3,rad={0.0 if y0 - y1 < 2 else 0.35 if x0 <= x1 else -0.35}",
            },
        )  # fmt: skip
    for member, individual in data.individuals.items():
        x, y = data.position[member]
        colour = ORANGE if member == id else (GREEN if member in data.inherited else GREY)
        axes.text(
            x * wide, y * high, _box_text(individual, outcome(run, individual)), ha="center", va="center", fontsize=7.5, color=INK,
            bbox={"boxstyle": "round,pad=0.35", "facecolor": "white", "edgecolor": colour, "linewidth": 1.3},
        )  # fmt: skip
    top = max(data.depth.values()) * high
    axes.set_xlim((min(columns) - 0.7) * wide, (max(columns) + 0.7) * wide)
    axes.set_ylim(-0.6, top + 0.9)
    axes.axis("off")
    note = f"; {data.missing} more ancestors are not shown" if data.missing else ""
    inherits = "; green: started from its parents' weights" if data.inherited else ""
    axes.text(
        0.5, 0.99, f"Ancestors of individual {id}{inherits}{note}", transform=axes.transAxes, ha="center", va="top", fontsize=10
    )
    return figure


def _box_text(individual: Individual, became: str) -> str:
    made = ", ".join(name.replace("_", " ") for name in individual.operators) or "given"
    made = made if len(made) <= 30 else made[:28] + "..."
    if became in (FAILED, PENDING):
        return f"{individual.id}: {became}\n{made}"
    scores = ", ".join(f"{name} {_short(value)}" for name, value in list(individual.values.items())[:2])
    said = {DONE: "", PARTIAL: "\nat a lower fidelity"}.get(became, f"\n{became}")
    return f"{individual.id}: {made}\n{scores}{said}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value.is_integer() and abs(value) >= 1 else f"{value:.3g}"


@dataclass(frozen=True)
class Descent:
    """The descent of a whole run.

    Attributes:
        place: where each individual that is done stands, by id: (id, first objective).
        joined: (parent, child) ids.
        best: the best individual and its ancestors.
        inherited: ids that started from their parents' weights.
        operators: for each of `best`, what made it.
        front: ids on the front.
        partial: ids of those that are done at a lower fidelity only.
    """

    place: dict[int, tuple[float, float]]
    joined: tuple[tuple[int, int], ...]
    best: frozenset[int]
    inherited: frozenset[int]
    operators: dict[int, str]
    front: frozenset[int]
    partial: frozenset[int] = frozenset()


def descent_data(run: Run) -> Descent:
    """The numbers behind `lineage` of a whole run.

    Raises:
        ValueError: nothing was evaluated successfully.
    """
    known = {individual.id: individual for individual in run if individual.status == DONE}
    if not known or not run.front:
        raise ValueError("nothing was evaluated successfully, so there is no descent to draw")
    best, frontier = set[int](), [run.best.id]
    while frontier:
        member = frontier.pop()
        if member not in best and member in known:
            best.add(member)
            frontier += known[member].parents
    return Descent(
        {id: (float(id), individual.fitness.values[0]) for id, individual in known.items()},
        tuple((parent, child) for child, individual in known.items() for parent in individual.parents if parent in known),
        frozenset(best),
        frozenset(id for id, individual in known.items() if (individual.info or {}).get("inherited")),
        {id: ", ".join(name.replace("_", " ") for name in known[id].operators) for id in best},
        frozenset(individual.id for individual in run.front if individual.id in known),
        frozenset(id for id, individual in known.items() if not run.records.counts(individual)),
    )


def _descent(run: Run) -> Figure:
    """Every individual at its birth and first objective, joined to its parents; the ancestors of the best are drawn out, with the
    operators that made them where there is room; green lines where weights were inherited."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    name, objective = next(iter(run.objectives.items()))
    data = descent_data(run)
    figure = Figure(figsize=(9.4, 5.4), layout="constrained")
    axes = figure.subplots()
    place = data.place
    for chosen, width, alpha, order in ((False, 0.5, 0.35, 1), (True, 1.4, 0.9, 3)):
        pairs = [(p, c) for p, c in data.joined if (c in data.best) == chosen]
        colours = [GREEN if c in data.inherited else ORANGE if chosen else GREY for _, c in pairs]
        lines = [(place[p], place[c]) for p, c in pairs]
        axes.add_collection(LineCollection(lines, colors=colours, linewidths=width, alpha=alpha, zorder=order))
    others = [place[id] for id in place if id not in data.best and id not in data.partial]
    if others:
        axes.scatter(*_columns(others), s=10, color=GREY, alpha=0.6, linewidths=0, label="individuals")
    if partial := [place[id] for id in sorted(data.partial - data.best)]:
        axes.scatter(
            *_columns(partial), s=12, facecolors="none", edgecolors=GREY, alpha=0.8, linewidths=0.8, label="at a lower fidelity"
        )
    front = [place[id] for id in sorted(data.front - data.best)]
    if front and len(run.objectives) > 1:
        axes.scatter(*_columns(front), s=22, color=BLUE, linewidths=0, zorder=3, label="front")
    axes.scatter(
        *_columns([place[id] for id in sorted(data.best)]), s=26, color=ORANGE, linewidths=0, zorder=4,
        label=f"individual {run.best.id} (best {name}) and its ancestors",
    )  # fmt: skip
    axes.autoscale_view()
    axes.set_xlabel("individual, in order of birth")
    axes.set_ylabel(f"{name} ({'lower' if objective.direction == 'minimise' else 'higher'} is better)")
    if objective.log:
        axes.set_yscale("log")
    _name_operators(axes, data)
    handles, labels = axes.get_legend_handles_labels()
    if data.inherited:
        handles.append(Line2D([], [], color=GREEN, linewidth=1.4))
        labels.append("started from its parents' weights")
    figure.legend(handles, labels, loc="outside lower center", frameon=False, fontsize=9, ncols=4)
    axes.set_title("Descent: each line joins a parent and a child", fontsize=11)
    quiet(axes)
    return figure


def _name_operators(axes: Axes, data: Descent) -> None:
    """What made the ancestors of the best, from the latest back, where no other such name stands."""
    taken: list[tuple[float, float]] = []
    for id in sorted(data.best, reverse=True):
        x, y = axes.transData.transform(data.place[id])
        if not data.operators[id] or any(abs(x - a) < 95 and abs(y - b) < 13 for a, b in taken):
            continue
        taken.append((x, y))
        made = data.operators[id]
        axes.annotate(
            made if len(made) <= 24 else made[:22] + "...", data.place[id], xytext=(0, 7), textcoords="offset points", fontsize=7.5,
            color=INK, ha="center", va="bottom", zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )  # fmt: skip


def _columns(points: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]
