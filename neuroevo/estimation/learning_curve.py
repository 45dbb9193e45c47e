"""Learning curves: trainings that are unlikely to matter in the end are stopped early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from genomes.base import shown, unknown
from neuroevo.core.individual import Individual
from neuroevo.core.registry import part
from neuroevo.core.state import State
from neuroevo.core.trial import FULL, Fidelity, Measurement, Prediction, Result, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.completed import Completed, Curve, score_name, thinned
from neuroevo.estimation.lessons import Lesson, learned
from neuroevo.estimation.shapes import FAMILIES
from neuroevo.estimation.stopping import Either, Median, Medians, StopRule, rule_from_json
from neuroevo.estimation.to_beat import ToBeat
from neuroevo.estimation.unlikely import Unlikely
from neuroevo.tasks.base import Context, Task

MEDIAN = "median"
STOP_RULES = (*FAMILIES, MEDIAN)  # by the names that `LearningCurve` takes
KINDS = 4  # of trainings whose lessons travel with a trial: those with the most curves
SCORES = 20  # of a training, where `LearningCurve` makes the estimation that trains
_BASE = "base."  # before the names of what the wrapped estimation remembers


class LearningCurve(Estimation):
    """Another estimation, whose trainings end early when their learning curves say that their outcome is unlikely to matter.

    A training matters when its network enters the front: when its final score is better than that of every network known so far
    whose cheap objectives (parameters, flops) are no worse; with one objective, when it is the best so far. The scores of the
    first epochs are extrapolated to the last one, and it ends when P(better) < `probability` after `looks` scores in a row. Where
    an objective is neither cheap nor the score that the curve shows (a latency), that cannot be said, and every training goes on.

    The rules:

    - "power_law": an ensemble of 95 decaying shapes, whose level and gain are fitted in closed form, in a tenth of a millisecond.
    - "domhan": the families, their weights by recency, the condition that a training does not end worse than it began, and the
      rule of Domhan, Springenberg & Hutter 2015. Not theirs: they draw 250,000 parameter vectors for a mixture of all families by
      Markov chain Monte Carlo (seconds to minutes a curve); here each family's level and gain are integrated over in closed form,
      its other parameters take 24 values each, and families are averaged by their evidence.
    - "median": it ends as soon as it is worse than the median of the completed trainings' running averages up to the same epoch
      (Golovin, Solnik, Moitra, Kochanski, Karro & Sculley 2017, section 3.2.2), whatever the front.

    Learning rates mostly follow a cosine, under which scores fall in the last epochs below what any saturating curve says. So a
    training is extrapolated to the end of its own schedule, after corrections learned from completed trainings with the same
    schedule, the same number of epochs, the same data and resolution, and the same start (from scratch, or from inherited
    weights); of these there must be `least` before any is stopped. Corrections only ever make the rule more careful. Only
    evaluations at the run's full fidelity are compared with, and only trainings at it are stopped.

    What the rule knows travels in each trial, so workers need not be told. A training that was ended is recorded as stopped, with
    the scores of that moment and in `info["extrapolation"]` what was expected of it; it is shown, and never on the front.

        ne.evolve(space, task, estimation=LearningCurve(FullTraining(epochs=40, curve=40)), ...)

    Args:
        base: the estimation that trains, with a learning curve; None for `FullTraining(curve=20)`. Its `curve` says how often the
            rule is asked.
        rule: "power_law", "domhan" or "median".
        probability: below which a training ends; not of "median".
        least: how many completed trainings of its kind there are before any is stopped; None: 5, of "median" 10.
        begin: the first epoch after which a training may end.
        points: the least number of scores that are extrapolated; not of "median".
        looks: after how many scores in a row P must be so small; not of "median".
        keep: how many of the latest completed trainings are remembered.

    Raises:
        TypeError: the base is no estimation.
        ValueError: an unknown rule (the nearest is suggested), or a number out of its range.
    """

    def __init__(
        self,
        base: Estimation | None = None,
        rule: str = "power_law",
        *,
        probability: float = 0.05,
        least: int | None = None,
        begin: int = 1,
        points: int = 3,
        looks: int = 2,
        keep: int = 200,
    ) -> None:
        if base is None:
            from neuroevo.estimation.training import FullTraining

            base = FullTraining(curve=SCORES)
        if not isinstance(base, Estimation):
            raise TypeError(f"{type(self).__name__} wraps an estimation, such as FullTraining(), got {shown(base)}")
        if rule not in STOP_RULES:
            raise ValueError(unknown("rule", str(rule), STOP_RULES))
        least = least if least is not None else 10 if rule == MEDIAN else 5
        for name, value in (("least", least), ("begin", begin), ("points", points), ("looks", looks), ("keep", keep)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(value)}")
        if keep < least:
            raise ValueError(f"keep must be >= least, else no training is ever stopped; got keep={keep} and least={least}")
        if isinstance(probability, bool) or not isinstance(probability, (int, float)) or not 0 < probability < 1:
            raise ValueError(f"probability must be in (0, 1), got {shown(probability)}")
        self.base, self.rule, self.probability = base, rule, float(probability)
        self.least, self.begin, self.points, self.keep = least, begin, points, keep
        self.looks = looks
        self.jobs = base.jobs
        self._completed = Completed(keep)
        self._score = ""  # the name of what their curves show
        self._to_beat = ToBeat({})
        self._learned: dict[tuple[float, float], tuple[Any, ...]] = {}  # of them, by data and resolution

    @property
    def full(self) -> Fidelity:
        return self.base.full

    def suit(self, task: Task) -> None:
        self.base.suit(task)

    def start(self, task: Task, full: Fidelity = FULL) -> None:
        self.base.start(task, full)
        self._to_beat = ToBeat(task.objectives, full)

    def plan(self, individual: Individual) -> Fidelity | Prediction:
        return self.base.plan(individual)

    def cost(self, trial: Trial, task: Task) -> float:
        return self.base.cost(trial, task)

    def measure(self, trial: Trial, task: Task, context: Context) -> Measurement:
        return self.base.measure(trial, task, context)

    def stop(self, individual: Individual, fidelity: Fidelity) -> Mapping[str, Any] | None:
        own, theirs = self._rule(individual, fidelity), self.base.stop(individual, fidelity)
        if own is None or theirs is None:
            return theirs if own is None else own.to_json()
        return Either((rule_from_json(theirs), own)).to_json()

    def _rule(self, individual: Individual, fidelity: Fidelity) -> StopRule | None:
        kind = (fidelity.data, fidelity.resolution)
        if kind not in self._learned:  # once between two lessons
            self._learned[kind] = self._medians(kind) if self.rule == MEDIAN else self._lessons(kind)
        known = self._learned[kind]
        if not known:
            return None
        if self.rule == MEDIAN:
            return Median(known, self.begin)
        if not fidelity.reaches(self._to_beat.full):
            return None
        score = self._to_beat.score(individual.genome, self._score)
        return None if score is None else Unlikely(score, known, self.rule, self.probability, self.begin, self.points, self.looks)

    def _lessons(self, kind: tuple[float, float]) -> tuple[Lesson, ...]:
        alike: dict[Any, list[Curve]] = {}
        for curve in self._completed:
            if (curve.data, curve.resolution) == kind and len(curve.scores) > self.points:
                alike.setdefault((curve.schedule, curve.inherited, curve.epochs), []).append(curve)
        known = sorted((-len(curves), key) for key, curves in alike.items() if len(curves) >= self.least)
        return tuple(
            learned(
                np.array([curve.scores for curve in alike[schedule, inherited, epochs]]),
                epochs,
                schedule=schedule,
                inherited=inherited,
                families=self.rule,
                points=self.points,
            )
            for _, (schedule, inherited, epochs) in known[:KINDS]
        )

    def _medians(self, kind: tuple[float, float]) -> tuple[Medians, ...]:
        alike: dict[int, list[Curve]] = {}
        for curve in self._completed:
            if (curve.data, curve.resolution) == kind:
                alike.setdefault(curve.schedule, []).append(curve)
        known = sorted((-len(curves), schedule) for schedule, curves in alike.items() if len(curves) >= self.least)
        found = [medians_of(schedule, alike[schedule], self.least) for _, schedule in known[:KINDS]]
        return tuple(medians for medians in found if medians is not None)

    def observe(self, results: Sequence[Result]) -> None:
        self.base.observe(results)
        if self._completed.add(results):
            self._learned.clear()
        if self.rule != MEDIAN:
            self._to_beat.add(results)
        for result in results:
            self._score = next((name for info in result.measurement.info if (name := score_name(info))), self._score)

    def state(self) -> State:
        base = self.base.state()
        arrays = {**self._completed.arrays(), **self._to_beat.arrays()}
        own = {"base": base.json, "score": self._score}
        return State(own, {**arrays, **{_BASE + name: array for name, array in base.arrays.items()}})

    def restore(self, state: State) -> None:
        arrays = state.arrays
        self._completed.restore(arrays)
        self._score, self._learned = state.json.get("score", ""), {}
        if "reached" in arrays:
            self._to_beat.restore(arrays)
        theirs = {name.removeprefix(_BASE): array for name, array in arrays.items() if name.startswith(_BASE)}
        self.base.restore(State(state.json["base"], theirs))

    def settings(self) -> dict[str, Any]:
        return {
            "estimation": type(self).__name__,
            "base": self.base.settings(),
            "rule": self.rule,
            "probability": self.probability,
            "least": self.least,
            "begin": self.begin,
            "points": self.points,
            "looks": self.looks,
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

    def __getstate__(self) -> dict[str, Any]:  # a worker learns all that it needs from each trial
        return {**self.__dict__, "_completed": Completed(self.keep), "_to_beat": ToBeat({}), "_learned": {}, "_score": ""}


def medians_of(schedule: int, curves: Sequence[Curve], least: int) -> Medians | None:
    """The medians of running averages, at those epochs up to which there are at least so many; None where there are none."""
    epochs, medians = [], []
    for epoch in thinned(sorted({epoch for curve in curves for epoch in curve.epochs})):
        there = [average for curve in curves if (average := curve.average(epoch)) is not None]
        if len(there) >= least:
            epochs.append(epoch)
            medians.append(float(np.median(there)))
    return Medians(schedule, tuple(epochs), tuple(medians), len(curves)) if epochs else None
