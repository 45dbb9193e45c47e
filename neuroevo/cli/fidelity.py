"""`neuroevo fidelity`: how well cheaper trainings rank networks, measured on a sample of a run's or of random ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from neuroevo.cli import completion as complete

SHARES = (0.125, 0.25, 0.5)  # of the reference's epochs, where none are named


def fidelity(
    what: Annotated[
        str,
        typer.Argument(
            help="A run's folder, whose networks are taken; a study's, which goes on or is shown; or data, for which random networks are drawn.",
            show_default=False,
            autocompletion=complete.data,
        ),
    ],
    networks: Annotated[int, typer.Option(help="How many networks are trained at each fidelity.", min=5)] = 24,
    epochs: Annotated[
        str | None,
        typer.Option(help="Numbers of training epochs to compare: 5,10,20.", show_default="an eighth, a quarter, half"),
    ] = None,
    share: Annotated[str, typer.Option(help="Shares of the training data to compare; '' for none.")] = "0.25",
    resolution: Annotated[str, typer.Option(help="Factors on height and width to compare, for images; '' for none.")] = "0.5",
    schedule: Annotated[
        str,
        typer.Option(
            help="Whether fewer epochs are a training of their own (rung), or the first part of the full one (whole), or both: rung,whole."
        ),
    ] = "rung,whole",
    reference: Annotated[
        int | None, typer.Option(help="Epochs of full training.", min=2, show_default="the run's, or by the size of the data")
    ] = None,
    again: Annotated[bool, typer.Option(help="Take full training twice, to see how well it agrees with itself.")] = True,
    top: Annotated[int | None, typer.Option(help="How many of the best are compared.", min=1, show_default="a fifth")] = None,
    encoding: Annotated[
        str | None,
        typer.Option(
            help="For data: what random networks are drawn from: {encodings}.",
            show_default="network; of a detection pyramid",
            autocompletion=complete.encodings,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides everything.", min=0)] = 1,
    workers: Annotated[int, typer.Option(help="Processes that train.", min=1)] = 2,
    run: Annotated[Path | None, typer.Option(help="The study's folder; default RUN-fidelity or runs/DATA-fidelity.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Measure where cheaper training stops ranking networks as full training does. The same command again goes on."""
    from neuroevo.plots import fidelity as drawn
    from neuroevo.report.fidelity import STUDY, fidelity_json, fidelity_report, fidelity_table
    from neuroevo.run.evolution import default_evaluator, evolve
    from neuroevo.run.run import load_run
    from neuroevo.run.settings import search_from_settings

    given = Path(what)
    settings = load_run(given, lazy=True).settings if (given / "run.db").exists() else None
    if settings is not None and settings["strategy"].get("strategy") == STUDY:
        folder = given
        search = search_from_settings(json.loads((given / "config.json").read_text(encoding="utf-8")))
    else:
        asked = {"networks": networks, "again": again, "reference": reference, "seed": seed}
        values = {
            "epochs": _numbers("--epochs", epochs, int),
            "data": _numbers("--share", share, float),
            "resolution": _numbers("--resolution", resolution, float),
        }
        schedules = [word.strip() for word in schedule.split(",")]
        if not schedules or set(schedules) - {"rung", "whole"}:
            raise ValueError(f"--schedule is rung, whole or rung,whole, got {schedule!r}")
        beside = given.parent / f"{given.name}-fidelity" if settings is not None else Path("runs") / f"{given.stem}-fidelity"
        folder = run or beside
        search = _study(what, settings is not None, encoding, asked, values, schedules)
    evolve(**search, run=folder, evaluator=default_evaluator(workers), progress=True)
    found = load_run(folder, lazy=True)
    report = fidelity_report(found, top=top)
    print(json.dumps(fidelity_json(report), indent=2) if as_json else fidelity_table(report))
    path = folder / "figures" / "fidelity.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn(report).savefig(path, dpi=150)
    if not as_json:
        print(f"figure: {path}")


