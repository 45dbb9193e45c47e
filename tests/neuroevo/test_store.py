"""The store: older schemas, many readers, and folders that cannot be written any more."""

import errno
import functools
import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import neuroevo as ne
from neuroevo import strategies
from neuroevo.run import evolution
from neuroevo.store import Store, StoreError
from neuroevo.testing.evaluator import NumberSpace, SquareTask


def evolve(folder: Path, evaluations: int = 60, **options) -> ne.Run:
    return ne.evolve(
        NumberSpace(),
        SquareTask(),
        strategy=strategies.Nsga2(population=10),
        budget=ne.Budget(evaluations=evaluations),
        seed=1,
        run=folder,
        progress=False,
        **options,
    )


def same(a: ne.Run, b: ne.Run) -> bool:
    return a.history().equals(b.history()) and [i.id for i in a.front] == [i.id for i in b.front]


def ticking_store() -> functools.partial[Store]:
    """A store with a clock that is a second on at every look, so that every record is due at once, however fast the machine is."""
    seconds = itertools.count()
    return functools.partial(Store, clock=lambda: float(next(seconds)))


def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give searches such a store."""
    monkeypatch.setattr(evolution, "Store", ticking_store())


OLDER_FOLDERS = Path(__file__).parents[1] / "reliability" / "older"


@pytest.mark.parametrize("older", ["schema_1", "schema_2"])
def test_a_reader_leaves_a_folder_of_an_older_schema_as_it_is(older: str, tmp_path: Path) -> None:
    shutil.copytree(OLDER_FOLDERS / older / "nsga2", tmp_path / "run")
    before = (tmp_path / "run" / "run.db").read_bytes()
    assert ne.load_run(tmp_path / "run").evaluations == 37
    assert (tmp_path / "run" / "run.db").read_bytes() == before


@pytest.mark.parametrize("older", ["schema_1", "schema_2"])
def test_a_writer_makes_an_older_database_one_of_today(older: str, tmp_path: Path) -> None:
    shutil.copytree(OLDER_FOLDERS / older / "lemonade", tmp_path / "run")
    held = ne.load_run(tmp_path / "run")
    Store(tmp_path / "run", writable=True).close()
    evolve(tmp_path / "fresh", 20)
    described = "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
    assert schema(tmp_path / "run") == schema(tmp_path / "fresh") == "3"
    assert query(tmp_path / "run", described) == query(tmp_path / "fresh", described)
    for _, table, _ in query(tmp_path / "fresh", described):
        assert columns_of(tmp_path / "run", table) == columns_of(tmp_path / "fresh", table)
    assert same(ne.load_run(tmp_path / "run"), held)


def test_a_migration_that_is_cut_short_leaves_the_older_schema(tmp_path: Path, monkeypatch) -> None:
    from neuroevo.store import schema as schemas

    shutil.copytree(OLDER_FOLDERS / "schema_1" / "nsga2", tmp_path / "run")
    monkeypatch.setitem(schemas._STEPS, 2, schemas._STEPS[2] + "INSERT INTO nowhere VALUES (1);")
    with pytest.raises(StoreError, match="damaged"):
        Store(tmp_path / "run", writable=True)
    monkeypatch.undo()
    assert schema(tmp_path / "run") == "1" and "artifact" not in columns_of(tmp_path / "run", "evaluations")
    Store(tmp_path / "run", writable=True).close()
    assert ne.load_run(tmp_path / "run").evaluations == 37


def test_a_run_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    evolve(tmp_path / "run", 20)
    with sqlite3.connect(tmp_path / "run" / "run.db") as database:
        database.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    for attempt in (lambda: ne.load_run(tmp_path / "run"), lambda: evolve(tmp_path / "run", 30)):
        with pytest.raises(StoreError, match="has schema 99; this release reads schemas 1 to 3"):
            attempt()


def test_many_readers_see_whole_generations_while_one_writes(tmp_path: Path, monkeypatch) -> None:
    ticking(monkeypatch)
    reader = (
        "import sys, neuroevo as ne, neuroevo.testing.evaluator\n"
        "seen = []\n"
        "for line in sys.stdin:\n"
        "    run = ne.load_run(sys.argv[1])\n"
        "    assert run.evaluations == len(run.history()), (run.evaluations, len(run.history()))\n"
        "    print(run.evaluations, flush=True)\n"
    )
    readers: list[subprocess.Popen[str]] = []
    seen: list[int] = []

    class Looking(ne.Callback):
        def on_generation(self, run: ne.Run) -> None:
            if not readers:
                command = [sys.executable, "-c", reader, str(tmp_path / "run")]
                root = Path(__file__).parents[2]
                readers.extend(
                    subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
                    for _ in range(3)
                )
            for process in readers:
                assert process.stdin is not None and process.stdout is not None
                process.stdin.write("look\n")
                process.stdin.flush()
                seen.append(int(process.stdout.readline()))

    evolve(tmp_path / "run", 80, callbacks=[Looking()])
    for process in readers:
        process.communicate(timeout=30)
        assert process.returncode == 0
    assert seen == sorted(seen) and len(seen) == 24 and len(set(seen)) > 1


# The writer's lock ------------------------------------------------------------------------------------------------------------

HOLDER = "import sys; from neuroevo.store import Store; s = Store(sys.argv[1], writable=True); print('open', flush=True); sys.stdin.read()"


@contextmanager
def writer(folder: Path):
    """Another process that writes a run's folder until it is told to end."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None and process.stdout.readline().strip() == b"open"
        yield process
    finally:
        process.communicate()


