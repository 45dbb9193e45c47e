"""`neuroevo demo`: a first search, from data to a page, in one command without arguments."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer


def demo(
    run: Annotated[Path, typer.Option(help="The run's folder; the same command again shows it.")] = Path("runs/demo"),
    evaluations: Annotated[int | None, typer.Option(help="Networks to train.", min=1, show_default="60")] = None,
    workers: Annotated[int, typer.Option(help="Processes that train.", min=1)] = 2,
    show: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser, where there is one.")] = True,
) -> None:
    """Evolve networks for real handwritten digits, and open a page that shows them: about two minutes."""
    from neuroevo.cli.search import evolve_networks
    from neuroevo.evaluators import by_name
    from neuroevo.report.html import write_report
    from neuroevo.report.text import run_table
    from neuroevo.run.run import load_run
    from neuroevo.run.search import EVALUATIONS, SearchSettings

    print("1,797 handwritten digits of 8x8 pixels: networks evolve that are right and small; about two minutes", flush=True)
    asked = SearchSettings("digits", objectives="error,parameters", seed=1)
    evolve_networks(asked, run, evaluations=evaluations or EVALUATIONS, evaluator=by_name("slots", workers), baseline=True)
    loaded = load_run(run, lazy=True)
    print(run_table(loaded))
    page = write_report(loaded)
    print(f"written: {page}")
    if show and not opened(page):
        print("there is no browser here: open that file in one")
    print(f"next: neuroevo show {run} ID; neuroevo search YOUR.csv --target COLUMN")


def opened(page: Path) -> bool:
    """Open a page in the user's browser; False where there is none, as on a server without a screen."""
    import webbrowser

    screenless = sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return not screenless and webbrowser.open_new_tab(page.resolve().as_uri())


def add_to(app: typer.Typer) -> None:
    """Make this a command of the application."""
    app.command()(demo)
