"""`load`: from a name, a file or arrays to a Dataset."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.core import registry
from neuroevo.core.files import near
from neuroevo.data import boxes, coco, dates, encoded, files, fitting, frames, image_folders, reading, table, table_sources
from neuroevo.data.columns import Columns
from neuroevo.data.dataset import DataError, Dataset, Kind, Part
from neuroevo.data.normalisation import Normalisation, constant_features
from neuroevo.data.roles import Role, roles
from neuroevo.data.sources import Raw, joined
from neuroevo.data.splitting import FEWEST, Apart, copies, split
from neuroevo.data.unlike import unseen

IMBALANCED = 3.0
UNEQUAL = 3.0  # deviations of targets that one mean should not weigh together unsaid
SMALLEST_SIDE = 8  # pixels
MOST_CLASSES = 20  # different whole numbers of a table that are taken for classes


def load(
    source: Any,
    *,
    target: str | Sequence[str] | None = None,
    seed: int = 0,
    kind: Kind | None = None,
    missing: Sequence[str] = (),
    columns: Columns | Mapping[str, Any] | None = None,
    image_size: int | tuple[int, int] | str | None = None,
) -> Dataset:
    """Data by name, from a file or from arrays, split and normalised.

    Args:
        source: a name (`neuroevo.data.NAMES`), the path of an `.npz` (arrays x and y, or x_train, y_train, x_test, y_test), a
            table (`.csv` and the others of `neuroevo.data.reading.TABLES`), a folder of images (one sub-folder a class), or one of images and
            COCO's annotations (`neuroevo.data.coco`); a data frame; or a pair (x, y) of arrays, or of a data frame and an array; of a
            detection, of images and of what each has: an array [boxes, 5] of left, top, right, bottom (pixels) and class.
        target: the column of a table to predict; or several columns of numbers, as names or as "width,height".
        seed: decides the split, where the source has none: 60 / 20 / 20 %, shuffled, and stratified for classes. A test split
            that the source has is kept, and its training part is split 80 / 20 %.
        kind: "classification", "regression" or "detection"; None decides by the data and the target: boxes are to be detected, texts and
            booleans are classes, numbers are values to predict. Whole numbers are classes where they are few and lie close together, or are two; a note says so, and how to say otherwise.
        missing: texts of a table that mean that nothing is known, such as ("?",); an empty cell always does, and nothing else.
        columns: what is done with a table's columns (`neuroevo.data.Columns`, or a mapping such as {"group": "patient"}).
        image_size: of a detection, what images are fitted into: pixels of both sides, (height, width), or a text such as "128x96" (width x
            height); None: their own size where they are small and alike, else up to 128 pixels.

    Raises:
        DataError: (a ValueError) whatever is wrong with the data, in one sentence.

    >>> load("iris")
    <Dataset iris classification (4,) -> 3, train / validation / test 90 / 30 / 30>
    """
    if isinstance(source, Dataset):
        return source
    missing, said_of_columns = _texts(missing), Columns.of(columns)
    kind, size = _checked_kind(kind), _checked_size(image_size)
    name, raw = _read(source, target, missing, said_of_columns, kind, size)
    if len(raw.y) == 0:
        raise DataError(f"{name} has no samples")
    notes = list(raw.notes)
    _refuse_other_kind(name, kind, raw.kind, size)
    kind = kind or raw.kind
    if kind is None:
        kind, said = decided(raw)
        notes += said
    y: npt.NDArray[Any]
    if kind == "detection":
        x, y = boxes.fitted(raw.x, raw.y, size)
        raw, labels = replace(raw, x=x, y=y), raw.label_names
    else:
        y, labels = _classes(raw) if kind == "classification" else _values(raw)
    described: dict[str, Any] | None = None
    x = raw.x
    if isinstance(x, np.ndarray):
        rows = split(y, raw.parts, seed, kind, labels)
    else:
        x, described, rows, said = _of_table(raw, y, kind, labels, seed, missing)
        notes += said
    _check_finite(x, name)
    normalisation = statistics(x[rows["train"]], described)
    if kind == "classification":
        notes += _imbalance(y, labels)
    if described is None:
        notes += _said_of_constants(x[rows["train"]])
    parts = {part: Part(normalisation(x[found]), y[found]) for part, found in rows.items()}
    for part, found in parts.items():
        if not np.isfinite(found.x).all():
            raise DataError(
                f"the {part} samples of {name} have values too far from those to train on; look for outliers in its columns"
            )
    scale = None
    if kind == "regression":
        scale = statistics(y[rows["train"]], rounded=True)
        notes += _said_of_values(y[rows["train"]], labels, scale)
    return Dataset(
        name=name,
        kind=kind,
        train=parts["train"],
        validation=parts["validation"],
        test=parts["test"],
        label_names=labels,
        normalisation=normalisation,
        target_normalisation=scale,
        columns=described,
        images=raw.images,
        notes=tuple(notes),
        validation_given="validation" in raw.parts,
    )


def _of_table(
    raw: Raw, y: npt.NDArray[Any], kind: Kind, labels: tuple[str, ...], seed: int, missing: Sequence[str]
) -> tuple[npt.NDArray[np.float64], dict[str, Any], dict[str, npt.NDArray[np.int64]], list[str]]:
    """The features of a table's rows, how they are made, the rows of each part, and notes."""
    said = raw.columns or Columns()
    found, notes = roles(raw.x, said, raw.y, raw.target_names)
    apart, more = kept_apart(raw.x, found, said, y, kind, len(labels))
    rows = split(y, raw.parts, seed, kind, labels, apart)
    targets = encoded.targets_of(y, len(labels), kind == "classification")
    of = labels if targets.shape[1] == len(labels) else labels[1:]
    described, learned = fitting.fit(
        raw.x, rows["train"], missing, found, said=said, targets=targets, target_names=of, decimal=raw.decimal
    )
    x, train = table.features(raw.x, described), rows["train"]
    together = np.arange(len(y)) if apart is None or apart.together is None else apart.together
    x[train] = table.training_features(raw.x.iloc[train], described, targets[train], together[train], seed)
    held_back = np.concatenate([rows["validation"], rows["test"]])
    return x, described, rows, [*notes, *more, *learned, *unseen(raw.x.iloc[held_back], described)]


