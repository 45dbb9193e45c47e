"""Tables (`.csv`): columns of numbers, categories and holes become features, learned from the training rows alone.

A number stays a number; a hole in it becomes the training rows' median, with a feature that says so. A category becomes one
feature for each of its values ("one-hot"), holes included. An empty cell is a hole, and so are the texts that the user names;
no word is one by itself. `columns` describes this as JSON, so that it travels with a model.
"""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.data.dataset import DataError
from neuroevo.data.normalisation import WHOLE
from neuroevo.data.sources import Raw

MOST_CATEGORIES = 50
MISSING = ""  # the name of a hole among a column's categories
ODD = 3  # different texts that a column of numbers may hold and still be taken for one, when the user is told how to say so
Doubles = npt.NDArray[np.float64]


def read(path: Path, missing: Sequence[str] = (), described: Mapping[str, Any] | None = None) -> Any:
    """The table as a pandas DataFrame: a column is float64 where every cell is a number or a hole, else the cells' texts as they stand
    (None for a hole), whatever stands in other columns or files.

    Args:
        missing: texts that are holes, beside the empty cell.
        described: from `fit`: its columns are read as they were there, and its holes are holes.

    Raises:
        DataError: empty, or not readable as a table.
    """
    missing = tuple(dict.fromkeys((*missing, *(described or {}).get("missing", ()))))
    texts = [column["name"] for column in (described or {}).get("columns", ()) if column["kind"] == "category"]
    first = _read(path, missing)
    table = first.set_axis([str(name) for name in first.columns], axis=1)
    names = list(table.columns)
    texts = [_named_so(name, names) for name in texts]
    apart = [k for k, name in enumerate(names) if name in texts or not _numeric(table.iloc[:, k])]
    if apart:
        as_written = _read(path, missing, dtype={first.columns[k]: str for k in apart})
        for k in apart:
            values = _cells(as_written.iloc[:, k], missing)
            table[table.columns[k]] = values if table.columns[k] in texts else _as_numbers(values)
    return table


def _read(path: Path, missing: Sequence[str], **more: Any) -> Any:
    import pandas

    options = {"keep_default_na": False, "na_values": ["", *missing], "low_memory": False, "index_col": False, **more}
    try:
        _refuse_other_separators(path, list(map(str, pandas.read_csv(path, nrows=0).columns)))
        with warnings.catch_warnings():
            warnings.simplefilter("error", pandas.errors.ParserWarning)  # cells that no name of the header stands above
            table = pandas.read_csv(path, **options)
    except pandas.errors.ParserWarning as error:
        raise DataError(
            f"rows of {path} have more cells than its header has names: give each column a name, that of row names too"
        ) from error
    except pandas.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty") from error
    except DataError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8: save it as UTF-8, as spreadsheets offer") from error
    except (pandas.errors.ParserError, ValueError) as error:
        raise DataError(f"{path} cannot be read as a table: {' '.join(str(error).split())[:160]}") from error
    if not len(table):
        raise DataError(f"{path} has a header but no rows")
    return table


def _refuse_other_separators(path: Path, names: Sequence[str]) -> None:
    """Refuse a table whose only column's name holds what separates columns elsewhere."""
    for separator, word in {";": "semicolons", "\t": "tabs", "|": "bars"}.items():
        if len(names) == 1 and separator in names[0]:
            decimal = ", decimal=','" if separator == ";" else ""
            raise DataError(
                f"the columns of {path} are separated by {word}, not by commas; write it with commas (and points in numbers), such as by "
                f"pandas.read_csv(path, sep={separator!r}{decimal}).to_csv(new, index=False)"
            )


def _cells(column: Any, missing: Sequence[str]) -> Any:
    """The texts of a column, None where there is a hole: blank, or one of those texts between blanks."""
    import pandas

    holes = {MISSING, *(text.strip() for text in missing)}
    known = {text: None if text.strip() in holes else text for text in column.dropna().unique()}
    return pandas.Series([known.get(text) for text in column], index=column.index, dtype=object)


def _as_numbers(cells: Any) -> Any:
    """A column's texts as float64 where all are numbers, else as they are."""
    import pandas

    try:
        return pandas.to_numeric(cells).astype(np.float64) if _all_numbers(cells) else cells
    except (ValueError, TypeError):
        return cells


def _all_numbers(cells: Any) -> bool:
    return not any(_number(text) is None for text in cells.dropna().unique())


def _number(text: Any) -> float | None:
    """The finite number that a text is, or None."""
    try:
        value = float(text)
    except (ValueError, TypeError):
        return None
    return value if np.isfinite(value) and "_" not in str(text) else None


