"""The registry: every part that a search is put together from, by kind and name, where it is made and what it is.

A room lists its parts in its own `__init__` (`PARTS`); the registry knows which room holds which kind, and imports a
part when it is asked for. Settings, the command line, completion, listings and error messages all read this one table, so a part that is
listed is offered everywhere. A part of one's own joins it by `register`, or from an installed package by an entry point of the group
`neuroevo.parts`, named `KIND.NAME`.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import cache
from importlib import metadata
from typing import Any

from genomes.base import unknown

ROOMS = {  # kind -> the package that lists its parts
    "strategy": "neuroevo.strategies",
    "task": "neuroevo.tasks",
    "estimation": "neuroevo.estimation",
    "predictor": "neuroevo.predictors",
}
# What rooms further up do for classes further down: an individual's network is made by a room that knows individuals.
PROVIDED = {
    "network": "neuroevo.decode:individual_network",
    "model": "neuroevo.decode:trained_model",
    "individual_html": "neuroevo.interop.notebook:individual_html",
    "run_html": "neuroevo.interop.notebook:run_html",
}
ENTRY_POINTS = "neuroevo.parts"
_registered: dict[str, dict[str, Any]] = {}


def register(kind: str, part: Any, name: str | None = None) -> Any:
    """Add a part of one's own, so that its name works wherever a built-in one's does: settings, `neuroevo resume`, listings.

    Args:
        kind: "strategy", "task", "estimation", ...
        part: the class.
        name: default: the class's own.

    Returns:
        The part, so that this can be used as a decorator with `functools.partial`.

    Raises:
        ValueError: no such kind, or a built-in part has this name.
    """
    if kind not in ROOMS:
        raise ValueError(unknown("kind of part", kind, sorted(ROOMS)))
    name = name or part.__name__
    if name in _room_parts(kind):
        raise ValueError(f"{kind} {name!r} is built in; register yours under another name")
    _registered.setdefault(kind, {})[name] = part
    return part


def names(kind: str) -> list[str]:
    """The names of all parts of a kind, the built-in ones first.

    Raises:
        ValueError: no such kind.
    """
    if kind not in ROOMS:
        raise ValueError(unknown("kind of part", kind, sorted(ROOMS)))
    return list(dict.fromkeys([*_room_parts(kind), *_registered.get(kind, {}), *_installed(kind)]))


def part(kind: str, name: object) -> Any:
    """A part by its name, imported now.

    Raises:
        ValueError: no part of this kind has this name; the nearest one is suggested.
    """
    if name in _registered.get(kind, {}):
        return _registered[kind][str(name)]
    if isinstance(name, str) and name in _room_parts(kind):
        return getattr(importlib.import_module(ROOMS[kind]), name)
    if isinstance(name, str) and name in _installed(kind):
        return _installed(kind)[name].load()
    raise ValueError(unknown(kind, name, names(kind)))


def described(kind: str, name: str) -> str:
    """What a part is, in one line: the first sentence of its docstring."""
    text = inspect.getdoc(part(kind, name)) or ""
    return " ".join(text.split("\n\n")[0].split())


def provided(name: str) -> Callable[..., Any]:
    """What a room further up provides for the classes of those below it.

    Raises:
        KeyError: nothing has this name.
    """
    module, function = PROVIDED[name].split(":")
    return getattr(importlib.import_module(module), function)  # type: ignore[no-any-return]


def _room_parts(kind: str) -> tuple[str, ...]:
    parts: tuple[str, ...] = importlib.import_module(ROOMS[kind]).PARTS
    return parts


@cache
def _installed(kind: str) -> dict[str, metadata.EntryPoint]:
    found = metadata.entry_points(group=ENTRY_POINTS)
    return {point.name.partition(".")[2]: point for point in found if point.name.partition(".")[0] == kind}
