"""The live view: what a run is doing, on a terminal (rich), in a notebook, or as an occasional line in a log."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from neuroevo.core.callbacks import Callback
from neuroevo.run.budget import Budget

if TYPE_CHECKING:
    from neuroevo.core.trial import Result
    from neuroevo.run.run import Run

LINE_SECONDS = 10.0  # between two lines where the output is not a terminal


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython.get_ipython(), "kernel", None) is not None


class View(Protocol):
    """Where the line is shown, again and again in the same place."""

    def update(self, text: str) -> None:
        """Show this now."""

    def stop(self) -> None:
        """Nothing more will be shown."""


class NotebookView:
    """A bar and a line below a notebook's cell.

    Args:
        progress: says which share of the budget is spent, 0 to 1, or None where that is not known.
    """

    def __init__(self, progress: Any) -> None:
        self._progress = progress
        self._display: Any = import_module("IPython.display")
        self._handle = self._display.display(self._shown("starting"), display_id=True)

    def update(self, text: str) -> None:
        self._handle.update(self._shown(text))

    def stop(self) -> None:
        """The last line stays."""

    def _shown(self, text: str) -> Any:
        return self._display.HTML(progress_html(text, self._progress()))


def progress_html(text: str, share: float | None) -> str:
    """A line with a bar before it, as HTML."""
    value = "" if share is None else f' value="{100 * share:.1f}"'
    return f'<div><progress max="100"{value}></progress> <code>{html.escape(text)}</code></div>'


ENOUGH = 4  # results of a session before the time left is estimated
MARKS = 400  # results that are remembered for that


class Live(Callback):
    """Complete generations, individuals evaluated, epochs, rate, time left, best, front size, hypervolume; failed, stopped and predicted ones.

    Hypervolume is measured in the run's box (`Run.box`), from the end of the first generation on, as reports and figures do.

    Args:
        budget: the run's.
        recorded: how many individuals an earlier part of the run evaluated.
        clock: seconds that pass.
    """

    def __init__(self, budget: Budget, recorded: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget, self.recorded, self.clock = budget, recorded, clock
        self._results: list[tuple[float, int, float]] = []  # of some results: when, individuals and epochs of this session so far
        self._generations: tuple[float, int] | None = (
            None  # when the first generation of this session was complete, and its number
        )
        self._view: View | None = None
        self._notices = ExitStack()
        self._evaluated = self._failed = self._stopped = 0
        self._epochs = 0.0
        self._shown = 0.0

    def on_start(self, run: Run) -> None:
        self._start, self._before = self.clock(), run.evaluations
        self._seconds_before, self._epochs_before = run.seconds, run.epochs
        self._count(run)
        self._every = 0.2
        if in_notebook():
            self._view, self._every = NotebookView(lambda: self._share(run)), 0.5
        elif sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live as RichLive

            view = RichLive(console=Console(stderr=True), refresh_per_second=4, transient=True)
            view.start()
            self._view = view
        elif self.recorded:
            self._print(f"going on with {run.folder}: {self.recorded} evaluated")
        self._shown = self.clock()
        if run.space.population:  # it varies in compiled kernels. numba takes a third of a second to import; these need it anyway
            from neuroevo.core.compiling import compilation_noticed

            self._notices.enter_context(compilation_noticed(self._notice))

    def on_result(self, run: Run, result: Result) -> None:
        seen, epochs = (0, 0.0) if not self._results else self._results[-1][1:]
        mark = (self.clock(), seen + len(result.individuals), epochs + result.measurement.epochs)
        self._results.append(mark)
        if len(self._results) > MARKS:  # an odd number of them: the first and the last stay
            self._results = self._results[::2]
        self._evaluated += len(result.individuals)
        self._failed += len(result.measurement.reasons)
        self._stopped += len(result.measurement.stopped)
        self._epochs += result.measurement.epochs
        self._show(run)

    def on_generation(self, run: Run) -> None:
        self._count(run)
        if self._generations is None:
            self._generations = (self.clock(), run.generation)
        self._show(run)

    def _count(self, run: Run) -> None:
        self._evaluated, self._failed, self._stopped, self._epochs = run.evaluations, run.failures, run.stopped, run.epochs

    def on_end(self, run: Run) -> None:
        self._notices.close()
        self._count(run)
        last = f"ended ({run.ended}) after {run.seconds:.1f} s: {self.line(run)}"
        if run.ended in ("interrupted", "error", "stopped") and run.folder is not None:
            last += f"\neverything finished is saved; to go on: {run.resume_command} (or run the same command again)"
        if isinstance(self._view, NotebookView):
            self._view.update(last)
        else:
            if self._view is not None:
                self._view.stop()
            self._print(last)
        self._view = None

    def line(self, run: Run) -> str:
        """The view as one line of text."""
        elapsed = max(1e-9, self.clock() - self._start)
        rate = (self._evaluated - self._before) / elapsed
        asked = self.budget.evaluations
        of_all = "" if asked is None or run.ended or self._evaluated >= asked else f" of {asked}"
        parts = [generations_complete(run), f"{self._evaluated}{of_all} evaluated", f"{rate:.3g}/s"]
        if self._epochs or self.budget.epochs is not None:
            parts.append(f"{self._epochs:.6g} epochs")
        if not run.ended and (left := self._left(run, elapsed)):
            parts.append(left)
        if run.records.best is not None:
            parts.append("best " + ", ".join(f"{name} {value:.5g}" for name, value in run.records.best.values.items()))
        if len(run.objectives) > 1:
            hypervolume = run.hypervolume if run.ended or run.records.fixed_box is not None else None
            parts.append(f"front {len(run.records.front)}")
            if hypervolume is not None:
                parts.append(f"hypervolume {hypervolume:.4f}")
        parts += _outcomes(self._failed, self._stopped, run.predictions)
        return " · ".join(parts)

    def _left(self, run: Run, elapsed: float) -> str:
        """How long it will take yet, in words; "" before enough was seen. Of a time limit alone: at most so long."""
        estimates = self._estimates(run)
        if self.budget.seconds is not None:
            limit = self.budget.seconds - self._seconds_before - elapsed
            if not estimates and (self.budget.evaluations or self.budget.epochs or self.budget.generations):
                return f"at most {_duration(max(0.0, limit))} left"
            estimates.append(limit)
        return f"about {_duration(max(0.0, min(estimates)))} left" if estimates else ""

    def _estimates(self, run: Run) -> list[float]:
        """Seconds until each limit, by what was seen after the first result: before it, workers start, and kernels and networks are compiled."""
        found, now = [], self.clock()
        if len(self._results) > ENOUGH:
            # of the later half: what is compiled once is behind them
            begin, individuals, epochs = self._results[len(self._results) // 2 - 1]
            spent = max(1e-9, now - begin)
            if self.budget.evaluations is not None and self._results[-1][1] > individuals:
                found.append((self.budget.evaluations - self._evaluated) * spent / (self._results[-1][1] - individuals))
            if self.budget.epochs is not None and self._results[-1][2] > epochs:
                found.append((self.budget.epochs - self._epochs) * spent / (self._results[-1][2] - epochs))
        if self.budget.generations is not None and self._generations is not None and run.generation > self._generations[1]:
            took = (now - self._generations[0]) / (run.generation - self._generations[1])
            found.append((self.budget.generations - run.generation) * took)
        return found

    def _share(self, run: Run) -> float | None:
        """Which share of the budget is spent, 0 to 1; None where the budget does not say."""
        budget, shares = self.budget, []
        if budget.evaluations:
            shares.append(self._evaluated / budget.evaluations)
        if budget.epochs:
            shares.append(self._epochs / budget.epochs)
        if budget.generations:
            shares.append(run.generation / budget.generations)
        if budget.seconds:
            shares.append((self._seconds_before + self.clock() - self._start) / budget.seconds)
        if run.ended:
            return 1.0
        return min(1.0, max(shares)) if shares else None

    def _show(self, run: Run) -> None:
        now = self.clock()
        if self._view is not None:
            if now - self._shown >= self._every:
                self._view.update(self.line(run))
                self._shown = now
        elif now - self._shown >= LINE_SECONDS:
            self._print(self.line(run))
            self._shown = now

    def _notice(self, text: str) -> None:
        if isinstance(self._view, NotebookView):
            self._view.update(text)
        else:
            self._print(text)

    @staticmethod
    def _print(text: str) -> None:
        print(text, file=sys.stderr, flush=True)


def outcomes(run: Run) -> str:
    """What became of a run's evaluations, in words: failed ones, and stopped, predicted and epochs where there are such."""
    epochs = [f"{run.epochs:.6g} epochs"] if run.epochs else []
    return ", ".join([*_outcomes(run.failures, run.stopped, run.predictions), *epochs])


def _outcomes(failed: int, stopped: int, predicted: int) -> list[str]:
    found = [(failed, "failed"), (stopped, "stopped"), (predicted, "predicted")]
    return [f"{count} {name}" for count, name in found if count or name == "failed"]


def generations_complete(run: Run) -> str:
    """How many, in words."""
    return "1 generation complete" if run.generation == 1 else f"{run.generation} generations complete"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
