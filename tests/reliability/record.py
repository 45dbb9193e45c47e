"""What is recorded of a run, so that two runs can be compared; and every state in which a kill can leave a folder."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import neuroevo.core.files as files
from neuroevo.store import Store

TABLES = {
    "individuals": "SELECT * FROM individuals ORDER BY id",
    "trials": (
        "SELECT id, job, individual, members, fidelity, stop, status, reason, report, epochs, completed FROM trials ORDER BY id"
    ),
    "evaluations": (
        'SELECT trial, individual, status, reason, "values", info, descriptors FROM evaluations ORDER BY trial, individual'
    ),
    "artifacts": "SELECT trial, kind, individual, fingerprint, meta FROM artifacts ORDER BY trial, kind",
    "populations": "SELECT * FROM populations ORDER BY first_id",
    "asks": "SELECT * FROM asks ORDER BY number",
    "generations": "SELECT generation, evaluations, summary FROM generations ORDER BY generation",
}


def contents(folder: Path) -> dict[str, Any]:
    """All that must be equal between two runs: births, trials, scores, artifacts and the final state; not the wall-clock."""
    with closing(sqlite3.connect(folder / "run.db")) as database:
        found: dict[str, Any] = {name: database.execute(query).fetchall() for name, query in TABLES.items()}
        saved = database.execute("SELECT generation, json, arrays FROM state").fetchone()
    needed = []
    if saved is not None:
        state = json.loads(saved[1])
        state["run"].pop("seconds")
        # files that nobody needs any more are deleted when a state is saved, and when that is depends on the clock
        needed = state["run"].get("artifacts", [])
        found |= {"generation": saved[0], "state": state, "arrays": saved[2]}
    names = [f"{trial}.safetensors" if kind == "weights" else f"{trial}.{kind}.safetensors" for trial, kind in needed]
    return {**found, "files": {name: (folder / "artifacts" / name).read_bytes() for name in names}}


def committed(folder: Path) -> dict[Any, Any]:
    """Evaluations that a killed run had committed, and trials without individuals."""
    if not (folder / "run.db").exists():
        return {}
    with closing(sqlite3.connect(folder / "run.db")) as database:
        try:
            found: dict[Any, Any] = {
                (trial, individual): values
                for trial, individual, values in database.execute('SELECT trial, individual, "values" FROM evaluations')
            }
            for first, values in database.execute('SELECT first_id, "values" FROM populations'):
                found[f"population {first}"] = values
            for trial, report in database.execute("SELECT id, report FROM trials WHERE members = 0 AND status != 'pending'"):
                found[f"trial {trial}"] = report
        except sqlite3.OperationalError:  # killed before the tables were made
            return {}
    return found


@contextmanager
def every_moment(folder: Path, kept: Path, monkeypatch: Any) -> Iterator[list[Path]]:
    """While it is open, what a kill would leave of a folder is copied after every commit, rename and deletion in it."""
    copies: list[Path] = []

    def moment(what: str) -> None:
        if not any(folder.glob("run.db*")):
            return
        copy = kept / f"{len(copies):04d} after {what}"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("run.db-shm", "run.lock"))
        copies.append(copy)

    def after(owner: Any, method: str, what: str) -> None:
        original = getattr(owner, method)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            answer = original(*arguments, **named)
            moment(what)
            return answer

        monkeypatch.setattr(owner, method, wrapped)

    with monkeypatch.context() as monkeypatch:
        after(Store, "commit", "a commit")
        after(files.os, "replace", "a rename")
        after(Path, "unlink", "a deletion")
        yield copies
