"""A pass written out in TensorFlow's operations gives what Keras's layers and TensorFlow's gradients give."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

tf = pytest.importorskip("tensorflow")

from neuroevo.train.compiled import Method, compile_network  # noqa: E402
from neuroevo.train.tensorflow_graph import LAYERS, Pass, walkable  # noqa: E402

if keras.backend.backend() != "tensorflow":
    pytest.skip("of the TensorFlow backend", allow_module_level=True)

BATCH, MOMENTUM = 6, 0.9
Tail = Callable[[Any], Any]


def model_of(shape: tuple[int, ...], body: Tail, seed: int = 1) -> Any:
    """A convolution or dense layer before and a dense layer behind, so that gradients go through `body`."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(shape)
    first = {1: layers.Dense(5), 2: layers.Conv1D(5, 3, padding="same"), 3: layers.Conv2D(5, 3, padding="same")}[len(shape)]
    x = body(first(inputs))
    model = keras.Model(inputs, layers.Dense(3)(x if len(x.shape) == 2 else layers.Flatten()(x)))
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(0.5 if array.ndim == 1 else 0, 0.4, array.shape) ** (2 if array.ndim == 1 else 1) for array in model.get_weights()])
    return model


def normalised(channels: int) -> Tail:
    return lambda x: layers.BatchNormalization(momentum=MOMENTUM, epsilon=1e-3)((layers.Conv2D if len(x.shape) == 4 else layers.Dense)(
        channels, *([1] if len(x.shape) == 4 else []))(x))  # fmt: skip


def both(x: Any) -> Any:
    """Two ways that meet again, one tensor taken twice."""
    left, right = layers.ReLU()(x), layers.Activation("tanh")(x)
    return layers.Concatenate()([layers.Add()([left, right]), left, left])


def shared(x: Any) -> Any:
    """One convolution on two maps (a detector's head)."""
    layer = layers.Conv2D(4, 3, padding="same")
    return layers.Concatenate(axis=1)([layers.Reshape((-1, 4))(layer(x)), layers.Reshape((-1, 4))(layer(layers.MaxPooling2D()(x)))])


def normalised_twice(axis: int) -> Tail:
    """One BatchNorm on two maps; of the axis in the middle it is called as Keras has it."""

    def body(x: Any) -> Any:
        layer = layers.BatchNormalization(momentum=MOMENTUM, axis=axis)
        return layers.Add()([layer(x), layer(layers.Activation("tanh")(x))])

    return body


def stacked(dilation: int) -> Tail:
    """Heads whose slopes are the outputs of one operation."""

    def body(x: Any) -> Any:
        return keras.ops.stack([layers.Conv2D(4, 3, padding="same", dilation_rate=dilation)(x) for _ in range(3)], axis=1)

    return body


