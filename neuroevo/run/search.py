"""A search on data, from names to the parts that `evolve` takes: what the command line and the estimators share."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from genomes.base import Space, unknown
from neuroevo.core import registry
from neuroevo.core.signature import REQUIRED, read_settings, settings_of
from neuroevo.data.columns import Columns
from neuroevo.run.settings import search_folds, search_recipes
from neuroevo.run.sizes import command_sizes, sizes_begun
from neuroevo.strategies.base import Strategy
from neuroevo.strategies.evolution.breeding import Inheritance
from neuroevo.strategies.screening import Screen
from neuroevo.tasks.folding import can_be_folded, search_folds_of, usual_folds

if TYPE_CHECKING:
    from neuroevo.estimation.base import Estimation
    from neuroevo.tasks.base import Task
    from neuroevo.tasks.supervised import Supervised

Schedule = Literal["synchronous", "asynchronous"]
SCHEDULES: tuple[str, ...] = get_args(Schedule)
INHERITANCES: tuple[str, ...] = get_args(Inheritance)
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

    @property
    def described(self) -> str:
        """What it spends, in words."""
        return f"{self.evaluations} candidates, {'full training' if self.epochs is None else f'{self.epochs} epochs each'}"


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


ONE, SEVERAL = "regularized_evolution", "nsga2"  # strategies for so many objectives
SIDE_BY_SIDE = {"batch": "4"}  # of a strategy that would choose one candidate at a time: several workers want several


@dataclass(frozen=True)
class SearchSettings:
    """What a search on data is: all that decides its outcome, beside the budget.

    Args:
        objectives: None takes those that fit the kind.
        kind: "classification", "regression" or "detection"; None decides by the data (see `neuroevo.tasks.for_data`).
        encoding: what evolves; None takes the task's own (`Supervised.encoding`).
        strategy: by its name on the command line; None takes what suits the number of objectives (`usual_strategy`).
        image_size: of a detection, what images are fitted into, such as "128x96" (width x height).
        screen: how candidates are screened before training; None trains each.
        epochs: of each training, as the user says; None takes `preset_epochs`.
        preset_epochs: those of a preset, where candidates are trained and the strategy does not choose the epochs; None goes by the data.
        stop_early: the rule by which trainings end early (`neuroevo.estimation.LearningCurve`); None for none.
        columns: what is done with a table's columns.
        folds: by how many folds each candidate is scored (`neuroevo.estimation.FoldedTraining`); 0: by the validation part; None: as the size of the
            table and the budget say (`folds_for`).
        class_weights: "balanced", or weights by class; None weighs all samples alike.
        settings: of the strategy or the encoding, as texts by name ("population", or "strategy.population").
    """

    data: str
    objectives: str | None = None
    target: str | Sequence[str] | None = None
    kind: str | None = None
    missing: Sequence[str] = ()
    columns: Columns = field(default_factory=Columns)
    class_weights: str | Mapping[str, float] | None = None
    image_size: str | None = None
    encoding: str | None = None
    strategy: str | None = None
    inheritance: str = "lamarckian"
    epochs: int | None = None
    preset_epochs: int | None = None
    stop_early: str | None = None
    folds: int | None = None
    max_parameters: int | None = None
    seed: int = 1
    screen: Screen | None = None
    settings: Mapping[str, str] = field(default_factory=dict)


def encodings() -> list[str]:
    """The encodings that searches on data may name: those whose space can be made for data (`Space.for_data`)."""
    return [name for name, space in registry.parts("encoding").items() if _for_data(space)]


def _for_data(space: type[Space]) -> bool:
    return space.for_data.__func__ is not Space.for_data.__func__  # type: ignore[attr-defined]


def strategies() -> list[str]:
    """The strategies that searches on data may name, by their names on the command line: those that vary genomes of such an encoding, and
    that settings alone make."""
    spaces = [registry.part("encoding", name) for name in encodings()]
    return [registry.command_name(name) for name, strategy in registry.parts("strategy").items() if _suits(strategy, spaces)]


def usual_strategy(task: Task, begun: Mapping[str, Any] | None = None, said: Collection[str] = ()) -> tuple[str, dict[str, str]]:
    """The strategy of a search whose user names none, and settings of it (docs/choose.md says why): of a run that goes on its own; with one objective
    regularized evolution, unless the user sets what only NSGA-II has; else NSGA-II.

    Args:
        begun: settings of the strategy of a run that goes on.
        said: names of settings that the user gives, of a strategy or of an encoding.
    """
    own = registry.find("strategy", begun["strategy"]) if begun is not None and isinstance(begun.get("strategy"), str) else None
    if begun is not None and own is not None and (name := registry.command_name(own.__name__)) in strategies():
        return name, {setting: str(begun[setting]) for setting in SIDE_BY_SIDE if name == ONE and setting in begun}
    elsewhere = {name.removeprefix("strategy.") for name in said} & set(_defaults(_strategy(SEVERAL))) - set(_defaults(_strategy(ONE)))
    return (SEVERAL, {}) if elsewhere or len(task.objectives) > 1 else (ONE, SIDE_BY_SIDE)


def _suits(strategy: type[Strategy], spaces: Sequence[type[Space]]) -> bool:
    varied = any(issubclass(space, strategy.spaces) for space in spaces)
    return varied and all(setting.default is not REQUIRED for setting in settings_of(strategy))


def _encoding(name: str) -> type[Space]:
    if name not in encodings():
        raise ValueError(unknown("encoding", name, encodings()))
    return registry.part("encoding", name)  # type: ignore[no-any-return]


def _strategy(name: str) -> type[Strategy]:
    part = registry.find("strategy", name)
    if part is None or registry.command_name(part.__name__) not in strategies():
        raise ValueError(unknown("strategy", name, strategies()))
    return part  # type: ignore[no-any-return]


def space_by_encoding(
    encoding: str, task: Supervised, max_parameters: int | None, settings: Mapping[str, str] | None = None
) -> Space:
    """The space of an encoding's networks for a task's data, of sizes that train in seconds.

    Args:
        encoding: one of `encodings()`.
        task: whose data.
        max_parameters: the largest network, for spaces that have this limit.
        settings: of the space, as texts by name.

    Raises:
        ValueError: an unknown encoding or setting; one that does not fit the data; or `max_parameters` with an encoding that has no such limit.
    """
    part = _encoding(encoding)
    _refuse_other_outputs(part, encoding, task)
    given = read_settings(part, settings or {}, f"the encoding {encoding}")
    if max_parameters is not None:
        if "max_parameters" not in [setting.name for setting in settings_of(part)]:
            raise ValueError(
                f"--max-parameters is no limit of the encoding {encoding}; limit the objective instead: "
                f"--objectives '{task.selection},parameters<{max_parameters}'"
            )
        given["max_parameters"] = max_parameters
    space: Space = part.for_data(task.dataset.input_shape, task.dataset.outputs)
    return dataclasses.replace(space, **given)  # type: ignore[type-var]


def _refuse_other_outputs(part: type[Space], encoding: str, task: Supervised) -> None:
    """Refuse networks that find objects for anything else, and others for that."""
    finds = task.kind == "detection"
    if part.detects != finds:
        fitting = ", ".join(name for name in encodings() if registry.part("encoding", name).detects == finds)
        what = "find objects in images" if part.detects else "give one answer for each sample"
        raise ValueError(f"networks of the encoding {encoding} {what}, and this is a {task.kind}; take one of {fitting}")


def supervised_task(settings: SearchSettings) -> Supervised:
    """Classification, regression or detection, as the data and the objectives say; its data is read now: what is wrong with it is said before anything
    is written."""
    from neuroevo.data.dataset import Kind
    from neuroevo.tasks import for_data

    kind: Any = settings.kind
    if kind not in (None, *get_args(Kind)):
        raise ValueError(unknown("kind of task", str(kind), get_args(Kind)))
    return for_data(
        settings.data, settings.objectives, target=settings.target, kind=kind, missing=settings.missing, columns=settings.columns,
        seed=settings.seed, class_weights=settings.class_weights, image_size=settings.image_size,  # type: ignore[arg-type]
    )  # fmt: skip


def parse_class_weights(texts: Sequence[str]) -> str | dict[str, float] | None:
    """What --class-weights say: "balanced" alone, or CLASS=WEIGHT, each once; None where nothing is said.

    Raises:
        ValueError: they say neither.

    >>> parse_class_weights(["malignant=3", "unclear=0.5"])
    {'malignant': 3.0, 'unclear': 0.5}
    """
    if not texts or list(texts) == ["balanced"]:
        return "balanced" if texts else None
    found: dict[str, float] = {}
    for text in texts:
        name, equals, weight = text.rpartition("=")
        try:
            found[name] = float(weight)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise ValueError(f"--class-weights are balanced, or CLASS=WEIGHT, which may be repeated, got {text!r}")
    return found


def estimation_by_names(
    task: Supervised, epochs: int | None, stop_early: str | None, strategy: Strategy | None = None, folds: int = 0,
    begun: Mapping[str, Any] | None = None,
) -> Estimation:  # fmt: skip
    """How candidates are trained.

    Args:
        epochs: of each; None goes by the size of the data.
        stop_early: one of `neuroevo.estimation.learning_curve.STOP_RULES`; None trains every candidate to the end.
        strategy: which may need an estimation of its own.
        folds: by how many folds each is scored; 0: by the validation part.
        begun: the settings of a run that goes on, whose trainings stay as they were.

    Raises:
        ValueError: an unknown rule; the nearest is suggested; one, or folds, where the strategy needs another estimation; or data that cannot be
            folded so.
    """
    from neuroevo.estimation import FoldedTraining, FullTraining, LearningCurve
    from neuroevo.estimation.learning_curve import SCORES

    recipes = (None if begun is None else search_recipes(begun)) or (task.from_scratch, task.inherited)
    if strategy is not None and strategy.estimated_by is not None:
        if stop_early is not None:
            raise ValueError(
                f"{type(strategy).__name__} trains few networks in full, after a shared one; leave --stop-early {stop_early} out"
            )
        if folds:
            raise ValueError(f"{type(strategy).__name__} scores networks with the weights of a shared one; leave --search-folds {folds} out")
        own = registry.part("estimation", strategy.estimated_by)
        return own(epochs, *recipes) if issubclass(own, FullTraining) else own(epochs=epochs)  # type: ignore[no-any-return]
    usual = task.estimation()
    if folds:
        if strategy is not None and strategy.full is not None:
            raise ValueError(f"{type(strategy).__name__} goes on with trainings, of which folds are not; leave --search-folds {folds} out")
        if not isinstance(usual, FullTraining):
            raise ValueError(f"nothing is trained for the objectives {', '.join(task.objectives)}; leave --search-folds {folds} out")
        search_folds_of(task, folds, task.seed)
        trained = FoldedTraining(folds, epochs, *recipes) if stop_early is None else FoldedTraining(folds, epochs, *recipes, curve=SCORES)
        return trained if stop_early is None else LearningCurve(trained, stop_early)
    if stop_early is not None:
        return LearningCurve(FullTraining(epochs, *recipes, curve=SCORES), stop_early)
    return FullTraining(epochs, *recipes) if epochs is not None or isinstance(usual, FullTraining) else usual


def folds_for(
    said: int | None, task: Supervised, strategy: Strategy, evaluations: int | None, begun: Mapping[str, Any] | None = None,
    stop_early: str | None = None,
) -> int:  # fmt: skip
    """By how many folds a search scores its candidates: as the user says; of a run that goes on, as it began; else `usual_folds`. A few dozen validation
    rows, by which hundreds of networks are compared, choose a lucky one.

    By the validation part alone where a strategy or its budget does without whole trainings, where trainings end early by what they score on it, or where
    there are as few candidates as in a first look.

    Args:
        said: by the user.
        evaluations: the budget; None: not known.
        begun: the settings of a run that goes on.
        stop_early: the rule by which trainings end early.
    """
    from neuroevo.estimation import ZeroCost
    from neuroevo.tasks.supervised import Supervised

    if said is not None:
        return said
    whole = strategy.estimated_by is None and strategy.full is None and task.estimated_by == Supervised.estimated_by
    if not whole or isinstance(task.estimation(), ZeroCost):
        return 0
    if begun is not None:  # where it cannot be folded so, the search is another one, which `evolve` says
        was = search_folds(begun)
        return was if can_be_folded(task, was) else 0
    few = evaluations is not None and evaluations <= PRESETS["quick"].evaluations
    return 0 if few or stop_early is not None else usual_folds(task, of_search=True)


def epochs_of(settings: SearchSettings, task: Supervised, strategy: Strategy) -> int | None:
    """The epochs of each training; None where the strategy chooses them, nothing is trained, or they go by the size of the data.

    Raises:
        ValueError: the user says something of trainings where there are none, or asks for epochs that the strategy chooses itself.
    """
    from neuroevo.estimation import ZeroCost

    if isinstance(task.estimation(), ZeroCost):
        said = {
            "--epochs": settings.epochs,
            "--stop-early": settings.stop_early,
            f"--strategy {settings.strategy}": strategy.full,
        }
        idle = [option for option, value in said.items() if value is not None]
        if idle:
            raise ValueError(
                f"nothing is trained for the objectives {', '.join(task.objectives)}, so there is no use for {' and '.join(idle)}: "
                "say nothing of it, or add an objective that needs training, such as error"
            )
        return None
    if strategy.full is None:
        return settings.epochs or settings.preset_epochs
    if settings.epochs is not None:
        raise ValueError(
            f"--epochs {settings.epochs} would change nothing: {settings.strategy} chooses the epochs of each training itself, by its own "
            f"settings (`neuroevo list strategies {settings.strategy}`), such as --set first=1"
        )
    return None


def strategy_by_name(
    name: str,
    inheritance: str,
    *,
    settings: Mapping[str, str] | None = None,
    evaluations: int | None = None,
    begun: Mapping[str, Any] | None = None,
) -> Strategy:
    """The strategy of a command-line name.

    Args:
        name: one of `strategies()`.
        inheritance: "lamarckian" or "none".
        evaluations: the budget: of a small one, populations are so small that there are three generations or more. None: not known.
        begun: settings of the strategy of a run that goes on, whose sizes stay.

    Raises:
        ValueError: an unknown name or setting (the nearest is suggested), or a value that is not allowed.
    """
    part = _strategy(name)
    if inheritance not in INHERITANCES:
        raise ValueError(unknown("inheritance", inheritance, INHERITANCES))
    given = read_settings(part, settings or {}, f"the strategy {name}")
    for setting in settings_of(part):  # a strategy inside this one that is given by its name alone
        inner = given.get(setting.name)
        if Strategy in get_args(setting.type) and isinstance(inner, str) and inner.isidentifier():
            recorded = (begun or {}).get(setting.name)
            given[setting.name] = strategy_by_name(
                inner, inheritance, evaluations=evaluations, begun=recorded if isinstance(recorded, dict) else None
            )
    own: dict[str, Any] = {"inheritance": inheritance} if "inheritance" in _defaults(part) else {}
    said = {name: given[name] for name in ("offspring",) if name in given}  # with many children, half of the budget is too large a first generation
    own |= command_sizes(_defaults(part) | said, evaluations)
    own = {name: size for name, size in own.items() if name not in said}
    if "population" in given:
        own.pop("offspring", None)  # whose size is that of another population
    goes_on = begun is not None and begun.get("strategy") == part.__name__
    if begun is not None and goes_on:
        own = sizes_begun(own, begun)
        if part.within is not Strategy.within and "candidates" in begun:
            own["candidates"] = begun["candidates"]
    strategy: Strategy = part(**{**own, **given})
    return strategy.within(evaluations) if evaluations is not None and not goes_on else strategy


def _defaults(part: Any) -> dict[str, Any]:
    return {setting.name: setting.default for setting in settings_of(part)}


def split_settings(settings: Mapping[str, str], strategy: str, encoding: str) -> dict[str, dict[str, str]]:
    """Which settings are the strategy's and which the encoding's: by the kind that stands before a dot, else by who has the name.

    Raises:
        ValueError: neither has it (the nearest is suggested), or both; or something else stands before the dot.
    """
    parts: dict[str, Any] = {"strategy": _strategy(strategy), "encoding": _encoding(encoding)}
    known = {kind: [setting.name for setting in settings_of(part)] for kind, part in parts.items()}
    found: dict[str, dict[str, str]] = {kind: {} for kind in parts}
    for name, text in settings.items():
        kind, dot, rest = name.partition(".")
        if dot and kind not in parts:
            raise ValueError(unknown("part to set", kind, list(parts)))
        having = [kind] if dot else [kind for kind, names in known.items() if name in names]
        if not having:
            raise ValueError(
                unknown(
                    f"setting of the strategy {strategy} and the encoding {encoding}",
                    name,
                    [*known["strategy"], *known["encoding"]],
                )
            )
        if len(having) > 1:
            raise ValueError(
                f"both the strategy and the encoding have a setting {name!r}: say strategy.{name} or encoding.{name}"
            )
        found[having[0]][rest if dot else name] = text
    return found


def parse_settings(given: Sequence[str]) -> dict[str, str]:
    """Texts by name from ["NAME=VALUE", ...].

    Raises:
        ValueError: one is not of this form, or names what another does.

    >>> parse_settings(["population=20", "deduplicate=none"])
    {'population': '20', 'deduplicate': 'none'}
    """
    found: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise ValueError(f"a setting is given as NAME=VALUE, such as population=20; got {text!r}")
        if name.strip() in found:
            raise ValueError(f"the setting {name.strip()!r} is given twice")
        found[name.strip()] = value.strip()
    return found
