"""The doctor: what is wrong with a run's folder, and repairs that lose nothing that could be kept."""

from __future__ import annotations

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from genomes.base import Space
from neuroevo.core.files import LOST, intact
from neuroevo.core.trial import PENDING, WEIGHTS
from neuroevo.store import Store, StoreError, write_whole
from neuroevo.store.connection import LOCK, release_lock, take_lock
from neuroevo.store.derived import FOLDER
from neuroevo.store.doctor.salvage import salvage, unreadable_rows
from neuroevo.store.doctor.whole import counters_of, first_after, inconsistency, needed_artifacts, set_state_aside
from neuroevo.store.reading import artifact_file, artifact_name
from neuroevo.store.schema import SCHEMA, migrate, schema_of

_REMADE = {
    "environment.json": "it is written again when the search goes on",
    "test.json": "it is written again when the search's command is run again",
    "examined.json": "neuroevo plot makes it again",
    "folds.json": "it is written again when the search's command is run again",
    "intervals.json": "it is written again when the search's command is run again",
    "references.json": "it is written again when the search's command is run again with --references",
}


@dataclass(frozen=True)
class Finding:
    """Something that is wrong.

    Args:
        what: one sentence.
        remedy: what a repair does, one sentence; "" where only the user can mend it.
        repair: does it; returns what it did.
    """

    what: str
    remedy: str = ""
    repair: Callable[[], str] | None = None


@dataclass(frozen=True)
class Examination:
    """What the doctor found, and what was done about it.

    Args:
        findings: what was wrong.
        repaired: what was done, one sentence for each repair.
        left: what is still wrong.
        busy: why nothing may be repaired now, or "".
    """

    findings: list[Finding]
    repaired: list[str]
    left: list[Finding]
    busy: str = ""


def examine(folder: str | os.PathLike[str], *, repair: bool = False, without_state: bool = False) -> Examination:
    """Look at a run's folder; with `repair`, mend what can be mended.

    A damaged database is replaced by one with every row that survives, and kept beside it. What was lost with it is run again when the search
    goes on, with the same results. Weights that are gone are given up: the individuals stay, and their children start from scratch. Where
    another artifact is gone, such as the checkpoint that a trial would go on from, the search goes through its record and makes it again.

    Args:
        without_state: set the last state aside, too, so that the search goes through its record from the beginning: for a state that can be
            read, and from which the search cannot go on. Without `repair`, nothing happens.

    Raises:
        StoreError: the folder is not a run.
    """
    path = Path(folder)
    if not path.is_dir() or not any((path / name).exists() for name in ("run.db", "config.json", "run.db.damaged")):
        raise StoreError(f"{path} is not a run: it has neither run.db nor config.json")
    writer = _writer(path)
    try:
        lock = take_lock(path)
    except StoreError as error:  # it is being written, or may not be
        findings = list(_unreadable(path))
        return Examination(findings, [], findings, str(error))
    try:
        findings = [*_stale_lock(writer), *_findings(path)]
        repaired: list[str] = []
        left = findings
        if repair:
            # one repair may show what the damage before it hid: look again until nothing new can be mended
            tried: set[str] = set()
            while (found := next((f for f in left if f.repair is not None and f.what not in tried), None)) is not None:
                assert found.repair is not None
                tried.add(found.what)
                repaired.append(_mended(path, found.repair))
                left = _findings(path)
            if without_state and not any(finding.what.startswith("run.db") for finding in left):
                repaired.append(_made_again(path, []))
        return Examination(findings, repaired, left)
    finally:
        release_lock(lock)


def _mended(path: Path, repair: Callable[[], str]) -> str:
    """What a repair says that it did."""
    try:
        return repair()
    except (OSError, sqlite3.Error) as error:
        text = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise StoreError(
            f"{path} could not be mended ({text}); nothing of it is lost: free some space, close what has its files open, and run the "
            "doctor again"
        ) from error


def _unreadable(path: Path) -> Iterator[Finding]:
    """What keeps a folder that may not be written now from being read."""
    try:
        store = Store(path, writable=False)
        try:
            _read_all(store)
        finally:
            store.close()
    except ValueError as error:
        yield Finding(str(error))


