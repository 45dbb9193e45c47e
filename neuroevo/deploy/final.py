"""The end of a search: the chosen network trained on everything but the test part, and tested before and after.

Whether more training helps can only be seen on samples that it does not train on, and the test part decides nothing. So it is tried first
on the training part alone, with the same recipe from the same weights, and judged on the validation part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.backend import prepare, suited_precision
from neuroevo.core.streams import TRAINING, stream
from neuroevo.data.dataset import Part
from neuroevo.train.compiled import Compiled, Method, compile_network
from neuroevo.train.loop import Training, fit
from neuroevo.train.recipe import Augmentation, Recipe

if TYPE_CHECKING:
    from neuroevo.tasks.supervised import Supervised

SHIFTED = Augmentation(crop=0.1)
FINAL = (1 << 62) - 2  # the stream of a last training, apart from those of births


@dataclass(frozen=True)
class FinalTraining:
    """What a last training gave.

    Args:
        model: the trained `keras.Model`: normalised inputs to logits or normalised values.
        before, after: scores on the test part, by name; `before` is empty where there were no weights to begin with.
        training: its learning curve; None where the network was left as it was.
        validation_before, validation_after: scores on the validation part before and after the trial on the training part alone; empty
            where there was none.
    """

    model: Any
    before: Mapping[str, float]
    after: Mapping[str, float]
    training: Training | None
    validation_before: Mapping[str, float] = field(default_factory=dict)
    validation_after: Mapping[str, float] = field(default_factory=dict)

    @property
    def left_alone(self) -> bool:
        """Whether the network was left as it was, since training made it worse on the validation part."""
        return self.training is None


def train_to_the_end(
    genome: Genome,
    task: Supervised,
    *,
    weights: Mapping[str, npt.NDArray[Any]] | None = None,
    epochs: int | None = None,
    augment: bool | Augmentation = False,
    recipe: Recipe | None = None,
    seed: int = 0,
    threads: int = 1,
    try_first: bool = False,
    every_row: bool = False,
) -> FinalTraining:
    """Train a genome's network on the training and validation parts together, and test it before and after.

    Args:
        genome: which network.
        task: which data.
        weights: arrays by marking to begin with (an artifact's); None begins from scratch.
        epochs: training epochs; None goes by the number of samples.
        augment: vary the samples (slightly shifted and stretched, or as an `Augmentation` says); not for features.
        recipe: how; by default the search's own, gentler where there are weights to begin with.
        seed: decides initial weights and the order of samples.
        threads: CPU threads.
        try_first: train on the training part alone before, and leave the network as it was where that makes `task.selection` worse on the
            validation part; takes almost twice the time. Only where there are weights to begin with.
        every_row: train on the test part as well, for use when all choices are made: nothing is left to test it on, and `after` is empty.

    Raises:
        Diverged: the training loss became infinite or NaN.
        ValueError: augmentation of features, which have no neighbours.
    """
    from neuroevo.decode import build, set_weights
    from neuroevo.inherit import initialise
    from neuroevo.inherit.embeddings import placed

    prepare(threads)
    dataset = task.dataset
    both = dataset.search_part
    if every_row:
        both = Part(np.concatenate([both.x, dataset.test.x]), np.concatenate([both.y, dataset.test.y]))
    recipe = recipe or (task.from_scratch if weights is None else task.inherited)
    if augment:
        recipe = replace(recipe, augment=augment if isinstance(augment, Augmentation) else SHIFTED)
    recipe = recipe.sized(len(both), epochs)

    def begun(part: Part) -> tuple[Compiled, np.random.Generator]:
        """The untrained network, or that with the weights, compiled to train on a part; and the stream for it."""
        rng = stream(seed, FINAL, TRAINING)
        with suited_precision():
            model = build(genome)
        set_weights(model, genome, placed(genome, initialise(genome, rng), part.x) if weights is None else weights)
        return compile_network(model, Method.of(recipe, task.loss, len(part), weighted=task.weighted)), rng

    validated: tuple[Mapping[str, float], Mapping[str, float]] = ({}, {})
    if try_first and weights is not None:
        network, rng = begun(dataset.train)
        validation_before = task.part_scores(network, dataset.validation)
        fit(network, dataset.train.x, task.training_targets(dataset.train, network), recipe, rng, vary=task.varying(dataset.train, network))
        validated = validation_before, task.part_scores(network, dataset.validation)
    network, rng = begun(both)
    before = {} if weights is None else task.test_scores(network)
    worse = task.selection_sign * (validated[1][task.selection] - validated[0][task.selection]) > 0 if validated[0] else False
    if worse:
        return FinalTraining(network.synchronised(), before, before, None, *validated)
    training = fit(network, both.x, task.training_targets(both, network), recipe, rng, vary=task.varying(both, network))
    after = {} if every_row else task.test_scores(network)
    return FinalTraining(network.synchronised(), before, after, training, *validated)


def arrays_of(model: Any, genome: Genome, begun_with: Mapping[str, npt.NDArray[Any]] | None = None) -> dict[str, Any]:
    """The model's weights as an artifact's arrays."""
    from neuroevo.decode import weights_of

    arrays: dict[str, Any] = {name: np.asarray(value) for name, value in weights_of(model, genome, channels=begun_with).items()}
    return arrays
