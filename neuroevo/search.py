"""A search on data, from its name to a folder with trained networks, a figure and test scores: what the command line drives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from genomes.base import Space, unknown
from neuroevo.budget import Budget
from neuroevo.evaluators import Evaluator, Slots
from neuroevo.evolution import evolve
from neuroevo.individual import Individual
from neuroevo.report.text import TEST_FILE, test_scores
from neuroevo.run import Run, load_run
from neuroevo.settings import estimation_from_settings, task_from_settings
from neuroevo.store import write_json_whole
from neuroevo.strategies.base import Strategy

if TYPE_CHECKING:
    from neuroevo.tasks.supervised import Supervised
    from neuroevo.train.final import FinalTraining
    from neuroevo.train.prediction import Prediction

STRATEGIES = ("lemonade", "nsga2", "nsga3", "random_search", "regularized_evolution")
ENCODINGS = ("network", "dag", "cell", "chain")
EVALUATIONS = 60  # where neither the user nor a preset says otherwise


@dataclass(frozen=True)
class Preset:
    """How much a search spends; what a user says about one of these goes before it.

    Attributes:
        evaluations: candidates to train.
        epochs: of each; None goes by the size of the data.
    """

    evaluations: int
    epochs: int | None


PRESETS = {"quick": Preset(16, 5), "thorough": Preset(300, None)}


def preset_by_name(name: str | None) -> Preset:
    """The preset of a command-line name; None: the usual effort.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    if name is None:
        return Preset(EVALUATIONS, None)
    if name not in PRESETS:
        raise ValueError(unknown("preset", name, tuple(PRESETS)))
    return PRESETS[name]


@dataclass(frozen=True)
class SearchSettings:
    """What a search on data is: all that decides its outcome, beside the budget."""

    data: str
    objectives: str = "error,parameters"
    target: str | None = None
    kind: str | None = None
    encoding: str = "network"
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
    baseline: bool = False,
) -> Run:
    """Evolve networks for a data set; ends with the front's test scores and a figure in the folder.

    Args:
        settings: what is searched.
        folder: the run's.
        evaluations, seconds: the budget.
        evaluator, schedule: as for `neuroevo.evolve`.
        baseline: also train a plain hand-made network in the same way, to compare with (see `neuroevo.baseline`).

    Raises:
        ValueError: anything that the user can mend; nothing is written before the data was read.
    """
    task = supervised_task(settings)
    space = space_by_encoding(settings.encoding, task, settings.max_parameters)
    once = settings.encoding != "network" and schedule == "synchronous"
    strategy = strategy_by_name(settings.strategy, settings.inheritance, once=once)
    for note in task.dataset.notes:
        print(note)
    complete = _complete(folder, evaluations)
    if complete:
        print(f"{folder} is complete; this is what it found (for more: a larger --evaluations, or another --run)")
    run = evolve(
        space,
        task,
        strategy=strategy,
        estimation=task.estimation() if settings.epochs is None else _estimation(settings.epochs),
        budget=Budget(evaluations=evaluations, seconds=seconds),
        seed=settings.seed,
        evaluator=evaluator or Slots(2),
        schedule=schedule,
        run=folder,
        progress=not complete,
    )
    finish(run, baseline=baseline)
    return run


def space_by_encoding(encoding: str, task: Supervised, max_parameters: int | None) -> Space:
    """The space of an encoding's networks for a task's data, of sizes that train in seconds.

    Raises:
        ValueError: an unknown encoding; one that does not fit the data; or `max_parameters` with an encoding that has no such limit.
    """
    if encoding not in ENCODINGS:
        raise ValueError(unknown("encoding", encoding, ENCODINGS))
    if encoding == "network":
        return task.default_space(**({} if max_parameters is None else {"max_parameters": max_parameters}))
    if max_parameters is not None:
        raise ValueError(
            f"--max-parameters is a limit of the encoding network; with {encoding} limit the objective instead: "
            f"--objectives '{task.selection},parameters<{max_parameters}'"
        )
    shape, outputs = task.dataset.input_shape, task.dataset.outputs
    if encoding == "dag":
        from genomes.dag import DagSpace

        return DagSpace(shape, outputs, min_nodes=3, max_nodes=8, widths=(8, 16, 32), kernels=(1, 3))
    if encoding == "chain":
        from genomes.chain import ChainSpace

        return ChainSpace(shape, outputs, max_layers=6, widths=(8, 16, 32), kernels=(1, 3, 5), strides=(1, 2))
    from genomes.cell import CellSpace

    stages = 1 if len(shape) < 2 or min(shape[:-1]) < 2 else 2
    return CellSpace("nasnet", 3, shape, outputs, channels=8, repeats=1, stages=stages)


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


