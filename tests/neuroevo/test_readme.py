"""The README's snippets run as they are written, and those of the tutorial that the site's tests leave out."""

import re
from pathlib import Path

import pytest

import neuroevo as ne

ROOT = Path(__file__).parents[2]


def run_snippet(after: str, page: str = "README.md") -> dict[str, object]:
    """Run the first Python block behind a text."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text().split(after)[1], re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(compile(code, page, "exec"), names)
    return names


def test_your_own_fitness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_snippet("## Your own fitness")["run"]
    assert isinstance(run, ne.Run) and run.solved
    assert ne.load_genome("winner.json") == run.best.genome
    assert Path("winner.png").read_bytes().startswith(b"\x89PNG")
    assert f"<Individual {run.best.id} NeatGenome" in capsys.readouterr().out


def test_networks_act_in_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gymnasium")
    monkeypatch.chdir(tmp_path)
    run = run_snippet("any gymnasium environment", "docs/tutorials/fitness.md")["run"]
    assert isinstance(run, ne.Run) and run.solved
    assert Path("cartpole.gif").read_bytes().startswith(b"GIF")


def test_a_population_is_trained_by_gradient() -> None:
    names = run_snippet("trained at once by gradient", "docs/tutorials/fitness.md")
    run, model = names["run"], names["model"]
    assert isinstance(run, ne.Run) and run.solved
    assert model(names["x"]).shape == (4, 1)  # type: ignore[operator]


def test_the_front_door_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150
