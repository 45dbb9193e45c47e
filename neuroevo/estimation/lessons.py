"""Lessons: what completed trainings teach about extrapolating those to come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.estimation.extrapolation import Extrapolation, extrapolate
from neuroevo.estimation.shapes import Floats
from neuroevo.estimation.stopping import Progress, check_count, check_number

PRIOR = 5.0  # how many completed trainings the families themselves count for
FLOOR = 0.25  # of the median change: a curve that is still flat may yet fall as others did
DIGITS = 6  # of what travels with every trial


@dataclass(frozen=True)
class Lesson:
    """What completed trainings of one kind teach: those whose schedule is spread over as many epochs, that began alike (from
    scratch, or from their parents' weights) and were scored after the same epochs.

    Args:
        schedule: epochs that the learning rate's schedule is spread over.
        inherited: whether they began with their parents' weights.
        epochs: ascending, after which they were scored; the last one is the end.
        offset: scores are compared as log(score + offset), so that half the error counts alike for good and for bad networks;
            None: as they are, where there are negative ones.
        scale: how much their scores changed from the first to the last, as they are compared: the median.
        shifts: for each epoch but the last by how many deviations their final scores were better (then below 0) than
            extrapolated.
        widths: likewise how far these differences were from one another, in deviations.
        trials: how many trainings these are.

    Raises:
        ValueError: a value out of its range.
    """

    schedule: int
    inherited: bool
    epochs: tuple[int, ...]
    offset: float | None
    scale: float
    shifts: tuple[float, ...]
    widths: tuple[float, ...]
    trials: int

    def __post_init__(self) -> None:
        check_count("schedule", self.schedule)
        check_count("trials", self.trials)
        for name in ("epochs", "shifts", "widths"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for epoch in self.epochs:
            check_count("epochs", epoch)
        for number in (self.scale, 0.0 if self.offset is None else self.offset, *self.shifts, *self.widths):
            check_number("what a lesson holds", number)
        if list(self.epochs) != sorted(set(self.epochs)) or {len(self.shifts), len(self.widths)} != {len(self.epochs) - 1}:
            raise ValueError(
                f"epochs must ascend, with one shift and one width for each but the last; got {shown(self.epochs)}, "
                f"{shown(self.shifts)} and {shown(self.widths)}"
            )
        if min(self.widths, default=1.0) <= 0:
            raise ValueError(f"widths must be > 0, got {shown(self.widths)}")

    @property
    def end(self) -> int:
        """The last epoch."""
        return self.epochs[-1]

    def places(self, progress: Progress) -> list[int]:
        """Which of a training's scores are at the lesson's epochs, the latest among them; none where the training is of another
        kind, or at another epoch."""
        if (progress.schedule, progress.epochs, progress.inherited) != (self.schedule, self.end, self.inherited):
            return []
        known = set(self.epochs)
        found = [place for place, epoch in enumerate(progress.scored) if epoch in known]
        seen = tuple(progress.scored[place] for place in found)
        alike = 0 < len(seen) < len(self.epochs) and seen == self.epochs[: len(seen)] and seen[-1] == progress.epoch
        return found if alike else []

    def compared(self, scores: npt.ArrayLike) -> Floats:
        """Scores as they are compared; NaN for those that cannot be."""
        return compared(scores, self.offset)

    def scores(self, values: npt.ArrayLike) -> Floats:
        """The inverse of `compared`; no score is below 0 where there are no negative ones."""
        values = np.asarray(values, np.float64)
        return values if self.offset is None else np.maximum(np.exp(np.minimum(values, 700.0)) - self.offset, 0.0)

    def extrapolated(self, scores: npt.ArrayLike, families: str) -> Extrapolation:
        """What the final scores will be, as they are compared.

        Args:
            scores: of the first epochs: float64 [curves, epochs so far], as they are compared.
        """
        scores = np.atleast_2d(np.asarray(scores, np.float64))
        count = scores.shape[1]
        found = _careful(scores, self.epochs[:count], self.end, families, self.scale)
        return found.moved(self.shifts[count - 1], self.widths[count - 1])


def compared(scores: npt.ArrayLike, offset: float | None) -> Floats:
    """Scores as they are compared: log(score + offset), or as they are; NaN for those that cannot be."""
    values = np.asarray(scores, np.float64)
    if offset is None:
        return values
    return np.asarray(np.log(values + offset, out=np.full(values.shape, np.nan), where=values > -offset))


def learned(scores: Floats, epochs: Sequence[int], *, schedule: int, inherited: bool, families: str, points: int = 1) -> Lesson:
    """What completed trainings of one kind teach. A final score beyond what was extrapolated moves the extrapolations to come,
    only towards better scores; how far these differences lie apart makes them wider, never narrower: who was stopped teaches
    nothing, and might have been an exception.

    Args:
        scores: float64 [trainings, epochs]; lower is better.
        epochs: after which they were taken.
        points: from how many scores on there is something to learn; before, nothing is said.
    """
    final = float(np.median(scores[:, -1]))
    offset = _rounded(final / 2) if scores.min() >= 0 and final > 0 else None
    values = compared(scores, offset)
    scale = _rounded(float(np.median(np.abs(values[:, 0] - values[:, -1]))) * FLOOR)
    shifts, widths = [0.0] * (len(epochs) - 1), [1.0] * (len(epochs) - 1)
    for count in range(points, len(epochs)):
        found = _careful(values[:, :count], epochs[:count], epochs[-1], families, scale)
        differences = (values[:, -1] - found.mean) / found.deviation
        shift = min(0.0, float(differences.sum()) / (len(differences) + PRIOR))
        spread = (PRIOR + float(((differences - shift) ** 2).sum())) / (len(differences) + PRIOR)
        shifts[count - 1], widths[count - 1] = _rounded(shift), _rounded(max(1.0, spread**0.5))
    return Lesson(schedule, inherited, tuple(epochs), offset, scale, tuple(shifts), tuple(widths), len(scores))


def _careful(scores: Floats, epochs: Sequence[int], end: int, families: str, scale: float) -> Extrapolation:
    """The extrapolation, which expects of nobody to end worse than its best score so far: a high learning rate throws scores up
    and down, and it is low at the end."""
    return extrapolate(scores, epochs, end, families=families, scale=scale).at_most(scores.min(axis=1))


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
