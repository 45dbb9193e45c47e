"""Fidelity, Artifact, Trial, Measurement, Evaluation, Result: the pieces of work that travel between a strategy and the workers.

A *trial* is one piece of work and the unit of record: it evaluates individuals, or works for all of them (an epoch of a shared network).
What it found for one individual is an *evaluation*; what it leaves for later trials is an *artifact*.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, Settings, shown

if TYPE_CHECKING:
    from neuroevo.core.individual import Individual

Arrays = Mapping[str, npt.NDArray[Any]]
PENDING, DONE, FAILED, STOPPED, PREDICTED = "pending", "done", "failed", "stopped", "predicted"
STATUSES = (PENDING, DONE, FAILED, STOPPED, PREDICTED)
WEIGHTS, CHECKPOINT = "weights", "checkpoint"  # kinds of artifacts that training leaves


@dataclass(frozen=True)
class Fidelity(metaclass=Settings):
    """How thoroughly a trained objective is obtained; the defaults are the estimation's full effort.

    Args:
        epochs: training epochs in all, those of `previous` included; None for the estimation's own number.
        data: share of the training data, in (0, 1].
        resolution: factor on the input's height and width, in (0, 1].
        previous: id of the trial that this one continues, from its checkpoint; None begins anew.
        schedule: epochs that the learning rate's schedule is spread over; None: over `epochs`, so that it ends with the trial. A trial that
            will be continued says here how far its continuations go.

    Raises:
        ValueError: a value out of its range.
    """

    epochs: int | None = None
    data: float = 1.0
    resolution: float = 1.0
    previous: int | None = None
    schedule: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "previous", "schedule"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(f"{name} must be a whole number >= 0 or None, got {shown(value)}")
        for name in ("data", "resolution"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {shown(value)}")
        if self.schedule is not None and self.epochs is not None and self.schedule < self.epochs:
            raise ValueError(f"the schedule is spread over at least the trial's own {self.epochs} epochs, got {self.schedule}")

    @property
    def unnamed(self) -> bool:
        """Whether this is the full effort, so that an estimation may still plan another."""
        return self is FULL or self == FULL

    @property
    def rank(self) -> tuple[float, float, float]:
        """What fidelities are ordered by: resolution, then data, then epochs."""
        return self.resolution, self.data, math.inf if self.epochs is None else self.epochs

    def reaches(self, other: Fidelity) -> bool:
        """Whether this is at least as thorough in every respect."""
        return self is FULL or self is other or all(mine >= theirs for mine, theirs in zip(self.rank, other.rank, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """JSON: what differs from the full effort."""
        return {name: value for name, value in self.__dict__.items() if value != getattr(FULL, name)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The fidelity that `to_dict` described, or a release that called `previous` "continues".

        Raises:
            ValueError: not a fidelity.
        """
        if not isinstance(data, Mapping):
            raise ValueError(f"a fidelity is a JSON object, got {shown(data)}")
        names = {"continues": "previous"}
        values = {names.get(name, name): value for name, value in data.items() if name != "width"}
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"{shown(dict(data))} is not a fidelity: {error}") from error


FULL = Fidelity()


@dataclass(frozen=True)
class Artifact:
    """What a trial leaves for later ones: named arrays, known by the trial and a kind.

    Args:
        trial: the trial that left it.
        kind: "weights", "checkpoint" (weights, optimizer slots, averages, random state), or any name of an estimation's own such as
            "supernet"; in a trial of several individuals followed by the individual's id ("weights.17").
        genome: the genome whose weights these are, or None.
        individual: the individual that it belongs to, or None.
        arrays: the arrays themselves, or None when they lie in `path` (safetensors).
        meta: JSON that goes with them.
    """

    trial: int
    kind: str = WEIGHTS
    genome: Genome | None = None
    individual: int | None = None
    arrays: Arrays | None = None
    path: Path | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> tuple[int, str]:
        """What it is known by."""
        return self.trial, self.kind

    def load(self) -> Arrays:
        """The arrays, from memory or from the file.

        Raises:
            FileNotFoundError: the file is gone.
            ValueError: the file is damaged.
        """
        if self.arrays is not None:
            return self.arrays
        if self.path is None or not self.path.exists():
            raise FileNotFoundError(f"the {self} are not kept: {self.path} does not exist")
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.path))
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"the {self} are damaged: {self.path}: {error}") from error

    def __str__(self) -> str:
        if self.individual is not None:
            return f"{self.kind.split('.')[0]} of individual {self.individual}"
        return f"arrays {self.kind!r} of trial {self.trial}"


