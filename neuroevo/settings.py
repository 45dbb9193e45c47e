"""Objects from a run's settings: how `neuroevo resume` makes a search again from `config.json` alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genomes.base import Space, frozen_tuples, unknown
from neuroevo.budget import Budget
from neuroevo.estimation.base import Estimation
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


def search_from_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `neuroevo.evolve` that a run's `config.json` describes."""
    return {
        "space": Space.from_dict(settings["space"]),
        "fitness": task_from_settings(settings["task"]),
        "strategy": strategy_from_settings(settings["strategy"]),
        "estimation": estimation_from_settings(settings["estimation"]),
        "seed": settings["seed"],
        "record": settings["record"],
        "schedule": settings.get("schedule", "synchronous"),
        "budget": Budget(**settings["budget"]),
    }
