"""The registry: every part that a search is put together from, by kind and name, where it is made, what it is and how it is set.

A room lists its parts in its own `PARTS`; the registry knows which room holds which kind, and imports a part when it is asked for. Settings,
the command line, `neuroevo list`, completion, the reference pages and error messages all read this one table, so a part that is listed is
offered everywhere. A part of one's own joins it by `register`, or from an installed package by an entry point of the group
`neuroevo.parts`, named `KIND.NAME`.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from genomes.base import ENTRY_POINTS, Space, own_spaces, shown, unknown
from neuroevo.core.signature import Setting, settings_of

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@dataclass(frozen=True)
class Kind:
    """A kind of part.

    Args:
        rooms: the modules that list the built-in ones in `PARTS`: names of what is in the module, or a mapping from names to parts or to
            places of parts ("package.module:name").
        base: what a part of one's own is: a class's place, whose subclass or instance it must be; "" for any callable.
        plural: what `neuroevo list` calls them; "" where it does not list them.
    """

    rooms: tuple[str, ...]
    base: str = ""
    plural: str = ""


KINDS: Mapping[str, Kind] = {
    "strategy": Kind(("neuroevo.strategies",), "neuroevo.strategies.base:Strategy", "strategies"),
    "encoding": Kind(("genomes",), "genomes.base:Space", "encodings"),
    "distance": Kind(("genomes.distances",), "genomes.distances.base:Distance", "distances"),
    "task": Kind(("neuroevo.tasks", "neuroevo.simulators"), "neuroevo.tasks.base:Task", "tasks"),
    "objective": Kind(("neuroevo.tasks.offered",), "neuroevo.core.objectives:Objective", "objectives"),
    "estimation": Kind(("neuroevo.estimation",), "neuroevo.estimation.base:Estimation", "estimations"),
    "proxy": Kind(("neuroevo.train.zero_cost",), "", "proxies"),
    "predictor": Kind(("neuroevo.predictors",), "neuroevo.predictors.base:Predictor", "predictors"),
    "reward": Kind(("neuroevo.strategies.reinforcement.rewards",), "neuroevo.strategies.reinforcement.rewards:Reward", "rewards"),
    "scoring": Kind(("neuroevo.selection",), "neuroevo.selection.scoring:Scoring", "scorings"),
    "selection": Kind(("neuroevo.selection.classic",), "", "selections"),
    "data": Kind(("neuroevo.data.sources",), "", "data"),
    "figure": Kind(("neuroevo.plots",), "", "figures"),
    "experiment": Kind(("neuroevo.cli.experiments",), "", "experiments"),
    "drawing": Kind(("neuroevo.plots.drawings",), "neuroevo.plots.drawing:Drawing"),
    "decoder": Kind(("neuroevo.decode.keras_model",)),
    "population": Kind(("neuroevo.core.neat_population",), "neuroevo.core.population:ArrayPopulation"),
}
# What rooms further up do for classes further down: an individual's network is made by a room that knows individuals.
PROVIDED = {
    "network": "neuroevo.decode:individual_network",
    "model": "neuroevo.decode:trained_model",
    "ensemble": "neuroevo.deploy.ensembles:ensemble",
    "references": "neuroevo.deploy.reference_models:references",
    "individual_html": "neuroevo.interop.notebook:individual_html",
    "run_html": "neuroevo.interop.notebook:run_html",
}
_registered: dict[str, dict[str, Any]] = {}


def register(kind: str, part: Any) -> Any:
    """Add a part of one's own, so that its name works wherever a built-in one's does: settings, `neuroevo resume`, listings.

    Args:
        kind: "strategy", "task", "estimation", "encoding", "distance", "objective", "proxy", "reward", "scoring", "selection", "data", "figure",
            "drawing" or "decoder".
        part: the class; an `Objective`; a function of individuals, a count and a stream that draws parents (selection); one without arguments that returns what `neuroevo.data.load` takes (data); a function of
            a `neuroevo.train.Untrained` that returns a number, larger for better (proxy); a function of a run that returns a matplotlib
            figure (figure); a function of a genome, `dtype` and `name` that returns a `keras.Model` (decoder).

    Returns:
        The part, so that this can be used as a decorator with `functools.partial`.

    Raises:
        ValueError: no such kind, not a part of this kind, or a built-in part has this name.
    """
    base = _kind(kind).base
    if base:
        wanted = _imported(base)
        if not isinstance(part, wanted) and not (isinstance(part, type) and issubclass(part, wanted)):
            raise ValueError(f"a part of the kind {kind!r} is a {base.replace(':', '.')}, got {part!r}")
    elif not callable(part):
        raise ValueError(f"a part of the kind {kind!r} is a callable, got {part!r}")
    name = name_of(part)
    if command_name(name) in map(command_name, built_in(kind)):
        raise ValueError(f"the {kind} {name!r} is built in; give yours another name")
    _registered.setdefault(kind, {})[name] = part
    return part


def name_of(part: Any) -> str:
    """What a part is called in settings: a space by its encoding, an objective or a data set by its name, the rest by `__name__`."""
    if isinstance(part, type):
        return part.encoding if issubclass(part, Space) else part.__name__
    return str(getattr(part, "name", None) or part.__name__)


def command_name(name: str) -> str:
    """The name as it is typed on the command line.

    >>> command_name("RegularizedEvolution"), command_name("Nsga2")
    ('regularized_evolution', 'nsga2')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def names(kind: str) -> list[str]:
    """The names of all parts of a kind, the built-in ones first.

    Raises:
        ValueError: no such kind.
    """
    return list(dict.fromkeys([*built_in(kind), *own(kind), *_installed(kind)]))


