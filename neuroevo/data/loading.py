"""`load`: from a name, a file or arrays to a Dataset."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.core import registry
from neuroevo.core.files import near
from neuroevo.data import files, table
from neuroevo.data.dataset import DataError, Dataset, Kind, Normalisation, Part
from neuroevo.data.sources import Raw, joined

TEST, VALIDATION = 0.2, 0.25  # 25 % of what the test leaves: 60 / 20 / 20 %
FEWEST = 5  # samples of a class, so that each part can have one
IMBALANCED = 3.0


def load(source: Any, *, target: str | None = None, seed: int = 0, kind: Kind | None = None) -> Dataset:
    """Data by name, from a file or from arrays, split and normalised.

    Args:
        source: a name (`neuroevo.data.NAMES`), the path of an `.npz` (arrays x and y, or x_train, y_train, x_test, y_test), a
            `.csv` or a folder of images (one sub-folder a class), or a pair of arrays (x, y).
        target: the column of a `.csv` to predict.
        seed: decides the split, where the source has none: 60 / 20 / 20 %, shuffled, and stratified for classes. A test split
            that the source has is kept, and its training part is split 80 / 20 %.
        kind: "classification" or "regression"; None decides by the target: texts, whole numbers and booleans are classes.

    Raises:
        DataError: (a ValueError) whatever is wrong with the data, in one sentence.

    >>> load("iris")
    <Dataset iris classification (4,) -> 3, train / validation / test 90 / 30 / 30>
    """
    if isinstance(source, Dataset):
        return source
    name, raw = _read(source, target)
    if len(raw.y) == 0:
        raise DataError(f"{name} has no samples")
    kind = kind or raw.kind or _kind(raw.y)
    notes = list(raw.notes)
    y: npt.NDArray[Any]
    if kind == "classification":
        y, labels = _classes(raw)
    else:
        y, labels = _values(raw, target)
    rows = _split(y, raw.parts, seed, kind, labels)
    columns: dict[str, Any] | None = None
    x = raw.x
    if not isinstance(x, np.ndarray):
        columns, said = table.fit(x, rows["train"])
        notes += said
        x = table.features(x, columns)
    _check_finite(x, name)
    normalisation = Normalisation.of(x[rows["train"]])
    if columns is not None:
        numbers = table.measured(columns)
        normalisation = Normalisation(
            np.where(numbers, normalisation.mean, 0).astype(np.float32),
            np.where(numbers, normalisation.deviation, 1).astype(np.float32),
        )
    if kind == "classification":
        notes += _imbalance(y, labels)
    parts = {part: Part(normalisation(x[found]), y[found]) for part, found in rows.items()}
    return Dataset(
        name=name,
        kind=kind,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        label_names=labels,
        normalisation=normalisation,
        target_normalisation=Normalisation.of(y[rows["train"]]) if kind == "regression" else None,
        columns=columns,
        notes=tuple(notes),
    )


def _read(source: Any, target: str | None) -> tuple[str, Raw]:
    if isinstance(source, (tuple, list)) and len(source) == 2:
        x, note = files.with_channels(np.asarray(source[0]))
        return "arrays", joined({"train": (x, np.asarray(source[1]))}, notes=note)
    if not isinstance(source, (str, os.PathLike)):
        raise DataError(f"data is a name, a path or a pair of arrays (x, y), got {shown(source)}")
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return str(source), table.csv(_existing(path), target)
    if target is not None:
        raise DataError(f"target names a column of a .csv; {source} is not one")
    if suffix == ".npz":
        return str(source), files.npz(_existing(path))
    if path.is_dir():
        return str(source), files.image_folder(path)
    if path.exists() or suffix or os.sep in str(source):
        _existing(path)
        raise DataError(f"{source} is not data that can be read: an .npz, a .csv or a folder of images")
    return str(source), _named(str(source))


def _named(name: str) -> Raw:
    """The raw data of a name, built in or registered."""
    source = registry.find("data", name)
    if source is None:
        raise DataError(unknown("data", name, registry.names("data")) + "; or the path of an .npz, a .csv or a folder of images")
    found = source()
    if isinstance(found, Raw):
        return found
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise DataError(f"the data set {name!r} is a function that returns (x, y), two arrays; it returned {shown(found)}")
    x, note = files.with_channels(np.asarray(found[0]))
    return joined({"train": (x, np.asarray(found[1]))}, notes=note)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataError(f"there is no file {path}{near(path)}")
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path} is empty")
    return path


def _kind(y: npt.NDArray[Any]) -> Kind:
    if y.dtype.kind != "f":
        return "classification"
    if y.ndim == 2 and y.shape[1] > 1 and _one_hot(y):
        return "classification"
    few = len(np.unique(y)) <= max(2, min(20, len(y) // 10))
    return "classification" if few and bool((y == np.round(y)).all()) else "regression"


def _one_hot(y: npt.NDArray[Any]) -> bool:
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _classes(raw: Raw) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """The class of each sample, and the classes' names."""
    y = raw.y
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and y.dtype.kind in "biuf" and _one_hot(y):
        y = y.argmax(axis=1)
    if y.ndim != 1:
        raise DataError(f"labels have the shape [samples] or one-hot [samples, classes], got {list(raw.y.shape)}")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise DataError("some labels are not finite (NaN or infinity)")
        if (y == np.round(y)).all():
            y = y.astype(np.int64)
    found, classes = np.unique(y, return_inverse=True)
    if len(found) < 2:
        raise DataError(f"there is only one class, {str(found[0])!r}: a classification needs at least two")
    if y.dtype.kind == "f" and len(found) > len(y) // FEWEST:
        raise DataError(f"the target has {len(found)} different numbers, too many for classes; make it a regression")
    names = raw.label_names if len(raw.label_names) == len(found) else tuple(str(label) for label in found)
    return classes.astype(np.int64), names


