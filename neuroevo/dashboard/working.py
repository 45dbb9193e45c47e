"""What a run that goes on is at: its processes, and the trials that were asked for and have not come back."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from neuroevo.report.text import fidelity_text
from neuroevo.store import RecordedTrial, Store
from neuroevo.store.connection import writer_of

MOST_TRIALS = 6
MOST_PROCESSES = 9

Descent = Mapping[int, tuple[Sequence[int], Sequence[str]]]


def working_section(folder: Path) -> str:
    """HTML: a section about the trials in flight and the processes that work on them; "" where neither is known."""
    store = Store(folder, writable=False)
    try:
        trials = store.pending_trials()
        descent = store.descent(trial.individual for trial in trials[:MOST_TRIALS] if trial.individual is not None)
    finally:
        store.close()
    processes = _processes(folder)
    if not trials and not processes:
        return ""
    return f'<section><h2>Now</h2><div class="columns">{_at_work(processes)}{_in_flight(trials, descent)}</div></section>'


def _in_flight(trials: Sequence[RecordedTrial], descent: Descent) -> str:
    if not trials:
        return '<p class="note">No trial is in flight.</p>'
    rows = "".join(
        f"<tr><td>{trial.id}</td><td>{html.escape(_subject(trial, descent))}</td><td>{html.escape(fidelity_text(trial.fidelity))}</td></tr>"
        for trial in trials[:MOST_TRIALS]
    )
    more = f"<tr><td></td><td>and {len(trials) - MOST_TRIALS:,} more</td><td></td></tr>" if len(trials) > MOST_TRIALS else ""
    head = "<thead><tr><th>trial</th><th>of</th><th>fidelity</th></tr></thead>"
    caption = "<caption>Trials that were asked for and have not come back, the first ones first</caption>"
    return f'<div class="scroll"><table class="now">{caption}{head}<tbody>{rows}{more}</tbody></table></div>'


def _subject(trial: RecordedTrial, descent: Descent) -> str:
    """What a trial is about, in words."""
    if trial.individual is None:
        return trial.job.replace("_", " ")
    if trial.members > 1:
        return f"{trial.members:,} individuals from {trial.individual} on"
    parents, operators = descent.get(trial.individual, ((), ()))
    made = ", ".join(operator.replace("_", " ") for operator in operators)
    return (
        f"individual {trial.individual}"
        + (f": {made}" if made else "")
        + (f" of {' and '.join(map(str, parents))}" if parents else "")
    )


def _at_work(processes: Sequence[tuple[int, str, str, int]]) -> str:
    if not processes:
        return ""
    rows = "".join(
        f"<tr><td>{pid}</td><td>{html.escape(what)}</td><td>{html.escape(state)}, {memory / 1e6:,.0f} MB</td></tr>"
        for pid, what, state, memory in processes[:MOST_PROCESSES]
    )
    left_out = len(processes) - MOST_PROCESSES
    more = f"<tr><td></td><td>and {left_out:,} more</td><td></td></tr>" if left_out > 0 else ""
    head = "<thead><tr><th>process</th><th>what</th><th>state</th></tr></thead>"
    caption = "<caption>Processes on this machine</caption>"
    return f'<div class="scroll"><table class="now">{caption}{head}<tbody>{rows}{more}</tbody></table></div>'


def _processes(folder: Path) -> list[tuple[int, str, str, int]]:
    """(id, what it is, whether it computes or waits, bytes) of the process that writes to the run and of its workers, of this machine."""
    import psutil

    writer = writer_of(folder)
    if writer is None:
        return []
    found = []
    try:
        driver = psutil.Process(writer)
        for process in [driver, *driver.children(recursive=True)]:
            try:
                with process.oneshot():
                    state = {"running": "computes", "sleeping": "waits", "disk-sleep": "waits for the disk"}.get(
                        process.status(), process.status()
                    )
                    found.append((process.pid, "the search" if process == driver else "worker", state, process.memory_info().rss))
            except psutil.Error:  # it has ended
                continue
    except psutil.Error:
        return []
    return found