def parts(kind: str) -> dict[str, Any]:
    """All parts of a kind by name, imported now, but for those of installed packages that cannot be."""
    found = {}
    for name in names(kind):
        with suppress(*([Exception] if name in _installed(kind) else [])):
            found[name] = part(kind, name)
    return found


def part(kind: str, name: object) -> Any:
    """A part by its name, or by its name on the command line; imported now.

    Raises:
        ValueError: no part of this kind has this name; the nearest one is suggested.
    """
    found = find(kind, name)
    if found is None:
        raise ValueError(unknown(kind, name, names(kind)))
    return found


def find(kind: str, name: object) -> Any:
    """The same, or None where no part of this kind has this name."""
    if (known := _named(own(kind), name)) is not None:
        return own(kind)[known]
    if (known := _named(built_in(kind), name)) is not None:
        listed = built_in(kind)[known]
        return _imported(listed) if isinstance(listed, str) else listed
    if (known := _named(_installed(kind), name)) is None:
        return None
    loaded = _installed(kind)[known].load()
    if name_of(loaded) != known:
        raise ValueError(
            f"the entry point {kind}.{known} of {ENTRY_POINTS} leads to {name_of(loaded)!r}: both must have one name"
        )
    return loaded


def part_from_text(kind: str, text: str, example: str) -> Any:
    """The part that a text describes as Python would, with plain values alone: nothing is executed.

    Args:
        example: how such a text may look, for the message.

    Raises:
        ValueError: it describes none.

    >>> part_from_text("reward", 'Mixed(0.8, {"flops": 2e8})', "Power(3)").settings()["alpha"]
    0.8
    """
    found, given, named = call_from_text(kind, text, example)
    try:
        return found(*given, **named)
    except TypeError as error:
        raise ValueError(f"{_written_as(kind, text, example)}: {error}") from None


def call_from_text(kind: str, text: str, example: str) -> tuple[Any, list[Any], dict[str, Any]]:
    """A part by its name in a text such as "Mixed(0.8)", and the arguments that the text gives it.

    Raises:
        ValueError: the text is no such call with plain values.
    """
    said = _written_as(kind, text, example)
    try:
        call = ast.parse(text.strip(), mode="eval").body
        if isinstance(call, ast.Name):
            call = ast.Call(call, [], [])
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError(said)
        given = [ast.literal_eval(one) for one in call.args]
        named = {str(one.arg): ast.literal_eval(one.value) for one in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ValueError(said) from None
    return part(kind, call.func.id), given, named


def _written_as(kind: str, text: str, example: str) -> str:
    article = "an" if kind[0] in "aeiou" else "a"
    return f"{article} {kind} is written as {example}, got {shown(text)}"


def _named(known: Iterable[str], name: object) -> str | None:
    """The one of these names that is meant, as it is or as it is typed."""
    return next((each for each in known if name in (each, command_name(each))), None)


def built_in(kind: str) -> dict[str, Any]:
    """The built-in parts, or their places, by name."""
    found: dict[str, Any] = {}
    for room in _kind(kind).rooms:
        listed = importlib.import_module(room).PARTS
        found.update(listed if isinstance(listed, Mapping) else {name: f"{room}:{name}" for name in listed})
    return found


def own(kind: str) -> Mapping[str, Any]:
    """The parts of one's own, by name, that are registered in this process."""
    _kind(kind)
    return {**own_spaces(), **_registered.get(kind, {})} if kind == "encoding" else _registered.get(kind, {})


def described(kind: str, name: str) -> str:
    """What a part is, in one line: what it says of itself (`described`), or the first sentence of its docstring."""
    found = part(kind, name)
    said = getattr(found, "described", None)
    return said if isinstance(said, str) else first_sentence(inspect.getdoc(found) or "")


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, in one line and without its full stop."""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<!\bal)\. ", paragraph)[0].rstrip(".:")


def settings(kind: str, name: str) -> tuple[Setting, ...]:
    """What a part is made with: names, defaults, types and a line of help each, from its signature and its docstring."""
    return settings_of(part(kind, name))


def how_to_register(kind: str, name: object) -> str:
    """The sentence for a part that a run names and that is not known here."""
    does = "defines it" if kind == "encoding" else f"calls neuroevo.registry.register({kind!r}, {name})"
    return (
        f"this run's {kind} {name!r} is not registered here (known: {', '.join(names(kind))}). If it is your own, give the command a module or "
        f"file that {does}: neuroevo show RUN --import FILE.py, and so for every other command (in Python, import it first); or let your "
        f"package have the entry point {kind}.{name} in the group {ENTRY_POINTS}"
    )


def registered() -> dict[str, dict[str, Any]]:
    """Everything that was registered in this process, for `take` in another."""
    return {kind: dict(parts) for kind, parts in _registered.items()}


def take(parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Know what was registered in another process: a worker knows what its driver does."""
    for kind, found in parts.items():
        _registered.setdefault(kind, {}).update(found)


def provided(name: str) -> Callable[..., Any]:
    """What a room further up provides for the classes of those below it.

    Raises:
        KeyError: nothing has this name.
    """
    return _imported(PROVIDED[name])  # type: ignore[no-any-return]


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise ValueError(unknown("kind of part", kind, sorted(KINDS)))
    return KINDS[kind]


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


@cache
def _installed(kind: str) -> dict[str, EntryPoint]:
    from importlib import metadata  # takes longer to import than this package

    found = metadata.entry_points(group=ENTRY_POINTS)
    return {point.name.partition(".")[2]: point for point in found if point.name.partition(".")[0] == kind}
