"""Pruning: which neurons go, what is left of the network, and what repairs it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroevo as ne
from neuroevo.compress import MaskedPayoff, Pruner, Pruning, Sampling, Sparsity, channels_of, cut, refit_cut, sparsified
from neuroevo.compress.retraining import retrained
from neuroevo.compress.values import METHODS
from neuroevo.core.streams import stream
from neuroevo.train.recipe import Recipe

TASK = ne.tasks.Classification("digits", seed=1)
ADAM = Recipe(optimizer="adam", learning_rate=3e-3, weight_decay=0.0, schedule="constant", batch_size=64)


def layers(*make: Any, shape: tuple[int, ...] = (8, 8, 1)) -> Any:
    import keras

    inputs = x = keras.Input(shape)
    for each in make:
        x = each(x)
    return keras.Model(inputs, x)


def dense(first: int = 24, second: int = 16) -> Any:
    from keras import layers as k

    return layers(k.Flatten(), k.Dense(first, "relu", name="first"), k.Dense(second, "relu", name="second"), k.Dense(10, name="last"))


@pytest.fixture(scope="module")
def trained() -> Any:
    """A dense network that knows the digits, half of whose first layer does nothing: nobody listens to it."""
    import keras

    keras.utils.set_random_seed(1)
    model = dense()
    retrained(model, TASK, stream(1, 1), epochs=25, recipe=ADAM)
    kernel = np.array(model.get_layer("second").kernel)
    kernel[::2] = 0.0
    model.get_layer("second").kernel.assign(kernel)
    masks = [np.ones(v.shape, np.float32) if v is model.get_layer("second").kernel else None for v in model.trainable_variables]
    for mask in masks:
        if mask is not None:
            mask[::2] = 0.0
    retrained(model, TASK, stream(1, 3), epochs=15, recipe=ADAM, masks=masks)
    assert not np.array(model.get_layer("second").kernel)[::2].any()
    return model


@pytest.fixture(scope="module")
def convolutional() -> Any:
    import keras
    from keras import layers as k

    keras.utils.set_random_seed(2)

    def block(width: int) -> list[Any]:
        return [k.Conv2D(width, 3, padding="same", use_bias=False), k.BatchNormalization(momentum=0.9), k.ReLU(), k.MaxPooling2D()]

    model = layers(*block(8), *block(16), k.GlobalAveragePooling2D(), k.Dense(10))
    retrained(model, TASK, stream(1, 4), epochs=12, recipe=ADAM)
    return model


def error(model: Any) -> float:
    return TASK.part_scores(model, TASK.dataset.validation)["error"]


def payoff_of(model: Any, worth: str = "accuracy") -> MaskedPayoff:
    part = TASK.dataset.validation
    return MaskedPayoff(channels_of(model), part.x, TASK.dataset.targets(part), TASK.loss, worth)


def test_the_payoff_is_the_accuracy_of_what_is_left_minus_the_baselines(trained: Any) -> None:
    payoff = payoff_of(trained)
    rng = stream(2, 0)
    coalitions = np.concatenate([np.ones((1, payoff.players), bool), rng.random((5, payoff.players)) < 0.7])
    frequent = np.bincount(TASK.dataset.validation.y).max() / len(TASK.dataset.validation)
    rebuilt = [1 - error(cut(payoff.channels, coalition).model) - frequent for coalition in coalitions]
    assert np.allclose(payoff(coalitions), rebuilt, atol=1e-6)
    assert payoff.calls == 6
    loss = TASK.part_scores(trained, TASK.dataset.validation)["loss"]
    shares = np.bincount(TASK.dataset.validation.y) / len(TASK.dataset.validation)
    likelihood = payoff_of(trained, "likelihood")(coalitions[:1])[0]
    assert likelihood == pytest.approx(-loss - float(np.sum(shares * np.log(shares))), abs=1e-4)


def test_the_payoff_of_a_regression_is_the_variance_that_is_explained() -> None:
    rng = stream(3, 0)
    x = rng.normal(size=(50, 4)).astype(np.float32)
    y = (x[:, :1] * 2 + 1).astype(np.float32)
    from keras import layers as k

    model = layers(k.Dense(2, name="hidden"), k.Dense(1, name="last"), shape=(4,))
    model.get_layer("hidden").set_weights([np.eye(4, 2, dtype=np.float32), np.zeros(2, np.float32)])
    model.get_layer("last").set_weights([np.array([[2.0], [0.0]], np.float32), np.ones(1, np.float32)])
    payoff = MaskedPayoff(channels_of(model), x, y, "mean_squared_error")
    assert payoff(np.array([[True, True], [True, False]])) == pytest.approx([1.0, 1.0], abs=1e-5)
    mean = y.mean()
    assert payoff(np.array([[False, True]]))[0] == pytest.approx(1 - np.mean((y - 1) ** 2) / np.mean((y - mean) ** 2), abs=1e-5)


@pytest.mark.parametrize("method", [name for name in METHODS if name in ("shapley", "leave_one_out", "taylor")])
def test_neurons_that_nobody_listens_to_go_first(method: str, trained: Any) -> None:
    how = Pruning(method, measure="neurons", refit=False, epochs=0, samples=200, sampling=Sampling(permutations=16, settle=None))
    pruner = Pruner(trained, TASK, how, seed=1)
    idle = {made.layer.name: made.players for made in pruner.channels.made}["first"][::2]
    busy = np.setdiff1d(np.arange(pruner.channels.players), idle)
    assert np.abs(pruner.values[idle]).max() < 1e-6 and pruner.values[busy].max() > 1e-3
    if method == "taylor":  # by the others a neuron may do harm
        pruned = pruner.pruned(28 / 40)
        assert set(pruned.channels["first"].tolist()) == set(range(1, 24, 2)) and error(pruned.model) == error(trained)


def test_neurons_that_never_fire_have_no_activation(trained: Any) -> None:
    copy = cut(channels_of(trained), np.ones(40, bool)).model
    copy.get_layer("second").bias.assign(np.r_[np.full(5, -1000.0), np.asarray(copy.get_layer("second").bias)[5:]])
    pruner = Pruner(copy, TASK, Pruning("activation"), seed=1)
    second = next(made.players for made in pruner.channels.made if made.layer.name == "second")
    assert not pruner.values[second[:5]].any() and (pruner.values[second[5:]] > 0).mean() > 0.8


def test_magnitudes_are_the_norms_of_what_computes_a_neuron(convolutional: Any) -> None:
    pruner = Pruner(convolutional, TASK, Pruning("magnitude"), seed=1)
    kernels = [np.asarray(layer.kernel) for layer in convolutional.layers if hasattr(layer, "kernel")][:2]
    wanted = np.concatenate([np.sqrt(np.sum(kernel**2, axis=(0, 1, 2))) for kernel in kernels])
    assert np.allclose(pruner.values, wanted, rtol=1e-5)


def test_the_share_is_of_parameters_or_of_neurons(trained: Any) -> None:
    for keep in (0.8, 0.4):
        pruned = Pruner(trained, TASK, Pruning("magnitude", refit=False, epochs=0)).pruned(keep)
        assert pruned.parameters <= keep * pruned.parameters_before == keep * trained.count_params()
        assert pruned.parameters > keep * pruned.parameters_before - 120, "no neuron more than needed"
        assert pruned.model.count_params() == pruned.parameters
    pruned = Pruner(trained, TASK, Pruning("random", measure="neurons", refit=False, epochs=0), seed=3).pruned(0.25)
    assert pruned.neurons == 10 == len(pruned.channels["first"]) + len(pruned.channels["second"])


def test_what_is_kept_are_the_channels_of_before(trained: Any) -> None:
    pruned = Pruner(trained, TASK, Pruning("taylor", rounds=3, refit=False, epochs=0), seed=1).pruned(0.4)
    for name, places in pruned.channels.items():
        before, after = trained.get_layer(name), pruned.model.get_layer(name)
        assert np.array_equal(np.asarray(after.bias), np.asarray(before.bias)[places])


def test_rounds_value_anew_what_is_left(trained: Any) -> None:
    how = {"measure": "neurons", "refit": False, "epochs": 0, "samples": 200}
    once = Pruner(trained, TASK, Pruning("leave_one_out", **how), seed=1).pruned(0.5)
    again = Pruner(trained, TASK, Pruning("leave_one_out", rounds=5, **how), seed=1).pruned(0.5)
    assert error(again.model) < error(once.model), "two neurons that do the same look idle, each while the other is there"
    assert again.details["calls"] > once.details["calls"] > 0


def test_refit_repairs_most_of_what_pruning_breaks(trained: Any, convolutional: Any) -> None:
    for model, share in ((trained, 0.5), (convolutional, 0.6)):
        how = {"measure": "neurons", "epochs": 0}
        broken = Pruner(model, TASK, Pruning("random", refit=False, **how), seed=2).pruned(share)
        repaired = Pruner(model, TASK, Pruning("random", refit=True, **how), seed=2).pruned(share)
        assert broken.channels.keys() == repaired.channels.keys()
        assert error(repaired.model) - error(model) < 0.4 * (error(broken.model) - error(model))
        assert "refit" in repaired.operators and "refit" not in broken.operators


def test_refit_changes_nothing_where_nothing_was_lost(convolutional: Any) -> None:
    channels = channels_of(convolutional)
    kept = np.ones(channels.players, bool)
    found = cut(channels, kept)
    refit_cut(channels, kept, found, TASK.dataset.train.x[:300], stream(1, 0))
    for mine, before in zip(found.model.get_weights(), convolutional.get_weights(), strict=True):
        assert np.array_equal(mine, before)


@pytest.mark.parametrize("padding, kind", [("same", "Conv2D"), ("valid", "Conv2D"), ("same", "SeparableConv2D")])
def test_refit_finds_what_a_copied_channel_would_have_given(padding: str, kind: str) -> None:
    """Two filters that are equal: without one of them, the layer behind can compute exactly what it computed."""
    from keras import layers as k

    make = getattr(k, kind)
    model = layers(
        k.Conv2D(4, 3, padding="same", activation="relu"), make(5, 3, strides=2, padding=padding), k.BatchNormalization(), k.ReLU(),
        k.Flatten(), k.Dense(3),
    )  # fmt: skip
    rng = stream(5, 0)
    kernel = rng.normal(size=(3, 3, 1, 4)).astype(np.float32)
    kernel[..., 1] = kernel[..., 0]
    model.layers[1].kernel.assign(kernel)
    if kind == "SeparableConv2D":
        taps = rng.normal(size=(3, 3, 4, 1)).astype(np.float32)
        taps[:, :, 1] = taps[:, :, 0]
        model.layers[2].depthwise_kernel.assign(taps)
    channels = channels_of(model)
    kept = np.ones(channels.players, bool)
    kept[1] = False
    found, x = cut(channels, kept), rng.normal(size=(64, 8, 8, 1)).astype(np.float32)
    wanted = np.asarray(model(x, training=False))
    broken = np.abs(np.asarray(found.model(x, training=False)) - wanted).max()
    from neuroevo.inherit import Refit

    refit_cut(channels, kept, found, x, rng, Refit(ridge=1e-6))
    assert np.abs(np.asarray(found.model(x, training=False)) - wanted).max() < 0.01 * broken


def test_training_after_pruning_is_undone_where_it_makes_things_worse(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    good = Pruner(trained, TASK, Pruning("random", measure="neurons", refit=False, epochs=6), seed=2).pruned(0.4)
    (said,) = good.details["trained"]
    assert said["kept"] and said["error"][1] < said["error"][0] and good.operators == ("prune", "train")
    copy = cut(channels_of(trained), np.ones(40, bool)).model
    told = retrained(copy, TASK, stream(1, 0), epochs=2, recipe=Recipe(optimizer="adam", learning_rate=0.5, schedule="constant"))
    assert not told["kept"] and told["error"][1] > told["error"][0]
    assert all(np.array_equal(a, b) for a, b in zip(copy.get_weights(), trained.get_weights(), strict=True))


def test_layers_go_as_a_whole_where_something_stands_beside_them() -> None:
    from keras import layers as k

    def beside(x: Any) -> Any:
        return k.Concatenate()([k.Dense(12, "relu", name="left")(x), k.Dense(4, "relu", name="right")(x)])

    model = layers(k.Flatten(), beside, k.Dense(10, name="last"))
    pruned = Pruner(model, TASK, Pruning("shapley", unit="layers", refit=False, epochs=0, samples=100)).pruned(0.8)
    assert len({"left", "right"} & set(pruned.channels)) == 1 and pruned.details["unit"] == "layers"
    with pytest.raises(ValueError, match="the share cannot be reached: with layers none of which anything reads alone"):
        Pruner(dense(), TASK, Pruning("magnitude", unit="layers")).pruned(0.5)


def test_single_weights_that_are_pruned_stay_zero_through_training(trained: Any) -> None:
    found = sparsified(trained, TASK, 0.2, Sparsity(epochs=4), seed=1)
    kernels = [np.array(v) for v in found.model.trainable_variables if len(v.shape) > 1]
    total = sum(kernel.size for kernel in kernels)
    assert sum(int((kernel != 0).sum()) for kernel in kernels) <= round(0.2 * total)
    assert found.details["trained"][0]["error"][1] < found.details["trained"][0]["error"][0]
    assert found.nonzero == trained.count_params() - total + round(0.2 * total)
    assert found.details["weights_packed_bytes"] < 0.5 * 4 * trained.count_params()


@pytest.mark.parametrize("method", ["magnitude", "taylor", "random"])
def test_single_weights_go_by_their_value(method: str, trained: Any) -> None:
    found = sparsified(trained, TASK, 0.5, Sparsity(method, epochs=0, samples=64), seed=1)
    kept, gone = [], []
    for mine, before in zip(found.model.trainable_variables, trained.trainable_variables, strict=True):
        if len(mine.shape) > 1:
            here = np.asarray(mine) != 0
            kept += np.abs(np.asarray(before)[here]).tolist()
            gone += np.abs(np.asarray(before)[~here]).tolist()
    assert (min(kept) >= max(gone)) == (method == "magnitude")
    assert (error(found.model) < 0.3) == (method != "random")


def test_the_same_seed_prunes_alike(trained: Any) -> None:
    how = Pruning("shapley", measure="neurons", refit=True, epochs=1, samples=60, sampling=Sampling(permutations=2))
    first, second = (Pruner(trained, TASK, how, seed=5, id=3).pruned(0.5) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first.model.get_weights(), second.model.get_weights(), strict=True))


# Bad input --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 1.2, 1, -0.5, float("nan"), True])
def test_a_share_lies_between_0_and_1(share: float, trained: Any) -> None:
    with pytest.raises(ValueError, match="the share that is kept lies between 0 and 1"):
        Pruner(trained, TASK, Pruning("magnitude")).pruned(share)
    with pytest.raises(ValueError, match="the share that is kept lies between 0 and 1"):
        sparsified(trained, TASK, share)


def test_layers_that_cannot_be_cut_are_named_with_the_reason() -> None:
    from keras import layers as k

    model = layers(k.Flatten(), k.Dense(4, name="free"), k.Dense(60, name="held"), k.LayerNormalization(name="mixes"), k.Dense(10))
    with pytest.raises(ValueError, match=r"the share cannot be reached: .*one neuron of every layer.*mixes: LayerNormalization is no layer"):
        Pruner(model, TASK, Pruning("magnitude")).pruned(0.2)


def test_without_validation_samples_nothing_is_pruned(trained: Any) -> None:
    import copy
    from dataclasses import replace

    task = copy.copy(TASK)
    task.dataset = replace(TASK.dataset, validation=type(TASK.dataset.validation)(TASK.dataset.validation.x[:0], TASK.dataset.validation.y[:0]))
    with pytest.raises(ValueError, match="digits has no validation samples"):
        Pruner(trained, task)
    with pytest.raises(ValueError, match="digits has no validation samples"):
        sparsified(trained, task, 0.5)


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Pruning("shaply"), "shapley"),
        (lambda: Pruning(unit="weights"), "unit"),
        (lambda: Pruning(rounds=0), "rounds and samples must be >= 1"),
        (lambda: Pruning(epochs=-1), "epochs must be >= 0"),
        (lambda: Sparsity("shapley"), "single weights are too many to be valued by shapley"),
        (lambda: Sparsity("nothing"), "magnitude"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
