"""To beat: the score that a training must reach so that its outcome matters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.objectives import Objectives
from neuroevo.core.trial import FULL, Fidelity, Result


class ToBeat:
    """What the evaluations at the run's full fidelity have reached: the best score, and at which costs.

    An individual enters the front where its score is better than that of every known one whose cheap objectives are no worse than
    its own. So the best of these scores is what it must beat; with one objective, the best of all. Where an objective is neither
    cheap nor the score, nobody knows before a training whether it matters, and there is nothing to beat.

    Args:
        objectives: of the search, in order.
        full: the run's full fidelity.
    """

    def __init__(self, objectives: Objectives, full: Fidelity = FULL) -> None:
        self.full = full
        self._objectives = tuple(objectives.values())
        self._known: dict[int, tuple[int, tuple[float, ...]]] = {}  # by individual: its trial, and its values as costs

    def add(self, results: Sequence[Result]) -> None:
        """Take what was done at the full fidelity."""
        for result in results if self._objectives else ():
            trial, measurement = result.trial, result.measurement
            if not measurement.info or not trial.fidelity.reaches(self.full):  # nothing was trained, or less than in full
                continue
            for row, individual in enumerate(trial.individuals):
                if row in measurement.reasons or row in measurement.stopped:
                    continue
                costs = self._costs(measurement.values[row].tolist(), measurement.info[row])
                before = self._known.get(individual.id)
                if all(map(math.isfinite, costs)) and (before is None or before[0] <= trial.id):
                    self._known[individual.id] = trial.id, costs
        self._known = {id: one for id, one in self._known.items() if not self._needless(id)}

    def score(self, genome: Genome, name: str) -> float | None:
        """What an individual with this genome must beat, lower is better; None for nothing.

        Args:
            name: of the score that its learning curve shows.
        """
        cheap = {place: o for place, o in enumerate(self._objectives) if o.kind == "cheap" and o.of is not None}
        others = [place for place in range(len(self._objectives)) if place not in cheap]
        if len(others) != 1 or self._objectives[others[0]].name != name or self._objectives[others[0]].of is not None:
            return None
        try:
            own = {place: -o.weight * float(o.of(genome)) for place, o in cheap.items() if o.of is not None}
        except Exception:  # its trial fails, and says why
            return None
        reached = (costs for _, costs in self._known.values() if all(costs[place] <= mine for place, mine in own.items()))
        return min((costs[others[0]] for costs in reached), default=None)

    def _costs(self, values: Sequence[float], info: Mapping[str, Any]) -> tuple[float, ...]:
        """Of one that was scored by folds, the score of the first, which learning curves are of."""
        first = info.get("folds", {}).get("first", {})
        known = [first.get(objective.name, value) for objective, value in zip(self._objectives, values, strict=True)]
        return tuple(-objective.weight * value for objective, value in zip(self._objectives, known, strict=True))

    def _needless(self, id: int) -> bool:
        """Whether another one, the first of equals, is no worse in anything."""
        mine = self._known[id][1]
        return any(
            all(a <= b for a, b in zip(theirs, mine, strict=True)) and (theirs != mine or other < id)
            for other, (_, theirs) in self._known.items()
            if other != id
        )

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All that is known, as named arrays."""
        return {
            "reached": np.array([(id, trial) for id, (trial, _) in self._known.items()], np.int64).reshape(-1, 2),
            "costs": np.array([costs for _, costs in self._known.values()], np.float64).reshape(
                len(self._known), len(self._objectives)
            ),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Know this, and nothing else."""
        pairs = zip(arrays["reached"].tolist(), arrays["costs"].tolist(), strict=True)
        self._known = {id: (trial, tuple(costs)) for (id, trial), costs in pairs}
