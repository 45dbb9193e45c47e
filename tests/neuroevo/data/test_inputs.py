"""What is read, what becomes of it, and what is said: the cases of `input_cases.py`, and the page that shows them."""

import importlib.util
from pathlib import Path

import pytest
from input_cases import CASES

ROOT = Path(__file__).parents[3]
EVERY = [pytest.param(case, id=f"{group}: {case.what}") for group, cases in CASES.items() for case in cases]


@pytest.mark.parametrize("case", EVERY)
def test_an_input_becomes_what_its_case_says(case, tmp_path):
    data, said = case.said(tmp_path)
    assert (data is None) == case.becomes.startswith("refused"), said
    assert data is None or case.holds(data), (data, data.notes)
    assert case.says in said if case.says else said == "", said


def test_the_page_shows_every_case_as_it_is():
    found = importlib.util.spec_from_file_location("data_table", ROOT / "docs" / "data_table.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    page = (ROOT / "docs" / "data.md").read_text()
    assert module.filled(page) == page, "run: python docs/data_table.py"
