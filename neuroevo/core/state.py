"""State: what a part remembers, in a form that a file can hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class State:
    """The memory of a strategy or an estimation: JSON and named arrays.

    Args:
        json: finite numbers, texts, lists and objects; individuals by id.
        arrays: of any shape and numeric type; kept without pickle.
    """

    json: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
