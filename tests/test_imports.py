"""The house rules that a machine can check: imports only go down, and importing is instant."""

import ast
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import networkx

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "numba", "networkx", "deap", "pandas", "matplotlib", "scipy", "sklearn")


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported_names(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_genomes_import_nothing_of_runs_keras_or_deap() -> None:
    for file in (ROOT / "genomes").rglob("*.py"):
        forbidden = imported_names(file) & {"neuroevo", "keras", "tensorflow", "deap", "experiments"}
        assert not forbidden, f"{file} imports {forbidden}"


def test_neuroevo_does_not_import_experiments() -> None:
    for file in (ROOT / "neuroevo").rglob("*.py"):
        assert "experiments" not in imported_names(file), file


def test_importing_starts_nothing_heavy_and_little_of_our_own() -> None:
    """What makes an import instant: how long it takes is the machine's affair."""
    code = "import genomes, neuroevo, sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout)
    heavy = [name for name in HEAVY if name in loaded]
    assert not heavy, f"importing genomes and neuroevo also imports {heavy}"
    ours = [name for name in loaded if name.split(".")[0] in ("genomes", "neuroevo")]
    assert set(ours) <= {"genomes", "neuroevo", "genomes.base", "genomes.registry"}, (
        f"importing genomes and neuroevo also imports {ours}"
    )


def test_the_help_starts_nothing_but_the_command_line() -> None:
    code = "import json, sys; from neuroevo.cli import main\ntry:\n main()\nfinally:\n print(json.dumps(sorted(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    loaded = json.loads(said.splitlines()[-1])
    assert "Evolve neural networks" in said
    assert not {*HEAVY, "numpy", "rich", "genomes", "neuroevo.core", "neuroevo.run"} & set(loaded)


# The house: a room uses only rooms that stand below it here. `testing` is for those who write parts, and uses what it tests.
ROOMS = (
    {"testing"}, {"cli"}, {"interop"}, {"dashboard"}, {"arena"}, {"report", "plots"}, {"deploy"}, {"compress"}, {"run"}, {"evaluators"}, {"strategies"},
    {"estimation"}, {"predictors"}, {"store"}, {"tasks", "simulators"}, {"train"}, {"inherit", "decode"}, {"data"}, {"selection"}, {"core"},
)  # fmt: skip
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in ("genomes", "neuroevo")
    for path in (ROOT / package).rglob("*.py")
}
HEIGHT = {room: len(ROOMS) - position for position, rooms in enumerate(ROOMS) for room in rooms}


def imported_modules(file: Path, packages: tuple[str, ...] = ("neuroevo",)) -> set[str]:
    """What a file imports of these packages when it runs, also inside functions; not what only type checkers see."""
    tree = parsed(file)
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    modules = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                modules.add(inner if node.module == "neuroevo" or inner in FILES else node.module)
    return {module for module in modules if module.startswith(tuple(f"{package}." for package in packages))}


def test_only_the_init_is_loose_at_the_top() -> None:
    assert [file.name for file in (ROOT / "neuroevo").glob("*.py")] == ["__init__.py"]
    rooms = {folder.name for folder in (ROOT / "neuroevo").iterdir() if (folder / "__init__.py").exists()}
    assert rooms <= set(HEIGHT), f"rooms that the house does not know: {sorted(rooms - set(HEIGHT))}"


def test_no_room_imports_a_room_above_it() -> None:
    for file in (ROOT / "neuroevo").rglob("*/*.py"):
        room = file.relative_to(ROOT / "neuroevo").parts[0]
        for module in imported_modules(file):
            other = module.split(".")[1]
            if other in HEIGHT:
                assert HEIGHT[other] <= HEIGHT[room], f"{file.relative_to(ROOT)} imports {module}, of a room above it"


# A space makes its genomes and a genome knows its space; a network chooses its backend, which is one of its kind.
CIRCLES = (
    {"genomes.neat.genome", "genomes.neat.space"},
    {"genomes.cppn.genome", "genomes.cppn.space"},
    {"neuroevo.train.compiled", "neuroevo.train.jax_network", "neuroevo.train.tensorflow_network"},
    {"neuroevo.train.population_steps", "neuroevo.train.population_jax", "neuroevo.train.population_tensorflow"},
)


def test_no_files_import_each_other_in_a_circle() -> None:
    graph = networkx.DiGraph()
    for name, file in FILES.items():
        imported = imported_modules(file, ("genomes", "neuroevo"))
        graph.add_edges_from((name, module) for module in imported if module in FILES and module != name)
    assert graph.number_of_edges() > 800, "imports are found"
    circles = [found for found in networkx.strongly_connected_components(graph) if len(found) > 1]
    assert sorted(map(sorted, circles)) == sorted(map(sorted, CIRCLES))


def test_encodings_are_asked_what_they_offer_and_not_what_they_are_called() -> None:
    compared = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "neuroevo").rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Compare)
        and any(isinstance(side, ast.Attribute) and side.attr == "encoding" for side in (node.left, *node.comparators))
        and any(isinstance(inner, ast.Constant) and isinstance(inner.value, str) for inner in ast.walk(node))
    ]
    assert not compared


ONLY_POSIX = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}
FOR_PICTURES = {"Image", "gzip", "os"}  # whose `open` is of bytes, or takes its encoding otherwise


def test_text_is_read_and_written_in_an_encoding_that_is_named() -> None:
    """Elsewhere it is another one than here: every file of text says which it is in."""
    unnamed = [
        f"{name}:{node.lineno}"
        for name, path in FILES.items()
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and _of_text(node) and not any(given.arg == "encoding" for given in node.keywords)
    ]
    assert not unnamed


def _of_text(call: ast.Call) -> bool:
    """Whether a call reads or writes a file of text."""
    function = call.func
    if isinstance(function, ast.Attribute) and function.attr in ("read_text", "write_text"):
        return True
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id in FOR_PICTURES:
        return False
    if not (isinstance(function, ast.Name) and function.id == "open") and not (
        isinstance(function, ast.Attribute) and function.attr == "open"
    ):
        return False
    return not any(
        isinstance(given, ast.Constant) and "b" in str(given.value) and len(str(given.value)) < 4 for given in call.args
    )


def test_what_only_some_systems_have_is_imported_where_it_may_be_missing() -> None:
    for name, path in FILES.items():
        tree = parsed(path)
        guarded = {id(inner) for node in ast.walk(tree) if isinstance(node, ast.Try) for inner in ast.walk(node)}
        for node in ast.walk(tree):
            if isinstance(node, (ast.Import, ast.ImportFrom)) and id(node) not in guarded:
                named = {alias.name for alias in node.names} if isinstance(node, ast.Import) else {node.module or ""}
                assert not named & ONLY_POSIX, f"{name} imports {named & ONLY_POSIX} without a way around it"
