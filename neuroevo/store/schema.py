"""The tables of a run's database, and how those of older releases become today's.

Schema 1 knew neither which artifact an evaluation left nor the order of an asynchronous search. Schema 2 had no trials: an evaluation was an
individual's only one, and what it left was known by the individual. A run that began so goes on so: the number of a trial is that of its
first individual there (`meta`: trials = by birth).
"""

from __future__ import annotations

import json
import sqlite3

SCHEMA = 3

_TRIALS = """
CREATE TABLE trials (
    id INTEGER PRIMARY KEY, job TEXT NOT NULL, individual INTEGER, members INTEGER NOT NULL, fidelity TEXT NOT NULL, stop TEXT,
    status TEXT NOT NULL, reason TEXT NOT NULL, report TEXT NOT NULL, epochs REAL NOT NULL, seconds REAL NOT NULL,
    attempts INTEGER NOT NULL, completed INTEGER);
"""
_EVALUATIONS = """
CREATE TABLE evaluations (
    id INTEGER PRIMARY KEY, trial INTEGER NOT NULL, individual INTEGER NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    "values" TEXT NOT NULL, info TEXT NOT NULL, descriptors BLOB);
CREATE INDEX evaluations_individual ON evaluations (individual);
"""
_ARTIFACTS = """
CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY, trial INTEGER NOT NULL, kind TEXT NOT NULL, individual INTEGER, fingerprint TEXT NOT NULL, meta TEXT NOT NULL);
CREATE UNIQUE INDEX artifacts_name ON artifacts (trial, kind);
"""
_DERIVED = """
CREATE TABLE derived (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, parent TEXT NOT NULL, operators TEXT NOT NULL, genome TEXT, file TEXT NOT NULL,
    fingerprint TEXT NOT NULL, raw INTEGER NOT NULL, parameters INTEGER, scores TEXT NOT NULL, test TEXT NOT NULL, details TEXT NOT NULL);
"""

TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE individuals (
    id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, parents TEXT NOT NULL, operators TEXT NOT NULL, genome TEXT);
{_TRIALS}{_EVALUATIONS}{_ARTIFACTS}
CREATE TABLE populations (
    first_id INTEGER PRIMARY KEY, count INTEGER NOT NULL, generation INTEGER NOT NULL, arrays BLOB NOT NULL,
    "values" BLOB, reasons TEXT NOT NULL, trial INTEGER, descriptors BLOB);
CREATE TABLE generations (generation INTEGER PRIMARY KEY, evaluations INTEGER NOT NULL, seconds REAL NOT NULL, summary TEXT NOT NULL);
CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), generation INTEGER NOT NULL, json TEXT NOT NULL, arrays BLOB NOT NULL);
CREATE TABLE asks (number INTEGER PRIMARY KEY, told INTEGER NOT NULL, first INTEGER NOT NULL, born INTEGER NOT NULL);
{_DERIVED}"""

# Trials, evaluations and artifacts of a table `older` of evaluations, those of schema 2. Of an individual that was evaluated again, since its
# weights were lost, the last evaluation counts and the first place in the order.
_FROM_OLDER = """
CREATE TEMP TABLE latest AS SELECT max(id) AS id, min(id) AS place FROM older GROUP BY individual;
INSERT OR IGNORE INTO trials
    SELECT individual, 'evaluate', individual, 1, fidelity, NULL, status, '', '{}', epochs(info, fidelity), seconds, attempts, place
    FROM older JOIN latest ON older.id = latest.id;
INSERT OR IGNORE INTO evaluations (id, trial, individual, status, reason, "values", info)
    SELECT place, individual, individual, status, reason, "values", info FROM older JOIN latest ON older.id = latest.id;
INSERT OR IGNORE INTO artifacts (trial, kind, individual, fingerprint, meta)
    SELECT individual, 'weights', individual, artifact, '{}' FROM older JOIN latest ON older.id = latest.id WHERE artifact != '';
DROP TABLE latest;
UPDATE populations SET trial = first_id WHERE trial IS NULL;
INSERT OR IGNORE INTO trials
    SELECT first_id, 'evaluate', first_id, count, '{}', NULL, 'done', '', '{}', 0, 0, 1, first_id FROM populations;
INSERT OR REPLACE INTO meta VALUES ('trials', 'by birth');
"""

_STEPS = {
    1: """
ALTER TABLE evaluations ADD COLUMN artifact TEXT NOT NULL DEFAULT '';
CREATE TABLE asks (number INTEGER PRIMARY KEY, told INTEGER NOT NULL, first INTEGER NOT NULL, born INTEGER NOT NULL);
""",
    2: f"""
ALTER TABLE evaluations RENAME TO older;
DROP INDEX evaluations_individual;
{_TRIALS}{_EVALUATIONS}{_ARTIFACTS}{_DERIVED}
ALTER TABLE populations ADD COLUMN trial INTEGER;
ALTER TABLE populations ADD COLUMN descriptors BLOB;
{_FROM_OLDER}
DROP TABLE older;
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
    database.create_function("epochs", 2, _epochs, deterministic=True)
    steps = "".join(_STEPS[step] for step in range(schema, SCHEMA))
    try:
        database.executescript(f"BEGIN IMMEDIATE;{steps}UPDATE meta SET value = '{SCHEMA}' WHERE key = 'schema';COMMIT;")
    except sqlite3.Error:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def take_older(database: sqlite3.Connection) -> None:
    """Make trials, evaluations and artifacts of a temporary table `older` with evaluations as schema 2 held them."""
    database.create_function("epochs", 2, _epochs, deterministic=True)
    database.executescript(f"BEGIN;{_FROM_OLDER}COMMIT;")


def _epochs(info: str, fidelity: str) -> float:
    """Epochs in passes over all of the training data. SQLite's own functions refuse the JSON of a loss that is not a number."""
    epochs, data = json.loads(info).get("epochs"), json.loads(fidelity).get("data")
    return float(epochs or 0) * float(1 if data is None else data)
