"""What survives of a run, made consistent: nothing is left that would mislead a run which goes on from it."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from neuroevo.core.files import intact
from neuroevo.core.trial import WEIGHTS
from neuroevo.store.reading import artifact_file, artifact_name

_TIED = """
DELETE FROM evaluations WHERE trial NOT IN (SELECT id FROM trials);
DELETE FROM evaluations WHERE EXISTS (
    SELECT 1 FROM trials t WHERE t.id = evaluations.trial AND t.members = 1 AND t.individual != evaluations.individual);
DELETE FROM evaluations WHERE id NOT IN (SELECT max(id) FROM evaluations GROUP BY trial, individual);
DELETE FROM artifacts WHERE trial NOT IN (SELECT id FROM trials);
"""


def inconsistency(database: sqlite3.Connection) -> str:
    """What rows of a sound database lack each other, or ""."""
    without = "SELECT count(*) FROM {} WHERE trial NOT IN (SELECT id FROM trials)"
    counts = {
        "evaluations without their trial": database.execute(without.format("evaluations")).fetchone()[0],
        "artifacts without their trial": database.execute(without.format("artifacts")).fetchone()[0],
        "trials without their evaluations": len(_lacking(database)),
        "pending trials with all their evaluations": len(_back_and_pending(database)),
        "gaps in the order of completion": int(_is_asynchronous(database) and _has_gaps(database)),
    }
    return " and ".join(f"{number} {what}" for what, number in counts.items() if number)


def leave_whole(database: sqlite3.Connection, folder: Path) -> None:
    """Drop what would mislead a run that goes on.

    - Evaluations without their trial go; trials that lack evaluations, or artifacts that they may have left, become pending and are run again.
    - The state goes where something before it is lost. The run then goes through its record from the beginning, and makes again the
      artifacts that it needs.
    - Of an asynchronous search the beginning of its order without gaps stays: only that can be gone through again.

    Args:
        folder: the run's, with its files.
    """
    artifacts = folder / "artifacts"
    by_birth = _numbered_by_birth(database)
    if by_birth:
        database.execute("INSERT OR REPLACE INTO meta VALUES ('trials', 'by birth')")
    database.executescript(f"BEGIN;{_TIED}COMMIT;")
    lost = bool(_lacking(database))
    asynchronous = _is_asynchronous(database, folder)
    if asynchronous:
        lost |= _keep_beginning(database, by_birth)
    counters = counters_of(database)
    files = {name for path in artifacts.glob("*.safetensors") if (name := artifact_name(path.name)) is not None}
    again = set(_unrecorded(database, files, by_birth))
    partly = {id for id in _lacking(database) if id not in again and _has_many_alone(database, id)}
    again.update(id for id in _lacking(database) if id not in partly)
    again.update(
        row[0] for row in database.execute("SELECT id FROM trials WHERE status = 'pending' AND epochs > 0")
    )  # of which part is done
    again.update(_back_and_pending(database))
    if counters is not None and not (asynchronous and lost) and _is_whole(database, counters, artifacts, by_birth, asynchronous):
        again = {id for id in again if asynchronous or id >= first_after(counters, by_birth)}
    else:
        set_state_aside(database)
        again.update(_doubtful(database, files, by_birth))
    _put_back(database, partly | again)
    for table in ("evaluations", "artifacts"):
        database.executemany(f"DELETE FROM {table} WHERE trial = ?", [(id,) for id in again])


def set_state_aside(database: sqlite3.Connection) -> None:
    """Let the run go through its record from the beginning, and make again the artifacts that it needs."""
    database.execute("DELETE FROM state")
    database.execute("DELETE FROM meta WHERE key = 'missing'")
    database.execute("INSERT OR REPLACE INTO meta VALUES ('remake', '1')")


# Trials -----------------------------------------------------------------------------------------------------------------------


def _lacking(database: sqlite3.Connection) -> list[int]:
    """Trials that came back and lack an evaluation."""
    rows = database.execute(
        "SELECT id, individual, members FROM trials "
        "LEFT JOIN (SELECT trial, count(DISTINCT individual) AS found FROM evaluations GROUP BY trial) e ON e.trial = id "
        "WHERE status NOT IN ('pending', 'predicted') AND members > coalesce(found, 0) "
        "AND id NOT IN (SELECT trial FROM populations WHERE trial IS NOT NULL)"
    ).fetchall()
    # where trials are numbered by birth, individuals of a trial of several may have been evaluated in trials of their own
    either = "SELECT count(DISTINCT individual) FROM evaluations WHERE individual BETWEEN ? AND ? AND trial IN (?, individual)"
    return [
        id
        for id, first, members in rows
        if not _says_by_birth(database) or database.execute(either, (first, first + members - 1, id)).fetchone()[0] < members
    ]


def _back_and_pending(database: sqlite3.Connection) -> list[int]:
    """Trials that are said to be pending and have what makes them complete, which is committed together."""
    if _says_by_birth(database):
        return []  # individuals of a trial of several may have been evaluated in trials of their own
    rows = database.execute(
        "SELECT t.id FROM trials t JOIN evaluations e ON e.trial = t.id WHERE t.status = 'pending' AND t.members > 0 "
        "GROUP BY t.id HAVING count(DISTINCT e.individual) >= t.members"
    )
    return [row[0] for row in rows]


def _has_many_alone(database: sqlite3.Connection, id: int) -> bool:
    """Whether a trial may hold many that are scored each on its own, at no cost in epochs and without artifacts: those that survive are used."""
    (members, epochs, left) = database.execute(
        "SELECT members, epochs, EXISTS (SELECT 1 FROM artifacts WHERE trial = trials.id) FROM trials WHERE id = ?", (id,)
    ).fetchone()
    return bool(members > 1 and not epochs and not left)


def _put_back(database: sqlite3.Connection, trials: Iterable[int]) -> None:
    """Make trials pending: they are run again, in their place in the order."""
    database.executemany(
        "UPDATE trials SET status = 'pending', reason = '', report = '{}', epochs = 0, seconds = 0, attempts = 0 WHERE id = ?",
        [(id,) for id in trials],
    )


def _says_by_birth(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM meta WHERE key = 'trials' AND value = 'by birth'").fetchone() is not None


def _numbered_by_birth(database: sqlite3.Connection) -> bool:
    """Whether the run was begun by a release in which trials had the numbers of individuals; told by what it holds where that row is lost."""
    if _says_by_birth(database):
        return True
    counters = counters_of(database)
    if counters is not None:
        return bool(counters.get("next_trial", 0) == 0 < counters["evaluations"])
    first = "SELECT min(id) AS id, individual, members FROM trials WHERE individual IS NOT NULL GROUP BY individual"
    (several,) = database.execute(f"SELECT count(*) FROM ({first}) WHERE members > 1").fetchone()
    (differing,) = database.execute(f"SELECT count(*) FROM ({first}) WHERE id != individual").fetchone()
    return several > 1 and not differing


# The state --------------------------------------------------------------------------------------------------------------------


def counters_of(database: sqlite3.Connection) -> dict[str, Any] | None:
    """The run's counters in its last state, or None."""
    row = database.execute("SELECT json FROM state").fetchone()
    return None if row is None else dict(json.loads(row[0])["run"])


