"""Tables as raw data: from a file, a data frame, or a data frame and a target; and what the target's column holds."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown
from neuroevo.data import reading
from neuroevo.data.columns import Columns, named_so
from neuroevo.data.dataset import DataError
from neuroevo.data.fitting import MOST_CATEGORIES, said_of_blanks
from neuroevo.data.frames import as_pandas, is_numeric, text_of, typed
from neuroevo.data.normalisation import WHOLE
from neuroevo.data.sources import Raw
from neuroevo.data.table import in_notation
from neuroevo.data.written import how_written, named, notation_of, odd, otherwise_written, plain_number, rows


def from_file(path: Path, target: str | Sequence[str] | None, missing: Sequence[str] = (), said: Columns | None = None) -> Raw:
    """Raw data from a table in a file, one or several columns being the target.

    Raises:
        DataError: no target was named, or there is no such column (the nearest is suggested); nothing else in the table; several targets of
            which one holds texts.
    """
    said = said or Columns()
    found = reading.read(path, missing, texts=said.texts)
    notes = (*found.notes, *_said_of_rounded(path, found.frame))
    raw = _split_off(str(path), found.frame, target, said, notes, found.decimal)
    return raw if said.rules == 1 else _with_written_labels(raw, path, found.frame)


def from_frame(frame: Any, target: str | Sequence[str] | None, missing: Sequence[str] = (), said: Columns | None = None) -> Raw:
    """The same of a data frame of pandas or polars.

    Raises:
        DataError: as `from_file`.
    """
    given = as_pandas(frame)
    table = typed(given, missing)
    if not len(table):
        raise DataError("the data frame has no rows")
    index = [str(name) for name in given.index.names if name is not None]
    notes = [f"The index {named(index)} is no column and was not read (reset_index makes it one)."] if index else []
    return _split_off("the data frame", table, target, said or Columns(), notes, ".")


def from_pair(frame: Any, y: Any, missing: Sequence[str] = (), said: Columns | None = None) -> Raw:
    """Raw data from a data frame of features and the target of each row.

    Raises:
        DataError: they have different lengths.
    """
    values = np.asarray(y)
    if len(values) != len(frame):
        raise DataError(f"the train part has {len(frame)} samples but {len(values)} labels")
    table = typed(as_pandas(frame), missing)
    names = [str(y.name)] if getattr(y, "name", None) is not None else []
    return Raw(table, values, target_names=tuple(names), columns=(said or Columns()).resolved(list(table.columns), ()))


def _split_off(
    source: str, table: Any, target: str | Sequence[str] | None, said: Columns, notes: Sequence[str], decimal: str
) -> Raw:
    names = list(table.columns)
    targets = _targets(source, target, names)
    said = said.resolved(names, targets)
    notes = list(notes)
    holes = table[targets].isna().any(axis=1)
    if holes.any():
        table = table[~holes]
        notes.append(f"{rows(int(holes.sum()))} without {named(targets)} left out.")
        if not len(table):
            raise DataError(f"the target {named(targets)} is empty")
    features = table.drop(columns=targets)
    if not features.shape[1]:
        raise DataError(f"{source} has no column beside the target {named(targets)}")
    y, doubt, more = _target_values(table[targets], said)
    notes += more
    for name in targets:
        notes += said_of_blanks(name, [str(text) for text in table[name].unique()]) if not is_numeric(table[name]) else []
    return Raw(features, y, target_names=tuple(targets), doubt=doubt, notes=tuple(notes), columns=said, decimal=decimal)


def _said_of_rounded(path: Path, table: Any) -> list[str]:
    """Which whole numbers became equal, since float64 cannot hold them apart (nanoseconds since 1970)."""
    places = [k for k in range(table.shape[1]) if is_numeric(table.iloc[:, k]) and table.iloc[:, k].abs().max() > WHOLE]
    written = reading.as_written(path, places) if places else None
    if written is None:
        return []
    notes = []
    for k, place in enumerate(sorted(places)):
        there, here = written.iloc[:, k].dropna().nunique(), table.iloc[:, place].astype(np.float64).nunique()
        if here < there:
            notes.append(
                f"{table.columns[place]!r} holds numbers of more digits than float64 has: of {there} different ones {here} are left; subtract a "
                "number of their size from them first."
            )
    return notes


def _targets(source: str, target: str | Sequence[str] | None, names: Sequence[str]) -> list[str]:
    if target is None or not target:
        listed = ", ".join(names)
        raise DataError(
            f"name the column to predict in {source} (--target NAME on the command line, target=... in Python): {listed}"
        )
    given = [target] if isinstance(target, str) else [str(name) for name in target]
    wanted = [
        piece.strip() if piece not in names else piece for one in given for piece in ([one] if one in names else one.split(","))
    ]
    wanted = [named_so(name, names) or name for name in wanted]
    for name in wanted:
        if name not in names:
            numbers = sum(plain_number(one) is not None for one in names)
            headless = "; its first line looks like data: it must hold the columns' names" if 2 * numbers > len(names) else ""
            raise DataError(unknown("target column", name, names) + headless)
        if wanted.count(name) > 1:
            raise DataError(f"the target column {name!r} is named twice")
    return wanted


def _target_values(table: Any, said: Columns) -> tuple[npt.NDArray[Any], str, list[str]]:
    """The target's numbers or texts, [rows] or [rows, targets]; where numbers stand beside few texts, what to say of these; and notes."""
    notes = []
    table = table.copy()
    for name in table.columns if said.rules > 1 else ():
        texts = [] if is_numeric(table[name]) else [text_of(value) for value in table[name].dropna().unique()]
        notation = notation_of(texts)
        if notation is not None and any(plain_number(text) is None for text in texts):
            example = next(text for text in texts if plain_number(text) is None)
            notes.append(
                f"{name!r} was read as numbers that are written like {example!r}, which is {notation.number(example):.15g}."
            )
            table[name] = in_notation(table[name], notation)
    texts = [name for name in table.columns if not is_numeric(table[name])]
    if not texts:
        values = table.to_numpy(dtype=np.float64)
        return (values if values.shape[1] > 1 else values[:, 0]), "", notes
    column = table[texts[0]].map(text_of)
    written = otherwise_written(column)
    found = odd(texts[0], column)
    doubt = f"the target column {found.what}; if that means missing, say {found.options}" if found else ""
    doubt = f"the target column {how_written(texts[0], written)}" if written else doubt
    if len(table.columns) > 1:
        raise DataError(
            doubt
            or f"several targets must be numbers, but {texts[0]!r} holds texts such as {shown(str(table[texts[0]].iloc[0]))}: predict it alone "
            f"(--target {shlex.quote(texts[0])})"
        )
    return column.to_numpy(dtype=str), doubt, notes


def _with_written_labels(raw: Raw, path: Path, whole: Any) -> Raw:
    """The same, with each of few whole numbers to predict as it is written in the file: 01 stays 01."""
    if len(raw.target_names) != 1 or raw.y.dtype.kind not in "iuf" or raw.y.ndim != 1:
        return raw
    numbers = np.unique(raw.y)
    if len(numbers) > MOST_CATEGORIES or not (numbers == np.round(numbers)).all():
        return raw
    written = reading.as_written(path, [list(whole.columns).index(raw.target_names[0])])
    if written is None:
        return raw
    texts = [str(text).strip() for text in written.iloc[:, 0].dropna().unique()]
    by_number: dict[float, set[str]] = {}
    for text in texts:
        number = plain_number(text)
        if number is not None and float(text).is_integer() and "." not in text and "e" not in text.lower():
            by_number.setdefault(number, set()).add(text)
    if any(len(by_number.get(number, ())) != 1 for number in numbers.tolist()):
        return raw
    return replace(raw, class_names=tuple(next(iter(by_number[number])) for number in numbers.tolist()))
