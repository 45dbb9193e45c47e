"""The front door: `evolve` makes a run from a space and a fitness, and drives it."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genomes.base import Space, plain, shown
from neuroevo.core.callbacks import Callback, guarded
from neuroevo.core.functions import dotted_name
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Direction, Objective
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.registry import part, part_from_text, parts
from neuroevo.core.trial import FULL, WEIGHTS
from neuroevo.core.turns import turns_for
from neuroevo.estimation.base import Estimation
from neuroevo.evaluators.base import Evaluator, Work
from neuroevo.run.budget import Budget
from neuroevo.run.derived import derived_of
from neuroevo.run.identity import CODE, code_of, refuse_other_code, remember_what_a_run_left
from neuroevo.run.live import Live, in_notebook
from neuroevo.run.loop import Known, Loop, refuse_missing_artifacts, restored
from neuroevo.run.once import Once
from neuroevo.run.run import Run, fill, restore_box
from neuroevo.run.settings import of_today
from neuroevo.run.sizes import begun_strategy, sizes_begun, sizes_for
from neuroevo.store import Store, StoreError
from neuroevo.store.errors import damaged, unusable_state
from neuroevo.strategies.base import Search, Strategy
from neuroevo.strategies.screening import Screen, Screening
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.function import as_task

if TYPE_CHECKING:
    from deap.base import Toolbox


KINDS = {
    "strategy": "strategy",
    "space": "encoding",
    "task": "task",
    "estimation": "estimation",
}  # what a part of the settings is called


def evolve(
    space: Space,
    fitness: Task | Callable[..., Any],
    *,
    budget: Budget,
    strategy: Strategy | str | None = None,
    population: int | None = None,
    objectives: Mapping[str, Direction | Objective] | None = None,
    seed: int = 0,
    workers: int | None = None,
    evaluator: Evaluator | None = None,
    schedule: Literal["synchronous", "asynchronous"] = "synchronous",
    replay: str | os.PathLike[str] | None = None,
    max_parameters: int | None = None,
    max_seconds_per_candidate: float | None = None,
    max_memory: int | str | None = None,
    estimation: Estimation | None = None,
    once: bool | Literal["genome"] = False,
    screen: Screen | None = None,
    toolbox: Toolbox | None = None,
    run: str | os.PathLike[str] | None = None,
    version: str | None = None,
    record: Literal["all", "champions"] = "all",
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
) -> Run:
    """Evolve genomes of `space` for a fitness, until the budget is spent.

    Args:
        space: what may be encoded, such as `NeatSpace(inputs=2, outputs=1)`.
        fitness: any callable `fitness(network) -> float` (maximised) or `-> dict` (see `objectives`), or a `Task`.
        budget: when to stop.
        strategy: which candidates come next; also by its name, "local_search" or "Nsga2(population=20)". Default: NEAT for one objective on NEAT genomes, regularized evolution for one
            objective on other encodings, NSGA-II for several objectives.
        population: population size of the default strategy (None: its own; where the budget is small, half of it or a third, and fewer children); not
            with a strategy of your own, which has its own setting.
        objectives: names and directions of a fitness that returns a dict: `{"reward": ne.maximise, "size": ne.minimise}`.
        seed: decides everything; with any number of workers.
        workers: processes that evaluate; None or 1 evaluates in this one. Not with `evaluator`.
        evaluator: where trials run, instead of `workers` and the limits on seconds and memory.
        schedule: "synchronous" waits for whole generations and gives the same run with any number of workers; "asynchronous" gives a
            worker that is free the next child at once: for candidates of very different cost. What it gives depends on the order in
            which they were completed, which is recorded.
        replay: the folder of an asynchronous run: evaluate again in the order in which that one was completed.
        max_parameters: the largest network allowed, for spaces that have this limit.
        max_seconds_per_candidate: a candidate that takes longer is stopped and recorded failed (in a worker process).
        max_memory: the same for one whose worker takes more memory: bytes, or text such as "4GB".
        estimation: how trained objectives are obtained; default: as the task says.
        once: evaluate genomes with the same canonical key and cheap objectives once: the strategy is told of the first one again. For encodings
            in which many genomes describe one network; not with the asynchronous schedule. "genome": only those with the same genes, for tables in
            which isomorphic networks were trained apart and have scores of their own.
        screen: of several candidates for each birth only the one that a zero-cost proxy likes best is trained, as `Screen("synflow", candidates=4)`
            says; for strategies that breed.
        toolbox: a DEAP toolbox whose `mate`, `mutate` or `select` replace the strategy's own.
        run: a folder to record the run in. A folder that holds an earlier part of the same search is resumed.
        version: a name of your own for your Python code, which then decides whether a run is resumed: equal names are the same code. By default
            the code itself decides (`neuroevo.core.identity`): a run in a folder is refused to a fitness whose code, state, helper functions or
            values that it reads are others than those it began with, and where that cannot be told (an open file, a compiled extension).
        record: "all" keeps every genome; "champions" those of the front, the living population and the strategy's champions.
        callbacks: observers, called after every generation and result; see `Callback`, `interop.TensorBoard`, `interop.MLflow`.
        progress: show a live view; None shows it on a terminal and in a notebook.

    Returns:
        The run: `run.best`, `run.front`, `run.history()`.

    Raises:
        ValueError: settings that do not fit, or a folder whose run had other settings (each is named).
        SearchFailed: every candidate of the first generation failed.
        KeyboardInterrupt: on Ctrl-C, after everything finished was saved.
    """
    seed, population, workers, max_parameters = map(plain, (seed, population, workers, max_parameters))
    max_seconds_per_candidate, max_memory = plain(max_seconds_per_candidate), plain(max_memory)
    task = as_task(fitness, objectives)
    callbacks = guarded(callbacks)
    if not isinstance(space, Space):
        raise ValueError(f"space must be a genomes.Space such as NeatSpace(inputs=2, outputs=1), got {shown(space)}")
    if not isinstance(budget, Budget):
        raise ValueError(f"budget must be a neuroevo.Budget such as Budget(evaluations=1000), got {shown(budget)}")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise ValueError(f"seed must be a whole number from 0 to 2**63 - 1, got {shown(seed)}")
    if record not in ("all", "champions"):
        raise ValueError(f"record must be 'all' or 'champions', got {record!r}")
    if schedule not in ("synchronous", "asynchronous"):
        raise ValueError(f"schedule must be 'synchronous' or 'asynchronous', got {schedule!r}")
    if replay is not None and schedule == "synchronous":
        raise ValueError("replay follows the order of an asynchronous run: give schedule='asynchronous' with it")
    if evaluator is not None and (max_seconds_per_candidate is not None or max_memory is not None):
        raise ValueError("give the limits on seconds and memory to the evaluator itself: Slots(2, timeout=60, max_memory='4GB')")
    if evaluator is not None and workers is not None:
        raise ValueError(
            f"give the number of workers to the evaluator itself, or no evaluator: got workers={workers} and {shown(evaluator)}"
        )
    chosen: Strategy | None = part_from_text("strategy", strategy, "Nsga2(population=20)") if isinstance(strategy, str) else strategy
    if chosen is not None and population is not None:
        raise ValueError(
            f"population is the size of the default strategy: give it to yours, as in {type(chosen).__name__}(population={population}), "
            "or give no strategy"
        )
    if screen is not None and not isinstance(screen, Screen):
        raise ValueError(f"screen must be a Screen such as Screen('synflow', candidates=4), got {shown(screen)}")
    if once not in (False, True, "genome"):
        raise ValueError(f"once must be True, False or 'genome', got {shown(once)}")
    if once and schedule == "asynchronous":
        raise ValueError("once=True knows what a whole batch brought: use it with schedule='synchronous'")
    task.refuse_here()
    space = limited_space(space, max_parameters)
    strategy = chosen or default_strategy(space, task, population, budget.evaluations, begun_strategy(run))
    refuse_unused_entries(strategy, toolbox)
    estimation = estimation or suited_estimation(strategy, task)
    estimation.suit(task)
    evaluator = evaluator or default_evaluator(workers, max_seconds_per_candidate, max_memory)
    settings = {
        "space": space.to_dict(),
        "task": task.settings(),
        "objectives": [objective.settings() for objective in task.objectives.values()],
        "strategy": strategy.settings(),
        "estimation": estimation.settings(),
        "seed": seed,
        "record": record,
    }
    if once:
        settings["once"] = once
    if screen is not None:
        refuse_unscreened(strategy)
        settings["screen"] = screen.settings()
    if evaluator.threads != 1:  # other float sums, so another result
        settings["threads"] = evaluator.threads
    if schedule == "asynchronous":
        from neuroevo.run.asynchronous import steady

        settings["schedule"] = schedule
        strategy = steady(strategy, budget)
    settings = json.loads(json.dumps(settings, default=_json_setting))
    full = strategy.full or estimation.full
    if full != FULL:
        settings["full"] = full.to_dict()
    user_code = functools.partial(
        code_of, task, strategy, estimation, space, toolbox, version, None if screen is None else screen.proxy
    )
    code = {} if run is None and replay is None else user_code()
    if code:
        settings[CODE] = code
    new, refused = isinstance(run, (str, os.PathLike)) and not os.path.exists(run), False
    store = None if run is None else Store(run, writable=True)  # from here on its lock is held: what may fail came before
    folder = None if store is None else store.folder
    search = Search(space, task, seed, toolbox, by_birth=store is not None and store.numbers_trials_by_birth())
    result = Run(space, task.objectives, settings, folder=folder, task=task, strategy=strategy)
    cache = Once(search, strategy, result.records, genes=once == "genome") if once else None
    try:
        if screen is not None:
            search.screen = Screening(screen, space, task, Context(seed=seed, threads=evaluator.threads))
        try:
            strategy.start(search)
            estimation.start(task, full)
        except Exception:
            refused = new  # nothing was begun: the folder that was made for it goes again
            raise
        known, stale = Known(), 0
        if store is not None:
            _check_settings(store, settings, budget, task)
            result.derived = derived_of(store)
            restore_box(result, store)
            if result.records.fixed_box is not None and result.records.fixed_box.provisional:
                result.records.fixed_box = None  # the first generation goes on
            if schedule == "synchronous":
                try:
                    known, stale = _restore(result, search, strategy, estimation, cache, store)
                except (TypeError, KeyError, IndexError, AttributeError) as error:
                    raise StoreError(damaged(store.folder / "run.db", error)) from error
            else:
                saved = store.state()
                known = Known.since(store, 0, 0, from_the_beginning=store.deletes_artifacts())
                result.seconds = max(store.ended()[1], saved[1].json["run"]["seconds"] if saved is not None else 0.0)
        if progress or (progress is None and (sys.stderr.isatty() or in_notebook())):
            callbacks = [*callbacks, *guarded([Live(budget, 0 if store is None else store.evaluated_count()[0])])]
        with evaluator:
            workers_there = (
                evaluator.capacity if evaluator.capacity > 1 else getattr(evaluator, "workers", 1) or 2
            )  # a cluster may be larger
            evaluator.start(Work(task, estimation, Context(seed=seed, turns=turns_for(task.objectives, workers_there))))
            kind: Callable[..., Loop] = Loop
            if schedule == "asynchronous":
                kind = _asynchronous(store, replay, known, settings, task)
            loop = kind(
                result,
                search,
                strategy,
                estimation,
                evaluator,
                budget,
                store=store,
                record=record,
                once=cache,
                callbacks=callbacks,
                known=known,
                stale=stale,
            )
            loop.go()
    finally:
        if store is not None:
            store.close()
            if refused:
                shutil.rmtree(store.folder, ignore_errors=True)
        if code.get("parts"):
            remember_what_a_run_left(code, user_code())
    return result


def default_strategy(
    space: Space, task: Task, population: int | None, evaluations: int | None = None, begun: Mapping[str, Any] | None = None
) -> Strategy:
    """NSGA-II for several objectives, for one the strategy that the encoding names (`Space.evolved_by`).

    Args:
        population: as the user says; None: the strategy's own, or so much smaller, with fewer children, that a small budget is three generations.
        evaluations: the budget, where it is one.
        begun: settings of the strategy of a run that goes on, whose population stays.
    """
    from neuroevo import strategies

    kind: type[Strategy] = strategies.Nsga2 if len(task.objectives) > 1 else part("strategy", space.evolved_by)
    given: dict[str, Any] = {} if population is None else {"population": population}
    strategy: Strategy = kind(**given)
    if population is not None:
        return strategy
    sizes = sizes_for(strategy.settings(), evaluations)
    if begun is not None and begun.get("strategy") == kind.__name__:
        sizes = sizes_begun(sizes, begun)
    return kind(**sizes) if sizes else strategy


def suited_estimation(strategy: Strategy, task: Task) -> Estimation:
    """The estimation that the strategy needs, or else the one that the task names."""
    if strategy.estimated_by is None:
        return task.estimation()
    return part("estimation", strategy.estimated_by)()  # type: ignore[no-any-return]


def refuse_unused_entries(strategy: Strategy, toolbox: Toolbox | None) -> None:
    """Refuse a toolbox whose operators the strategy would not use.

    Raises:
        ValueError: an entry that it does not look at.
    """
    unused = [name for name in ("mate", "mutate", "select") if hasattr(toolbox, name) and name not in strategy.toolbox_entries]
    if unused:
        uses = " and ".join(strategy.toolbox_entries) or "none"
        raise ValueError(
            f"{type(strategy).__name__} does not use the toolbox's {' and '.join(unused)} (it uses {uses}): unregister it, or use another strategy"
        )


def refuse_unscreened(strategy: Strategy) -> None:
    """Refuse a screen for a strategy that makes individuals in another way than by breeding.

    Raises:
        ValueError: candidates cannot be screened.
    """
    if not strategy.screens:
        able = [name for name, kind in parts("strategy").items() if kind.screens]
        raise ValueError(f"{type(strategy).__name__} chooses its candidates itself: screen those of {', '.join(able)}")


def default_evaluator(workers: int | None, max_seconds: float | None = None, max_memory: int | str | None = None) -> Evaluator:
    """This process for one worker without limits, worker slots otherwise."""
    from neuroevo.evaluators import Serial, Slots

    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise ValueError(f"workers must be a whole number >= 1, got {shown(workers)}")
    if workers in (None, 1) and max_seconds is None and max_memory is None:
        return Serial()
    return Slots(workers or 1, timeout=max_seconds, max_memory=max_memory)


def limited_space(space: Space, max_parameters: int | None) -> Space:
    """The space with a limit on its networks' trainable weights.

    Raises:
        ValueError: the space has no such limit.
    """
    if max_parameters is None:
        return space
    names = [field.name for field in dataclasses.fields(space)]  # type: ignore[arg-type]
    if "max_parameters" not in names:
        limits = ", ".join(name for name in names if name.startswith("max_")) or "none"
        raise ValueError(
            f"a {type(space).__name__} has no limit max_parameters (its limits: {limits}); set one of these in the space"
        )
    return dataclasses.replace(space, max_parameters=max_parameters)  # type: ignore[type-var]


def _asynchronous(
    store: Store | None, replay: str | os.PathLike[str] | None, known: Known, settings: Mapping[str, Any], task: Task
) -> Callable[..., Loop]:
    """The asynchronous loop, with the order that it begins with: the run's own, or that of the run which is replayed."""
    from neuroevo.run.asynchronous import AsynchronousLoop, Order

    order = Order() if store is None else Order.of(store)
    if replay is not None:
        other = Store(replay, writable=False)
        try:
            changes = changed_settings(other.read_json("config.json") or {}, settings)
            if changes:
                raise StoreError(
                    f"{replay} had other settings ({', '.join(name for name, *_ in changes)}): it cannot be replayed here"
                )
            other_code = refuse_other_code(replay, other.read_json("config.json") or {}, settings.get(CODE, {}), task)
            if other_code is not None:
                raise StoreError(other_code)
            theirs = Order.of(other)
            if order.begins(theirs):
                order, known.planned = theirs, other.trials()
                known.genomes.update(other.births_from(0))
            elif store is not None and not theirs.begins(order):
                raise StoreError(
                    f"{store.folder} holds a search that went another way than {replay}: replay it in another folder"
                )
        finally:
            other.close()
    return functools.partial(AsynchronousLoop, order=order)


