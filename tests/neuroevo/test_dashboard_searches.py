"""Searches that are started, paused and gone on with from the dashboard: who may, what is refused, and that it happens."""

import json
import os
import re
import sys
import time
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra dashboard")
pytest.importorskip("uvicorn", reason="needs the extra dashboard")

from dashboard_serving import Served, served, small_run

import neuroevo as ne
from neuroevo.dashboard.working import working_section
from neuroevo.store import Store
from neuroevo.store.connection import writer_of

# Instead of the command line: writes down how it was called, and fails with a sentence where the data are wine.
STAND_IN = """
import json, sys
with open("called.jsonl", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if sys.argv[-1] == "wine":
    sys.exit("neuroevo: <b>nothing</b> can be learned from wine")
"""
FORM = {
    "name": "flowers",
    "data": "iris",
    "evaluations": "12",
    "workers": "1",
    "seed": "3",
    "strategy": "nsga2",
    "encoding": "network",
}


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    (tmp_path / "runs").mkdir()
    with served(tmp_path / "runs", allow_start=True, command=(sys.executable, str(tmp_path / "stand_in.py"))) as dashboard:
        yield dashboard


def secret_of(dashboard: Served) -> str:
    return re.findall(r'name="secret" value="([^"]+)"', dashboard.ask("/").text)[0]


def called(folder: Path, times: int = 1) -> list[list[str]]:
    file = folder / "called.jsonl"
    for _ in range(600):
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) >= times:
            return [json.loads(line) for line in lines]
        time.sleep(0.05)
    raise AssertionError("it was not called")


def until(condition, seconds: float = 240.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError("it did not happen")


def test_nothing_is_started_unless_it_is_allowed(tmp_path):
    small_run(tmp_path / "run")
    with served(tmp_path) as dashboard:
        assert "Start a search" not in dashboard.ask("/").text and "<form" not in dashboard.ask("/runs/run/").text
        for path in ("/start", "/runs/run/pause", "/runs/run/resume"):
            assert dashboard.post(path, {**FORM, "secret": "guess"}).status in (404, 405)


def test_a_search_is_started_as_the_form_says(stand_in, tmp_path):
    answer = stand_in.post(
        "/start", {**FORM, "objectives": "error,parameters<2000", "target": "--import=evil.py", "secret": secret_of(stand_in)}
    )
    assert answer.status == 303 and answer.headers["location"] == "/"
    assert called(tmp_path)[0] == [
        "search", f"--run={tmp_path / 'runs' / 'flowers'}", "--evaluations=12", "--workers=1", "--seed=3", "--strategy=nsga2",
        "--encoding=network", "--objectives=error,parameters<2000", "--target=--import=evil.py", "--", "iris",
    ]  # fmt: skip


def test_why_a_search_did_not_start_is_said(stand_in, tmp_path):
    assert stand_in.post("/start", {**FORM, "data": "wine", "secret": secret_of(stand_in)}).status == 303
    (said,) = until(lambda: [text for text in stand_in.ask("/runs.json").json["said"] if "starting" not in text], 60)
    assert said == "flowers did not go on: neuroevo: <b>nothing</b> can be learned from wine"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": "../outside"}, "a run's name is letters"),
        ({"name": ".hidden"}, "a run's name is letters"),
        ({"name": ""}, "a run's name is letters"),
        ({"name": "taken"}, "there is a folder taken already"),
        ({"evaluations": "-1"}, "evaluations is a whole number from 1"),
        ({"evaluations": "1e3"}, "evaluations is a whole number"),
        ({"workers": "1000"}, "workers is a whole number from 1 to 64"),
        ({"strategy": "os.system"}, "strategy"),
        ({"encoding": "nothing"}, "encoding"),
        ({"data": "/etc/passwd"}, "data is the name of a data set"),
        ({"data": "../secret.csv"}, "data is the name of a data set"),
        ({"data": "--import=evil.py"}, "data is the name of a data set"),
        ({"data": ""}, "data is the name of a data set"),
    ],
)
def test_a_form_that_asks_for_anything_else_is_refused(stand_in, tmp_path, wrong, said):
    (tmp_path / "runs" / "taken").mkdir()
    answer = stand_in.post("/start", {**FORM, **wrong, "secret": secret_of(stand_in)})
    assert answer.status == 422 and said in answer.text.replace("&#x27;", "'")
    assert not (tmp_path / "called.jsonl").exists()


def test_only_a_page_of_this_dashboard_may_start(stand_in, tmp_path):
    secret = secret_of(stand_in)
    form = {**FORM, "secret": secret}
    assert stand_in.post("/start", form, known=False).status == 403, "without the token"
    assert stand_in.post("/start", form, Origin="http://evil.example").status == 403
    assert stand_in.post("/start", form, Origin="null").status == 403
    assert stand_in.post("/start", form, Origin=f"{stand_in.address}.evil.example").status == 403
    assert stand_in.post("/start", form, Sec_Fetch_Site="cross-site").status == 403
    assert stand_in.post("/start", {**FORM, "secret": "guess"}).status == 403
    assert stand_in.post("/start", {**form, "target": "x" * 20_000}).status == 413
    assert stand_in.ask(f"/start?{'&'.join(f'{k}={v}' for k, v in form.items())}").status in (404, 405)
    assert not (tmp_path / "called.jsonl").exists()