def _read_all(store: Store) -> None:
    """Read what a run is opened from, so that what cannot be read is said."""
    settings = store.read_json("config.json")
    if not isinstance(settings, dict) or "space" not in settings or "objectives" not in settings:
        raise StoreError(f"{store.folder} is not a run, or its config.json is missing or damaged")
    names = tuple(objective["name"] for objective in settings["objectives"])
    store.individuals(Space.from_dict(settings["space"]), names, tuple(1.0 for _ in names))
    store.trials()
    for _ in store.populations():
        pass
    store.generations()
    store.state()


def _writer(path: Path) -> str:
    """The process that a lock file names."""
    try:
        return (path / LOCK).read_text(encoding="utf-8", errors="replace").strip()[:20]
    except OSError:
        return ""


def _stale_lock(writer: str) -> Iterator[Finding]:
    if writer:
        yield Finding(
            f"run.lock names process {writer}, which was killed while it wrote here",
            "it is cleared; it holds nobody back: a lock ends with its process",
            lambda: "run.lock: cleared",
        )


def _findings(path: Path) -> list[Finding]:
    damage = _database_damage(path / "run.db")
    if damage:
        return [
            Finding(
                f"run.db {damage}",
                "the rows that survive move to a new database, the damaged one stays beside it",
                lambda: _salvaged(path),
            ),
            *_files(path),
        ]
    database = sqlite3.connect(path / "run.db", isolation_level=None)
    try:
        return [*_database(path, database), *_files(path), *_artifacts(path, database), *_derived(path, database)]
    finally:
        database.close()


# The database -----------------------------------------------------------------------------------------------------------------


def _database_damage(path: Path) -> str:
    """What makes the database unusable, or ""."""
    if not path.exists() or path.stat().st_size == 0:
        return "is missing" if not path.exists() else "is empty"
    database = sqlite3.connect(path, isolation_level=None)
    try:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        damage = str(database.execute("PRAGMA integrity_check(1)").fetchone()[0])
        if damage != "ok":
            return f"is damaged ({damage.splitlines()[0]})"
        needed = {"meta", "individuals", "evaluations", "populations", "generations", "state"}
        if schema_of(database) == SCHEMA:
            needed |= {"trials", "artifacts", "asks", "derived"}
        if not needed <= tables or schema_of(database) is None:
            return f"lacks tables ({', '.join(sorted(needed - tables)) or 'no schema'})"
        unreadable = unreadable_rows(database)
        if unreadable:
            return f"holds {unreadable} rows that cannot be read"
        if schema_of(database) == SCHEMA and (lacking := inconsistency(database)):
            return f"holds {lacking}"
    except sqlite3.DatabaseError as error:
        return f"is damaged ({error})"
    finally:
        database.close()
    return ""


def _salvaged(path: Path) -> str:
    found = salvage(path / "run.db")
    counted = f"{found['individuals']} births, {found['trials']} trials and {found['evaluations']} evaluations"
    populations = f" and {found['populations']} populations" if found["populations"] else ""
    state = "the last state" if found["state"] else "no usable state: the search goes through what is recorded from its beginning"
    return f"run.db: {counted}{populations} were read from what survives; {state}"


def _database(path: Path, database: sqlite3.Connection) -> Iterator[Finding]:
    schema = schema_of(database)
    if schema is not None and schema > SCHEMA:
        yield Finding(f"run.db has schema {schema}, of a newer release; this one reads schemas 1 to {SCHEMA}")
    elif schema is not None and schema < SCHEMA:
        yield Finding(
            f"run.db has the older schema {schema}",
            f"it becomes schema {SCHEMA} (so does a run that goes on)",
            lambda: _migrated(path, schema),
        )


def _migrated(path: Path, schema: int) -> str:
    database = sqlite3.connect(path / "run.db", isolation_level=None)
    try:
        migrate(database, schema)
    finally:
        database.close()
    return f"run.db: schema {schema} became schema {SCHEMA}"


