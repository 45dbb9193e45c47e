"""Worker slots: N single-worker processes on this machine.

Every ready-made local pool hangs or fails the whole map when one worker is killed; here a killed worker costs its own candidate a
retry and nothing else.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from typing import Any

import numpy as np

from genomes.base import shown
from neuroevo.core.limits import Limits, memory_bytes
from neuroevo.core.trial import Measurement, Result, Trial
from neuroevo.evaluators.base import Evaluator, Work, pickled
from neuroevo.evaluators.process import MOST_ON_WINDOWS, exit_text, kill
from neuroevo.evaluators.serial import failure
from neuroevo.evaluators.slot import Slot, environment, spawn

LOOK_SECONDS = 0.05  # how often limits are looked at
ALIVE_SECONDS = 1.0  # how often it is asked whether workers live: what a candidate forked holds a dead worker's connection open
WHOLE = -1  # in place of an individual's position: a trial that is measured as one


@dataclass
class _Job:
    """A submitted trial: what came back of it, what is still to do, and how often each individual was tried."""

    trial: Trial
    parts: dict[int, Measurement] = field(default_factory=dict)
    rows: list[int] = field(default_factory=list)
    attempts: dict[int, int] = field(default_factory=dict)

    @property
    def row(self) -> int:
        """The individual being measured, by its position in the trial, or WHOLE."""
        return self.rows[0]

    @property
    def remaining(self) -> Trial:
        """What a worker is to do."""
        if len(self.rows) == len(self.trial.individuals) or self.rows == [WHOLE]:
            return self.trial
        return replace(self.trial, individuals=tuple(self.trial.individuals[row] for row in self.rows))

    def result(self) -> Result:
        """The whole, once no row is left."""
        attempts = max(self.attempts.values())
        if WHOLE in self.parts:
            return Result(self.trial, self.parts[WHOLE], attempts)
        return Result(self.trial, joined([self.parts[row] for row in range(len(self.trial.individuals))]), attempts)


class Slots(Evaluator):
    """Run trials in `workers` processes.

    Args:
        workers: how many processes.
        timeout: seconds that one candidate may take before its worker is killed and the candidate recorded failed; None for no limit.
        max_memory: resident memory that one worker may take before the same happens: bytes, or text such as "4GB"; None for four
            fifths of the machine's.
        retries: how often a candidate is tried again after its worker died. One that broke a limit is not.
        threads: CPU threads for each worker's numerical libraries.
        gpus: ids of GPUs to pin workers to, in turn (`CUDA_VISIBLE_DEVICES`); None leaves the environment as it is.

    Raises:
        ValueError: fewer than one worker (or, on Windows, more than 60), a negative number of retries, or a limit that is not positive.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        timeout: float | None = None,
        max_memory: int | str | None = None,
        retries: int = 2,
        threads: int = 1,
        gpus: tuple[int, ...] | None = None,
    ) -> None:
        for name, value, least in (("workers", workers, 1), ("retries", retries, 0), ("threads", threads, 1)):
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be >= {least} and a whole number, got {shown(value)}")
        if sys.platform == "win32" and workers > MOST_ON_WINDOWS:
            raise ValueError(f"Windows waits for at most {MOST_ON_WINDOWS} workers at once, got workers={workers}")
        self.capacity = self.workers = workers
        self.limits = Limits(timeout, memory_bytes(max_memory))
        self.retries, self.threads, self.gpus = retries, threads, gpus
        self._slots: list[Slot] = []
        self._waiting: deque[_Job] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._look = threading.Event()  # at the limits, before it is time again
        self._watcher: threading.Thread | None = None

    def start(self, work: Work) -> None:
        work = replace(work, context=replace(work.context, threads=self.threads))
        self.start_pickled(pickled(work), len(work.task.objectives))

    def start_pickled(self, work: bytes, objectives: int) -> None:
        """Make the workers ready for work that is pickled already, with so many objectives."""
        self._work, self._objectives = work, objectives
        self._false_starts = 0
        self._slots = [self._spawn(number) for number in range(self.workers)]
        self._closing.clear()
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="neuroevo-slots")
        self._watcher.start()

    def submit(self, trial: Trial) -> None:
        rows = list(range(len(trial.individuals))) if trial.separable else [WHOLE]
        self._waiting.append(_Job(trial, rows=rows, attempts=dict.fromkeys(rows, 1)))
        self._hand_out()

    def as_completed(self) -> Iterator[Result]:
        while self._waiting or any(slot.job is not None for slot in self._slots):
            self._hand_out()
            wait([slot.connection for slot in self._slots], ALIVE_SECONDS)
            for number in range(len(self._slots)):
                job = self._look_at(number)
                if job is not None:
                    self._hand_out()
                    yield job.result()

    def close(self) -> None:
        self._closing.set()
        self._look.set()
        if self._watcher is not None:
            self._watcher.join()
            self._watcher = None
        kill(slot.process for slot in self._slots)
        for slot in self._slots:
            slot.let_go()
        self._slots, self._waiting = [], deque()

    @property
    def processes(self) -> list[int]:
        """Ids of the worker processes."""
        return [slot.process.pid for slot in self._slots]

    def _spawn(self, number: int) -> Slot:
        return spawn(self._work, environment(number, self.threads, self.gpus), self._look)

    def _hand_out(self) -> None:
        for slot in self._slots:
            if not self._waiting:
                return
            if slot.job is None:
                job = self._waiting.popleft()
                with self._lock:
                    slot.begin(job)
                with suppress(BrokenPipeError, ConnectionResetError):  # a dead worker: `_look_at` sees the end of its connection
                    slot.connection.send_bytes(_pickled(job.remaining))

    def _look_at(self, number: int) -> _Job | None:
        """Read what a worker sent, or replace it if it died; the job that this completes, if any."""
        slot = self._slots[number]
        try:
            while slot.connection.poll():
                message = pickle.loads(slot.connection.recv_bytes())  # from our own worker, over a private pipe
                if not slot.ready:
                    with self._lock:
                        slot.ready, slot.started = True, time.monotonic()
                    self._false_starts = 0
                    continue
                job: _Job = slot.job
                done = job.rows.pop(0)
                job.parts[done] = message
                with self._lock:
                    slot.begin(job if job.rows else None)
                if not job.rows:
                    return job
            lost = slot.process.poll() is not None and not slot.connection.poll()
        except (EOFError, ConnectionError, OSError):
            lost = True
        return self._bury(number) if lost else None

    def _bury(self, number: int) -> _Job | None:
        """Replace a worker that died; retry or fail the candidate that it was at. The job that this completes, if any."""
        slot = self._slots[number]
        with suppress(subprocess.TimeoutExpired):
            slot.process.wait(timeout=1.0)  # its connection closes a moment before its exit status is known
        with self._lock:
            slot.connection.close()  # nobody looks at it meanwhile
        slot.end()
        with self._lock:
            verdict = slot.verdict[1] if slot.verdict is not None and slot.verdict[0] == slot.turn else None
            innocent = slot.verdict is not None and verdict is None  # stopped for a candidate that had just finished
        if not slot.ready and verdict is None:
            self._refuse_false_starts(slot)
        self._slots[number] = self._spawn(number)
        job: _Job | None = slot.job
        if job is None:
            return None
        if innocent or not slot.ready:
            self._waiting.appendleft(job)
            return None
        row = job.row
        if verdict is None and job.attempts[row] <= self.retries:
            job.attempts[row] += 1
            self._waiting.appendleft(job)
            return None
        reason = verdict or f"the worker process died {job.attempts[row]} times ({exit_text(slot.process.returncode)})"
        failed = job.trial if row == WHOLE else replace(job.trial, individuals=(job.trial.individuals[row],))
        job.parts[row] = failure(failed, self._objectives, reason)
        job.rows.pop(0)
        if job.rows:
            self._waiting.appendleft(job)
            return None
        return job

    def _refuse_false_starts(self, slot: Slot) -> None:
        self._false_starts += 1
        if self._false_starts > self.retries + self.workers:
            said = slot.last_line()
            raise RuntimeError(
                f"worker processes end before they are ready ({exit_text(slot.process.returncode)}{': ' + said if said else ''}); "
                "run the same search with workers=1 to see the error"
            )

    # The watcher's thread: limits hold also while the driver is busy with something else ------------------------------------------

    def _watch(self) -> None:
        while not self._closing.is_set():
            with self._lock:
                for slot in self._slots:
                    self._judge(slot)
            self._look.wait(LOOK_SECONDS)
            self._look.clear()

    def _judge(self, slot: Slot) -> None:
        """Stop a worker whose candidate broke a limit."""
        if slot.job is None or not slot.ready or slot.verdict is not None:
            return
        reason = self.limits.broken(time.monotonic() - slot.started, slot.memory(), slot.printed)
        if reason is None:
            return
        try:
            finished = slot.connection.poll()
        except OSError:  # it has ended
            return
        if not finished:  # and the driver has only not looked yet
            slot.stop(reason)


def joined(parts: list[Measurement]) -> Measurement:
    """The measurements of single individuals as one."""
    reasons: Mapping[int, str] = {row: part.reasons[0] for row, part in enumerate(parts) if part.reasons}
    info: tuple[Mapping[str, Any], ...] = ()
    if any(part.info for part in parts):
        info = tuple(part.info[0] if part.info else {} for part in parts)
    artifacts = tuple(artifact for part in parts for artifact in part.artifacts)
    described = [part.descriptors for part in parts if part.descriptors is not None]
    descriptors = None
    if described:
        nothing = np.full((1, described[0].shape[1]), np.nan)
        descriptors = np.concatenate([nothing if part.descriptors is None else part.descriptors for part in parts])
    return Measurement(
        np.concatenate([part.values for part in parts]),
        reasons,
        info,
        artifacts,
        sum(part.seconds for part in parts),
        stopped={row: part.stopped[0] for row, part in enumerate(parts) if part.stopped},
        descriptors=descriptors,
        epochs=sum(part.epochs for part in parts),
    )


def _pickled(trial: Trial) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(trial)
    return data
