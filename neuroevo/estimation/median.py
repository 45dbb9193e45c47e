"""Median stopping: trainings that fall behind what completed ones had reached by then end early."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.core.registry import part
from neuroevo.core.state import State
from neuroevo.core.trial import Fidelity, Measurement, Prediction, Result, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.stopping import Either, Median, Medians, rule_from_json
from neuroevo.tasks.base import Context, Task

POINTS = 64  # of a curve that are kept, and medians of a schedule that travel with a trial
SCHEDULES = 4  # whose medians travel with a trial: those with the most curves
_BASE = "base."  # before the names of what the wrapped estimation remembers


@dataclass(frozen=True)
class _Curve:
    """The running averages of a completed training's scores.

    Args:
        data, resolution: of its fidelity; curves are compared where these are the same.
        schedule: epochs that its learning rate was spread over; likewise.
        epochs, averages: of the scored epochs, the mean of the scores up to there.
    """

    data: float
    resolution: float
    schedule: int
    epochs: tuple[int, ...]
    averages: tuple[float, ...]

    def at(self, epoch: int) -> float | None:
        """The running average at the last scored epoch up to this one."""
        place = bisect_right(self.epochs, epoch)
        return self.averages[place - 1] if place else None


class MedianStopping(Estimation):
    """Another estimation, whose trainings end as soon as they are worse than the median of the completed ones (Golovin, Solnik, Moitra,
    Kochanski, Karro & Sculley 2017, section 3.2.2).

    It learns from the learning curves that come back; `neuroevo.estimation.stopping.Median` says how a training is compared with them. What
    it knows travels in each trial, so workers need not be told. A training that was ended is recorded as stopped, with the scores of that
    moment; it is shown, and never on the front.

        ne.evolve(space, task, estimation=MedianStopping(FullTraining(curve=10)), ...)

    Args:
        base: the estimation that trains, with a learning curve; None for `FullTraining()`. Its `curve` says how often the rule is asked.
        least: how many completed trainings there are before any is stopped.
        begin: the first epoch after which a training may end.
        keep: how many of the latest completed trainings are remembered.

    Raises:
        TypeError: the base is no estimation.
        ValueError: a number out of its range.
    """

    def __init__(self, base: Estimation | None = None, *, least: int = 10, begin: int = 1, keep: int = 200) -> None:
        if base is None:
            from neuroevo.estimation.training import FullTraining

            base = FullTraining()
        if not isinstance(base, Estimation):
            raise TypeError(f"MedianStopping wraps an estimation, such as FullTraining(), got {shown(base)}")
        for name, value in (("least", least), ("begin", begin), ("keep", keep)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(value)}")
        if keep < least:
            raise ValueError(f"keep must be >= least, else no training is ever stopped; got keep={keep} and least={least}")
        self.base, self.least, self.begin, self.keep = base, least, begin, keep
        self.jobs = base.jobs
        self._curves: dict[int, _Curve] = {}  # by individual, the latest last
        self._rules: dict[tuple[float, float], Median | None] = {}  # made of them, by data and resolution

    @property
    def full(self) -> Fidelity:
        return self.base.full

    def plan(self, individual: Individual) -> Fidelity | Prediction:
        return self.base.plan(individual)

    def cost(self, trial: Trial, task: Task) -> float:
        return self.base.cost(trial, task)

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        return self.base.measure(trial, task, context)

    def stop(self, individual: Individual, fidelity: Fidelity) -> Mapping[str, Any] | None:
        own, theirs = self._rule(fidelity), self.base.stop(individual, fidelity)
        if own is None or theirs is None:
            return theirs if own is None else own.to_json()
        return Either((rule_from_json(theirs), own)).to_json()

    def _rule(self, fidelity: Fidelity) -> Median | None:
        """What was learned of trainings at this share of the data and this resolution; made once between two lessons."""
        kind = (fidelity.data, fidelity.resolution)
        if kind not in self._rules:
            self._rules[kind] = self._made(*kind)
        return self._rules[kind]

    def _made(self, data: float, resolution: float) -> Median | None:
        alike: dict[int, list[_Curve]] = {}
        for curve in self._curves.values():
            if (curve.data, curve.resolution) == (data, resolution):
                alike.setdefault(curve.schedule, []).append(curve)
        known = sorted((-len(curves), schedule) for schedule, curves in alike.items() if len(curves) >= self.least)
        found = [
            medians for _, schedule in known[:SCHEDULES] if (medians := self._medians(schedule, alike[schedule])) is not None
        ]
        return Median(tuple(found), self.begin) if found else None

    def _medians(self, schedule: int, curves: Sequence[_Curve]) -> Medians | None:
        epochs, medians = [], []
        for epoch in _thinned(sorted({epoch for curve in curves for epoch in curve.epochs})):
            there = [average for curve in curves if (average := curve.at(epoch)) is not None]
            if len(there) >= self.least:
                epochs.append(epoch)
                medians.append(float(np.median(there)))
        return Medians(schedule, tuple(epochs), tuple(medians), len(curves)) if epochs else None

    def observe(self, results: Sequence[Result]) -> None:
        self.base.observe(results)
        self._rules.clear()
        for result in results:
            measurement = result.measurement
            for row, info in enumerate(measurement.info):
                if row in measurement.reasons or row in measurement.stopped:
                    continue
                curve = _curve_of(info, result.trial.fidelity)
                if curve is not None:
                    id = result.individuals[row].id
                    self._curves.pop(id, None)  # of a continued training only the longer curve
                    self._curves[id] = curve
        for id in list(self._curves)[: max(0, len(self._curves) - self.keep)]:
            del self._curves[id]

    def state(self) -> State:
        base, curves = self.base.state(), list(self._curves.values())
        arrays: dict[str, npt.NDArray[Any]] = {
            "individuals": np.array(list(self._curves), np.int64),
            "schedules": np.array([curve.schedule for curve in curves], np.int64),
            "fidelities": np.array([(curve.data, curve.resolution) for curve in curves], np.float64).reshape(-1, 2),
            "points": np.array([len(curve.epochs) for curve in curves], np.int64),
            "epochs": np.array([epoch for curve in curves for epoch in curve.epochs], np.int64),
            "averages": np.array([average for curve in curves for average in curve.averages], np.float64),
        }
        return State({"base": base.json}, {**arrays, **{_BASE + name: array for name, array in base.arrays.items()}})

    def restore(self, state: State) -> None:
        arrays, own = state.arrays, {}
        ends = np.cumsum(arrays["points"])
        for place, id in enumerate(arrays["individuals"].tolist()):
            there = slice(int(ends[place] - arrays["points"][place]), int(ends[place]))
            data, resolution = arrays["fidelities"][place].tolist()
            own[id] = _Curve(
                data,
                resolution,
                int(arrays["schedules"][place]),
                tuple(arrays["epochs"][there].tolist()),
                tuple(arrays["averages"][there].tolist()),
            )
        self._curves, self._rules = own, {}
        theirs = {name.removeprefix(_BASE): array for name, array in arrays.items() if name.startswith(_BASE)}
        self.base.restore(State(state.json["base"], theirs))

    def settings(self) -> dict[str, Any]:
        return {
            "estimation": type(self).__name__,
            "base": self.base.settings(),
            "least": self.least,
            "begin": self.begin,
            "keep": self.keep,
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The estimation that `settings` described, with the one that it wraps.

        Raises:
            ValueError: not such settings.
        """
        base = settings.get("base")
        if not isinstance(base, Mapping):
            raise ValueError(
                f"the settings of {cls.__name__} need 'base', the settings of the estimation that trains; got {shown(base)}"
            )
        return super().from_settings({**settings, "base": part("estimation", base.get("estimation")).from_settings(base)})

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_curves": {}, "_rules": {}}  # a worker learns all that it needs from each trial


def _curve_of(info: Mapping[str, Any], fidelity: Fidelity) -> _Curve | None:
    """The learning curve that was recorded of a training, or None."""
    recorded, schedule = info.get("curve"), info.get("schedule")
    if not recorded or not schedule:
        return None
    name = next(key for key in recorded if key not in ("train_loss", "epochs"))
    sign = -1.0 if info.get("curve_maximised") else 1.0
    epochs, scores = list(recorded["epochs"]), sign * np.asarray(recorded[name], np.float64)
    if len(epochs) == 0 or not np.isfinite(scores).all():
        return None
    averages = (np.cumsum(scores) / np.arange(1, len(scores) + 1)).tolist()
    kept = _thinned(range(len(epochs)))
    return _Curve(
        fidelity.data, fidelity.resolution, int(schedule), tuple(epochs[i] for i in kept), tuple(averages[i] for i in kept)
    )


def _thinned(places: Sequence[int]) -> list[int]:
    """At most `POINTS` of them, evenly, the last one included."""
    chosen = np.unique(np.linspace(0, len(places) - 1, min(len(places), POINTS)).round().astype(int))
    return [places[i] for i in chosen]