@dataclass(frozen=True)
class Odd:
    """A column that holds numbers, apart from a few texts.

    Attributes:
        name: the column's.
        texts: the texts, by the number of rows.
        numbers: how many different numbers stand beside them.
    """

    name: str
    texts: Mapping[str, int]
    numbers: int

    @property
    def what(self) -> str:
        """What it holds, in words."""
        listed = " and ".join(f"{text!r} ({_rows(count)})" for text, count in self.texts.items())
        return f"{self.name!r} holds numbers and {listed}"

    @property
    def options(self) -> str:
        """What to say where the texts mean that nothing is known."""
        return " ".join(f"--missing {shlex.quote(text)}" for text in self.texts) + f" (missing={tuple(self.texts)!r} in Python)"


_DECORATION = str.maketrans({"\u2212": "-", "D": "e", "d": "e"} | dict.fromkeys(",'\u2019 \u00a0\u202f$\u20ac\u00a3\u00a5%"))


def otherwise_written(column: Any) -> str | None:
    """A text of a column in which every cell is a number, some of them in a way that is not read: with separators of thousands, a decimal
    comma, a currency, %. None where there are none such, or other texts.
    """
    if _numeric(column):
        return None
    texts = [str(text) for text in column.dropna().unique()]
    others = [text for text in texts if _number(text) is None]
    return str(others[0]) if others and all(_number(text.translate(_DECORATION)) is not None for text in others) else None


def _how_written(name: str, text: str) -> str:
    return (
        f"{name!r} holds numbers that are written like {text!r}: digits alone, and a point before decimals, are read as numbers"
    )


def odd(name: str, column: Any) -> Odd | None:
    """The few texts among the numbers of a column; None where it is a column of numbers, or one of texts."""
    if _numeric(column):
        return None
    counts = column.dropna().astype(str).str.strip().value_counts()
    numbers = sum(_number(text) is not None for text in counts.index)
    texts = {str(text): int(count) for text, count in counts.items() if _number(text) is None}
    few = numbers >= 2 if len(texts) == 1 else 1 < len(texts) <= ODD and numbers >= 10 * len(texts)
    return Odd(name, texts, numbers) if few else None


def csv(path: Path, target: str | Sequence[str] | None, missing: Sequence[str] = ()) -> Raw:
    """Raw data from a table, one or several columns being the target.

    Raises:
        DataError: no target was named, or there is no such column (the nearest is suggested); nothing else in the table; several targets of
            which one holds texts.
    """
    table = read(path, missing)
    names = list(table.columns)
    targets = _targets(path, target, names)
    notes = []
    notes += _said_of_rounded(path, table)
    holes = table[targets].isna().any(axis=1)
    if holes.any():
        table = table[~holes]
        notes.append(f"{_rows(int(holes.sum()))} without {_named(targets)} left out.")
        if not len(table):
            raise DataError(f"the target {_named(targets)} is empty")
    features = table.drop(columns=targets)
    if not features.shape[1]:
        raise DataError(f"{path} has no column beside the target {_named(targets)}")
    y, doubt = _target_values(table[targets])
    for name in targets:
        notes += said_of_blanks(name, [str(text) for text in table[name].unique()]) if not _numeric(table[name]) else []
    notes += [
        f"The column {name!r} has no name and counts the rows: it became a feature; leave it out if it is but their number."
        for name in features.columns
        if name.startswith("Unnamed: ") and _counts(features[name])
    ]
    return Raw(features, y, target_names=tuple(targets), doubt=doubt, notes=tuple(notes))


def _said_of_rounded(path: Path, table: Any) -> list[str]:
    """Which whole numbers became equal, since float64 cannot hold them apart (nanoseconds since 1970)."""
    large = [name for name in table.columns if _numeric(table[name]) and table[name].abs().max() > WHOLE]
    if not large:
        return []
    as_written = _read(path, (), usecols=[list(table.columns).index(name) for name in large], dtype=str)
    notes = []
    for k, name in enumerate(large):
        there, here = as_written.iloc[:, k].dropna().nunique(), table[name].astype(np.float64).nunique()
        if here < there:
            notes.append(
                f"{name!r} holds numbers of more digits than float64 has: of {there} different ones {here} are left; subtract a number of "
                "their size from them first."
            )
    return notes


def _counts(column: Any) -> bool:
    """Whether it rises by 1 from row to row, apart from rows that were left out."""
    return bool(_numeric(column) and (column - column.index == column.iloc[0] - column.index[0]).all())


