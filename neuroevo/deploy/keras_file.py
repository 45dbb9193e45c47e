"""Export: a plain Keras model that takes raw inputs; and predictions with one.

The `.keras` file loads in plain Keras (safe mode, no code of ours): normalisation and probabilities are Keras layers inside it. The
names of the labels, and how a table's columns become features, lie beside the configuration in the same archive
(`neuroevo.json`), where Keras ignores them and `predict` reads them.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.system import replace
from neuroevo.core.backend import start_quietly
from neuroevo.core.files import near
from neuroevo.data import files, table
from neuroevo.data.dataset import DataError, Dataset
from neuroevo.deploy.prediction import Prediction
from neuroevo.run.model_files import EXPORTED as DETAILS
from neuroevo.train.loop import model_outputs


def raw_model(model: Any, dataset: Dataset) -> Any:
    """A `keras.Model` around a trained one: raw inputs to probabilities of the classes, or to values in their own units."""
    import keras

    mean, deviation = dataset.normalisation.mean, dataset.normalisation.deviation
    inputs = keras.Input(model.input_shape[1:], name="raw")
    # Rescaling, not Normalization: the ONNX export takes a Normalization's given mean for an input of the graph
    centred = keras.layers.Rescaling(1.0, (-mean).tolist(), name="centre")(inputs)
    outputs = model(keras.layers.Rescaling((1.0 / deviation).tolist(), name="scale")(centred))
    if dataset.target_normalisation is None:
        outputs = keras.layers.Softmax(dtype="float32", name="probabilities")(outputs)
    else:
        target = dataset.target_normalisation
        outputs = keras.layers.Rescaling(target.deviation.tolist(), target.mean.tolist(), dtype="float32", name="values")(outputs)
    return keras.Model(inputs, outputs, name="network")


def export(model: Any, dataset: Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a trained model as a `.keras` file that takes raw inputs, whole or not at all.

    Raises:
        ValueError: the path does not end in .keras.
    """
    target = Path(path)
    if target.suffix != ".keras":
        raise ValueError(f"a model is written to a .keras file, got {target}")
    temporary = target.with_name(f".{target.stem}.writing.keras")
    try:
        raw_model(model, dataset).save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(DETAILS, json.dumps(details(dataset)))
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    return target


def details(dataset: Dataset) -> dict[str, Any]:
    """What an exported model's file says beside the model: JSON."""
    return {
        "kind": dataset.kind,
        "label_names": list(dataset.label_names),
        "columns": dict(dataset.columns) if dataset.columns is not None else None,
        "features": table.feature_names(dataset.columns) if dataset.columns is not None else None,
    }


def load_exported(path: str | os.PathLike[str]) -> tuple[Any, dict[str, Any]]:
    """The model of a `.keras` file (in safe mode), and its details.

    A file that plain Keras wrote has no details: its outputs are then numbered, and classes where each sample's outputs are
    probabilities.

    Raises:
        ValueError: not such a file.
    """
    start_quietly()
    import keras

    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}{near(path)}")
    try:
        with zipfile.ZipFile(path) as archive:
            found: Any = json.loads(archive.read(DETAILS)) if DETAILS in archive.namelist() else {}
        model = keras.saving.load_model(path, safe_mode=True, compile=False)
    except (zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a .keras model: {' '.join(str(error).split())[:200]}") from error
    return model, _checked(found, int(model.output_shape[-1]))


def _checked(found: Any, outputs: int) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"the model's details are not a JSON object: {shown(found)}")
    names = found.get("label_names") or [str(k) for k in range(outputs)]
    if not isinstance(names, list) or len(names) != outputs or not all(isinstance(name, str) for name in names):
        raise ValueError(f"the model has {outputs} outputs, its label names are {shown(names)}")
    columns = found.get("columns")
    return {
        "kind": found.get("kind", "classification"),
        "label_names": names,
        "columns": None if columns is None else table.checked(columns),
    }


