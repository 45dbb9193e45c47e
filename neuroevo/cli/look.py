"""The commands that look at runs: report, plot, compare, list."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from genomes.base import unknown
from neuroevo.cli import completion as complete

FIGURES = (
    "front", "fronts", "progress", "parallel", "genome", "difference", "lineage", "curves", "operators", "species", "descriptors",
)  # fmt: skip
LISTS = ("strategies", "encodings", "objectives", "data", "figures", "experiments")

RunFolder = Annotated[
    Path, typer.Argument(help="A run's folder, such as runs/digits.", show_default=False, autocompletion=complete.runs)
]


def report(
    run: RunFolder,
    output: Annotated[Path | None, typer.Option(help="Where to write the page; default RUN/report.html.")] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Write it again and again until the run ends; the page reloads itself.")
    ] = False,
    every: Annotated[int, typer.Option(help="Seconds between two writings of a live report.", min=1)] = 10,
) -> None:
    """Write a run as one HTML page that needs no network."""
    from neuroevo.report.html import write_report
    from neuroevo.run.run import load_run

    if live:
        print(f"watching {run}; Ctrl-C ends the watching, not the run")
    while True:
        loaded = load_run(run, lazy=True)
        going_on = live and loaded.ended == ""
        path = write_report(loaded, output, refresh=every if going_on else None)
        print(f"written: {path} ({loaded.evaluations} evaluated)", flush=True)
        if not going_on:
            return
        time.sleep(every)


def plot(
    run: RunFolder,
    what: Annotated[str, typer.Argument(help=f"One of {', '.join(FIGURES)}.", autocompletion=complete.figures)] = "front",
    id: Annotated[
        int | None,
        typer.Argument(
            help="The individual, for genome, lineage, curves and difference.", show_default=False, autocompletion=complete.ids
        ),
    ] = None,
    other: Annotated[int | None, typer.Argument(help="The second individual, for difference.", show_default=False)] = None,
    measure: Annotated[
        str | None,
        typer.Option(help="For progress: hypervolume, or an objective, whose best value is drawn.", show_default=False),
    ] = None,
    axis: Annotated[
        str, typer.Option(help="For progress: evaluations, epochs or seconds, or several of these.")
    ] = "evaluations,seconds",
    output: Annotated[Path | None, typer.Option(help="A .png, .svg or .pdf file; default RUN/figures/WHAT.png.")] = None,
) -> None:
    """Draw a run, or one of its individuals."""
    from neuroevo import plots
    from neuroevo.report.text import test_scores
    from neuroevo.run.run import load_run

    if what not in FIGURES:
        raise ValueError(unknown("figure", what, FIGURES))
    loaded = load_run(run, lazy=True)
    if what == "genome":
        figure = plots.genome(loaded.best if id is None else loaded[id])
    elif what == "lineage":
        figure = plots.lineage(loaded, id)
    elif what == "curves":
        figure = plots.curves(loaded, None if id is None else [id])
    elif what == "difference":
        if id is None or other is None:
            raise ValueError(f"difference compares two individuals: neuroevo plot {run} difference ID ID")
        figure = plots.difference(loaded[id], loaded[other])
    elif what == "progress":
        figure = plots.progress(loaded, measure, axis.split(","))
    elif what == "front":
        figure = plots.front(loaded, test_scores(loaded))
    else:
        figure = getattr(plots, what)(loaded)
    name = "-".join([what, *[str(one) for one in (id, other) if one is not None]])
    path = output or run / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"written: {path}")


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(help="Folders of runs, or folders that hold such.", show_default=False, autocompletion=complete.runs),
    ],
    figure: Annotated[Path | None, typer.Option(help="Draw progress, with a band between the quartiles of the seeds.")] = None,
    axis: Annotated[str, typer.Option(help="What efforts are counted in: evaluations, epochs or seconds.")] = "evaluations",
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Put runs next to each other: hypervolume, or the best value, with a test where there are seeds enough."""
    from neuroevo.report.comparison import compare as compared
    from neuroevo.report.comparison import comparison_json, comparison_table, runs_in

    found = compared(runs_in(runs), axis=axis)
    print(json.dumps(comparison_json(found), indent=2) if as_json else comparison_table(found))
    if figure is not None:
        from neuroevo.plots import progress

        progress(found).savefig(figure, dpi=150)
        if not as_json:
            print(f"written: {figure}")


def list_names(
    what: Annotated[str, typer.Argument(help=f"One of {', '.join(LISTS)}.", show_default=False, autocompletion=complete.lists)],
) -> None:
    """List what there is to choose from."""
    names = names_of(what)
    width = max(len(name) for name, _ in names)
    for name, says in names:
        print(f"{name:{width}s}  {says}".rstrip())


def names_of(what: str) -> list[tuple[str, str]]:
    """(name, first sentence of its documentation) of everything of a kind.

    Raises:
        ValueError: an unknown kind; the nearest is suggested.
    """
    if what == "strategies":
        from neuroevo import strategies
        from neuroevo.strategies.base import Strategy

        found = [getattr(strategies, name) for name in strategies.__all__]
        return [
            (each.__name__, _sentence(each))
            for each in found
            if isinstance(each, type) and issubclass(each, Strategy) and each is not Strategy
        ]
    if what == "encodings":
        import genomes
        from genomes.base import Space

        spaces = [getattr(genomes, name) for name in genomes.__all__]
        return [
            (each.__name__, _sentence(each))
            for each in spaces
            if isinstance(each, type) and issubclass(each, Space) and each is not Space
        ]
    if what == "objectives":
        from neuroevo.tasks import Classification, Regression

        by_name = {o.name: o for task in (Classification, Regression) for o in task.offered}
        return [(name, f"{o.direction}d, {o.kind}") for name, o in by_name.items()]
    if what == "data":
        from neuroevo.data import NAMES

        return [(name, "") for name in NAMES]
    if what == "figures":
        from neuroevo import plots

        return [(name, _sentence(getattr(plots, name))) for name in FIGURES]
    if what == "experiments":
        folder = Path(__file__).parents[2] / "experiments"
        if not folder.is_dir():
            raise ValueError("the experiments are scripts of the source tree, not of the installed package; clone the repository")
        scripts = sorted(folder.glob("*.py"))
        return [(f"experiments/{script.name}", _first_line(script.read_text())) for script in scripts]
    raise ValueError(unknown("kind of thing to list", what, LISTS))


def _sentence(documented: Any) -> str:
    return _first_line(f'"""{documented.__doc__ or ""}"""')


def _first_line(source: str) -> str:
    text = source.partition('"""')[2].partition('"""')[0].strip()
    first = " ".join(text.partition("\n\n")[0].split())
    return first.partition(". ")[0].rstrip(".:")


def add_to(app: typer.Typer) -> None:
    """Make these commands commands of the application."""
    app.command()(report)
    app.command()(plot)
    app.command()(compare)
    app.command("list")(list_names)
