"""Drawings: SVG texts that are made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

KEPT = 256  # drawings of a run
_ALONE = threading.RLock()  # matplotlib's settings are the process's: one thread draws at a time


class Drawings:
    """The drawings of a run's genomes, those that were asked for last.

    Attributes:
        alone: to be held by whoever draws with matplotlib.
    """

    alone = _ALONE

    def __init__(self) -> None:
        self._kept: OrderedDict[int, str] = OrderedDict()

    def drawn(self, id: int, make: Callable[[], str]) -> str:
        """The drawing of an individual, made now if it is not kept."""
        with self.alone:
            if id not in self._kept:
                self._kept[id] = make()
            self._kept.move_to_end(id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[id]
