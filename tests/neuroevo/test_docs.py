"""The site's pages: what they show runs, what they name exists, and where they lead there is something.

A Python block runs as it is written, after the blocks above it on the same page, in a folder of its own. A comment below a block
(`<!-- not run: why -->`) says that it needs something else; then the names in it must exist.
"""

import ast
import importlib
import re
import runpy
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import neuroevo as ne
from neuroevo.core import registry

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {str(page.relative_to(DOCS)): page.read_text() for page in sorted(DOCS.rglob("*.md"))}
NEEDS_OTHERS = {"neat_python.md"}  # its blocks are of two libraries, side by side
BLOCK = re.compile(r"```python\n(.*?)```\n(<!-- .*? -->)?", re.DOTALL)

sys.path[:0] = [str(DOCS), str(DOCS / "examples")]  # the scripts that the pages include, and what makes parts of pages
example = importlib.import_module


def blocks(page: str, *, run: bool) -> list[str]:
    """The Python blocks of a page that are run, or those that are not."""
    found = [(code, bool(comment) or page in NEEDS_OTHERS) for code, comment in BLOCK.findall(PAGES[page])]
    return [code for code, left_out in found if left_out != run and "--8<--" not in code]


LONG = {"tutorials/controllers.md", "tutorials/fitness.md", "tutorials/oneshot.md", "tutorials/research.md"}  # what they show takes longer than a test should


def with_blocks(*, run: bool) -> list[str]:
    return [page for page in PAGES if blocks(page, run=run)]


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=pytest.mark.slow) if page in LONG else page for page in with_blocks(run=True)]
)
def test_what_a_page_shows_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_registered", {})
    names: dict[str, Any] = {"__name__": "page"}
    for code in blocks(page, run=True):
        exec(compile(code, page, "exec"), names)
    for made in [value for value in names.values() if isinstance(value, ne.Run)]:
        assert made.evaluations and made.failures < made.evaluations


