"""How the columns of a table become features: learned from the training rows alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data import dates, encoded
from neuroevo.data.columns import Columns
from neuroevo.data.dataset import DataError
from neuroevo.data.frames import MISSING
from neuroevo.data.roles import Role, code, roles, unusual
from neuroevo.data.table import known_numbers, texts_of
from neuroevo.data.written import PLAIN, named

MOST_CATEGORIES = 50
Doubles = npt.NDArray[np.float64]


@dataclass
class _Said:
    """What was done with which columns, until it is put into sentences."""

    one_hot: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    dated: list[str] = field(default_factory=list)
    means: list[str] = field(default_factory=list)
    hashed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def sentences(self, rules: int) -> list[str]:
        constant = "The same in every training row, so that it says nothing" + (", and left out" if rules > 1 else "")
        listed = (
            ("Categories became one feature a value", self.one_hot),
            ("Dates became the days since the first, and their parts that come round", self.dated),
            ("Texts of many values became the mean of the target among the training rows with each", self.means),
            (f"Texts of many values became one of {encoded.BUCKETS} features, by a hash", self.hashed),
            ("Missing numbers became the training rows' median, with a feature that says so", self.filled),
            ("Columns left out", self.left_out),
            (constant, self.same),
        )
        return [*self.notes, *(f"{what}: {', '.join(names)}." for what, names in listed if names)]


def fit(
    table: Any,
    train_rows: npt.NDArray[np.int64],
    missing: Sequence[str] = (),
    found: Sequence[Role] | None = None,
    *,
    said: Columns | None = None,
    targets: Doubles | None = None,
    target_names: Sequence[str] = (),
    decimal: str = ".",
) -> tuple[dict[str, Any], list[str]]:
    """How the columns of a table become features, and notes on what was done.

    Args:
        table: a pandas DataFrame: a column of numbers is one of its dtype, so is one of dates, everything else is read as text.
        train_rows: which rows to learn from.
        missing: the texts that were read as holes.
        found: what each column is (`neuroevo.data.roles`); None finds it.
        said: what the user said of the columns.
        targets: float64 [rows, means], what texts of many values become the mean of (`neuroevo.data.encoded.targets_of`).
        target_names: of each of them.
        decimal: what stood before decimals in the file, for files to predict from that leave it open.

    Raises:
        DataError: no usable column, or infinite numbers.
    """
    options = said or Columns()
    found = roles(table, options)[0] if found is None else found
    described: list[dict[str, Any]] = []
    told = _Said()
    for k, role in enumerate(found):
        if role.why:
            continue
        column = table.iloc[:, k]
        if role.kind == "number":
            one = _fit_number(role, column, train_rows, told, options.rules)
        elif role.kind == "date":
            one = _fit_date(role, column, train_rows, told)
        else:
            one = _fit_texts(role, column, train_rows, told, options.rules, targets, target_names)
        described += [] if one is None else [one]
    notes = told.sentences(options.rules)
    if not described:
        raise DataError(f"no column of the table can be used: {', '.join([*told.left_out, *told.same]) or 'all are left out'}")
    more = {"decimal": decimal} if decimal != "." else {}
    return {"columns": described, "missing": list(missing), **more}, notes


def _fit_number(role: Role, column: Any, train: npt.NDArray[np.int64], told: _Said, rules: int) -> dict[str, Any] | None:
    name = role.name
    values = known_numbers(column, role.notation, name)
    if np.isinf(values).any():
        raise DataError(f"column {name!r} has infinite values; replace them, or say --missing inf (missing=('inf',) in Python)")
    count = int(np.isnan(values).sum())
    known = values[train]
    known = known[~np.isnan(known)]
    if not len(known):
        told.left_out.append(f"{name!r} (empty)")
        return None
    if known.min() == known.max() and len(known) == len(train):
        told.same.append(repr(name))
        if rules > 1 and not role.kept:
            return None
    if count:
        told.filled.append(f"{name!r} ({count})")
    described = {"name": name, "kind": "number", "fill": float(np.median(known)), "indicator": count > 0}
    if rules == 1:
        return described
    note = code(name, values[~np.isnan(values)])
    told.notes += [note] if note else []
    notation = {} if role.notation == PLAIN else {"notation": role.notation.to_dict()}
    return {**described, "low": float(known.min()), "high": float(known.max()), **notation}


def _fit_date(role: Role, column: Any, train: npt.NDArray[np.int64], told: _Said) -> dict[str, Any] | None:
    when = dates.days(column, role.form, role.name)
    count = int(np.isnan(when).sum())
    known = when[train]
    known = known[~np.isnan(known)]
    if not len(known):
        told.left_out.append(f"{role.name!r} (empty)")
        return None
    parts = [part for part in dates.PERIODS if len(np.unique(dates.part(known, part))) > 1]
    start = float(np.floor(known.min()))
    elapsed = role.elapsed and bool(known.min() < known.max())
    if not elapsed and not parts and not count:
        told.same.append(repr(role.name))
        return None
    told.dated.append(
        f"{role.name!r} ({', '.join([*(['days'] if elapsed else []), *parts])}{f', {count} missing' if count else ''})"
    )
    return {
        "name": role.name,
        "kind": "date",
        "format": role.form,
        "start": dates.day_text(start),
        "fill": float(np.median(known) - start),
        "indicator": count > 0,
        "elapsed": elapsed,
        "parts": parts,
        "low": float(known.min() - start),
        "high": float(known.max() - start),
    }


def _fit_texts(
    role: Role, column: Any, train: npt.NDArray[np.int64], told: _Said, rules: int, targets: Doubles | None, names: Sequence[str]
) -> dict[str, Any] | None:
    name = role.name
    count = int(column.isna().sum())
    texts = texts_of(column.iloc[train])
    categories = sorted(set(texts))
    note = unusual(name, column) if role.kind == "texts" else ""
    told.notes += [note] if note else []
    told.notes += said_of_blanks(name, categories)
    known = [category for category in categories if category != MISSING]
    if not known:
        told.left_out.append(f"{name!r} (empty)")
        return None
    many = len(categories) > MOST_CATEGORIES
    if role.kind == "category" or (role.kind == "texts" and not many):
        if len(categories) == 1:
            told.same.append(repr(name))
            if rules > 1 and not role.kept:
                return None
        told.one_hot.append(f"{name!r} ({len(categories)} values{f', {count} missing' if count else ''})")
        return {"name": name, "kind": "category", "categories": categories}
    if rules == 1 or note:
        told.left_out.append(f"{name!r} ({len(categories)} different texts)")
        return None
    means = targets is not None and targets.shape[1] <= encoded.MOST_OUTPUTS and len(known) < len(texts)
    if role.kind == "target" and targets is None:
        raise DataError(f"the type of {name!r} cannot be target: there is none here; say hash")
    if role.kind == "hash" or not (means or role.kind == "target"):
        told.hashed.append(f"{name!r} ({len(known)} values)")
        return {"name": name, "kind": "hash"}
    assert targets is not None
    told.means.append(f"{name!r} ({len(known)} values)")
    prior = targets[train].mean(axis=0)
    found = encoded.means(texts, targets[train], prior)
    return {
        "name": name,
        "kind": "target",
        "prior": prior.tolist(),
        "of": list(names) if len(names) == len(prior) else [str(k) for k in range(len(prior))],
        "means": {text: values.tolist() for text, values in found.items()},
    }


def said_of_blanks(name: str, texts: Sequence[str]) -> list[str]:
    """Whether some texts of a column differ in nothing but blanks around them."""
    alike: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        alike.setdefault(text.strip(), []).append(text)
    several = [found for stripped, found in alike.items() if stripped and len(found) > 1]
    return [f"{name!r} has texts that differ in blanks alone, and are different ones: {named(several[0])}."] if several else []
