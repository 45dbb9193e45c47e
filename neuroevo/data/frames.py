"""Data frames of other libraries and formats, as the tables that columns are learned from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroevo.data.dataset import DataError
from neuroevo.data.written import plain_number

MISSING = ""  # the name of a hole among a column's categories


def is_frame(data: Any) -> bool:
    """Whether this is a data frame, of pandas or of polars."""
    return hasattr(data, "columns") and (hasattr(data, "dtypes") or hasattr(data, "schema")) and hasattr(data, "shape")


def as_pandas(data: Any) -> Any:
    """A data frame as one of pandas; one of another library by its columns' arrays."""
    import pandas

    if isinstance(data, pandas.DataFrame):
        return data
    return pandas.DataFrame({str(name): data[name].to_numpy() for name in data.columns})


def typed(frame: Any, missing: Sequence[str] = ()) -> Any:
    """A frame whose columns are numbers, dates, or texts (None for a hole), by the types that they have.

    Args:
        missing: texts that are holes; of numbers, their numbers.

    Raises:
        DataError: two columns have one name.
    """
    import pandas

    names = [str(name) for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"two columns are called {twice!r}: give each a name of its own")
    holes = {text.strip() for text in missing}
    columns = [_typed(frame.iloc[:, k].reset_index(drop=True), holes) for k in range(frame.shape[1])]
    table = pandas.concat(columns, axis=1) if columns else pandas.DataFrame(index=pandas.RangeIndex(len(frame)))
    return table.set_axis(names, axis=1)


def _typed(column: Any, holes: set[str]) -> Any:
    import pandas
    from pandas.api import types

    if types.is_timedelta64_dtype(column):
        column = column.dt.total_seconds()
    if is_numeric(column):
        values = column.astype(np.float64) if holes else column
        unknown = [number for text in holes if (number := plain_number(text)) is not None]
        return values.mask(values.isin(unknown)) if unknown else values
    if types.is_datetime64_any_dtype(column):
        return column
    if column.dtype == object and types.infer_dtype(column, skipna=True) in ("datetime", "date", "datetime64"):
        moments = pandas.to_datetime(column, errors="coerce")
        if moments.isna().sum() == column.isna().sum():
            return moments
    if column.dtype == object and types.infer_dtype(column, skipna=True) == "decimal":
        return column.astype(np.float64)
    texts = [text_of(value) for value in column.tolist()]
    return pandas.Series([None if text.strip() in (MISSING, *holes) else text for text in texts], dtype=object)


def is_numeric(column: Any) -> bool:
    """Whether a column is one of numbers: by its dtype, or, of Python objects, where each is a number. Booleans are words."""
    from pandas.api import types

    if types.is_bool_dtype(column):
        return False
    if column.dtype != object:
        return bool(types.is_numeric_dtype(column))
    return types.infer_dtype(column, skipna=True) in ("integer", "floating", "mixed-integer-float")


def text_of(value: Any) -> str:
    """A cell as text, the same whichever dtype its column has: 3 and 3.0 are one number, and a hole is `MISSING`."""
    import pandas

    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, dict, set, bytes, np.ndarray)):
        return str(value)
    if value is None or value is pandas.NA or value != value:
        return MISSING
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)
