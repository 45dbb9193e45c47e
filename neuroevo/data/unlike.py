"""What rows of a table hold that no training row held."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data import dates
from neuroevo.data.frames import MISSING
from neuroevo.data.table import described_columns, numbers_of, start_of, texts_of
from neuroevo.data.written import rows

FAR = 0.5  # of the training rows' range: how far outside of it a number is worth a word


def unseen(table: Any, columns: Mapping[str, Any]) -> list[str]:
    """What rows hold that no training row held, in sentences: texts, and holes where there were none.

    Raises:
        DataError: as `features`.
    """
    return [sentence for _, sentence in _unseen(table, columns)]


def unlike(table: Any, columns: Mapping[str, Any]) -> list[str]:
    """What rows to predict of hold that training rows did not, in sentences: how many rows do, then column by column texts, holes, and
    numbers far outside of theirs.

    Raises:
        DataError: as `features`.
    """
    found = [*_unseen(table, columns), *_outside(table, columns)]
    if not found:
        return []
    count = int(np.any([mask for mask, _ in found], axis=0).sum())
    said = f"{count} of {rows(len(table))} hold what no training row held, so that predictions of them are less sure."
    return [said, *(sentence for _, sentence in found)]


def _unseen(table: Any, columns: Mapping[str, Any]) -> Iterator[tuple[npt.NDArray[np.bool_], str]]:
    for described, column in described_columns(table, columns):
        name, kind = described["name"], described["kind"]
        if kind in ("number", "date"):
            holes = column.isna().to_numpy()
            if holes.any() and not described["indicator"]:
                fill = dates.day_text(start_of(described) + described["fill"]) if kind == "date" else f"{described['fill']:.15g}"
                yield (
                    holes,
                    f"{name!r} is missing in {rows(int(holes.sum()))} and in no training row: its median there is taken, {fill}.",
                )
        elif kind in ("category", "target"):
            texts = texts_of(column)
            there = described["categories" if kind == "category" else "means"]
            new = set(texts) - set(there)
            if new:
                mask = np.array([text in new for text in texts])
                first = sorted(new)[:3]
                listed = ", ".join("a missing value" if text == MISSING else repr(text) for text in first)
                more = f" and {len(new) - 3} more" if len(new) > 3 else ""
                counts = f"none of the {len(there)} known values" if kind == "category" else "the mean of all training rows"
                counted = f"{rows(int(mask.sum()))} and in no training row: it counts there as {counts}."
                yield mask, f"{name!r} is {listed}{more} in {counted}"


def _outside(table: Any, columns: Mapping[str, Any]) -> Iterator[tuple[npt.NDArray[np.bool_], str]]:
    for described, column in described_columns(table, columns):
        if described["kind"] not in ("number", "date") or "low" not in described:
            continue
        is_date = described["kind"] == "date"
        if is_date and not described["elapsed"]:
            continue
        values = (
            dates.days(column, described["format"], described["name"]) - start_of(described)
            if is_date
            else numbers_of(column, described)
        )
        low, high = described["low"], described["high"]
        room = FAR * (high - low)
        with np.errstate(invalid="ignore"):
            mask = (values < low - room) | (values > high + room)
        if mask.any():
            bounds = (float(values[mask].min()), float(values[mask].max()), low, high)
            start = start_of(described) if is_date else 0.0
            least, most, *known = [dates.day_text(start + value) if is_date else f"{value:.6g}" for value in bounds]
            what = least if least == most else f"{least} to {most}"
            yield (
                mask,
                f"{described['name']!r} is {what} in {rows(int(mask.sum()))}, far outside of the {known[0]} to {known[1]} of the training rows.",
            )
