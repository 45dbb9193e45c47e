"""The experiments of the source tree: scripts that are run, not parts that are made."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

from neuroevo.core.registry import first_sentence

FOLDER = Path(__file__).parents[2] / "experiments"


@dataclass(frozen=True)
class Script:
    """One experiment."""

    path: Path

    @property
    def described(self) -> str:
        """The first sentence of what it says of itself."""
        return first_sentence(ast.get_docstring(ast.parse(self.path.read_text(encoding="utf-8"))) or "")


PARTS = {f"experiments/{path.name}": Script(path) for path in sorted(FOLDER.glob("*.py"))}
