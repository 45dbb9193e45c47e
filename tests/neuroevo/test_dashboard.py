"""The dashboard's answers: what they hold, and that nothing outside the folder and nothing in a run gets through them."""

import json
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

pytest.importorskip("starlette", reason="needs the extra dashboard")
pytest.importorskip("uvicorn", reason="needs the extra dashboard")

from dashboard_serving import HOSTILE, hostile_run, served, small_run

import neuroevo as ne
from neuroevo import strategies
from neuroevo.dashboard.folders import NoSuchRun, RunsFolder
from neuroevo.dashboard.watched import WatchedRun
from neuroevo.report.page_data import thinned
from neuroevo.testing.evaluator import NumberSpace, SquareTask


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("dashboard") / "runs"
    small_run(root / "first")
    small_run(root / "nested" / "deep" / "second", seed=2)
    return root


@pytest.fixture(scope="module")
def dashboard(folder):
    with served(folder) as found:
        yield found


def test_all_runs_are_listed_also_those_in_folders(dashboard):
    page = dashboard.ask("/")
    assert page.status == 200 and 'id="runs"' in page.text and "<form class" not in page.text
    rows = {row["name"]: row for row in dashboard.ask("/runs.json").json["runs"]}
    assert set(rows) == {"first", "nested/deep/second"}
    first = rows["first"]
    assert first["state"] == "complete (evaluations)" and first["evaluated"] == 60 and first["share"] == 1.0
    assert first["best"].startswith("square ") and first["strategy"] == "nsga2" and not first["going"]
    assert dashboard.ask(rows["nested/deep/second"]["address"]).status == 200


def test_a_run_is_its_own_folder_of_runs(folder):
    with served(folder / "first") as alone:
        (row,) = alone.ask("/runs.json").json["runs"]
        assert row["name"] == "first"
        assert len(alone.ask(f"{row['address']}data.json").json["data"]["individuals"]["id"]) == 60


def test_the_runs_page_holds_no_script_of_its_own_and_is_fed_the_run(dashboard, folder):
    page = dashboard.ask("/runs/first/")
    assert page.status == 200 and not re.search(r"<script(?![^>]*src=)|<style| style=|<[^>]* on\w+=", page.text)
    assert (
        "script-src 'self'" in page.headers["content-security-policy"] and "unsafe" not in page.headers["content-security-policy"]
    )
    run = ne.load_run(folder / "first")
    found = dashboard.ask("/runs/first/data.json").json
    assert found["whole"] and not found["going"] and found["evaluated"] == 60
    assert found["data"]["front"] == [individual.id for individual in run.front]
    assert found["data"]["individuals"]["id"] == [individual.id for individual in run]
    assert "complete (evaluations)" in found["sections"]["state"] and "Failures" in found["sections"]["failures"]


def test_who_has_seen_a_run_is_sent_what_has_changed(tmp_path):
    with served(tmp_path) as dashboard:
        run = small_run(tmp_path / "growing", evaluations=20)
        first = dashboard.ask("/runs/growing/data.json").json
        again = dashboard.ask(f"/runs/growing/data.json?since={first['version']}").json
        assert not again["whole"] and again["data"] == {} and again["sections"] == {} and again["version"] == first["version"]
        ne.evolve(
            NumberSpace(), SquareTask(0.1), strategy=strategies.Nsga2(population=20), budget=ne.Budget(evaluations=40), seed=1,
            run=run.folder, progress=False,
        )  # fmt: skip
        watched = WatchedRun(tmp_path / "growing", "/runs/growing/")
        assert watched.since("")["whole"], "of another server, all is sent"
        for _ in range(100):
            more = dashboard.ask(f"/runs/growing/data.json?since={first['version']}").json
            if more["data"]:
                break
        assert not more["whole"]
        assert more["data"]["individuals"]["id"] == list(range(20, 40)), "the rows that were known are not sent again"
        assert "objectives" not in more["data"] and "40" in more["sections"]["counts"]


def test_a_large_run_is_thinned_but_for_its_front_and_its_ancestors(tmp_path):
    run = small_run(tmp_path / "run", evaluations=200)
    family = {*(one.id for one in run.front), *(parent for one in run.front for parent in one.parents)}
    data = WatchedRun(tmp_path / "run", "/runs/run/", most=30).since("")["data"]
    ids = data["individuals"]["id"]
    assert family <= set(ids) and len(ids) < 200
    everyone = list(run)
    few = {one.id for one in thinned(everyone, (), 60)}
    assert 40 <= len(few) <= 80 and few <= {one.id for one in thinned(everyone[:120], (), 60)} | set(range(120, 200))


