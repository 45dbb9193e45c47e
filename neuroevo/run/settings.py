"""Objects from a run's settings: how `neuroevo resume` makes a search again from `config.json` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from genomes.base import Space, refuse_deep, shown, unknown
from neuroevo.core import registry
from neuroevo.core.signature import made
from neuroevo.core.trial import FULL, Fidelity
from neuroevo.run.budget import Budget

if TYPE_CHECKING:
    from neuroevo.estimation.base import Estimation
    from neuroevo.strategies.base import Strategy
    from neuroevo.tasks.base import Task
    from neuroevo.train.recipe import Recipe


def task_from_settings(settings: Mapping[str, Any]) -> Task:
    """The task that these settings describe.

    Raises:
        ValueError: it cannot be made from settings (a Python function), or the settings are not those of a task.
    """
    return _part("task", settings)  # type: ignore[no-any-return]


def strategy_from_settings(settings: Mapping[str, Any]) -> Strategy:
    """The strategy that these settings describe."""
    return _part("strategy", settings)  # type: ignore[no-any-return]


def estimation_from_settings(settings: Mapping[str, Any]) -> Estimation:
    """The estimation that these settings describe."""
    return _part("estimation", settings)  # type: ignore[no-any-return]


def space_from_settings(settings: Mapping[str, Any]) -> Space:
    """The space that these settings describe."""
    if isinstance(settings, Mapping):
        _known("encoding", settings.get("encoding"))
    return Space.from_dict(settings)


def _part(kind: str, settings: Mapping[str, Any]) -> Any:
    part = _known(kind, settings.get(kind))
    if hasattr(part, "from_settings"):
        return part.from_settings(settings)
    return made(part, {name: _nested(value) for name, value in settings.items() if name != kind})


def _nested(value: Any) -> Any:
    """A setting that is a part of its own, made again; any other as it is."""
    if not isinstance(value, Mapping):
        return value
    from neuroevo.predictors.base import Predictor
    from neuroevo.selection.scoring import Scoring
    from neuroevo.strategies.reinforcement.rewards import reward_from_settings

    parts: dict[str, Callable[[Any], Any]] = {
        "reward": reward_from_settings,
        "predictor": Predictor.from_settings,
        "scoring": Scoring.from_settings,
        "strategy": strategy_from_settings,
    }
    for kind, make in parts.items():
        if kind in value:
            return make(value)
    return value


def _known(kind: str, name: Any) -> Any:
    """The part of a name, or a sentence that says how to register it."""
    part = registry.find(kind, name)
    if part is None and not isinstance(name, str):
        raise ValueError(unknown(kind, name, registry.names(kind)))
    if part is None:
        raise ValueError(registry.how_to_register(kind, name))
    return part


def of_today(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A run's settings as this release writes them, where an older one wrote them otherwise.

    A strategy that evaluated each network once was a strategy around another; the run's full fidelity was that of its estimation; networks had
    no embeddings of features, norms, gates and dropout between their layers."""
    today, strategy, estimation = dict(settings), settings.get("strategy"), settings.get("estimation")
    task = settings.get("task")
    if isinstance(task, Mapping) and "source" in task:  # the text of the fitness: see `neuroevo.run.identity`
        today["task"] = {name: value for name, value in task.items() if name != "source"}
    space = settings.get("space")
    if isinstance(space, Mapping) and space.get("encoding") == "network":
        today["space"] = {"embeddings": [], "norms": False, "gates": False, "dropout": False, **space}
    if isinstance(strategy, Mapping) and strategy.get("strategy") == "TrainedOnce":
        today |= {"strategy": strategy.get("of"), "once": True}
    if isinstance(estimation, Mapping) and estimation.get("estimation") == "LowFidelity" and "full" not in today:
        named = {name: estimation[name] for name in ("epochs", "data", "resolution") if estimation.get(name) is not None}
        full = Fidelity.from_dict(named)
        today |= {} if full == FULL else {"full": full.to_dict()}
    return today


def search_folds(settings: Mapping[str, Any]) -> int:
    """By how many folds a search scores its candidates, by its settings; 0: by the validation part."""
    training = _training(settings)
    return int(training.get("folds", 0)) if training.get("estimation") == "FoldedTraining" else 0


def search_recipes(settings: Mapping[str, Any]) -> tuple[Recipe, Recipe] | None:
    """How a search trains its candidates from scratch and from inherited weights, by its settings; None where they do not say it."""
    from neuroevo.train.recipe import Recipe

    training = _training(settings)
    recipe, inherited = training.get("recipe"), training.get("inherited")
    if not isinstance(recipe, Mapping) or not isinstance(inherited, Mapping):
        return None
    return Recipe.from_dict(recipe), Recipe.from_dict(inherited)


def _training(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of the estimation that trains, within those that others wrap around it."""
    estimation = settings.get("estimation")
    while isinstance(estimation, Mapping) and isinstance(estimation.get("base"), Mapping):
        estimation = estimation["base"]
    return estimation if isinstance(estimation, Mapping) else {}


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
        ("space", "space", space_from_settings),
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
    more = {"schedule": settings.get("schedule", "synchronous"), "once": settings.get("once", False)}
    if settings.get("screen") is not None:
        from neuroevo.strategies.screening import Screen

        more["screen"] = made(Screen, settings["screen"])
    return {**parts, "seed": seed, "record": record, **more}
