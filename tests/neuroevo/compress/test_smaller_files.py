"""Quantization and distillation: the same network in fewer bits, and a small one that learns from a large one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neuroevo as ne
from genomes import NetworkSpace
from genomes.testing import philox
from neuroevo.compress import Distillation, Quantization, distilled, quantized
from neuroevo.compress.quantization import lite_file
from neuroevo.compress.retraining import retrained
from neuroevo.core.streams import stream
from neuroevo.run.model_files import LiteModel, load_keras
from neuroevo.train.recipe import Recipe

TASK = ne.tasks.Classification("digits", seed=1)
ADAM = Recipe(optimizer="adam", learning_rate=3e-3, weight_decay=0.0, schedule="constant", batch_size=64)


def functional(*make: Any) -> Any:
    import keras

    inputs = x = keras.Input((8, 8, 1))
    for each in make:
        x = each(x)
    return keras.Model(inputs, x)


@pytest.fixture(scope="module")
def convolutional() -> Any:
    """Large enough that its weights are most of its file."""
    import keras
    from keras import layers as k

    keras.utils.set_random_seed(1)
    model = functional(
        k.Conv2D(24, 3, padding="same", use_bias=False), k.BatchNormalization(momentum=0.9), k.ReLU(), k.MaxPooling2D(),
        k.Conv2D(64, 3, padding="same", use_bias=False), k.BatchNormalization(momentum=0.9), k.ReLU(), k.GlobalAveragePooling2D(), k.Dense(10),
    )  # fmt: skip
    retrained(model, TASK, stream(1, 4), epochs=6, recipe=ADAM)
    return model


@pytest.fixture(scope="module")
def dense() -> Any:
    import keras
    from keras import layers as k

    keras.utils.set_random_seed(1)
    model = functional(k.Flatten(), k.Dense(48, "relu"), k.Dense(10))
    retrained(model, TASK, stream(1, 4), epochs=10, recipe=ADAM)
    return model


def error(network: Any) -> float:
    return TASK.part_scores(network, TASK.dataset.validation)["error"]


@pytest.mark.parametrize("integers", [pytest.param(False, marks=pytest.mark.slow), True])
def test_int8_is_a_third_of_the_file_and_answers_alike(integers: bool, convolutional: Any) -> None:
    found = quantized(convolutional, TASK, Quantization(integers=integers))
    before, after = found.details["bytes"]
    assert after == len(found.data) <= 0.4 * before
    assert error(found.network) <= error(convolutional) + 0.005
    assert found.details["same_class"] > 0.98 and found.details["correlation"] > 0.99 and min(found.details["microseconds"]) > 0
    inputs = LiteModel(found.data)._input
    assert np.dtype(inputs["dtype"]) == (np.int8 if integers else np.float32)


@pytest.mark.slow
def test_other_kinds_keep_more(convolutional: Any) -> None:
    sizes = {kind: len(quantized(convolutional, TASK, Quantization(kind)).data) for kind in ("dynamic", "float16")}
    plain = len(lite_file(convolutional))
    assert sizes["dynamic"] < 0.5 * plain and 0.45 * plain < sizes["float16"] < 0.65 * plain


@pytest.mark.slow
def test_ranges_that_were_measured_on_other_values_are_noticed(convolutional: Any) -> None:
    with pytest.raises(ValueError, match=r"the int8 file computes something else than the model .*give more calibration samples"):
        quantized(convolutional, TASK, calibration=np.zeros((20, 8, 8, 1), np.float32))


@pytest.mark.parametrize("shape", [(20, 8, 8), (20, 8, 8, 3), (0, 8, 8, 1)])
def test_calibration_samples_of_another_shape_are_refused(shape: tuple[int, ...], convolutional: Any) -> None:
    with pytest.raises(ValueError, match=r"calibration samples have the shape of the network's inputs, \('samples', 8, 8, 1\), got float64"):
        quantized(convolutional, TASK, calibration=np.zeros(shape))


def test_keras_quantizes_dense_layers_alone_and_is_offered_for_those_alone(convolutional: Any, dense: Any) -> None:
    with pytest.raises(ValueError, match=r"Keras quantizes dense layers alone, and would leave conv2d\w* \(Conv2D\).* in float32"):
        quantized(convolutional, TASK, Quantization("keras_int8"))
    found = quantized(dense, TASK, Quantization("keras_int8"))
    assert found.suffix == ".keras" and error(load_keras(found.data)) <= error(dense) + 0.005
    assert "int8" in {str(variable.dtype) for variable in load_keras(found.data).variables}
    assert not any(str(variable.dtype) == "int8" for variable in dense.variables), "the model itself is left as it is"


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Quantization("int9"), "int8"),
        (lambda: Quantization("float16", integers=True), "only int8 files take and give integers"),
        (lambda: Quantization(calibration=0), "calibration must be >= 1"),
        (lambda: Distillation(teaching=1.5), r"teaching must be in \[0, 1\]"),
        (lambda: Distillation(temperature=0), "temperature must be > 0"),
        (lambda: Distillation(epochs=0), "epochs must be >= 1"),
    ],
)
def test_settings_out_of_range_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_a_taught_network_answers_as_its_teacher_does(convolutional: Any) -> None:
    """A teacher that is wrong on purpose, always by one class: who learns from it alone is wrong likewise."""
    from neuroevo.decode import build, set_weights

    class Shifted:
        def __call__(self, x: Any, training: bool = False) -> Any:
            return np.roll(np.asarray(convolutional(x, training=False)), 1, axis=1)

    space = NetworkSpace((8, 8, 1), 10, max_parameters=900, starter_parameters=(300, 900))
    student = space.random(philox(1, 0))
    taught = distilled(Shifted(), student, TASK, Distillation(teaching=1.0, epochs=8), seed=1)
    part = TASK.dataset.validation
    said = np.asarray(taught.model(part.x, training=False)).argmax(axis=1)
    assert np.mean(said == (part.y + 1) % 10) > 0.6 > 0.4 > np.mean(said == part.y)
    again = build(student)
    set_weights(again, student, taught.weights)
    assert np.allclose(np.asarray(again(part.x[:5])), np.asarray(taught.model(part.x[:5])), atol=1e-5)
