"""Columns: what a user says about the columns of a table, and what a run remembers of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from genomes.base import shown, unknown
from neuroevo.data.dataset import DataError

TYPES = ("number", "category", "date", "target", "hash")
RULES = 2


@dataclass(frozen=True)
class Columns:
    """What is done with the columns of a table where the default is not what one wants.

    Args:
        keep: columns that stay features, although they number the rows, name them, never change or copy the target.
        drop: columns that are left out.
        types: by column, what it is read as: "number"; "category" (one feature a text); "date", or "date:FORMAT" as
            `datetime.strptime` has formats; "target" (the mean of the target among the training rows with that text); or "hash" (one of
            32 features, by a hash of the text).
        group: a column whose rows of one value stay in one part of the split: a patient, a customer, a device.
        time: a column by which rows are in order: the latest are the test part, those before them the validation part.
        rules: how columns are read where nothing is said: 2 as this release does, 1 as those before it did. A run records it.

    Raises:
        DataError: not such values.
    """

    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    types: Mapping[str, str] = field(default_factory=dict)
    group: str | None = None
    time: str | None = None
    rules: int = RULES

    def __post_init__(self) -> None:
        for name in ("keep", "drop"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(one, str) for one in value):
                raise DataError(f"{name} is a list of column names, such as ['id'], got {shown(value)}")
            object.__setattr__(self, name, tuple(value))
        if not isinstance(self.types, Mapping):
            raise DataError(f"types says by column what it is, such as {{'zip': 'category'}}, got {shown(self.types)}")
        object.__setattr__(self, "types", dict(self.types))
        for name, kind in self.types.items():
            if not isinstance(name, str) or not isinstance(kind, str) or kind.partition(":")[0] not in TYPES:
                raise DataError(unknown(f"type of the column {name!r}", str(kind), TYPES))
            if ":" in kind and not kind.startswith("date:"):
                raise DataError(f"only a date has a format after a colon, such as date:%d/%m/%Y; got {kind!r} for {name!r}")
        for name in ("group", "time"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise DataError(f"{name} is the name of one column, got {shown(value)}")
        if self.group is not None and self.time is not None:
            raise DataError("rows are split by a group or by time, not by both: say --group or --time")
        if self.rules not in (1, RULES):
            raise DataError(
                f"this release reads tables by the rules 1 or {RULES}, got {shown(self.rules)}: a newer one wrote this"
            )
        for name in self.keep:
            if name in self.drop:
                raise DataError(f"the column {name!r} is both kept and dropped")

    @property
    def named(self) -> dict[str, tuple[str, ...]]:
        """The columns that are named, by the option."""
        single = {name: (value,) for name in ("group", "time") if (value := getattr(self, name)) is not None}
        return {"keep": self.keep, "drop": self.drop, "type": tuple(self.types), **single}

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns whose cells are read as they are written."""
        return tuple(name for name, kind in self.types.items() if kind != "number")

    def resolved(self, names: Sequence[str], targets: Sequence[str]) -> Columns:
        """The same with every name as the table has it.

        Raises:
            DataError: a column that the table does not have (the nearest is suggested), or the target.
        """
        for option, given in self.named.items():
            for name in given:
                if named_so(name, names) is None:
                    raise DataError(unknown(f"column of --{option}", name, names))
                if named_so(name, names) in targets:
                    raise DataError(f"--{option} {name}: that is the column to predict")
        exact = {name: named_so(name, names) or name for given in self.named.values() for name in given}
        return Columns(
            tuple(exact[name] for name in self.keep),
            tuple(exact[name] for name in self.drop),
            {exact[name]: kind for name, kind in self.types.items()},
            None if self.group is None else exact[self.group],
            None if self.time is None else exact[self.time],
            self.rules,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON: the rules, and what differs from the default."""
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "rules"}
        lists = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items() if value}
        return {"rules": self.rules, **lists}

    @staticmethod
    def of(given: Any) -> Columns:
        """From what a user or JSON says: None, a mapping by name, or Columns.

        Raises:
            DataError: anything else, or an unknown name in the mapping.

        >>> Columns.of({"group": "patient"}).group
        'patient'
        """
        if given is None or isinstance(given, Columns):
            return given or Columns()
        if not isinstance(given, Mapping):
            raise DataError(f"columns says what is done with a table's columns, such as {{'drop': ['id']}}, got {shown(given)}")
        known = [one.name for one in fields(Columns)]
        for name in given:
            if name not in known:
                raise DataError(unknown("option for columns", str(name), known))
        return Columns(**given)

    @staticmethod
    def recorded(given: Any) -> Columns:
        """What the settings of a run say; of a run that says nothing, the rules by which it was read."""
        return Columns(rules=1) if given is None else Columns.of(given)


def parse_types(given: Sequence[str]) -> dict[str, str]:
    """Types by column from ["COLUMN=kind", ...].

    Raises:
        DataError: one is not of this form, or names a column twice.

    >>> parse_types(["zip=category", "born=date:%d/%m/%Y"])
    {'zip': 'category', 'born': 'date:%d/%m/%Y'}
    """
    found: dict[str, str] = {}
    for text in given:
        name, sign, kind = text.rpartition("=")
        if not sign or not name:
            raise DataError(f"a type is given as COLUMN=kind, such as zip=category; got {text!r}")
        if name in found:
            raise DataError(f"the type of {name!r} is given twice")
        found[name] = kind.strip()
    return found


def named_so(name: str, names: Sequence[str]) -> str | None:
    """The column of that name, or the only one that has it between blanks."""
    if name in names:
        return name
    close = [other for other in names if other.strip() == name.strip()]
    return close[0] if len(close) == 1 else None
