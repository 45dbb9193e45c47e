"""Fill the tables of docs/data.md: every case of tests/neuroevo/data/input_cases.py is read, and what is said of it is written down.

`python docs/data_table.py` writes the page; a test says when it is out of date.
"""

from __future__ import annotations

import importlib
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "data.md"


def filled(page: str) -> str:
    """The page with the table of each group of cases between its marks."""
    sys.path.insert(0, str(ROOT / "tests" / "neuroevo" / "data"))
    try:
        cases = importlib.import_module("input_cases").CASES
    finally:
        sys.path.pop(0)
    for group, found in cases.items():
        mark = f"<!-- cases: {group} -->\n"
        before, sign, rest = page.partition(mark)
        if not sign:
            raise ValueError(f"docs/data.md has no place for the cases of {group}: {mark.strip()}")
        _, end, after = rest.partition("<!-- end -->")
        page = f"{before}{mark}{_table(group, found)}{end}{after}"
    return page


def _table(group: str, cases: Any) -> str:
    rows = [f"| {_cell(case.what)} | {_cell(case.becomes)} | {_cell(_said(case))} |" for case in cases]
    return "\n".join([f"| {group} | what becomes of it | what is said |", "| --- | --- | --- |", *rows]) + "\n"


def _said(case: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        said = case.said(Path(folder))[1]
    return re.sub(re.escape(folder) + r"\b(?!/)", "the folder", said).replace(f"{folder}/", "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
