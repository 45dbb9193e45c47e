"""Structured cuts: a model without some of its channels computes what the masked one computes, for every layer kind of every space."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from genomes import CellSpace, ChainSpace, DagSpace, NetworkSpace, RecurrentCellSpace, StackSpace
from genomes.testing import lineage
from neuroevo.compress.channels import Channels, channels_of
from neuroevo.compress.cutting import cut, masked_weights
from neuroevo.core.streams import stream
from neuroevo.decode import build

SPACES = {
    "network": NetworkSpace((8, 8, 1), 4, max_width=24, max_parameters=20_000, starter_parameters=(300, 3000)),
    "network, odd": NetworkSpace((9, 7, 2), 4, max_width=24, max_parameters=20_000, starter_parameters=(300, 3000)),
    "network, sequences": NetworkSpace((20, 2), 4, max_width=24, max_parameters=20_000, starter_parameters=(300, 3000)),
    "network, features": NetworkSpace((12,), 4, max_width=24, max_parameters=20_000, starter_parameters=(300, 3000)),
    "benchmark cells": CellSpace(input_shape=(8, 8, 1), outputs=10, channels=4, repeats=1, stages=2),
    "nasnet": CellSpace("nasnet", 2, (8, 8, 1), 10, channels=4, repeats=1, stages=2),
    "darts": CellSpace("darts", 2, (12, 2), 3, channels=4, repeats=1, stages=2),
    "dag": DagSpace((8, 8, 1), 10, max_nodes=6, widths=(4, 8), kernels=(1, 3)),
    "dag, features": DagSpace((30,), 3, max_nodes=6),
    "chain": ChainSpace((9, 9, 1), 10, max_layers=4, widths=(4, 8)),
    "chain, sequences": ChainSpace((20, 2), 3, max_layers=4, widths=(4, 8)),
    "stack": StackSpace((9, 9, 1), 10, max_layers=5, widths=(4, 8), units=(16, 8), sizes=(10, 4)),
    "recurrent": RecurrentCellSpace((5, 2), 3, units=5),
    "recurrent, biased": RecurrentCellSpace((4, 2), 3, base=4, units=5, biased=True, every_step=True),
}


def scrambled(model: Any, rng: np.random.Generator) -> Any:
    """Every weight at random, statistics and gates of BatchNorm as well."""
    for variable in model.weights:
        value = rng.normal(0, 0.6, variable.shape)
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
    return model


def some(channels: Channels, rng: np.random.Generator, share: float = 0.5) -> np.ndarray:
    """A random part of the players, at least one of every layer."""
    kept = rng.random(channels.players) < share
    for made in channels.made:
        own = made.players[made.players >= 0]
        if len(own) and not kept[own].any():
            kept[rng.choice(own)] = True
    return kept


def difference(model: Any, channels: Channels, kept: np.ndarray, x: np.ndarray) -> float:
    """Between the cut model and the masked one, relative to the largest output."""
    smaller = cut(channels, kept).model
    assert sum(int(np.prod(v.shape)) for v in smaller.trainable_variables) == channels.parameters(kept)
    mine = np.asarray(smaller(x, training=False))
    before = model.get_weights()
    model.set_weights(masked_weights(channels, kept))
    masked = np.asarray(model(x, training=False))
    model.set_weights(before)
    return float(np.abs(mine - masked).max() / max(1.0, float(np.abs(masked).max())))


def check(genome: Any, seed: int) -> None:
    rng = stream(seed, 7)
    model = scrambled(build(genome), rng)
    try:
        channels = channels_of(model)
    except ValueError as error:
        assert "none of the model's channels can be cut out" in str(error)
        return
    kept = some(channels, rng)
    x = rng.normal(size=(3, *model.input_shape[1:])).astype(np.float32)
    assert difference(model, channels, kept, x) < 1e-5, genome


@pytest.mark.parametrize("name", SPACES)
def test_the_cut_model_equals_the_masked_one(name: str) -> None:
    count = 1 if name in ("darts", "nasnet") else 2  # cells are many layers
    for place, genome in enumerate(lineage(SPACES[name], seed=3, steps=6, size=3)[-count:]):
        check(genome, place)


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_the_cut_model_equals_the_masked_one_on_hundreds_of_genomes(name: str) -> None:
    for place, genome in enumerate(lineage(SPACES[name], seed=5, steps=30, size=6)[:36]):
        check(genome, place)


def functional(*make: Any, shape: tuple[int, ...] = (8, 8, 3)) -> Any:
    import keras

    inputs = x = keras.Input(shape)
    for each in make:
        x = each(x)
    return keras.Model(inputs, x)


def test_layers_outside_of_the_spaces_are_cut_as_well() -> None:
    from keras import layers as k

    def squeezed(x: Any) -> Any:  # squeeze and excitation, over a depthwise convolution
        x = k.DepthwiseConv2D(3, padding="same")(x)
        gate = k.Reshape((1, 1, 6))(k.Dense(6, activation="sigmoid")(k.Dense(3, activation="relu")(k.GlobalAveragePooling2D()(x))))
        return k.Multiply()([x, gate])

    def branched(x: Any) -> Any:
        a = k.SeparableConv2D(5, 3, padding="same", activation="relu")(x)
        b = k.Conv2DTranspose(4, 3, padding="same")(x)
        return k.Concatenate()([a, k.PReLU(shared_axes=[1, 2])(b), k.UpSampling2D(1)(k.Dropout(0.5)(x))])

    model = functional(
        k.Conv2D(6, 3, strides=2, padding="same"), k.BatchNormalization(), squeezed, branched, k.Flatten(), k.Reshape((16, 15)),
        k.Conv1D(4, 3, padding="causal", activation="tanh"), k.ZeroPadding1D(1), k.Flatten(), k.Dense(7, activation="gelu"), k.Dense(3),
    )  # fmt: skip
    rng = stream(1, 1)
    scrambled(model, rng)
    channels = channels_of(model)
    assert channels.players == 6 + 3 + 5 + 4 + 4 + 7
    assert difference(model, channels, some(channels, rng), rng.normal(size=(3, 8, 8, 3)).astype(np.float32)) < 1e-5


def test_what_is_added_up_goes_together_and_what_stands_side_by_side_goes_alone() -> None:
    from keras import layers as k

    def residual(x: Any) -> Any:
        return k.Add()([k.Dense(5, name="first")(x), k.Dense(5, name="second")(x)])

    def beside(x: Any) -> Any:
        return k.Concatenate()([k.Dense(2, name="left")(x), k.Dense(3, name="right")(x)])

    channels = channels_of(functional(residual, beside, k.Dense(4, name="last"), shape=(6,)))
    made = {made.layer.name: made.players.tolist() for made in channels.made}
    assert made["first"] == made["second"] and len(set(made["first"])) == 5
    assert not set(made["left"]) & set(made["right"]) and made["last"] == [-1] * 4
    assert sorted(len(group) for group in channels.layers()) == [2, 3, 5]


def test_a_branch_all_of_whose_channels_go_is_left_out() -> None:
    from keras import layers as k

    def beside(x: Any) -> Any:
        right = k.ReLU(name="behind")(k.Dense(3, name="right")(x))
        return k.Concatenate()([k.Dense(2, name="left")(x), right])

    model = functional(beside, k.Dense(4, name="last"), shape=(6,))
    channels = channels_of(model)
    kept = np.ones(channels.players, bool)
    kept[next(made.players for made in channels.made if made.layer.name == "right")] = False
    smaller = cut(channels, kept).model
    assert {layer.name for layer in smaller.layers} & {"left", "right", "behind", "last"} == {"left", "last"}
    x = stream(1, 0).normal(size=(3, 6)).astype(np.float32)
    assert difference(model, channels, kept, x) < 1e-5


def test_nested_models_are_cut_and_come_out_flat() -> None:
    import keras
    from keras import layers as k

    inner = functional(k.Dense(6, activation="relu", name="same"), k.Dense(5, activation="relu", name="other"), shape=(4,))
    model = functional(k.Dense(4, name="same"), inner, k.Dense(3), shape=(7,))
    channels = channels_of(model)
    rng = stream(1, 2)
    assert channels.players == 4 + 6 + 5
    smaller = cut(channels, some(channels, rng)).model
    assert not any(isinstance(layer, keras.Model) for layer in smaller.layers)
    assert difference(model, channels, some(channels, rng), rng.normal(size=(3, 7)).astype(np.float32)) < 1e-5


def test_a_layer_that_is_called_twice_is_cut_once() -> None:
    from keras import layers as k

    shared = k.Dense(5, activation="relu")

    def twice(x: Any) -> Any:
        return k.Add()([shared(x), shared(k.ReLU()(x))])

    model = functional(k.Dense(4), twice, k.Dense(2), shape=(3,))
    channels = channels_of(model)
    assert channels.players == 9
    rng = stream(1, 3)
    assert difference(model, channels, some(channels, rng), rng.normal(size=(3, 3)).astype(np.float32)) < 1e-5


def test_a_layer_that_mixes_channels_holds_what_it_takes_and_says_so() -> None:
    from keras import layers as k

    model = functional(k.Dense(6, name="free"), k.ReLU(), k.Dense(5, name="held"), k.LayerNormalization(name="mixes"), k.Dense(3), shape=(4,))
    channels = channels_of(model)
    assert channels.players == 6 and "LayerNormalization" in channels.stays["mixes"]
    softmax = functional(k.Dense(6), k.Activation("softmax"), k.Dense(3), shape=(4,))
    with pytest.raises(ValueError, match=r"none of the model's channels can be cut out: activation.*Activation\(softmax\)"):
        channels_of(softmax)


def test_what_has_no_graph_or_nothing_to_cut_is_refused() -> None:
    import keras
    from keras import layers as k

    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(ValueError, match="Own whose graph of layers is not known"):
        channels_of(Own())
    with pytest.raises(ValueError, match="no layer with filters or units between its input and its output"):
        channels_of(functional(k.Dense(3), shape=(4,)))
    channels = channels_of(functional(k.Dense(6), k.Dense(3, name="last"), shape=(4,)))
    with pytest.raises(ValueError, match="the layer last would have nothing left to read"):
        cut(channels, np.zeros(6, bool))
    with pytest.raises(ValueError, match="each of the 6 players"):
        cut(channels, np.ones(5, bool))