def _json_setting(value: Any) -> Any:
    for name in ("to_dict", "settings"):
        if not isinstance(value, type) and hasattr(value, name):
            return getattr(value, name)()
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    if callable(value):
        return dotted_name(value)
    # what Python says of an object by itself names its place in memory, which is another one each time
    says_itself = vars(object)["__repr__"] is not getattr(type(value), "__repr__", None)
    return repr(value) if says_itself else f"<{dotted_name(type(value))}>"


def _check_settings(store: Store, settings: Mapping[str, Any], budget: Budget, task: Task) -> None:
    """Record the settings of a new run; refuse to go on with a run that had others."""
    recorded = store.read_json("config.json")
    if recorded is not None:
        changes = [
            f"{name} (the run's: {_said(old)}, now: {_said(new)})"
            for name, old, new in _told(changed_settings(recorded, settings))
        ]
        if changes:
            raise StoreError(
                f"{store.folder} holds a run with other settings: {'; '.join(changes)}. Use the same settings, or another folder"
            )
        other_code = refuse_other_code(store.folder, recorded, settings.get(CODE, {}), task)
        if other_code is not None:
            raise StoreError(other_code)
    elif store.state() is not None or any(store.evaluation_counts().values()):
        raise StoreError(
            f"{store.folder} holds a run without its config.json; restore that file from a copy, or use another folder"
        )
    store.write_settings({**settings, "budget": budget.settings()})
    store.write_json("environment.json", environment())  # of the latest part of the run
    store.log("start", budget=budget.settings(), resumed=recorded is not None)
    store.end("", store.ended()[1])


