"""What became of a run's individuals, as figures and the page tell them apart: a mark for each outcome."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE, PREDICTED, STOPPED, Individual
from neuroevo.plots.palette import GREY, PURPLE, SKY
from neuroevo.run.run import Run

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Mark:
    """How individuals of an outcome are drawn in a scatter.

    Args:
        label: for the legend.
        marker, size, colour, filled: matplotlib's.
    """

    label: str
    marker: str
    size: float
    colour: str
    filled: bool


DOMINATED, PARTIAL = "dominated", "partial"  # done, but not on the front; done, but not yet at the run's full fidelity
MARKS = {
    DOMINATED: Mark("dominated", "o", 22, GREY, True),
    PARTIAL: Mark("at a lower fidelity", "o", 18, GREY, False),
    STOPPED: Mark("stopped early", "v", 24, PURPLE, False),
    PREDICTED: Mark("predicted, with its deviation", "s", 18, SKY, False),
}


def outcome(run: Run, individual: Individual) -> str:
    """Its status, but "partial" for one that is done below the run's full fidelity."""
    return PARTIAL if individual.status == DONE and not run.records.counts(individual) else individual.status


def by_outcome(run: Run, individuals: Iterable[Individual]) -> dict[str, list[Individual]]:
    """Individuals with values, by the mark that they are drawn with; those that are done at full fidelity are "dominated"."""
    found: dict[str, list[Individual]] = {name: [] for name in MARKS}
    for individual in individuals:
        kind = outcome(run, individual)
        kind = DOMINATED if kind == DONE else kind
        if kind in found:
            found[kind].append(individual)
    return found


def deviations(info: Mapping[str, Any] | None, objectives: int) -> list[float]:
    """By how much what was predicted may be off, for each objective; NaN where that is not known.

    Args:
        info: of the individual, or of the evaluation.
        objectives: how many.
    """
    found = (info or {}).get("deviation")
    spread = [float(value) for value in found] if isinstance(found, list) else []
    return (spread + [math.nan] * objectives)[:objectives]
