"""Spreading a kernel over threads: the kernels release the interpreter's lock and work on a range of members."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

FEWEST = 1500  # members below which handing work to another thread costs more than it saves
PIECES = 4  # ranges a thread


def available_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Threads:
    """Runs `kernel(begin, end, *arguments)` over all members, in ranges, on several threads where that pays.

    Args:
        count: threads; None for all available cores. The result never depends on it.
    """

    def __init__(self, count: int | None = None) -> None:
        if count is not None and count < 1:
            raise ValueError(f"threads must be >= 1, got {count}")
        self.count = count or available_cores()
        self._executor: ThreadPoolExecutor | None = None

    def run(self, kernel: Callable[..., Any], members: int, *arguments: Any, fewest: int = FEWEST, pieces: int = PIECES) -> None:
        """Call the kernel on ranges that together are 0 to `members`, `pieces` a thread; on this thread alone below `fewest` members."""
        if self.count == 1 or members < fewest:
            kernel(0, members, *arguments)
            return
        if self._executor is None:
            self._executor = ThreadPoolExecutor(self.count - 1, "neat")
        # More ranges than threads, since members of one range may be much larger than those of another.
        cuts = [members * i // (pieces * self.count) for i in range(pieces * self.count + 1)]
        ranges = list(itertools.pairwise(cuts))

        def work(position: int) -> None:
            for begin, end in ranges[position :: self.count]:
                kernel(begin, end, *arguments)

        others = [self._executor.submit(work, position) for position in range(1, self.count)]
        work(0)
        for other in others:
            other.result()

    def __getstate__(self) -> dict[str, Any]:
        return {"count": self.count, "_executor": None}
