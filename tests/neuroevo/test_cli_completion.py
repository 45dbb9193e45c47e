"""What a shell completes, through the command line's own completion protocol; and suggestions in errors."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command_line import neuroevo

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.files import near


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("user")
    (path / "tumours.csv").write_text("a,b\n1,2\n")
    (path / "notes.txt").write_text("")
    ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        lambda network: float(network(np.ones((1, 2)))[0, 0]),
        population=10,
        budget=ne.Budget(generations=1),
        run=path / "runs" / "tall",
    )
    return path


def completed(folder: Path, *words: str) -> list[str]:
    """The candidates that bash would be given for the last word."""
    return _answer(
        folder, {"_NEUROEVO_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    )


def _answer(folder: Path, variables: dict[str, str]) -> list[str]:
    return neuroevo(folder=folder, variables=variables).stdout.split()


def test_a_shell_that_asks_a_process_of_its_own_gets_the_same(folder: Path) -> None:
    asked = {"_NEUROEVO_COMPLETE": "complete_bash", "COMP_WORDS": "neuroevo search dig", "COMP_CWORD": "2"}
    code = "from neuroevo.cli.main import app; app(prog_name='neuroevo')"
    environment = {**os.environ, **asked, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == _answer(folder, asked) == ["digits"]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("search dig", ["digits"]),
        ("search tum", ["tumours.csv"]),
        ("search digits --strategy le", ["lemonade"]),
        ("search digits --objectives error,lo", ["error,loss"]),
        ("search digits --objectives error<0.1,error", []),
        ("search digits --encoding d", ["dag"]),
        ("search digits --inheritance l", ["lamarckian"]),
        ("search digits --preset q", ["quick"]),
        ("sea", ["search"]),
        ("show ta", []),
        ("show runs/t", ["runs/tall"]),
        ("plot runs/tall prog", ["progress"]),
        ("list obj", ["objectives"]),
    ],
)
def test_names_are_completed(folder: Path, typed: str, offered: list[str]) -> None:
    assert completed(folder, "neuroevo", *typed.split()) == offered


def test_ids_of_the_named_run_are_completed(folder: Path) -> None:
    best = str(ne.load_run(folder / "runs" / "tall").best.id)
    assert completed(folder, "neuroevo", "export", "runs/tall", best) == [best]


def test_a_mistyped_path_is_suggested(folder: Path) -> None:
    assert near(folder / "tumors.csv") == f"; did you mean {str(folder / 'tumours.csv')!r}?"
    assert near(folder / "nowhere" / "tumours.csv") == near(folder / "something else") == ""
    with pytest.raises(ValueError, match=r"no file .*tumors.csv; did you mean .*tumours.csv"):
        ne.data.load(folder / "tumors.csv", target="b")
    with pytest.raises(ValueError, match=r"is not a run: .*did you mean .*runs/tall"):
        ne.load_run(folder / "runs" / "tal")