def kept_apart(
    x: Any, found: Sequence[Role], said: Columns, y: npt.NDArray[Any], kind: Kind, classes: int
) -> tuple[Apart | None, list[str]]:
    """What must not straddle the split of a table, and what to say of it."""
    names = list(map(str, x.columns))
    for option, by in (("group", said.group), ("time", said.time)):
        holes = 0 if by is None else int(x.iloc[:, names.index(by)].isna().sum())
        if holes:
            raise DataError(
                f"{by!r} is missing in {holes} of {len(x)} rows, so that --{option} cannot split them: leave them out, or fill it"
            )
    if said.group is not None:
        texts = np.array([frames.text_of(value) for value in x.iloc[:, names.index(said.group)]], dtype=object)
        together = np.unique(texts, return_inverse=True)[1].astype(np.int64)
        kept = "" if said.group in said.keep else " It is no feature."
        return Apart(together, said.group), [
            f"The {together.max() + 1} values of {said.group!r} are each in one part of the split.{kept}"
        ]
    if said.time is not None:
        at = names.index(said.time)
        column, role = x.iloc[:, at], found[at]
        if role.kind not in ("date", "number"):
            raise DataError(
                f"{said.time!r} holds no dates or numbers that are read: --type {said.time}=date:FORMAT says how they are written"
            )
        times = (
            dates.days(column, role.form, role.name)
            if role.kind == "date"
            else table.known_numbers(column, role.notation, role.name)
        )
        left = (
            ""
            if said.time in said.keep
            else " It is no feature itself; its parts are."
            if role.kind == "date"
            else " It is no feature."
        )
        return Apart(by=said.time, times=times), [f"Split by {said.time!r}: later rows are held back.{left}"]
    if said.rules == 1:
        return None, []
    seen = [k for k, role in enumerate(found) if not role.why]
    together_or_none, note = copies(x.iloc[:, seen], y, kind, classes)
    return None if together_or_none is None else Apart(together_or_none), [note] if note else []


