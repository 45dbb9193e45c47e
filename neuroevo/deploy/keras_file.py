"""Export: a plain Keras model that takes raw inputs; and predictions with one.

The `.keras` file loads in plain Keras (safe mode, no code of ours): normalisation and probabilities are Keras layers inside it. The
names of the labels, and how a table's columns become features, lie beside the configuration in the same archive
(`neuroevo.json`), where Keras ignores them and `predict` reads them.
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.layers import BOX
from genomes.system import replace
from neuroevo.core.backend import start_quietly
from neuroevo.core.files import near
from neuroevo.data import files, images, reading, table
from neuroevo.data.dataset import DataError, Dataset, InputWarning
from neuroevo.data.frames import as_pandas, is_frame, typed
from neuroevo.data.normalisation import Normalisation
from neuroevo.data.unlike import unlike
from neuroevo.deploy.prediction import Prediction
from neuroevo.deploy.proof import proven, rows_of
from neuroevo.run.model_files import EXPORTED as DETAILS
from neuroevo.train.loop import model_outputs


def raw_model(model: Any, dataset: Dataset, *, doubles: bool = True) -> Any:
    """A `keras.Model` around a trained one: raw inputs to probabilities of the classes, or to values in their own units.

    Inputs that float32 cannot hold (milliseconds since 1970) are taken as `dataset.normalisation.before_float32` makes them: see
    `neuroevo.deploy.description`. Values that it cannot hold are given as float64.

    Args:
        doubles: whether the model may give float64; else (and where Keras runs on a backend without it) such values are left as
            `dataset.target_normalisation.before_float32` would make them.
    """
    import keras

    inputs = keras.Input(model.input_shape[1:], name="raw")
    return keras.Model(inputs, in_own_units(model(normalised(inputs, dataset)), dataset, doubles=doubles), name="network")


def normalised(inputs: Any, dataset: Dataset) -> Any:
    """Layers from raw inputs to those that the run's networks take."""
    import keras

    normalisation = dataset.normalisation.in_float32
    # Rescaling, not Normalization: the ONNX export takes a Normalization's given mean for an input of the graph
    centred = keras.layers.Rescaling(1.0, (-normalisation.mean).tolist(), name="centre")(inputs)
    return keras.layers.Rescaling((1.0 / normalisation.deviation).tolist(), name="scale")(centred)


def in_own_units(outputs: Any, dataset: Dataset, *, doubles: bool = True) -> Any:
    """A layer from what the run's networks give to probabilities of the classes, or to values in their own units; what a detection network gives
    stays as it is."""
    import keras

    if dataset.kind == "detection":
        return outputs
    target = dataset.target_normalisation
    if target is None:
        return keras.layers.Softmax(dtype="float32", name="probabilities")(outputs)
    if doubles and not target.held.all() and gives_doubles():
        values = keras.layers.Dense(len(target.mean), dtype="float64", trainable=False, name="values")
        outputs = values(outputs)  # not Rescaling, which rounds its numbers to float32 in whatever dtype it computes
        values.set_weights([np.diag(target.deviation), target.mean])
        return outputs
    inside = target.in_float32
    return keras.layers.Rescaling(inside.deviation.tolist(), inside.mean.tolist(), dtype="float32", name="values")(outputs)


def gives_doubles() -> bool:
    """Whether Keras's backend computes in float64 where it is asked to: JAX makes float32 of it, unless told otherwise."""
    import keras

    return bool(keras.backend.backend() == "tensorflow")


def export(model: Any, dataset: Dataset, path: str | os.PathLike[str], *, say: Callable[[str], None] | None = print) -> Path:
    """Write a trained model as a `.keras` file that takes raw inputs, whole or not at all: not where the file, loaded again, computes
    anything else than the model.

    Args:
        model: of normalised inputs, giving logits or normalised values.
        dataset: the data that it was trained on.
        path: where to.
        say: what to do with the sentence about what the file was found to compute; None: nothing.

    Raises:
        ValueError: the path does not end in .keras, or the file computes other numbers (`WrongExport`).
    """
    if Path(path).suffix != ".keras":
        raise ValueError(f"a model is written to a .keras file, got {Path(path)}")
    return write_raw(raw_model(model, dataset), dataset, Path(path), say=say)


def write_raw(raw: Any, dataset: Dataset, target: Path, *, say: Callable[[str], None] | None = print) -> Path:
    """`export` of a model that takes raw inputs already and gives probabilities or values in their own units."""
    temporary = target.with_name(f".{target.stem}.writing.keras")
    try:
        raw.save(temporary)
        with zipfile.ZipFile(temporary, "a") as archive:
            archive.writestr(DETAILS, json.dumps(details(dataset)))
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        proof = proven(temporary, raw, rows_of(dataset), target)
        replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    if say is not None:
        say(f"{target}: {proof}")
    return target


