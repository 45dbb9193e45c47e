"""Median stopping: trainings that fall behind what completed ones had reached by then end early."""

from __future__ import annotations

from typing import Any

from neuroevo.estimation.base import Estimation
from neuroevo.estimation.learning_curve import MEDIAN, LearningCurve


class MedianStopping(LearningCurve):
    """The median rule of `LearningCurve`, under its own name: a training ends as soon as it is worse than the median of the
    completed ones (Golovin, Solnik, Moitra, Kochanski, Karro & Sculley 2017, section 3.2.2).

        ne.evolve(space, task, estimation=MedianStopping(FullTraining(curve=10)), ...)

    Args:
        base: the estimation that trains, with a learning curve; None for `FullTraining()`. Its `curve` says how often the rule is
            asked.
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
        super().__init__(base, MEDIAN, least=least, begin=begin, keep=keep)

    def settings(self) -> dict[str, Any]:
        own = ("estimation", "base", "least", "begin", "keep")
        return {name: value for name, value in super().settings().items() if name in own}
