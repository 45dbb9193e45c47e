"""Descriptors as they come from a task: checked, and put together as an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown


class Descriptors:
    """The descriptors of a trial's individuals, taken in one by one.

    Args:
        members: how many individuals the trial has.
    """

    def __init__(self, members: int) -> None:
        self._rows: dict[int, npt.NDArray[np.float64]] = {}
        self._members = members
        self._length: int | None = None  # of the first; 0: the task describes nothing

    def add(self, row: int, given: Any) -> None:
        """What the task said of the individual in this row; None for nothing.

        Raises:
            ValueError: not finite numbers [d], or not as many as the first individual had.
        """
        if given is None and not self._length:
            self._length = 0
            return
        described = vector(given)
        if self._length is None:
            self._length = len(described)
        if len(described) != self._length:
            raise ValueError(
                f"descriptors are equally many numbers for every individual: the first had {self._length or 'none'}, this one has "
                f"{len(described)}"
            )
        self._rows[row] = described

    def array(self) -> npt.NDArray[np.float64] | None:
        """float64 [members, d], NaN for those without; None where nothing was described."""
        if not self._rows:
            return None
        array: npt.NDArray[np.float64] = np.full((self._members, self._length or 0), np.nan)
        for row, described in self._rows.items():
            array[row] = described
        return array


def vector(given: Any) -> npt.NDArray[np.float64]:
    """One individual's descriptors: float64 [d].

    Raises:
        ValueError: not finite numbers [d].
    """
    array = _numbers(given, "numbers [d], such as [0.5, 2.0]")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"descriptors are numbers [d], such as [0.5, 2.0], got an array of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"descriptors must be finite, got {shown(array.tolist())}")
    return array


def population_array(given: Any, members: int) -> tuple[npt.NDArray[np.float64] | None, dict[int, str]]:
    """A whole population's descriptors, float64 [members, d] or None, and the reasons of members whose row is not finite (it is NaN then).

    Raises:
        ValueError: not numbers [members, d].
    """
    if given is None:
        return None, {}
    array = _numbers(given, f"numbers [members, d], here [{members}, d]")
    if array.ndim != 2 or len(array) != members or array.shape[1] == 0:
        raise ValueError(
            f"a population's descriptors are numbers [members, d], here [{members}, d], got an array of shape {array.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    reasons = {int(row): f"ValueError: descriptors must be finite, got {shown(array[row].tolist())}" for row in bad}
    array[bad] = np.nan
    return array, reasons


def _numbers(given: Any, wanted: str) -> npt.NDArray[np.float64]:
    try:
        if isinstance(given, (str, bytes, dict)) or given is None:
            raise TypeError
        return np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"descriptors are {wanted}, got {shown(given)}") from None