def _targets(path: Path, target: str | Sequence[str] | None, names: Sequence[str]) -> list[str]:
    if target is None or not target:
        listed = ", ".join(names)
        raise DataError(
            f"name the column to predict in {path} (--target NAME on the command line, target=... in Python): {listed}"
        )
    given = [target] if isinstance(target, str) else [str(name) for name in target]
    wanted = [
        piece.strip() if piece not in names else piece for one in given for piece in ([one] if one in names else one.split(","))
    ]
    wanted = [_named_so(name, names) or name for name in wanted]
    for name in wanted:
        if name not in names:
            raise DataError(unknown("target column", name, names))
        if wanted.count(name) > 1:
            raise DataError(f"the target column {name!r} is named twice")
    return wanted


def _target_values(table: Any) -> tuple[npt.NDArray[Any], str]:
    """The target's numbers or texts, [rows] or [rows, targets]; and where numbers stand beside few texts, what to say of these."""
    texts = [name for name in table.columns if not _numeric(table[name])]
    if not texts:
        values = table.to_numpy(dtype=np.float64)
        return (values if values.shape[1] > 1 else values[:, 0]), ""
    written = otherwise_written(table[texts[0]])
    found = odd(texts[0], table[texts[0]])
    doubt = f"the target column {found.what}; if that means missing, say {found.options}" if found else ""
    doubt = f"the target column {_how_written(texts[0], written)}" if written else doubt
    if len(table.columns) > 1:
        raise DataError(
            doubt
            or f"several targets must be numbers, but {texts[0]!r} holds texts such as {shown(str(table[texts[0]].iloc[0]))}: predict it alone "
            f"(--target {shlex.quote(texts[0])})"
        )
    return table[texts[0]].astype(str).to_numpy(dtype=str), doubt


def fit(table: Any, train_rows: npt.NDArray[np.int64], missing: Sequence[str] = ()) -> tuple[dict[str, Any], list[str]]:
    """How the columns of a table become features, and notes on what was done.

    Args:
        table: a pandas DataFrame: a column of numbers is one of its dtype, everything else is read as text.
        train_rows: which rows to learn from.
        missing: the texts that were read as holes.

    Raises:
        DataError: no usable column, or infinite numbers.
    """
    described: list[dict[str, Any]] = []
    notes = []
    filled, one_hot, left_out, same = [], [], [], []
    for k, name in enumerate(map(str, table.columns)):
        column = table.iloc[:, k]
        count = int(column.isna().sum())
        if _numeric(column):
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            if np.isinf(values).any():
                raise DataError(
                    f"column {name!r} has infinite values; replace them, or say --missing inf (missing=('inf',) in Python)"
                )
            known = values[train_rows]
            known = known[~np.isnan(known)]
            if not len(known):
                left_out.append(f"{name!r} (empty)")
                continue
            described.append({"name": name, "kind": "number", "fill": float(np.median(known)), "indicator": count > 0})
            if count:
                filled.append(f"{name!r} ({count})")
            if known.min() == known.max() and len(known) == len(train_rows):
                same.append(repr(name))
            continue
        categories = sorted(set(_texts(column.iloc[train_rows])))
        found, written = odd(name, column), otherwise_written(column)
        if written is not None:
            notes.append(f"Column {_how_written(name, written)}; these were read as texts.")
        elif found is not None:
            notes.append(f"Column {found.what}, so it was read as texts; if that means missing: {found.options}.")
        notes += said_of_blanks(name, categories)
        if not [category for category in categories if category != MISSING]:
            left_out.append(f"{name!r} (empty)")
        elif len(categories) > MOST_CATEGORIES:
            left_out.append(f"{name!r} ({len(categories)} different texts)")
        else:
            described.append({"name": name, "kind": "category", "categories": categories})
            one_hot.append(f"{name!r} ({len(categories)} values{f', {count} missing' if count else ''})")
            if len(categories) == 1:
                same.append(repr(name))
    if one_hot:
        notes.append(f"Categories became one feature a value: {', '.join(one_hot)}.")
    if filled:
        notes.append(f"Missing numbers became the training rows' median, with a feature that says so: {', '.join(filled)}.")
    if left_out:
        notes.append(f"Columns left out: {', '.join(left_out)}.")
    if same:
        notes.append(f"The same in every training row, so that it says nothing: {', '.join(same)}.")
    if not described:
        raise DataError(f"no column of the table can be used: {', '.join(left_out)}")
    return {"columns": described, "missing": list(missing)}, notes


def said_of_blanks(name: str, texts: Sequence[str]) -> list[str]:
    """Whether some texts of a column differ in nothing but blanks around them."""
    alike: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        alike.setdefault(text.strip(), []).append(text)
    several = [found for stripped, found in alike.items() if stripped and len(found) > 1]
    return [f"{name!r} has texts that differ in blanks alone, and are different ones: {_named(several[0])}."] if several else []