def named(code: str) -> Iterator[tuple[str, str]]:
    """(module, attribute) of everything of this project that some code imports or reaches through `ne`."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in ("genomes", "neuroevo"):
            yield from ((node.module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute):
            dotted = ast.unparse(node)
            if re.fullmatch(r"ne(\.\w+)+", dotted):
                yield "neuroevo", dotted.removeprefix("ne.")


@pytest.mark.parametrize("page", with_blocks(run=False))
def test_what_a_page_shows_but_does_not_run_names_what_exists(page: str) -> None:
    for code in blocks(page, run=False):
        for module, dotted in named(code):
            found: Any = importlib.import_module(module)
            for name in dotted.split("."):
                found = getattr(found, name)


def test_links_lead_to_files() -> None:
    for page, text in PAGES.items():
        shown = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", shown):
            assert "://" in link or (DOCS / page).parent.joinpath(link).exists(), f"{page} links to {link}"
    nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    listed = set(re.findall(r"[\w/]+\.md", nav))
    assert listed == set(PAGES), "every page is in the navigation, and every entry of it is a page"


def test_the_reference_names_what_exists() -> None:
    made = example("generated")
    parts = [
        made.reference(kind, room)
        for kind, room in (
            ("strategy", "neuroevo.strategies"),
            ("encoding", "genomes"),
            ("task", "neuroevo.tasks"),
            ("task", "neuroevo.simulators"),
            ("estimation", "neuroevo.estimation"),
        )
    ]
    identifiers = {name for text in (*PAGES.values(), *parts) for name in re.findall(r"^::: ([\w.]+)$", text, re.MULTILINE)}
    for kind in ("strategy", "encoding", "task", "estimation"):
        shown = {identifier.rpartition(".")[2] for identifier in identifiers}
        assert {registry.part(kind, name).__name__ for name in registry.built_in(kind)} <= shown
    assert len(identifiers) > 80
    for identifier in identifiers:
        parts = identifier.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        name = next(prefix for prefix in prefixes if imported(prefix) is not None)
        found: Any = imported(name)
        for part in identifier.removeprefix(name).strip(".").split(".") if identifier != name else ():
            found = getattr(found, part)
        assert found.__doc__, f"{identifier} says nothing"


def test_what_the_reference_shows_of_a_class_stands_in_its_source() -> None:
    """The reference is made from the source without running it: a docstring that is put together at run time would be missing."""
    silent = []
    for package in ("genomes", "neuroevo"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if (
                    isinstance(node, (ast.ClassDef, ast.FunctionDef))
                    and not node.name.startswith("_")
                    and not ast.get_docstring(node)
                ):
                    silent.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not silent


def imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        return None


def test_pages_made_from_their_source_are_complete() -> None:
    made = example("generated")
    methods = PAGES["methods.md"] + made.results()
    assert "](../" not in methods, "a link that leads out of the site"
    missing = [script.name for script in (ROOT / "experiments").glob("*.py") if script.name not in methods]
    assert not missing, f"neither experiments/README.md nor docs/methods.md has a row for {missing}"
    assert "NSGA-II" in made.section("What is in it") and "](parts.md)" in made.section("What is in it")
    commands = made.command_line()
    for text in (
        "## search\n",
        "neuroevo show RUN [ID] [OPTIONS]",
        "neuroevo compare RUNS... [OPTIONS]",
        "| `--max-seconds-per-candidate",
        "neuroevo --import MODULE COMMAND",
        "next: alps, asha, bayes_nas, bayesian, crowding, darts, enas, genetic_algorithm, hill_climb, hyperband",
    ):
        assert text in commands


def test_measured_figures_are_those_of_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    made = example("measured")
    assert (DOCS / "measured.md").read_text() == made.page(), "python docs/measured.py makes it anew"
    for mark, page in made.TABLES.items():
        assert page.read_text() == made.with_table(mark), "python docs/measured.py makes its table anew"
    commands = {row["command"].split()[0] for row in made.rows()}
    assert all((ROOT / command).exists() for command in commands), "a command is a script of this project"


def test_a_figure_that_was_not_measured_is_refused() -> None:
    made = example("measured")
    with pytest.raises(ValueError, match=r"asks for 'speed', which is not among \['error'\]"):
        made.filled("{ours[speed]}", {"ours": {"error": 1.0}})
    with pytest.raises(ValueError, match="figures under 'ours'"):
        made.kept({"method": "NEAT"})


def test_the_fitness_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    example("own_fitness").main()
    said = capsys.readouterr().out
    single = float(re.findall(r"one number: .*fitness=(\S+)>", said)[0])
    assert single > -1.5, "a craft without an engine is away by 3"
    assert said.count("away=") == 3


def test_the_genome_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    example("own_genome").main()
    found = re.findall(r"(\d+) weights, error ([\d.]+)", capsys.readouterr().out)
    exact = [int(weights) for weights, error in found if error == "0.000"]
    assert len(exact) == 1 and exact[0] < 12, "b + max(a - b, 0) is the larger of two: seven weights suffice"


def test_the_estimation_of_ones_own_predicts_and_goes_on_with_what_it_learned(tmp_path: Path) -> None:
    surrogate = example("own_estimation")
    whole = surrogate.main(tmp_path / "whole", 90)
    assert set(whole.history()["status"]) == {"done", "predicted"}
    for evaluations in (35, 47, 90):
        parts = surrogate.main(tmp_path / "parts", evaluations)
    assert parts.history().equals(whole.history())


def test_trials_that_go_on_do_so_in_parts_too(tmp_path: Path) -> None:
    training = example("train_on")
    whole = training.main(tmp_path / "whole")
    assert set(whole.history()["epochs"]) == {2, 6} and {one.fidelity.epochs for one in whole.front} == {6}
    assert [float(loss) for loss in re.findall(r" [26] (0\.\d{3}) ", printed("train_on"))] == pytest.approx(
        [one.values["loss"] for one in whole], abs=0.02
    )
    for evaluations in (4, 9, 12):
        parts = training.main(tmp_path / "parts", evaluations)
    assert parts.history().equals(whole.history())


def test_the_strategy_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    example("own_strategy").main()
    said = capsys.readouterr().out
    share = re.findall(r"SimulatedAnnealing ends better than RandomSearch in (\d+)%", said)[0]
    assert int(share) >= 80
    assert without_numbers(said) == without_numbers(printed("own_strategy")), (
        "the page shows another table than the script prints"
    )


def printed(script: str, page: str = "extend/strategy.md") -> str:
    """What a page says that a script which it shows prints."""
    after = PAGES[page].partition(f'--8<--"docs/examples/{script}.py"')[2]
    return re.findall(r"It prints\n\n```\n(.*?)```", after, re.DOTALL)[0]


def without_numbers(text: str) -> list[str]:
    return re.sub(r"-?[\d.]+", "", text).split()


@pytest.mark.parametrize(("script", "exact"), [("first_strategy", True), ("shared_network", False), ("archive", False)])
def test_what_a_strategy_prints_is_what_the_page_shows(script: str, exact: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """Scores may differ in the last digits on another machine, and with them who is on the front."""
    runpy.run_path(str(DOCS / "examples" / f"{script}.py"), run_name="__main__")
    said, shown = capsys.readouterr().out, printed(script)
    if exact:
        assert said == shown
    else:
        assert without_numbers(said.partition("front: ")[0]) == without_numbers(shown.partition("front: ")[0])


def test_the_objective_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    example("own_objective").main()
    said = capsys.readouterr().out
    assert "error_under_noise=" in said
    assert all(float(depth) <= 5 for depth in re.findall(r"depth=(\d+)", said))


@pytest.mark.slow
def test_the_predictor_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    example("own_predictor").main()
    said = capsys.readouterr().out
    shown = re.findall(r"It prints\n\n```\n(.*?)```", PAGES["extend/predictor.md"], re.DOTALL)[0]
    rows, shown_rows = ([line.split() for line in text.splitlines()[1:]] for text in (said, shown))
    assert [row[:2] for row in rows] == [row[:2] for row in shown_rows], "the page shows another table than the script prints"
    for row, shown_row in zip(rows, shown_rows, strict=True):
        for number, printed in zip(row[2:], shown_row[2:], strict=True):
            assert abs(float(number) - float(printed)) < 0.03


@pytest.mark.slow
def test_the_selection_of_ones_own(capsys: pytest.CaptureFixture[str]) -> None:
    example("own_selection").main()
    reached = re.findall(r"hypervolume ([\d.]+), from", capsys.readouterr().out)
    assert len(reached) == 2 and all(float(share) > 0.6 for share in reached)


def suite(page: str, name: str, *above: str) -> Any:
    """The test class that a page shows, below what else it needs of the page."""
    names: dict[str, Any] = {"__name__": __name__}
    exec("\n".join([*above, blocks(page, run=False)[-1]]), names)
    return names[name]


TestTernary = suite("extend/genome.md", "TestTernary")
TestAnnealing = suite("extend/strategy.md", "TestAnnealing")
TestLinearInChoices = suite("extend/predictor.md", "TestLinearInChoices")
TestHypervolume = suite("extend/selection.md", "TestHypervolume")
TestRarity = suite("extend/scoring.md", "TestRarity", blocks("extend/scoring.md", run=True)[0].partition("ne.registry")[0])


@pytest.mark.parametrize("path", sorted((DOCS / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_notebooks_are_what_their_scripts_printed_and_drew(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    kept = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
    made = example("notebooks").notebook(path.read_text())
    assert [cell.source for cell in kept.cells] == [cell.source for cell in made.cells], f"python docs/notebooks.py {path.stem}"
    outputs = [output for cell in kept.cells for output in cell.get("outputs", ())]
    assert not any(output.output_type == "error" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)
    for module, dotted in named("\n".join(cell.source for cell in made.cells if cell.cell_type == "code")):
        found: Any = importlib.import_module(module)
        for name in dotted.split("."):
            found = getattr(found, name)


@pytest.mark.slow
@pytest.mark.parametrize("path", sorted((DOCS / "notebooks").glob("*.py")), ids=lambda path: path.stem)
def test_notebooks_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # below the checkout, whose experiments one of them runs
        example("notebooks").executed(path.read_text(), Path(folder))
