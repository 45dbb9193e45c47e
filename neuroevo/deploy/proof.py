"""An export proves itself: the file is loaded again, in the runtime that it is for, and compared with the model on rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from neuroevo.data.dataset import Dataset

Network = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
MOST_ROWS = 64
SHARE = 1e-4  # of the outputs' range over the rows, by which a file may differ
ROUNDING = 2e-6  # of the largest output, likewise: about 16 roundings of a float32
ROUNDING_FLOAT64 = 4e-15  # the same where float64 holds values that float32 cannot hold apart
MOVED = 1e-6  # by which share inputs are moved to see where the model itself jumps


class WrongExport(ValueError):
    """A file computes other numbers than the model that it was written from, or cannot be loaded."""


@dataclass(frozen=True)
class Rows:
    """What a model and its file are compared on.

    Args:
        x: samples as the model takes them, [rows, *input_shape].
        origin: which they are, in words that follow "rows".
        unit: float64 [outputs], what 1 of the network's own outputs is in the model's, where it gives float64; None: float32.
    """

    x: npt.NDArray[Any]
    origin: str
    unit: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Proof:
    """What a file was found to compute.

    Attributes:
        runtime: what loaded it.
        rows, origin: how many rows it was compared on, and which.
        difference: the largest difference from the model.
        lowest, highest: of the model's outputs on these rows.
    """

    runtime: str
    rows: int
    origin: str
    difference: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return (
            f"loaded again in {self.runtime}: on {self.rows} rows {self.origin} it differs from the model by at most "
            f"{self.difference:.2g} (outputs from {self.lowest:.4g} to {self.highest:.4g})"
        )


def rows_of(dataset: Dataset) -> Rows:
    """Raw rows of the validation part (of the training part where that has none), spread evenly over it, as a model takes them: float32."""
    name, part = next(((n, p) for n, p in (("validation", dataset.validation), ("training", dataset.train)) if len(p)))
    chosen = np.unique(np.linspace(0, len(part) - 1, min(MOST_ROWS, len(part))).round().astype(int))
    raw, before, target = (
        dataset.normalisation.inverse(part.x[chosen]),
        dataset.normalisation.before_float32,
        dataset.target_normalisation,
    )
    unit = None if target is None or target.held.all() else target.deviation
    return Rows(raw.astype(np.float32) if before is None else before(raw), f"of the {name} data", unit)


def random_rows(input_shape: tuple[int, ...], dtype: npt.DTypeLike = np.float32) -> Rows:
    """Rows from the standard normal distribution, the same in every call."""
    drawn = np.random.Generator(np.random.Philox(17)).normal(size=(MOST_ROWS, *input_shape))
    return Rows(drawn.astype(dtype), "drawn at random")


def rows_for(model: Any, dataset: Dataset | None = None) -> Rows:
    """The rows for a `keras.Model`: of the data where it is known and the model takes raw inputs, else at random."""
    if dataset is not None:
        return rows_of(dataset)
    return random_rows(tuple(model.input_shape[1:]), np.dtype(str(model.inputs[0].dtype)))


def keras_network(model: Any) -> Network:
    """A `keras.Model` as a callable, in inference mode."""
    return lambda x: np.asarray(model(x, training=False))


def prove_model(path: Path, model: Any, rows: Rows) -> Proof:
    """Load a written model again and compare it with what it was written from.

    Args:
        path: a `.keras`, `.onnx` or `.tflite` file, or a SavedModel folder.
        model: a `keras.Model`.
        rows: as the model takes them.

    Returns:
        The proof; of a format that several runtimes here can load, that of the one that differs most.

    Raises:
        WrongExport: a runtime cannot load or run it, or gives other numbers.
        ImportError: the runtime is not installed.
    """
    loaders = {".keras": _in_keras, ".onnx": _in_onnxruntime, ".tflite": _in_lite, "": _in_tensorflow}
    proofs = [prove(keras_network(model), load, rows, runtime) for runtime, load in loaders[path.suffix](path)]
    return max(proofs, key=lambda proof: proof.difference)


def proven(written: Path, model: Any, rows: Rows, path: Path) -> Proof:
    """`prove_model` of a file that is to become `path`, which a refusal names.

    Raises:
        WrongExport: as `prove_model`; nothing was written to the path.
    """
    try:
        return prove_model(written, model, rows)
    except WrongExport as error:
        raise WrongExport(f"{path} was not written: {error}") from error


def prove(model: Network, load: Callable[[], Network], rows: Rows, runtime: str, *, moved: float = MOVED) -> Proof:
    """Compare what a runtime loads with a model: on a single row, then on all of them.

    A row on which the model's own outputs jump where its inputs are moved by a rounding (a step, a division by almost nothing) may differ
    by as much.

    Args:
        model: what the file was written from: rows to outputs [rows, outputs].
        load: loads the file.
        rows: to compare on.
        runtime: what loads it, for messages.
        moved: the share by which inputs are moved, about ten roundings of the file's arithmetic.

    Raises:
        WrongExport: it cannot be loaded or run, or gives other numbers.
    """
    try:
        network = load()
        single = np.asarray(network(rows.x[:1]))
        found = np.asarray(network(rows.x))
    except Exception as error:
        raise WrongExport(f"{runtime} cannot run what was written: {type(error).__name__}: {_sentence(error)}") from error
    with np.errstate(all="ignore"):
        expected = np.asarray(model(rows.x), np.float64)
        found = np.concatenate([single, found]).astype(np.float64)
        allowed = _allowed(model, rows, expected, moved)
    rounds = np.concatenate([expected[:1], expected])
    allowed = np.concatenate([allowed[:1], allowed])
    if found.shape != rounds.shape:
        shapes = f"{[len(expected), *found.shape[1:]]} in place of {list(expected.shape)}"
        raise WrongExport(f"{runtime} gives outputs of another shape: {shapes}")
    finite = np.isfinite(rounds)
    with np.errstate(all="ignore"):
        difference = np.where(finite, np.abs(found - rounds), 0.0)
        wrong = np.where(finite, ~(difference <= allowed), np.isfinite(found) & np.isfinite(allowed))
    known = expected[np.isfinite(expected)]
    lowest, highest = (float(known.min()), float(known.max())) if known.size else (float("nan"), float("nan"))
    if wrong.any():
        rows_wrong = int(wrong[1:].reshape(len(expected), -1).any(axis=1).sum()) or 1
        largest = np.nanmax(np.where(np.isfinite(difference), difference, np.nan), initial=0.0)
        by = f"by up to {largest:.3g}" if np.isfinite(difference).all() else "by NaN or infinity"
        raise WrongExport(
            f"what was written computes other numbers in {runtime}: on {rows_wrong} of {len(expected)} rows {rows.origin} it differs from "
            f"the model {by} (the model's outputs: from {lowest:.4g} to {highest:.4g})"
        )
    return Proof(runtime, len(rows.x), rows.origin, float(difference.max(initial=0.0)), lowest, highest)


def _allowed(model: Network, rows: Rows, expected: npt.NDArray[np.float64], moved: float) -> npt.NDArray[np.float64]:
    """How far each output may be off: float64, the shape of `expected`; infinite where the model itself gives no finite number nearby."""
    finite = np.where(np.isfinite(expected), expected, np.nan)
    if not np.isfinite(finite).any():
        return np.full(expected.shape, np.inf)
    axes = tuple(range(expected.ndim - 1))
    columns = np.isfinite(finite).any(axis=axes)
    filled = np.where(columns, finite, 0.0)
    spread = np.nanmax(filled, axis=axes) - np.nanmin(filled, axis=axes)
    largest = np.nanmax(np.abs(filled), axis=axes)
    rounded = ROUNDING * largest if rows.unit is None else ROUNDING * rows.unit + ROUNDING_FLOAT64 * largest
    x, shares = rows.x, moved / MOVED
    base = np.broadcast_to((SHARE * spread + rounded) * min(1.0, shares) + 1e-30, expected.shape)
    if x.dtype.kind != "f":
        return np.array(base)
    jumps = np.zeros(expected.shape)
    for share in (1.0 + moved, 1.0 - moved):
        near = np.asarray(model((x * share).astype(x.dtype)), np.float64)
        change = np.abs(near - expected)
        jumps = np.maximum(jumps, np.where(np.isfinite(change), change, np.where(near == expected, 0.0, np.inf)))
    allowed: npt.NDArray[np.float64] = base + 10.0 * jumps
    return allowed


# Runtimes -----------------------------------------------------------------------------------------------------------------------

Loaders = list[tuple[str, Callable[[], Network]]]


def _in_keras(path: Path) -> Loaders:
    import keras

    def load() -> Network:
        return keras_network(keras.saving.load_model(path, safe_mode=True, compile=False))

    return [(f"Keras {keras.__version__}", load)]


def _in_onnxruntime(path: Path) -> Loaders:
    import onnxruntime

    def load() -> Network:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # what is wrong is said by the exception
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        return lambda x: np.asarray(session.run(None, {name: x})[0])

    return [(f"onnxruntime {onnxruntime.__version__}", load)]


def _in_lite(path: Path) -> Loaders:
    from neuroevo.run.model_files import LiteModel, lite_interpreters

    data = path.read_bytes()
    return [(name, lambda made=made: LiteModel(data, made)) for name, made in lite_interpreters()]  # type: ignore[misc]


def _in_tensorflow(path: Path) -> Loaders:
    import tensorflow

    def load() -> Network:
        loaded = tensorflow.saved_model.load(str(path))  # which holds the variables of its functions
        return lambda x: np.asarray(loaded.serve(x))

    return [(f"TensorFlow {tensorflow.__version__}", load)]


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