@dataclass(frozen=True)
class Trial:
    """One piece of work for a worker, and the unit of record. A strategy makes one by `search.trial(...)`, which numbers it.

    Args:
        id: order of asking, a counter of its own.
        individuals: none (an epoch of a shared network), one, or a whole population. May be a lazy sequence.
        job: "evaluate", or "train_shared": one epoch of a shared network.
        fidelity: how thoroughly.
        artifacts: what it starts from: parents' weights (in the order of `individual.parents`), a checkpoint, a shared network.
        stop: a rule that ends its training early, as JSON: all that the rule knows travels in it, so that a replay holds.
        leaves: kinds of artifacts to leave beside the usual ones ("checkpoint", for trials that will be continued).
        separable: whether its individuals are scored each on its own, so that the run may spread them over workers.
        options: what else the estimation needs, JSON (for example {"inheritance": "lamarckian"}).
        repeat: 0 for an individual's first trial; another number, which draws other random numbers, for each later one.
    """

    id: int
    individuals: Sequence[Individual] = ()
    job: str = "evaluate"
    fidelity: Fidelity = FULL
    artifacts: tuple[Artifact, ...] = ()
    stop: Mapping[str, Any] | None = None
    leaves: tuple[str, ...] = ()
    separable: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0

    def artifact(self, kind: str) -> Artifact | None:
        """The first artifact of this kind among those that the trial starts from."""
        return next((artifact for artifact in self.artifacts if artifact.kind.split(".")[0] == kind), None)

    def left(self, individual: Individual, kind: str = WEIGHTS, **what: Any) -> Artifact:
        """An artifact that this trial leaves for one of its individuals; `what`: its arrays and meta."""
        alone = len(self.individuals) == 1 and not self.separable  # else this may be one of the pieces that it is cut into
        named = kind if alone else f"{kind}.{individual.id}"
        return Artifact(self.id, named, individual.genome, individual.id, **what)


@dataclass(frozen=True)
class Prediction:
    """What an estimation says of an individual without a trial. One with a number that is not finite says nothing: the individual is measured.

    Args:
        values: one for each objective, in order.
        deviation: of each, or () where it is not known.
        info: JSON recorded with the individual.
    """

    values: tuple[float, ...]
    deviation: tuple[float, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)

    @property
    def finite(self) -> bool:
        """Whether all its numbers are finite."""
        return all(math.isfinite(value) for value in (*self.values, *self.deviation))


