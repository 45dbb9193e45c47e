"""What was derived from a run's networks, as its folder holds it: a row in `derived`, and a file in `derived/`."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FOLDER = "derived"
NAME = re.compile(r"\d+(\.[1-9]\d*)+")  # 17.1, 17.2, 17.1.1: the parent's name and a number
SUFFIXES = (".safetensors", ".keras", ".tflite")
COLUMNS = "name, parent, operators, genome, file, fingerprint, raw, parameters, scores, test, details"


@dataclass(frozen=True)
class RecordedDerived:
    """A derived network read back.

    Args:
        name, parent: its name, and its parent's, or the parent's id as text.
        operators: what was done.
        genome: JSON text that `Genome.from_dict` takes, or None for a model that has no genome.
        file: its name in `derived/`, or "" where the genome says everything.
        fingerprint: of the file, or "".
        raw: whether the model takes raw inputs and gives probabilities or values in their own units.
        parameters: trainable weights, or None where that is not known.
        scores, test: by name, on the validation and on the test part.
        details: JSON.
    """

    name: str
    parent: str
    operators: tuple[str, ...]
    genome: str | None = None
    file: str = ""
    fingerprint: str = ""
    raw: bool = False
    parameters: int | None = None
    scores: Mapping[str, float] | None = None
    test: Mapping[str, float] | None = None
    details: Mapping[str, Any] | None = None

    def row(self) -> tuple[Any, ...]:
        """Its columns, in the order of `COLUMNS`."""
        numbers = self.file, self.fingerprint, int(self.raw), self.parameters
        texts = (json.dumps(dict(values or {})) for values in (self.scores, self.test, self.details))
        return (self.name, self.parent, json.dumps(self.operators), self.genome, *numbers, *texts)


def derived_rows(database: sqlite3.Connection) -> list[RecordedDerived]:
    """What was derived, in that order."""
    found = []
    for row in database.execute(f"SELECT {COLUMNS} FROM derived ORDER BY id"):
        name, parent, operators, genome, file, fingerprint, raw, parameters, *texts = row
        named = NAME.fullmatch(name) is not None and name.rpartition(".")[0] == parent
        if not named or file not in ("", *(f"{name}{suffix}" for suffix in SUFFIXES)):
            raise ValueError(f"{name!r} of {parent!r} with the file {file!r} is not a derived network")
        scores, test, details = (dict(json.loads(text)) for text in texts)
        if not all(isinstance(value, (int, float)) for value in [*scores.values(), *test.values()]):
            raise ValueError(f"the scores of {name} are not numbers")
        found.append(
            RecordedDerived(
                name,
                parent,
                tuple(json.loads(operators)),
                genome,
                file,
                fingerprint,
                bool(raw),
                parameters,
                scores,
                test,
                details,
            )
        )
    return found


def next_name(parent: str, taken: Iterable[str]) -> str:
    """The name of a parent's next child: the parent's with the number after the largest."""
    numbers = [int(name.rpartition(".")[2]) for name in taken if name.rpartition(".")[0] == parent]
    return f"{parent}.{1 + max(numbers, default=0)}"
