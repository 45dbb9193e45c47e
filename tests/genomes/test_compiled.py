"""Compiled kernels are those of today's sources, whichever file has changed and whatever its time and size say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from genomes import compiled

FILES = {
    "__init__.py": "",
    "constants.py": "FACTOR = 3\n",
    "inner.py": "from genomes.compiled import kernel\nfrom swarm.constants import FACTOR\n\n\n@kernel()\ndef scaled(x):\n    return FACTOR * x\n",
    "relative.py": "from genomes.compiled import kernel\nfrom . import inner\n\n\n@kernel()\ndef shifted(x):\n    return inner.scaled(x) + 1\n",
    "outer.py": "from genomes.compiled import kernel\nfrom swarm.relative import (\n    shifted as moved,\n)\n\n\n@kernel(error_model='numpy')\ndef result(x):\n    return moved(x)\n",
}  # fmt: skip


def result(folder: Path, **environment: str) -> float:
    code = "from swarm.outer import result; print(result(2.0), sum(result.stats.cache_hits.values()))"
    path = os.pathsep.join([str(folder), str(Path(compiled.__file__).parents[1])])
    variables = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    done = subprocess.run([sys.executable, "-c", code], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    value, hits = done.stdout.split()
    result.hits = int(hits)  # type: ignore[attr-defined]
    return float(value)


@pytest.mark.parametrize("chosen", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_is_compiled_follows_every_file_that_it_is_made_of_and_what_is_days_old_is_deleted(chosen: bool, tmp_path: Path) -> None:
    package = tmp_path / "swarm"
    package.mkdir()
    for name, text in FILES.items():
        (package / name).write_text(text)
    environment = {"NUMBA_CACHE_DIR": str(tmp_path / "kept")} if chosen else {}
    assert result(tmp_path, **environment) == 7.0 and result.hits == 0  # type: ignore[attr-defined]
    assert result(tmp_path, **environment) == 7.0 and result.hits == 1  # type: ignore[attr-defined]
    folder = tmp_path / "kept" if chosen else package / "__pycache__"
    (first,) = folder.glob("swarm.outer.*")
    os.utime(first, (0, 0))  # no process began with it lately
    for name, old, new, expected in (
        ("constants.py", "FACTOR = 3", "FACTOR = 5", 11.0),
        ("inner.py", "FACTOR * x", "FACTOR - x", 4.0),
        ("relative.py", "+ 1", "+ 2", 5.0),
    ):
        file = package / name
        before = file.stat()
        file.write_text(file.read_text().replace(old, new))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert file.stat().st_size == before.st_size
        assert result(tmp_path, **environment) == expected, name
    kept = list(folder.glob("swarm.outer.*"))
    assert len(kept) == 3 and first not in kept


def test_every_kernel_of_ours_is_kept_by_its_sources() -> None:
    root = Path(compiled.__file__).parents[1]
    users = [path for top in ("genomes", "neuroevo") for path in (root / top).rglob("*.py") if "njit" in path.read_text()]
    assert [path.name for path in users] == ["compiled.py"], "a kernel is made by genomes.compiled.kernel"
    import neuroevo.strategies.evolution.neat.kernels as kernels

    found = compiled.sources(kernels.__name__)
    needed = {"crossover", "mutation", "streams", "structure"}  # mutation's and crossover's own imports, too
    assert {f"genomes.neat.kernels.{name}" for name in needed} | {"genomes.markings", "genomes.neat.operators"} <= set(found)
