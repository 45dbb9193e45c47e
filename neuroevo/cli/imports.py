"""Modules that a user names for a command: they register parts, or have the fitness of a run."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperGroup

OPTION = "--import"


class ImportsAnywhere(TyperGroup):
    """The commands, where `--import MODULE` may stand before the command's name or behind it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, imports_first(args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands, each with its first sentence whole."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.get_short_help_str(limit=200)) for name, command in commands.items() if command])


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
    """Import a module by its name or by its file or package's folder; modules beside it, or in the working directory, are found, also by
    worker processes. The file of a module in a package is imported as that.

    Raises:
        ValueError: there is no such file or module, or it fails while it is imported; the sentence says where.
    """
    if not name.strip():
        raise ValueError(f"{OPTION} takes a module's name or its file, as in {OPTION} my_module.py, got an empty text")
    path, is_path = Path(name), Path(name).name != name
    is_file, is_package = path.suffix == ".py", is_path and (path / "__init__.py").is_file()
    if is_file and not path.is_file():
        raise ValueError(f"{OPTION} {name}: there is no such file")
    folder, module = Path.cwd(), name
    if is_file or is_package:
        path = path.resolve()
        names, folder = [path.stem if is_file else path.name], path.parent
        while (folder / "__init__.py").is_file() and folder.name.isidentifier():
            names, folder = [folder.name, *names], folder.parent
        module = ".".join(names)
    elif is_path:
        raise ValueError(f"{OPTION} {name}: there is no such file, nor a package's folder")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise ValueError(_failed(name, error)) from error
        raise ValueError(f"{OPTION} {name}: there is no module {error.name!r} here or among the installed packages") from None
    except (Exception, SystemExit) as error:  # whatever the user's module raises
        raise ValueError(_failed(name, error)) from error


def _failed(name: str, error: BaseException) -> str:
    """That a module failed while it was imported: why, and in which line of which file."""
    place = ""
    if isinstance(error, SyntaxError) and error.filename is not None:
        place = f" ({error.filename}, line {error.lineno})"
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if not frame.filename.startswith("<frozen") and Path(frame.filename) not in (
                Path(__file__),
                Path(importlib.__file__),
            ):
                place = f" ({frame.filename}, line {frame.lineno})"
    said = error.msg if isinstance(error, SyntaxError) else " ".join(str(error).split())
    return f"{OPTION} {name} fails while it is imported{place}: {type(error).__name__}{': ' + said if said else ''}"
