"""Folders of older releases load, and the searches in them go on to what that release would have made of them."""

import json
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from older import OLDER, WHOLE, described, search

import neuroevo as ne

EXPECTED = json.loads((OLDER / "expected.json").read_text())
FOLDERS = sorted(folder for schema in OLDER.glob("schema_*") for folder in schema.iterdir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_an_older_folder_loads_and_goes_on(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "run")
    names = EXPECTED[folder.name]["whole"]
    if folder.name == "champions":  # whose genomes are kept beside the front's is not what decides a search
        names = ("evaluations", "front")
    for stage, run in (("stopped", ne.load_run(tmp_path / "run")), ("whole", search(folder.name, tmp_path / "run", WHOLE))):
        found, expected = described(run), EXPECTED[folder.name][stage]
        assert {name: found[name] for name in names} == {name: expected[name] for name in names}, stage
