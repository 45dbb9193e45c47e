"""Forecasts: what a model said of a network before it was evaluated, for the run's record and its pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Forecast(NamedTuple):
    """What was expected of one individual when it was chosen.

    Attributes:
        value, low, high: of the predicted objective in its own unit, with the 90 % interval.
        acquisition: what it was chosen by; None where that is not finite.
        typical: the median of the finite acquisitions of all candidates; None where there are none.
    """

    value: float
    low: float
    high: float
    acquisition: float | None
    typical: float | None

    @classmethod
    def of(cls, expected: tuple[float, float, float], acquisition: float, candidates: Sequence[float]) -> Forecast | None:
        """The forecast with the acquisitions of all candidates beside; None where what is expected is not finite."""
        if not all(map(math.isfinite, expected)):
            return None
        finite = [worth for worth in candidates if math.isfinite(worth)]
        typical = float(np.median(finite)) if finite else None
        return cls(*expected, acquisition if math.isfinite(acquisition) else None, typical)


class Forecasts:
    """The forecasts of individuals that are being evaluated, and of those that were told last.

    Args:
        kept: how many of the last told ones are reported where they come back one at a time; None: those of the last `told`.
    """

    def __init__(self, kept: int | None = None) -> None:
        self._kept = kept
        self._waiting: dict[int, Forecast] = {}
        self._last: list[tuple[int, Forecast]] = []

    def add(self, id: int, forecast: Forecast | None) -> None:
        """Keep what was expected of an individual until it is told."""
        if forecast is not None:
            self._waiting[id] = forecast

    def told(self, ids: Sequence[int]) -> None:
        """Those with these ids were evaluated."""
        back = [(id, self._waiting.pop(id)) for id in ids if id in self._waiting]
        self._last = back if self._kept is None else [*self._last, *back][-self._kept :]

    def report(self, objective: int) -> Mapping[str, Any]:
        """JSON: `predicted`, a row for each of the last told (id, then what `Forecast` has), and the place of the objective that it is of."""
        return {"predicted": [[id, *forecast] for id, forecast in self._last], "predicted_objective": objective}
