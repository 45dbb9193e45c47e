"""Species: how many members each had over a run's generations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from neuroevo.plots.neat import counted
from neuroevo.plots.palette import INK, dark, distinct
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SpeciesData:
    """What the species' figure shows.

    Attributes:
        generations: int64 [generations], their numbers.
        ids: int64 [species], every species that ever lived, in the order of birth.
        sizes: int64 [species, generations], members; 0 before its birth and after its end.
    """

    generations: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


def species_data(run: Run) -> SpeciesData:
    """The numbers behind `species`.

    Raises:
        ValueError: the run has no complete generation, or its strategy has no species.
    """
    rows = [row for row in run.summaries if row.get("species_ids")]
    if not rows:
        name = run.settings.get("strategy", {}).get("strategy", "its strategy")
        why = "no generation is complete" if not run.summaries else f"{name} keeps no species"
        raise ValueError(f"there are no species to draw: {why}")
    ids = np.array(sorted({id for row in rows for id in row["species_ids"]}), np.int64)
    sizes = np.zeros((len(ids), len(rows)), np.int64)
    for column, row in enumerate(rows):
        sizes[np.searchsorted(ids, row["species_ids"]), column] = row["species_sizes"]
    return SpeciesData(np.array([row["generation"] for row in rows], np.int64), ids, sizes)


def species(run: Run) -> Figure:
    """Draw the sizes of a run's species over its generations, stacked, the oldest at the bottom."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    data = species_data(run)
    edges = np.append(data.generations, data.generations[-1] + 1) - 0.5
    tops = np.cumsum(np.vstack([np.zeros(len(data.generations), np.int64), data.sizes]), axis=0)
    population = int(tops[-1].max())
    figure = Figure(figsize=(8.2, 4.8), layout="constrained")
    axes = figure.subplots()
    colours = distinct(len(data.ids))
    for row in range(len(data.ids)):
        for begin, end in _stretches(data.sizes[row] > 0):
            low, high = (np.append(line[begin:end], line[end - 1]) for line in (tops[row], tops[row + 1]))
            axes.fill_between(
                edges[begin : end + 1], low, high, step="post", facecolor=colours[row], alpha=0.75, edgecolor="white",
                linewidth=0.6,
            )  # fmt: skip
        _species_name(axes, data, tops, row, population, colours[row])
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, population)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("generation")
    axes.set_ylabel("members of each species")
    axes.set_title(
        f"{len(data.ids)} species in {counted(len(data.generations), 'generation')} "
        f"of {population} genomes; {int((data.sizes[:, -1] > 0).sum())} live at the end, numbered by birth",
        fontsize=10,
    )  # fmt: skip
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure


def _species_name(axes: Axes, data: SpeciesData, tops: npt.NDArray[np.int64], row: int, population: int, colour: str) -> None:
    """A species' number, where it fits: where its band is highest, in the longest stretch in which it is high enough for text."""
    stretches = _stretches(data.sizes[row] >= max(1.0, 0.04 * population))
    begin, end = max(stretches, key=lambda stretch: stretch[1] - stretch[0], default=(0, 0))
    if end - begin <= 0.025 * len(data.generations):
        return
    # Its height over three generations at each: text is wider than one, and must not stand on a step.
    columns = np.arange(begin + 1, end - 1) if end - begin > 2 else np.arange(begin, end)
    around = np.clip(columns[:, None] + [-1, 0, 1], begin, end - 1)
    low, high = tops[row][around].max(axis=1), tops[row + 1][around].min(axis=1)
    best = np.flatnonzero(high - low == (high - low).max())
    at = int(best[len(best) // 2])
    axes.text(
        data.generations[columns[at]], (low[at] + high[at]) / 2, str(data.ids[row]), ha="center", va="center", fontsize=8,
        color="white" if dark(colour) else INK,
    )  # fmt: skip


def _stretches(present: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where a condition holds without a break: (begin, end) of each stretch, the end excluded."""
    changes = np.flatnonzero(np.diff(np.concatenate([[0], present.astype(np.int8), [0]])))
    return list(zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True))
