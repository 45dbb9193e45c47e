"""What a search says before a network is trained."""

from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from neuroevo.cli import search
from neuroevo.deploy.reference_models import references_of
from neuroevo.run.search import SearchSettings


def task_of(rows: int = 120) -> ne.tasks.Classification:
    x = np.random.default_rng(1).normal(size=(rows, 3))
    return ne.tasks.Classification((x, (x[:, 0] > -0.3).astype(int)), seed=1)


def test_what_needs_no_network_is_said_first(capsys: pytest.CaptureFixture[str]) -> None:
    fitted = search.first_answers(task_of(), 1, True)
    said = capsys.readouterr().err
    assert [one.name for one in fitted] == ["linear", "forest", "boosting"]
    assert said.startswith("before the search: error on validation data without a network: always '1': 0.")
    assert all(f"{one.name} ({one.about}): {one.validation['error']:.4g}" in said for one in fitted)
    assert search.first_answers(task_of(), 1, False) == [] and "linear" not in capsys.readouterr().err


def test_references_of_large_data_wait(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SOON", 100)
    assert search.first_answers(task_of(), 1, True) == []
    assert "always '1'" in capsys.readouterr().err


def test_they_are_fitted_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "table.csv"
    x = np.random.default_rng(1).normal(size=(60, 2))
    table.write_text("a,b,c\n" + "\n".join(f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in x) + "\n")
    settings = SearchSettings(str(table), target="c", epochs=1, seed=1)
    run = search.evolve_networks(settings, tmp_path / "run", evaluations=1, evaluator=ne.evaluators.Serial(), references=True, folds=0)
    said = capsys.readouterr().err
    assert said.index("before the search: error") < said.index("after the search") and "fitting the reference" not in said
    assert [one.name for one in references_of(run)] == ["linear", "forest", "boosting"]
