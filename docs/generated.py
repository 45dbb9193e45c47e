"""Parts of the pages that are made from their one source, so that nothing is written twice. `make docs` runs it.

Writes into build/docs: results.md from experiments/README.md; parts.md and measured.md from README.md; command_line.md from the commands
themselves.
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
    sections = []
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
    return f"| `{named}` | {_cell(parameter.help)} | {_cell(str(shown))} |"


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
        "measured": section("Measured"),
        "command_line": command_line(),
    }
    for name, text in made.items():
        (folder / f"{name}.md").write_text(text)


if __name__ == "__main__":
    main()