def details(dataset: Dataset, *, doubles: bool = True) -> dict[str, Any]:
    """What an exported model's file says beside the model, and what a prediction with `raw_model` needs: JSON.

    Args:
        doubles: whether the model gives values that float32 cannot hold as float64, where the backend can, so that nothing is left to do.
    """
    target = dataset.target_normalisation
    return {
        "kind": dataset.kind,
        "label_names": list(dataset.label_names),
        "columns": dict(dataset.columns) if dataset.columns is not None else None,
        "features": table.feature_names(dataset.columns) if dataset.columns is not None else None,
        "images": {**(dataset.images or images.WHITE), **({"fit": images.LETTERBOX} if dataset.kind == "detection" else {})},
        "before": _dict_of(dataset.normalisation.before_float32),
        "after": None if doubles and gives_doubles() else _dict_of(target.before_float32 if target is not None else None),
        "digits": None if target is None else list(target.digits),
    }


def _dict_of(normalisation: Normalisation | None) -> dict[str, Any] | None:
    return None if normalisation is None else normalisation.to_dict()


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
    return model, _checked(found, model.output_shape)


def _checked(found: Any, shape: Sequence[int]) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"the model's details are not a JSON object: {shown(found)}")
    kind, outputs = found.get("kind", "classification"), int(shape[-1])
    if (kind == "detection") != (len(shape) == 3):
        raise ValueError(f"the model gives outputs of shape {tuple(shape[1:])}, and its details say that it is for {kind}")
    outputs -= BOX if kind == "detection" else 0
    names = found.get("label_names") or [str(k) for k in range(outputs)]
    if not isinstance(names, list) or len(names) != outputs or not all(isinstance(name, str) for name in names):
        raise ValueError(f"the model has {outputs} outputs, its label names are {shown(names)}")
    columns = found.get("columns")
    return {
        "kind": kind,
        "label_names": names,
        "columns": None if columns is None else table.checked(columns),
        "images": images.said_of(found.get("images", images.OLDER)),
        **{name: _normalisation(found.get(name)) for name in ("before", "after")},
        "digits": _digits(found.get("digits"), len(names)),
    }


def _digits(found: Any, outputs: int) -> list[int] | None:
    fits = (
        isinstance(found, list) and len(found) == outputs and all(isinstance(count, int) and 1 <= count <= 17 for count in found)
    )
    return found if fits else None


def _normalisation(found: Any) -> Any:
    if found is not None:
        Normalisation.from_dict(found)
    return found


def predict(
    model: str | os.PathLike[str] | tuple[Any, Mapping[str, Any]], file: Any, *, missing: Sequence[str] = (), threshold: float | None = None
) -> list[Prediction]:
    """What an exported model says of every input in a file. What is odd about the inputs (texts that no training row had, images of
    another depth) is an `InputWarning`.

    Args:
        model: the path of a `.keras` file, or what `load_exported` gave (or `(raw_model(...), details(...))`).
        file: raw inputs: an `.npz` (array x, x_test, or its only one), an `.npy`, a table with the columns of the training data,
            an image or a folder of images (of a detection, of any size); or a data frame with these columns.
        missing: texts of a table that mean that nothing is known, beside the empty cell and those that the model was trained with.
        threshold: of two classes: the probability from which on the second is said, in (0, 1); None: a half. Of a detection: the score from
            which on a box is said; None: 0.3.

    Raises:
        ValueError: a file that cannot be read, or inputs that do not fit the model; or a threshold where there are not two classes.
    """
    network, found = load_exported(model) if isinstance(model, (str, os.PathLike)) else model
    shape = tuple(int(n) for n in network.input_shape[1:])
    said = _checked(found, network.output_shape)
    if said["kind"] == "detection":
        return _boxes(network, said, file, threshold, missing)
    if threshold is not None and (said["kind"] != "classification" or len(said["label_names"]) != 2 or not 0 < threshold < 1):
        what = ", ".join(said["label_names"][:3]) if said["kind"] == "classification" else "numbers"
        raise ValueError(f"a threshold is a probability between 0 and 1 of the second of two classes, got {threshold} for a model of {what}")
    if is_frame(file):
        name, sources = "the data frame", [f"row {k}" for k in range(len(file))]
        x, notes = _table(
            typed(as_pandas(file), (*missing, *(said["columns"] or {}).get("missing", ()))), said["columns"], shape, name
        )
    else:
        name = str(file)
        sources, x, notes = raw_inputs(Path(file), shape, said["columns"], said["images"], missing)
    for note in notes:
        warnings.warn(f"{name}: {note}", InputWarning, stacklevel=2)
    if not np.isfinite(x).all():
        raise DataError(f"some inputs in {name} are NaN or infinite")
    before, after = (None if said[name] is None else Normalisation.from_dict(said[name]) for name in ("before", "after"))
    outputs: npt.NDArray[Any] = model_outputs(network, x.astype(np.float32) if before is None else before(x))
    outputs = outputs if after is None or outputs.dtype == np.float64 else after.inverse(outputs)
    names = said["label_names"]
    predictions = []
    for source, row in zip(sources, outputs, strict=True):
        place = int(row.argmax()) if threshold is None else int(row[1] >= threshold)
        label = names[place] if said["kind"] == "classification" else None
        predictions.append(Prediction(source, label, dict(zip(names, map(float, row), strict=True)), tuple(said["digits"] or ())))
    return predictions