def first_after(counters: dict[str, Any], by_birth: bool) -> int:
    """The first trial that was asked for after a state with these counters."""
    return int(counters["next_id"] if by_birth or "next_trial" not in counters else counters["next_trial"])


def needed_artifacts(counters: dict[str, Any]) -> list[tuple[int, str]]:
    """The artifacts that a state with these counters needs; older releases named individuals."""
    return [(name, WEIGHTS) if isinstance(name, int) else (name[0], name[1]) for name in counters.get("artifacts", ())]


def _is_whole(
    database: sqlite3.Connection, counters: dict[str, Any], artifacts: Path, by_birth: bool, asynchronous: bool
) -> bool:
    """Whether everything is there that a state with these counters rests on."""
    births, first = counters["next_id"], first_after(counters, by_birth)
    apart = "NOT EXISTS (SELECT 1 FROM populations p WHERE e.individual >= p.first_id AND e.individual < p.first_id + p.count)"
    counted = f"SELECT total(status != 'predicted'), total(status = 'predicted') FROM evaluations e WHERE {apart}"
    (of_populations,) = database.execute("SELECT total(count) FROM populations WHERE first_id < ?", (births,)).fetchone()
    expected = counters["evaluations"] - of_populations, counters.get("predictions", 0)
    unborn = f"SELECT count(*) FROM evaluations e WHERE {apart} AND trial < ? AND individual NOT IN (SELECT id FROM individuals)"
    if database.execute(unborn, (first,)).fetchone()[0]:
        return False
    if asynchronous:  # it goes through its order; some of the trials that the state waited for may have come back since
        found = database.execute(counted).fetchone()
        enough = all(one >= other for one, other in zip(found, expected, strict=True))
        return enough and all(_is_there(database, artifacts, name, by_birth) for name in needed_artifacts(counters))
    kept = {row[0] for row in database.execute("SELECT id FROM individuals WHERE genome IS NOT NULL")}
    rows = database.execute("SELECT completed, epochs FROM trials WHERE id < ? AND completed IS NOT NULL", (first,)).fetchall()
    epochs = math.fsum(row[1] for row in rows)
    (generation,) = database.execute("SELECT generation FROM state").fetchone()
    recorded = generation == 0 or database.execute("SELECT 1 FROM generations WHERE generation = ?", (generation,)).fetchone()
    trains = any(artifacts.glob("*"))  # else a run without generations is gone through from its beginning at no cost
    return bool(
        database.execute(f"{counted} AND trial < ?", (first,)).fetchone() == expected
        and kept >= set(counters.get("front", ()))
        and (recorded or trains)
        and (by_birth or max((row[0] for row in rows), default=0) == len(rows))
        and (by_birth or math.isclose(epochs, counters.get("epochs", epochs), rel_tol=1e-9))
        and all(_is_there(database, artifacts, name, by_birth) for name in needed_artifacts(counters))
    )


