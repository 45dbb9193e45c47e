"""Dates of a table: in which format they are written, and what a network is given of them: elapsed days, and parts that come round."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.dataset import DataError
from neuroevo.data.frames import text_of

Doubles = npt.NDArray[np.float64]

ISO = "ISO8601"
_DAYS = (
    "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%Y/%m/%d", "%m-%d-%Y", "%d-%m-%Y", "%d %b %Y", "%b %d, %Y",
    "%d %B %Y", "%B %d, %Y", "%d-%b-%Y", "%d-%b-%y",
)  # fmt: skip
_TIMES = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
FORMATS = tuple(day + time for day in _DAYS for time in _TIMES)
_ISO_DATE = re.compile(r"\s*\d{4}-\d{1,2}-\d{1,2}([T ].*)?\s*")
_ANY_DATE = re.compile(r"\s*(\d{1,4}[-./ ]\w{1,9}[-./ ]\d{1,4}|[A-Za-z]{3,9} \d{1,2}, \d{4})(?:T.*|\b.*)")
PERIODS = {"month": 12.0, "weekday": 7.0, "hour": 24.0}  # of parts that come round
DAY = 86400.0


def is_dated(column: Any) -> bool:
    """Whether a column is one of dates by its dtype."""
    from pandas.api import types

    return bool(types.is_datetime64_any_dtype(column))


def format_of(texts: Sequence[str]) -> tuple[str, str] | None:
    """The one format in which all texts are dates, and another one in which they are as well ("" where there is none); None where there is
    none. Of two that are open (03/04/2024), the month stands first.
    """
    sample = texts[:20]
    if not texts or not all(_ANY_DATE.fullmatch(text) for text in sample):
        return None
    if all(_ISO_DATE.fullmatch(text) for text in sample):
        return (ISO, "") if _read(texts, ISO) is not None else None
    found = [form for form in FORMATS if _read(sample, form) is not None and _read(texts, form) is not None]
    swapped = found[0].replace("%d", "%_").replace("%m", "%d").replace("%_", "%m") if found else ""
    return (found[0], swapped if swapped in found[1:] else "") if found else None


def few_others(texts: Sequence[str], most: int) -> list[str]:
    """The few texts among dates; none where there are no dates, or many texts."""
    others = [text for text in texts if not _ANY_DATE.fullmatch(text)]
    dates = [text for text in texts if _ANY_DATE.fullmatch(text)]
    return others if 0 < len(others) <= most and len(dates) >= 10 * len(others) and format_of(dates) is not None else []


def _read(texts: Sequence[str], form: str) -> Any:
    """The moments of texts, in UTC; None where one is no date of this format."""
    import pandas

    try:
        return pandas.to_datetime(pandas.Series(list(texts), dtype=object).str.strip(), format=form, utc=True)
    except (ValueError, TypeError, OverflowError):
        return None


def days(column: Any, form: str, name: str) -> Doubles:
    """Days since 1970 of a column's dates, NaN where one is missing: float64 [rows].

    Args:
        form: the format of texts; where they are not of this one, the one that they are of is found.
        name: the column's, for messages.

    Raises:
        DataError: texts that are no dates.
    """
    import pandas

    if is_dated(column):
        moments = column.dt.tz_convert("UTC") if getattr(column.dt, "tz", None) is not None else column.dt.tz_localize("UTC")
        return _days(moments)
    texts = [text_of(value) for value in column.dropna().unique()]
    read = _read(texts, form) if form else None
    if read is None:
        found = format_of(texts)
        read = _read(texts, found[0]) if found is not None else None
    if read is None and texts:
        bad = next((text for text in texts if format_of([text]) is None and (not form or _read([text], form) is None)), texts[0])
        written = f" written like {form}" if form and form != ISO else ""
        raise DataError(
            f"column {name!r} must hold dates{written}, one of its texts is {bad!r}: replace it, or, if that means missing, say --missing; for "
            f"another format: --type '{name}=date:%d/%m/%Y'"
        )
    known = dict(zip(texts, _days(read), strict=True)) if texts else {}
    return np.array(
        [np.nan if value is None or pandas.isna(value) else known[text_of(value)] for value in column], dtype=np.float64
    )


def _days(moments: Any) -> Doubles:
    import pandas

    elapsed = (moments - pandas.Timestamp(0, tz="UTC")).dt.total_seconds().to_numpy(dtype=np.float64)
    found: Doubles = elapsed / DAY
    return found


def part(when: Doubles, name: str) -> Doubles:
    """A part of moments in turns, from 0 to below 1: of the year by months, of the week from Monday on, or of the day.

    Args:
        when: float64 [rows], days since 1970, none of them missing.
        name: "month", "weekday" or "hour".
    """
    if name == "month":
        months = (when * DAY).round().astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        return (months % 12) / PERIODS[name]
    if name == "weekday":
        return ((np.floor(when + 1e-9) + 3) % 7) / PERIODS[name]  # 1 January 1970 was a Thursday
    found: Doubles = np.round(when % 1.0 * DAY) % DAY / DAY
    return found


def day_of(text: str) -> float:
    """Days since 1970 of a moment that `day_text` wrote."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds() / DAY


def day_text(day: float) -> str:
    """A moment as ISO text, of days since 1970."""
    return str(np.datetime64(round(day * DAY), "s"))
