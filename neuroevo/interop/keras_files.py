"""Keras models in the formats of other runtimes: `.keras`, ONNX, TensorFlow Lite and SavedModel, by Keras's own exporters."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import Any

from genomes.system import replace
from neuroevo.core.extras import how_to_install

FORMATS = {".keras": "Keras", ".onnx": "ONNX", ".tflite": "TensorFlow Lite", "": "SavedModel folder"}
_KERAS_NAMES = {".onnx": "onnx", ".tflite": "litert", "": "tf_saved_model"}


def write_model(model: Any, path: Path) -> None:
    """Write a `keras.Model` in the format of the path's suffix (none: a SavedModel folder), whole or not at all.

    Raises:
        ValueError: an unknown suffix, a folder that is there already, or a model that the format cannot hold.
        ImportError: a library that the format needs is not installed.
    """
    if path.suffix not in FORMATS:
        raise ValueError(f"a model is written to {', '.join(suffix or 'a folder' for suffix in FORMATS)}, got {path}")
    if path.suffix == "" and path.exists():
        raise ValueError(f"{path} exists already: a SavedModel is written to a new folder")
    if path.suffix in (".onnx", ".tflite", ""):
        _refuse_without_tensorflow(path.suffix)
    with tempfile.TemporaryDirectory(dir=path.resolve().parent, prefix=f".{path.stem}.writing") as folder:
        written = Path(folder) / f"model{path.suffix}"
        if path.suffix == ".keras":
            model.save(written)
        else:
            _exported(model, written)
        if path.suffix == ".onnx":
            _refuse_other_inputs(model, written)
        if written.is_dir():
            shutil.move(written, path)
        else:
            with open(written, "rb+") as file:
                os.fsync(file.fileno())
            replace(written, path)


def _exported(model: Any, path: Path) -> None:
    import numpy as np

    name = _KERAS_NAMES[path.suffix]
    zeros = [np.zeros((1, *given.shape[1:]), given.dtype) for given in model.inputs]
    model(zeros if len(zeros) > 1 else zeros[0])  # the ONNX export refuses a model that was never called
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of libraries that look at each other's old names
        try:
            model.export(path, format=name, verbose=False)
        except ImportError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())[:300]
            raise ValueError(
                f"Keras cannot write this model as {FORMATS[path.suffix]}: {type(error).__name__}: {said}"
            ) from error


def _refuse_without_tensorflow(suffix: str) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"{FORMATS[suffix]} is written by TensorFlow, and Keras runs on {keras.backend.backend()} here: write a .keras file, and "
            "export it under KERAS_BACKEND=tensorflow"
        )
    needed = ("onnx", "tf2onnx") if suffix == ".onnx" else ()
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"ONNX needs {' and '.join(missing)}: {how_to_install('export')}")


def _refuse_other_inputs(model: Any, path: Path) -> None:
    """Constants of some Keras layers (Normalization with a given mean) come out as inputs of the ONNX graph, which then cannot be run."""
    import onnx

    found = [value.name for value in onnx.load(str(path)).graph.input]
    if len(found) != len(model.inputs):
        raise ValueError(
            f"Keras wrote an ONNX graph with the inputs {', '.join(found)} for a model of {len(model.inputs)}: a layer holds constants "
            "that its ONNX export takes for inputs (Normalization with a given mean does); replace it by Rescaling, or write .tflite"
        )
