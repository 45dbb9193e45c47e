"""`neuroevo demo`: a first search in one command, and its page."""

import webbrowser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from neuroevo.cli import demo
from neuroevo.cli.main import app


@pytest.mark.slow
def test_the_demo_evolves_networks_and_writes_a_page(tmp_path: Path) -> None:
    arguments = ["demo", "--run", str(tmp_path / "demo"), "--evaluations", "2", "--workers", "1", "--no-open"]
    said = CliRunner().invoke(app, arguments)
    assert said.exit_code == 0, said.output
    assert "2 evaluated" in said.output and "baseline" in said.output
    assert "<html" in (tmp_path / "demo" / "report.html").read_text()[:200]
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code == 0 and "complete (evaluations); 2 evaluated" in again.output


def test_a_page_is_opened_where_there_is_a_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages: list[str] = []
    monkeypatch.setattr(webbrowser, "open_new_tab", lambda address: not pages.append(address))  # type: ignore[func-returns-value]
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not demo.opened(tmp_path / "report.html") and not pages
    monkeypatch.setenv("DISPLAY", ":0")
    assert demo.opened(tmp_path / "report.html") and pages == [(tmp_path / "report.html").as_uri()]