def test_an_individual_has_its_ancestry_its_drawing_and_its_files(dashboard, folder):
    run = ne.load_run(folder / "first")
    child = next(one for one in run if one.parents)
    assert dashboard.ask(f"/runs/first/individuals/{child.id}").status == 200
    found = dashboard.ask(f"/runs/first/individuals/{child.id}/data.json").json
    assert {child.id, *child.parents} <= set(found["data"]["individuals"]["id"])
    assert f"individual {child.id} of" in found["recorded"] and found["downloads"][0] == ".json"
    drawing = dashboard.ask(f"/runs/first/individuals/{child.id}/genome.svg")
    assert drawing.headers["content-type"].startswith("image/svg+xml") and drawing.text.startswith("<svg")
    assert "sandbox" in drawing.headers["content-security-policy"]
    written = dashboard.ask(f"/runs/first/individuals/{child.id}/download.json")
    assert json.loads(written.body) == child.genome.to_dict()
    assert (
        written.headers["content-disposition"].startswith("attachment")
        and f"first-{child.id}.json" in written.headers["content-disposition"]
    )


@pytest.mark.parametrize("what", ["individuals/999999", "individuals/999999/data.json", "individuals/999999/genome.svg"])
def test_an_individual_that_is_not_there(dashboard, what):
    answer = dashboard.ask(f"/runs/first/{what}")
    if what.endswith("999999"):
        assert answer.status == 200  # the page; what it asks for says so
    else:
        assert answer.status == 404 and "this run has no individual 999999" in answer.text


def test_a_file_that_cannot_be_written_says_why(dashboard):
    answer = dashboard.ask("/runs/first/individuals/1/download.exe")
    assert answer.status == 422 and ".json, .keras, .onnx" in answer.text


def test_figures_are_pictures_of_their_own(dashboard):
    sections = dashboard.ask("/runs/first/figures.json").json["sections"]
    assert "operators" in sections and "<svg" not in json.dumps(sections)
    (source, *_) = re.findall(r'src="([^"]+)"', sections["operators"])
    assert dashboard.ask(source).text.startswith("<svg")
    assert dashboard.ask("/runs/first/figures/other.svg").status == 404


def test_runs_are_compared(dashboard):
    found = dashboard.ask("/compare.json?run=first&run=nested/deep/second").json
    assert found["measure"] == "hypervolume" and "median" in found["table"]
    (group,) = found["groups"]  # two seeds of one setting
    assert len(group["curves"]) == 2 and group["curves"][0]["at"][-1] == 60
    assert dashboard.ask("/compare.json?run=first&axis=seconds").json["label"] == "seconds"
    for wrong, said in (("run=first&axis=miles", "axis"), ("run=none", "no such run"), ("", "no runs to compare")):
        answer = dashboard.ask(f"/compare.json?{wrong}")
        assert answer.status in (404, 422) and said in answer.json["error"]


# Nothing outside of the folder ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["../outside", "first/../../outside", "..%2Foutside", "%2e%2e/outside", "/first", "first/.", ".", "", "%00", "first%00", "nested", "first\\..\\..\\outside"],
)  # fmt: skip
def test_a_path_that_leads_outside_is_refused(dashboard, folder, path):
    small = folder.parent / "outside"
    if not small.exists():
        shutil.copytree(folder / "first", small)
    for what in ("data.json", "", "individuals/1/download.json"):
        answer = dashboard.ask(f"/runs/{path}/{what}".replace("\\", "%5C"))
        assert answer.status == 404, (path, what, answer.status)


def test_links_that_lead_outside_are_not_followed(folder, tmp_path):
    root, outside = tmp_path / "runs", tmp_path / "outside"
    shutil.copytree(folder / "first", outside)
    shutil.copytree(folder / "first", root / "whole")
    for name in ("config", "database"):
        shutil.copytree(folder / "first", root / name)
    try:
        (root / "linked").symlink_to(outside)
        (root / "config" / "config.json").unlink()
        (root / "config" / "config.json").symlink_to(outside / "config.json")
        (root / "database" / "run.db").unlink()
        (root / "database" / "run.db").symlink_to(outside / "run.db")
        (root / "circle").symlink_to(root)
    except OSError:
        pytest.skip("this system makes no links")
    runs = RunsFolder(root)
    assert runs.names() == ["whole"]
    for name in ("linked", "config", "database", "circle/whole/../../../outside"):
        with pytest.raises(NoSuchRun):
            runs.folder(name)


def test_a_folder_that_is_not_there():
    with pytest.raises(ValueError, match="there is no folder"):
        RunsFolder(Path("no/such/folder"))


def test_reading_writes_nothing(tmp_path):
    small_run(tmp_path / "run")
    files = {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".db-shm", ".db-wal")
    }
    with served(tmp_path) as dashboard:
        for path in (
            "/",
            "/runs.json",
            "/runs/run/",
            "/runs/run/data.json",
            "/runs/run/figures.json",
            "/runs/run/individuals/3/data.json",
        ):
            assert dashboard.ask(path).status == 200
        for path in ("/start", "/runs/run/pause", "/runs/run/resume", "/"):
            assert dashboard.post(path, {"secret": ""}).status in (404, 405)
    after = {
        path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix not in (".db-shm", ".db-wal")
    }
    assert after == files


