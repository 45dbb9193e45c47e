"""The commands that look at runs: report, dashboard, plot, compare, list."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from neuroevo.cli import completion as complete

EXAMINED = ("confusion", "residuals", "calibration", "importance", "detections")  # figures of one network on held-out samples


def run_folder(text: str) -> Path:
    """A run's folder, as it is typed."""
    if not str(text).strip():  # it would be the current folder
        raise typer.BadParameter("a run's folder is a path such as runs/digits ('.' for the current one), got an empty text")
    return Path(text)


RunFolder = Annotated[
    Path,
    typer.Argument(
        help="A run's folder, such as runs/digits.",
        show_default=False,
        autocompletion=complete.runs,
        parser=run_folder,
        metavar="run",
    ),
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
    from neuroevo.store.connection import being_written

    if live:
        print(f"watching {run}; Ctrl-C ends the watching, not the run")
    while True:
        loaded = load_run(run, lazy=True)
        going_on = live and loaded.ended == "" and being_written(run) is not False
        path = write_report(loaded, output, refresh=every if going_on else None)
        print(f"written: {path} ({loaded.evaluations} evaluated)", flush=True)
        if not going_on:
            return
        time.sleep(every)


def dashboard(
    context: typer.Context,
    runs: Annotated[
        Path,
        typer.Argument(
            help="A folder of runs, or a run.",
            autocompletion=complete.runs,
            parser=run_folder,
            metavar="runs",
            show_default="runs",
        ),
    ] = "runs",  # type: ignore[assignment]  # typer parses it
    host: Annotated[str, typer.Option(help="Where to listen. Elsewhere than on 127.0.0.1, a token is asked for.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen; 0: any that is free.", min=0, max=65535)] = 8517,
    allow_start: Annotated[
        bool,
        typer.Option("--allow-start", help="Let searches be started, paused and gone on with from the page; needs the token."),
    ] = False,
    token: Annotated[
        str | None, typer.Option(help="The token, where one is asked for.", envvar="NEUROEVO_TOKEN", show_default="a new one")
    ] = None,
) -> None:
    """Show runs in a browser, live, until Ctrl-C. It needs the extra `dashboard`."""
    import sys

    from neuroevo.dashboard.server import serve

    modules = context.parent.params.get("imported") if context.parent is not None else None
    command = (sys.executable, "-m", "neuroevo.cli.main", *(f"--import={module}" for module in modules or ()))

    def ready(address: str) -> None:
        print(f"the dashboard of {runs} is on {address}", flush=True)
        print("Ctrl-C ends it; searches go on", flush=True)

    serve(Path(runs), host=host, port=port, allow_start=allow_start, token=token, command=command, ready=ready)


def plot(
    run: RunFolder,
    what: Annotated[str, typer.Argument(help="One of {figures}.", autocompletion=complete.figures)] = "front",
    id: Annotated[
        str | None,
        typer.Argument(
            help="The individual, for genome, lineage, curves and difference; also a derived network (17.1) for worth, confusion, residuals, "
            "calibration, importance and detections. Default: the best.",
            show_default=False,
            autocompletion=complete.ids,
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
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "--out",
            help="A .png, .svg or .pdf file, of trails also a .gif, which moves; default RUN/figures/WHAT.png.",
        ),
    ] = None,
) -> None:
    """Draw a run, or one of its individuals."""
    from neuroevo import plots
    from neuroevo.core import registry
    from neuroevo.report.text import test_scores
    from neuroevo.run.run import load_run

    draw = registry.part("figure", what)
    moving = output is not None and output.suffix.lower() == ".gif"
    if moving and what not in plots.FILMS:
        raise ValueError(f"{what} is a still picture, a .png, .svg or .pdf file; as a .gif: {', '.join(plots.FILMS)}")
    loaded = load_run(run, lazy=True)
    if moving and output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        getattr(plots, plots.FILMS[what])(loaded, output)
        print(f"written: {output}")
        return
    if what in EXAMINED or what == "worth":
        figure = draw(loaded, id)
    elif what == "genome":
        figure = plots.genome(loaded.best if id is None else loaded[_whole(what, id)], plots.input_names(loaded))
    elif what == "lineage":
        figure = plots.lineage(loaded, None if id is None else _whole(what, id))
    elif what == "curves":
        figure = plots.curves(loaded, None if id is None else [_whole(what, id)])
    elif what == "difference":
        if id is None or other is None:
            raise ValueError(f"difference compares two individuals: neuroevo plot {run} difference ID ID")
        figure = plots.difference(loaded[_whole(what, id)], loaded[other])
    elif what == "progress":
        figure = plots.progress(loaded, measure, axis.split(","))
    elif what == "front":
        figure = plots.front(loaded, test_scores(loaded))
    else:
        figure = draw(loaded)
    name = "-".join([what, *[str(one) for one in (id, other) if one is not None]])
    path = output or run / "figures" / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    print(f"written: {path}")


def _whole(what: str, id: str) -> int:
    if not id.isdigit():
        raise ValueError(f"{what} is that of an individual, which is named by its id, a whole number, got {id!r}")
    return int(id)


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of runs, or folders that hold such.",
            show_default=False,
            autocompletion=complete.runs,
            parser=run_folder,
            metavar="runs",
        ),
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
    what: Annotated[str, typer.Argument(help="One of {lists}.", show_default=False, autocompletion=complete.lists)],
    name: Annotated[
        str | None, typer.Argument(help="One of these: its settings.", show_default=False, autocompletion=complete.listed)
    ] = None,
) -> None:
    """List what there is to choose from, or the settings of one of these."""
    kind = _kind_of(what)
    print(_columns(listed(kind)) if name is None else settings_text(kind, name))


