"""Run: one search, its result, and what was recorded of it."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from genomes.base import Space
from neuroevo.core.functions import importable
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objective, Objectives, weighted_limits
from neuroevo.core.registry import provided
from neuroevo.core.trial import FAILED, PREDICTED, STOPPED, Evaluation, Fidelity
from neuroevo.run.box import Box, box_from_json, box_of_costs
from neuroevo.run.course import Course
from neuroevo.run.derived import Derived, derive, derived_of
from neuroevo.run.records import Records
from neuroevo.run.settings import of_today, space_from_settings
from neuroevo.run.shelf import IN_MEMORY, Shelf
from neuroevo.store import RecordedTrial, Store, StoreError
from neuroevo.store.errors import damaged
from neuroevo.store.reading import ANCESTRY

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from neuroevo.deploy.ensembles import Ensemble
    from neuroevo.deploy.reference_models import Reference
    from neuroevo.strategies.base import Strategy
    from neuroevo.tasks.base import Task


class Run:
    """One search: its individuals, its front, its best.

    Attributes:
        space, objectives: what was searched, and for what.
        settings: JSON of everything that decides the run.
        folder: where it is kept, or None in memory.
        task, strategy: as given; None for a run that was only loaded.
        generation: how many generations are complete.
        seconds: wall-clock time so far.
        ended: why it ended ("evaluations", "target", "interrupted", ...), or "" while it goes on.
        summaries: what was recorded of every generation.
        derived: what was made from its networks afterwards (`derive`), in that order.
    """

    def __init__(
        self,
        space: Space,
        objectives: Objectives,
        settings: Mapping[str, Any],
        *,
        folder: Path | None = None,
        task: Task | None = None,
        strategy: Strategy | None = None,
    ) -> None:
        self.space, self.objectives, self.settings = space, objectives, settings
        self.folder, self.task, self.strategy = folder, task, strategy
        largest = getattr(space, "max_parameters", None)
        limits = {} if largest is None or "parameters" not in objectives else {"parameters": float(largest)}
        self.records = Records(objectives, Fidelity.from_dict(settings.get("full", {})), limits)
        self.generation = 0
        self.seconds = 0.0
        self.ended = ""
        self.summaries: list[dict[str, Any]] = []
        self.derived: list[Derived] = []

    @property
    def front(self) -> list[Individual]:
        """The non-dominated individuals, best first objective first."""
        return sorted(self.records.front, key=lambda i: tuple(-w for w in i.fitness.wvalues))

    @property
    def best(self) -> Individual:
        """The individual with the best first objective.

        Raises:
            ValueError: nothing was evaluated, or everything failed.
        """
        best = self.records.best
        if best is None:
            raise ValueError(f"this run has no successful individual ({self.evaluations} evaluated, {self.failures} failed)")
        return best

    @property
    def evaluations(self) -> int:
        """How many evaluations were made, failed ones included; an individual may have several."""
        return self.records.evaluations

    @property
    def epochs(self) -> float:
        """Training epochs of all trials, in passes over all of the training data."""
        return self.records.epochs

    @property
    def failures(self) -> int:
        """How many evaluations failed."""
        return self.records.failures

    @property
    def stopped(self) -> int:
        """How many evaluations were stopped: their training was ended early by a rule."""
        return self.records.stopped

    @property
    def predictions(self) -> int:
        """How many times an individual was only predicted; not among the evaluations."""
        return self.records.predictions

    @property
    def hypervolume(self) -> float | None:
        """The front's hypervolume, as a share of `box`; None with one objective. `neuroevo.report.comparison.compare` measures several runs
        in one box."""
        return self.records.hypervolume()

    @property
    def box(self) -> Box | None:
        """The box in which hypervolume is measured, while the run goes on, at its end and after a resume: from an ideal to a reference point.
        An end that an objective declares or a limit sets is that; another lies a standard deviation beyond the best or the worst value
        of the first generation. None with one objective."""
        return self.records.box

    @property
    def solved(self) -> bool:
        """Whether the budget's target was reached."""
        return self.ended == "target"

    @overload
    def __getitem__(self, id: int) -> Individual: ...
    @overload
    def __getitem__(self, id: str) -> Derived: ...
    def __getitem__(self, id: int | str) -> Individual | Derived:
        """The individual with this id, or the derived network with this name.

        Raises:
            KeyError: there is none, or its genome was not kept.
        """
        if not isinstance(id, str):
            return self.records.find(id)
        for derived in self.derived:
            if derived.name == id:
                return derived
        known = ", ".join(derived.name for derived in self.derived[-5:]) or "none"
        raise KeyError(
            f"this run has no derived network {id!r}; it has {known}; an individual is named by its id, a whole number"
        )

    def __iter__(self) -> Iterator[Individual]:
        """Every individual that is kept, by id."""
        return iter(self.records)

    def thinned(self, most: int) -> Run:
        """The run with about so many of its individuals, for pages and figures, where it has kept more as array populations; else itself.

        Counts, the front and what it inherited from stay, as do an example of each reason of a failure and the parents of derived networks; of all
        others an even share. Every individual is still found by its id."""
        if not self.records.populations or self.records.kept <= most:
            return self
        examples = {(status, reason): id for id, status, reason in reversed(list(self.records.cut_short()))}
        also = [*list(examples.values())[-most // 4 :], *(one.parent for one in self.derived if isinstance(one.parent, int))]
        records = self.records.thinned(most, also)
        if records is self.records:
            return self
        few = copy(self)
        few.records = records
        return few

    def history(self) -> pd.DataFrame:
        """A table of everything evaluated (and kept), by individual: id, generation, parents, operators, status, reason, the trial that its
        fitness comes from and that trial's epochs, data and resolution where these are not the full effort, objectives, scores, and
        descriptors (`descriptor_0`, ...). `trials` has a row for each trial."""
        import pandas as pd

        rows = []
        for individual in self:
            scores = individual.info.get("scores", {}) if individual.info else {}
            rows.append(
                {
                    "id": individual.id,
                    "generation": individual.generation,
                    "parents": individual.parents,
                    "operators": individual.operators,
                    "status": individual.status,
                    "reason": individual.reason,
                    "trial": individual.trial,
                    **({} if individual.fidelity is None else _fidelity_columns(individual.fidelity)),
                    **individual.values,
                    **{name: value for name, value in scores.items() if name not in individual.values},
                    **_descriptor_columns(individual),
                }
            )
        columns = ["id", "generation", "parents", "operators", "status", "reason", "trial", *self.objectives]
        return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)

    def trials(self) -> pd.DataFrame:
        """A table with one row a trial, in the order of asking: job, its (first) individual, how many it has, fidelity, the rule that may stop
        its training, status, reason, epochs, seconds, attempts.

        Raises:
            ValueError: the run is kept in memory, where trials are not recorded.
        """
        import pandas as pd

        if self.folder is None:
            raise ValueError("a run in memory does not record its trials: give evolve(run=...) a folder")
        store = Store(self.folder, writable=False)
        try:
            found = store.trials().values()
        finally:
            store.close()
        rows = [
            {**{f.name: getattr(trial, f.name) for f in fields(trial)}, "fidelity": trial.fidelity.to_dict()} for trial in found
        ]
        return pd.DataFrame(rows, columns=[f.name for f in fields(RecordedTrial)])

    def evaluations_of(self, id: int) -> list[Evaluation]:
        """Every evaluation of an individual, in the order in which they were made; of a run in memory only the one that its fitness comes
        from.

        Raises:
            KeyError: there is no such individual, or its genome was not kept.
        """
        individual = self.records.find(id)
        if self.folder is not None:
            store = Store(self.folder, writable=False)
            try:
                if found := store.evaluations_of(id):
                    return [evaluation for evaluation, _ in found]
            finally:
                store.close()
        if individual.trial is None or individual.fidelity is None:
            return []
        return [
            Evaluation(
                id, individual.trial, individual.fitness.values, individual.status, individual.reason, individual.info,
                individual.fidelity, individual.descriptors,
            )
        ]  # fmt: skip

    def generations(self) -> pd.DataFrame:
        """A table with one row a generation: evaluations, seconds, best, front size, hypervolume (in the run's
        `box`), failed, stopped and predicted evaluations, epochs, and the strategy's own numbers."""
        import pandas as pd

        return pd.DataFrame(self.summaries)

    def derive(
        self,
        parent: int | str,
        made: Any,
        *,
        operators: Sequence[str],
        scores: Mapping[str, float] | None = None,
        details: Mapping[str, Any] | None = None,
        weights: Mapping[str, npt.NDArray[np.generic]] | None = None,
        raw: bool | None = None,
        parameters: int | None = None,
        tested: bool = True,
    ) -> Derived:
        """Record a network that was made from one of this run's (pruned, quantized, distilled, trained on) as its child.

        It is no birth: the search can still go on, as if nothing had been derived. In a folder its file lies in `derived/`, named
        after it.

        Args:
            parent: an individual's id, or the name of a derived network.
            made: a genome; a `keras.Model` of plain Keras layers, whatever its structure; or the path of a `.keras` or `.tflite` file, which
                is copied. It takes normalised inputs and gives logits or normalised values, as `individual.model()` does, or `raw`.
            operators: what was done, such as `("prune", "train")`.
            scores: on the validation part, by name. None: measured, where the run is one on data. What it scores on the test part is
                measured once, now, in any case.
            details: what else is worth keeping, JSON.
            weights: of a genome that does not hold its weights itself: arrays by marking, as `neuroevo.decode.weights_of` gives.
            raw: whether the model takes raw inputs and gives probabilities or values in their own units. None: as a `.keras` file says
                itself, if `neuroevo export` wrote it; else it does not.
            parameters: trainable weights, where the model's own count would say something else: of a quantized network, or one some of whose
                weights are zero for good. None: counted; of a TensorFlow Lite file not known.
            tested: whether it is scored on the test part; not one that was trained on it.

        Returns:
            The child, which is in `derived` from now on; `run["17.1"]` finds it.

        Raises:
            KeyError: no such parent.
            ValueError: a model that does not fit the run's data, weights that are not the genome's, scores that are not finite numbers, code
                that plain Keras does not have.
            StoreError: another process writes to the run's folder.
        """
        return derive(
            self, parent, made, operators=operators, scores=scores, details=details, weights=weights, raw=raw, parameters=parameters,
            tested=tested,
        )  # fmt: skip

    def ensemble(self, *, rounds: int = 20, of: Literal["front", "kept"] = "front", path: Path | None = None) -> Ensemble:
        """Choose networks of this run whose mean is better than each of them, greedily on what the search chose by (the validation part, or the answers
        of its folds), and record them as one model, a child of the first chosen (Caruana et al. 2004).

        Args:
            rounds: networks that are added at most, each perhaps several times.
            of: "front", or "kept": every network whose weights the run still has.
            path: a `.keras` file to write as well.

        Returns:
            Its members, scores and record; no record where no combination is better than the best alone.

        Raises:
            ValueError: the run is not one on data, its data changed, or it has no trained networks.
        """
        return provided("ensemble")(self, rounds=rounds, of=of, path=path)  # type: ignore[no-any-return]

    def references(self) -> list[Reference]:
        """What a linear model, a forest and boosting (scikit-learn) score on the same samples: fitted now, unless the run's folder holds
        them already; then recorded there, so that tables, figures and the report show them.

        Raises:
            ValueError: the run is not one on data, or samples of too many numbers.
        """
        return provided("references")(self)  # type: ignore[no-any-return]

    @property
    def resume_command(self) -> str:
        """What to type to go on with this run: with the module of its fitness, or the script that has it, where that is no part of this toolkit."""
        if not self.folder:
            return ""
        task = self.settings.get("task")
        fitness = task.get("fitness") if isinstance(task, Mapping) else None
        given = ""
        if isinstance(fitness, str):
            if not importable(fitness):
                return _script(self.folder)
            given = f"--import {fitness.rpartition('.')[0]} "
        return f"neuroevo {given}resume {shlex.quote(str(self.folder))}"

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return str(provided("run_html")(self))

    def __repr__(self) -> str:
        state = self.ended or "going on"
        return f"<Run {self.folder or 'in memory'}: {self.evaluations} evaluations, front of {len(self.records.front)}, {state}>"


def _script(folder: Path) -> str:
    """The command that started a run from a script, as it was recorded."""
    try:
        command = json.loads((folder / "environment.json").read_text(encoding="utf-8"))["command"]
    except (OSError, ValueError, KeyError, TypeError):
        command = None
    return command if isinstance(command, str) and ".py" in command else "run again what started it"


def _fidelity_columns(fidelity: Fidelity) -> dict[str, Any]:
    return {name: value for name, value in fidelity.to_dict().items() if name in ("epochs", "data", "resolution")}


def _descriptor_columns(individual: Individual) -> dict[str, float]:
    described = individual.descriptors
    return {} if described is None else {f"descriptor_{at}": float(value) for at, value in enumerate(described)}


def objectives_from_settings(settings: Sequence[Mapping[str, Any]]) -> dict[str, Objective]:
    """Objectives as a run's settings record them (without the functions of cheap ones)."""
    return {item["name"]: Objective(**item) for item in settings}


def load_run(folder: str | os.PathLike[str], *, lazy: bool = False) -> Run:
    """A run read from its folder, also while it is being written.

    Args:
        folder: the run's.
        lazy: decode a genome when it is first looked at, and say only then what is wrong with it: for reports and figures of large
            runs, which look at few. Array populations are then read from the folder when they are looked at; else those beyond the first
            100,000 individuals are.

    Raises:
        StoreError: the folder is not a run, or is damaged.
    """
    store = Store(folder, writable=False)
    try:
        settings = store.read_json("config.json")
        if not isinstance(settings, dict) or "space" not in settings or "objectives" not in settings:
            raise StoreError(f"{folder} is not a run, or its config.json is missing or damaged")
        space = space_from_settings(settings["space"])
        settings = of_today(settings)
        run = Run(space, objectives_from_settings(settings["objectives"]), settings, folder=Path(folder))
        fill(run, store, before=None, lazy=lazy)
        run.derived = derived_of(store)
        run.ended, run.seconds = store.ended()
        run.seconds = max([run.seconds, *(float(row.get("seconds") or 0.0) for row in run.summaries[-1:])])
        count_recorded(run, store)
        run.generation = store.generations_complete()
        restore_box(run, store)
        return run
    finally:
        store.close()


def restore_box(run: Run, store: Store) -> None:
    """Give a run the box in which its hypervolume was measured from its first generation on, if it had come so far.

    Raises:
        StoreError: the record is damaged.
    """
    recorded = store.box()
    saved = store.state() if recorded is None else None
    older = saved[1].json["run"].get("scale") if saved is not None else None
    try:
        if recorded is not None:
            run.records.fixed_box = box_from_json(run.objectives, recorded)
        elif older is not None:  # of a release that measured between the first generation's best and worst values
            run.records.fixed_box = box_of_costs(run.objectives, *older)
    except (ValueError, TypeError) as error:
        raise StoreError(damaged(store.folder / "run.db", error)) from error


def count_recorded(run: Run, store: Store) -> None:
    """Set a run's counts to what its database holds."""
    counts, records = store.evaluation_counts(), run.records
    records.failures, records.stopped, records.predictions = counts[FAILED], counts[STOPPED], counts[PREDICTED]
    records.evaluations = sum(counts.values()) - counts[PREDICTED]
    records.epochs = store.epochs()


def fill(run: Run, store: Store, *, before: int | None, before_trial: int | None = None, lazy: bool = False) -> None:
    """Read the evaluated individuals (with ids below `before`), by their trials (with ids below `before_trial`), and generations of a run
    back into its records."""
    names = tuple(run.objectives)
    weights = tuple(objective.weight for objective in run.objectives.values())
    limits = weighted_limits(run.objectives)
    missing = store.without_trial()
    if missing is not None:
        raise StoreError(damaged(store.folder / "run.db", f"it has an evaluation of trial {missing}, and no such trial"))
    individuals = store.individuals(run.space, names, weights, limits=limits, lazy=lazy, before=before_trial)
    found = [one for one in individuals.values() if one.fitness.valid and (before is None or one.id < before)]
    # of equal ones, the front holds the one that was completed first
    place = {trial: at for at, trial in enumerate(store.completions())} if store.asks() else None
    for individual in sorted(
        found, key=lambda one: ((one.trial or 0) if place is None else place.get(one.trial or 0, -1), one.id)
    ):
        run.records.place(individual)
    shelf = Shelf(store.folder, run.space, names, weights)
    for recorded in store.populations(genes=not lazy or store.in_memory):
        if (before is not None and recorded.first_id >= before) or (recorded.arrays and not set(recorded.arrays) - {*ANCESTRY}):
            continue
        whole = shelf.made(recorded) if recorded.arrays else None  # also to see that it can be made
        stays = whole is not None and (store.in_memory or run.records.in_memory + len(whole) <= IN_MEMORY)
        run.records.add_population(whole if whole is not None and stays else shelf.put(recorded), keep=True)
    run.records.course = Course(store.spent(before_trial))
    run.summaries = store.generations()
