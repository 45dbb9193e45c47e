"""Damaged folders: a clear sentence, the doctor's diagnosis, and a repaired run that ends as if nothing had happened."""

import json
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import short_run
import tiny_training
from command_line import neuroevo
from short_run import search

import neuroevo as ne
from neuroevo.store import StoreError
from neuroevo.store.doctor import examine


def same(a: ne.Run, b: ne.Run) -> bool:
    return a.history().equals(b.history()) and [i.id for i in a.front] == [i.id for i in b.front]


@pytest.fixture(scope="module", autouse=True)
def at_once() -> Iterator[None]:
    """Candidates take no time: nothing is killed here but a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (short_run, tiny_training):
            patch.setattr(module, "time", SimpleNamespace(sleep=lambda seconds: None))
        yield


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A search that trains and inherits, with its artifacts."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    search(str(folder), "lemonade", evaluations=60)
    return folder


@pytest.fixture(scope="module")
def longer(tmp_path_factory) -> ne.Run:
    """What it becomes under a larger budget."""
    return search(str(tmp_path_factory.mktemp("longer") / "run"), "lemonade", evaluations=76)


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def committed(folder: Path) -> dict[int, str]:
    """Evaluations by trial: here, every trial has one individual."""
    database = sqlite3.connect(folder / "run.db")
    try:
        return dict(database.execute('SELECT trial, "values" FROM evaluations'))
    finally:
        database.close()


def test_a_healthy_folder_is_in_order(run: Path, longer: ne.Run) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "run.lock"}
    assert examine(run).findings == examine(run, repair=True).findings == []
    assert {path: path.read_bytes() for path in before} == before
    assert same(search(str(run), "lemonade", evaluations=76), longer)


def test_the_command_says_what_is_wrong_and_repairs_it(run: Path, longer: ne.Run) -> None:
    log = run / "log.jsonl"
    log.write_bytes(log.read_bytes()[:-9])
    (run / "config.json").write_text('{"space": {')
    (run / "artifacts" / "7.safetensors.tmp").write_bytes(b"half")
    (run / "run.lock").write_text("4242\n")
    looked = neuroevo("doctor", run, folder=run.parent)
    assert looked.returncode == 1, looked.stdout + looked.stderr
    for sentence in ("log.jsonl has 1 torn lines", "config.json is damaged", "7.safetensors.tmp", "names process 4242"):
        assert sentence in looked.stdout
    with pytest.raises(StoreError, match="neuroevo doctor"):
        ne.load_run(run)
    repaired = neuroevo("doctor", run, "--repair", folder=run.parent)
    assert repaired.returncode == 0 and "is in order" in repaired.stdout
    assert neuroevo("doctor", run, folder=run.parent).stdout == f"{run} is in order\n"
    assert same(search(str(run), "lemonade", evaluations=76), longer)


def test_deleted_weights_are_named_and_given_up_when_asked(run: Path) -> None:
    front = ne.load_run(run).front
    lost = [individual.trial for individual in front[:2]]
    for trial in lost:
        (run / "artifacts" / f"{trial}.safetensors").unlink()
    loaded = ne.load_run(run)
    assert [individual.id for individual in loaded.front] == [individual.id for individual in front]
    with pytest.raises(
        StoreError, match=f"lacks 2 artifacts that the front or the search needs.*/{min(lost)}.safetensors.*neuroevo doctor"
    ):
        search(str(run), "lemonade", evaluations=76)
    (finding,) = examine(run).findings
    assert "the weights of 2 individuals are missing" in finding.what
    assert examine(run, repair=True).left == []
    resumed = search(str(run), "lemonade", evaluations=76)
    assert resumed.evaluations == 76 and resumed.failures == 0


def test_weights_that_rotted_are_found_by_their_digest(run: Path) -> None:
    trial = ne.load_run(run).front[0].trial
    path = run / "artifacts" / f"{trial}.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    (finding,) = examine(run).findings
    assert f"are damaged (artifacts/{trial}.safetensors)" in finding.what
    assert examine(run, repair=True).left == []


def test_a_folder_in_use_is_looked_at_and_left_alone(run: Path) -> None:
    from neuroevo.store import Store

    store = Store(run, writable=True)
    (run / "log.jsonl").write_text("{")
    found = examine(run, repair=True)
    store.close()
    assert "being written by another process" in found.busy and found.repaired == []
    assert (run / "log.jsonl").read_text() == "{"


def test_settings_that_are_lost_twice_are_said_to_be(run: Path) -> None:
    with sqlite3.connect(run / "run.db") as database:
        database.execute("DELETE FROM meta WHERE key = 'settings'")
    (run / "config.json").unlink()
    (finding,) = examine(run, repair=True).left
    assert "config.json is missing, and the database has no copy of it" in finding.what


def truncated(run: Path, offset: int) -> None:
    path = run / "run.db"
    path.write_bytes(path.read_bytes()[:offset])


def check_truncation(run: Path, offset: int) -> int:
    """Truncate, look, repair; how many evaluations survived."""
    before = committed(run)
    path = run / "run.db"
    whole = path.read_bytes()
    truncated(run, offset)
    for attempt in (lambda: ne.load_run(run), lambda: search(str(run), "lemonade", evaluations=76)):
        with pytest.raises(StoreError) as caught:
            attempt()
        assert "\n" not in str(caught.value) and "run.db" in str(caught.value)
    assert path.read_bytes() == whole[:offset], "what is damaged is not touched before somebody asks for a repair"
    found = examine(run, repair=True)
    assert found.left == [] and found.repaired, found
    after = committed(run)
    assert all(before[id] == values for id, values in after.items()), "what survives is what was committed"
    assert 0 <= len(ne.load_run(run).history()) <= len(after)
    return len(after)


@pytest.mark.parametrize(
    ("share", "most"),  # trials come before the artifacts that they left, these before the genomes
    [
        (0.0, False),
        pytest.param(0.3, False, marks=pytest.mark.slow),
        (0.5, True),
        pytest.param(0.95, True, marks=pytest.mark.slow),
    ],
)
def test_a_truncated_database_is_said_to_be_and_the_repaired_run_ends_as_if_nothing_had_happened(
    share: float, most: bool, run: Path, longer: ne.Run
) -> None:
    """Weights of parents that are gone are made again with their evaluations."""
    survivors = check_truncation(run, int((run / "run.db").stat().st_size * share))
    assert (survivors > 30) == most
    assert same(search(str(run), "lemonade", evaluations=76), longer)


@pytest.mark.slow
def test_a_hundred_truncations_at_random_offsets(finished: Path, tmp_path: Path, longer: ne.Run) -> None:
    size = (finished / "run.db").stat().st_size
    offsets = random.Random(1)
    kept = []
    for number in range(100):
        run = Path(shutil.copytree(finished, tmp_path / f"run{number}"))
        offset = offsets.randrange(size)
        kept.append((offset / size, check_truncation(run, offset)))
        if number % 10 == 0:
            assert same(search(str(run), "lemonade", evaluations=76), longer)
        shutil.rmtree(run)
    shares = [(share, survivors / 60) for share, survivors in sorted(kept)]
    print(
        json.dumps(
            {"truncations": len(kept), "mean_share_of_file": mean(s for s, _ in shares), "mean_kept": mean(k for _, k in shares)}
        )
    )


def mean(values) -> float:
    found = list(values)
    return sum(found) / len(found)


@pytest.mark.parametrize("strategy", ["nsga2", "regularized_evolution", "neat"])
@pytest.mark.parametrize("share", [pytest.param(0.3, marks=pytest.mark.slow), 0.8])
def test_a_repaired_run_of_cheap_candidates_ends_as_if_nothing_had_happened(strategy: str, share: float, tmp_path: Path) -> None:
    whole = search(None, strategy, evaluations=320)
    search(str(tmp_path / "run"), strategy, evaluations=256)
    truncated(tmp_path / "run", int((tmp_path / "run" / "run.db").stat().st_size * share))
    assert examine(tmp_path / "run", repair=True).left == []
    assert same(search(str(tmp_path / "run"), strategy, evaluations=320), whole)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_repaired_asynchronous_run_keeps_the_completions_without_gaps(share: float, tmp_path: Path) -> None:
    whole = search(None, "nsga2", evaluations=320, schedule="asynchronous")
    search(str(tmp_path / "run"), "nsga2", evaluations=256, schedule="asynchronous")
    truncated(tmp_path / "run", int((tmp_path / "run" / "run.db").stat().st_size * share))
    assert examine(tmp_path / "run", repair=True).left == []
    assert same(search(str(tmp_path / "run"), "nsga2", evaluations=320, schedule="asynchronous"), whole)


@pytest.mark.parametrize("share", [0.5, pytest.param(0.9, marks=pytest.mark.slow)])
def test_a_repaired_asynchronous_run_goes_on_in_an_order_of_its_own(share: float, tmp_path: Path) -> None:
    """Births that came of completions which are lost are forgotten: the workers complete in another order this time."""
    options = {"schedule": "asynchronous", "workers": 2}
    search(str(tmp_path / "run"), "nsga2", evaluations=256, **options)
    truncated(tmp_path / "run", int((tmp_path / "run" / "run.db").stat().st_size * share))
    assert examine(tmp_path / "run", repair=True).left == []
    kept = committed(tmp_path / "run")
    run = search(str(tmp_path / "run"), "nsga2", evaluations=320, **options)
    assert run.evaluations == 320 and kept.items() <= committed(tmp_path / "run").items()
    assert same(ne.load_run(tmp_path / "run"), run)


def test_rows_committed_to_the_log_only_are_salvaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A killed run leaves a write-ahead log; the database beside it is damaged."""
    monkeypatch.setattr(tiny_training, "time", time)  # the same code here as in the process that is killed
    script = (
        "import os, sys; sys.path.insert(0, sys.argv[2]); from short_run import *\n"
        "class Kill(ne.Callback):\n"
        "    def on_generation(self, run):\n"
        "        if run.generation == 6:\n"
        "            os.kill(os.getpid(), 9)\n"
        "search(sys.argv[1], 'lemonade', callbacks=[Kill()])\n"
    )
    folder = tmp_path / "run"
    subprocess.run([sys.executable, "-c", script, str(folder), str(Path(__file__).parent)], timeout=60)
    assert (folder / "run.db-wal").stat().st_size > 0
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    before = committed(copy)
    (folder / "run.db").write_bytes(b"\0" * 5000)
    assert examine(folder, repair=True).left == []
    assert committed(folder) == before and len(before) >= 48
    assert same(search(str(folder), "lemonade"), search(str(tmp_path / "whole"), "lemonade"))
