"""The tables of a run's database, and how those of older releases become today's.

Schema 1 knew neither which artifact an evaluation left nor the order of an asynchronous search.
"""

from __future__ import annotations

import sqlite3

SCHEMA = 2

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE individuals (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, parents TEXT NOT NULL, operators TEXT NOT NULL, genome TEXT);
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY, individual INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL, "values" TEXT NOT NULL,
    info TEXT NOT NULL, fidelity TEXT NOT NULL, attempts INTEGER NOT NULL, seconds REAL NOT NULL,
    artifact TEXT NOT NULL DEFAULT '');
CREATE INDEX evaluations_individual ON evaluations (individual);
CREATE TABLE populations (
    first_id INTEGER PRIMARY KEY, count INTEGER NOT NULL, generation INTEGER NOT NULL, arrays BLOB NOT NULL,
    "values" BLOB, reasons TEXT NOT NULL);
CREATE TABLE generations (generation INTEGER PRIMARY KEY, evaluations INTEGER NOT NULL, seconds REAL NOT NULL, summary TEXT NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, json TEXT NOT NULL, arrays BLOB NOT NULL);
CREATE TABLE asks (number INTEGER PRIMARY KEY, told INTEGER NOT NULL, first INTEGER NOT NULL, born INTEGER NOT NULL);
"""

_STEPS = {
    1: """
ALTER TABLE evaluations ADD COLUMN artifact TEXT NOT NULL DEFAULT '';
CREATE TABLE asks (number INTEGER PRIMARY KEY, told INTEGER NOT NULL, first INTEGER NOT NULL, born INTEGER NOT NULL);
""",
}


def create(database: sqlite3.Connection) -> None:
    """Make the tables of a new run."""
    database.executescript(f"BEGIN;{TABLES}INSERT INTO meta VALUES ('schema', '{SCHEMA}');COMMIT;")


def schema_of(database: sqlite3.Connection) -> int | None:
    """The schema that a database says it has."""
    row = database.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()
    return int(row[0]) if row is not None and str(row[0]).isdigit() else None


def migrate(database: sqlite3.Connection, schema: int) -> None:
    """Bring a database of an older schema to today's, in one transaction: killed in between, it is what it was."""
    steps = "".join(_STEPS[step] for step in range(schema, SCHEMA))
    try:
        database.executescript(f"BEGIN IMMEDIATE;{steps}UPDATE meta SET value = '{SCHEMA}' WHERE key = 'schema';COMMIT;")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
