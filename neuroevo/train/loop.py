"""The training loop: epochs, schedule, augmentation, a learning curve, and the end of a training that diverged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.train.augmentation import augmented
from neuroevo.train.compiled import Compiled, Floats
from neuroevo.train.recipe import Augmentation, Recipe

EVALUATION_BATCH = 2048
Vary = Callable[[Augmentation, np.random.Generator], tuple[Floats, Floats]]


class Diverged(ValueError):
    """A training whose loss is no longer finite."""


@dataclass
class Training:
    """What a training was, or is so far.

    Attributes:
        train_loss: mean training loss of each epoch.
        validation: the validation score (lower is better) of each epoch that was scored, and `scored`, those epochs' numbers.
        seconds: wall-clock time of the epochs ("train", of which "first_epoch" holds the tracing) and of scoring ("evaluate").
    """

    train_loss: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    scored: list[int] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def fit(
    network: Compiled,
    x: Floats,
    targets: Floats,
    recipe: Recipe,
    rng: np.random.Generator,
    *,
    score: Callable[[Compiled], float] | None = None,
    score_every: int = 1,
    teacher: Callable[[Floats], Floats] | None = None,
    report: Callable[[int, float, float | None], bool | None] | None = None,
    training: Training | None = None,
    spread: int | None = None,
    leave: Callable[[], None] | None = None,
    vary: Vary | None = None,
) -> Training:
    """Train a network whose weights are set (`network.reset`, or `Checkpoint.resume`), in place.

    Args:
        x: float32 [samples, *input_shape].
        targets: float32 [samples, outputs]: probabilities of the classes (one-hot), times the sample's weight where the network's method
            is weighted; or values; of a detection [samples, locations, 6].
        recipe: how; epochs that it leaves open are settled by the number of samples. They count from the very beginning of the training.
        rng: decides the order of the samples and their augmentation.
        score: the validation score, called every `score_every` epochs and after the last.
        teacher: the teacher's outputs for samples: float32 [samples, *input_shape] to float32 [samples, outputs].
        report: called after every epoch with its number (from 1), training loss and validation score; True ends the training.
        training: what was done before, which this goes on with and extends; None begins.
        spread: epochs that the learning rate's schedule is spread over; None: over the recipe's.
        leave: called at the end, while the weights are those of now and not yet their averages: the moment for a checkpoint.
        vary: of samples whose targets move with them, both as augmentation varied them; None: targets stay as they are.

    Raises:
        Diverged: the training loss is not a finite number.
        ValueError: more epochs were done before than the recipe has, or the schedule is shorter than the training.
    """
    recipe = recipe.sized(len(x))
    epochs = recipe.epochs or 0
    training = Training() if training is None else training
    training.seconds = {"train": 0.0, "first_epoch": 0.0, "evaluate": 0.0}
    begin, spread = len(training.train_loss), epochs if spread is None else spread
    if begin > epochs:
        raise ValueError(f"{epochs} epochs in all are asked for, but {begin} are done already")
    if spread < epochs:
        raise ValueError(f"the learning rate's schedule is spread over {spread} epochs, fewer than the {epochs} of the training")
    if network.method.loss == "cross_entropy" and recipe.label_smoothing > 0:
        weights = targets.sum(axis=1, keepdims=True) if network.method.weighted else np.float32(1)
        targets = np.asarray(weights * smoothed(targets / weights, recipe.label_smoothing), np.float32)
    batch = network.method.batch_size
    steps = max(1, round(len(x) / batch))
    rates = replace(recipe, epochs=spread).rates(steps)
    placed_targets = network.place(targets)
    placed = None if recipe.augment else network.place(x)
    taught = network.place(teacher(x)) if teacher is not None and not recipe.augment else None
    for epoch in range(begin, epochs):
        start = time.perf_counter()
        if recipe.augment:
            if vary is None:
                varied = augmented(x, recipe.augment, rng)
            else:
                varied, moved = vary(recipe.augment, rng)
                placed_targets = network.place(moved)
            placed = network.place(varied)
            taught = network.place(teacher(varied)) if teacher is not None else None
        loss = network.epoch(placed, placed_targets, sample_order(len(x), steps, batch, rng), rates[epoch], taught)
        spent = time.perf_counter() - start
        training.seconds["train"] += spent
        training.train_loss.append(loss)
        if epoch == begin:
            training.seconds["first_epoch"] = spent
        if not np.isfinite(loss):
            raise Diverged(f"the training loss became {loss} in epoch {epoch + 1} of {epochs}; a lower learning rate may help")
        scored = None
        if score is not None and ((epoch + 1) % score_every == 0 or epoch + 1 == epochs):
            start = time.perf_counter()
            scored = _with_averages(network, score)
            training.seconds["evaluate"] += time.perf_counter() - start
            training.validation.append(scored)
            training.scored.append(epoch + 1)
        if report is not None and report(epoch + 1, loss, scored):
            break
    if leave is not None:
        leave()
    if network.averages() and epochs > 0:
        network.set_weights(network.averages())
    return training


def _with_averages(network: Compiled, score: Callable[[Compiled], float]) -> float:
    """The score of what would be kept now: of the averaged weights, where there are such."""
    averages = network.averages()
    if not averages:
        return score(network)
    current = network.weights()
    network.set_weights(averages)
    scored = score(network)
    network.set_weights(current)
    return scored


def sample_order(samples: int, steps: int, batch: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
    """Which samples each step sees: int32 [steps, batch]. Every sample at most once, except those that fill the last step."""
    order = rng.permutation(samples)
    while len(order) < steps * batch:
        order = np.concatenate([order, rng.permutation(samples)])
    return order[: steps * batch].reshape(steps, batch).astype(np.int32)


def smoothed(targets: Floats, share: float) -> Floats:
    """Class probabilities with a share of the weight spread over all classes (Szegedy et al. 2016)."""
    return np.asarray(targets * (1 - share) + share / targets.shape[1], np.float32)


def model_outputs(model: Any, x: Floats, batch: int = EVALUATION_BATCH) -> Floats:
    """A plain `keras.Model`'s outputs in inference mode, without compiling it: float32 [samples, outputs]; float64 where it gives that."""
    import keras

    parts = [keras.ops.convert_to_numpy(model(x[at : at + batch], training=False)) for at in range(0, len(x), batch)]
    if not parts:
        return np.zeros((0, *model.output_shape[1:]), np.float32)
    outputs = np.concatenate(parts)
    return outputs if outputs.dtype == np.float64 else np.asarray(outputs, np.float32)


def outputs_in_batches(network: Compiled, x: Floats, batch: int = EVALUATION_BATCH) -> Floats:
    """The network's outputs in inference mode for any number of samples: float32 [samples, outputs]."""
    parts: Sequence[Any] = [network.outputs(network.place(x[at : at + batch])) for at in range(0, len(x), batch)]
    return np.concatenate(parts) if parts else np.zeros((0, *network.model.output_shape[1:]), np.float32)