def _boxes(network: Any, said: Mapping[str, Any], file: Any, threshold: float | None, missing: Sequence[str]) -> list[Prediction]:
    """`predict` of a detection network."""
    from neuroevo.deploy.finding import find_boxes

    if is_frame(file) or missing:
        raise DataError("a detection network takes images: a file, a folder of them, or an array of images in an .npz or .npy")
    path = Path(file)
    if not path.exists():
        raise FileNotFoundError(f"there is no file {path}{near(path)}")
    shape = tuple(int(n) for n in network.input_shape[1:])
    found, notes = find_boxes(network, said, path, threshold, lambda other: raw_inputs(other, shape, None))
    for note in notes:
        warnings.warn(f"{path}: {note}", InputWarning, stacklevel=3)
    return found


def raw_inputs(
    file: Path,
    shape: tuple[int, ...],
    columns: Mapping[str, Any] | None,
    trained_on: Mapping[str, Any] = images.OLDER,
    missing: Sequence[str] = (),
) -> tuple[list[str], npt.NDArray[Any], list[str]]:
    """Where each input in a file came from, the inputs as the model was trained on them, and what is odd about them.

    Args:
        shape: of the model's inputs.
        columns, trained_on: how the columns of a table and image files become numbers (`Dataset.columns`, `Dataset.images`).
        missing: texts of a table that are holes, beside those of `columns`.

    Raises:
        ValueError: unreadable, or not of the model's shape.
    """
    if not file.exists():
        raise FileNotFoundError(f"there is no file {file}{near(file)}")
    if file.is_dir() or file.suffix.lower() in images.SUFFIXES:
        return _images(file, shape, trained_on)
    notes: list[str] = []
    if reading.is_table(file):
        found = reading.read(file, missing, columns)
        x, notes = _table(found.frame, columns, shape, str(file))
        notes = [*found.notes, *notes]
    elif file.suffix.lower() in (".npz", ".npy"):
        x = _array(file)
    else:
        raise DataError(f"{file} is no table ({reading.FORMATS}), no .npz or .npy, no image and no folder of images")
    if x.shape[1:] != shape and x.shape == shape:
        x = x[None]
    if x.shape[1:] != shape and (*x.shape[1:], 1) == shape:
        x = x[..., None]
    if x.shape[1:] != shape:
        raise DataError(f"the model takes inputs of shape {shape}, {file} holds samples of shape {x.shape[1:]}")
    return [f"row {k}" for k in range(len(x))], x, notes


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


def _table(
    frame: Any, columns: Mapping[str, Any] | None, shape: tuple[int, ...], name: str
) -> tuple[npt.NDArray[Any], list[str]]:
    """The features of a table's rows, and what is odd about them."""
    if columns is None:
        return _numbers(name, frame), []
    x = table.features(frame, columns)
    if x.shape[1:] != shape and x[:1].size == int(np.prod(shape)):
        x = x.reshape(len(x), *shape)
    return x, unlike(frame, columns)


def _numbers(file: str, frame: Any) -> npt.NDArray[Any]:
    try:
        values: npt.NDArray[Any] = frame.to_numpy(dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise DataError(f"{file} must hold numbers only for this model: {error}") from error
    return values


def _images(path: Path, shape: tuple[int, ...], said: Mapping[str, Any]) -> tuple[list[str], npt.NDArray[Any], list[str]]:
    found = images.images_in(path) if path.is_dir() else [path]
    if not found:
        raise DataError(f"{path} holds no images ({', '.join(images.SUFFIXES)})")
    if len(shape) != 3:
        raise DataError(f"the model takes inputs of shape {shape}, not images")
    pictures = [images.read(file) for file in found]
    for picture in pictures:
        if picture.values.shape[:2] != shape[:2]:
            raise DataError(f"the model takes images of {shape[1]} x {shape[0]}, {picture.file} is {picture.size}")
    arrays = [images.as_trained(picture, said, shape[2]) for picture in pictures]
    return [str(file) for file in found], np.stack(arrays), images.unlike(pictures, said)