@dataclass(frozen=True)
class Measurement:
    """What a worker brings back: plain numbers and arrays.

    Args:
        values: float64 [individuals, objectives], in the order of the task's objectives; a failed row is NaN.
        reasons: for each failed individual, its position in the trial and why it failed.
        info: one JSON object for each individual, or () for none.
        artifacts: what the trial leaves.
        seconds: wall-clock time that it took in the worker.
        stopped: for each individual whose training a rule ended early, its position and why; its values are those at that point.
        descriptors: float64 [individuals, d], what the phenotypes did, or None.
        epochs: training epochs that it took, summed over its individuals, in passes over all of the training data.
        report: JSON about the trial as a whole, for trials without individuals.
        error: why the trial failed as a whole, or "".
    """

    values: npt.NDArray[np.float64]
    reasons: Mapping[int, str] = field(default_factory=dict)
    info: tuple[Mapping[str, Any], ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    seconds: float = 0.0
    stopped: Mapping[int, str] = field(default_factory=dict)
    descriptors: npt.NDArray[np.float64] | None = None
    epochs: float = 0.0
    report: Mapping[str, Any] = field(default_factory=dict)
    error: str = ""


def finite_only(measurement: Measurement, names: Sequence[str]) -> Measurement:
    """The measurement, with a reason for each individual that something is not finite of: a value, a descriptor, or what it took on a simulated
    clock; and for all where the epochs are none. Whatever measured: what is compared later must be numbers.

    Args:
        names: of the objectives.
    """
    values = np.asarray(measurement.values, np.float64)
    total = sum(map(sum, values.tolist())) if len(values) <= 4 and values.ndim == 2 else float(values.sum())
    sound = math.isfinite(total) and measurement.descriptors is None and not any(measurement.info)
    if sound and 0.0 <= measurement.epochs < math.inf:  # most of those that cost next to nothing
        return measurement
    reasons = dict(measurement.reasons)
    for row in np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
        wrong = next(place for place, value in enumerate(values[row].tolist()) if not math.isfinite(value))
        reasons.setdefault(row, f"ValueError: {names[wrong]} must be finite, it is {values[row, wrong]}")
    if measurement.descriptors is not None:
        for row in np.flatnonzero(~np.isfinite(measurement.descriptors).all(axis=1)).tolist():
            reasons.setdefault(row, f"ValueError: descriptors must be finite, got {shown(measurement.descriptors[row].tolist())}")
    for row, info in enumerate(measurement.info):
        took = (info.get("scores") or {}).get("simulated_seconds", 0.0)
        if not (isinstance(took, (int, float)) and 0.0 <= took < math.inf):
            reasons.setdefault(row, f"ValueError: simulated_seconds must be finite and >= 0, got {shown(took)}")
    epochs = measurement.epochs
    if not 0.0 <= epochs < math.inf:
        why = f"ValueError: the estimation says that the trial took {epochs} epochs"
        reasons, epochs = {row: reasons.get(row, why) for row in range(len(values))}, 0.0
    if len(reasons) == len(measurement.reasons) and epochs == measurement.epochs:
        return measurement
    kept = tuple({} if row in reasons and row not in measurement.reasons else one for row, one in enumerate(measurement.info))
    return replace(measurement, values=values, reasons=reasons, info=kept, epochs=epochs)


class Evaluation(NamedTuple):
    """What one trial found for one individual at one fidelity.

    Args:
        individual, trial: their ids.
        values: one for each objective, in order; the worst ones where it failed.
        status: "done", "failed", "stopped" (its training was ended early) or "predicted" (nothing was trained).
        reason: why it failed or was stopped.
        info: what else was reported (a learning curve, values that are not objectives), JSON.
        descriptors: float64 [d], or None.
    """

    individual: int
    trial: int
    values: tuple[float, ...]
    status: str = DONE
    reason: str = ""
    info: Mapping[str, Any] = {}
    fidelity: Fidelity = FULL
    descriptors: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Result:
    """A trial that came back. By the time a strategy is told, its individuals carry their fitness, status and artifact.

    Args:
        attempts: how often it was tried; 0 for one that was recalled or predicted.
    """

    trial: Trial
    measurement: Measurement
    attempts: int = 1

    @property
    def individuals(self) -> Sequence[Individual]:
        return self.trial.individuals

    @property
    def failed(self) -> bool:
        """Whether the trial failed as a whole."""
        return bool(self.measurement.error)

    def artifact(self, kind: str) -> Artifact:
        """What the trial left of this kind.

        Raises:
            KeyError: nothing.
        """
        for artifact in self.measurement.artifacts:
            if artifact.kind.split(".")[0] == kind:
                return artifact
        raise KeyError(f"trial {self.trial.id} left no {kind!r}")
