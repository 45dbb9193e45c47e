"""Damage to every part of the record, for every kind of search: said, repaired, and gone on from as if nothing had happened."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "neuroevo"))
sys.path.insert(0, str(Path(__file__).parent))

import older
from record import committed, contents, every_moment
from test_every_moment import SEARCHES, by_birth, everything_is_due, search  # noqa: F401  (a fixture)
from test_older import EXPECTED, FOLDERS

import neuroevo as ne
from neuroevo.decode import build
from neuroevo.store import StoreError
from neuroevo.store.doctor import examine

PAGE = 4096


def essential(folder: Path) -> dict[str, Any]:
    """What a repaired run must end with as if nothing had happened: all but rows about what nobody needs any more."""
    found = contents(folder)
    trials = [row[:-1] for row in found.pop("trials")]  # those whose place in the order is lost have a later one
    return {**{name: rows for name, rows in found.items() if name not in ("generations", "artifacts")}, "trials": trials}


def check(folder: Path, whole: Path, go_on: Callable[[Path], Any]) -> None:
    """Repair a folder, and go on from it."""
    repaired = examine(folder, repair=True)
    assert repaired.left == [], repaired
    assert examine(folder).findings == []
    go_on(folder)
    found, expected = essential(folder), essential(whole)
    assert [name for name in expected if found.get(name) != expected[name]] == []
    assert examine(folder).findings == []


# The database -----------------------------------------------------------------------------------------------------------------


def truncated(data: bytearray, at: int, length: int) -> None:
    del data[at:]


def zeroed(data: bytearray, at: int, length: int) -> None:
    data[at : at + length] = bytes(len(data[at : at + length]))


def lost_page(data: bytearray, at: int, length: int) -> None:
    zeroed(data, at // PAGE * PAGE, PAGE)


def swapped_pages(data: bytearray, at: int, length: int) -> None:
    one, other = at // PAGE * PAGE, (at + length) % len(data) // PAGE * PAGE
    data[one : one + PAGE], data[other : other + PAGE] = data[other : other + PAGE], data[one : one + PAGE]


DAMAGES = (truncated, zeroed, lost_page, swapped_pages)
QUICK = ("successive halving", "a shared network, scored in one trial", "lemonade, asynchronous", "predictions, champions")


def damaged_copies(folder: Path, made: Path, count: int, seed: str) -> list[Path]:
    chosen, copies = random.Random(seed), []
    for number in range(count):
        copy = Path(shutil.copytree(folder, made / f"damaged{number}"))
        data = bytearray((copy / "run.db").read_bytes())
        DAMAGES[number % len(DAMAGES)](data, chosen.randrange(len(data)), chosen.choice([100, 1000, 6000]))
        (copy / "run.db").write_bytes(data)
        copies.append(copy)
    return copies


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in SEARCHES])
@pytest.mark.usefixtures("everything_is_due")
def test_a_repaired_search_ends_as_if_nothing_had_happened(name: str, tmp_path: Path) -> None:
    evaluations = SEARCHES[name][1]
    search(name, tmp_path / "whole")
    search(name, tmp_path / "part", evaluations * 4 // 5)
    for copy in damaged_copies(tmp_path / "part", tmp_path, 4 if name in QUICK else 12, name):
        check(copy, tmp_path / "whole", lambda folder: search(name, folder))
        shutil.rmtree(copy)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["successive halving", "hill climbing", "neat", "neat, population", "lemonade, asynchronous"])
@pytest.mark.usefixtures("everything_is_due")
def test_a_repaired_search_numbered_by_birth_ends_as_if_nothing_had_happened(name: str, tmp_path: Path) -> None:
    """Also where the row that says so is lost."""
    for folder in ("whole", "part"):
        by_birth(tmp_path / folder)
    search(name, tmp_path / "whole")
    search(name, tmp_path / "part", SEARCHES[name][1] * 4 // 5)
    for copy in damaged_copies(tmp_path / "part", tmp_path, 8, f"{name} by birth"):
        check(copy, tmp_path / "whole", lambda folder: search(name, folder))
        shutil.rmtree(copy)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["successive halving", "successive halving, asynchronous", "together, champions", "a shared network"]
)
@pytest.mark.usefixtures("everything_is_due")
def test_a_repaired_search_that_is_killed_on_its_way_ends_as_if_nothing_had_happened(
    name: str, tmp_path: Path, monkeypatch: Any
) -> None:
    """What is made again is made again by the next session too."""
    search(name, tmp_path / "whole")
    search(name, tmp_path / "part", SEARCHES[name][1] * 4 // 5)
    for number, copy in enumerate(damaged_copies(tmp_path / "part", tmp_path, 4, f"{name} killed")):
        assert examine(copy, repair=True).left == []
        (tmp_path / f"again{number}").mkdir()
        with every_moment(copy, tmp_path / f"again{number}", monkeypatch) as again:
            search(name, copy)
        for moment in again[:: max(1, len(again) // 9)]:
            check(moment, tmp_path / "whole", lambda folder: search(name, folder))


@pytest.mark.parametrize("name", ["lemonade", "successive halving, asynchronous"])
def test_noise_in_a_database_is_never_more_than_a_sentence(name: str, tmp_path: Path) -> None:
    search(name, tmp_path / "part", 20)
    chosen = random.Random(name)
    for number in range(12):
        copy = Path(shutil.copytree(tmp_path / "part", tmp_path / f"noise{number}"))
        data = bytearray((copy / "run.db").read_bytes())
        at, length = chosen.randrange(len(data)), chosen.choice([8, 200, 5000])
        data[at : at + length] = chosen.randbytes(len(data[at : at + length]))
        (copy / "run.db").write_bytes(data)
        assert examine(copy, repair=True).left == []
        ne.load_run(copy).history()
        assert search(name, copy).evaluations == SEARCHES[name][1]
        shutil.rmtree(copy)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_a_damaged_folder_of_an_older_release_is_repaired_and_goes_on(folder: Path, tmp_path: Path) -> None:
    """Its rows become those of today; what the older release would have made of the search comes out."""
    names = ("evaluations", "front") if folder.name == "champions" else EXPECTED[folder.name]["whole"]
    for copy in damaged_copies(folder, tmp_path, 4, folder.name):
        assert examine(copy, repair=True).left == []
        assert examine(copy).findings == []
        try:
            run = older.search(folder.name, copy, older.WHOLE)
        except StoreError as error:  # nothing tells that the arrays of its state, which had no digest then, are others
            assert "--repair --without-state" in str(error)
            assert "is set aside" in examine(copy, repair=True, without_state=True).repaired[-1]
            run = older.search(folder.name, copy, older.WHOLE)
        found, expected = older.described(run), EXPECTED[folder.name]["whole"]
        assert {name: found[name] for name in names} == {name: expected[name] for name in names}


def test_an_older_folder_is_brought_to_today_as_the_doctor_says(tmp_path: Path) -> None:
    for folder in FOLDERS:
        copy = Path(shutil.copytree(folder, tmp_path / f"{folder.parent.name} {folder.name}"))
        (finding,) = examine(copy).findings
        assert finding.what == f"run.db has the older schema {folder.parent.name[-1]}" and "becomes schema 3" in finding.remedy
        before = ne.load_run(copy).history()
        assert examine(copy, repair=True).left == []
        assert ne.load_run(copy).history().equals(before)


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("evaluations", "DELETE FROM evaluations WHERE id % 3 = 1"),
        ("trials", "DELETE FROM trials WHERE id % 3 = 1"),
        ("trials", "UPDATE trials SET status = 'finished' WHERE id = 4"),
        ("evaluations", "UPDATE evaluations SET \"values\" = '[0.1, \"low\"]' WHERE id = 4"),
        ("artifacts", "UPDATE artifacts SET kind = '../../config' WHERE id = 2"),
        ("asks", "DELETE FROM asks WHERE number = 3"),
        ("asks", "DELETE FROM asks"),
        ("trials", "UPDATE trials SET completed = NULL, status = 'pending' WHERE completed = 5"),
        ("state", "UPDATE state SET arrays = zeroblob(length(arrays))"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["successive halving, champions", "lemonade, asynchronous"])
@pytest.mark.usefixtures("everything_is_due")
def test_rows_that_are_gone_or_strange_in_a_sound_database_are_found(
    name: str, table: str, statement: str, tmp_path: Path
) -> None:
    search(name, tmp_path / "whole")
    search(name, tmp_path / "run", SEARCHES[name][1] * 4 // 5)
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        changed = database.execute(statement).rowcount
    findings = examine(tmp_path / "run").findings
    found = [finding for finding in findings if finding.what.startswith("run.db holds")]
    assert bool(found) == bool(changed and table != "state"), [finding.what for finding in findings]
    check(tmp_path / "run", tmp_path / "whole", lambda folder: search(name, folder))


@pytest.mark.usefixtures("everything_is_due")
def test_a_repair_that_is_killed_at_any_moment_is_done_by_the_next(tmp_path: Path, monkeypatch: Any) -> None:
    """Of a folder as a kill leaves it, most of its rows in the write-ahead log."""
    with every_moment(tmp_path / "whole", tmp_path, monkeypatch) as copies:
        search("a shared network", tmp_path / "whole")
    run = copies[len(copies) * 3 // 4]
    assert (run / "run.db-wal").stat().st_size > 10 * PAGE
    (run / "run.db").write_bytes(b"")
    (tmp_path / "moments").mkdir()
    with every_moment(run, tmp_path / "moments", monkeypatch) as moments:
        assert examine(run, repair=True).left == []
    assert len(moments) > 3
    kept = len(committed(run))
    for moment in moments:
        assert examine(moment, repair=True).left == [] and len(committed(moment)) == kept > 3
        check(moment, tmp_path / "whole", lambda folder: search("a shared network", folder))


# Artifacts --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["deleted", "rotted"])
@pytest.mark.parametrize(
    ("name", "evaluations", "kind"),
    [
        ("successive halving", 9, "checkpoint"),
        ("successive halving, asynchronous", 19, "checkpoint"),
        ("a shared network", 4, "supernet"),
    ],
)
@pytest.mark.usefixtures("everything_is_due")
def test_what_a_search_would_go_on_from_is_made_again(harm: str, name: str, evaluations: int, kind: str, tmp_path: Path) -> None:
    search(name, tmp_path / "whole")
    search(name, tmp_path / "run", evaluations)
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database:
        needed = json.loads(database.execute("SELECT json FROM state").fetchone()[0])["run"]["artifacts"]
    trial = next(trial for trial, found in needed if found == kind)
    path = tmp_path / "run" / "artifacts" / f"{trial}.{kind}.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.unlink() if harm == "deleted" else path.write_bytes(data)
    (finding,) = examine(tmp_path / "run").findings
    assert kind in finding.what and path.name in finding.what and "makes them again" in finding.remedy
    if harm == "deleted" and not name.endswith("asynchronous"):
        with pytest.raises(StoreError, match=rf"lacks 1 artifacts .*{path.name}.*neuroevo doctor"):
            search(name, tmp_path / "run")
    check(tmp_path / "run", tmp_path / "whole", lambda folder: search(name, folder))


@pytest.mark.parametrize("harm", ["rotted", "deleted", "without its row"])
@pytest.mark.usefixtures("everything_is_due")
def test_what_trials_after_the_last_state_left_is_made_again_by_running_them_again(
    harm: str, tmp_path: Path, monkeypatch: Any
) -> None:
    with every_moment(tmp_path / "whole", tmp_path, monkeypatch) as copies:
        search("together", tmp_path / "whole")
        search("successive halving", tmp_path / "halving")
    for copy in [copy for copy in copies if copy.name.endswith("commit")][8::9]:
        with closing(sqlite3.connect(copy / "run.db")) as database, database:
            saved = database.execute("SELECT json FROM state").fetchone()
            first = 0 if saved is None else json.loads(saved[0])["run"]["next_trial"]
            later = [path for path in (copy / "artifacts").iterdir() if int(path.name.split(".")[0]) >= first]
            for path in later[:1]:
                if harm == "without its row":
                    database.execute("DELETE FROM artifacts")
                    database.execute("DELETE FROM evaluations")
                    database.execute("UPDATE trials SET status = 'pending', completed = NULL")
                    database.execute("DELETE FROM state")
                elif harm == "deleted":
                    path.unlink()
                else:
                    path.write_bytes(path.read_bytes()[:-1] + b"\7")
        found = [finding.what for finding in examine(copy).findings]
        assert len(found) == (len(later) > 0 and harm != "deleted"), found
        check(copy, tmp_path / "whole", lambda folder: search("together", folder))


@pytest.mark.usefixtures("everything_is_due")
def test_weights_that_an_asynchronous_search_misses_are_given_up_when_asked(tmp_path: Path) -> None:
    name = "lemonade, asynchronous"
    search(name, tmp_path / "run", 16)
    for path in (tmp_path / "run" / "artifacts").iterdir():
        path.unlink()
    with closing(sqlite3.connect(tmp_path / "run" / "run.db")) as database, database:
        database.execute("DELETE FROM state")  # which names what is needed; now only the search itself knows it
    with pytest.raises(StoreError, match=r"lacks \d+ artifacts .*neuroevo doctor"):
        search(name, tmp_path / "run")
    (finding,) = examine(tmp_path / "run").findings
    assert "the weights of" in finding.what and "are missing" in finding.what
    assert examine(tmp_path / "run", repair=True).left == []
    assert search(name, tmp_path / "run").evaluations == 20


def test_models_made_after_the_run_are_left_alone_and_missed(tmp_path: Path) -> None:
    search("lemonade", tmp_path / "run")
    run = ne.load_run(tmp_path / "run")
    for _ in range(3):
        run.derive(run.best.id, build(run.best.genome), operators=("train",), scores={"loss": 0.5})
    names = [one.name for one in run.derived]
    assert examine(tmp_path / "run").findings == []
    gone, rotten, kept = (one.path for one in ne.load_run(tmp_path / "run").derived)
    gone.unlink()
    rotten.write_bytes(rotten.read_bytes()[:-1] + b"x")
    found = examine(tmp_path / "run", repair=True).left
    assert [one.what.split(",")[0] for one in found] == [f"derived/{gone.name} is missing", f"derived/{rotten.name} is damaged"]
    assert all(one.repair is None for one in found)
    whole = kept.read_bytes()
    (tmp_path / "run" / "run.db").write_bytes((tmp_path / "run" / "run.db").read_bytes()[:-PAGE])
    examine(tmp_path / "run", repair=True)
    assert kept.read_bytes() == whole and [one.name for one in ne.load_run(tmp_path / "run").derived] == names
