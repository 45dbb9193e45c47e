"""Modules that a user names for a command: they register parts, or have the fitness of a run."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

OPTION = "--import"


class ImportsAnywhere(TyperGroup):
    """The commands, where `--import MODULE` may stand before the command's name or behind it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, imports_first(args))


def imports_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with every `--import MODULE` at their beginning, apart from what stands behind `--`.

    >>> imports_first(["show", "runs/a", "--import", "my_parts"])
    ['--import', 'my_parts', 'show', 'runs/a']
    """
    end = arguments.index("--") if "--" in arguments else len(arguments)
    found: list[str] = []
    rest: list[str] = []
    given = iter(arguments[:end])
    for argument in given:
        if argument == OPTION:
            found += [argument, *([value] if (value := next(given, None)) is not None else [])]
        elif argument.startswith(f"{OPTION}="):
            found.append(argument)
        else:
            rest.append(argument)
    return [*found, *rest, *arguments[end:]]


def import_module_or_file(name: str) -> Any:
    """Import a module by its name or by its file; modules beside the file, or in the working directory, are found, also by worker processes.

    Raises:
        ValueError: there is no such file or module.
    """
    path = Path(name)
    is_file = path.suffix == ".py"
    if is_file and not path.is_file():
        raise ValueError(f"--import {name}: there is no such file")
    folder = str(path.resolve().parent if is_file else Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = path.stem if is_file else name
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise
        raise ValueError(f"--import {name}: there is no module {error.name!r} here or among the installed packages") from None