# Nothing in a run acts --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="has no such file names")
def test_text_from_a_run_stays_text(tmp_path):
    name = "a \"b' <b>&#?%41 é"
    hostile_run(tmp_path / name)
    with served(tmp_path) as dashboard:
        (row,) = dashboard.ask("/runs.json").json["runs"]
        assert row["name"] == name and row["address"] == f"/runs/{quote(name)}/"
        page = dashboard.ask(row["address"])
        assert page.status == 200 and "<b>" not in page.text and "&lt;b&gt;" in page.text
        found = dashboard.ask(row["address"] + "data.json").json
        for section in found["sections"].values():
            assert "<img" not in section and "<script" not in section
        assert "&lt;img" in found["sections"]["failures"] and "&lt;img" in found["sections"]["settings"]
        for section in dashboard.ask(row["address"] + "figures.json").json["sections"].values():
            assert "<script" not in section and "onerror" not in re.sub(r"&[^;]*;", "", section)
            for source in re.findall(r'src="([^"]+)"', section):
                drawn = dashboard.ask(source.replace("&#x27;", "'").replace("&amp;", "&"))
                assert drawn.status == 200 and "<script" not in drawn.text and "<img" not in drawn.text
        answer = dashboard.ask(f"/runs/{quote(HOSTILE, safe='')}/data.json")
        assert answer.status == 404 and "<" not in answer.text


def test_a_run_that_cannot_be_read_says_so_and_the_others_are_shown(tmp_path):
    small_run(tmp_path / "sound")
    for name in ("broken", "unknown"):
        shutil.copytree(tmp_path / "sound", tmp_path / name)
    (tmp_path / "broken" / "run.db").write_bytes(b"no database" * 500)
    config = json.loads((tmp_path / "unknown" / "config.json").read_text())
    config["space"] = {"encoding": "<script>alert(1)</script>"}
    (tmp_path / "unknown" / "config.json").write_text(json.dumps(config))
    with served(tmp_path) as dashboard:
        states = {row["name"]: row["state"] for row in dashboard.ask("/runs.json").json["runs"]}
        assert states["sound"].startswith("complete") and states["broken"].startswith("cannot be read")
        answer = dashboard.ask("/runs/unknown/data.json")
        assert answer.status == 422 and "is not registered" in answer.json["error"]
        assert dashboard.ask("/runs/broken/data.json").status == 422


def test_what_nobody_thought_of_is_said_where_the_dashboard_runs(dashboard, monkeypatch, capsys):
    monkeypatch.setattr(WatchedRun, "since", lambda self, seen: 1 / 0)
    answer = dashboard.ask("/runs/first/data.json")
    assert answer.status == 500 and "the terminal in which it runs" in answer.json["error"]
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_numbers_that_are_not_finite_are_no_answer(tmp_path):
    run = small_run(tmp_path / "run")
    (tmp_path / "run" / "test.json").write_text(f'{{"{run.best.id}": {{"square": NaN, "distance": 1e999}}}}')
    with served(tmp_path) as dashboard:
        answer = dashboard.ask("/runs/run/data.json")
        assert "NaN" not in answer.text and answer.json["data"]["test"] == {str(run.best.id): {"square": None, "distance": None}}


# Who may ask ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[::1", "localhost@evil.example/"]
)
def test_a_page_elsewhere_that_was_made_to_lead_here_gets_nothing(dashboard, host):
    assert dashboard.ask("/runs.json", Host=host).status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8517", "[::1]:80", "LOCALHOST"])
def test_who_names_this_machine_gets_an_answer(dashboard, host):
    assert dashboard.ask("/runs.json", Host=host).status == 200


def test_elsewhere_a_token_is_needed(folder):
    with served(folder, host="0.0.0.0") as dashboard:
        assert dashboard.token and len(dashboard.token) >= 24
        for path in ("/", "/runs.json", "/static/page.js", "/runs/first/", "/nothing"):
            assert dashboard.ask(path, known=False).status == 403
            assert (
                dashboard.ask(path, known=False, Authorization="Bearer wrong", Cookie=f"neuroevo-{dashboard.port}=wrong").status
                == 403
            )
        assert dashboard.ask("/runs.json").status == 200
        entered = dashboard.ask(f"/compare?run=first&token={dashboard.token}", known=False)
        assert entered.status == 303 and entered.headers["location"] == "/compare?run=first"
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite" in cookie
        assert dashboard.ask("/runs.json", known=False, Cookie=cookie.partition(";")[0]).status == 200
        away = dashboard.ask(f"//evil.example/?token={dashboard.token}", known=False)
        assert away.status == 303 and re.match(r"/[^/]", away.headers["location"])


def test_every_answer_says_what_a_browser_may_do_with_it(dashboard):
    for path in ("/", "/runs.json", "/static/page.css", "/nothing", "/runs/first/data.json"):
        headers = dashboard.ask(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
    assert dashboard.ask("/static/..%2F..%2Fapplication.py").status == 404
    assert dashboard.ask("/static/application.py").status == 404