def changed_settings(recorded: Mapping[str, Any], settings: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Where a run's recorded settings differ from these, but for its budget and the code that it depends on: (dotted name, old, new)."""
    old, new = ({k: v for k, v in each.items() if k not in ("budget", CODE)} for each in (of_today(recorded), settings))
    return differences(old, new)


def _said(value: Any) -> str:
    """A setting in words: a part or an objective by its name, a limit with it; other values as JSON."""
    if value is None:
        return "None"
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return ", ".join(map(_said, value))
    if isinstance(value, dict):
        named = next((value[key] for key in ("name", "strategy", "encoding", "task", "estimation") if key in value), None)
        if isinstance(named, str):
            limit = value.get("limit")
            return named if limit is None else f"{named}{'<' if value.get('direction') != 'maximise' else '>'}{limit:g}"
        return ", ".join(f"{name} {_said(inner)}" for name, inner in value.items()) or "nothing"
    text = value if isinstance(value, str) else json.dumps(value).strip("[]")
    return text if len(text) <= 60 else f"{text[:57]}..."


def _told(changes: list[tuple[str, Any, Any]]) -> list[tuple[str, Any, Any]]:
    """Of differences those that say something: of another strategy or encoding not also every setting that it has or has not."""
    names = {name for name, *_ in changes}
    other = tuple(f"{part}." for part, kind in KINDS.items() if f"{part}.{kind}" in names)
    told = [
        change for change in changes if change[0] in [f"{p}{KINDS[p[:-1]]}" for p in other] or not change[0].startswith(other)
    ]
    return [change for change in told if change[0] != "task.objectives" or "objectives" not in names]


def differences(old: Any, new: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    """Where two JSON values differ: (dotted name, old, new). Where a part came from ("origin") is no difference."""
    if isinstance(old, dict) and isinstance(new, dict):
        found = []
        for key in [key for key in {**old, **new} if key != "origin"]:
            found += differences(old.get(key), new.get(key), f"{name}.{key}" if name else str(key))
        return found
    return [] if old == new else [(name, old, new)]


def _restore(
    run: Run, search: Search, strategy: Strategy, estimation: Estimation, once: Once | None, store: Store
) -> tuple[Known, int]:
    """Bring a run back to its last saved state; what was recorded after it is returned as known."""
    saved = store.state()
    if saved is None:
        run.seconds = store.ended()[1]
        return Known.since(store, 0, 0, from_the_beginning=store.deletes_artifacts()), 0
    run.generation, state = saved
    counters = state.json["run"]
    search.next_id = counters["next_id"]
    search.next_trial = counters.get("next_trial", 0)
    first_trial = search.next_id if search.by_birth else search.next_trial
    fill(run, store, before=search.next_id, before_trial=first_trial)
    records = run.records
    records.evaluations, records.failures = counters["evaluations"], counters["failures"]
    records.stopped, records.predictions = counters.get("stopped", 0), counters.get("predictions", 0)
    records.epochs = counters["epochs"] if "epochs" in counters else store.epochs(first_trial)
    records.simulated_seconds = counters["simulated_seconds"]
    run.seconds = max(counters["seconds"], store.ended()[1])
    run.summaries = [row for row in run.summaries if row["generation"] <= run.generation]

    def find(id: int) -> Individual:
        try:
            return records.find(id)
        except KeyError:
            raise StoreError(
                f"{store.folder} lacks individual {id}, which its last state needs; the database is damaged: restore it from a copy"
            ) from None

    try:
        restored(state, strategy, estimation, once, find)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, StoreError):
            raise
        raise StoreError(unusable_state(store.folder, error)) from error
    strategy.counts_itself = counters.get("counts", strategy.counts_itself)
    if search.screen is not None:
        search.screen.restore(counters["screening"])
    if "front" in counters:
        living = () if isinstance(strategy.living, ArrayPopulation) else strategy.living
        records.keep_exactly(counters["front"], {one.id for one in [*living, *(once.originals if once is not None else ())]})
    needed = [(name, WEIGHTS) if isinstance(name, int) else (name[0], name[1]) for name in counters.get("artifacts", ())]
    for (
        individual
    ) in records.individuals.values():  # a session that is killed before it deleted what nobody needs leaves the files
        if "artifacts" in counters and individual.artifact is not None and individual.artifact.name not in needed:
            individual.artifact = None
    refuse_missing_artifacts(store, {*needed, *strategy.needs()})
    return Known.since(store, first_trial, search.next_id), counters["stale"]


def environment() -> dict[str, Any]:
    """The command that started the run, versions and hardware, recorded beside it."""
    packages = {}
    for name in ("neuroevo", "numpy", "deap", "keras", "tensorflow", "jax", "numba", "networkx", "moocore"):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    script, *arguments = sys.argv or [""]
    program = os.path.basename(script) if script.endswith("neuroevo") else f"python {script}".rstrip()
    return {
        "command": " ".join([program, *map(shlex.quote, arguments)]),
        "python": platform.python_version(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "keras_backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "packages": packages,
    }


def load_genome(path: str | os.PathLike[str]) -> Any:
    """A genome that `genome.save(path)` wrote, of whatever encoding.

    Raises:
        ValueError: the file is not a genome.
    """
    from genomes.base import Genome

    return Genome.load(Path(path))
