"""Rows by what they look like: to which table a record belongs, and whether it holds what it should."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from neuroevo.core.files import fingerprint
from neuroevo.core.trial import PENDING, STATUSES, Fidelity
from neuroevo.store.derived import NAME

Row = tuple[Any, ...]
Number = (int, float)  # SQLite writes a whole number of a REAL column as an integer
Text = (str, type(None))


def table_of(row: Row) -> str | None:
    """The table that a row with its key in front belongs to ("older": evaluations of schemas 1 and 2), or None where it fits none."""
    return next((name for name, valid in _ROWS.items() if valid(row)), None)


def valid(table: str, row: Row) -> bool:
    """Whether a table's row holds what it should."""
    return _ROWS[table](row) or (table == "evaluations" and _ROWS["older"](row))


def valid_meta(key: str, value: Any) -> bool:
    """Whether a row of the table `meta` is one that a run has."""
    return key in META and isinstance(value, str) and META[key](value)


TABLES = ("individuals", "trials", "evaluations", "artifacts", "populations", "generations", "state", "asks", "derived")


def _is(values: Row, *kinds: Any) -> bool:
    return len(values) == len(kinds) and all(isinstance(value, kind) for value, kind in zip(values, kinds, strict=True))


def _json(text: str, kind: type | tuple[type, ...]) -> bool:
    return isinstance(_loaded(text), kind)


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _list_of(text: str, *kinds: type) -> bool:
    values = _loaded(text)
    return isinstance(values, list) and all(isinstance(value, kinds) and not isinstance(value, bool) for value in values)


def _individual(row: Row) -> bool:
    shaped = _is(row, int, int, str, str, Text) and row[0] >= 0
    return shaped and _list_of(row[2], int) and _list_of(row[3], str) and (row[4] is None or _loaded(row[4]) is not None)


def _trial(row: Row) -> bool:
    optional = (int, type(None))
    if not _is(row, int, str, optional, int, str, Text, str, str, str, Number, Number, int, optional):
        return False
    _, job, individual, members, fidelity, stop, status, _, report, *_, completed = row
    whole = job != "" and members >= 0 and (individual is None) == (members == 0) and status in STATUSES
    placed = completed is None or completed >= 0
    done = status == PENDING or completed is not None
    return whole and placed and done and _fidelity(fidelity) and (stop is None or _json(stop, dict)) and _json(report, dict)


def _fidelity(text: str) -> bool:
    try:
        Fidelity.from_dict(_loaded(text))
    except ValueError:
        return False
    return True


def _evaluation(row: Row) -> bool:
    if not _is(row, int, int, int, str, str, str, str, (bytes, type(None))):
        return False
    known = row[3] in STATUSES and row[3] != PENDING
    described = row[7] is None or len(row[7]) % 8 == 0
    return known and described and _list_of(row[5], int, float) and row[5] != "[]" and _json(row[6], dict)


def _older_evaluation(row: Row) -> bool:
    columns = (int, int, str, str, str, str, str, int, Number)
    shaped = _is(row, *columns) or _is(row, *columns, str)
    return shaped and row[2] in ("done", "failed") and _list_of(row[4], int, float) and _json(row[5], dict) and _fidelity(row[6])


def _artifact(row: Row) -> bool:
    return _is(row, int, int, str, (int, type(None)), str, str) and row[2] != "" and "/" not in row[2] and _json(row[5], dict)


def _population(row: Row) -> bool:
    row = (*row, *(None,) * (8 - len(row))) if len(row) >= 6 else row
    shaped = _is(row, int, int, int, bytes, bytes, str, (int, type(None)), (bytes, type(None)))
    if not shaped or row[1] <= 0 or not _json(row[5], dict):
        return False
    sized = all(len(numbers) % (8 * row[1]) == 0 for numbers in (row[4], row[7] or b""))
    return sized and _arrays(row[3])


def _generation(row: Row) -> bool:
    return _is(row, int, int, Number, str) and _json(row[3], dict)


def _state(row: Row) -> bool:
    if not (_is(row, int, int, str, bytes) and row[0] == 1 and (not row[3] or _arrays(row[3]))):
        return False
    state = _loaded(row[2])
    counters = state.get("run") if isinstance(state, dict) else None
    return (
        isinstance(counters, dict)
        and "strategy" in state
        and state.get("arrays", fingerprint(row[3])) == fingerprint(row[3])
        and all(isinstance(counters.get(name), int) for name in ("next_id", "evaluations"))
        and isinstance(counters.get("artifacts", []), list)
        and all(_named(name) for name in counters.get("artifacts", []))
    )


def _named(name: Any) -> bool:
    """Whether this names an artifact: [trial, kind], or the id of an individual in states of older releases."""
    return isinstance(name, int) or (isinstance(name, list) and _is(tuple(name), int, str))


def _ask(row: Row) -> bool:
    return _is(row, int, int, int, int) and min(row) >= 0


def _derived(row: Row) -> bool:
    shaped = _is(row, int, str, str, str, Text, str, str, int, (int, type(None)), str, str, str)
    return shaped and NAME.fullmatch(row[1]) is not None and _list_of(row[3], str) and all(_json(text, dict) for text in row[9:])


def _arrays(data: bytes) -> bool:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        load(data)
    except (SafetensorError, ValueError, TypeError, KeyError):
        return False
    return True


def _missing(text: str) -> bool:
    names = _loaded(text)
    return isinstance(names, list) and all(isinstance(name, list) and _named(name) for name in names)


META: dict[str, Callable[[str], bool]] = {
    "schema": str.isdigit,
    "settings": lambda text: _json(text, dict),
    "ended": lambda text: True,
    "seconds": _is_number,
    "trials": lambda text: text == "by birth",
    "missing": _missing,
    "box": lambda text: _json(text, dict),
    "remake": lambda text: text == "1",
}
_ROWS: dict[str, Callable[[Row], bool]] = {
    "individuals": _individual,
    "trials": _trial,
    "evaluations": _evaluation,
    "older": _older_evaluation,
    "artifacts": _artifact,
    "populations": _population,
    "generations": _generation,
    "state": _state,
    "asks": _ask,
    "derived": _derived,
}
