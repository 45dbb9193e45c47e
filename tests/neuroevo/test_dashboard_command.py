"""`neuroevo dashboard`, as it is typed."""

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="needs the extra dashboard")
pytest.importorskip("uvicorn", reason="needs the extra dashboard")

from command_line import neuroevo
from dashboard_serving import small_run

from neuroevo.dashboard import server

COMMAND = (sys.executable, "-m", "neuroevo.cli.main", "dashboard")


@pytest.mark.skipif(sys.platform == "win32", reason="has no such signal")
@pytest.mark.parametrize("more", [(), ("--allow-start",)])
def test_the_address_that_it_prints_answers_until_it_is_interrupted(tmp_path: Path, more: tuple[str, ...]) -> None:
    small_run(tmp_path / "runs" / "one", evaluations=20)
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *more], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        address, _, token = said.split()[-1].partition("?token=")
        assert said.startswith("the dashboard of runs is on http://127.0.0.1:") and bool(token) == bool(more)
        asked = urllib.request.Request(f"{address}runs.json", headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            assert [row["name"] for row in json.load(answer)["runs"]] == ["one"]
        if more:
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(f"{address}runs.json", timeout=60)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0 and errors == ""


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    ended = neuroevo("dashboard", "nothing", folder=tmp_path)
    assert ended.returncode == 2 and ended.stderr.startswith("neuroevo: there is no folder nothing")


def test_an_address_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"cannot listen on 127.0.0.1, port {port}"):
            server.serve(tmp_path, port=port)


def test_without_the_extra_it_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ImportError, match=r"needs starlette and uvicorn: .*\[dashboard\]"):
        server.serve(tmp_path)
