"""The command line's errors in the words that are typed there: no class names, no printed dicts and lists."""

import re
import sys
from pathlib import Path

import pytest

import neuroevo as ne
from genomes import NeatSpace, NetworkSpace
from neuroevo.cli.main import main
from neuroevo.cli.words import in_typed_words, words_of
from neuroevo.core import registry


def said(capsys, *arguments: str) -> str:
    sys.argv = ["neuroevo", *map(str, arguments)]
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def without_python(text: str) -> str:
    classes = [name for kind in ("strategy", "estimation", "predictor") for name in registry.names(kind)]
    found = re.findall(rf"\b(?:{'|'.join(classes)}|\w+Genome|\w+Space)\b|[{{}}]|\['|\w='", text)
    assert not found, f"{found} in {text}"
    return text


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    budget = ne.Budget(evaluations=4)
    objectives = {"a": ne.maximise, "b": ne.minimise}

    def fitness(network):
        return {"a": float(network([[0.0, 1.0]]).sum()), "b": 1.0}

    ne.evolve(
        NeatSpace(inputs=2, outputs=1), fitness, objectives=objectives, strategy=ne.strategies.RandomSearch(), budget=budget,
        run=folder / "two",
    )  # fmt: skip
    size = ne.tasks.Function(lambda genome: float(genome.parameters), of="genome")
    ne.evolve(NetworkSpace((4,), 2), size, strategy=ne.strategies.Nsga2(population=4), budget=budget, run=folder / "one")
    return folder


def test_what_a_user_mistypes_is_answered_in_typed_words(runs, capsys) -> None:
    search = ("search", "iris", "--evaluations", 1, "--run", runs / "none")
    assert "nsga2, nsga3" in without_python(said(capsys, *search, "--strategy", "hill_climb", "--schedule", "asynchronous"))
    assert "use network, dag or chain" in without_python(said(capsys, *search, "--encoding", "cell"))
    assert "this network genome cannot be written" in without_python(said(capsys, "export", runs / "one", 0, "net.py"))
    assert "got a, b and fitness" in without_python(said(capsys, "compare", runs / "two", runs / "one"))
    assert "regularized_evolution" in without_python(said(capsys, "list", "strategies", "nope"))


def test_other_settings_are_named_in_words(runs, capsys) -> None:
    import json

    config = runs / "one" / "config.json"
    settings = json.loads(config.read_text())
    task = ne.tasks.Function(
        lambda genome: float(genome.parameters), of="genome", objectives={"size": "minimise", "depth": "minimise"}
    )
    with pytest.raises(ValueError) as refused:
        ne.evolve(
            NetworkSpace((4,), 2), task, strategy=ne.strategies.Lemonade(), budget=ne.Budget(evaluations=4), run=runs / "one"
        )
    text = without_python(in_typed_words(str(refused.value)))
    assert "objectives (the run's: fitness, now: size, depth)" in text
    assert "strategy.strategy (the run's: nsga2, now: lemonade)" in text and "strategy.proposals" not in text
    assert json.loads(config.read_text()) == settings


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        ("FullTraining cannot be made from {'epochs': 'x', 'recipe': {'rate': [1, 2]}}: no", "full_training cannot be made from epochs x, recipe rate 1, 2: no"),
        ("a TreeGenome of a MyTreeSpace.", "a tree genome of a my_tree."),
        ("write Nsga2(population=4) in runs/Nsga2 or 'Nsga2'", "write Nsga2(population=4) in runs/Nsga2 or 'Nsga2'"),
        ("threads (the run's: 2, now: None)", "threads (the run's: 2, now: not set)"),
        ("shapes [4, 2] and {not a dict", "shapes [4, 2] and {not a dict"),
        ("got [{'name': 'error', 'limit': None}]", "got name error, limit nothing"),
    ],
)  # fmt: skip
def test_names_and_literals_are_written_as_words(message: str, typed: str) -> None:
    assert in_typed_words(message) == typed
    assert words_of([]) == words_of({}) == "nothing"


@pytest.mark.parametrize(
    "command", [["show", ""], ["resume", " "], ["doctor", ""], ["report", ""], ["compare", "", "runs"], ["plot", "", "front"]]
)
def test_an_empty_folder_is_not_the_current_one(command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from neuroevo.cli.main import app

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 2 and "got an empty" in " ".join(done.output.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError(2, "No such file or directory", "a/b.html.tmp"), IsADirectoryError(21, "Is a directory", "a/b.html")],
)
def test_a_file_that_cannot_be_written_is_named(error: OSError, capsys: pytest.CaptureFixture[str]) -> None:
    from neuroevo.cli.main import _one_sentence

    with pytest.raises(SystemExit), _one_sentence():
        raise error
    assert capsys.readouterr().err == f"neuroevo: a/b.html: {error.strerror}\n"