def _study(
    what: str, of_run: bool, encoding: str | None, asked: dict[str, Any], values: dict[str, list[Any] | None], schedules: Sequence[str]
) -> dict[str, Any]:
    """The arguments of `evolve` for a new study."""
    from neuroevo.estimation import FullTraining
    from neuroevo.run.budget import Budget
    from neuroevo.run.run import load_run
    from neuroevo.run.search import SearchSettings, space_by_encoding, supervised_task
    from neuroevo.run.settings import estimation_from_settings, task_from_settings
    from neuroevo.strategies import FidelityStudy
    from neuroevo.tasks.supervised import Supervised

    genomes, estimation = None, None
    if of_run:
        loaded = load_run(what)
        task: Any = task_from_settings(loaded.settings["task"])
        if not isinstance(task, Supervised):
            raise ValueError(f"{what} is not a search on data: fidelities are of training on samples")
        space = loaded.space
        recorded = estimation_from_settings(loaded.settings["estimation"])
        estimation = recorded if type(recorded) is FullTraining else None
        genomes = _sample(loaded, asked["networks"], asked["seed"])
        trained = [one for one in loaded.settings["task"]["objectives"] if one["kind"] == "trained"]
        task = task_from_settings({**loaded.settings["task"], "objectives": trained or _selection(task)})
    else:
        task = supervised_task(SearchSettings(data=what, seed=asked["seed"]))
        task.objectives = {task.selection: task.objectives[task.selection]}
        space = space_by_encoding(encoding or task.encoding, task, None)
    estimation = estimation or task.trained()
    full = asked["reference"] or estimation.epochs or task.from_scratch.sized(len(task.dataset.train)).epochs or 1
    wanted = values["epochs"] if values["epochs"] is not None else sorted({max(1, round(full * part)) for part in SHARES})
    if any(one >= full for one in wanted):
        raise ValueError(
            f"--epochs are fewer than full training's {full}, got {','.join(map(str, wanted))}; or give a longer --reference"
        )
    fidelities: list[dict[str, Any]] = [
        {"epochs": one, **({"schedule": full} if word == "whole" else {})} for word in schedules for one in wanted
    ]
    fidelities += [{"epochs": full, "data": one} for one in values["data"] or ()]
    if len(task.dataset.input_shape) > 1:  # features have no resolution
        fidelities += [{"epochs": full, "resolution": one} for one in values["resolution"] or ()]
    count = asked["networks"] if genomes is None else len(genomes)
    study = FidelityStudy(fidelities, count, {"epochs": full}, asked["again"], genomes)
    return {
        "space": space,
        "fitness": task,
        "strategy": study,
        "estimation": FullTraining(full, estimation.recipe, estimation.inherited),
        "budget": Budget(evaluations=count * len(study.steps)),
        "seed": asked["seed"],
    }


def _selection(task: Any) -> list[dict[str, Any]]:
    return [next(one for one in task.offered if one.name == task.selection).settings()]


def _sample(loaded: Any, count: int, seed: int) -> list[dict[str, Any]]:
    """Different networks of a run, drawn at random among those that were trained."""
    import numpy as np

    distinct = {one.genome.key(): one for one in sorted(loaded, key=lambda one: one.id) if one.status == "done"}
    found = list(distinct.values())
    if any(one.genome.evolves_weights for one in found):
        raise ValueError("fidelities are of networks that are trained; the genomes of this run hold their own weights")
    if len(found) < 5:
        raise ValueError(f"a ranking needs five different trained networks or more, {loaded.folder} has {len(found)}")
    drawn = np.random.default_rng(seed).permutation(len(found))[:count]
    return [found[place].genome.to_dict() for place in sorted(drawn.tolist())]


def _numbers(option: str, text: str | None, kind: Callable[[str], Any]) -> list[Any] | None:
    """Numbers from a text such as "5,10,20"; None where it is not given."""
    if text is None:
        return None
    try:
        found = [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = [-1]
    good = all(one >= 1 for one in found) if kind is int else all(0 < one < 1 for one in found)
    if not good:
        allowed = "whole numbers >= 1, such as 5,10,20" if kind is int else "numbers between 0 and 1, such as 0.25,0.5"
        raise ValueError(f"{option} takes {allowed}, got {text!r}")
    return sorted(set(found))


def add_to(app: typer.Typer) -> None:
    """Make this a command of the application."""
    app.command(cls=complete.Command)(fidelity)