IMAGE, SERIES, ROW = (8, 6, 2), (9, 2), (7,)
BODIES: dict[str, tuple[tuple[int, ...], Tail]] = {
    "convolution": (IMAGE, layers.Conv2D(4, 3, padding="same", use_bias=False)),
    "convolution of strides": (IMAGE, layers.Conv2D(4, (3, 5), strides=2, padding="same")),
    "valid convolution": (IMAGE, layers.Conv2D(4, 3, padding="valid")),
    "dilated convolution": (IMAGE, layers.Conv2D(4, 3, padding="same", dilation_rate=2)),
    "grouped convolution": (IMAGE, layers.Conv2D(5, 3, padding="same", groups=5)),
    "activated convolution": (IMAGE, layers.Conv2D(4, 3, padding="same", activation="tanh")),
    "depthwise": (IMAGE, layers.DepthwiseConv2D(5, padding="same", use_bias=False)),
    "depthwise of strides": (IMAGE, layers.DepthwiseConv2D(3, strides=2, padding="same")),
    "separable": (IMAGE, layers.SeparableConv2D(6, 3, padding="same", use_bias=False)),
    "separable of strides": (IMAGE, layers.SeparableConv2D(6, 5, strides=2, padding="same")),
    "dilated separable": (IMAGE, layers.SeparableConv2D(6, 3, padding="same", dilation_rate=2)),
    "series": (SERIES, layers.Conv1D(4, 3, strides=2, padding="same")),
    "separable series": (SERIES, layers.SeparableConv1D(4, 3, padding="same")),
    **{f"norm of {n}": (IMAGE, normalised(n)) for n in (1, 4, 5, 8, 16, 24)},
    "norm of a series": (SERIES, layers.BatchNormalization(momentum=MOMENTUM)),
    "norm of a row": (ROW, normalised(8)),
    "one norm twice": (IMAGE, normalised_twice(-1)),
    "one norm of rows twice": (IMAGE, normalised_twice(1)),
    "norm without gamma": (IMAGE, layers.BatchNormalization(scale=False)),
    "frozen norm": (IMAGE, layers.BatchNormalization(trainable=False)),
    "dense": (ROW, layers.Dense(4, activation="relu")),
    "relu": (ROW, layers.ReLU()),
    "capped relu": (ROW, layers.ReLU(max_value=0.5)),
    "max pooling": (IMAGE, layers.MaxPooling2D(3, strides=2, padding="same")),
    "average pooling": (IMAGE, layers.AveragePooling2D((2, 3), padding="valid")),
    "max pooling of a series": (SERIES, layers.MaxPooling1D(2, padding="same")),
    "average pooling of a series": (SERIES, layers.AveragePooling1D(3, strides=1, padding="same")),
    "global average": (IMAGE, layers.GlobalAveragePooling2D()),
    "global average of a series": (SERIES, layers.GlobalAveragePooling1D()),
    "global maximum": (IMAGE, layers.GlobalMaxPooling2D()),
    "half of the channels": (IMAGE, lambda x: x[..., 1::2]),
    "zero": (IMAGE, lambda x: layers.Add()([x, layers.Rescaling(0.0)(x)])),
    "upsampling": (IMAGE, layers.UpSampling2D(2)),
    "both": (IMAGE, both),
    "both of a row": (ROW, both),
    "shared": (IMAGE, shared),
    "stacked heads": (IMAGE, stacked(1)),
    "stacked heads that are dilated": (IMAGE, stacked(2)),
    "recurrent": (SERIES, layers.SimpleRNN(4)),
    "gated": (ROW, lambda x: layers.Multiply()([x, layers.Rescaling(2.0)(layers.Activation("sigmoid")(layers.Dense(5)(x)))])),
    "a model inside": (ROW, lambda x: model_of((5,), layers.ReLU(), 3)(x)),
}


@pytest.mark.parametrize("name", BODIES)
def test_outputs_gradients_and_moving_statistics_are_those_of_keras(name: str) -> None:
    shape, body = BODIES[name]
    model = model_of(shape, body)
    rng = np.random.default_rng(5)
    x = tf.constant(rng.normal(size=(BATCH, *shape)), tf.float32)
    slope = tf.constant(rng.normal(size=(BATCH, 3)), tf.float32)
    variables = [variable for variable in model.variables if variable.dtype == "float32"]

    @tf.function(autograph=False)
    def ours(x: Any, slope: Any) -> Any:
        run = Pass(model, {id(v): v.value + 0.0 for v in variables}, training=True)
        outputs = run.outputs(x)
        found = run.gradients(slope)
        moved = {v.path: m.keep * v.value + m.take * tf.reshape(m.value, v.shape) for v in variables if (m := run.moved.get(id(v)))}
        return outputs, [tf.reshape(found[id(v)], v.shape) for v in model.trainable_variables], moved

    with tf.GradientTape() as tape:
        outputs, others = model.stateless_call(
            [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables], x, training=True
        )
    expected = tape.gradient(outputs, [v.value for v in model.trainable_variables], output_gradients=slope)
    made, gradients, moved = ours(x, slope)
    assert np.allclose(made, outputs, atol=2e-5, rtol=2e-5)
    for variable, ours_, theirs in zip(model.trainable_variables, gradients, expected, strict=True):
        assert np.allclose(ours_, theirs, atol=1e-4, rtol=1e-4), variable.path
    after = {v.path: value for v, value in zip(model.non_trainable_variables, others, strict=True)}
    assert all(np.allclose(moved.get(v.path, v.value), after[v.path], atol=1e-5) for v in model.non_trainable_variables)
    still = Pass(model, {id(v): v.value for v in variables}, training=False).outputs(x)
    assert np.allclose(still, model(x, training=False), atol=2e-5, rtol=2e-5)


def test_the_layers_of_genomes_are_written_out() -> None:
    """What is called as Keras has it is right, too, but slow to trace: this says that it is the exception."""
    assert {"Conv1D", "Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Dense", "BatchNormalization", "ReLU", "MaxPooling2D", "Add", "Concatenate"} <= set(LAYERS)


