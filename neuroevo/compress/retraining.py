"""Training of what compression left: as a candidate that inherits its weights is trained, alone or taught by another network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.tasks.supervised import Supervised
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.loop import fit
from neuroevo.train.recipe import INHERITED, Recipe

Floats = npt.NDArray[np.float32]


def retrained(
    model: Any,
    task: Supervised,
    rng: np.random.Generator,
    *,
    epochs: int | None = None,
    recipe: Recipe = INHERITED,
    masks: Sequence[Floats | None] = (),
    teacher: Callable[[Floats], Floats] | None = None,
    teaching: float = 0.0,
    temperature: float = 1.0,
    always: bool = False,
) -> dict[str, Any]:
    """Train a model on the training part, in place; where that makes the validation score worse, its weights are as before.

    Args:
        model: normalised inputs to logits or normalised values.
        task: which data.
        rng: decides the order of the samples.
        epochs: None: half of what a network from scratch gets.
        recipe: how.
        masks: for each trainable variable what it is multiplied by after every step, or None; () for none.
        teacher: the outputs of another network for samples (Hinton, Vinyals & Dean 2015).
        teaching, temperature: share of the loss that comes from the teacher, and the temperature of both networks' probabilities.
        always: keep the trained weights even where they are worse.

    Returns:
        JSON: epochs, the validation score before and after, and whether the trained weights were kept.

    Raises:
        Diverged: the training loss became infinite or NaN.
    """
    dataset, before = task.dataset, model.get_weights()
    sized = recipe.sized(len(dataset.train))
    sized = replace(sized, epochs=max(1, (sized.epochs or 2) // 2) if epochs is None else epochs)
    if teaching > 0:
        sized = replace(sized, label_smoothing=0.0)
    method = Method.of(sized, task.loss, len(dataset.train), teaching=teaching, temperature=temperature)
    network = compile_network(model, method, masks)
    network.reset()
    score = task.part_scores(model, dataset.validation)[task.selection]
    fit(network, dataset.train.x, dataset.targets(dataset.train), sized, rng, teacher=teacher)
    trained = network.synchronised()
    after = task.part_scores(trained, dataset.validation)[task.selection]
    kept = always or task.selection_sign * (after - score) <= 0
    if not kept:
        model.set_weights(before)
    return {"epochs": sized.epochs, task.selection: [score, after], "kept": bool(kept)}
