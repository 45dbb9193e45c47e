"""Objects from a run's settings: how `neuroevo resume` makes a search again from `config.json` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genomes.base import Space, frozen_tuples, refuse_deep, shown, unknown
from neuroevo.core.trial import FULL, Fidelity
from neuroevo.estimation.base import Estimation
from neuroevo.run.budget import Budget
from neuroevo.strategies.base import Strategy
from neuroevo.tasks.base import Task

TASKS = ("Classification", "Regression", "Table")


def task_from_settings(settings: Mapping[str, Any]) -> Task:
    """The task that these settings describe.

    Raises:
        ValueError: it cannot be made from settings (a Python function), or the settings are not those of a task.
    """
    from neuroevo import tasks

    name = settings.get("task")
    if name == "Function":
        raise ValueError(
            f"this run's fitness is the Python function {settings.get('fitness')}; run the script that started it again to go on"
        )
    if name not in TASKS:
        raise ValueError(unknown("task", name, TASKS))
    task: Task = getattr(tasks, name).from_settings(settings)
    return task


def strategy_from_settings(settings: Mapping[str, Any]) -> Strategy:
    """The strategy that these settings describe."""
    from neuroevo import strategies

    name = settings.get("strategy")
    if name not in strategies.__all__:
        raise ValueError(unknown("strategy", name, strategies.__all__))
    return _made(getattr(strategies, name), settings, "strategy")  # type: ignore[no-any-return]


def estimation_from_settings(settings: Mapping[str, Any]) -> Estimation:
    """The estimation that these settings describe."""
    from neuroevo import estimation

    name = settings.get("estimation")
    if name not in estimation.__all__:
        raise ValueError(unknown("estimation", name, estimation.__all__))
    return _made(getattr(estimation, name), settings, "estimation")  # type: ignore[no-any-return]


def _made(kind: Any, settings: Mapping[str, Any], label: str) -> Any:
    if hasattr(kind, "from_settings"):
        return kind.from_settings(settings)
    try:
        return kind(**{key: frozen_tuples(value) for key, value in settings.items() if key != label})
    except TypeError as error:
        raise ValueError(f"the settings of {label} {settings.get(label)!r} do not fit this release: {error}") from None


def of_today(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A run's settings as this release writes them, where an older one wrote them otherwise.

    A strategy that evaluated each network once was a strategy around another; the run's full fidelity was that of its estimation."""
    today, strategy, estimation = dict(settings), settings.get("strategy"), settings.get("estimation")
    if isinstance(strategy, Mapping) and strategy.get("strategy") == "TrainedOnce":
        today |= {"strategy": strategy.get("of"), "once": True}
    if isinstance(estimation, Mapping) and estimation.get("estimation") == "LowFidelity" and "full" not in today:
        named = {name: estimation[name] for name in ("epochs", "data", "resolution") if estimation.get(name) is not None}
        full = Fidelity.from_dict(named)
        today |= {} if full == FULL else {"full": full.to_dict()}
    return today


def search_from_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `neuroevo.evolve` that a run's `config.json` describes.

    Raises:
        ValueError: they do not describe a search, or one that cannot be made from settings.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f"a run's settings are a JSON object, got {shown(settings)}")
    refuse_deep(settings)
    settings = of_today(settings)
    parts: dict[str, Any] = {}
    for name in ("space", "task", "strategy", "estimation", "budget"):
        if not isinstance(settings.get(name), Mapping):
            raise ValueError(f"a run's settings need {name!r}, a JSON object; found {shown(settings.get(name))}")
    for name, argument, make in (
        ("space", "space", Space.from_dict),
        ("task", "fitness", task_from_settings),
        ("strategy", "strategy", strategy_from_settings),
        ("estimation", "estimation", estimation_from_settings),
        ("budget", "budget", lambda found: Budget(**found)),
    ):
        try:
            parts[argument] = make(settings[name])
        except (TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError) as error:
            found = shown(" ".join(str(error).split()), 200)
            raise ValueError(f"the run's settings of its {name} cannot be read ({type(error).__name__}: {found})") from error
    seed, record = settings.get("seed"), settings.get("record")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ValueError(f"a run's seed is a whole number, found {shown(seed)}")
    if record not in ("all", "champions"):
        raise ValueError(f"a run's record is 'all' or 'champions', found {shown(record)}")
    more = {"schedule": settings.get("schedule", "synchronous"), "once": bool(settings.get("once", False))}
    return {**parts, "seed": seed, "record": record, **more}
