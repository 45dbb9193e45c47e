"""Keras models in the formats of other runtimes: `.keras`, ONNX, TensorFlow Lite and SavedModel, by Keras's own exporters, each loaded again
and compared with the model before it has its name."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genomes.system import replace
from neuroevo.core.backend import native_messages_held
from neuroevo.core.extras import how_to_install
from neuroevo.deploy.proof import Proof, Rows, proven, rows_for
from neuroevo.run.travelling import travelling

FORMATS = {".keras": "Keras", ".onnx": "ONNX", ".tflite": "TensorFlow Lite", "": "SavedModel folder"}
_KERAS_NAMES = {".onnx": "onnx", ".tflite": "litert", "": "tf_saved_model"}


def write_model(model: Any, path: Path, rows: Rows | None = None) -> Proof:
    """Write a `keras.Model` in the format of the path's suffix (none: a SavedModel folder), whole or not at all, and not where it computes
    anything else than the model.

    Args:
        model: with one input.
        path: where to.
        rows: on which the file is compared with the model; None: some at random.

    Returns:
        What the file was found to compute.

    Raises:
        ValueError: an unknown suffix, a folder that is there already, a model that the format cannot hold, or a file that computes other
            numbers (`WrongExport`).
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
            _exported(travelling(model), written)
        if path.suffix == ".onnx":
            _refuse_other_inputs(model, written)
        proof = proven(written, model, rows or rows_for(model), path)
        if written.is_dir():
            shutil.move(written, path)
        else:
            with open(written, "rb+") as file:
                os.fsync(file.fileno())
            replace(written, path)
    return proof


def _exported(model: Any, path: Path) -> None:
    import numpy as np

    name = _KERAS_NAMES[path.suffix]
    zeros = [np.zeros((1, *given.shape[1:]), given.dtype) for given in model.inputs]
    model(zeros if len(zeros) > 1 else zeros[0])  # the ONNX export refuses a model that was never called
    options: dict[str, Any] = {}
    if path.suffix == ".tflite":  # not TensorFlow's own operations, which a TensorFlow Lite interpreter does not have
        import tensorflow

        options["target_spec"] = {"supported_ops": [tensorflow.lite.OpsSet.TFLITE_BUILTINS]}
    with warnings.catch_warnings(), native_messages_held(), _quiet("tf2onnx"):
        warnings.simplefilter("ignore")  # of libraries that look at each other's old names
        try:
            model.export(path, format=name, verbose=False, **options)
        except ImportError:
            raise
        except Exception as error:
            said = " ".join(str(error).split())
            at = said.find("TF Select ops:")
            said = f"it needs {said[at + 15 : at + 200]}, which are not built into it" if at >= 0 else said[:300]
            reason = f"{type(error).__name__}: {said}" if at < 0 else said
            raise ValueError(f"Keras cannot write this model as {FORMATS[path.suffix]}: {reason}") from error


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """A library's log is silent: what is wrong with its file is found by loading it."""
    log = logging.getLogger(name)
    before = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(before)


def _refuse_without_tensorflow(suffix: str) -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"{FORMATS[suffix]} is written by TensorFlow, and Keras runs on {keras.backend.backend()} here: write a .keras file, and "
            "export it under KERAS_BACKEND=tensorflow"
        )
    needed = ("onnx", "tf2onnx", "onnxruntime") if suffix == ".onnx" else ()
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        checks = " (onnxruntime loads what was written, to compare it with the model)" if "onnxruntime" in missing else ""
        raise ImportError(f"ONNX needs {' and '.join(missing)}{checks}: {how_to_install('export')}")


def _refuse_other_inputs(model: Any, path: Path) -> None:
    """Constants of some Keras layers (Normalization with a given mean) come out as inputs of the ONNX graph, which then cannot be run."""
    import onnx

    found = [value.name for value in onnx.load(str(path)).graph.input]
    if len(found) != len(model.inputs):
        raise ValueError(
            f"Keras wrote an ONNX graph with the inputs {', '.join(found)} for a model of {len(model.inputs)}: a layer holds constants "
            "that its ONNX export takes for inputs (Normalization with a given mean does); replace it by Rescaling, or write .tflite"
        )
