"""A run's database made anew from what survives of a damaged one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from genomes.system import replace
from neuroevo.core.trial import PENDING
from neuroevo.store.doctor.pages import Pages
from neuroevo.store.doctor.rows import META, TABLES, Row, table_of, valid, valid_meta
from neuroevo.store.doctor.whole import leave_whole
from neuroevo.store.schema import create, take_older


def salvage(path: Path) -> dict[str, int]:
    """Replace a damaged database by one with every row that can be read; the damaged files stay beside it as `*.damaged`.

    Returns:
        How many rows of each table are in it.
    """
    source = path
    if not path.exists():  # a repair that was itself cut short
        source = path.with_name("run.db.damaged")
        log = path.with_name("run.db-wal")
        if source.exists() and log.exists():
            replace(log, source.with_name("run.db.damaged-wal"))
    fresh = path.with_name("run.db.salvaged")
    fresh.unlink(missing_ok=True)
    database = sqlite3.connect(fresh, isolation_level=None)
    try:
        create(database)
        _fill(database, _readable(source))
        leave_whole(database, path.parent)
        counts = {name: int(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in TABLES}
    finally:
        database.close()
    for name in ("run.db", "run.db-wal", "run.db-shm"):
        damaged = path.with_name(name)
        if damaged.exists():
            replace(damaged, path.with_name(name.replace("run.db", "run.db.damaged")))
    replace(fresh, path)
    return counts


def unreadable_rows(database: sqlite3.Connection) -> int:
    """How many rows of a database whose pages are sound do not hold what they should."""
    described = database.execute("SELECT key, value FROM meta")
    strange = sum(key in META and not valid_meta(key, value) for key, value in described)
    return strange + sum(
        not valid(name, row)
        for name in TABLES
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)).fetchone() is not None
        for row in database.execute(f"SELECT * FROM {name}")
    )


def _readable(path: Path) -> dict[str, dict[object, Row]]:
    """Every valid row by table and key; "older" are evaluations as schemas 1 and 2 held them."""
    tables: dict[str, dict[object, Row]] = {name: {} for name in ("meta", "older", *TABLES)}
    for id, values in Pages(path).records():
        if len(values) == 2 and all(isinstance(value, str) for value in values):
            if valid_meta(*values):
                tables["meta"][values[0]] = tuple(values)
            continue
        if not values or values[0] is not None:
            continue  # a row of SQLite's own
        row = (id, *values[1:])
        name = table_of(row)
        if name is not None and (id not in tables[name] or not _older_copy(name, row, tables[name][id])):
            tables[name][id] = row
    return tables


def _older_copy(table: str, row: Row, known: Row) -> bool:
    """Whether a row is an older copy of a known one: pages that are free or were written again may still be read."""
    if table == "trials":
        return bool(row[6] == PENDING and known[6] != PENDING)
    if table == "individuals":
        return row[4] is None and known[4] is not None
    return bool(table == "state" and row[1] < known[1])


def _fill(database: sqlite3.Connection, tables: dict[str, dict[object, Row]]) -> None:
    meta, older = tables["meta"], tables.pop("older")
    (_, schema) = meta.pop("schema", ("schema", ""))
    database.execute("BEGIN")
    for name, rows in tables.items():
        _insert(database, name, rows.values())
    database.execute("COMMIT")
    if older or schema in ("1", "2"):
        with_artifact = ((*row, "") if len(row) == 9 else row for row in older.values())
        database.execute(
            'CREATE TEMP TABLE older (id, individual, status, reason, "values", info, fidelity, attempts, seconds, artifact)'
        )
        _insert(database, "older", with_artifact)
        take_older(database)
        database.execute("DROP TABLE older")


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[Row]) -> None:
    width = len(database.execute(f"SELECT * FROM {table} LIMIT 0").description)
    marks = ", ".join("?" * width)
    padded = ((*row, *(None,) * (width - len(row))) for row in rows)
    database.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", padded)
