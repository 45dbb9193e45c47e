"""A search on data, from its name to a folder with trained networks, a figure and test scores: what the command line drives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genomes.base import unknown
from neuroevo.budget import Budget
from neuroevo.evaluators import Evaluator, Slots
from neuroevo.evolution import evolve
from neuroevo.individual import Individual
from neuroevo.report.text import TEST_FILE, test_scores
from neuroevo.run import Run, load_run
from neuroevo.settings import task_from_settings
from neuroevo.store import write_json_whole
from neuroevo.strategies.base import Strategy

if TYPE_CHECKING:
    from neuroevo.tasks.supervised import Supervised

STRATEGIES = ("lemonade", "nsga2", "nsga3", "random_search", "regularized_evolution")


@dataclass(frozen=True)
class SearchSettings:
    """What a search on data is: all that decides its outcome, beside the budget."""

    data: str
    objectives: str = "error,parameters"
    target: str | None = None
    kind: str | None = None
    strategy: str = "nsga2"
    inheritance: str = "lamarckian"
    epochs: int | None = None
    max_parameters: int | None = None
    seed: int = 1


def evolve_networks(
    settings: SearchSettings,
    folder: Path,
    *,
    evaluations: int,
    seconds: float | None = None,
    evaluator: Evaluator | None = None,
    schedule: Literal["synchronous", "asynchronous"] = "synchronous",
) -> Run:
    """Evolve networks for a data set; ends with the front's test scores and a figure in the folder.

    Raises:
        ValueError: anything that the user can mend; nothing is written before the data was read.
    """
    task = supervised_task(settings)
    limits = {} if settings.max_parameters is None else {"max_parameters": settings.max_parameters}
    for note in task.dataset.notes:
        print(note)
    complete = _complete(folder, evaluations)
    if complete:
        print(f"{folder} is complete; this is what it found (for more: a larger --evaluations, or another --run)")
    run = evolve(
        task.default_space(**limits),
        task,
        strategy=strategy_by_name(settings.strategy, settings.inheritance),
        estimation=task.estimation() if settings.epochs is None else _estimation(settings.epochs),
        budget=Budget(evaluations=evaluations, seconds=seconds),
        seed=settings.seed,
        evaluator=evaluator or Slots(2),
        schedule=schedule,
        run=folder,
        progress=not complete,
    )
    finish(run)
    return run


def supervised_task(settings: SearchSettings) -> Supervised:
    """Classification or regression, as the data and the objectives say."""
    from neuroevo import tasks

    arguments: dict[str, Any] = {"objectives": settings.objectives, "target": settings.target, "seed": settings.seed}
    kind = settings.kind or ("Regression" if {"mae", "rmse"} & set(_names(settings.objectives)) else "Classification")
    if kind not in ("Classification", "Regression"):
        raise ValueError(unknown("kind of task", kind, ("Classification", "Regression")))
    task: Supervised = getattr(tasks, kind)(settings.data, **arguments)
    _ = task.dataset  # read the data now: what is wrong with it is said before anything is written
    return task


def strategy_by_name(name: str, inheritance: str) -> Strategy:
    """The strategy of a command-line name.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    from neuroevo import strategies

    if name not in STRATEGIES:
        raise ValueError(unknown("strategy", name, STRATEGIES))
    if inheritance not in ("lamarckian", "none"):
        raise ValueError(unknown("inheritance", inheritance, ("lamarckian", "none")))
    inherits: Any = {"inheritance": inheritance}
    if name == "lemonade":
        return strategies.Lemonade(proposals=32, accepted=8, **inherits)
    if name == "nsga2":
        return strategies.Nsga2(population=12, **inherits)
    if name == "nsga3":
        return strategies.Nsga3(population=12, **inherits)
    if name == "regularized_evolution":
        return strategies.RegularizedEvolution(population=12, sample=4, **inherits)
    return strategies.RandomSearch()


def finish(run: Run) -> None:
    """What a search on data leaves beside its database: test scores of the front and figures. Done once; a run that has them keeps
    them."""
    if run.folder is None or run.ended in ("", "interrupted", "error") or not run.records.front:
        return
    figures = run.folder / "figures"
    tested = test_scores(run)
    if set(tested) >= {individual.id for individual in run.front} and (figures / "front.png").exists():
        return
    task: Any = run.task
    if hasattr(task, "test_scores"):
        tested = {individual.id: task.test_scores(individual.model()) for individual in run.front}
        write_json_whole(run.folder / TEST_FILE, tested)
    figures.mkdir(exist_ok=True)
    from neuroevo import plots

    plots.front(run, tested).savefig(figures / "front.png", dpi=150)
    plots.genome(run.best).savefig(figures / "best.png", dpi=150)


def train_to_the_end(
    run: Path, id: int, *, epochs: int, augment: bool, path: Path
) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Train one network of a run on train + validation data and export it; its test scores before and after."""
    from neuroevo.train import export
    from neuroevo.train.final import train_to_the_end as train

    loaded, task, individual = _individual(run, id)
    weights = None if individual.artifact is None else individual.artifact.load()
    final = train(individual.genome, task, weights=weights, epochs=epochs, augment=augment, seed=loaded.settings["seed"])
    export(final.model, task.dataset, path)
    return final.before, final.after


def export_individual(run: Path, id: int, path: Path) -> None:
    """Write one trained network of a run as a `.keras` file that takes raw inputs."""
    from neuroevo.train import export

    _, task, individual = _individual(run, id)
    export(individual.model(), task.dataset, path)


def predictions(model: Path, file: Path, *, id: int | None = None) -> Iterator[str]:
    """Predictions of a run's network (its best, or `id`) or of a `.keras` file, as lines of text."""
    from neuroevo.train import predict, raw_model
    from neuroevo.train.keras_file import details

    if model.is_dir():
        loaded = load_run(model)
        _, task, individual = _individual(model, loaded.best.id if id is None else id)
        source: Any = (raw_model(individual.model(), task.dataset), details(task.dataset))
    else:
        source = model
    return (str(prediction) for prediction in predict(source, file))


def _individual(run: Path, id: int) -> tuple[Run, Supervised, Individual]:
    loaded = load_run(run)
    task: Any = task_from_settings(loaded.settings["task"])
    if not hasattr(task, "dataset"):
        raise ValueError(
            f"{run} is not a search on data; only networks trained on data can be trained on, exported or asked to predict"
        )
    return loaded, task, loaded[id]


def _complete(folder: Path, evaluations: int) -> bool:
    return (folder / "run.db").exists() and load_run(folder).evaluations >= evaluations


def _estimation(epochs: int) -> Any:
    from neuroevo.estimation import FullTraining

    return FullTraining(epochs=epochs)


def _names(objectives: str) -> Sequence[str]:
    from neuroevo.objectives import parse_limits

    return [name for name, _ in parse_limits(objectives)]
