"""A disk that becomes full at any write: one sentence, and the search goes on once there is room, as if nothing had happened."""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "neuroevo"))
sys.path.insert(0, str(Path(__file__).parent))

from record import contents
from test_every_moment import SEARCHES, everything_is_due, search  # noqa: F401

import neuroevo as ne
import neuroevo.core.files as files
from neuroevo.store import Store, StoreError
from neuroevo.store.doctor import examine

PARTS = ("successive halving", "a shared network", "together, champions", "predictions, asynchronous", "lemonade, asynchronous", "neat, population, champions")  # fmt: skip


@contextmanager
def full_at(number: int, monkeypatch: Any, *, stays: bool) -> Iterator[list[str]]:
    """The disk is full at the so-many-th write of a file or commit in it, and then (`stays`) at all later ones."""
    written: list[str] = []

    def full(what: str) -> bool:
        written.append(what)
        return len(written) == number or (stays and len(written) > number)

    write, flush = files.write_whole, Store._write_buffered

    def write_whole(path: Path, data: bytes) -> None:
        if full(path.name):
            path.with_name(path.name + ".tmp").write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data)

    def write_buffered(store: Store) -> None:
        flush(store)
        if full("a commit"):
            raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("neuroevo.store.store.write_whole", write_whole)
        patch.setattr(files, "write_whole", write_whole)
        patch.setattr(Store, "_write_buffered", write_buffered)
        yield written


QUICK = PARTS[0], PARTS[-2], PARTS[-1]


def unexpected(folder: Path) -> list[str]:
    """What is wrong with a folder apart from what a write that failed leaves: half a file, a file whose row was not committed."""
    left = (".tmp", "belong to no trial that came back")
    return [finding.what for finding in examine(folder).findings if not any(text in finding.what for text in left)]


@pytest.mark.parametrize("stays", [pytest.param(False, marks=pytest.mark.slow), True])
@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in SEARCHES])
@pytest.mark.usefixtures("everything_is_due")
def test_a_search_whose_disk_was_full_goes_on_exactly(name: str, stays: bool, tmp_path: Path, monkeypatch: Any) -> None:
    with full_at(0, monkeypatch, stays=False) as writes:
        search(name, tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    for number in range(6, len(writes), 1 + len(writes) // (12 if name in PARTS else 40)):
        folder = tmp_path / str(number)
        with full_at(number, monkeypatch, stays=stays), pytest.raises(StoreError, match="is full; what was committed is kept"):
            search(name, folder)
        if number > 10:
            ne.load_run(folder)
        assert unexpected(folder) == []
        search(name, folder)
        found = contents(folder)
        assert [table for table in expected if found[table] != expected[table]] == [], (number, writes[number - 1])


def test_a_small_disk_fills_while_artifacts_are_written(tmp_path: Path) -> None:
    from test_store import mounted

    with mounted(tmp_path / "disk", "size=700k"):
        with pytest.raises(StoreError, match=r"the disk that holds .* is full"):
            search("lemonade", tmp_path / "disk" / "run", evaluations=200)
        assert 0 < ne.load_run(tmp_path / "disk" / "run").evaluations < 200
        assert unexpected(tmp_path / "disk" / "run") == []
        subprocess.run(["mount", "-o", "remount,size=20m", str(tmp_path / "disk")], check=True)
        search("lemonade", tmp_path / "disk" / "run", evaluations=200)
        found = contents(tmp_path / "disk" / "run")
    search("lemonade", tmp_path / "whole", evaluations=200)
    assert found == contents(tmp_path / "whole")
