"""Callbacks: look at a run while it goes on."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from genomes.base import shown

if TYPE_CHECKING:
    from neuroevo.core.trial import Result
    from neuroevo.run.run import Run


class StopRun(Exception):
    """Raise it in a callback to end the run: `run.ended` is then "stopped", and a run in a folder can go on later."""


class Callback:
    """Override what you need; give it to `evolve(callbacks=[...])`, which calls it in the driver's process.

    Callbacks observe: what they do does not change the run, and an exception in one does not end it. The first exception of each method
    becomes a warning that says what happened, and the run goes on; the callback is called again the next time. Only `StopRun` ends a
    run, and Ctrl-C.

    >>> import neuroevo as ne
    >>> class Watch(ne.Callback):
    ...     def on_generation(self, run):
    ...         print(f"{run.generation}: best {run.best.values}")
    """

    def on_start(self, run: Run) -> None:
        """The run begins, or goes on (`run.generation` is then more than 0)."""

    def on_result(self, run: Run, result: Result) -> None:
        """A trial came back and was recorded."""

    def on_generation(self, run: Run) -> None:
        """A generation is complete and recorded; `run.generation` is how many, `run.summaries[-1]` describes it."""

    def on_end(self, run: Run) -> None:
        """The run ended; `run.ended` says why."""


class Guarded(Callback):
    """A callback whose exceptions are warnings."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self._warned: set[str] = set()

    def on_start(self, run: Run) -> None:
        self._call("on_start", run)

    def on_result(self, run: Run, result: Result) -> None:
        self._call("on_result", run, result)

    def on_generation(self, run: Run) -> None:
        self._call("on_generation", run)

    def on_end(self, run: Run) -> None:
        self._call("on_end", run)

    def _call(self, method: str, run: Run, *more: Any) -> None:
        try:
            getattr(self.callback, method)(run, *more)
        except StopRun:
            raise
        except Exception as error:
            if method in self._warned:
                return
            self._warned.add(method)
            warnings.warn(
                f"{type(self.callback).__name__}.{method} failed in generation {run.generation} ({type(error).__name__}: {error}); the run "
                "goes on, and nothing is said of further failures of this method",
                RuntimeWarning,
                stacklevel=2,
            )


def guarded(callbacks: Iterable[Callback]) -> list[Callback]:
    """The callbacks, each so that its exceptions are warnings.

    Raises:
        ValueError: one is no `Callback`.
    """
    found = list(callbacks)
    for callback in found:
        if not isinstance(callback, Callback):
            raise ValueError(
                f"callbacks must be objects of classes derived from neuroevo.Callback, which override on_generation, on_result, "
                f"on_start or on_end; got {shown(callback)}"
            )
    return [Guarded(callback) for callback in found]
