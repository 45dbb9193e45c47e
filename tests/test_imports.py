"""The house rules that a machine can check: imports only go down, and importing is instant."""

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEAVY = ("tensorflow", "keras", "numba", "networkx", "deap", "pandas", "matplotlib", "scipy", "sklearn")


def imported_names(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text())):
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


def test_importing_is_instant_and_starts_nothing_heavy() -> None:
    code = (
        "import sys, time, json; start = time.perf_counter(); import genomes, neuroevo; "
        "print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))"
    )
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout)
        for _ in range(3)
    ]
    loaded = [name for name in HEAVY if name in runs[0][1]]
    assert not loaded, f"importing genomes and neuroevo also imports {loaded}"
    assert min(seconds for seconds, _ in runs) < 0.3, runs
