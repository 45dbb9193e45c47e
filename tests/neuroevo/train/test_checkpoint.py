"""A training that was interrupted goes on bit for bit, on whichever backend KERAS_BACKEND names."""

import json

import keras
import numpy as np
import pytest
from keras import layers
from test_training_loop import convolutional, dense, initial_weights, some

from neuroevo.core.streams import stream
from neuroevo.data import load
from neuroevo.train.checkpoint import Checkpoint
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.loop import Training, fit
from neuroevo.train.recipe import Augmentation, Recipe

RECIPES = {
    "constant rate": Recipe(schedule="constant"),
    "momentum and a schedule": Recipe(schedule="cosine", warmup=1, clip=1.0),
    "adam with averages": Recipe(optimizer="adam", learning_rate=0.003, averaging=0.9),
    "adamw, restarts, plain augmentation": Recipe(
        optimizer="adamw", schedule="restarts", period=3, augment=Augmentation(flip=True, shift=1)
    ),
    "no momentum, stretched": Recipe(momentum=0.0, schedule="constant", augment=Augmentation(crop=0.1)),
}


@pytest.fixture(scope="module")
def digits():
    return load("digits", seed=1)


def begun(recipe, samples, seed=0, network=None):
    network = network or compile_network(convolutional(4), Method.of(recipe, "cross_entropy", samples))
    rng = stream(seed, 1)
    network.reset(initial_weights(network.model, rng))
    return network, rng


def through_json(checkpoint):
    return Checkpoint(dict(checkpoint.arrays), json.loads(json.dumps(checkpoint.meta, allow_nan=False)))


def taken(network, x, targets, recipe, rng, **more):
    kept, training = [], Training()
    fit(
        network,
        x,
        targets,
        recipe,
        rng,
        training=training,
        leave=lambda: kept.append(Checkpoint.of(network, training, rng)),
        **more,
    )
    return kept[0]


def with_epochs(recipe, epochs):
    return Recipe(**{**recipe.to_dict(), "augment": recipe.augment, "epochs": epochs})


@pytest.mark.parametrize("name", RECIPES)
def test_two_and_three_epochs_are_five(digits, name):
    recipe, (x, targets) = RECIPES[name], some(digits, 150)
    whole, rng = begun(recipe, 150)
    at_once = fit(whole, x, targets, with_epochs(recipe, 5), rng)
    weights, averages = whole.weights(), whole.averages()
    first, rng = begun(recipe, 150, network=whole)
    checkpoint = through_json(taken(first, x, targets, with_epochs(recipe, 2), rng, spread=5))
    second, other = begun(recipe, 150, seed=9)
    training = checkpoint.resume(second, other)
    resumed = fit(second, x, targets, with_epochs(recipe, 5), other, training=training)
    assert all(np.array_equal(a, b) for a, b in zip(weights, second.weights(), strict=True))
    assert all(np.array_equal(a, b) for a, b in zip(averages, second.averages(), strict=True))
    assert resumed.train_loss == at_once.train_loss


def test_what_a_dropout_drops_is_the_same_whether_a_training_is_interrupted_or_not(digits):
    recipe, (x, targets) = Recipe(schedule="constant"), some(digits, 150)
    inputs = keras.Input((8, 8, 1))
    body = layers.Dropout(0.4)(layers.Dense(12, activation="relu")(layers.Dropout(0.2)(layers.Flatten()(inputs))))
    network = compile_network(keras.Model(inputs, layers.Dense(10)(body)), Method.of(recipe, "cross_entropy", 150))
    _, rng = begun(recipe, 150, network=network)
    at_once = fit(network, x, targets, with_epochs(recipe, 4), rng)
    weights = network.weights()
    begun(recipe, 150, network=network)
    checkpoint = through_json(taken(network, x, targets, with_epochs(recipe, 2), begun(recipe, 150, network=network)[1]))
    _, other = begun(recipe, 150, seed=9, network=network)
    resumed = fit(network, x, targets, with_epochs(recipe, 4), other, training=checkpoint.resume(network, other))
    assert resumed.train_loss == at_once.train_loss and len(set(at_once.train_loss)) == 4
    assert all(np.array_equal(a, b) for a, b in zip(weights, network.weights(), strict=True))


def test_without_its_schedule_a_continuation_goes_on_inside_a_longer_one(digits):
    recipe, (x, targets) = Recipe(), some(digits, 100)
    network, rng = begun(recipe, 100)
    checkpoint = taken(network, x, targets, with_epochs(recipe, 2), rng)
    seen = []
    network.epoch = lambda x, targets, order, rates, teacher=None: seen.append(rates) or 0.0
    training = checkpoint.resume(network, rng)
    fit(network, x, targets, with_epochs(recipe, 4), rng, training=training)
    steps = seen[0].size
    assert np.array_equal(np.concatenate(seen), with_epochs(recipe, 4).rates(steps)[2:].ravel())


def test_a_checkpoint_of_another_network_or_optimizer_is_refused(digits):
    x, targets = some(digits, 64)
    recipe = Recipe(epochs=1)
    network, rng = begun(recipe, 64)
    checkpoint = taken(network, x, targets, recipe, rng)
    with pytest.raises(ValueError, match="not of this network, trained in this way: its weights"):
        checkpoint.resume(compile_network(dense(), Method.of(recipe, "cross_entropy", 64)), rng)
    adam = Recipe(optimizer="adam")
    with pytest.raises(ValueError, match="its slots/0"):
        checkpoint.resume(compile_network(convolutional(4), Method.of(adam, "cross_entropy", 64)), rng)
    with pytest.raises(ValueError, match="this is not a checkpoint"):
        Checkpoint({}, {}).resume(network, rng)
    with pytest.raises(ValueError, match="Philox"):
        Checkpoint.of(network, checkpoint.resume(network, rng), np.random.default_rng(0))


def test_more_epochs_done_than_asked_for_are_refused(digits):
    x, targets = some(digits, 64)
    network, rng = begun(Recipe(), 64)
    training = taken(network, x, targets, Recipe(epochs=2), rng).resume(network, rng)
    with pytest.raises(ValueError, match="1 epochs in all are asked for, but 2 are done"):
        fit(network, x, targets, Recipe(epochs=1), rng, training=training)
    with pytest.raises(ValueError, match="spread over 3 epochs, fewer than the 4"):
        fit(network, x, targets, Recipe(epochs=4), rng, training=training, spread=3)