def test_a_model_whose_graph_is_not_known_is_called_as_a_whole() -> None:
    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(3)

        def call(self, x: Any, training: bool = False) -> Any:
            return self.dense(x) * (2.0 if training else 1.0)

    model = Own()
    x = tf.ones((4, 2))
    plain = model(x)
    assert not walkable(model)
    run = Pass(model, {id(v): v.value for v in model.variables}, training=True)
    assert np.allclose(run.outputs(x), 2 * plain)
    assert np.allclose(run.gradients(tf.ones((4, 3)))[id(model.dense.bias)], 8.0)


@pytest.mark.parametrize(("policy", "close"), [("float64", 1e-5), ("mixed_bfloat16", 0.1)])
def test_other_precisions_train_alike(policy: str, close: float) -> None:
    def trained(dtype: str) -> tuple[float, Any]:
        inputs = keras.Input((6, 6, 1))
        x = layers.Conv2D(4, 3, padding="same", use_bias=False, dtype=dtype)(inputs)
        x = layers.ReLU(dtype=dtype)(layers.BatchNormalization(dtype=dtype)(x))
        last = "float64" if dtype == "float64" else "float32"
        network = compile_network(keras.Model(inputs, layers.Dense(3, dtype=last)(layers.Flatten(dtype=dtype)(x))), Method(batch_size=8))
        rng = np.random.default_rng(0)
        network.reset([rng.uniform(0.1, 0.3, array.shape).astype(np.float32) for array in network.weights()])
        x, targets = (network.place(array) for array in (rng.normal(size=(16, 6, 6, 1)), np.eye(3)[rng.integers(0, 3, 16)]))
        order = np.arange(16, dtype=np.int32).reshape(2, 8)
        losses = [network.epoch(x, targets, order, np.full(2, 0.05, np.float32)) for _ in range(5)]
        assert losses[-1] < losses[0] and all(array.dtype == np.float32 for array in network.weights())
        return losses[-1], network.outputs(x)

    (loss, outputs), (expected, plain) = trained(policy), trained("float32")
    assert outputs.dtype == np.float32 and not np.array_equal(outputs, plain), "it computes in that precision"
    assert loss == pytest.approx(expected, rel=close) and np.allclose(outputs, plain, atol=10 * close)


def test_dropout_drops_its_share_and_what_is_dropped_learns_nothing() -> None:
    rate, units = 0.3, 4000
    inputs = keras.Input((1,))
    hidden = layers.Dense(units, kernel_initializer="ones", bias_initializer="ones", name="hidden")
    model = keras.Model(inputs, layers.Dense(1, kernel_initializer="ones", name="out")(layers.Dropout(rate)(hidden(inputs))))
    network = compile_network(model, Method(loss="mean_squared_error", batch_size=1, momentum=0.0))
    before = network.weights()
    assert network.outputs(network.place(np.ones((1, 1)))) == pytest.approx(2 * units), "nothing is dropped in inference"
    one, target = network.place(np.ones((1, 1))), network.place(np.zeros((1, 1)))
    loss = network.epoch(one, target, np.zeros((1, 1), np.int32), np.full(1, 1e-6, np.float32))
    moved = [a != b for a, b in zip(before, network.weights(), strict=True)]
    kept = moved[2].ravel()
    assert kept.mean() == pytest.approx(1 - rate, abs=0.04)
    assert np.array_equal(moved[0].ravel(), kept) and np.array_equal(moved[1], kept)
    assert np.sqrt(loss) == pytest.approx(2 * kept.sum() / (1 - rate), rel=1e-3), "what is kept is so much larger"


def test_dropout_draws_anew_at_each_step_and_the_same_after_a_reset() -> None:
    inputs = keras.Input((5,))
    x = layers.Dropout(0.5, seed=3)(layers.Dense(32)(inputs))
    network = compile_network(keras.Model(inputs, layers.Dense(2)(x)), Method(batch_size=4))
    weights = network.weights()
    given = network.place(np.ones((4, 5))), network.place(np.eye(2)[[0, 1, 0, 1]])
    still = np.zeros(1, np.float32)  # a learning rate of 0, so that only what is dropped differs

    def losses() -> list[float]:
        network.reset(weights)
        return [network.epoch(*given, np.arange(4, dtype=np.int32)[None], still) for _ in range(3)]

    found = losses()
    assert len(set(found)) == 3 and losses() == found
    assert np.array_equal(*(network.outputs(given[0]) for _ in range(2)))
