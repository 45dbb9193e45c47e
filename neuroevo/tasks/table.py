"""Table: a tabular benchmark as a task, where an evaluation is a row that was measured before."""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self, TextIO

from genomes.base import Genome, shown, unknown
from neuroevo.core.functions import dotted_name, how_to_go_on, imported
from neuroevo.core.objectives import FLOPS, PARAMETERS, Direction, Objective, recorded
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.function import directions

Rows = Mapping[str, tuple[float, ...]]


def table_key(genome: Genome) -> str:
    """The row's name that a genome has by itself (`CellGenome.table_key`)."""
    key = getattr(genome, "table_key", None)
    if not isinstance(key, str):
        raise ValueError(
            f"{type(genome).__name__} has no table_key; give Table the function from a genome to a row's key (key_of)"
        )
    return key


class Table(Task):
    """Look each genome up in a CSV file, plain or gzipped, with a header line and one row for each genome.

    The search sees the columns in `signal`; those in `report` are recorded with each individual (`individual.info["scores"]`) but
    decide nothing; `cost` advances the run's simulated clock. A genome without a row is a recorded failure.

    Args:
        path: the `.csv` or `.csv.gz` file.
        key: the column that names a row's genome; or several, whose texts with spaces between name it (`genomes.ChoiceSpace.of_table`).
        signal: the objectives: a column that is maximised, or a mapping from columns to directions,
            `{"accuracy": ne.maximise}`. An `Objective` that is computed from the genome (`of=`) needs no column.
        report: further columns to record.
        cost: the column of seconds that an evaluation takes, or None.
        cost_factor: what to multiply these seconds by (for example epochs, where the column is seconds an epoch).
        key_of: the function from a genome to its row's key; by default its `table_key`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, or a row is incomplete, named twice or not numeric; the sentence says which.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: str | Sequence[str],
        signal: str | Mapping[str, Direction | Objective],
        report: Sequence[str] = (),
        cost: str | None = None,
        cost_factor: float = 1.0,
        key_of: Callable[[Genome], str] = table_key,
    ) -> None:
        if not isinstance(cost_factor, (int, float)) or not cost_factor > 0:
            raise ValueError(f"cost_factor must be > 0, got {shown(cost_factor)}")
        self.path = Path(path)
        self.objectives = directions({signal: "maximise"} if isinstance(signal, str) else signal)
        self.key: str | tuple[str, ...] = key if isinstance(key, str) else tuple(key)
        self.report, self.cost, self.cost_factor, self.key_of = tuple(report), cost, float(cost_factor), key_of
        signals = [name for name, objective in self.objectives.items() if objective.of is None]
        self._columns = tuple(dict.fromkeys([*signals, *self.report, *([cost] if cost else [])]))
        self._shown = [(name, self._columns.index(name)) for name in dict.fromkeys([*signals, *self.report])]
        self._rows: Rows | None = None
        self._digest = ""
        self.rows()

    def rows(self) -> Rows:
        """The rows by key, read once in each process; the numbers are in the order of the columns that the task needs."""
        if self._rows is None:
            if not self.path.is_file():
                raise FileNotFoundError(f"there is no table at {self.path}; give the path of a .csv or .csv.gz file")
            self._digest = hashlib.sha256(self.path.read_bytes()).hexdigest()
            self._rows = read_table(self.path, self._keys, self._columns, self._digest)
        return self._rows

    @property
    def _keys(self) -> tuple[str, ...]:
        return (self.key,) if isinstance(self.key, str) else self.key

    def phenotype(self, genome: Genome) -> Genome:
        return genome

    def score(self, phenotype: Genome, context: Context) -> Mapping[str, float]:
        key = self.key_of(phenotype)
        row = self.rows().get(key)
        if row is None:
            raise LookupError(f"{self.path.name} has no row with {', '.join(self._keys)} {key!r}")
        scores = {name: row[position] for name, position in self._shown}
        if self.cost is not None:
            scores["simulated_seconds"] = row[self._columns.index(self.cost)] * self.cost_factor
        return scores

    def settings(self) -> dict[str, Any]:
        return {
            "task": "Table",
            "table": self._digest[:16],
            "key": self.key if isinstance(self.key, str) else list(self.key),
            "report": list(self.report),
            "cost": self.cost,
            "cost_factor": self.cost_factor,
            "objectives": [objective.settings() for objective in self.objectives.values()],
            "origin": {"path": str(self.path.resolve()), "key_of": dotted_name(self.key_of)},
        }

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The task, from the file where it lay.

        Raises:
            ValueError: the settings do not say where, or the key of a row is computed by a function that this process has not imported.
            FileNotFoundError: the file is gone.
        """
        origin = settings.get("origin")
        if not isinstance(origin, Mapping) or not isinstance(origin.get("path"), str):
            raise ValueError("this run did not record where its table lies; run the script that started it again to go on")
        name = str(origin.get("key_of"))
        key_of = imported(name)
        if key_of is None:
            raise ValueError(how_to_go_on("key_of", name))
        objectives = recorded(settings.get("objectives"), (PARAMETERS, FLOPS))
        return cls(
            origin["path"],
            key=settings["key"],
            signal={objective.name: objective for objective in objectives},
            report=settings.get("report", ()),
            cost=settings.get("cost"),
            cost_factor=settings.get("cost_factor", 1.0),
            key_of=key_of,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rows": None}  # a worker reads the file itself


@lru_cache(maxsize=8)
def read_table(path: Path, key: tuple[str, ...], columns: tuple[str, ...], digest: str) -> Rows:
    """The numbers of some columns of a CSV file by the texts in the key columns, with spaces between.

    Args:
        path: a `.csv` or `.csv.gz` file with a header line.
        key: names of the key columns.
        columns: names of the columns to read as numbers.
        digest: of the file's bytes: equal files are read once in a process, a changed one again.

    Raises:
        ValueError: see `Table`.
    """
    try:
        with _opened(path) as file:
            return _parsed(csv.reader(file), path.name, key, columns)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as a table (CSV, gzipped if it ends in .gz): {error}") from error


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return open(path, encoding="utf-8", newline="")


def _parsed(reader: Any, name: str, key: tuple[str, ...], columns: tuple[str, ...]) -> Rows:
    header: list[str] = next(reader, [])
    for column in (*key, *columns):
        if column not in header:
            raise ValueError(unknown(f"column of {name}", column, header))
        if header.count(column) > 1:
            raise ValueError(f"{name} has two columns named {column!r}")
    key_at, at = [header.index(column) for column in key], [header.index(column) for column in columns]
    rows: dict[str, tuple[float, ...]] = {}
    for fields in reader:
        if len(fields) != len(header):
            raise ValueError(f"line {reader.line_num} of {name} has {len(fields)} values, its header names {len(header)} columns")
        named = " ".join([fields[position] for position in key_at])
        if named in rows:
            raise ValueError(f"{name} has two rows with {', '.join(key)} {named!r}; the second is on line {reader.line_num}")
        rows[named] = _numbers([fields[position] for position in at], columns, reader.line_num, name)
    if not rows:
        raise ValueError(f"{name} has no rows")
    return rows


def _numbers(texts: Sequence[str], columns: Sequence[str], line: int, name: str) -> tuple[float, ...]:
    try:
        numbers = tuple(map(float, texts))
        if all(map(math.isfinite, numbers)):
            return numbers
    except ValueError:
        pass
    for column, text in zip(columns, texts, strict=True):
        try:
            usable = math.isfinite(float(text))
        except ValueError:
            usable = False
        if not usable:
            raise ValueError(f"line {line} of {name}: {column} must be a finite number, got {text!r}")
    raise AssertionError("unreachable")
