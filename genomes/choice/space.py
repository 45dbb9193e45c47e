"""ChoiceSpace: some choices, each of a few named options; of tables that were measured before."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown, unknown
from genomes.questions import Question
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.choice.genome import ChoiceGenome

MOST = 10_000  # choices, and options of one


@dataclass(frozen=True)
class ChoiceSpace(SequentialSpace["ChoiceGenome"], encoding="choice"):
    """Every combination of an option for each choice. What a combination is worth is looked up (`neuroevo.tasks.Table`) or computed by a
    fitness of the genome; the encoding makes no network of it.

    Args:
        options: for each choice the names of its options, all different.
        names: what is chosen, one for each choice; () for "choice 0", "choice 1", ...
        separator: stands between the options' names in a row's key (`ChoiceGenome.table_key`).
        mutation: the share of the choices that a mutation draws anew, beside the one that it always changes.

    Raises:
        ValueError: no choices, a choice without options or with equal ones, names that do not fit, a share outside of [0, 1].

    >>> space = ChoiceSpace.alike(8, ("0", "1", "2"), separator="")
    >>> space.size, space.build([0, 2, 0, 1, 2, 1, 0, 0]).table_key
    (6561, '02012100')
    """

    options: tuple[tuple[str, ...], ...]
    names: tuple[str, ...] = ()
    separator: str = " "
    mutation: float = 0.0

    redundant = True  # equal combinations are drawn again and again where there are few

    def __post_init__(self) -> None:
        if not isinstance(self.options, tuple) or not 1 <= len(self.options) <= MOST:
            raise ValueError(f"options must be a tuple of names for each of 1 to {MOST:,} choices, got {shown(self.options)}")
        for place, names in enumerate(self.options):
            if not isinstance(names, tuple) or not 1 <= len(names) <= MOST or not all(isinstance(name, str) for name in names):
                raise ValueError(f"the options of choice {place} must be a tuple of one or more texts, got {shown(names)}")
            if len(set(names)) < len(names):
                raise ValueError(f"the options of choice {place} must be different, got {shown(names)}")
        if not isinstance(self.names, tuple) or not all(isinstance(name, str) for name in self.names):
            raise ValueError(f"names must be a tuple of texts, got {shown(self.names)}")
        if self.names and (len(self.names) != len(self.options) or len(set(self.names)) < len(self.names)):
            raise ValueError(f"there must be {len(self.options)} different names, one for each choice, got {shown(self.names)}")
        if not isinstance(self.separator, str):
            raise ValueError(f"separator must be a text, got {shown(self.separator)}")
        if isinstance(self.mutation, bool) or not isinstance(self.mutation, (int, float)) or not 0 <= self.mutation <= 1:
            raise ValueError(f"mutation must be a share from 0 to 1, got {shown(self.mutation)}")

    @classmethod
    def alike(cls, choices: int, options: Sequence[str], **settings: Any) -> Self:
        """A space of so many choices of the same options.

        Raises:
            ValueError: see the class.
        """
        return cls((tuple(options),) * choices, **settings)

    @classmethod
    def of_table(cls, path: str | os.PathLike[str], columns: Sequence[str], **settings: Any) -> Self:
        """The space of what occurs in some columns of a CSV file (`.csv`, `.csv.gz`): a choice for each column, its options the different
        texts, numbers in their order. With `Table(path, key=columns, ...)` each genome is the row of its options; a combination that has
        no row is a recorded failure.

        Raises:
            ValueError: a column is missing, or the file is no table.
            FileNotFoundError: there is no such file.
        """
        file = Path(path)
        found: list[dict[str, None]] = [{} for _ in columns]
        try:
            with gzip.open(file, "rt", encoding="utf-8", newline="") if file.suffix == ".gz" else open(file, encoding="utf-8", newline="") as opened:
                reader = csv.DictReader(opened)
                for column in columns:
                    if column not in (reader.fieldnames or ()):
                        raise ValueError(unknown(f"column of {file.name}", column, tuple(reader.fieldnames or ())))
                for row in reader:
                    for texts, column in zip(found, columns, strict=True):
                        texts[row[column]] = None
        except (EOFError, UnicodeDecodeError, csv.Error, gzip.BadGzipFile) as error:
            raise ValueError(f"{path} cannot be read as a table (CSV, gzipped if it ends in .gz): {error}") from error
        return cls(tuple(tuple(_in_order(texts)) for texts in found), tuple(columns), **settings)

    @property
    def size(self) -> int:
        """How many combinations there are."""
        count = 1
        for names in self.options:
            count *= len(names)
        return count

    def name(self, place: int) -> str:
        """What a choice is called."""
        return self.names[place] if self.names else f"choice {place}"

    def random(self, rng: np.random.Generator) -> ChoiceGenome:
        """Any combination, all alike."""
        return self._genome(tuple([int(rng.integers(len(names))) for names in self.options]), ("random",))

    def ask(self) -> Asking[ChoiceGenome]:
        taken: list[int] = []
        for place, names in enumerate(self.options):
            taken.append((yield Question(self.name(place), names, place)))
        return self._genome(tuple(taken), ("built",))

    def answers(self, genome: ChoiceGenome) -> Iterator[str]:
        return iter(genome.chosen)

    def from_genes(self, genes: Any) -> ChoiceGenome:
        if not isinstance(genes, list) or len(genes) != len(self.options):
            raise ValueError(f"genes must be a list of {len(self.options)} options, one for each choice, got {shown(genes)}")
        for place, (name, names) in enumerate(zip(genes, self.options, strict=True)):
            if not isinstance(name, str) or name not in names:
                raise ValueError(unknown(f"option of {self.name(place)}", name, names))
        return self._genome(tuple([names.index(name) for name, names in zip(genes, self.options, strict=True)]))

    def _genome(self, taken: tuple[int, ...], operators: tuple[str, ...] = ()) -> ChoiceGenome:
        from genomes.choice.genome import ChoiceGenome

        return ChoiceGenome(self, taken, operators)


def _in_order(texts: dict[str, None]) -> list[str]:
    """Numbers by their values, texts as they came."""
    try:
        return sorted(texts, key=float)
    except ValueError:
        return list(texts)
