"""Worker slots: N single-worker processes on this machine.

Every ready-made local pool hangs or fails the whole map when one worker is killed; here a killed worker costs its own trial a
retry and nothing else.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from socket import socketpair
from typing import Any

from neuroevo.evaluators.base import Evaluator, Work
from neuroevo.evaluators.serial import failure
from neuroevo.trial import Result, Trial


@dataclass
class _Slot:
    process: subprocess.Popen[bytes]
    connection: Connection
    lifeline: int
    ready: bool = False
    trial: Trial | None = None
    attempt: int = 0
    started: float = 0.0


class Slots(Evaluator):
    """Run trials in `workers` processes.

    Args:
        workers: how many processes.
        timeout: seconds that one trial may take before its worker is killed and the trial recorded failed; None for no limit.
        retries: how often a trial is tried again after its worker died. A trial that ran out of time is not.
        threads: CPU threads for each worker's numerical libraries.
        gpus: ids of GPUs to pin workers to, in turn (`CUDA_VISIBLE_DEVICES`); None leaves the environment as it is.

    Raises:
        ValueError: fewer than one worker, a negative number of retries, or a time-out that is not positive.
    """

    def __init__(
        self,
        workers: int = 2,
        *,
        timeout: float | None = None,
        retries: int = 2,
        threads: int = 1,
        gpus: tuple[int, ...] | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"workers must be >= 1, got {workers}")
        if retries < 0:
            raise ValueError(f"retries must be >= 0, got {retries}")
        if timeout is not None and timeout <= 0:
            raise ValueError(f"timeout must be > 0 seconds, got {timeout}")
        self.capacity = self.workers = workers
        self.timeout, self.retries, self.threads, self.gpus = timeout, retries, threads, gpus
        self._slots: list[_Slot] = []
        self._waiting: deque[tuple[Trial, int]] = deque()

    def start(self, work: Work) -> None:
        import cloudpickle

        self._work = cloudpickle.dumps(replace(work, context=replace(work.context, threads=self.threads)))
        self._objectives = len(work.task.objectives)
        self._slots = [self._spawn(number) for number in range(self.workers)]

    def submit(self, trial: Trial) -> None:
        self._waiting.append((trial, 1))
        self._hand_out()

    def as_completed(self) -> Iterator[Result]:
        while self._waiting or any(slot.trial is not None for slot in self._slots):
            self._hand_out()
            wait([slot.connection for slot in self._slots], timeout=self._patience())
            for number in range(len(self._slots)):
                result = self._look_at(number)
                if result is not None:
                    self._hand_out()
                    yield result

    def close(self) -> None:
        for slot in self._slots:
            _end(slot)
        self._slots, self._waiting = [], deque()

    def _spawn(self, number: int) -> _Slot:
        ours, theirs = socketpair()
        watched, lifeline = os.pipe()
        environment = dict(os.environ)
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
            environment[name] = str(self.threads)
        environment["TF_NUM_INTRAOP_THREADS"] = environment["TF_NUM_INTEROP_THREADS"] = str(self.threads)
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        if self.gpus is not None:
            environment["CUDA_VISIBLE_DEVICES"] = str(self.gpus[number % len(self.gpus)]) if self.gpus else ""
        process = subprocess.Popen(
            [sys.executable, "-c", _BOOT, str(theirs.fileno()), str(watched)],
            pass_fds=(theirs.fileno(), watched),
            env=environment,
            start_new_session=True,  # Ctrl-C reaches the driver alone, which then ends the workers
        )
        theirs.close()
        os.close(watched)
        slot = _Slot(process, Connection(ours.detach()), lifeline)
        slot.connection.send(sys.path)
        slot.connection.send_bytes(self._work)
        return slot

    def _hand_out(self) -> None:
        for slot in self._slots:
            if not self._waiting:
                return
            if slot.trial is None:
                slot.trial, slot.attempt = self._waiting.popleft()
                slot.started = time.monotonic()
                with suppress(BrokenPipeError, ConnectionResetError):  # a dead worker: `_look_at` sees the end of its connection
                    slot.connection.send_bytes(_pickled(slot.trial))

    def _patience(self) -> float | None:
        if self.timeout is None:
            return None
        now = time.monotonic()
        left = [slot.started + self.timeout - now for slot in self._slots if slot.trial is not None]
        return max(0.0, min(left, default=1.0)) + 0.01

    def _look_at(self, number: int) -> Result | None:
        slot = self._slots[number]
        try:
            if slot.connection.poll():
                if not slot.ready:  # time-outs count from here: starting an interpreter is not the trial's fault
                    slot.connection.recv()
                    slot.ready, slot.started = True, time.monotonic()
                    return None
                _, measurement = pickle.loads(slot.connection.recv_bytes())  # from our own worker, over a private pipe
                trial, attempt = slot.trial, slot.attempt
                assert trial is not None
                slot.trial = None
                return Result(trial, measurement, attempt)
        except (EOFError, ConnectionResetError):
            return self._bury(number, None)
        if slot.trial is not None and self.timeout is not None and time.monotonic() - slot.started > self.timeout:
            return self._bury(number, f"took longer than {self.timeout:g} seconds; its worker was stopped")
        return None

    def _bury(self, number: int, reason: str | None) -> Result | None:
        """Replace a worker that died (no reason) or must (a reason); retry or fail its trial."""
        slot = self._slots[number]
        if reason is None:
            with suppress(subprocess.TimeoutExpired):
                slot.process.wait(timeout=1.0)  # its connection closes a moment before its exit status is known
        _end(slot)
        never_started = not slot.ready and reason is None
        if never_started and slot.attempt > self.retries:
            raise RuntimeError("worker processes end before they are ready; run the same search with workers=1 to see the error")
        self._slots[number] = self._spawn(number)
        trial, attempt = slot.trial, slot.attempt
        if trial is None:
            return None
        if reason is None and attempt <= self.retries:
            self._waiting.appendleft((trial, attempt + 1))
            return None
        if reason is None:
            reason = f"the worker process died {attempt} times ({_exit(slot.process)})"
        return Result(trial, failure(trial, self._objectives, reason), attempt)


_BOOT = f"import sys; sys.path.insert(0, {os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))!r}); from neuroevo.evaluators.worker import main; main()"


def _pickled(trial: Trial) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(trial)
    return data


def _end(slot: _Slot) -> None:
    slot.connection.close()
    slot.process.kill()
    slot.process.wait()
    os.close(slot.lifeline)


def _exit(process: subprocess.Popen[Any]) -> str:
    code = process.returncode
    return f"signal {-code}" if code is not None and code < 0 else f"exit status {code}"
