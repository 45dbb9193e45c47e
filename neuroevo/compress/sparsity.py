"""Unstructured pruning: single weights become zero, the least valuable of the whole network first, and stay so while the rest is trained on.

The network keeps its shape, so it is no faster in Keras; its file shrinks when it is packed.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.compress.pruning import checked_share, refuse_without_validation
from neuroevo.compress.retraining import retrained
from neuroevo.core.streams import COMPRESSION, stream
from neuroevo.decode.graph import functional
from neuroevo.tasks.supervised import Supervised
from neuroevo.train.gradients import weight_gradients

Floats = npt.NDArray[Any]
GRADIENT_BATCH = 32
NAMES = ("magnitude", "taylor", "random")


@dataclass(frozen=True)
class Sparsity:
    """How single weights are pruned.

    Args:
        method: "magnitude" (the smallest go; Han, Pool, Tran & Dally 2015), "taylor" (those go whose removal changes the loss least to first
            order; Molchanov et al. 2017) or "random".
        rounds: in how many equal steps, each followed by training.
        epochs: of training after each; 0 for none, None for as many as a candidate that inherits its weights gets.
        samples: training samples, at most, of which gradients are taken.

    Raises:
        ValueError: an unknown method, or a number out of range.
    """

    method: str = "magnitude"
    rounds: int = 1
    epochs: int | None = None
    samples: int = 512

    def __post_init__(self) -> None:
        if self.method not in NAMES:
            raise ValueError(
                f"single weights are too many to be valued by {self.method}: {unknown('method', self.method, NAMES)}"
                if self.method in ("shapley", "leave_one_out", "activation")
                else unknown("method", self.method, NAMES)
            )
        if self.rounds < 1 or self.samples < 1:
            raise ValueError(f"rounds and samples must be >= 1, got {self.rounds} and {self.samples}")
        if self.epochs is not None and self.epochs < 0:
            raise ValueError(f"epochs must be >= 0, got {self.epochs}")


@dataclass(frozen=True, eq=False)
class Sparse:
    """A network some of whose weights are zero.

    Attributes:
        model: a `keras.Model` of the same layers.
        nonzero: trainable weights that are not pruned.
        operators, details: what was done; JSON.
    """

    model: Any
    nonzero: int
    operators: tuple[str, ...]
    details: dict[str, Any]


def sparsified(
    model: Any, task: Supervised, keep: float, settings: Sparsity = Sparsity(), *, seed: int = 0, id: int = 0
) -> Sparse:
    """A copy of a network in which this share of its kernels' weights is kept, and the others are zero.

    Args:
        model: functional or sequential; normalised inputs to logits or normalised values.
        task: which data.
        keep: in (0, 1), of the weights of kernels; biases and normalisations stay.
        settings: how.
        seed, id: key what is drawn.

    Raises:
        ValueError: a share out of range, no kernels, or no validation samples.
    """
    import keras

    checked_share(keep)
    refuse_without_validation(task)
    original = functional(model)
    copy = keras.models.clone_model(original)
    copy.set_weights(original.get_weights())
    kernels = [len(variable.shape) > 1 for variable in copy.trainable_variables]
    total = sum(math.prod(variable.shape) for variable, kernel in zip(copy.trainable_variables, kernels, strict=True) if kernel)
    if not total:
        raise ValueError("the model has no kernels whose weights could be zero")
    masks: list[Floats | None] = [
        np.ones(variable.shape, np.float32) if kernel else None
        for variable, kernel in zip(copy.trainable_variables, kernels, strict=True)
    ]
    repairs = []
    for number in range(1, settings.rounds + 1):
        rng = stream(seed, id, COMPRESSION, repeat=8 * number + 3)
        goal = max(1, round(total * (1 - (1 - keep) * number / settings.rounds)))
        values = METHODS[settings.method](copy, task, settings.samples, rng)
        masks = _masks(values, masks, goal)
        for variable, mask in zip(copy.trainable_variables, masks, strict=True):
            if mask is not None:
                variable.assign(np.asarray(variable) * mask)
        if settings.epochs != 0:
            repairs.append(retrained(copy, task, rng, epochs=settings.epochs, masks=masks))
    gone = total - sum(int(mask.sum()) for mask in masks if mask is not None)
    parameters = sum(math.prod(variable.shape) for variable in copy.trainable_variables)
    packed = sum(len(zlib.compress(np.ascontiguousarray(array).tobytes(), 9)) for array in copy.get_weights())
    details = {
        "method": settings.method, "keep": keep, "of": "weights", "unit": "weights", "rounds": settings.rounds,
        "parameters": [parameters, parameters - gone], "weights_packed_bytes": packed, **({"trained": repairs} if repairs else {}),
    }  # fmt: skip
    operators = ("sparsify", *(["train"] if any(one["kept"] for one in repairs) else []))
    return Sparse(copy, parameters - gone, operators, details)


def _magnitude(model: Any, task: Supervised, samples: int, rng: np.random.Generator) -> list[Floats]:
    return [np.abs(np.asarray(variable)) for variable in model.trainable_variables]


def _random(model: Any, task: Supervised, samples: int, rng: np.random.Generator) -> list[Floats]:
    return [rng.random(variable.shape) for variable in model.trainable_variables]


def _taylor(model: Any, task: Supervised, samples: int, rng: np.random.Generator) -> list[Floats]:
    from keras import ops

    part = task.dataset.train
    drawn = rng.permutation(len(part))[:samples]
    x, targets = part.x[drawn], task.dataset.targets(part)[drawn]
    sums: list[Floats] = [np.zeros(variable.shape) for variable in model.trainable_variables]
    for at in range(0, len(x), GRADIENT_BATCH):
        wanted = ops.convert_to_tensor(targets[at : at + GRADIENT_BATCH])

        def loss(outputs: Any, wanted: Any = wanted) -> Any:
            if task.loss == "mean_squared_error":
                return ops.mean(ops.square(outputs - wanted))
            return -ops.mean(ops.sum(wanted * ops.log_softmax(outputs, axis=-1), axis=-1))

        found = weight_gradients(model, x[at : at + GRADIENT_BATCH], loss, training=False)
        for total, gradient, variable in zip(sums, found, model.trainable_variables, strict=True):
            total += np.abs(gradient * np.asarray(variable))
    return sums


METHODS: Mapping[str, Callable[[Any, Supervised, int, np.random.Generator], list[Floats]]] = dict(
    zip(NAMES, (_magnitude, _taylor, _random), strict=True)
)


def _masks(values: list[Floats], before: list[Floats | None], goal: int) -> list[Floats | None]:
    """Masks that keep so many of the weights that are still there, the most valuable of the whole network."""
    flat = np.concatenate(
        [np.where(mask > 0, value, -np.inf).ravel() for value, mask in zip(values, before, strict=True) if mask is not None]
    )
    kept = np.zeros(len(flat), np.float32)
    kept[np.argsort(-flat, kind="stable")[:goal]] = 1.0
    found: list[Floats | None] = []
    at = 0
    for mask in before:
        if mask is None:
            found.append(None)
            continue
        found.append((kept[at : at + mask.size].reshape(mask.shape)) * mask)
        at += mask.size
    return found
