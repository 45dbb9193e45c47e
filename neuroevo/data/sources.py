"""Raw data by name: scikit-learn's small sets, MNIST-1D, and the image sets of `keras.datasets`."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.columns import Columns
from neuroevo.data.dataset import DataError, Kind


@dataclass(frozen=True)
class Raw:
    """Samples as their source gives them.

    Args:
        x: numbers [samples, *input_shape], or a table (pandas DataFrame without the target).
        y: labels or values, [samples] or [samples, outputs]; of a detection the boxes (see `neuroevo.data.boxes`).
        parts: rows of "test" (and "validation") where the source has such a split.
        label_names: names of the classes in the order of sorted labels, or of the regression's outputs; () for the labels themselves.
        target_names: of a table, the columns of `y`.
        doubt: of a table whose target holds numbers apart from few texts, that sentence, and what to say where they mean nothing.
        images: of image files, how they became numbers (see `neuroevo.data.images`).
        kind: what the source is for, where it says.
        notes: sentences for people.
        columns: of a table, what the user said of its columns, by the names that they have.
        decimal: of a table, what stands before decimals in its file.
        class_names: of whole numbers to predict in a table's file, how each is written, in their order; () where that says no more.
    """

    x: Any
    y: npt.NDArray[Any]
    parts: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    label_names: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()
    doubt: str = ""
    images: Mapping[str, Any] | None = None
    kind: Kind | None = None
    notes: tuple[str, ...] = ()
    columns: Columns | None = None
    decimal: str = "."
    class_names: tuple[str, ...] = ()


def joined(parts: Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]], **more: Any) -> Raw:
    """Raw data from parts ("train", perhaps "validation", "test") that the source keeps apart."""
    rows, at = {}, 0
    for name, (x, y) in parts.items():
        if len(x) != len(y):
            raise DataError(f"the {name} part has {len(x)} samples but {len(y)} labels")
        rows[name] = np.arange(at, at + len(x))
        at += len(x)
    shapes = {name: x.shape[1:] for name, (x, _) in parts.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"the parts have samples of different shapes: {', '.join(f'{n} {s}' for n, s in shapes.items())}")
    x, y = (np.concatenate([pair[side] for pair in parts.values()]) for side in (0, 1))
    return Raw(x, y, {name: found for name, found in rows.items() if name != "train"}, **more)


@dataclass(frozen=True)
class Source:
    """A data set that is known by name.

    Args:
        name: the name.
        read: gives the raw data of the name.
        described: what it is, in one line.
    """

    name: str
    read: Callable[[str], Raw]
    described: str

    def __call__(self) -> Raw:
        return self.read(self.name)


def _scikit_learn(name: str) -> Raw:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    if name == "digits":
        return Raw(bunch.images[..., None], bunch.target, label_names=_texts(bunch.target_names), kind="classification")
    if name in ("diabetes", "linnerud"):
        outputs = _texts(bunch.target_names) if name == "linnerud" else ("progression",)
        return Raw(bunch.data, bunch.target, label_names=outputs, kind="regression")
    return Raw(bunch.data, bunch.target, label_names=_texts(bunch.target_names), kind="classification")


_MAKING = threading.Lock()  # two threads that draw from the global generators at once would make other data


def _mnist1d(name: str) -> Raw:
    from mnist1d.data import get_dataset_args, make_dataset

    with _MAKING:
        numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002 - it seeds the global generators
        try:
            data = make_dataset(get_dataset_args())
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
    parts = {"train": (data["x"][..., None], data["y"]), "test": (data["x_test"][..., None], data["y_test"])}
    return joined(parts, kind="classification")


def _keras(name: str) -> Raw:
    from neuroevo.core.backend import start_quietly

    start_quietly()
    import keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(keras.datasets, name).load_data()
    except Exception as error:
        raise DataError(f"{name} is downloaded at its first use, which failed: {' '.join(str(error).split())[:200]}") from error
    if x_train.ndim == 3:
        x_train, x_test = x_train[..., None], x_test[..., None]
    labels: Sequence[str] = _LABELS.get(name, ())
    kind: Kind = "classification" if x_train.ndim == 4 else "regression"
    return joined({"train": (x_train, y_train), "test": (x_test, y_test)}, kind=kind, label_names=tuple(labels))


_LABELS = {
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "california_housing": ("median house value",),
}  # fmt: skip


def _scattered_digits(name: str) -> Raw:
    from neuroevo.data.scattered_digits import scattered_digits

    return joined(scattered_digits(), kind="detection", label_names=tuple(map(str, range(10))))


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)


PARTS = {
    source.name: source
    for source in (
        Source(
            "breast_cancer",
            _scikit_learn,
            "classification: 30 measurements of cell nuclei, 2 classes, 569 samples (scikit-learn)",
        ),
        Source(
            "california_housing", _keras, "regression: 8 features of districts, median house value, 20,640 samples (downloaded)"
        ),
        Source("cifar10", _keras, "classification: 32 x 32 colour images, 10 classes, 60,000 samples (downloaded)"),
        Source("cifar100", _keras, "classification: 32 x 32 colour images, 100 classes, 60,000 samples (downloaded)"),
        Source(
            "diabetes",
            _scikit_learn,
            "regression: 10 features of patients, progression of the disease, 442 samples (scikit-learn)",
        ),
        Source(
            "digits", _scikit_learn, "classification: 8 x 8 images of written digits, 10 classes, 1,797 samples (scikit-learn)"
        ),
        Source("fashion_mnist", _keras, "classification: 28 x 28 images of clothes, 10 classes, 70,000 samples (downloaded)"),
        Source("iris", _scikit_learn, "classification: 4 measurements of flowers, 3 classes, 150 samples (scikit-learn)"),
        Source("linnerud", _scikit_learn, "regression: 3 exercises, 3 physiological values, 20 samples (scikit-learn)"),
        Source("mnist", _keras, "classification: 28 x 28 images of written digits, 10 classes, 70,000 samples (downloaded)"),
        Source("mnist1d", _mnist1d, "classification: sequences of 40 steps, 10 classes, 5,000 samples (made here)"),
        Source(
            "scattered_digits",
            _scattered_digits,
            "detection: 64 x 64 images of 1 to 5 written digits of several sizes, 10 classes, 1,750 samples (made here)",
        ),
        Source("wine", _scikit_learn, "classification: 13 measurements of wines, 3 classes, 178 samples (scikit-learn)"),
    )
}
NAMES = tuple(PARTS)