@pytest.mark.parametrize("readable", [True, False])
def test_the_process_that_writes_is_named(readable: bool, tmp_path: Path, monkeypatch) -> None:
    """Also where the byte that is locked cannot be read, as on Windows."""
    with writer(tmp_path) as process:
        read = os.read

        def all_but_the_first(descriptor: int, size: int) -> bytes:
            if os.lseek(descriptor, 0, os.SEEK_CUR) == 0:
                raise PermissionError(13, "another process has locked a portion of the file")
            return read(descriptor, size)

        with monkeypatch.context() as patch:
            if not readable:
                patch.setattr("neuroevo.store.connection.os.read", all_but_the_first)
            with pytest.raises(StoreError, match=rf"is being written by another process \({process.pid}\); wait for it"):
                Store(tmp_path, writable=True)
    Store(tmp_path, writable=True).close()


@pytest.mark.parametrize("left", [" 4242\n", "4242\n", "", "no number"])
def test_a_lock_file_that_another_release_or_crash_left_holds_nobody_back(left: str, tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text(left, encoding="ascii")
    store = Store(tmp_path, writable=True)
    named = (tmp_path / "run.lock").read_text(encoding="ascii")
    store.close()
    assert named.split() == [str(os.getpid())] and (tmp_path / "run.lock").read_text(encoding="ascii") == ""


def test_a_killed_writer_leaves_a_lock_that_holds_nobody_back(tmp_path: Path) -> None:
    from neuroevo.store.doctor import examine

    with writer(tmp_path) as process:
        process.kill()
        process.wait()
    (finding,) = (finding for finding in examine(tmp_path).findings if "run.lock" in finding.what)
    assert f"names process {process.pid}, which was killed while it wrote here" in finding.what
    Store(tmp_path, writable=True).close()
    assert not [finding for finding in examine(tmp_path).findings if "run.lock" in finding.what]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_disk_without_locks_is_one_sentence(number: int, tmp_path: Path, monkeypatch) -> None:
    """Such as a network disk whose server has none."""

    def refused(descriptor: int, *, blocking: bool) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("filelock.lock_descriptor", refused)
    with pytest.raises(
        StoreError, match=rf"the disk that holds .* has no file locks \({os.strerror(number)}\); choose another with run="
    ):
        evolve(tmp_path / "run")
    monkeypatch.undo()
    assert evolve(tmp_path / "run").evaluations == 60


def test_a_full_disk_keeps_no_run_from_being_opened_by_its_lock(tmp_path: Path, monkeypatch) -> None:
    def full(descriptor: int, *arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("neuroevo.store.connection.os.write", full)
        store = Store(tmp_path, writable=True)
        with pytest.raises(StoreError, match=r"is being written by another process; wait for it"):
            Store(tmp_path, writable=True)
    store.close()


def test_a_file_that_is_being_read_is_deleted_the_next_time(tmp_path: Path, monkeypatch) -> None:
    """Windows deletes no file that somebody has open."""
    store = Store(tmp_path, writable=True)
    for name in ("1", "2", "3.checkpoint"):
        (tmp_path / "artifacts" / f"{name}.safetensors").touch()
    unlink = Path.unlink

    def refusing(path: Path, missing_ok: bool = False) -> None:
        if path.name == "2.safetensors":
            raise PermissionError(13, "it is being used by another process", str(path))
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refusing)
        store.keep_artifacts([])
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == ["2.safetensors"]
    store.keep_artifacts([])
    store.close()
    assert not list((tmp_path / "artifacts").iterdir())


@pytest.mark.parametrize("failing", ["replace", "sqlite"])
def test_a_repair_that_fails_is_one_sentence_and_loses_nothing(failing: str, tmp_path: Path, monkeypatch) -> None:
    """A disk that is full, or files that somebody reads where an open file is not replaced."""
    from neuroevo.store.doctor import examine, salvage

    run = evolve(tmp_path / "run", 40)
    path = tmp_path / "run" / "run.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def refused(*_: object) -> None:
        if failing == "sqlite":
            raise sqlite3.OperationalError("database or disk is full")
        raise PermissionError(13, "it is being used by another process")

    with monkeypatch.context() as patch:
        patch.setattr(salvage, "replace" if failing == "replace" else "_fill", refused)
        with pytest.raises(
            StoreError, match=r"could not be mended \((it is being used|database or disk is full).*nothing of it is lost"
        ):
            examine(tmp_path / "run", repair=True)
    assert examine(tmp_path / "run", repair=True).left == []
    assert same(evolve(tmp_path / "run", 40), run)


# Folders that cannot be written -----------------------------------------------------------------------------------------------


@contextmanager
def mounted(folder: Path, options: str):
    """A small disk of its own at `folder`; skips where this user may not mount one."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes a privileged user")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("kilobytes", [300, 500])
def test_a_full_disk_is_one_sentence_and_what_was_committed_stays_readable(kilobytes: int, tmp_path: Path, monkeypatch) -> None:
    ticking(monkeypatch)
    with mounted(tmp_path / "disk", f"size={kilobytes}k"):
        with pytest.raises(StoreError, match=r"full"):
            evolve(tmp_path / "disk" / "run", 1_000_000)
        held = ne.load_run(tmp_path / "disk" / "run")
        assert held.evaluations > 0
        shutil.copytree(tmp_path / "disk" / "run", tmp_path / "run")
    whole = evolve(tmp_path / "whole", held.evaluations + 40)
    assert whole.history().iloc[: held.evaluations].equals(held.history())
    assert same(evolve(tmp_path / "run", held.evaluations + 40), whole), "on a larger disk it goes on as if nothing had been"


def test_a_file_that_may_not_grow_is_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))\n"
        "from test_store import *\n"
        "evolution.Store = ticking_store()\n"
        "try:\n    evolve(Path(sys.argv[1]), 1_000_000)\n"
        "except StoreError as error:\n    print(error)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[2])])}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "run")], capture_output=True, text=True, env=environment, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and str(tmp_path / "run") in done.stdout and "what was committed is kept" in done.stdout
    assert ne.load_run(tmp_path / "run").evaluations > 100


@pytest.mark.parametrize("closed", [True, False])
def test_a_read_only_folder_is_read_and_not_written(closed: bool, tmp_path: Path) -> None:
    """Also with a write-ahead log beside the database, as a killed run leaves it."""
    run = evolve(tmp_path / "run", 40)
    if not closed:
        writer = Store(tmp_path / "run", writable=True)
        writer.log("held open")
        writer.end("evaluations", 2.0)
    with mounted(tmp_path / "disk", "size=4m"):
        shutil.copytree(tmp_path / "run", tmp_path / "disk" / "run", ignore=shutil.ignore_patterns("run.db-shm"))
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "disk")], check=True)
        loaded = ne.load_run(tmp_path / "disk" / "run")
        assert same(loaded, run)
        with pytest.raises(StoreError, match=r"cannot be (written|made): Read-only file system; choose another"):
            evolve(tmp_path / "disk" / "run", 60)
    if not closed:
        writer.close()


def test_a_clock_that_is_set_back_changes_nothing(tmp_path: Path, monkeypatch) -> None:
    import time

    whole = evolve(tmp_path / "whole", 60)
    evolve(tmp_path / "run", 33)
    past, localtime = time.time() - 10 * 365 * 86400, time.localtime
    monkeypatch.setattr(time, "time", lambda: past)
    monkeypatch.setattr(time, "localtime", lambda seconds=None: localtime(past if seconds is None else seconds))
    stamp = past
    for path in (tmp_path / "run").rglob("*"):
        os.utime(path, (stamp, stamp))
    resumed = evolve(tmp_path / "run", 60)
    assert same(resumed, whole)
    assert 0 <= resumed.seconds < 600


def test_a_line_torn_by_a_crash_does_not_swallow_the_next(tmp_path: Path) -> None:
    evolve(tmp_path / "run", 20)
    log = tmp_path / "run" / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-20])
    evolve(tmp_path / "run", 30)
    lines = log.read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines[-2:]] == ["start", "end"]


def schema(folder: Path) -> str:
    return query(folder, "SELECT value FROM meta WHERE key = 'schema'")[0][0]


def columns_of(folder: Path, table: str) -> list[str]:
    return [row[1] for row in query(folder, f"PRAGMA table_info({table})")]


def query(folder: Path, text: str) -> list[tuple]:
    database = sqlite3.connect(folder / "run.db")
    try:
        return database.execute(text).fetchall()
    finally:
        database.close()
