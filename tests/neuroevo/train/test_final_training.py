"""The last training: on train and validation data, tested before and after."""

from dataclasses import replace

import pytest

from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import Fidelity, Trial
from neuroevo.deploy.final import arrays_of, train_to_the_end
from neuroevo.estimation import FullTraining
from neuroevo.estimation.training import INHERITED
from neuroevo.tasks import Classification, Context


@pytest.mark.slow
def test_a_short_training_taken_to_the_end_is_better_on_the_test_part():
    task = Classification("digits", seed=1)
    genome = task.default_space(starter_parameters=(1500, 1600)).random(stream(1, 5))
    trial = Trial(0, (Individual(0, genome, (-1.0, -1.0)),), fidelity=Fidelity(epochs=1))
    weights = FullTraining().measure(trial, task, Context(seed=1)).artifacts[0].load()
    final = train_to_the_end(genome, task, weights=weights, epochs=12, augment=True)
    assert final.after["error"] < 0.7 * final.before["error"]
    assert task.test_scores(final.model)["error"] == pytest.approx(final.after["error"], abs=1e-3)
    again = train_to_the_end(genome, task, weights=weights, epochs=12, augment=True)
    assert again.after == final.after


@pytest.mark.parametrize(("learning_rate", "left_alone"), [(1.0, True), (0.01, False)])
def test_a_network_that_training_makes_worse_on_the_validation_part_is_left_as_it_was(learning_rate, left_alone):
    task = Classification("digits", seed=1)
    genome = task.default_space(starter_parameters=(1500, 1600)).random(stream(1, 5))
    weights = arrays_of(train_to_the_end(genome, task, epochs=2).model, genome)
    recipe = replace(INHERITED, learning_rate=learning_rate)
    final = train_to_the_end(genome, task, weights=weights, epochs=2, recipe=recipe, try_first=True)
    assert final.left_alone is left_alone
    assert (final.validation_after["error"] > final.validation_before["error"]) is left_alone
    assert (final.after["error"] == final.before["error"]) is left_alone
    assert task.test_scores(final.model)["error"] == pytest.approx(final.after["error"], abs=1e-3)
    forced = train_to_the_end(genome, task, weights=weights, epochs=2, recipe=recipe)
    assert not forced.left_alone and not forced.validation_before
    assert left_alone or forced.after == final.after, "the trial before changes nothing about the training"


def test_features_cannot_be_augmented():
    task = Classification("iris")
    genome = task.default_space().random(stream(1, 0))
    with pytest.raises(ValueError, match="needs images or sequences"):
        train_to_the_end(genome, task, epochs=1, augment=True)