def _is_there(database: sqlite3.Connection, artifacts: Path, name: tuple[int, str], by_birth: bool) -> bool:
    """Whether an artifact is recorded and its file as it was; schema 1 recorded none."""
    row = database.execute("SELECT fingerprint FROM artifacts WHERE trial = ? AND kind = ?", name).fetchone()
    return by_birth if row is None else intact(artifacts / artifact_file(*name), row[0])


# Artifacts whose rows are lost ------------------------------------------------------------------------------------------------


def _unrecorded(database: sqlite3.Connection, files: set[tuple[int, str]], by_birth: bool) -> Iterator[int]:
    """Trials that came back and left a file of which there is no row; in runs that older releases began there need not be one."""
    recorded = set(database.execute("SELECT trial, kind FROM artifacts"))
    for trial, kind in sorted(files - recorded):
        if not (by_birth and kind == WEIGHTS):
            yield from (
                row[0] for row in database.execute("SELECT id FROM trials WHERE id = ? AND status != 'pending'", (trial,))
            )


def _doubtful(database: sqlite3.Connection, files: set[tuple[int, str]], by_birth: bool) -> Iterator[int]:
    """Trials that may have left artifacts whose rows are lost and whose files were deleted: those that came back after the last one of which
    it is known that it left something, in the order without gaps. Where nothing is ever left, there are none."""
    rows = database.execute("SELECT a.id, t.completed FROM artifacts a JOIN trials t ON t.id = a.trial ORDER BY a.id").fetchall()
    if not rows and not files:
        return
    whole = [row[1] or 0 for at, row in enumerate(rows) if row[0] == at + 1]
    known = max(whole, default=0)
    recorded = {row[0] for row in database.execute("SELECT trial FROM artifacts")}
    query = "SELECT id FROM trials WHERE status IN ('done', 'stopped') AND completed >= ? ORDER BY id"
    for (id,) in database.execute(query, (known,)).fetchall():
        if id not in recorded and not (by_birth and (id, WEIGHTS) in files):
            yield id