def predict(model: str | os.PathLike[str] | tuple[Any, Mapping[str, Any]], file: str | os.PathLike[str]) -> list[Prediction]:
    """What an exported model says of every input in a file.

    Args:
        model: the path of a `.keras` file, or what `load_exported` gave (or `(raw_model(...), details(...))`).
        file: raw inputs: an `.npz` (array x, x_test, or its only one), an `.npy`, a `.csv` with the columns of the training data,
            an image or a folder of images.

    Raises:
        ValueError: a file that cannot be read, or inputs that do not fit the model.
    """
    network, said = load_exported(model) if isinstance(model, (str, os.PathLike)) else model
    shape = tuple(int(n) for n in network.input_shape[1:])
    sources, x = raw_inputs(Path(file), shape, said["columns"])
    if not np.isfinite(x).all():
        raise DataError(f"some inputs in {file} are NaN or infinite")
    outputs = model_outputs(network, x.astype(np.float32))
    names = said["label_names"]
    predictions = []
    for source, row in zip(sources, outputs, strict=True):
        label = names[int(row.argmax())] if said["kind"] == "classification" else None
        predictions.append(Prediction(source, label, dict(zip(names, map(float, row), strict=True))))
    return predictions


def raw_inputs(file: Path, shape: tuple[int, ...], columns: Mapping[str, Any] | None) -> tuple[list[str], npt.NDArray[Any]]:
    """The inputs in a file as the model takes them, and where each came from.

    Raises:
        ValueError: unreadable, or not of the model's shape.
    """
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file}{near(file)}")
    if file.is_dir() or file.suffix.lower() in files.IMAGES:
        return _images(file, shape)
    if file.suffix.lower() == ".csv":
        frame = table.read(file)
        x = table.features(frame, columns) if columns is not None else _numbers(file, frame)
    elif file.suffix.lower() in (".npz", ".npy"):
        x = _array(file)
    else:
        raise DataError(f"{file} is not an .npz, .npy, .csv, an image or a folder of images")
    if x.shape[1:] != shape and x.shape == shape:
        x = x[None]
    if x.shape[1:] != shape and (*x.shape[1:], 1) == shape:
        x = x[..., None]
    if x.shape[1:] != shape:
        raise DataError(f"the model takes inputs of shape {shape}, {file} holds samples of shape {x.shape[1:]}")
    return [f"row {k}" for k in range(len(x))], x


def _array(file: Path) -> npt.NDArray[Any]:
    if file.suffix.lower() == ".npy":
        try:
            array: npt.NDArray[Any] = np.load(file, allow_pickle=False)
        except (ValueError, OSError, EOFError) as error:
            raise DataError(f"{file} cannot be read as an array: {error}") from error
    else:
        found = files.arrays(file)
        name = next((name for name in ("x", "x_test") if name in found), next(iter(found)) if len(found) == 1 else None)
        if name is None:
            raise DataError(f"{file} has the arrays {', '.join(found) or 'none'}; name the inputs x")
        array = found[name]
    if array.dtype.kind not in "biuf" or array.ndim < 1:
        raise DataError(f"inputs are arrays of numbers, {file} holds {array.dtype} {list(array.shape)}")
    return array


def _numbers(file: Path, frame: Any) -> npt.NDArray[Any]:
    try:
        values: npt.NDArray[Any] = frame.to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{file} must hold numbers only for this model: {error}") from error
    return values


def _images(path: Path, shape: tuple[int, ...]) -> tuple[list[str], npt.NDArray[Any]]:
    found = sorted(f for f in path.rglob("*") if f.suffix.lower() in files.IMAGES) if path.is_dir() else [path]
    if not found:
        raise DataError(f"{path} holds no images ({', '.join(files.IMAGES)})")
    if len(shape) != 3:
        raise DataError(f"the model takes inputs of shape {shape}, not images")
    images = []
    for file in found:
        image = files.read_image(file)
        if image.shape[2] != shape[2]:
            grey = image @ np.array([0.299, 0.587, 0.114]) if image.shape[2] == 3 else None
            image = np.rint(grey)[..., None] if grey is not None else np.repeat(image, 3, axis=2)
        if image.shape != shape:
            raise DataError(f"the model takes images of {shape[1]} x {shape[0]}, {file} is {image.shape[1]} x {image.shape[0]}")
        images.append(image)
    return [str(file) for file in found], np.stack(images)
