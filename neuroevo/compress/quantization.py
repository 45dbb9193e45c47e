"""Quantization: a network in numbers of 8 bits, as a LiteRT (TensorFlow Lite) file, or of dense layers in Keras; checked against the float one.

LiteRT's full int8 is calibrated: it measures on a few samples what range the values of each layer have (Jacob et al. 2018). Keras's own
`quantize` changes dense layers alone and leaves every convolution in float32 without a word; so it is offered for networks of dense layers.
"""

from __future__ import annotations

import math
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.compress.pruning import refuse_without_validation
from neuroevo.core.backend import native_messages_held
from neuroevo.decode.graph import functional
from neuroevo.run.model_files import LiteModel, keras_file, lite_interpreters
from neuroevo.run.travelling import travelling
from neuroevo.tasks.supervised import Supervised

Floats = npt.NDArray[np.float32]
KINDS = ("int8", "dynamic", "float16", "keras_int8")
CALIBRATION = 200  # samples
FLOAT_SHARE = 1e-3  # of the outputs' range, by which a float file may differ from the model
LEAST_CORRELATION = 0.9  # of the quantized outputs with the model's: below, something else is computed
TIMED, BLOCKS = 50, 15  # samples in a block, and blocks of which the fastest counts


@dataclass(frozen=True)
class Quantization:
    """How a network is quantized.

    Args:
        kind: "int8" (LiteRT, weights and values, calibrated), "dynamic" (LiteRT, weights alone), "float16" (LiteRT, weights alone, half the
            size) or "keras_int8" (Keras's, weights of dense layers; a `.keras` file).
        integers: whether an int8 file also takes and gives integers, scaled as it says itself.
        calibration: training samples, at most, that ranges are measured on.

    Raises:
        ValueError: an unknown kind, integers of another kind than int8, or no calibration samples.
    """

    kind: str = "int8"
    integers: bool = False
    calibration: int = CALIBRATION

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(unknown("kind of quantization", self.kind, KINDS))
        if self.integers and self.kind != "int8":
            raise ValueError(f"only int8 files take and give integers, got integers with {self.kind}")
        if self.calibration < 1:
            raise ValueError(f"calibration must be >= 1 (samples), got {self.calibration}")


@dataclass(frozen=True, eq=False)
class Quantized:
    """A quantized network.

    Attributes:
        data: of its file.
        suffix: of its file: ".tflite" or ".keras".
        network: a callable of normalised inputs.
        operators, details: what was done; JSON: bytes and microseconds a sample beside the float32 file's, and how the outputs compare.
    """

    data: bytes
    suffix: str
    network: Any
    operators: tuple[str, ...]
    details: dict[str, Any]


def quantized(
    model: Any, task: Supervised, settings: Quantization = Quantization(), *, calibration: npt.NDArray[Any] | None = None
) -> Quantized:
    """A network in fewer bits.

    Args:
        model: functional or sequential; normalised inputs to logits or normalised values.
        task: which data.
        settings: how.
        calibration: [samples, *input_shape], normalised; None: training samples.

    Raises:
        ValueError: calibration samples of another shape, no validation samples, a model that the converter cannot write, layers that Keras does
            not quantize, another Keras backend than TensorFlow, or a file that computes something else than the model.
    """
    refuse_without_validation(task)
    model = functional(model)
    shape = tuple(model.input_shape[1:])
    samples = task.dataset.train.x[: settings.calibration] if calibration is None else np.asarray(calibration)
    if samples.dtype.kind not in "biuf" or samples.shape[1:] != shape or not len(samples):
        raise ValueError(
            f"calibration samples have the shape of the network's inputs, {('samples', *shape)}, got {samples.dtype} {list(samples.shape)}"
        )
    x = task.dataset.validation.x
    expected = np.asarray(model(x, training=False), np.float64)
    if settings.kind == "keras_int8":
        return _in_keras(model, x, expected)
    float_file = lite_file(model)
    plain = _loaded(float_file, x)
    _refuse_other_outputs(plain, x, expected, FLOAT_SHARE)
    data = lite_file(model, settings, samples.astype(np.float32))
    for name, interpreter in lite_interpreters():
        outputs = _loaded(data, x, interpreter)(x)
        compared = _compared(outputs, expected, task)
        if not compared["correlation"] >= LEAST_CORRELATION:
            raise ValueError(
                f"the {settings.kind} file computes something else than the model in {name}: the correlation of their outputs is "
                f"{compared['correlation']:.3f}; give more calibration samples, or another kind"
            )
    network = _loaded(data, x)
    times = seconds_a_sample([plain, network], x[:1])
    details = {
        "kind": settings.kind, **({"integers": settings.integers} if settings.kind == "int8" else {}),
        **({"calibration_samples": len(samples)} if settings.kind == "int8" else {}),
        "bytes": [len(float_file), len(data)], "microseconds": [round(1e6 * seconds, 2) for seconds in times], **compared,
    }  # fmt: skip
    return Quantized(data, ".tflite", network, ("quantize",), details)


