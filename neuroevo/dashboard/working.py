"""What a run that goes on is at: its processes, and the trials that were asked for and have not come back."""

from __future__ import annotations

import html
from pathlib import Path

from neuroevo.report.text import fidelity_text
from neuroevo.store import RecordedTrial, Store
from neuroevo.store.connection import writer_of

MOST_TRIALS = 12
MOST_PROCESSES = 16


def working_section(folder: Path) -> str:
    """HTML: a section about the trials in flight and the processes that work on them; "" where neither is known."""
    store = Store(folder, writable=False)
    try:
        trials = store.pending_trials()
    finally:
        store.close()
    processes = _processes(folder)
    if not trials and not processes:
        return ""
    return f"<section><h2>Now</h2>{_at_work(processes)}{_in_flight(trials)}</section>"


def _in_flight(trials: list[RecordedTrial]) -> str:
    if not trials:
        return '<p class="note">No trial is in flight.</p>'
    rows = "".join(
        f"<tr><td>{trial.id}</td><td>{'-' if trial.individual is None else trial.individual}"
        f"{f' and {trial.members - 1} more' if trial.members > 1 else ''}</td>"
        f"<td>{html.escape(trial.job.replace('_', ' '))}</td><td>{html.escape(fidelity_text(trial.fidelity))}</td></tr>"
        for trial in trials[:MOST_TRIALS]
    )
    more = (
        f'<p class="note">{len(trials) - MOST_TRIALS:,} further trials are not listed.</p>' if len(trials) > MOST_TRIALS else ""
    )
    head = "<thead><tr><th>trial</th><th>individual</th><th>job</th><th>fidelity</th></tr></thead>"
    return (
        f'<p class="note">Trials that were asked for and have not come back; the workers take the first ones first.</p>'
        f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>{more}'
    )


def _at_work(processes: list[tuple[int, str, str, int]]) -> str:
    if not processes:
        return ""
    rows = "".join(
        f"<tr><td>{pid}</td><td>{html.escape(what)}</td><td>{html.escape(state)}</td><td>{memory / 1e6:,.0f} MB</td></tr>"
        for pid, what, state, memory in processes[:MOST_PROCESSES]
    )
    head = "<thead><tr><th>process</th><th>what</th><th>state</th><th>memory</th></tr></thead>"
    return f'<div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


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