def listed(kind: str) -> list[tuple[str, str]]:
    """(name, what it is in one line) of every part of a kind.

    Raises:
        ValueError: the parts are not in this installation.
    """
    from neuroevo.core import registry

    if kind == "experiment" and not registry.names(kind):
        raise ValueError("the experiments are scripts of the source tree, not of the installed package; clone the repository")
    usable = registry.parts(kind)
    return [(name, _described(kind, name) if name in usable else "cannot be loaded") for name in registry.names(kind)]


def settings_text(kind: str, name: str) -> str:
    """What a part is, and each of its settings with its default, what it may be and what it does.

    Raises:
        ValueError: no part of this kind has this name.
    """
    from neuroevo.core import registry
    from neuroevo.core.signature import REQUIRED
    from neuroevo.run import search

    part = registry.part(kind, name)
    lines = [f"{registry.name_of(part)}: {_described(kind, name)}"]
    offered = {"strategy": search.strategies, "encoding": search.encodings}
    typed = registry.command_name(registry.name_of(part))
    if kind in offered and typed in offered[kind]():
        lines.append(f"neuroevo search DATA --{kind} {typed} --set NAME=VALUE")
    if isinstance(part, type):
        settings = registry.settings(kind, name)
        rows = [
            (each.name, "(needed)" if each.default is REQUIRED else each.default_text or "(none)", f"{each.says or 'see its documentation'} [{each.allowed}]")
            for each in settings
        ]
        lines += ["", _columns([("setting", "default", "what it is [what it may be]"), *rows]) if rows else "It has no settings."]
    return "\n".join(lines)


def _described(kind: str, name: str) -> str:
    from neuroevo.core import registry

    part = registry.part(kind, name)
    own = f"{part.__name__}: " if isinstance(part, type) and part.__name__ != registry.name_of(part) else ""
    return own + registry.described(kind, name)


def _kind_of(plural: str) -> str:
    from genomes.base import unknown
    from neuroevo.core import registry

    kinds = {kind.plural: name for name, kind in registry.KINDS.items() if kind.plural}
    if plural not in kinds:
        raise ValueError(unknown("kind of thing to list", plural, list(kinds)))
    return kinds[plural]


def _columns(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] if rows else []
    return "\n".join(
        "  ".join([*(f"{cell:{width}s}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
    )


def add_to(app: typer.Typer) -> None:
    """Make these commands commands of the application."""
    app.command()(report)
    app.command()(dashboard)
    app.command(cls=complete.Command)(plot)
    app.command()(compare)
    app.command("list", cls=complete.Command)(list_names)
