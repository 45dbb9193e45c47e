"""Raw data by name: scikit-learn's small sets, MNIST-1D, and the image sets of `keras.datasets`."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import unknown
from neuroevo.data.dataset import DataError, Kind

SCIKIT_LEARN = ("breast_cancer", "diabetes", "digits", "iris", "linnerud", "wine")
KERAS_IMAGES = ("cifar10", "cifar100", "fashion_mnist", "mnist")
NAMES = tuple(sorted((*SCIKIT_LEARN, *KERAS_IMAGES, "california_housing", "mnist1d")))


@dataclass(frozen=True)
class Raw:
    """Samples as their source gives them.

    Args:
        x: numbers [samples, *input_shape], or a table (pandas DataFrame without the target).
        y: labels or values, [samples] or [samples, outputs].
        parts: rows of "test" (and "validation") where the source has such a split.
        label_names: names of the classes in the order of sorted labels, or of the regression's outputs; () for the labels themselves.
        kind: what the source is for, where it says.
        notes: sentences for people.
    """

    x: Any
    y: npt.NDArray[Any]
    parts: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    label_names: tuple[str, ...] = ()
    kind: Kind | None = None
    notes: tuple[str, ...] = ()


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


def named(name: str) -> Raw:
    """The raw data of a name.

    Raises:
        DataError: no data has that name (the nearest is suggested), or it could not be downloaded.
    """
    if name in SCIKIT_LEARN:
        return _scikit_learn(name)
    if name == "mnist1d":
        return _mnist1d()
    if name in NAMES:
        return _keras(name)
    raise DataError(unknown("data", name, NAMES) + "; or the path of an .npz, a .csv or a folder of images")


def _scikit_learn(name: str) -> Raw:
    import sklearn.datasets

    bunch = getattr(sklearn.datasets, f"load_{name}")()
    if name == "digits":
        return Raw(bunch.images[..., None], bunch.target, label_names=_texts(bunch.target_names), kind="classification")
    if name in ("diabetes", "linnerud"):
        names = _texts(bunch.target_names) if name == "linnerud" else ("progression",)
        return Raw(bunch.data, bunch.target, label_names=names, kind="regression")
    return Raw(bunch.data, bunch.target, label_names=_texts(bunch.target_names), kind="classification")


_MAKING = threading.Lock()  # two threads that draw from the global generators at once would make other data


def _mnist1d() -> Raw:
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
    if name in KERAS_IMAGES and x_train.ndim == 3:
        x_train, x_test = x_train[..., None], x_test[..., None]
    labels: Sequence[str] = _LABELS.get(name, ())
    kind: Kind = "classification" if name in KERAS_IMAGES else "regression"
    return joined({"train": (x_train, y_train), "test": (x_test, y_test)}, kind=kind, label_names=tuple(labels))


_LABELS = {
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "california_housing": ("median house value",),
}  # fmt: skip


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
