"""Selections by name: how a setting says by which parents are drawn."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from neuroevo.core.individual import Fitness, Individual
from neuroevo.core.registry import built_in, call_from_text, command_name, own

ParentSelection = Callable[[Sequence[Individual], int, np.random.Generator], list[Individual]]
EXAMPLE = "tournament or tournament(size=3)"


class _Sample:
    """An individual to try a selection on."""

    id, descriptors = 0, np.zeros(1)

    def __init__(self) -> None:
        self.fitness = Fitness((1.0,), (1.0,))


def parent_selection(text: str) -> ParentSelection:
    """The selection that a text such as "tournament(size=3)" describes, as a function of individuals, a count and a stream.

    Raises:
        ValueError: it describes none, or with settings that cannot be.

    >>> parent_selection("tournament(size=7)").keywords
    {'size': 7}
    """
    if not isinstance(text, str):
        raise ValueError(f"selection is a text such as {EXAMPLE}, got {text!r}")
    function, given, named = call_from_text("selection", text, EXAMPLE)
    try:
        if given:
            raise TypeError("its settings are given by name")
        inspect.signature(function).bind([], 0, None, **named)
    except TypeError as error:
        raise ValueError(f"a selection is written as {EXAMPLE}, got {text!r}: {error}") from None
    selection: ParentSelection = partial(function, **named)
    if function.__name__ in built_in("selection") and function not in own("selection").values():
        samples: list[Any] = [_Sample()]
        selection(samples, 1, np.random.default_rng(0))  # so that a setting out of its range is refused before a search begins
    return selection


def in_proportion(selection: ParentSelection) -> bool:
    """Whether a selection draws in proportion to the first objective, which must then be maximised."""
    return command_name(getattr(selection, "func", selection).__name__) in ("roulette", "stochastic_universal")