# Files beside it --------------------------------------------------------------------------------------------------------------


def _files(path: Path) -> Iterator[Finding]:
    problem = _json_problem(path / "config.json")
    if problem:
        settings = _recorded_settings(path)
        if settings is None:
            yield Finding(
                f"config.json {problem}, and the database has no copy of it: restore it, or start again in another folder"
            )
        else:
            yield Finding(
                f"config.json {problem}",
                "it is written again from the database",
                lambda: _rewritten(path, "config.json", settings),
            )
    for name, remedy in _REMADE.items():
        if (path / name).exists() and _json_problem(path / name):
            yield Finding(
                f"{name} {_json_problem(path / name)}", f"it is deleted; {remedy}", partial(_deleted, path, [path / name])
            )
    torn = _torn_lines(path / "log.jsonl")
    if torn:
        yield Finding(f"log.jsonl has {torn} torn lines", "they are taken out", lambda: _mended_log(path / "log.jsonl"))
    leftovers = [file for pattern in ("*.tmp", "artifacts/*.tmp", "run.db.salvaged*") for file in sorted(path.glob(pattern))]
    if leftovers:
        yield Finding(
            f"{len(leftovers)} files were being written when a process was killed, such as {leftovers[0].name}",
            "they are deleted: what they held was not finished",
            lambda: _deleted(path, leftovers),
        )


def _json_problem(path: Path) -> str:
    if not path.exists():
        return "is missing"
    try:
        return "" if isinstance(json.loads(path.read_text(encoding="utf-8")), dict) else "is damaged (not a JSON object)"
    except (ValueError, RecursionError) as error:
        return f"is damaged ({str(error)[:100]})"


def _recorded_settings(path: Path) -> str | None:
    try:
        database = sqlite3.connect(f"{(path / 'run.db').absolute().as_uri()}?mode=ro", uri=True)
        try:
            row = database.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()
        finally:
            database.close()
    except sqlite3.Error:
        return None
    return None if row is None else json.dumps(json.loads(row[0]), indent=2) + "\n"


def _torn_lines(path: Path) -> int:
    return sum(not _whole(line) for line in path.read_bytes().splitlines()) if path.exists() else 0


