"""Callbacks: look at a run while it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neuroevo.run import Run
    from neuroevo.trial import Result


class Callback:
    """Override what you need. Callbacks observe: what they do does not change the run, but an error in one ends it (resumable)."""

    def on_start(self, run: Run) -> None:
        """The run begins, or goes on."""

    def on_result(self, run: Run, result: Result) -> None:
        """A trial came back and was recorded."""

    def on_generation(self, run: Run) -> None:
        """A generation is complete; `run.generation` is how many."""

    def on_end(self, run: Run) -> None:
        """The run ended; `run.ended` says why."""
