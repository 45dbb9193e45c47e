"""What each column of a table is: a number, a date, a text; and which columns say nothing of other rows, and are left out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data import dates
from neuroevo.data.columns import Columns
from neuroevo.data.dataset import DataError
from neuroevo.data.frames import is_numeric, text_of
from neuroevo.data.written import ODD, PLAIN, Notation, Odd, how_written, notation_of, odd, otherwise_written, plain_number, rows

FEW = 10  # rows from which on it is no chance that a column numbers or names them
NEARLY = 0.95  # the share of different texts that names rows, where there are many
MANY = 50
COUNTS = "numbers the rows"
_NAMES = {"id", "idx", "index", "key", "uid", "uuid", "guid", "nr", "no", "row", "rowid", "rownum", "rowname", "rownames", "number", "num",
          "record", "obs", "case", "sample", "serial", "pk"}  # fmt: skip
_LAST = {"id", "idx", "uid", "uuid", "guid", "nr", "no", "key", "pk"}
_CODE = re.compile(r"-?9+(\.0*)?")


@dataclass(frozen=True)
class Role:
    """What a column is.

    Args:
        name: the column's.
        kind: "number", "date", or "texts", of which the training rows decide what they become; of a type that the user gave, that.
        notation: of numbers, how they are written.
        form: of dates, their format.
        why: why it is left out; "" where it is a feature.
        kept: whether the user said to keep it.
        elapsed: of dates, whether the time that went by is a feature.
    """

    name: str
    kind: str
    notation: Notation = PLAIN
    form: str = ""
    why: str = ""
    kept: bool = False
    elapsed: bool = True


def roles(table: Any, said: Columns, y: Any = None, targets: Sequence[str] = ()) -> tuple[list[Role], list[str]]:
    """What each column of a table is, and what to say of it.

    Args:
        table: a pandas DataFrame without the target.
        said: what the user said of the columns, by names that the table has.
        y: the target's values or texts, [rows] or [rows, targets].
        targets: its names.

    Raises:
        DataError: a column does not hold what the user said.
    """
    notes: list[str] = []
    found = []
    for k, name in enumerate(map(str, table.columns)):
        column = table.iloc[:, k]
        role = _kind(name, column, said, notes)
        if name in said.drop:
            why = "dropped"
        elif said.rules == 1 or name in said.keep:
            why = ""
        elif name == said.group:
            why = "group"
        else:
            why = _says_nothing(role, column) or _copies(column, y, targets)
        if name == said.time and name not in said.keep:
            role = replace(role, elapsed=False)
            why = why or ("" if role.kind == "date" else "time")
        found.append(replace(role, why=why, kept=name in said.keep))
    if not any(role.why == "" for role in found) and any(role.why == COUNTS for role in found):
        found = [replace(role, why="") if role.why == COUNTS else role for role in found]  # else nothing would be left
    return found, [*notes, *_said(found), *(_exact(table, found, y, targets) if said.rules > 1 else [])]


def _kind(name: str, column: Any, said: Columns, notes: list[str]) -> Role:
    given, _, form = said.types.get(name, "").partition(":")
    if given == "date" or (not given and dates.is_dated(column)):
        return _date(name, column, form)
    if given == "number" or (not given and is_numeric(column)):
        texts = [] if is_numeric(column) else [str(text) for text in column.dropna().unique()]
        return Role(name, "number", notation_of(texts) or PLAIN)
    if given:
        return Role(name, given)
    if said.rules == 1:
        return Role(name, "texts")
    texts = [str(text) for text in column.dropna().unique()]
    notation = notation_of(texts)
    if notation is not None and any(plain_number(text) is None for text in texts):
        example = next(text for text in texts if plain_number(text) is None)
        notes.append(f"{name!r} was read as numbers that are written like {example!r}, which is {notation.number(example):.15g}.")
        return Role(name, "number", notation)
    if notation is not None and not any(re.fullmatch(r"0\d+", text.strip()) for text in texts):
        notes.append(
            f"{name!r} holds texts that are numbers, and they stay texts; to read them as numbers: --type {shlex.quote(name)}=number."
        )
    form_and_other = dates.format_of(texts)
    if form_and_other is None:
        return Role(name, "texts")
    form, other = form_and_other
    if other:
        notes.append(
            f"{name!r} holds dates that may begin with the day or with the month, such as {texts[0]!r}; the month was taken "
            f"first; else: --type {shlex.quote(f'{name}=date:{other}')}."
        )
    return Role(name, "date", form=form)


def _date(name: str, column: Any, form: str) -> Role:
    texts = [] if dates.is_dated(column) else [text_of(value) for value in column.dropna().unique()]
    found = dates.format_of(texts) if texts and not form else None
    if texts and not form and found is None:
        raise DataError(
            f"column {name!r} is to hold dates, in no format that is known: it holds {texts[0]!r}; name the format: --type "
            f"{shlex.quote(f'{name}=date:%Y%m%d')}"
        )
    role = Role(name, "date", form=form or (found[0] if found else ""))
    dates.days(column, role.form, name)
    return role


def unusual(name: str, column: Any) -> str:
    """What to say of a column of texts that are mostly numbers, or dates; "" of any other."""
    written, found = otherwise_written(column), odd(name, column)
    if written is not None:
        return f"Column {how_written(name, written)}; these were read as texts."
    if found is None and (others := dates.few_others([str(text) for text in column.dropna().unique()], ODD)):
        counts = column.value_counts()
        found = Odd(name, {text: int(counts[text]) for text in others}, "dates")
    return f"Column {found.what}, so it was read as texts; if that means missing: {found.options}." if found is not None else ""


# Columns that say nothing of other rows -----------------------------------------------------------------------------------------


def _says_nothing(role: Role, column: Any) -> str:
    """Why a column says nothing of rows that it was not learned from: it numbers the rows, or is another text in each; "" where it may."""
    known = column.dropna()
    if len(known) < FEW:
        return ""
    if role.kind == "number" and is_numeric(column):
        values = known.to_numpy(dtype=np.float64)
        if len(known) < len(column) or not (values == np.round(values)).all():
            return ""
        if _counts(values, column.index) and (values[0] in (0, 1) or _is_id(role.name)):
            return COUNTS
        return "another number in each row" if _is_id(role.name) and len(np.unique(values)) >= NEARLY * len(values) else ""
    if role.kind == "texts":
        different = known.astype(str).nunique()
        if (different == len(known) or (different > MANY and different >= NEARLY * len(known))) and not unusual(role.name, known):
            return f"{different} different texts in {rows(len(known))}"
    return ""


def _counts(values: npt.NDArray[np.float64], index: Any) -> bool:
    """Whether a column rises by 1 from row to row, apart from rows that were left out."""
    rise = np.diff(values)
    return bool((rise == 1).all() or (index.dtype.kind in "iu" and (rise == np.diff(index.to_numpy())).all()))


def _is_id(name: str) -> bool:
    """Whether a name is one that numbers of rows have."""
    words = [word for word in re.split(r"[^A-Za-z0-9#]+|(?<=[a-z])(?=[A-Z])", name.strip()) if word]
    lower = [word.lower() for word in words]
    return not lower or lower == ["#"] or lower[0] == "unnamed" or (len(lower) == 1 and lower[0] in _NAMES) or lower[-1] in _LAST


def _copies(column: Any, y: Any, targets: Sequence[str]) -> str:
    """Of which target a column is an exact copy, in words; "" where it is none."""
    if y is None or column.isna().any():
        return ""
    every = y[:, None] if y.ndim == 1 else y
    for k, name in enumerate(targets):
        values = every[:, k]
        if is_numeric(column) and values.dtype.kind in "iuf":
            same = bool((column.to_numpy(dtype=np.float64) == values).all())
        else:
            same = text_of(column.iloc[0]) == text_of(values[0]) and [*map(text_of, column.tolist())] == [
                *map(text_of, values.tolist())
            ]
        if same:
            return f"a copy of {name!r}"
    return ""


def _exact(table: Any, found: Sequence[Role], y: Any, targets: Sequence[str]) -> list[str]:
    """Which columns tell the target's few values exactly, as a code of it does."""
    if y is None or len(targets) != 1 or y.ndim != 1:
        return []
    classes = np.unique(y.astype(str), return_inverse=True)[1]
    count = int(classes.max()) + 1
    if not 2 <= count <= MANY or len(y) < FEW * count:
        return []
    notes = []
    for k, role in enumerate(found):
        if role.why or role.kind == "date":
            continue
        column = table.iloc[:, k]
        if column.nunique(dropna=False) != count:
            continue
        codes = column.astype(object).map(text_of).factorize()[0]
        if len(np.unique(codes * count + classes)) == count:
            notes.append(
                f"Each value of {role.name!r} goes with one of {targets[0]!r}: if it is made from that and not known before, leave it out: "
                f"--drop {shlex.quote(role.name)}."
            )
    return notes


