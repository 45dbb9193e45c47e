"""Scored: what a run evaluated, one number each, for figures of what a model of the scores sees."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.individual import DONE
from neuroevo.core.objectives import Objective
from neuroevo.predictors.gaussian_process import GaussianProcess
from neuroevo.run.run import Run

if TYPE_CHECKING:
    from matplotlib.colors import Normalize

WORST = 10  # per cent of the scores that share the colour of the worst of the others


@dataclass(frozen=True)
class Scored:
    """Evaluated individuals in the order of their births.

    Attributes:
        objective: whose values the scores are.
        ids: int64 [individuals].
        genomes: theirs.
        values: float64 [individuals], finite.
        leaders: positions of those that were better than all before them.
    """

    objective: Objective
    ids: npt.NDArray[np.int64]
    genomes: tuple[Genome, ...]
    values: npt.NDArray[np.float64]
    leaders: tuple[int, ...]


def scored(run: Run, most: int) -> Scored:
    """The run's individuals that are done with finite values; where there are more than `most`, those that led and others spread evenly.

    Raises:
        ValueError: there are fewer than two.
    """
    place = predicted_place(run)
    found = [one for one in run if one.status == DONE and np.isfinite(one.fitness.values).all()]
    if len(found) < 2:
        raise ValueError(f"two evaluated networks are needed to show how far apart networks are; this run has {len(found)}")
    objective = list(run.objectives.values())[place]
    values = np.array([one.fitness.values[place] for one in found], dtype=np.float64)
    kept = np.arange(len(found))
    if len(found) > most:
        leading = _leaders(values * objective.weight)[-most:]
        others = np.setdiff1d(kept, leading)
        spread = others[np.linspace(0, len(others) - 1, most - len(leading)).round().astype(int)]
        kept = np.sort(np.concatenate([leading, spread]).astype(int))
    shown = values[kept]
    return Scored(
        objective,
        np.array([found[at].id for at in kept], np.int64),
        tuple([found[at].genome for at in kept]),
        shown,
        tuple(_leaders(shown * objective.weight)),
    )


def predicted_place(run: Run) -> int:
    """The position of the objective that the run's models predict: the first that is not computed from the genome, or the first."""
    for row in run.summaries:
        if "predicted_objective" in row:
            return int(row["predicted_objective"])
    kinds = [objective.kind for objective in run.objectives.values()]
    return next((place for place, kind in enumerate(kinds) if kind != "cheap"), 0)


def model_of(run: Run) -> GaussianProcess:
    """The Gaussian process that the run's strategy learns with, not fitted; of another strategy, the one that comes without settings."""
    strategy: Any = run.settings.get("strategy")
    given = strategy.get("predictor") if isinstance(strategy, Mapping) else None
    if isinstance(given, Mapping) and given.get("predictor") == "GaussianProcess":
        return GaussianProcess.from_settings(given)
    return GaussianProcess()


def colours(objective: Objective, values: npt.NDArray[np.float64]) -> tuple[Normalize, str, str]:
    """The scale, the colour map (yellow is best) and the end at which it is cut off: a few far worse than the others would leave these one
    colour."""
    from matplotlib.colors import LogNorm, Normalize

    better_high = objective.weight > 0
    low, high = float(values.min()), float(values.max())
    ends = (float(np.percentile(values, WORST)), high) if better_high else (low, float(np.percentile(values, 100 - WORST)))
    scale = LogNorm if objective.log and low > 0 else Normalize
    extend = "neither" if ends == (low, high) else "min" if better_high else "max"
    return scale(*ends), "cividis" if better_high else "cividis_r", extend


def better(objective: Objective) -> str:
    """An axis label that says which way is better."""
    return f"{objective.name} ({'lower' if objective.direction == 'minimise' else 'higher'} is better)"


def _leaders(scores: npt.NDArray[np.float64]) -> list[int]:
    best = np.maximum.accumulate(scores)
    return [0, *(np.flatnonzero(best[1:] > best[:-1]) + 1).tolist()]


def forecasts(run: Run, known: Collection[int] | None = None) -> list[list[Any]]:
    """What the run's strategy expected of individuals before they were evaluated, a row each in the order of their births (id, value, low,
    high, acquisition, typical acquisition; see `neuroevo.strategies.bayesian.forecasts`).

    Args:
        known: only of these individuals.

    Raises:
        ValueError: nothing is recorded.
    """
    rows = {row[0]: row for summary in run.summaries for row in summary.get("predicted") or ()}
    found = [rows[id] for id in sorted(rows) if known is None or id in known]
    if not found:
        name = (run.settings.get("strategy") or {}).get("strategy", "its strategy")
        why = (
            f"{name} had predicted nothing before the run ended"
            if name in ("Bayesian", "Progressive")
            else f"{name} predicts none (Bayesian and Progressive do)"
        )
        raise ValueError(f"no predictions were recorded in this run: {why}")
    return found
