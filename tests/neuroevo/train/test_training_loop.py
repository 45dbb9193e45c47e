"""Training on whichever backend KERAS_BACKEND names; `test_training_on_jax.py` runs this file on JAX."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from neuroevo.core.backend import prepare

prepare(1)

import keras  # noqa: E402
from keras import layers  # noqa: E402

from neuroevo.data import load  # noqa: E402
from neuroevo.train.compiled import CompiledNetworks, Method, compile_network  # noqa: E402
from neuroevo.train.loop import Diverged, fit, outputs_in_batches, smoothed  # noqa: E402
from neuroevo.train.recipe import Augmentation, Recipe  # noqa: E402


def convolutional(width=8):
    inputs = keras.Input((8, 8, 1))
    x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(inputs)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.MaxPooling2D()(x)
    x = layers.SeparableConv2D(2 * width, 3, padding="same", use_bias=False, depthwise_initializer="he_normal")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, layers.Dense(10)(layers.Flatten()(x)))


def dense():
    inputs = keras.Input((64,))
    return keras.Model(inputs, layers.Dense(10)(layers.Dense(16, activation="relu")(inputs)))


def initial_weights(model, rng):
    """He et al. 2015 for kernels, ones for scales and variances, zeros for the rest."""
    weights = []
    for variable in model.weights:
        shape, name = tuple(variable.shape), variable.path.split("/")[-1]
        fan = max(1, int(np.prod(shape[:-1])))
        value = {1: float(name in ("gamma", "moving_variance"))}.get(len(shape), 0.0)
        weights.append(np.full(shape, value) if len(shape) < 2 else rng.standard_normal(shape) * np.sqrt(2 / fan))
    return [weight.astype(np.float32) for weight in weights]


@pytest.fixture(scope="module")
def digits():
    return load("digits", seed=1)


def some(data, count=200):
    return data.train.x[:count], data.targets(data.train)[:count]


def trained(network, x, targets, recipe, seed=0, **more):
    rng = np.random.default_rng(seed)
    network.reset(initial_weights(network.model, rng))
    training = fit(network, x, targets, recipe, rng, **more)
    return network.weights(), training


def equal(weights, others):
    return all((a == b).all() for a, b in zip(weights, others, strict=True))


def test_a_small_network_learns_digits(digits):
    recipe = Recipe(epochs=8)
    network = compile_network(convolutional(), Method.of(recipe, "cross_entropy", len(digits.train)))

    def error(network):
        return float((outputs_in_batches(network, digits.validation.x).argmax(1) != digits.validation.y).mean())

    _, training = trained(network, digits.train.x, digits.targets(digits.train), recipe, score=error, score_every=3)
    assert training.scored == [3, 6, 8]
    assert training.validation[-1] < 0.05
    assert training.train_loss[-1] < 0.3 * training.train_loss[0]


@pytest.mark.parametrize(
    ("recipe", "optimizer"),
    [
        (Recipe(optimizer="sgd", momentum=0.9, nesterov=False), lambda: keras.optimizers.SGD(0.01, 0.9)),
        (Recipe(optimizer="sgd", momentum=0.9, nesterov=True), lambda: keras.optimizers.SGD(0.01, 0.9, nesterov=True)),
        (Recipe(optimizer="sgd", momentum=0.0), lambda: keras.optimizers.SGD(0.01)),
        (Recipe(optimizer="adam"), lambda: keras.optimizers.Adam(0.01)),
        (Recipe(optimizer="adamw", weight_decay=0.1), lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1)),
    ],
    ids=["momentum", "nesterov", "sgd", "adam", "adamw"],
)
def test_a_step_is_that_of_the_keras_optimizer(digits, recipe, optimizer):
    x, targets = some(digits, 64)
    x = x.reshape(64, 64)
    decay = recipe.weight_decay if recipe.optimizer == "adamw" else 0.0
    recipe = Recipe(**{**recipe.to_dict(), "augment": Augmentation(), "weight_decay": decay, "epochs": 5, "batch_size": 64,
                       "learning_rate": 0.01, "schedule": "constant"})  # fmt: skip
    network = compile_network(dense(), Method.of(recipe, "cross_entropy", 64))
    ours, _ = trained(network, x, targets, recipe)
    theirs = dense()
    theirs.set_weights(initial_weights(theirs, np.random.default_rng(0)))
    chosen = optimizer()
    if decay:
        chosen.exclude_from_weight_decay(var_names=["bias"])
    theirs.compile(chosen, keras.losses.CategoricalCrossentropy(from_logits=True))
    theirs.fit(x, targets, batch_size=64, epochs=5, shuffle=False, verbose=0)
    for a, b in zip(ours, theirs.get_weights(), strict=True):
        assert np.allclose(a, b, atol=2e-5), np.abs(a - b).max()


def test_weight_decay_shrinks_kernels_and_leaves_biases(digits):
    x, targets = np.zeros((32, 64), np.float32), np.full((32, 10), 0.1, np.float32)
    recipe = Recipe(epochs=20, batch_size=32, momentum=0.0, weight_decay=0.5, learning_rate=0.1, schedule="constant")
    network = compile_network(dense(), Method.of(recipe, "cross_entropy", 32))
    start = initial_weights(network.model, np.random.default_rng(0))
    start[1][:] = 1.0  # the hidden biases: the inputs are 0, so decay alone could move the first kernel
    network.reset(start)
    fit(network, x, targets, recipe, np.random.default_rng(0))
    assert np.allclose(network.weights()[0], start[0] * 0.95**20, atol=1e-5)
    assert network.weights()[1].mean() > 0.9


def test_a_clipped_step_is_no_longer_than_the_rate_times_the_limit(digits):
    x, targets = some(digits, 64)
    for clip in (0.5, 0.0):
        recipe = Recipe(
            epochs=1, batch_size=64, momentum=0.0, weight_decay=0.0, learning_rate=0.1, clip=clip, schedule="constant"
        )
        network = compile_network(dense(), Method.of(recipe, "cross_entropy", 64))
        start = initial_weights(network.model, np.random.default_rng(0))
        weights, _ = trained(network, 10 * x.reshape(64, 64), targets, recipe)
        moved = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(weights, start, strict=True)))
        assert moved == pytest.approx(0.05, rel=1e-3) if clip else moved > 0.1


def test_a_training_does_not_depend_on_what_was_trained_before(digits):
    x, targets = some(digits)
    for recipe in (Recipe(epochs=2), Recipe(epochs=2, optimizer="adam", learning_rate=0.01, averaging=0.9)):
        method = Method.of(recipe, "cross_entropy", len(x))
        fresh, _ = trained(compile_network(convolutional(), method), x, targets, recipe, seed=1)
        used = compile_network(convolutional(), method)
        trained(used, x, targets, Recipe(epochs=3, learning_rate=0.3), seed=2)
        again, _ = trained(used, x, targets, recipe, seed=1)
        assert equal(fresh, again)


def test_a_diverged_training_leaves_nothing_behind(digits):
    x, targets = some(digits)
    recipe = Recipe(epochs=2)
    network = compile_network(convolutional(), Method.of(recipe, "cross_entropy", len(x)))
    before, _ = trained(network, x, targets, recipe)
    with pytest.raises(Diverged, match="in epoch 1 of 2"):
        trained(network, np.full_like(x, np.nan), targets, recipe)
    after, _ = trained(network, x, targets, recipe)
    assert equal(before, after)


def digest_of_a_training(history: bool) -> str:
    x, targets = some(load("digits", seed=1))
    recipe = Recipe(epochs=2, augment=Augmentation(shift=1))
    if history:
        trained(compile_network(convolutional(5), Method.of(recipe, "cross_entropy", 200)), x, targets, recipe, seed=9)
        keras.utils.set_random_seed(77)
    weights, _ = trained(compile_network(convolutional(), Method.of(recipe, "cross_entropy", 200)), x, targets, recipe)
    return hashlib.sha256(b"".join(w.tobytes() for w in weights)).hexdigest()


@pytest.mark.slow  # in the fast suite, an estimation does it with all that it trains
def test_another_process_with_another_hash_seed_and_history_gives_the_same_bits():
    script = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_training_loop as here"
    environment = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; print(here.digest_of_a_training(history=False))"],
        capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == digest_of_a_training(history=True)


def test_averaged_weights_are_the_moving_average(digits):
    x, targets = some(digits, 64)
    x = x.reshape(64, 64)
    settings = {"epochs": 6, "batch_size": 64, "learning_rate": 0.1}
    plain = compile_network(dense(), Method.of(Recipe(**settings), "cross_entropy", 64))
    seen = []
    trained(plain, x, targets, Recipe(**settings), report=lambda *_: seen.append(plain.weights()[0]) or False)
    average = initial_weights(plain.model, np.random.default_rng(0))[0]
    for step, weight in enumerate(seen, start=1):
        keep = min(0.5, step / (step + 10))
        average = average - (1 - keep) * (average - weight)
    recipe = Recipe(**settings, averaging=0.5)
    averaged = compile_network(dense(), Method.of(recipe, "cross_entropy", 64))
    weights, _ = trained(averaged, x, targets, recipe)
    assert np.allclose(weights[0], average, atol=1e-5)


def test_a_student_learns_its_teacher_without_labels(digits):
    x, targets = some(digits, 600)
    x = x.reshape(-1, 64)
    recipe = Recipe(epochs=15, learning_rate=0.03)
    teacher = compile_network(dense(), Method.of(recipe, "cross_entropy", 600))
    trained(teacher, x, targets, recipe)
    says = teacher.outputs(teacher.place(x))
    student = compile_network(dense(), Method.of(recipe, "cross_entropy", 600, teaching=1.0, temperature=2.0))
    nonsense = np.roll(targets, 1, axis=1)
    trained(student, x, nonsense, recipe, seed=1, teacher=lambda batch: teacher.outputs(teacher.place(batch)))
    agree = (student.outputs(student.place(x)).argmax(1) == says.argmax(1)).mean()
    assert agree > 0.95


def test_a_regression_learns_values():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 64)).astype(np.float32)
    y = np.stack([x[:, :3].sum(1), x[:, 3] - x[:, 4]] * 5, axis=1).astype(np.float32)
    recipe = Recipe(epochs=40, learning_rate=0.02)
    network = compile_network(dense(), Method.of(recipe, "mean_squared_error", 300))
    _, training = trained(network, x, y, recipe)
    assert training.train_loss[-1] < 0.1 * training.train_loss[0]


def test_a_report_may_end_the_training(digits):
    x, targets = some(digits)
    recipe = Recipe(epochs=50)
    network = compile_network(dense(), Method.of(recipe, "cross_entropy", len(x)))
    _, training = trained(network, x.reshape(-1, 64), targets, recipe, report=lambda epoch, *_: epoch == 3)
    assert len(training.train_loss) == 3


def test_the_model_holds_the_trained_weights_for_keras(digits):
    x, targets = some(digits)
    recipe = Recipe(epochs=2)
    network = compile_network(convolutional(), Method.of(recipe, "cross_entropy", len(x)))
    trained(network, x, targets, recipe)
    ours = network.outputs(network.place(x))
    theirs = keras.ops.convert_to_numpy(network.synchronised()(x, training=False))
    assert np.allclose(ours, theirs, atol=1e-4)


def test_compiled_networks_are_found_by_structure_and_the_oldest_is_let_go():
    networks, method = CompiledNetworks(2), Method()
    first, known = networks.get("a", method, dense)
    assert not known
    assert networks.get("a", method, dense) == (first, True)
    networks.get("b", method, dense)
    networks.get("a", method, dense)
    networks.get("c", method, dense)
    assert len(networks) == 2
    assert networks.get("a", method, dense)[1]
    assert not networks.get("b", method, dense)[1]
    assert (networks.hits, networks.misses) == (3, 4)


def test_smoothed_targets_are_probabilities():
    targets = smoothed(np.eye(4, dtype=np.float32), 0.2)
    assert np.allclose(targets.sum(axis=1), 1)
    assert np.allclose(np.diag(targets), 0.85)
