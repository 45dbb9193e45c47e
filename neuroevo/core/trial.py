"""Trial, Result, Fidelity, Artifact: the pieces of work that travel between a strategy and the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.individual import Individual

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Fidelity:
    """How thoroughly a trained objective is obtained; the defaults are the estimation's full effort.

    Args:
        epochs: training epochs, or None for the estimation's own number.
        data: share of the training data, in (0, 1].
        resolution: factor on the input's height and width, in (0, 1].
        width: factor on the number of filters, in (0, 1].
        continues: id of the trial that this one continues, or None.
    """

    epochs: int | None = None
    data: float = 1.0
    resolution: float = 1.0
    width: float = 1.0
    continues: int | None = None

    def __post_init__(self) -> None:
        if self.epochs is not None and self.epochs < 0:
            raise ValueError(f"epochs must be >= 0, got {self.epochs}")
        for name in ("data", "resolution", "width"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}")


FULL = Fidelity()


@dataclass(frozen=True)
class Artifact:
    """What a trial leaves for later ones: named arrays (weights, statistics), with the genome that they belong to.

    Args:
        id: the individual (or, for a supernet, the trial) that left it.
        genome: the genome whose weights these are.
        arrays: the arrays themselves, or None when they lie in `path` (safetensors).
        meta: JSON that goes with them.
    """

    id: int
    genome: Genome | None = None
    kind: str = "weights"
    arrays: Arrays | None = None
    path: Path | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)

    def load(self) -> Arrays:
        """The arrays, from memory or from the file.

        Raises:
            FileNotFoundError: the file is gone.
            ValueError: the file is damaged.
        """
        if self.arrays is not None:
            return self.arrays
        if self.path is None or not self.path.exists():
            raise FileNotFoundError(f"the weights of individual {self.id} are not kept: {self.path} does not exist")
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.path))
        except (SafetensorError, ValueError, TypeError, KeyError) as error:
            raise ValueError(f"the weights of individual {self.id} are damaged: {self.path}: {error}") from error


@dataclass(frozen=True)
class Trial:
    """One piece of work for a worker.

    Args:
        id: birth order (the id of its first individual; unique among the trials of one job).
        individuals: usually one; a whole population for population fitness. May be a lazy sequence.
        job: "evaluate", or "train_shared": one epoch of a supernet.
        fidelity: how thoroughly.
        artifacts: what it starts from (parents' weights, a checkpoint, a supernet), in order of `individual.parents`.
        separable: whether its individuals are scored each on its own, so that the run may spread them over workers.
        options: what else the estimation needs, JSON (for example {"inheritance": "lamarckian"}).
    """

    id: int
    individuals: Sequence[Individual]
    job: str = "evaluate"
    fidelity: Fidelity = FULL
    artifacts: tuple[Artifact, ...] = ()
    separable: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """What a worker brings back: plain numbers and arrays.

    Args:
        values: float64 [individuals, objectives], in the order of the task's objectives; a failed row is NaN.
        reasons: for each failed individual, its position in the trial and why it failed.
        info: one JSON object for each individual, or () for none.
        artifacts: what the trial leaves.
        seconds: wall-clock time that it took in the worker.
    """

    values: npt.NDArray[np.float64]
    reasons: Mapping[int, str] = field(default_factory=dict)
    info: tuple[Mapping[str, Any], ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Result:
    """A trial that came back. By the time a strategy is told, its individuals carry their fitness, status and artifact."""

    trial: Trial
    measurement: Measurement
    attempts: int = 1

    @property
    def individuals(self) -> Sequence[Individual]:
        return self.trial.individuals
