"""Model files as bytes: `.keras`, read in safe mode, and TensorFlow Lite, as a callable network."""

from __future__ import annotations

import importlib
import importlib.util
import json
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.backend import native_messages_held, start_quietly

Floats = npt.NDArray[np.float32]
EXPORTED = (
    "neuroevo.json"  # in the archive of a .keras file that takes raw inputs: what `neuroevo.deploy.export` says beside the model
)


def keras_file(model: Any) -> bytes:
    """A `keras.Model` as the bytes of a `.keras` file.

    Raises:
        ValueError: Keras cannot write it, or it holds code of one's own, which plain Keras could not load.
    """
    with tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "model.keras")
        try:
            model.save(path)
        except (TypeError, ValueError, NotImplementedError) as error:
            raise ValueError(f"Keras cannot write this model: {_sentence(error)}") from error
        data = path.read_bytes()
    refuse_own_code(data)
    return data


def refuse_own_code(data: bytes) -> None:
    """Refuse a `.keras` file that plain Keras cannot load.

    Raises:
        ValueError: it is no `.keras` file, or one of its parts is a class or a function from outside of Keras.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise ValueError(f"it is not a .keras file: {_sentence(error)}") from error
    for module, name in _parts(config):
        if module.split(".")[0] not in ("keras", "builtins") or name in ("function", "__lambda__"):
            raise ValueError(
                f"it holds {module}.{name}, code that plain Keras does not have: only layers of Keras itself are kept"
            )


def _parts(config: Any) -> Iterator[tuple[str, str]]:
    """(module, name) of every class that a model's configuration names."""
    if isinstance(config, dict):
        if isinstance(config.get("class_name"), str):
            yield str(config.get("module") or "keras"), config["class_name"]
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def load_keras(data: bytes) -> Any:
    """The `keras.Model` of a `.keras` file, in safe mode.

    Raises:
        ValueError: it cannot be read.
    """
    start_quietly()
    import keras

    with tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, "model.keras")
        path.write_bytes(data)
        try:
            return keras.saving.load_model(path, safe_mode=True, compile=False)
        except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
            raise ValueError(f"Keras cannot read it (in safe mode, without code of your own): {_sentence(error)}") from error


def was_exported(data: bytes) -> bool:
    """Whether `neuroevo.deploy.export` wrote this `.keras` file: then it takes raw inputs."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return EXPORTED in archive.namelist()


class LiteModel:
    """A TensorFlow Lite file as a network: float32 [samples, *input_shape] to float32 [samples, outputs]. Where the file takes or gives
    integers, they are scaled as it says.

    Args:
        data: the file's bytes.
        interpreter: a class of `lite_interpreters`; None: the first of them.

    Attributes:
        input_shape, output_shape: with None for the number of samples.

    Raises:
        ValueError: it cannot be read, or has several inputs or outputs.
    """

    def __init__(self, data: bytes, interpreter: Any = None) -> None:
        try:
            self._interpreter = _interpreter(data, interpreter or lite_interpreters()[0][1])
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"it cannot be read as a TensorFlow Lite model: {_sentence(error)}") from error
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(inputs) != 1 or len(outputs) != 1:
            raise ValueError(f"it has {len(inputs)} inputs and {len(outputs)} outputs; a network here has one of each")
        self._input, self._output = inputs[0], outputs[0]
        self.input_shape = (None, *(int(size) for size in self._input["shape"][1:]))
        self.output_shape = (None, *(int(size) for size in self._output["shape"][1:]))
        self._samples = 0

    def __call__(self, x: npt.ArrayLike, training: bool = False) -> Floats:
        given = np.asarray(x, np.float32)
        try:
            return self._outputs(given)
        except (RuntimeError, ValueError):  # a graph that is made for one sample at a time
            return np.concatenate([self._outputs(sample[None]) for sample in given])

    def run_again(self, times: int = 1) -> None:
        """Compute what was computed last once more, so many times; nothing is given in or taken out."""
        for _ in range(times):
            self._interpreter.invoke()

    def _outputs(self, x: Floats) -> Floats:
        interpreter, place = self._interpreter, self._input["index"]
        if self._samples != len(x):
            self._samples = 0
            interpreter.resize_tensor_input(place, x.shape)
            interpreter.allocate_tensors()
            self._samples = len(x)
        interpreter.set_tensor(place, _quantized(x, self._input))
        interpreter.invoke()
        return _values(interpreter.get_tensor(self._output["index"]), self._output)


def lite_interpreters() -> list[tuple[str, Any]]:
    """(name with version, class) of every TensorFlow Lite interpreter that is installed: LiteRT's own, and TensorFlow's."""
    found: list[tuple[str, Any]] = []
    with suppress(ImportError):
        edge = importlib.import_module("ai_edge_litert.interpreter")
        found.append((f"LiteRT {version('ai-edge-litert')}", edge.Interpreter))
    if found and importlib.util.find_spec("tensorflow") is None:
        return found
    start_quietly()
    import tensorflow

    found.append((f"TensorFlow {tensorflow.__version__}'s interpreter", tensorflow.lite.Interpreter))
    return found


def _interpreter(data: bytes, made: Any) -> Any:
    with warnings.catch_warnings(), native_messages_held():
        warnings.simplefilter("ignore")  # TensorFlow's notes on where its interpreter moves to
        return made(model_content=data, num_threads=1)


def _quantized(x: Floats, tensor: Any) -> npt.NDArray[Any]:
    kind = np.dtype(tensor["dtype"])
    if kind.kind == "f":
        return x.astype(kind)
    scale, zero = tensor["quantization"]
    limits = np.iinfo(kind)
    quantized: npt.NDArray[Any] = np.clip(np.rint(x / scale) + zero, limits.min, limits.max).astype(kind)
    return quantized


def _values(y: npt.NDArray[Any], tensor: Any) -> Floats:
    if y.dtype.kind == "f":
        return y.astype(np.float32)
    scale, zero = tensor["quantization"]
    values: Floats = ((y.astype(np.float32) - zero) * scale).astype(np.float32)
    return values


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
