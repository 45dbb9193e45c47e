"""Opening a run's folder: one writer (a lock that dies with its process), any number of readers, and transactions."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from neuroevo.core.files import near
from neuroevo.store.errors import StoreError, damaged, writes
from neuroevo.store.schema import SCHEMA, create, migrate, schema_of

BATCH_SECONDS = 0.5
LOCK = "run.lock"
LOCK_ATTEMPTS, LOCK_SECONDS = 4, 0.02


class RunDatabase:
    """A run's folder, open for writing (one process) or reading (any number).

    A writer brings a database of an older schema to today's; a reader leaves it as it is, and reads a copy in memory that it brings there.

    Args:
        clock: seconds that pass, by which a batch of records is due.
        known: it was opened and found in order before: its pages are not looked through again.

    Raises:
        StoreError: the folder is not a run, is open in another process, or its database is damaged or of a newer release.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        writable: bool,
        clock: Callable[[], float] = time.monotonic,
        known: bool = False,
    ) -> None:
        if not os.fsdecode(folder).strip():  # it would be the current folder
            raise StoreError("a run's folder is a path such as 'runs/first' ('.' for the current one), got an empty text")
        self.folder = Path(folder)
        self.writable = writable
        self._clock = clock
        path = self.folder / "run.db"
        if not writable and not path.exists():
            beside = "" if self.folder.exists() else near(self.folder)
            raise StoreError(f"{self.folder} is not a run: it has no run.db{beside}")
        self.in_memory = False  # a copy of an older schema's
        self._lock: int | None = None
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        self._dirty_since: float | None = None
        self._keep_back()
        if writable:
            self._make_folder()
            self._lock = take_lock(self.folder)
        try:
            self._db = self._connect(path)
            self._check_schema(path, known)
        except StoreError:
            self.close()
            raise
        except sqlite3.DatabaseError as error:
            self.close()
            if "full" in str(error) or "readonly" in str(error):
                raise StoreError(f"{path} cannot be written: {error}") from error
            raise StoreError(damaged(path, error)) from error
        except OSError as error:
            self.close()
            raise StoreError(f"{path} cannot be opened: {error}") from error

    def _make_folder(self) -> None:
        try:
            (self.folder / "artifacts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"the run folder {self.folder} cannot be made: {error.strerror}; choose another with run="
            ) from error

    def _connect(self, path: Path) -> sqlite3.Connection:
        if path.exists() and path.stat().st_size == 0 and (self.folder / "config.json").exists():
            raise sqlite3.DatabaseError("it is empty")
        if not self.writable:
            return self._connect_reader(path)
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA busy_timeout = 10000")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _connect_reader(self, path: Path) -> sqlite3.Connection:
        database = _read_only(path)
        try:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return database
        except sqlite3.Error as error:
            database.close()
            if not isinstance(error, sqlite3.OperationalError) or not (
                "unable to open" in str(error) or "readonly" in str(error)
            ):
                raise
        # SQLite wants to make its shared-memory file beside the database, and may not: read what lies there, or a copy of it
        log = path.with_name("run.db-wal")
        if not log.exists() or log.stat().st_size == 0:
            return _read_only(path, immutable=True)
        self._copy = tempfile.TemporaryDirectory(prefix="neuroevo-", ignore_cleanup_errors=True)
        for source in (path, log):
            shutil.copyfile(source, Path(self._copy.name, source.name))
        return _read_only(Path(self._copy.name, path.name))

    def _check_schema(self, path: Path, known: bool) -> None:
        tables = {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if self.writable and not tables:
            create(self._db)
            return
        if "meta" not in tables:
            raise sqlite3.DatabaseError("it has no 'meta' table" if tables else "it is empty")
        damage = "ok" if known else self._db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if damage != "ok":
            raise sqlite3.DatabaseError(str(damage).splitlines()[0])
        schema = schema_of(self._db)
        if schema is None or not 1 <= schema <= SCHEMA:
            raise StoreError(f"{path} has schema {schema or 'missing'}; this release reads schemas 1 to {SCHEMA}")
        if schema < SCHEMA:
            if not self.writable:
                self._db, self.in_memory = _in_memory(self._db), True
            migrate(self._db, schema)

    # Transactions -------------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._dirty_since is None:
            self._db.execute("BEGIN")
            self._dirty_since = self._clock()

    @property
    def uncommitted(self) -> bool:
        """Whether something is recorded that another reader does not see yet."""
        return self._dirty_since is not None

    @writes
    def commit(self) -> None:
        """Make everything recorded so far durable."""
        if self._dirty_since is not None:
            self._write_buffered()
            self._db.execute("COMMIT")
            self._dirty_since = None

    def _keep_back(self) -> None:
        """Make room for rows that are kept back to be written together."""

    def _write_buffered(self) -> None:
        """Write the rows that were kept back to be written together."""

    def commit_when_due(self) -> None:
        """Commit if the oldest uncommitted record is half a second old."""
        if self._dirty_since is not None and self._clock() - self._dirty_since >= BATCH_SECONDS:
            self.commit()

    def abandon(self) -> None:
        """Undo what is not committed."""
        self._dirty_since = None
        with suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Commit, and let go of the folder."""
        if getattr(self, "_db", None) is not None:
            try:
                self.commit()
            finally:
                self._db.close()
        if self._copy is not None:
            self._copy.cleanup()
            self._copy = None
        if self._lock is not None:
            release_lock(self._lock)
            self._lock = None


def release_lock(descriptor: int) -> None:
    """Let others write; a lock file that names nobody says that its last writer ended in order."""
    from filelock import unlock_descriptor

    with suppress(OSError):
        os.ftruncate(descriptor, 0)
    with suppress(OSError):
        unlock_descriptor(descriptor)
    os.close(descriptor)


def take_lock(folder: Path) -> int:
    """Become the only writer of a folder; returns the descriptor that holds the lock until it is closed.

    Raises:
        StoreError: another process writes there, or the folder cannot be written, or its disk has no locks.
    """

    try:
        descriptor = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as error:
        raise StoreError(f"the run folder {folder} cannot be written: {error.strerror}; choose another with run=") from error
    try:
        alone = _lock_soon(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise StoreError(
            f"the disk that holds {folder} has no file locks ({error.strerror}); choose another with run="
        ) from error
    if not alone:
        writer = _writer(descriptor)
        os.close(descriptor)
        named = f" ({writer})" if writer.isdigit() else ""
        raise StoreError(f"{folder} is being written by another process{named}; wait for it, or use another folder")
    with suppress(OSError):  # who holds it is only for the message above; a full disk must not keep a run from being opened
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f" {os.getpid()}\n".encode())
    return descriptor


def _lock_soon(descriptor: int) -> bool:
    """Lock a file; who only asks whether it is locked (`being_written`) holds it for a moment. Whether it is locked now."""
    from filelock import lock_descriptor

    for attempt in range(LOCK_ATTEMPTS):
        if lock_descriptor(descriptor, blocking=False):
            return True
        if attempt < LOCK_ATTEMPTS - 1:
            time.sleep(LOCK_SECONDS)
    return False


def being_written(folder: str | os.PathLike[str]) -> bool | None:
    """Whether a process writes to a run's folder now, by the lock that it holds; None where that cannot be told."""
    try:
        descriptor = os.open(Path(folder) / LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        return not _lock_soon(descriptor)
    except OSError:  # a file system without locks
        return None
    finally:
        os.close(descriptor)


def writer_of(folder: str | os.PathLike[str]) -> int | None:
    """The process on this machine that writes to a run's folder now: the one that its lock names, where that has the lock's file open; None
    where there is none, or that cannot be told (a process of another user, a folder that another machine writes to)."""
    import psutil

    lock = Path(folder) / LOCK
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        named = _writer(descriptor)
    finally:
        os.close(descriptor)
    if not named.isdigit():
        return None
    try:
        opened = [Path(file.path) for file in psutil.Process(int(named)).open_files()]
    except (psutil.Error, OSError):
        return None
    return int(named) if any(path == lock.resolve() for path in opened) else None


def _writer(descriptor: int) -> str:
    """The process that a lock file names; its first byte is a blank, which nobody else can read on Windows: that is what is locked there."""
    for start in (0, 1):
        with suppress(OSError):
            os.lseek(descriptor, start, os.SEEK_SET)
            return os.read(descriptor, 20).decode(errors="replace").strip()
    return ""


def _in_memory(database: sqlite3.Connection) -> sqlite3.Connection:
    """A copy that may be changed."""
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    database.backup(copy)
    database.close()
    return copy


def _read_only(path: Path, *, immutable: bool = False) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if immutable else ''}"
    database = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA busy_timeout = 10000")
    return database
