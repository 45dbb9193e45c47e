"""Runs the notebooks: docs/notebooks/NAME.py, cells divided by `# %%`, becomes NAME.ipynb with everything that it printed and drew.

    python docs/notebooks.py            # all of them
    python docs/notebooks.py pictures   # one
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "notebooks"


def notebook(source: str) -> Any:
    """An unexecuted notebook of a script's cells."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    cells = []
    for number, text in enumerate(source.split("# %%")[1:]):
        first, _, rest = text.partition("\n")
        if first.strip() == "[markdown]":
            cell = new_markdown_cell("\n".join(line.removeprefix("#").removeprefix(" ") for line in rest.strip().splitlines()))
        else:
            cell = new_code_cell(rest.strip())
        cell["id"] = f"cell-{number}"  # else a random one, and the file would differ each time
        cells.append(cell)
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}})


def executed(source: str, folder: Path) -> Any:
    """The notebook of a script, run in a folder.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed.
    """
    from nbclient import NotebookClient

    made = notebook(source)
    NotebookClient(made, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    for cell in made.cells:
        cell.get("metadata", {}).pop("execution", None)  # when each cell ran: different every time
        if cell.cell_type == "code":  # progress and warnings belong to a terminal
            cell["outputs"] = [one for one in cell.outputs if one.get("name") != "stderr"]
    return made


def main() -> None:
    import nbformat

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="which; default all")
    chosen = parser.parse_args().names or sorted(path.stem for path in FOLDER.glob("*.py"))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    root = Path(__file__).parents[1]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    for name in chosen:  # below the checkout, whose experiments one of them runs
        with tempfile.TemporaryDirectory(dir=root) as folder:
            nbformat.write(executed((FOLDER / f"{name}.py").read_text(), Path(folder)), FOLDER / f"{name}.ipynb")
        print(f"written: docs/notebooks/{name}.ipynb")


if __name__ == "__main__":
    main()