def _loaded(data: bytes, x: Floats, interpreter: Any = None) -> LiteModel:
    """A LiteRT file as a network, after the first sample, with which the interpreter begins to write notes."""
    network = LiteModel(data, interpreter)
    with native_messages_held():
        network(x[:1])
    return network


def lite_file(model: Any, settings: Quantization | None = None, samples: Floats | None = None) -> bytes:
    """A network as a LiteRT file; without settings in float32.

    Raises:
        ValueError: the converter cannot write it, or Keras runs on another backend than TensorFlow.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"LiteRT files are written by TensorFlow, and Keras runs on {keras.backend.backend()} here: set KERAS_BACKEND=tensorflow"
        )
    import tensorflow as tf

    options: dict[str, Any] = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
    if settings is not None:
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if settings is not None and settings.kind == "float16":
        options["target_spec"]["supported_types"] = [tf.float16]
    if settings is not None and settings.kind == "int8":
        assert samples is not None

        def each() -> Iterator[list[Floats]]:
            for at in range(len(samples)):
                yield [samples[at : at + 1]]

        options["representative_dataset"] = each
        options["target_spec"] = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]}
        if settings.integers:
            options["inference_input_type"] = options["inference_output_type"] = tf.int8
    with tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "model.tflite")
        with warnings.catch_warnings(), native_messages_held():
            warnings.simplefilter("ignore")  # of libraries that look at each other's old names
            try:
                travelling(model).export(path, format="litert", verbose=False, **options)
            except Exception as error:
                said = " ".join(str(error).split())[:300]
                raise ValueError(f"the network cannot be written as a LiteRT file: {type(error).__name__}: {said}") from error
        return path.read_bytes()


def seconds_a_sample(networks: list[LiteModel], sample: Floats) -> list[float]:
    """Seconds that each network takes for a sample on one thread: the fastest of several blocks, block by block in turn, so that all of them meet
    the same machine."""
    best = [math.inf] * len(networks)
    for network in networks:
        network(sample)
    for _ in range(BLOCKS):
        for place, network in enumerate(networks):
            begin = time.perf_counter()
            network.run_again(TIMED)
            best[place] = min(best[place], (time.perf_counter() - begin) / TIMED)
    return best


def _compared(outputs: npt.NDArray[Any], expected: npt.NDArray[np.float64], task: Supervised) -> dict[str, Any]:
    """How outputs compare with the model's: their correlation, the largest difference as a share of the model's range, and of classes the share
    of samples that both give the same."""
    spread = float(np.ptp(expected)) or 1.0
    finite = bool(np.isfinite(outputs).all()) and float(np.std(outputs)) > 0
    found: dict[str, Any] = {
        "correlation": float(np.corrcoef(outputs.ravel(), expected.ravel())[0, 1]) if finite else 0.0,
        "largest_difference": round(float(np.abs(outputs - expected).max()) / spread, 5) if finite else None,
    }
    if task.dataset.kind == "classification":
        found["same_class"] = float(np.mean(outputs.argmax(axis=1) == expected.argmax(axis=1)))
    return found


def _refuse_other_outputs(network: Any, x: Floats, expected: npt.NDArray[np.float64], share: float) -> None:
    off = float(np.abs(network(x) - expected).max()) / (float(np.ptp(expected)) or 1.0)
    if not off <= share:
        raise ValueError(
            f"the float32 file computes other numbers than the model already, before it is quantized: they differ by up to {off:.2g} of the "
            "outputs' range"
        )


def _in_keras(model: Any, x: Floats, expected: npt.NDArray[np.float64]) -> Quantized:
    import keras

    held = [
        f"{layer.name} ({type(layer).__name__})"
        for layer in model.layers
        if layer.weights and type(layer).__name__ not in ("Dense", "EinsumDense", "Embedding", "BatchNormalization")
    ]
    if held:
        raise ValueError(
            f"Keras quantizes dense layers alone, and would leave {', '.join(held[:3])}{' and others' if len(held) > 3 else ''} in float32 without a "
            "word: use kind int8, which is LiteRT's"
        )
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    before = len(keras_file(copy))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that layers without weights cannot be quantized
        copy.quantize("int8")
    data = keras_file(copy)
    outputs = np.asarray(copy(x, training=False), np.float64)
    finite = np.isfinite(outputs).all() and np.std(outputs) > 0
    details = {
        "kind": "keras_int8", "bytes": [before, len(data)],
        "correlation": float(np.corrcoef(outputs.ravel(), expected.ravel())[0, 1]) if finite else 0.0,
    }  # fmt: skip
    return Quantized(data, ".keras", copy, ("quantize",), details)
