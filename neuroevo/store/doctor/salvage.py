"""A run's database made anew from what survives of a damaged one."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from neuroevo.store.doctor.pages import Pages
from neuroevo.store.schema import create

Row = tuple[Any, ...]


def salvage(path: Path) -> dict[str, int]:
    """Replace a damaged database by one with every row that can be read; the damaged files stay beside it as `*.damaged`.

    Returns:
        How many rows of each table were found.
    """
    source = path if path.exists() else path.with_name("run.db.damaged")  # a repair that was itself cut short
    tables = _readable(source)
    _leave_whole(tables)
    fresh = path.with_name("run.db.salvaged")
    fresh.unlink(missing_ok=True)
    database = sqlite3.connect(fresh, isolation_level=None)
    try:
        create(database)
        database.execute("BEGIN")
        for name, rows in tables.items():
            if rows:
                marks = ", ".join("?" * max(map(len, rows.values())))
                database.executemany(f"INSERT OR REPLACE INTO {name} VALUES ({marks})", [rows[key] for key in sorted(rows)])
        database.execute("COMMIT")
    finally:
        database.close()
    for name in ("run.db", "run.db-wal", "run.db-shm"):
        damaged = path.with_name(name)
        if damaged.exists():
            os.replace(damaged, path.with_name(name.replace("run.db", "run.db.damaged")))
    os.replace(fresh, path)
    return {name: len(rows) for name, rows in tables.items()}


def unreadable_rows(database: sqlite3.Connection) -> int:
    """How many rows of a database whose pages are sound do not hold what they should."""
    return sum(
        not valid(row)
        for name, valid in _ROWS.items()
        if _has(database, name)
        for row in database.execute(f"SELECT * FROM {name}")
    )


def _has(database: sqlite3.Connection, table: str) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is not None


def _readable(path: Path) -> dict[str, dict[Any, Row]]:
    """Every valid row by table and key."""
    tables: dict[str, dict[Any, Row]] = {name: {} for name in ("meta", *_ROWS)}
    for id, values in Pages(path).records():
        if _is(values, str, str):
            if values[0] != "schema":
                tables["meta"][values[0]] = tuple(values)
            continue
        if not values or values[0] is not None:
            continue  # a row of SQLite's own
        row = (id, *values[1:])
        for name, valid in _ROWS.items():
            if valid(row):
                if name == "evaluations" and len(row) == 9:
                    row = (*row, "")
                if name != "state" or id not in tables["state"] or tables["state"][id][1] <= row[1]:
                    tables[name][id] = row
                break
    return tables


def _leave_whole(tables: dict[str, dict[Any, Row]]) -> None:
    """Drop what would mislead a resume: a state whose individuals are not all there, an order of completion with gaps."""
    evaluated = {row[1] for row in tables["evaluations"].values()}
    for row in tables["state"].copy().values():
        counters = json.loads(row[2])["run"]
        covered = {id for first, count, *_ in tables["populations"].values() for id in range(first, first + count)}
        known = {id for id in evaluated | covered if id < counters["next_id"]}
        births = {id for id in tables["individuals"] if id < counters["next_id"]} | covered
        if len(known) < counters["evaluations"] or len(births) < counters["evaluations"]:
            del tables["state"][row[0]]
    if tables["asks"]:
        _keep_prefix(tables)


def _keep_prefix(tables: dict[str, dict[Any, Row]]) -> None:
    """Of an asynchronous search, the beginning of the order of completion that has no gaps: only that can be gone through again."""
    asks, completions, births = tables["asks"], tables["evaluations"], tables["individuals"]
    before = -1
    while before != len(asks) + len(completions):
        before = len(asks) + len(completions)
        whole = [asks[number] for number in takewhile(asks.__contains__, count()) if asks[number][1] <= len(completions)]
        asks.clear()
        asks.update((ask[0], ask) for ask in whole)
        cut = _first_not_born(whole[-1], sorted(births)) if whole else 0
        kept = [completions[number] for number in sorted(completions)]
        end = next((at for at, row in enumerate(kept) if row[0] != at + 1 or row[1] >= cut), len(kept))
        completions.clear()
        completions.update((row[0], row) for row in kept[:end])
        for id in [id for id in births if id >= cut]:
            del births[id]


def _first_not_born(ask: Row, births: list[int]) -> int:
    """The first id that neither this ask nor one before it gave."""
    _, _, first, born = ask
    given = [id for id in births if id >= first][:born]
    return given[-1] + 1 if len(given) == born and born else int(first)


def _is(values: Any, *kinds: Any) -> bool:
    return len(values) == len(kinds) and all(isinstance(value, kind) for value, kind in zip(values, kinds, strict=True))


def _json(text: str, kind: type) -> bool:
    try:
        return isinstance(json.loads(text), kind)
    except (ValueError, RecursionError):
        return False


def _individual(row: Row) -> bool:
    shaped = _is(row, int, int, str, str, (str, type(None)))
    return shaped and _json(row[2], list) and _json(row[3], list) and (row[4] is None or _json(row[4], object))


def _evaluation(row: Row) -> bool:
    columns = (int, int, str, str, str, str, str, int, (int, float))
    shaped = _is(row, *columns) or _is(row, *columns, str)
    return shaped and row[2] in ("done", "failed") and _json(row[4], list) and _json(row[5], dict) and _json(row[6], dict)


def _population(row: Row) -> bool:
    shaped = _is(row, int, int, int, bytes, bytes, str)
    return shaped and _json(row[5], dict) and _arrays(row[3]) and row[1] > 0 and len(row[4]) % (8 * row[1]) == 0


def _generation(row: Row) -> bool:
    return _is(row, int, int, (int, float), str) and _json(row[3], dict)


def _state(row: Row) -> bool:
    if not (_is(row, int, int, str, bytes) and _json(row[2], dict) and (not row[3] or _arrays(row[3]))):
        return False
    counters = json.loads(row[2]).get("run")
    return isinstance(counters, dict) and all(isinstance(counters.get(name), int) for name in ("next_id", "evaluations"))


def _ask(row: Row) -> bool:
    return _is(row, int, int, int, int)


def _arrays(data: bytes) -> bool:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        load(data)
    except (SafetensorError, ValueError, TypeError, KeyError):
        return False
    return True


_ROWS: dict[str, Callable[[Row], bool]] = {
    "individuals": _individual,
    "evaluations": _evaluation,
    "populations": _population,
    "generations": _generation,
    "state": _state,
    "asks": _ask,
}