def _values(raw: Raw, target: str | None) -> tuple[npt.NDArray[np.float32], tuple[str, ...]]:
    """The values to predict, float32 [samples, outputs], and their names."""
    if raw.y.dtype.kind not in "biuf":
        raise DataError(f"a regression predicts numbers, the target holds {shown(raw.y[0])}; make it a classification")
    y = raw.y.astype(np.float32)
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2:
        raise DataError(f"values have the shape [samples] or [samples, outputs], got {list(raw.y.shape)}")
    if not np.isfinite(y).all():
        raise DataError("some values to predict are not finite (NaN or infinity)")
    names = raw.label_names if len(raw.label_names) == y.shape[1] else ()
    if not names:
        names = (target or "value",) if y.shape[1] == 1 else tuple(f"value {k}" for k in range(y.shape[1]))
    return y, names


def _split(
    y: npt.NDArray[Any],
    given: Mapping[str, npt.NDArray[np.int64]],
    seed: int,
    kind: Kind,
    labels: tuple[str, ...],
) -> dict[str, npt.NDArray[np.int64]]:
    """Rows of each part: what the source gives stays, the rest is shuffled and split."""
    from sklearn.model_selection import train_test_split

    rest = np.setdiff1d(np.arange(len(y)), np.concatenate([np.zeros(0, np.int64), *given.values()]))
    missing = [part for part in ("test", "validation") if part not in given]
    parts = {part: np.asarray(rows) for part, rows in given.items()}
    if kind == "classification":
        counts = np.bincount(y[rest], minlength=len(labels))
        if missing and counts.min() < FEWEST:
            raise DataError(
                f"class {labels[int(counts.argmin())]!r} has {counts.min()} samples to train on; a split needs at least {FEWEST} "
                "of every class: merge it with another, or leave it out"
            )
    if missing and len(rest) < FEWEST:
        raise DataError(f"a split needs at least {FEWEST} samples, got {len(rest)}")
    for part in missing:
        share = TEST if part == "test" or "test" in given else VALIDATION
        size = max(math.ceil(share * len(rest)), len(labels) if kind == "classification" else 1)
        stratify = y[rest] if kind == "classification" else None
        rest, taken = train_test_split(rest, test_size=size, stratify=stratify, random_state=seed)
        parts[part] = np.sort(taken)
    return {"train": np.sort(rest), "validation": parts["validation"], "test": parts["test"]}


def _check_finite(x: npt.NDArray[Any], name: str) -> None:
    if x.dtype.kind == "f":
        bad = ~np.isfinite(x)
        if bad.any():
            first = int(np.argwhere(bad)[0][0])
            raise DataError(f"{int(bad.sum())} input values of {name} are NaN or infinite, the first in sample {first}")


def _imbalance(y: npt.NDArray[Any], labels: tuple[str, ...]) -> list[str]:
    counts = np.bincount(y, minlength=len(labels))
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < IMBALANCED * counts[least]:
        return []
    return [
        f"The classes are imbalanced: {labels[most]!r} has {counts[most]} samples, {labels[least]!r} has {counts[least]}; "
        "a network that always says the commonest class has an error of "
        f"{100 * (1 - counts[most] / counts.sum()):.1f} %. The objectives f1 and auc weigh classes equally."
    ]