def statistics(x: npt.NDArray[Any], columns: Mapping[str, Any] | None = None, *, rounded: bool = False) -> Normalisation:
    """Mean and deviation of training samples or values; of a table's features, those that are ones and zeros stay as they are.

    Args:
        rounded: of what float32 makes of them, where it can hold them: so tables and values were normalised in runs so far.
    """
    found = Normalisation.of(x)
    if (rounded or columns is not None) and found.held.all():
        found = Normalisation.of(x.astype(np.float32))
    if columns is None:
        return found
    numbers = table.measured(columns)
    return Normalisation(np.where(numbers, found.mean, 0.0), np.where(numbers, found.deviation, 1.0))


def _texts(missing: Any) -> tuple[str, ...]:
    if isinstance(missing, str) or not all(isinstance(text, str) for text in missing):
        raise DataError(f"missing is a list of the texts that mean that nothing is known, such as ['?'], got {shown(missing)}")
    return tuple(missing)


def _checked_kind(kind: Any) -> Kind | None:
    if kind is not None and kind not in get_args(Kind):
        raise DataError(unknown("kind", str(kind), get_args(Kind)))
    return kind  # type: ignore[no-any-return]


def _checked_size(size: Any) -> tuple[int, int] | None:
    """(height, width) of what a user says."""
    given = size
    if isinstance(size, str):
        found = re.fullmatch(r"\s*(\d+)(?:\s*[xX]\s*(\d+))?\s*", size)
        size = None if found is None else int(found[1]) if found[2] is None else (int(found[2]), int(found[1]))
    if isinstance(size, int) and not isinstance(size, bool):
        size = (size, size)
    if given is None:
        return None
    fine = isinstance(size, (tuple, list)) and len(size) == 2 and all(isinstance(side, int) and side >= SMALLEST_SIDE for side in size)
    if not fine:
        raise DataError(
            f"the size of images is pixels of both sides, or width x height as 128x96, from {SMALLEST_SIDE} on; got {shown(given)}"
        )
    return int(size[0]), int(size[1])


def _refuse_other_kind(name: str, kind: Kind | None, there: Kind | None, size: tuple[int, int] | None) -> None:
    """Refuse to detect where there are no boxes, to do anything else where there are, and a size of images that are not fitted into any."""
    if kind == "detection" and there != "detection":
        raise DataError(
            f"a detection needs boxes: a folder of images with COCO's annotations.json, a pair of images and their boxes, or "
            f"scattered_digits; {name} has none"
        )
    if there == "detection" and kind not in (None, "detection"):
        raise DataError(f"{name} has boxes in images, which are to be detected; leave --kind {kind} out")
    if size is not None and there != "detection":
        raise DataError(f"--image-size is for detection, whose boxes are fitted with the images; {name} has no boxes: resize its images first")


def _read(
    source: Any, target: str | Sequence[str] | None, missing: tuple[str, ...], columns: Columns, kind: Kind | None, size: tuple[int, int] | None
) -> tuple[str, Raw]:
    if frames.is_frame(source):
        return "arrays", table_sources.from_frame(source, target, missing, columns)
    if isinstance(source, (tuple, list)) and len(source) == 2:
        if kind == "detection":
            return "arrays", files.images_with_boxes(*source)
        frame = frames.as_pandas(source[0]) if frames.is_frame(source[0]) else None
        if frame is not None and (columns != Columns(rules=columns.rules) or not table.numeric_frame(frame)):
            return "arrays", table_sources.from_pair(frame, source[1], missing, columns)
        x, note = files.with_channels(np.asarray(source[0]))
        return "arrays", joined({"train": (x, np.asarray(source[1]))}, notes=note)
    if not isinstance(source, (str, os.PathLike)):
        raise DataError(f"data is a name, a path, a data frame or a pair of arrays (x, y), got {shown(source)}")
    path = Path(source)
    suffix = path.suffix.lower()
    boxed = kind == "detection" and suffix == ".json"  # else it is a table
    if reading.is_table(path) and not path.is_dir() and not boxed:
        return str(source), table_sources.from_file(_existing(path), target, missing, columns)
    if target is not None:
        raise DataError(f"target names a column of a table ({reading.FORMATS}); {source} is not one")
    if missing:
        raise DataError(f"missing names texts of a table; {source} is not one")
    if any(columns.named.values()):
        raise DataError(
            f"--{next(name for name, given in columns.named.items() if given)} names columns of a table; {source} is not one"
        )
    if suffix == ".npz":
        return str(source), files.npz(_existing(path))
    if boxed or (path.is_dir() and (kind == "detection" or coco.holds_boxes(path))):
        return str(source), coco.boxes_folder(_existing(path), size)
    if path.is_dir():
        return str(source), image_folders.image_folder(path)
    if path.exists() or suffix or os.sep in str(source):
        _existing(path)
        raise DataError(f"{source} is not data that can be read: a table ({reading.FORMATS}), an .npz or a folder of images")
    return str(source), _named(str(source))


