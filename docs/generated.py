"""Parts of the pages that are made from their one source, so that nothing is written twice. `make docs` runs it.

Writes into build/docs: results.md from experiments/README.md; parts.md from README.md; command_line.md from the commands themselves; strategies.md, encodings.md, tasks.md, worlds.md, estimations.md, rewards.md, data.md, proxies.md
and objectives.md from the registry of parts.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def results() -> str:
    """experiments/README.md below its heading, its links seen from docs/methods.md."""
    text = (ROOT / "experiments" / "README.md").read_text()
    return text.partition("\n\n")[2].replace("](../docs/", "](")


def section(heading: str) -> str:
    """A section of README.md, without its heading, its links seen from docs/."""
    text = (ROOT / "README.md").read_text()
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    if found is None:
        raise ValueError(f"README.md has no section {heading!r}, of which the pages show a part")
    return re.sub(r"\[([^]]*)\]\(experiments/README.md\)", r"[\1](methods.md)", found[1].replace("](docs/", "]("))


def command_line() -> str:
    """Every command: what it does, how it is called, its arguments and options."""
    import typer

    from neuroevo.cli.main import app

    group: Any = typer.main.get_command(app)
    before = [parameter for parameter in group.params if parameter.name == "imported"]
    sections = [f"Before a command: `neuroevo --import MODULE COMMAND ...`. {_cell(parameter.help)}\n" for parameter in before]
    for name, command in group.commands.items():
        shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
        usage = " ".join(filter(None, ["neuroevo", name, *map(_called, shown)]))
        sections.append(f"## {name}\n\n{_paragraphs(command.help)}\n\n```\n{usage} [OPTIONS]\n```\n")
        sections.append("\n".join(["| option | what it says | default |", "| --- | --- | --- |", *map(_row, shown)]) + "\n")
    return "\n".join(sections)


def _called(parameter: Any) -> str:
    if parameter.param_type_name != "argument":
        return ""
    name = parameter.name.upper() + ("..." if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _row(parameter: Any) -> str:
    argument = parameter.param_type_name == "argument"
    named = parameter.name.upper() if argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
    default = parameter.default if parameter.show_default is not False else None
    shown = parameter.show_default if isinstance(parameter.show_default, str) else default
    shown = "" if shown is None or shown is False or callable(shown) else f"`{shown}`" if shown is default else shown
    from neuroevo.cli.completion import filled

    return f"| `{named}` | {_cell(filled(parameter.help))} | {_cell(str(shown))} |"


def reference(kind: str, room: str, *, level: int = 2) -> str:
    """The reference of every built-in part of a kind that a room has: what mkdocstrings makes of its docstring.

    Args:
        kind: of the registry.
        room: the package, in which parts are found by their class's name.
        level: of the headings.
    """
    import importlib

    from neuroevo.core import registry

    package = importlib.import_module(room)
    blocks = []
    for name in registry.names(kind):
        shown = registry.part(kind, name).__name__
        if shown in package.__all__:
            blocks.append(f"::: {room}.{shown}\n    options:\n      heading_level: {level}\n      members: []\n")
            if kind == "encoding":
                genome = f"{shown.removesuffix('Space')}Genome"
                if hasattr(package, genome):  # an encoding may share another's genome
                    blocks.append(f"::: {room}.{genome}\n    options:\n      heading_level: {level}\n")
    return "\n".join(blocks)


def listing(kind: str) -> str:
    """A table of the names of a kind and what they are."""
    from neuroevo.core import registry

    rows = [f"| `{name}` | {_cell(registry.described(kind, name))} |" for name in registry.names(kind)]
    return "\n".join(["| name | what it is |", "| --- | --- |", *rows]) + "\n"


def _paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text or "") if part.strip())


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|").replace("<", "&lt;")


def main() -> None:
    folder = ROOT / "build" / "docs"
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "results": results(),
        "parts": section("What is in it"),
        "command_line": command_line(),
        "strategies": reference("strategy", "neuroevo.strategies"),
        "encodings": reference("encoding", "genomes"),
        "tasks": reference("task", "neuroevo.tasks"),
        "worlds": reference("task", "neuroevo.simulators", level=3),
        "estimations": reference("estimation", "neuroevo.estimation", level=3),
        "rewards": reference("reward", "neuroevo.strategies", level=3),
        "data": listing("data"),
        "objectives": listing("objective"),
        "proxies": listing("proxy"),
    }
    for name, text in made.items():
        (folder / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