def _said(found: Sequence[Role]) -> list[str]:
    dropped = [role.name for role in found if role.why == "dropped"]
    nothing = [role for role in found if role.why and role.why not in ("dropped", "group", "time")]
    notes = [f"Left out, as asked: {', '.join(map(repr, dropped))}."] if dropped else []
    if nothing:
        listed = ", ".join(f"{role.name!r} ({role.why})" for role in nothing)
        notes.append(
            f"Left out, saying nothing of new rows: {listed}; to keep one: --keep {shlex.quote(nothing[0].name)} "
            f"(columns={{'keep': [{nothing[0].name!r}]}} in Python)."
        )
    return notes


def code(name: str, values: npt.NDArray[np.float64]) -> str:
    """What to say of a number that seems to stand for something that is not known, such as -999; "" where there is none.

    Args:
        values: float64 [rows], those that are known.
    """
    for bound in (values.min(), values.max()) if len(values) else ():
        text = f"{bound:.15g}"
        rest = values[values != bound]
        count = len(values) - len(rest)
        if not _CODE.fullmatch(text) or not len(rest) or count < 2:
            continue
        low, high = float(rest.min()), float(rest.max())
        beyond = low - bound if bound < low else bound - high
        if beyond > high - low:
            return (
                f"{name!r} is {text} in {rows(count)} and {low:.6g} to {high:.6g} in all others: if that means missing, say --missing "
                f"{shlex.quote(text)} (missing=({text!r},) in Python)."
            )
    return ""
