"""Turns: what depends on the hardware (latency, energy) is measured while nothing else of any search works on the machine.

A turnstile of two file locks. Who works holds the second one shared; between two pieces of work (epochs, phases) it lets go, passes through
the first (takes it shared and lets go) and takes the second again. Who measures takes the first alone, so that nobody passes any more, and
then the second alone, which it gets when everybody has come to the end of a piece of work. So who measures waits for one piece of work,
whatever is queued, and who works waits for one measurement. The locks are the kernel's: they end with the process that holds them, and hold
between any processes of the machine.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neuroevo.core.objectives import Objectives

try:
    import fcntl
except (
    ImportError
):  # Windows has no locks that can be shared without a library of its own: nothing is locked, and `turns_for` says so
    fcntl = None  # type: ignore[assignment]


class Turns:
    """The turns that this process takes. It travels to workers as the folder alone; each opens the files for itself.

    Args:
        folder: where the two files lie, on a disk of this machine; default: one for each user of the machine.

    Attributes:
        waited: seconds that this process waited for others so far.

    Raises:
        OSError: the files cannot be made there, or this system has no such locks (Windows).
    """

    def __init__(self, folder: str | os.PathLike[str] | None = None) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self._begin()
        if fcntl is None:
            raise OSError("this system has no file locks (fcntl)")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._open()

    def _begin(self) -> None:
        self._files: tuple[int, int] | None = None
        self._working = self._alone = False
        self.waited = 0.0

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.folder = state["folder"]
        self._begin()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turns) and self.folder == other.folder

    def __hash__(self) -> int:
        return hash(self.folder)

    def __repr__(self) -> str:
        return f"Turns({str(self.folder)!r})"

    def __del__(self) -> None:
        for file in getattr(self, "_files", None) or ():
            os.close(file)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work beside others, inside the block. Call `give_way` between two pieces of work."""
        if self._working or self._alone:
            yield
            return
        self._pass()
        self._working = True
        try:
            yield
        finally:
            self._working = False
            self._let_go(1)

    def give_way(self) -> None:
        """Let those measure that wait for it; at once where nobody does."""
        if self._working:
            self._let_go(1)
            self._pass()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Measure, inside the block: everybody else who takes turns on this machine waits."""
        if self._alone:
            yield
            return
        if self._working:
            self._let_go(1)
        self._take(0, alone=True)
        try:
            self._take(1, alone=True)
            self._alone = True
            yield
        finally:
            self._alone = False
            self._let_go(1)
            self._let_go(0)
            if self._working:
                self._pass()

    def _pass(self) -> None:
        """Through the turnstile, to work."""
        self._take(0)
        self._let_go(0)
        self._take(1)

    def _take(self, which: int, alone: bool = False) -> None:
        start = time.perf_counter()
        fcntl.flock(self._open()[which], fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        self.waited += time.perf_counter() - start

    def _let_go(self, which: int) -> None:
        fcntl.flock(self._open()[which], fcntl.LOCK_UN)

    def _open(self) -> tuple[int, int]:
        if self._files is None:
            names = ("turnstile", "room")
            first, second = (os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600) for name in names)
            self._files = first, second
        return self._files


def default_folder() -> Path:
    """The folder of this user's turns on this machine."""
    return Path(tempfile.gettempdir(), f"neuroevo-turns-{os.getuid() if hasattr(os, 'getuid') else 'user'}")


def turns_for(objectives: Objectives, workers: int) -> Turns | None:
    """What a run with so many workers gives its `Context`: turns where something is measured beside other work, else None, and then nothing
    is locked."""
    measured = [name for name, objective in objectives.items() if objective.kind == "measured"]
    if not measured or workers < 2:
        return None
    try:
        return Turns()
    except OSError as error:
        warnings.warn(
            f"{', '.join(measured)} will be measured beside the other workers' training ({error}); workers=1 measures alone",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
