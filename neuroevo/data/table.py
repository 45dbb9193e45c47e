"""Tables: columns of numbers, dates, texts and holes become features, learned from the training rows alone.

A number stays a number; a hole in it becomes the training rows' median, with a feature that says so. A date becomes the days since the
first one, and its parts that come round. A text becomes one feature for each of its values ("one-hot"), holes included, or, of many
values, the mean of the target with each, or a hash. An empty cell is a hole, and so are the texts that the user names; no word is one by
itself. `columns` describes this as JSON, so that it travels with a model.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.data import dates, encoded
from neuroevo.data.columns import named_so
from neuroevo.data.dataset import DataError
from neuroevo.data.frames import is_numeric, text_of
from neuroevo.data.written import (
    Notation,
    how_written,
    notation_of,
    plain_number,
    some_number,
)

Doubles = npt.NDArray[np.float64]


# From columns to features -------------------------------------------------------------------------------------------------------


def features(table: Any, columns: Mapping[str, Any]) -> Doubles:
    """The features of a table's rows: float64 [rows, features].

    Args:
        table: pandas DataFrame with the described columns (others are not looked at).
        columns: from `fit`, or read back from a model.

    Raises:
        DataError: a column is missing or does not hold what the description says.
    """
    parts: list[Doubles] = []
    for described, column in described_columns(table, columns):
        if described["kind"] == "number":
            parts += _numbers(column, described)
        elif described["kind"] == "date":
            parts += _dated(column, described)
        elif described["kind"] == "category":
            texts = np.array(texts_of(column), dtype=object)
            parts += [(texts == category).astype(np.float64) for category in described["categories"]]
        elif described["kind"] == "hash":
            buckets = np.array([encoded.bucket(text) for text in texts_of(column)], dtype=np.int64)
            parts += list(np.eye(encoded.BUCKETS)[buckets].T)
        else:
            known = {text: np.array(values) for text, values in described["means"].items()}
            parts += list(encoded.of_known(texts_of(column), known, np.array(described["prior"])).T)
    return np.stack(parts, axis=1)


def training_features(
    table: Any, columns: Mapping[str, Any], targets: Doubles, together: npt.NDArray[np.int64], seed: int
) -> Doubles:
    """The features of the rows that `columns` was learned from: float64 [rows, features]. Means of the target are those of other rows
    (`neuroevo.data.encoded`), so that no row is told its own.

    Args:
        table: the training rows.
        targets: float64 [rows, means], theirs.
        together: int [rows]; rows of one number belong together (copies, a group).
        seed: decides the folds.
    """
    x = features(table, columns)
    at = 0
    for described, column in described_columns(table, columns):
        width = _width(described)
        if described["kind"] == "target":
            x[:, at : at + width] = encoded.out_of_fold(texts_of(column), targets, together, seed)
        at += width
    return x


def described_columns(table: Any, columns: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Any]]:
    """Each description, and its column of the table."""
    names = [str(name) for name in table.columns]
    found = []
    for described in columns["columns"]:
        name = named_so(described["name"], names)
        if name is None:
            raise DataError(f"the table has no column {described['name']!r}; it has {shown(', '.join(names), 200)}")
        found.append((described, table.iloc[:, names.index(name)]))
    return found


def feature_names(columns: Mapping[str, Any]) -> list[str]:
    """A name for each feature, in order."""
    names: list[str] = []
    for described in columns["columns"]:
        name, kind = described["name"], described["kind"]
        if kind == "number":
            names += [name, f"{name} is missing"] if described["indicator"] else [name]
        elif kind == "date":
            names += [f"{name} in days"] if described["elapsed"] else []
            names += [f"{way} of {name}'s {part}" for part in described["parts"] for way in ("sine", "cosine")]
            names += [f"{name} is missing"] if described["indicator"] else []
        elif kind == "category":
            names += [f"{name} is {category or 'missing'}" for category in described["categories"]]
        elif kind == "hash":
            names += [f"{name} has hash {k}" for k in range(encoded.BUCKETS)]
        else:
            names += [f"{name}'s mean of {of}" for of in described["of"]]
    return names


def _width(described: Mapping[str, Any]) -> int:
    return len(feature_names({"columns": [described]}))


def measured(columns: Mapping[str, Any]) -> npt.NDArray[np.bool_]:
    """Which features are measured numbers (to be normalised), and not ones and zeros: bool [features]."""
    flags: list[bool] = []
    for described in columns["columns"]:
        width = _width(described)
        if described["kind"] == "target":
            flags += [True] * width
        else:
            first = described["kind"] == "number" or (described["kind"] == "date" and described["elapsed"])
            flags += [first, *[False] * (width - 1)]
    return np.array(flags, dtype=bool)


def checked(columns: Any) -> Mapping[str, Any]:
    """A column description read from JSON.

    Raises:
        ValueError: it is not one.
    """
    number = (int, float)
    wanted: dict[str, Sequence[tuple[str, Any]]] = {
        "number": (("name", str), ("fill", number), ("indicator", bool)),
        "category": (("name", str), ("categories", list)),
        "date": (
            ("name", str), ("format", str), ("start", str), ("fill", number), ("indicator", bool), ("elapsed", bool), ("parts", list),
            ("low", number), ("high", number),
        ),
        "hash": (("name", str),),
        "target": (("name", str), ("prior", list), ("of", list), ("means", Mapping)),
    }  # fmt: skip
    if not isinstance(columns, Mapping) or not isinstance(columns.get("columns"), list) or not columns["columns"]:
        raise ValueError(f"a column description has a list 'columns', got {shown(columns)}")
    for column in columns["columns"]:
        fields = wanted.get(str(column.get("kind"))) if isinstance(column, Mapping) else None
        if fields is None or not all(isinstance(column.get(name), kind) for name, kind in fields) or not _consistent(column):
            raise ValueError(f"not the description of a column: {shown(column)}")
    texts = columns.get("missing", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"the missing texts of a column description are a list of texts, got {shown(texts)}")
    return columns


def _consistent(column: Mapping[str, Any]) -> bool:
    """Whether what a description holds fits together, beyond its types."""
    try:
        if column["kind"] == "date":
            dates.day_of(column["start"])
            return all(part in dates.PERIODS for part in column["parts"])
        if column["kind"] == "target":
            every = [column["prior"], *column["means"].values()]
            return len(column["of"]) == len(column["prior"]) and np.array(every, dtype=np.float64).shape[1] == len(
                column["prior"]
            )
        Notation.from_dict(column.get("notation", {}))
        return all(isinstance(column.get(name, 0.0), (int, float)) for name in ("low", "high"))
    except (ValueError, TypeError, IndexError):
        return False


def numeric_frame(table: Any) -> bool:
    """Whether every column of a data frame is one of numbers without holes."""
    return all(is_numeric(table.iloc[:, k]) for k in range(table.shape[1])) and not bool(table.isna().to_numpy().any())


# From cells to numbers ----------------------------------------------------------------------------------------------------------


def start_of(described: Mapping[str, Any]) -> float:
    """Days since 1970 of the day from which a description of dates counts."""
    return dates.day_of(described["start"])


def _dated(column: Any, described: Mapping[str, Any]) -> list[Doubles]:
    when = dates.days(column, described["format"], described["name"])
    holes = np.isnan(when)
    since = np.where(holes, described["fill"], when - start_of(described))
    found = [since] if described["elapsed"] else []
    for name in described["parts"]:
        turn = 2 * np.pi * dates.part(np.where(holes, 0.0, when), name)
        found += [np.where(holes, 0.0, np.sin(turn)), np.where(holes, 0.0, np.cos(turn))]
    return [*found, holes.astype(np.float64)] if described["indicator"] else found


def _numbers(column: Any, described: Mapping[str, Any]) -> list[Doubles]:
    values = numbers_of(column, described)
    missing = np.isnan(values)
    filled = np.where(missing, described["fill"], values)
    return [filled, missing.astype(np.float64)] if described["indicator"] else [filled]


def numbers_of(column: Any, described: Mapping[str, Any]) -> Doubles:
    """The numbers of a column to predict from, NaN where one is missing: float64 [rows]."""
    import pandas

    name, trained = described["name"], Notation.from_dict(described.get("notation", {}))
    if not is_numeric(column):
        column = column.map(lambda value: {"true": 1, "false": 0}.get(str(value).strip().lower(), value))
    try:
        values: Doubles = pandas.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
        return values
    except (ValueError, TypeError):
        texts = [str(text) for text in column.dropna().unique()]
    here = notation_of(texts, trained.decimal)
    if here is not None and (here.unit in ("", trained.unit) or (trained.unit == "" and here.unit != "%")):
        return known_numbers(column, here, name)
    bad = next((text for text in texts if not some_number(text)), "")
    if not bad:
        raise DataError(f"column {how_written(name, next(text for text in texts if plain_number(text) is None))}")
    raise DataError(
        f"column {name!r} must hold numbers, as in training; it holds {bad!r}: replace it, or, if that means missing, say "
        f"--missing {shlex.quote(bad)}"
    )


def known_numbers(column: Any, notation: Notation, name: str) -> Doubles:
    """The numbers of a column that is known to hold them: float64 [rows], NaN where one is missing."""
    if is_numeric(column):
        values: Doubles = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return values
    read: Doubles = in_notation(column, notation).to_numpy(dtype=np.float64)
    wrong = np.isnan(read) & ~column.isna().to_numpy()
    if wrong.any():
        bad = str(column.iloc[int(np.flatnonzero(wrong)[0])])
        raise DataError(
            f"column {name!r} is to hold numbers; it holds {bad!r}: if that means missing, say --missing {shlex.quote(bad)}"
        )
    return read


def in_notation(column: Any, notation: Notation) -> Any:
    """The numbers of texts, NaN where a text is none or is missing."""
    known = {value: notation.number(str(value)) for value in column.dropna().unique()}
    return column.map(known).astype(np.float64)


def texts_of(column: Any) -> list[str]:
    """The cells of a column as texts, `MISSING` for a hole."""
    return [text_of(value) for value in column.tolist()]
