"""Completed trainings: the learning curves that later trainings are compared with."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.trial import Fidelity, Result

POINTS = 64  # of a curve that are kept


@dataclass(frozen=True)
class Curve:
    """The scores of a completed training; lower is better.

    Args:
        data, resolution: of its fidelity; curves are compared where these are the same.
        schedule: epochs that its learning rate was spread over; likewise.
        inherited: whether it began with its parents' weights.
        epochs, scores: after which epochs it was scored, and these scores; none of a run that an older release began.
        averages: the mean of the scores up to there.
    """

    data: float
    resolution: float
    schedule: int
    inherited: bool
    epochs: tuple[int, ...]
    scores: tuple[float, ...]
    averages: tuple[float, ...]

    def average(self, epoch: int) -> float | None:
        """The running average at the last scored epoch up to this one."""
        place = bisect_right(self.epochs, epoch)
        return self.averages[place - 1] if place else None


class Completed:
    """The curves of the latest completed trainings, by individual.

    Args:
        keep: how many.
    """

    def __init__(self, keep: int) -> None:
        self.keep = keep
        self._curves: dict[int, Curve] = {}  # the latest last

    def __iter__(self) -> Iterator[Curve]:
        return iter(self._curves.values())

    def add(self, results: Sequence[Result]) -> bool:
        """Take the curves of what came back, but of what failed or was stopped; whether there were any."""
        taken = False
        for result in results:
            measurement = result.measurement
            for row, info in enumerate(measurement.info):
                if row in measurement.reasons or row in measurement.stopped:
                    continue
                curve = curve_of(info, result.trial.fidelity)
                if curve is not None:
                    id = result.individuals[row].id
                    self._curves.pop(id, None)  # of a continued training only the longer curve
                    self._curves[id] = curve
                    taken = True
        for id in list(self._curves)[: max(0, len(self._curves) - self.keep)]:
            del self._curves[id]
        return taken

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """All of it, as named arrays."""
        curves = list(self._curves.values())
        return {
            "individuals": np.array(list(self._curves), np.int64),
            "schedules": np.array([curve.schedule for curve in curves], np.int64),
            "inherited": np.array([curve.inherited for curve in curves], np.bool_),
            "fidelities": np.array([(curve.data, curve.resolution) for curve in curves], np.float64).reshape(-1, 2),
            "points": np.array([len(curve.epochs) for curve in curves], np.int64),
            "epochs": np.array([epoch for curve in curves for epoch in curve.epochs], np.int64),
            "scores": np.array([score for curve in curves for score in curve.scores], np.float64),
            "averages": np.array([average for curve in curves for average in curve.averages], np.float64),
        }

    def restore(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        """Know these curves, and no others."""
        own = {}
        ends = np.cumsum(arrays["points"])
        scored = "scores" in arrays
        for place, id in enumerate(arrays["individuals"].tolist()):
            there = slice(int(ends[place] - arrays["points"][place]), int(ends[place]))
            data, resolution = arrays["fidelities"][place].tolist()
            own[id] = Curve(
                data,
                resolution,
                int(arrays["schedules"][place]),
                scored and bool(arrays["inherited"][place]),
                tuple(arrays["epochs"][there].tolist()),
                tuple(arrays["scores"][there].tolist()) if scored else (),
                tuple(arrays["averages"][there].tolist()),
            )
        self._curves = own


def score_name(info: Mapping[str, Any]) -> str:
    """The name of the score that the learning curve of a training shows, "" where none was recorded."""
    return next((name for name in info.get("curve") or () if name not in ("train_loss", "epochs")), "")


def curve_of(info: Mapping[str, Any], fidelity: Fidelity) -> Curve | None:
    """The learning curve that was recorded of a training, or None."""
    recorded, schedule = info.get("curve"), info.get("schedule")
    if not recorded or not schedule:
        return None
    sign = -1.0 if info.get("curve_maximised") else 1.0
    epochs, scores = list(recorded["epochs"]), sign * np.asarray(recorded[score_name(info)], np.float64)
    if len(epochs) == 0 or not np.isfinite(scores).all():
        return None
    averages = np.cumsum(scores) / np.arange(1, len(scores) + 1)
    kept = thinned(range(len(epochs)))
    return Curve(
        fidelity.data,
        fidelity.resolution,
        int(schedule),
        "inherited" in info,
        tuple(epochs[i] for i in kept),
        tuple(scores[kept].tolist()),
        tuple(averages[kept].tolist()),
    )


def thinned(places: Sequence[int]) -> list[int]:
    """At most `POINTS` of them, evenly, the last one included."""
    chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), POINTS)).round().astype(int))
    return [places[i] for i in chosen]
