"""`neuroevo arena`: strategies beside each other on the same tasks and budgets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroevo.cli import completion as complete
from neuroevo.cli.imports import import_module_or_file

USUAL = "nsga2,lemonade,regularized_evolution,local_search"


def arena(
    tasks: Annotated[
        list[str],
        typer.Argument(
            help="Data, as `neuroevo search` takes it; or FILE.py:NAME, a neuroevo.arena.Contest of your own, or several in a list.",
            show_default=False,
            autocompletion=complete.data,
        ),
    ],
    strategies: Annotated[
        str, typer.Option(help="Names with commas between, or ';' where one is an expression: 'nsga2;Bayesian(batch=4)'.")
    ] = USUAL,
    seeds: Annotated[int, typer.Option(help="Searches of each strategy on each task.", min=1)] = 5,
    evaluations: Annotated[int | None, typer.Option(help="Candidates of each search.", min=1, show_default="60")] = None,
    total_epochs: Annotated[
        float | None, typer.Option(help="In place of --evaluations: training epochs of each search.", show_default=False)
    ] = None,
    objectives: Annotated[
        str | None, typer.Option(help="For data: names, with limits: 'error,parameters<20000'.", show_default="error,parameters")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="The column to predict, of a table.", show_default=False)
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="For data: the networks' encoding: {encodings}.",
            show_default="network; of a detection pyramid",
            autocompletion=complete.encodings,
        ),
    ] = None,
    inheritance: Annotated[str, typer.Option(help="For data: lamarckian or none.")] = "lamarckian",
    epochs: Annotated[
        int | None, typer.Option(help="For data: epochs of each training.", min=1, show_default="by the size of the data")
    ] = None,
    workers: Annotated[int, typer.Option(help="Searches at a time.", min=1)] = 2,
    run: Annotated[Path, typer.Option(help="The arena's folder; the same command goes on with it.")] = Path("runs/arena"),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Which strategy? Let several search the same, with the same budgets, and rank them."""
    from rich.console import Console
    from rich.progress import Progress

    from neuroevo.arena import Arena, results
    from neuroevo.arena.page import write_results
    from neuroevo.arena.text import results_table
    from neuroevo.run.budget import Budget
    from neuroevo.run.search import EVALUATIONS, SearchSettings

    if evaluations is not None and total_epochs is not None:
        raise ValueError("the budget is --evaluations or --total-epochs, not both: one of them is what all strategies have alike")
    budget = Budget(epochs=total_epochs) if total_epochs is not None else Budget(evaluations=evaluations or EVALUATIONS)
    contests: list[Any] = []
    for text in tasks:
        settings = SearchSettings(
            data=text, objectives=objectives, target=target, encoding=encoding, inheritance=inheritance, epochs=epochs
        )
        contests += _contests(text, settings, budget)
    names = [name.strip() for name in strategies.split(";" if ";" in strategies or "(" in strategies else ",") if name.strip()]
    game = Arena(contests, names, seeds, run)
    game.check()
    with Progress(console=Console(stderr=True), disable=as_json) as progress:
        bar = progress.add_task("searches", total=len(list(game.games())))
        left = sum((one.outcome() or {}).get("state") not in ("played", "refused") for one in game.games())
        progress.update(bar, completed=len(list(game.games())) - left)

        def said(one: Any, outcome: dict[str, Any]) -> None:
            if outcome["state"] == "failed":
                progress.console.print(f"{one.contest}, {one.strategy}, seed {one.seed} failed: {outcome['reason']}")
            progress.advance(bar)

        game.play(workers, said)
    found = results(game)
    paths = write_results(found, run)
    print(json.dumps(found.to_json(), indent=2) if as_json else results_table(found))
    if not as_json:
        print(f"\nwritten: {', '.join(map(str, paths))}")


def _contests(text: str, settings: Any, budget: Any) -> Sequence[Any]:
    """The contests that a text names: FILE.py:NAME, or data."""
    from neuroevo.arena import Contest, data_contest

    file, colon, name = text.rpartition(":")
    if not (colon and file.endswith(".py")):
        return [data_contest(settings, budget)]
    module = import_module_or_file(file)
    if not hasattr(module, name):
        raise ValueError(f"{file} has no {name}; name a neuroevo.arena.Contest, a list of them, or a function that returns one")
    found = getattr(module, name)
    found = found() if callable(found) and not isinstance(found, Contest) else found
    listed = [found] if isinstance(found, Contest) else found
    if not isinstance(listed, (list, tuple)) or not listed or not all(isinstance(one, Contest) for one in listed):
        raise ValueError(f"{text} is {type(found).__name__}; it must be a neuroevo.arena.Contest or a list of them")
    return list(listed)


def add_to(app: typer.Typer) -> None:
    """Make this a command of the application."""
    app.command(cls=complete.Command)(arena)
