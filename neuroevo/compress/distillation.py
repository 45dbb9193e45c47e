"""Distillation: a small network learns the outputs of a large one (Hinton, Vinyals & Dean 2015), in the training loop that all candidates are
trained in: the teacher's logits, softened by a temperature, beside the true answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.compress.pruning import refuse_without_validation
from neuroevo.compress.retraining import retrained
from neuroevo.core.streams import COMPRESSION, global_random_kept, stream
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.loop import model_outputs
from neuroevo.train.recipe import FROM_SCRATCH


@dataclass(frozen=True)
class Distillation:
    """How a small network is taught.

    Args:
        teaching: share of the loss that comes from the teacher, in [0, 1]; 0 is training alone.
        temperature: by which both networks' logits are divided, > 0. The networks of a search are trained on smoothed labels, so their outputs
            are soft as they are: 1 teaches best.
        epochs: of training from scratch; None goes by the number of samples.

    Raises:
        ValueError: a number out of range.
    """

    teaching: float = 0.9
    temperature: float = 1.0
    epochs: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.teaching <= 1:
            raise ValueError(f"teaching must be in [0, 1], got {self.teaching}")
        if not self.temperature > 0:
            raise ValueError(f"temperature must be > 0, got {self.temperature}")
        if self.epochs is not None and self.epochs < 1:
            raise ValueError(f"epochs must be >= 1, got {self.epochs}")


@dataclass(frozen=True, eq=False)
class Distilled:
    """A network that was taught.

    Attributes:
        genome, weights: what it is: arrays by marking.
        model: its `keras.Model`.
        operators, details: what was done; JSON.
    """

    genome: Genome
    weights: dict[str, npt.NDArray[Any]]
    model: Any
    operators: tuple[str, ...]
    details: dict[str, Any]


def distilled(
    teacher: Any, student: Genome, task: Supervised, settings: Distillation = Distillation(), *, seed: int = 0, id: int = 0
) -> Distilled:
    """Train a genome's network from scratch, taught by another network.

    Args:
        teacher: normalised inputs to logits or normalised values.
        student: a genome with a layer graph.
        task: which data.
        settings: how.
        seed, id: key its first weights and the order of samples: the same ones with and without a teacher.

    Raises:
        ValueError: no validation samples.
        Diverged: the training loss became infinite or NaN.
    """
    from neuroevo.decode import build, set_weights, weights_of
    from neuroevo.inherit import initialise

    refuse_without_validation(task)
    rng = stream(seed, id, COMPRESSION, repeat=4)
    with global_random_kept():
        model = build(student)
    start = initialise(student, rng)
    set_weights(model, student, start)
    recipe = FROM_SCRATCH.sized(len(task.dataset.train))
    epochs = settings.epochs or recipe.epochs
    trained = retrained(
        model, task, rng, epochs=epochs, recipe=recipe,
        teacher=(lambda x: model_outputs(teacher, x)) if settings.teaching > 0 else None, teaching=settings.teaching,
        temperature=settings.temperature, always=True,
    )  # fmt: skip
    arrays = {name: np.asarray(value) for name, value in weights_of(model, student, channels=start).items()}
    details = {"teaching": settings.teaching, "temperature": settings.temperature, "epochs": trained["epochs"]}
    return Distilled(student, arrays, model, ("distil",), details)