def _named(name: str) -> Raw:
    """The raw data of a name, built in or registered."""
    source = registry.find("data", name)
    if source is None:
        raise DataError(unknown("data", name, registry.names("data")) + "; or the path of a table, an .npz or a folder of images")
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


def decided(raw: Raw) -> tuple[Kind, list[str]]:
    """Classification or regression, as the target says; and a note where one may well want the other."""
    y = raw.y
    if y.dtype.kind not in "iuf":
        if raw.doubt:
            raise DataError(
                f"{raw.doubt}; if each of its values is a class: --kind classification (kind='classification' in Python)"
            )
        return "classification", []
    what = ", ".join(map(repr, raw.target_names)) or "y"
    if y.ndim == 2 and y.shape[1] > 1:
        if not _one_hot(y):
            return "regression", []
        return "classification", [f"Each row has one 1 among {what}: taken for classes. {_otherwise('regression')}"]
    values = np.unique(y)
    if not np.isfinite(values).all() or not (values == np.round(values)).all():
        return "regression", []
    count, low, high = len(values), int(values[0]), int(values[-1])
    if count == 1:
        return "regression", []
    close, enough = high - low < 2 * count, FEWEST * count <= len(y)
    pictures = raw.images is None and isinstance(raw.x, np.ndarray) and raw.x.ndim == 4 and y.dtype.kind in "iu"
    found = f"{what} has {count} different whole numbers, {low} to {high}"
    if count <= 2 or (close and enough and (count <= MOST_CLASSES or pictures)):
        return "classification", [f"{found}: taken for classes. {_otherwise('regression')}"]
    likely = enough and count <= fitting.MOST_CATEGORIES
    return "regression", [f"{found}: taken for numbers to predict. {_otherwise('classification')}"] if likely else []


def _otherwise(kind: Kind) -> str:
    other = "To predict the numbers themselves" if kind == "regression" else "To predict each number as a class"
    return f"{other}: --kind {kind} (in Python kind={kind!r}, or the task {kind.capitalize()})."


def _one_hot(y: npt.NDArray[Any]) -> bool:
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _classes(raw: Raw) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """The class of each sample, and the classes' names."""
    y, given = raw.y, raw.label_names or raw.class_names
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim == 2 and y.dtype.kind in "biuf" and _one_hot(y):
        given = given or tuple(name for name, used in zip(raw.target_names, np.atleast_1d(y.any(axis=0)), strict=False) if used)
        y = y.argmax(axis=1)
    if y.ndim != 1 and raw.target_names:
        raise DataError(
            f"a classification has one target column, or columns of which each row has one 1; got {', '.join(raw.target_names)}: name one "
            "with --target, or predict numbers with --kind regression"
        )
    if y.ndim != 1:
        raise DataError(f"labels have the shape [samples] or one-hot [samples, classes], got {list(raw.y.shape)}")
    if y.dtype.kind == "f":
        if not np.isfinite(y).all():
            raise DataError("some labels are not finite (NaN or infinity)")
        if (y == np.round(y)).all():
            y = y.astype(np.int64)
    y = comparable(y)
    found, classes = np.unique(y, return_inverse=True)
    if len(found) < 2:
        raise DataError(f"there is only one class, {str(found[0])!r}: a classification needs at least two")
    if y.dtype.kind == "f" and len(found) > len(y) // FEWEST:
        raise DataError(
            f"the target has {len(found)} different numbers, too many for classes; predict numbers with --kind regression"
        )
    names = given if len(given) == len(found) else tuple(str(label) for label in found)
    return classes.astype(np.int64), names