def features(table: Any, columns: Mapping[str, Any]) -> Doubles:
    """The features of a table's rows: float64 [rows, features].

    Args:
        table: pandas DataFrame with the described columns (others are not looked at).
        columns: from `fit`, or read back from a model.

    Raises:
        DataError: a column is missing or does not hold what the description says.
    """
    parts: list[Doubles] = []
    for described, column in _described(table, columns):
        if described["kind"] == "number":
            parts += _numbers(column, described)
        else:
            texts = np.array(_texts(column), dtype=object)
            parts += [(texts == category).astype(np.float64) for category in described["categories"]]
    return np.stack(parts, axis=1)


def unseen(table: Any, columns: Mapping[str, Any]) -> list[str]:
    """What rows hold that no training row held, in sentences: texts, and holes where there were none.

    Raises:
        DataError: as `features`.
    """
    said = []
    for described, column in _described(table, columns):
        name = described["name"]
        if described["kind"] == "number":
            holes = 0 if described["indicator"] else int(column.isna().sum())
            if holes:
                said.append(
                    f"{name!r} is missing in {_rows(holes)} and in no training row: its median there is taken, {described['fill']:.15g}."
                )
            continue
        texts = _texts(column)
        new = sorted(set(texts) - set(described["categories"]))
        if new:
            count = sum(text in set(new) for text in texts)
            listed = ", ".join("a missing value" if text == MISSING else repr(text) for text in new[:3])
            more = f" and {len(new) - 3} more" if len(new) > 3 else ""
            said.append(
                f"{name!r} is {listed}{more} in {_rows(count)} and in no training row: it counts there as none of the "
                f"{len(described['categories'])} known values."
            )
    return said


def _described(table: Any, columns: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Any]]:
    """Each description, and its column of the table."""
    names = [str(name) for name in table.columns]
    found = []
    for described in columns["columns"]:
        name = _named_so(described["name"], names)
        if name is None:
            raise DataError(f"the table has no column {described['name']!r}; it has {shown(', '.join(names), 200)}")
        found.append((described, table.iloc[:, names.index(name)]))
    return found


def _named_so(name: str, names: Sequence[str]) -> str | None:
    """The column of that name, or the only one that has it between blanks."""
    if name in names:
        return name
    close = [other for other in names if other.strip() == name.strip()]
    return close[0] if len(close) == 1 else None


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
    texts = columns.get("missing", [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"the missing texts of a column description are a list of texts, got {shown(texts)}")
    return columns


def numeric_frame(table: Any) -> bool:
    """Whether every column of a data frame is one of numbers without holes."""
    return all(_numeric(table.iloc[:, k]) for k in range(table.shape[1])) and not bool(table.isna().to_numpy().any())


def _numeric(column: Any) -> bool:
    """Whether a column is one of numbers: by its dtype, or, of Python objects, where each is a number. Booleans are words."""
    from pandas.api import types

    if types.is_bool_dtype(column):
        return False
    if column.dtype != object:
        return bool(types.is_numeric_dtype(column))
    return types.infer_dtype(column, skipna=True) in ("integer", "floating", "mixed-integer-float")


def _numbers(column: Any, described: Mapping[str, Any]) -> list[Doubles]:
    import pandas

    name = described["name"]
    if not _numeric(column):
        column = column.map(lambda value: {"true": 1, "false": 0}.get(str(value).strip().lower(), value))
    try:
        values = pandas.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
    except (ValueError, TypeError) as error:
        bad = [text for text in column.dropna().unique() if _number(text) is None]
        text = str(bad[0]) if bad else ""
        if bad and _number(text.translate(_DECORATION)) is not None:
            raise DataError(f"column {_how_written(name, text)}") from error
        raise DataError(
            f"column {name!r} must hold numbers, as in training; it holds {text!r}: replace it, or, if that means missing, say "
            f"--missing {shlex.quote(text)}"
        ) from error
    missing = np.isnan(values)
    filled = np.where(missing, described["fill"], values)
    return [filled, missing.astype(np.float64)] if described["indicator"] else [filled]


def _texts(column: Any) -> list[str]:
    return [_text(value) for value in column.tolist()]


def _text(value: Any) -> str:
    """A cell as text, the same whichever dtype its column has: 3 and 3.0 are one number, and a hole is `MISSING`."""
    import pandas

    if isinstance(value, str):
        return value
    if value is None or value is pandas.NA or value != value:
        return MISSING
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"


def _named(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
