"""Tables (`.csv`): columns of numbers, categories and holes become features, learned from the training rows alone.

A number stays a number; a hole in it becomes the training rows' median, with a feature that says so. A category becomes one
feature for each of its values ("one-hot"), holes included. `columns` describes this as JSON, so that it travels with a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.data.dataset import DataError
from neuroevo.data.sources import Raw

MOST_CATEGORIES = 50
MISSING = ""  # the name of a hole among a column's categories


def read(path: Path) -> Any:
    """The table as a pandas DataFrame.

    Raises:
        DataError: empty, or not readable as a table.
    """
    import pandas

    try:
        table = pandas.read_csv(path)
    except pandas.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty") from error
    except (pandas.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table: {' '.join(str(error).split())[:160]}") from error
    if not len(table):
        raise DataError(f"{path} has a header but no rows")
    return table


def csv(path: Path, target: str | None) -> Raw:
    """Raw data from a table, one column being the target.

    Raises:
        DataError: no target was named, or there is no such column (the nearest is suggested); nothing else in the table.
    """
    table = read(path)
    names = [str(column) for column in table.columns]
    table.columns = names
    if target is None:
        raise DataError(f"name the column to predict in {path} (target=...; --target on the command line): {', '.join(names)}")
    if target not in names:
        raise DataError(unknown("target column", target, names))
    notes = []
    holes = table[target].isna()
    if holes.any():
        table = table[~holes]
        notes.append(f"{int(holes.sum())} rows have no {target!r} and were left out.")
        if not len(table):
            raise DataError(f"the target column {target!r} is empty")
    values = table[target]
    y = values.to_numpy() if values.dtype.kind in "biuf" else values.astype(str).to_numpy(dtype=str)
    features = table.drop(columns=[target])
    if not features.shape[1]:
        raise DataError(f"{path} has no column beside the target {target!r}")
    return Raw(features, y, label_names=(), notes=tuple(notes))


def fit(table: Any, train_rows: npt.NDArray[np.int64]) -> tuple[dict[str, Any], list[str]]:
    """How the columns of a table become features, and notes on what was done.

    Raises:
        DataError: no usable column, or infinite numbers.
    """
    seen = table.iloc[train_rows]
    described: list[dict[str, Any]] = []
    notes = []
    filled, one_hot, left_out = [], [], []
    for name in table.columns:
        column = seen[name]
        holes = bool(table[name].isna().any())
        if _numeric(table[name]):
            values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
            if np.isinf(values).any():
                raise DataError(f"column {name!r} has infinite values; replace them or leave them empty")
            known = column.to_numpy(dtype=np.float64, na_value=np.nan)
            known = known[~np.isnan(known)]
            if not len(known):
                left_out.append(f"{name!r} (empty)")
                continue
            described.append({"name": name, "kind": "number", "fill": float(np.median(known)), "indicator": holes})
            if holes:
                filled.append(f"{name!r} ({int(table[name].isna().sum())})")
            continue
        categories = sorted({_text(value) for value in column})
        if not [category for category in categories if category != MISSING]:
            left_out.append(f"{name!r} (empty)")
        elif len(categories) > MOST_CATEGORIES:
            left_out.append(f"{name!r} ({len(categories)} different texts)")
        else:
            described.append({"name": name, "kind": "category", "categories": categories})
            holed = f", {int(table[name].isna().sum())} missing" if holes else ""
            one_hot.append(f"{name!r} ({len(categories)} values{holed})")
    if one_hot:
        notes.append(f"Categories became one feature a value: {', '.join(one_hot)}.")
    if filled:
        notes.append(f"Missing numbers became the training rows' median, with a feature that says so: {', '.join(filled)}.")
    if left_out:
        notes.append(f"Columns left out: {', '.join(left_out)}.")
    if not described:
        raise DataError(f"no column of the table can be used: {', '.join(left_out)}")
    return {"columns": described}, notes


def features(table: Any, columns: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    """The features of a table's rows: float32 [rows, features].

    Args:
        table: pandas DataFrame with the described columns (others are not looked at).
        columns: from `fit`, or read back from a model.

    Raises:
        DataError: a column is missing or does not hold what the description says.
    """
    parts: list[npt.NDArray[np.float32]] = []
    names = [str(name) for name in table.columns]
    for described in columns["columns"]:
        name = described["name"]
        if name not in names:
            raise DataError(f"the table has no column {name!r}; it has {shown(', '.join(names), 200)}")
        column = table.iloc[:, names.index(name)]
        if described["kind"] == "number":
            parts += _numbers(column, described)
        else:
            texts = np.array([_text(value) for value in column], dtype=object)
            parts += [(texts == category).astype(np.float32) for category in described["categories"]]
    return np.stack(parts, axis=1)


def feature_names(columns: Mapping[str, Any]) -> list[str]:
    """A name for each feature, in order."""
    names: list[str] = []
    for described in columns["columns"]:
        name = described["name"]
        if described["kind"] == "number":
            names += [name, f"{name} is missing"] if described["indicator"] else [name]
        else:
            names += [f"{name} is {category or 'missing'}" for category in described["categories"]]
    return names


def measured(columns: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Which features are measured numbers (to be normalised), and not ones and zeros: bool [features]."""
    flags: list[bool] = []
    for described in columns["columns"]:
        if described["kind"] == "number":
            flags += [True, False] if described["indicator"] else [True]
        else:
            flags += [False] * len(described["categories"])
    return np.array(flags, dtype=bool)


def checked(columns: Any) -> Mapping[str, Any]:
    """A column description read from JSON.

    Raises:
        ValueError: it is not one.
    """
    wanted: dict[str, Sequence[tuple[str, type | tuple[type, ...]]]] = {
        "number": (("name", str), ("fill", (int, float)), ("indicator", bool)),
        "category": (("name", str), ("categories", list)),
    }
    if not isinstance(columns, Mapping) or not isinstance(columns.get("columns"), list) or not columns["columns"]:
        raise ValueError(f"a column description has a list 'columns', got {shown(columns)}")
    for column in columns["columns"]:
        fields = wanted.get(str(column.get("kind"))) if isinstance(column, Mapping) else None
        if fields is None or not all(isinstance(column.get(name), kind) for name, kind in fields):
            raise ValueError(f"not the description of a column: {shown(column)}")
    return columns


def _numeric(column: Any) -> bool:
    import pandas

    return bool(pandas.api.types.is_numeric_dtype(column))


def _numbers(column: Any, described: Mapping[str, Any]) -> list[npt.NDArray[np.float32]]:
    import pandas

    try:
        values = pandas.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise DataError(f"column {described['name']!r} must hold numbers: {error}") from error
    missing = np.isnan(values)
    filled = np.where(missing, described["fill"], values).astype(np.float32)
    return [filled, missing.astype(np.float32)] if described["indicator"] else [filled]


def _text(value: Any) -> str:
    import pandas

    return MISSING if value is None or value is pandas.NA or value != value else str(value)
