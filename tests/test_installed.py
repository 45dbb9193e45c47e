"""The package as others install it: a wheel, outside of the source tree."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the project's wheel was installed, without the packages that it needs."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    source = folder / "source"  # a build leaves files beside the source
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True)
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", str(folder), str(source)], check=True)
    (wheel,) = folder.glob("neuroevo-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "packages"), str(wheel)], check=True)
    return folder / "packages"


def neuroevo(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-m", "neuroevo.cli.main", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_an_installed_package_searches_reports_and_serves(installed: Path, tmp_path: Path) -> None:
    said = neuroevo(installed, tmp_path, "demo", "--evaluations", "2", "--workers", "2", "--no-open")
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "runs" / "demo" / "report.html").stat().st_size > 50_000, "the page's own files are in the wheel"
    code = "import neuroevo, genomes, sys; print(neuroevo.__file__, genomes.__file__)"
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    where = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert all(path.startswith(str(installed)) for path in where.stdout.split())
    for page in ("dashboard/page", "report/page"):
        assert list((installed / "neuroevo" / page).iterdir()), f"{page} is not in the wheel"


@pytest.mark.slow
def test_the_experiments_are_said_to_be_elsewhere(installed: Path, tmp_path: Path) -> None:
    said = neuroevo(installed, tmp_path, "list", "experiments")
    assert said.returncode == 2 and "scripts of the source tree" in said.stderr
