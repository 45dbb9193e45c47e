"""Folders of older releases load, and the searches in them go on to what that release would have made of them."""

import json
import shutil
import sqlite3
import sys
from contextlib import closing
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


def changed(folder: Path, copy: Path, *statements: str) -> Path:
    """A copy of a folder whose database was changed as the older release might have."""
    shutil.copytree(folder, copy)
    with closing(sqlite3.connect(copy / "run.db")) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount > 0
    return copy


@pytest.mark.parametrize("schema", [1, 2])
def test_an_individual_that_was_evaluated_twice_counts_once(schema: int, tmp_path: Path) -> None:
    """As older releases did where its weights were lost: the last evaluation counts, in the first one's place."""
    columns = 'individual, status, reason, "values", info, fidelity, attempts, seconds' + (", artifact" if schema == 2 else "")
    again = f"INSERT INTO evaluations ({columns}) SELECT {columns} FROM evaluations WHERE id IN (3, 30)"
    first = "UPDATE evaluations SET \"values\" = '[9.0, 9.0]' WHERE id IN (3, 30)"
    copy = changed(OLDER / f"schema_{schema}" / "lemonade", tmp_path / "run", again, first)
    assert described(ne.load_run(copy)) == EXPECTED["lemonade"]["stopped"]
    assert described(search("lemonade", copy, WHOLE)) == EXPECTED["lemonade"]["whole"]


@pytest.mark.parametrize("schema", [1, 2])
def test_a_learning_curve_that_is_not_a_number_does_not_keep_a_folder_from_being_read(schema: int, tmp_path: Path) -> None:
    """Python's JSON has NaN and infinity, SQLite's has not."""
    curve = """UPDATE evaluations SET info = '{"epochs": 3, "curve": [0.5, NaN, -Infinity]}' WHERE id = 3"""
    copy = changed(OLDER / f"schema_{schema}" / "nsga2", tmp_path / "run", curve)
    assert described(ne.load_run(copy)) == EXPECTED["nsga2"]["stopped"]
    assert ne.load_run(copy).epochs == 3.0
    assert described(search("nsga2", copy, WHOLE)) == EXPECTED["nsga2"]["whole"]


def test_an_older_run_that_is_interrupted_twice_evaluates_nobody_twice(tmp_path: Path) -> None:
    """NEAT's trials of a whole population hold individuals that had trials of their own then."""
    copy = Path(shutil.copytree(OLDER / "schema_1" / "neat", tmp_path / "run"))
    for evaluations in (42, 47, 53, WHOLE):
        run = search("neat", copy, evaluations)
        assert run.evaluations == ne.load_run(copy).evaluations == evaluations
    assert described(run) == EXPECTED["neat"]["whole"]
