"""The README's snippets run as they are written."""

import re
from pathlib import Path

import pytest

import neuroevo as ne

README = (Path(__file__).parents[2] / "README.md").read_text()


def snippet(after: str) -> str:
    """The first Python block behind a text."""
    return re.findall(r"```python\n(.*?)```", README.split(after)[1], re.DOTALL)[0]


def run_snippet(after: str) -> dict[str, object]:
    names: dict[str, object] = {}
    exec(compile(snippet(after), "<README.md>", "exec"), names)
    return names


def test_your_own_fitness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    run = run_snippet("## Your own fitness")["run"]
    assert isinstance(run, ne.Run) and run.solved
    assert ne.load_genome("winner.json") == run.best.genome
    assert Path("winner.png").read_bytes().startswith(b"\x89PNG")
    assert f"<Individual {run.best.id} NeatGenome" in capsys.readouterr().out


def test_recipes_rather_than_blueprints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_snippet("recipes rather than blueprints")
    assert names["network"].connections == 14_641  # type: ignore[attr-defined]
    assert Path("substrate.png").read_bytes().startswith(b"\x89PNG")


def test_networks_act_in_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("gymnasium")
    monkeypatch.chdir(tmp_path)
    run = run_snippet("any gymnasium environment")["run"]
    assert isinstance(run, ne.Run) and run.solved
    assert Path("cartpole.gif").read_bytes().startswith(b"GIF")


def test_a_population_is_trained_by_gradient() -> None:
    names = run_snippet("trained at once by gradient")
    run, model = names["run"], names["model"]
    assert isinstance(run, ne.Run) and run.solved
    assert model(names["x"]).shape == (4, 1)  # type: ignore[operator]
