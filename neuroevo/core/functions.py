"""Functions of the user's by name: what a run records of one, and how it is found again in a process that imported its module."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def dotted_name(function: Callable[..., Any]) -> str:
    """What is recorded of a function: "module.name"."""
    return f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__name__)}"


def importable(name: str) -> bool:
    """Whether another process could import the function of a dotted name: not one of `__main__`, made inside another, or a lambda."""
    return "." in name and not name.startswith(("__main__.", "builtins.")) and "<" not in name


def imported(name: str) -> Any:
    """What has this dotted name in a module that was imported already, or None. Nothing is imported for it: what a file says is never run."""
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        found: Any = sys.modules.get(".".join(parts[:end]))
        if found is not None and importable(name):
            for part in parts[end:]:
                found = getattr(found, part, None)
            return found if callable(found) else None
    return None


def how_to_go_on(what: str, name: str) -> str:
    """The sentence for a run that needs a Python function which this process has not.

    Args:
        what: what the function is to the run, such as "fitness".
        name: its dotted name.
    """
    again = "run the script that started it again to go on"
    if importable(name):
        module = name.rpartition(".")[0]
        again = f"neuroevo --import {module} resume RUN goes on with it (or --import FILE.py, the module's file); or {again}"
    return f"this run's {what} is the Python function {name}; {again}"