def _whole(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _mended_log(path: Path) -> str:
    lines = path.read_bytes().splitlines()
    whole = [line for line in lines if _whole(line)]
    write_whole(path, b"".join(line + b"\n" for line in whole))
    return f"log.jsonl: {len(lines) - len(whole)} torn lines taken out, {len(whole)} kept"


def _rewritten(path: Path, name: str, text: str) -> str:
    write_whole(path / name, text.encode())
    return f"{name}: written again from the database"


def _deleted(path: Path, files: list[Path]) -> str:
    for file in files:
        file.unlink(missing_ok=True)
    names = ", ".join(str(file.relative_to(path)) for file in files[:3])
    return f"deleted: {names}{' ...' if len(files) > 3 else ''}"


# Artifacts --------------------------------------------------------------------------------------------------------------------

Name = tuple[int, str]


def _artifacts(path: Path, database: sqlite3.Connection) -> Iterator[Finding]:
    if schema_of(database) != SCHEMA:
        return  # told by the rows that it has as one of today
    recorded: dict[Name, str] = {
        (trial, kind): mark
        for trial, kind, mark in database.execute("SELECT trial, kind, fingerprint FROM artifacts ORDER BY id")
    }
    files = {name: file for file in (path / "artifacts").glob("*.safetensors") if (name := artifact_name(file.name)) is not None}
    named, first = _needed(database, files)
    broken = sorted(name for name, file in files.items() if name in recorded and not intact(file, recorded[name], thorough=True))
    later = [files[name] for name in broken if first is not None and name[0] >= first]
    damaged = [name for name in broken if files[name] not in later]
    missing = sorted(name for name in named if name not in files and recorded.get(name, LOST) != LOST)
    if later:
        yield Finding(
            f"what {len(later)} of the trials that came back last left is damaged, such as {later[0].name}",
            "it is deleted: the trials are run again when the search goes on",
            partial(_deleted, path, later),
        )
    for names, what in ((damaged, "damaged"), (missing, "missing")):
        others = [name for name in names if name in named and not _holds_weights(name)]
        weights = [name for name in names if name not in others]
        if weights:
            yield Finding(
                f"the weights of {len(weights)} individuals are {what} (artifacts/{artifact_file(*weights[0])})",
                "the search goes on without them: the individuals stay, their children start from scratch",
                partial(_given_up, path, weights),
            )
        if others:
            yield Finding(
                f"{_kinds(others)} from which the search would go on are {what} (artifacts/{artifact_file(*others[0])})",
                "the search goes through its record from the beginning, and makes them again with what they come from",
                partial(_made_again, path, others),
            )
    orphans = [file for name, file in files.items() if name not in recorded and not _came_back(database, name[0])]
    if orphans:
        yield Finding(
            f"{len(orphans)} artifacts belong to no trial that came back, such as {orphans[0].name}",
            "they are deleted: the trial is run again when the search goes on",
            lambda: _deleted(path, orphans),
        )


def _holds_weights(name: Name) -> bool:
    return name[1].split(".")[0] == WEIGHTS


def _kinds(names: list[Name]) -> str:
    counted = Counter(kind.split(".")[0] for _, kind in names)
    return " and ".join(f"{number} artifacts {kind!r}" for kind, number in counted.items())


def _needed(database: sqlite3.Connection, files: Iterable[Name]) -> tuple[set[Name], int | None]:
    """The artifacts without which the run may not go on as it would have, without a state all that are kept; and the first trial after the last
    state, which is run again where what it left is gone (None in searches that go through their record, and run nothing again)."""
    row = database.execute("SELECT value FROM meta WHERE key = 'missing'").fetchone()
    noted = {(int(trial), str(kind)) for trial, kind in json.loads(row[0])} if row is not None else set()
    counters = counters_of(database)
    if counters is None:
        return noted | set(files), None
    by_birth = database.execute("SELECT 1 FROM meta WHERE key = 'trials'").fetchone() is not None
    asynchronous = database.execute("SELECT 1 FROM asks").fetchone() is not None
    return noted | set(needed_artifacts(counters)), None if asynchronous else first_after(counters, by_birth)


def _came_back(database: sqlite3.Connection, trial: int) -> bool:
    return database.execute("SELECT 1 FROM trials WHERE id = ? AND status != ?", (trial, PENDING)).fetchone() is not None


def _given_up(path: Path, names: list[Name]) -> str:
    database = sqlite3.connect(path / "run.db")
    try:
        with database:
            database.executemany(
                "UPDATE artifacts SET fingerprint = ? WHERE trial = ? AND kind = ?", [(LOST, *name) for name in names]
            )
    finally:
        database.close()
    _delete_artifacts(path, names)
    shown = ", ".join(artifact_file(*name) for name in names[:8])
    return f"the weights of {len(names)} individuals are given up ({shown}{' ...' if len(names) > 8 else ''})"


def _made_again(path: Path, names: list[Name]) -> str:
    database = sqlite3.connect(path / "run.db")
    try:
        with database:
            set_state_aside(database)
    finally:
        database.close()
    _delete_artifacts(path, names)
    return "the last state is set aside: the search goes through its record, and makes again what it needs"


def _delete_artifacts(path: Path, names: list[Name]) -> None:
    for name in names:
        (path / "artifacts" / artifact_file(*name)).unlink(missing_ok=True)


# What was made after the run --------------------------------------------------------------------------------------------------


def _derived(path: Path, database: sqlite3.Connection) -> Iterator[Finding]:
    if schema_of(database) != SCHEMA:
        return
    for name, file, recorded in database.execute("SELECT name, file, fingerprint FROM derived ORDER BY id"):
        there = (path / FOLDER / file).exists()
        if file and not (there and intact(path / FOLDER / file, recorded, thorough=True)):
            yield Finding(
                f"{FOLDER}/{file} is {'damaged' if there else 'missing'}, the model {name} that was made of this run: "
                "restore it from a copy, or make it again"
            )
