"""Numbers as people write them: `$1,234`, `12%`, `1.234,5`, `1 000`; and columns that hold numbers apart from a few texts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.base import shown

UNITS = "$\u20ac\u00a3\u00a5\u20b9%"
ODD = 3  # different texts that a column of numbers may hold and still be taken for one, when the user is told how to say so
_SPACES = " '\u2019\u00a0\u202f\u2009"
_DECORATION = str.maketrans({"\u2212": "-", "D": "e", "d": "e"} | dict.fromkeys(f",{_SPACES}{UNITS}"))


def plain_number(text: Any) -> float | None:
    """The finite number that a text is, as every program writes it; or None."""
    try:
        value = float(text)
    except (ValueError, TypeError):
        return None
    return value if np.isfinite(value) and "_" not in str(text) else None


def some_number(text: str) -> bool:
    """Whether a text is a number in one way of writing or another."""
    return plain_number(text) is not None or plain_number(text.translate(_DECORATION)) is not None


def _pattern(decimal: str) -> re.Pattern[str]:
    grouping = f"[{'.' if decimal == ',' else ','}{_SPACES}]"
    whole = rf"(?:\d{{1,3}}(?P<by>{grouping})(?:\d{{2,3}}(?P=by))*\d{{3}}|\d*)"
    return re.compile(rf"[+-]?{whole}(?:{re.escape(decimal)}\d*)?(?:[eEdD][+-]?\d+)?")


_PATTERNS = {decimal: _pattern(decimal) for decimal in ".,"}


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written.

    Args:
        decimal: what stands before decimals, "." or ",".
        unit: the currency or % that stands at the numbers; "" for none.
    """

    decimal: str = "."
    unit: str = ""

    def number(self, text: str) -> float | None:
        """The finite number that a text is in this notation; None where it is none. The unit is taken away: 12% is 12."""
        bare = text.strip().replace("\u2212", "-")
        if self.unit and self.unit in bare:
            bare = bare.replace(self.unit, "", 1).strip(_SPACES)
            sign, rest = (bare[:1], bare[1:].strip(_SPACES)) if bare[:1] in ("-", "+") else ("", bare)
            bare = sign + rest
        if not _PATTERNS[self.decimal].fullmatch(bare):
            return plain_number(bare) if self.decimal == "." else None
        kept = re.sub(rf"[{'.' if self.decimal == ',' else ','}{_SPACES}]", "", bare).replace(self.decimal, ".")
        return plain_number(kept.replace("D", "e").replace("d", "e"))

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"decimal": self.decimal, "unit": self.unit}

    @staticmethod
    def from_dict(data: Any) -> Notation:
        """The notation that `to_dict` described.

        Raises:
            ValueError: not such a notation.
        """
        found = Notation(data.get("decimal", "."), data.get("unit", "")) if isinstance(data, Mapping) else Notation("")
        if found.decimal not in (".", ",") or found.unit not in ("", *UNITS):
            raise ValueError(f"a notation of numbers has 'decimal' (. or ,) and 'unit' ({' '.join(UNITS)}), got {shown(data)}")
        return found


PLAIN = Notation()


def notation_of(texts: Iterable[str], first: str = ".") -> Notation | None:
    """The one notation in which all texts are numbers, or None. Not of two currencies, nor of percentages beside plain numbers.

    Args:
        first: what stands before decimals where that is open: "1,234" is 1234 with "." and 1.234 with ",".
    """
    every = [str(text) for text in texts]
    units = {unit for text in every for unit in UNITS if unit in text}
    if not every or len(units) > 1 or ("%" in units and not all("%" in text for text in every)):
        return None
    for decimal in dict.fromkeys((first, ".", ",")):
        found = Notation(decimal, next(iter(units), ""))
        if all(found.number(text) is not None for text in every):
            return found
    return None


def decisive_decimals(texts: Iterable[str]) -> set[str]:
    """Which of "." and "," must stand before decimals in some of the texts, as in 1,5 and in 1.234,5; "1,234" leaves it open."""
    found = set()
    for text in texts:
        unit = next((unit for unit in UNITS if unit in text), "")
        possible = [decimal for decimal in ".," if Notation(decimal, unit).number(text) is not None]
        if len(possible) == 1 and possible[0] in text:
            found.add(possible[0])
    return found


def canonical(text: str) -> str:
    """A number with a comma before its decimals as it is written with a point and no separators of thousands; its unit stays."""
    return re.sub(rf"(?<=\d)[.{_SPACES}](?=\d)", "", text).replace(",", ".")


def otherwise_written(column: Any) -> str | None:
    """A text of a column of texts in which every cell is a number, some of them in a way that other programs do not read: with separators
    of thousands, a decimal comma, a currency, %. None where there are none such, or other texts.
    """
    texts = [str(text) for text in column.dropna().unique()]
    others = [text for text in texts if plain_number(text) is None]
    return others[0] if others and all(some_number(text) for text in others) else None


def how_written(name: str, text: str) -> str:
    """What to say of numbers that are not read."""
    return (
        f"{name!r} holds numbers that are written like {text!r}: one currency, or % in every cell, and one way to write decimals are read as "
        "numbers"
    )


@dataclass(frozen=True)
class Odd:
    """A column that holds numbers, or dates, apart from a few texts.

    Attributes:
        name: the column's.
        texts: the texts, by the number of rows.
        holds: what stands beside them: "numbers" or "dates".
    """

    name: str
    texts: Mapping[str, int]
    holds: str = "numbers"

    @property
    def what(self) -> str:
        """What it holds, in words."""
        listed = " and ".join(f"{text!r} ({rows(count)})" for text, count in self.texts.items())
        return f"{self.name!r} holds {self.holds} and {listed}"

    @property
    def options(self) -> str:
        """What to say where the texts mean that nothing is known."""
        return " ".join(f"--missing {shlex.quote(text)}" for text in self.texts) + f" (missing={tuple(self.texts)!r} in Python)"


def odd(name: str, column: Any) -> Odd | None:
    """The few texts among the numbers of a column of texts; None where it holds numbers alone, or mostly texts."""
    counts = column.dropna().astype(str).str.strip().value_counts()
    texts = {str(text): int(count) for text, count in counts.items() if not some_number(text)}
    numbers = len(counts) - len(texts)
    few = numbers >= 2 if len(texts) == 1 else 1 < len(texts) <= ODD and numbers >= 10 * len(texts)
    return Odd(name, texts) if few else None


def rows(count: int) -> str:
    """A number of rows, in words."""
    return "1 row" if count == 1 else f"{count} rows"


def named(names: Sequence[str]) -> str:
    """Names in quotes, with commas between."""
    return ", ".join(map(repr, names))
