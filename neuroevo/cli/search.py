"""`neuroevo search`: a search on data, from its name to a folder with trained networks, a figure and test scores."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from genomes.base import Space
from genomes.network import NetworkSpace
from neuroevo.data.columns import Columns
from neuroevo.deploy.reference_models import Reference, constant_reference, refuse_references, train_references
from neuroevo.evaluators import Evaluator, Slots
from neuroevo.report.finish import finish
from neuroevo.run.budget import Budget
from neuroevo.run.evolution import evolve
from neuroevo.run.run import Run, load_run
from neuroevo.run.search import (
    SearchSettings,
    epochs_of,
    estimation_by_names,
    folds_for,
    space_by_encoding,
    split_settings,
    strategy_by_name,
    supervised_task,
    usual_strategy,
)
from neuroevo.run.settings import of_today
from neuroevo.run.sizes import begun_settings, begun_strategy
from neuroevo.store import Store
from neuroevo.tasks.folding import folds_of, usual_folds
from neuroevo.tasks.supervised import Supervised

SOON = 2_000_000  # numbers of the training part: references of so many are fitted in seconds, before the search; of more, after it


def evolve_networks(
    settings: SearchSettings,
    folder: Path,
    *,
    evaluations: int,
    seconds: float | None = None,
    total_epochs: float | None = None,
    evaluator: Evaluator | None = None,
    schedule: Literal["synchronous", "asynchronous"] = "synchronous",
    baseline: bool = False,
    references: bool = False,
    folds: int | None = None,
) -> Run:
    """Evolve networks for a data set; ends with the front's test scores and a figure in the folder.

    Args:
        settings: what is searched.
        folder: the run's.
        evaluations, seconds, total_epochs: the budget.
        evaluator, schedule: as for `neuroevo.evolve`.
        baseline: also train a plain hand-made network in the same way, to compare with (see `neuroevo.deploy.baseline`).
        references: also fit models of scikit-learn, to compare with (see `neuroevo.deploy.reference_models`).
        folds: validate the front by so many folds (see `neuroevo.deploy.folds`); 0: not; None: by 5 of small tables, unless the search itself goes by
            folds (`folds_for`).

    Raises:
        ValueError: anything that the user can mend; nothing is written before the data was read.
    """
    task = supervised_task(_as_begun(settings, folder))
    named = settings.strategy
    if named is None:
        named, usual = usual_strategy(task, begun_strategy(folder), settings.settings)
        unsaid = {name: value for name, value in usual.items() if not {name, f"strategy.{name}"} & set(settings.settings)}
        settings = replace(settings, strategy=named, settings={**settings.settings, **unsaid})
    encoding = settings.encoding or task.encoding
    given = split_settings(settings.settings, named, encoding)
    space = _space_as_begun(space_by_encoding(encoding, task, settings.max_parameters, given["encoding"]), folder, given["encoding"])
    once = space.redundant and schedule == "synchronous"
    strategy = strategy_by_name(
        named, settings.inheritance, settings=given["strategy"], evaluations=evaluations, begun=begun_strategy(folder)
    )
    epochs = epochs_of(settings, task, strategy)
    for note in task.dataset.notes:
        print(note)
    first = getattr(strategy, "population", None) or getattr(strategy, "initial", None)
    if isinstance(first, int) and 1 < evaluations <= first:
        print(
            f"the first {first} candidates are random, so that with {evaluations} nothing is selected: ask for more (--evaluations {3 * first})"
        )
    if folds:
        folds_of(task, folds, settings.seed)  # what is wrong is said before anything is trained
    complete = _complete(folder, evaluations)
    begun = begun_settings(folder)
    searched_by = folds_for(settings.folds, task, strategy, evaluations, begun, settings.stop_early)
    if not complete:
        announced(described(task, searched_by))
    fitted = [] if complete else first_answers(task, settings.seed, references, searched_by)
    run = evolve(
        space,
        task,
        strategy=strategy,
        estimation=estimation_by_names(task, epochs, settings.stop_early, strategy, searched_by, begun),
        budget=Budget(evaluations=evaluations, seconds=seconds, epochs=total_epochs),
        seed=settings.seed,
        evaluator=evaluator or Slots(2),
        schedule=schedule,
        once=once,
        screen=settings.screen,
        run=folder,
        progress=not complete,
    )
    if complete:  # said when it is clear that these are the run's own settings
        print(f"{folder} is complete; this is what it found (for more: a larger --evaluations, or another --run)")
    folds = (0 if searched_by else usual_folds(task)) if folds is None else folds
    finish(run, baseline=baseline, references=references, fitted=fitted, folds=folds, say=announced)
    return run


def described(task: Supervised, folds: int = 0) -> str:
    """What was loaded, and what each part of it is for.

    Args:
        folds: those of the search.
    """
    dataset = task.dataset
    shape = " x ".join(map(str, dataset.input_shape))
    sample = f"{shape} feature{'s' * (dataset.input_shape[0] > 1)}" if len(dataset.input_shape) == 1 else shape
    outputs = f"{len(dataset.label_names)} classes" if dataset.kind != "regression" else f"to predict: {', '.join(dataset.label_names)}"
    counts = [f"{len(part):,}" for part in (dataset.train, dataset.validation, dataset.test)]
    search = f"{counts[0]} samples to train on, {counts[1]} to choose by"
    if folds:
        both = len(dataset.train) + len(dataset.validation)
        search = f"{both:,} samples to search with, in {folds} folds (each network is trained {folds} times)"
    return f"{dataset.name}: {search}, {counts[2]} to test the outcome on; each {sample}; {outputs}"


def first_answers(task: Any, seed: int, references: bool, folds: int = 0) -> list[Reference]:
    """Say, before a network is trained, what needs none: what the same answer for every sample scores on the validation data, and, of data that is not
    large, what the references score there.

    Args:
        folds: those of the search; 0: it goes by the validation data.

    Returns:
        The references that were fitted.
    """
    if not isinstance(task, Supervised):
        return []
    constant, name = constant_reference(task, seed, folds), task.selection
    if references:
        refuse_references(task)
    said = [] if constant is None or name not in constant.validation else [f"{constant.about}: {constant.validation[name]:.4g}"]
    small = len(task.dataset.train) * math.prod(task.dataset.input_shape) <= SOON
    fitted = train_references(task, seed, folds=folds) if references and small else []
    said += [f"{one.name} ({one.about}): {one.validation[name]:.4g}" for one in fitted if name in one.validation]
    if said:
        asked = f"by {folds} folds of all samples but the test's" if folds else "on validation data"
        announced(f"before the search: {name} {asked} without a network: {'; '.join(said)}")
    return fitted


def _as_begun(settings: SearchSettings, folder: Path) -> SearchSettings:
    """The settings with the rules by which a run that an older release began read its table, where nothing is said of columns."""
    if settings.columns != Columns() or not (folder / "config.json").exists():
        return settings
    store = Store(folder, writable=False)
    recorded = (store.read_json("config.json") or {}).get("task")
    store.close()
    begun = isinstance(recorded, dict) and recorded.get("target") is not None and "columns" not in recorded
    return replace(settings, columns=Columns(rules=1)) if begun else settings


def _space_as_begun(space: Space, folder: Path, given: Mapping[str, str]) -> Space:
    """The space with the layers of features that the run began with, where nothing is said of them; an older release had none, or fewer."""
    if not isinstance(space, NetworkSpace) or len(space.input_shape) > 1 or not (folder / "config.json").exists():
        return space
    store = Store(folder, writable=False)
    recorded = of_today(store.read_json("config.json") or {}).get("space")
    store.close()
    named = recorded.get("encoding") if isinstance(recorded, dict) else None
    if recorded is None or named != space.encoding:
        return space
    before = {name: recorded[name] for name in ("norms", "gates", "dropout")} | {"embeddings": tuple(recorded["embeddings"])}
    return replace(space, **{name: value for name, value in before.items() if name not in given})


def announced(text: str) -> None:
    """Say what goes on, beside what a command answers."""
    print(text, file=sys.stderr, flush=True)


def _complete(folder: Path, evaluations: int) -> bool:
    return (folder / "run.db").exists() and load_run(folder).evaluations >= evaluations
