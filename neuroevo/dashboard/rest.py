"""Rest: work that is done again and again takes a bounded share of the time, however long it takes."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TIMES = 4.0  # as long as the work took: it takes a fifth of the time at most


class Rest:
    """When some work is due again: after a rest that is so many times as long as the work took.

    Args:
        clock: seconds that pass.

    >>> seconds = iter([10.0, 12.0, 19.0, 20.0])
    >>> rest = Rest(lambda: next(seconds))
    >>> rest.due  # never done before: this does not look at the clock
    True
    >>> with rest.after():  # from 10.0 to 12.0
    ...     pass
    >>> rest.due, rest.due  # at 19.0, at 20.0
    (False, True)
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._until = clock, -math.inf

    @property
    def due(self) -> bool:
        """Whether the work may be done now."""
        return self._until == -math.inf or self._clock() >= self._until

    @contextmanager
    def after(self) -> Iterator[None]:
        """Around the work, also where it fails."""
        began = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            self._until = ended + TIMES * (ended - began)