def strategy_by_name(name: str, inheritance: str, *, once: bool = False) -> Strategy:
    """The strategy of a command-line name.

    Args:
        name: one of `STRATEGIES`.
        inheritance: "lamarckian" or "none".
        once: train genomes with the same network once, for encodings in which many describe one.

    Raises:
        ValueError: an unknown name; the nearest is suggested.
    """
    from neuroevo import strategies

    if name not in STRATEGIES:
        raise ValueError(unknown("strategy", name, STRATEGIES))
    if inheritance not in ("lamarckian", "none"):
        raise ValueError(unknown("inheritance", inheritance, ("lamarckian", "none")))
    inherits: Any = {"inheritance": inheritance}
    strategy: Strategy = strategies.RandomSearch()
    if name == "lemonade":
        strategy = strategies.Lemonade(proposals=32, accepted=8, **inherits)
    elif name == "nsga2":
        strategy = strategies.Nsga2(population=12, **inherits)
    elif name == "nsga3":
        strategy = strategies.Nsga3(population=12, **inherits)
    elif name == "regularized_evolution":
        strategy = strategies.RegularizedEvolution(population=12, sample=4, **inherits)
    return strategies.TrainedOnce(strategy) if once else strategy


def finish(run: Run, *, baseline: bool = False) -> None:
    """What a search on data leaves beside its database: test scores of the front, the baseline where one is asked for, and figures. Done
    once; a run that has them keeps them."""
    from neuroevo.baseline import baseline_of, train_baseline, write_baseline

    if run.folder is None or run.ended in ("", "interrupted", "error") or not run.records.front:
        return
    figures = run.folder / "figures"
    tested = test_scores(run)
    task: Any = run.task
    missing = baseline and baseline_of(run) is None
    if set(tested) >= {individual.id for individual in run.front} and (figures / "front.png").exists() and not missing:
        return
    if missing:
        estimation = estimation_from_settings(run.settings["estimation"])
        write_baseline(run, train_baseline(task, estimation, run.settings["seed"]))
    if hasattr(task, "test_scores"):
        tested = {individual.id: task.test_scores(individual.model()) for individual in run.front}
        write_json_whole(run.folder / TEST_FILE, tested)
    figures.mkdir(exist_ok=True)
    from neuroevo import plots

    plots.front(run, tested).savefig(figures / "front.png", dpi=150)
    plots.genome(run.best).savefig(figures / "best.png", dpi=150)


def train_to_the_end(run: Path, id: int, *, epochs: int, augment: bool, path: Path, always: bool = False) -> FinalTraining:
    """Train one network of a run on train + validation data and export it: as it was, where training on the training data alone makes it
    worse on the validation data, unless `always`."""
    from neuroevo.train import export
    from neuroevo.train.description import write_description
    from neuroevo.train.final import train_to_the_end as train

    loaded, task, individual = _individual(run, id)
    weights = None if individual.artifact is None else individual.artifact.load()
    seed = loaded.settings["seed"]
    final = train(individual.genome, task, weights=weights, epochs=epochs, augment=augment, seed=seed, try_first=not always)
    export(final.model, task.dataset, path)
    write_description(task.dataset, path)
    return final


def export_individual(run: Path, id: int, path: Path) -> Path | None:
    """Write one network of a run in the format of the path's suffix; one trained on data takes raw inputs.

    Returns:
        Where the model's inputs and outputs are described; None where it was not trained on data.

    Raises:
        ValueError: it cannot be written so; the sentence says what is possible.
    """
    from neuroevo.interop.exports import MODELS, dataset_of, export
    from neuroevo.train.description import description_path

    loaded = load_run(run)
    dataset = dataset_of(loaded) if path.suffix in MODELS else None
    export(loaded, path, id=id, dataset=dataset)
    return None if dataset is None else description_path(path)


def predictions(model: Path, file: Path, *, id: int | None = None) -> list[Prediction]:
    """Predictions of a run's network (its best, or `id`) or of a `.keras` file."""
    from neuroevo.train import predict, raw_model
    from neuroevo.train.keras_file import details

    if model.is_dir():
        loaded = load_run(model)
        _, task, individual = _individual(model, loaded.best.id if id is None else id)
        source: Any = (raw_model(individual.model(), task.dataset), details(task.dataset))
    else:
        source = model
    return predict(source, file)


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
