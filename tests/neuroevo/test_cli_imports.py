"""A user's own encoding at the command line: every command takes its module, each time, and says so where it is missing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import genomes.base
import neuroevo as ne
from neuroevo.cli.imports import import_module_or_file, imports_first
from neuroevo.cli.main import app

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own_genome.py"
COMMANDS = {
    "show": ("show", "run1"),
    "show one": ("show", "run1", "0"),
    "show as JSON": ("show", "run1", "--json"),
    "plot": ("plot", "run1", "front"),
    "plot genome": ("plot", "run1", "genome"),
    "plot lineage": ("plot", "run1", "lineage", "0"),
    "report": ("report", "run1"),
    "compare": ("compare", "run1", "run2"),
    "export": ("export", "run1", "0", "one.json"),
    "resume": ("resume", "run1", "--evaluator", "serial", "--generations", "1"),
}
ONLY_ON_DATA = {"predict": ("predict", "run1", "x.csv"), "train": ("train", "run1", "0")}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two runs of an encoding whose module another process wrote, so that this one does not know it."""
    folder = tmp_path_factory.mktemp("own_encoding")
    (folder / "users_encoding.py").write_text(EXAMPLE.read_text())
    code = (
        "import neuroevo as ne, users_encoding as own\nfrom neuroevo.core.objectives import PARAMETERS\n"
        "for seed in (1, 2):\n    ne.evolve(own.TernarySpace(inputs=2, outputs=1), own.larger_of_two, population=4, seed=seed, progress=False,\n"
        "        objectives={'error': ne.minimise, 'parameters': PARAMETERS}, budget=ne.Budget(generations=1), run=f'run{seed}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True,
        env={"PYTHONPATH": f"{EXAMPLE.parents[2]}:{folder}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    yield folder


@pytest.fixture(autouse=True)
def unknown_again(runs: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test begins in a process that has not imported the module."""
    monkeypatch.chdir(runs)
    known, path = dict(genomes.base._SPACES), list(sys.path)
    genomes.base._SPACES.pop("ternary", None)  # another test's process has imported the example
    yield
    genomes.base._SPACES.clear()
    genomes.base._SPACES.update(known)
    sys.modules.pop("users_encoding", None)
    sys.path[:] = path


def said(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("command", [*COMMANDS, *ONLY_ON_DATA])
def test_without_its_module_every_command_says_how_to_give_it(command: str) -> None:
    done = said(*{**COMMANDS, **ONLY_ON_DATA}[command])
    assert done.exit_code != 0 and isinstance(done.exception, ValueError)
    sentence = str(done.exception)
    assert "encoding 'ternary' is not registered here" in sentence and "--import FILE.py" in sentence and "defines it" in sentence
    assert "users_encoding" not in sys.modules, "opening a run executes nothing"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("place", ["before", "behind"])
def test_with_its_module_every_command_works(command: str, place: str) -> None:
    given = ["--import", "users_encoding"] if place == "before" else ["--import=users_encoding.py"]
    done = said(*([*given, *COMMANDS[command]] if place == "before" else [*COMMANDS[command], *given]))
    assert done.exit_code == 0, f"{done.output}{done.exception!r}"


@pytest.mark.parametrize("command", ONLY_ON_DATA)
def test_commands_for_data_know_the_encoding_then_and_say_what_else_is_missing(command: str) -> None:
    done = said(*ONLY_ON_DATA[command], "--import", "users_encoding")
    assert "is not a search on data" in str(done.exception)


def test_the_doctor_needs_no_module() -> None:
    assert (
        "is in order" in said("doctor", "run1").output
        and "is in order" in said("doctor", "run1", "--import", "users_encoding").output
    )


def test_imports_stand_anywhere() -> None:
    assert imports_first(["show", "--import", "a", "run", "--import=b"]) == ["--import", "a", "--import=b", "show", "run"]
    assert imports_first(["show", "--", "--import"]) == ["show", "--", "--import"]
    assert imports_first(["show", "run", "--import"]) == ["--import", "show", "run"]
    assert said("show", "run1", "--import", "no_such_module").exit_code != 0


def test_in_python_the_sentence_is_the_same(runs: Path) -> None:
    with pytest.raises(ValueError, match="in Python, import it first"):
        ne.load_run(runs / "run1")


BROKEN = {
    "raises": ("value = 1\n1 / 0\n", r"raises\.py fails while it is imported \(.*raises\.py, line 2\): ZeroDivisionError"),
    "no_python": ("x = 1\n\ndef (\n", r"no_python\.py, line 3\): SyntaxError: invalid syntax"),
    "needs_more": (
        "import a_module_that_is_not_there",
        r"needs_more\.py, line 1\): ModuleNotFoundError: No module named 'a_module_that",
    ),
    "leaves": ("raise SystemExit(3)", r"leaves\.py, line 1\): SystemExit: 3"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_module_that_fails_is_one_sentence_with_the_place(what: str, tmp_path: Path) -> None:
    text, sentence = BROKEN[what]
    (tmp_path / f"{what}.py").write_text(text)
    with pytest.raises(ValueError, match=sentence):
        import_module_or_file(str(tmp_path / f"{what}.py"))


@pytest.mark.parametrize("name", ["", " ", "./nowhere", "runs/nothing"])
def test_what_is_no_module_is_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"^--import .*(got an empty text|there is no such file)"):
        import_module_or_file(name)


@pytest.mark.parametrize(
    ("given", "module"),
    [
        ("outer_users/inner/scores.py", "outer_users.inner.scores"),
        ("outer_users/inner", "outer_users.inner"),
        ("./outer_users", "outer_users"),
        ("outer_users.inner.scores", "outer_users.inner.scores"),
        ("with a blank.py", "with a blank"),
    ],
)
def test_a_file_of_a_package_is_imported_as_its_module(
    given: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "outer_users" / "inner"
    inner.mkdir(parents=True)
    for file in (inner / "__init__.py", inner.parent / "__init__.py", tmp_path / "with a blank.py"):
        file.write_text("")
    (inner / "scores.py").write_text("from . import __name__ as package\n")
    monkeypatch.chdir(tmp_path)
    try:
        assert import_module_or_file(given).__name__ == module
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("outer_users", "with a blank")]:
            del sys.modules[name]