def test_a_run_of_python_code_is_not_gone_on_with(stand_in, tmp_path):
    small_run(tmp_path / "runs" / "own")
    config = json.loads((tmp_path / "runs" / "own" / "config.json").read_text())
    for task in (
        {"task": "Function", "fitness": "os.system"},
        {"task": "Environment", "environment": "evil:World-v0"},
        config["task"],
        None,
    ):
        (tmp_path / "runs" / "own" / "config.json").write_text(json.dumps({**config, "task": task}))
        answer = stand_in.post("/runs/own/resume", {"secret": secret_of(stand_in)})
        assert answer.status == 422 and "only searches on data" in answer.text
    (tmp_path / "runs" / "own" / "config.json").write_text(
        json.dumps({**config, "task": {"task": "Classification", "data": "iris"}})
    )
    assert stand_in.post("/runs/own/resume", {"evaluations": "many", "secret": secret_of(stand_in)}).status == 422
    assert stand_in.post("/runs/own/resume", {"evaluations": "90", "secret": secret_of(stand_in)}).status == 303
    assert called(tmp_path)[0] == ["resume", "--evaluations=90", "--", str(tmp_path / "runs" / "own")]
    assert stand_in.post("/runs/../own/resume", {"secret": secret_of(stand_in)}).status == 404


def test_a_run_that_nobody_writes_to_is_not_paused(stand_in, tmp_path):
    run = small_run(tmp_path / "runs" / "own")
    assert writer_of(run.folder) is None
    (run.folder / "run.lock").write_text(" 1\n")  # names a process that has not this file open
    answer = stand_in.post("/runs/own/pause", {"secret": secret_of(stand_in)})
    assert answer.status == 422 and "no process on this machine" in answer.text


def test_the_process_that_writes_to_a_run_is_known_and_what_it_asked_for(tmp_path):
    from neuroevo.core.individual import Individual
    from neuroevo.core.trial import Trial
    from neuroevo.testing.evaluator import Number, NumberSpace

    run = small_run(tmp_path / "run", evaluations=20)
    individual = Individual(20, Number(NumberSpace(), 1.0), (-1.0,), parents=(3, 4), operators=("average", "shift"))
    store = Store(run.folder, writable=True)
    try:
        store.births([individual])
        store.trial(Trial(20, (individual,)))
        store.commit()
        assert writer_of(run.folder) == os.getpid()
        section = working_section(run.folder)
    finally:
        store.close()
    assert "individual 20: average, shift of 3 and 4" in section and f"<td>{os.getpid()}</td><td>the search</td>" in section
    assert writer_of(run.folder) is None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
def test_a_search_is_started_paused_gone_on_with_and_its_network_downloaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    with served(tmp_path / "runs", allow_start=True) as dashboard:
        secret = {"secret": secret_of(dashboard)}
        assert dashboard.post("/start", {**FORM, "evaluations": "500", **secret}).status == 303
        state = lambda: {row["name"]: row for row in dashboard.ask("/runs.json").json["runs"]}.get("flowers")  # noqa: E731
        until(lambda: (row := state()) and row["going"] and row["evaluated"] >= 3)
        again = dashboard.post("/start", {**FORM, **secret})
        assert again.status == 422 and "there is a folder flowers already" in again.text
        assert dashboard.post("/runs/flowers/resume", secret).status == 422
        assert dashboard.post("/runs/flowers/pause", secret).status == 303
        paused = until(lambda: (row := state()) and not row["going"] and row)
        assert paused["state"] == "interrupted" and paused["paused"] and 3 <= paused["evaluated"] < 500
        wanted = str(paused["evaluated"] + 4)
        until(lambda: dashboard.post("/runs/flowers/resume", {"evaluations": wanted, **secret}).status == 303, 30)
        assert "starting" in dashboard.ask("/runs/flowers/data.json").json["said"]
        done = until(lambda: (row := state()) and row["state"].startswith("complete") and row)
        assert done["evaluated"] == int(wanted)
        best = ne.load_run(tmp_path / "runs" / "flowers").best.id
        for suffix in (".keras", ".json"):
            answer = dashboard.ask(f"/runs/flowers/individuals/{best}/download{suffix}")
            assert answer.status == 200, answer.text
            (tmp_path / f"net{suffix}").write_bytes(answer.body)
        assert "config.json" in zipfile.ZipFile(tmp_path / "net.keras").namelist()
        assert ne.load_genome(tmp_path / "net.json") == ne.load_run(tmp_path / "runs" / "flowers").best.genome