def comparable(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Labels [samples] of one type.

    Raises:
        DataError: some are missing, or of types that do not compare.
    """
    if y.dtype.kind == "S":
        return np.char.decode(y, "utf-8", "backslashreplace")
    if y.dtype.kind == "c" or y.dtype.names:
        raise DataError(f"labels are texts or numbers, got values of type {y.dtype}")
    if y.dtype.kind != "O":
        return y
    holes = sum(label is None or label != label for label in y)
    if holes:
        raise DataError(f"{holes} of {len(y)} labels are missing (None or NaN): leave these samples out")
    kinds = sorted({type(label).__name__ for label in y})
    if len(kinds) > 1 and "str" in kinds:
        raise DataError(f"labels are of several types, {' and '.join(kinds)}: make them texts, or numbers, all of them")
    return y


def _values(raw: Raw) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
    """The values to predict, float64 [samples, outputs], and their names."""
    if raw.y.dtype.kind not in "biuf":
        if raw.doubt:
            raise DataError(raw.doubt)
        raise DataError(
            f"a regression predicts numbers, the target holds {shown(str(raw.y[0]))}; predict classes with --kind classification and its "
            "objectives, such as error"
        )
    y = raw.y.astype(np.float64)
    y = y[:, None] if y.ndim == 1 else y
    if y.ndim != 2:
        raise DataError(f"values have the shape [samples] or [samples, outputs], got {list(raw.y.shape)}")
    if not np.isfinite(y).all():
        raise DataError("some values to predict are not finite (NaN or infinity)")
    if (y == y[:1]).all():
        raise DataError(f"every row has the same value to predict, {y[0, 0]:g}: there is nothing to learn")
    names = raw.label_names or raw.target_names
    if len(names) != y.shape[1]:
        names = ("value",) if y.shape[1] == 1 else tuple(f"value {k}" for k in range(y.shape[1]))
    return y, names


def _said_of_values(y: npt.NDArray[Any], names: tuple[str, ...], scale: Normalisation) -> list[str]:
    """What is odd about the values to predict."""
    same = [names[k] for k in np.flatnonzero(constant_features(y))]
    notes = [f"The same value to predict in every training row: {', '.join(map(repr, same))}."] if same else []
    widths = dict(zip(names, scale.deviation.tolist(), strict=True))
    wide, narrow = max(widths, key=widths.__getitem__), min(widths, key=widths.__getitem__)
    if widths[wide] > UNEQUAL * widths[narrow] and not same:
        notes.append(
            f"The objectives mae and rmse are means over all targets in their own units: {wide!r} (deviation {widths[wide]:.3g}) weighs more "
            f"than {narrow!r} ({widths[narrow]:.3g}). The objective loss weighs them equally."
        )
    return notes


def _said_of_constants(x: npt.NDArray[Any]) -> list[str]:
    """Whether training samples, or some of their features or channels, never differ."""
    same = constant_features(x)
    if (x == x[:1]).all():
        alike = bool((x == x.reshape(-1)[0]).all())
        value = f" ({x.reshape(-1)[0]:g} everywhere)" if alike else ""
        return [f"All training samples are the same{value}: there is nothing to learn from."]
    of_what = "features" if x.ndim == 2 else "channels"
    return [f"{int(same.sum())} of {len(same)} {of_what} are the same in every training sample."] if same.any() else []


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
        f"{100 * (1 - counts[most] / counts.sum()):.1f} %. The objectives balanced_error, f1 and auc weigh "
        "classes equally, and class weights (--class-weights balanced) make training do so."
    ]