# The order of an asynchronous search ------------------------------------------------------------------------------------------


def _is_asynchronous(database: sqlite3.Connection, folder: Path | None = None) -> bool:
    """Whether this is an asynchronous search, by what is recorded of it or its settings."""
    if database.execute("SELECT 1 FROM asks").fetchone() is not None:
        return True
    row = database.execute("SELECT value FROM meta WHERE key = 'settings'").fetchone()
    try:
        settings = json.loads(
            row[0] if row is not None else "{}" if folder is None else (folder / "config.json").read_text(encoding="utf-8")
        )
    except (ValueError, OSError, RecursionError):
        return False
    return isinstance(settings, dict) and settings.get("schedule") == "asynchronous"


def _has_gaps(database: sqlite3.Connection) -> bool:
    asks = [row[0] for row in database.execute("SELECT number FROM asks ORDER BY number")]
    places = {row[0] for row in database.execute("SELECT completed FROM trials WHERE completed IS NOT NULL")}
    (told,) = database.execute("SELECT coalesce(max(told), 0) FROM asks").fetchone()
    return (
        asks != list(range(len(asks)))
        or places != set(range(1, len(places) + 1))
        or told > len(places)
        or (bool(places) and not asks)
    )


def _keep_beginning(database: sqlite3.Connection, by_birth: bool) -> bool:
    """Keep the beginning of the order of completion that has no gaps, with the asks that led to it; whether something had to go.

    A trial surely belongs to the first n asks if its number is below that of all the trials that they gave together. Births and trials
    of later asks must go: in another order of completion they would be others.
    """
    asks = {row[0]: row for row in database.execute("SELECT number, told, first, born FROM asks")}
    places = {row[0]: row[1] for row in database.execute("SELECT completed, id FROM trials WHERE completed IS NOT NULL")}
    told = sum(1 for _ in takewhile(places.__contains__, count(1)))
    kept = [asks[number] for number in takewhile(asks.__contains__, count())]

    def belongs(place: int) -> bool:
        return bool(places[place] < bound)

    while True:
        whole = [ask for ask in kept if ask[1] <= told]
        bound = sum(ask[3] for ask in whole)
        if by_birth and whole:
            bound = max(bound, whole[-1][2] + whole[-1][3])
        reached = sum(1 for _ in takewhile(belongs, range(1, told + 1)))
        if (whole, reached) == (kept, told):
            break
        kept, told = whole, reached
    later = [id for place, id in places.items() if place > told]
    beyond = [row[0] for row in database.execute("SELECT id FROM trials WHERE id >= ?", (bound,))]
    counters = counters_of(database)
    (evaluations,) = database.execute("SELECT count(*) FROM evaluations WHERE status != 'predicted'").fetchone()
    if not later and not beyond and len(kept) == len(asks):
        return counters is None or evaluations < counters["evaluations"]
    for id in {*later, *beyond}:
        database.execute("DELETE FROM evaluations WHERE trial = ?", (id,))
        database.execute("DELETE FROM artifacts WHERE trial = ?", (id,))
        database.execute("DELETE FROM trials WHERE id = ?", (id,))
    database.execute("DELETE FROM asks WHERE number >= ?", (len(kept),))
    database.execute(
        "DELETE FROM individuals WHERE id NOT IN (SELECT individual FROM trials WHERE individual IS NOT NULL) "
        "AND id NOT IN (SELECT individual FROM evaluations)"
    )
    size = kept[0][3] if kept else 1
    database.execute("DELETE FROM generations WHERE generation > ?", (told // max(1, size),))
    return True
