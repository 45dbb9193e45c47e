"""One worker slot: a process, its connection, and what the driver knows about it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from socket import socketpair
from typing import Any

from neuroevo.core.limits import OUTPUT

_ROOT = str(Path(__file__).resolve().parents[2])
_BOOT = f"import sys; sys.path.insert(0, {_ROOT!r}); from neuroevo.evaluators.worker import main; main()"
SHOWN_OUTPUT = 1 << 20  # bytes of what one candidate prints that are passed on


@dataclass
class Slot:
    """A worker process.

    Attributes:
        ready: whether it has loaded the work: time-outs count from there, since starting an interpreter is not a candidate's fault.
        job: what it works on, or None.
        turn: counts what it was given and what came back, so that a verdict never hits another candidate than it was meant for.
        started: when the current candidate began.
        printed: bytes that the current candidate printed; `tail` is the end of them.
        verdict: why it was stopped, and in which turn.
    """

    process: subprocess.Popen[bytes]
    connection: Connection
    lifeline: int
    outputs: dict[int, Any]
    ready: bool = False
    job: Any = None
    turn: int = 0
    started: float = 0.0
    printed: int = 0
    tail: bytes = b""
    verdict: tuple[int, str] | None = None

    def begin(self, job: Any) -> None:
        """The next candidate starts (`job` None: nothing does)."""
        self.job = job
        self.turn += 1
        self.started, self.printed, self.tail = time.monotonic(), 0, b""

    def stop(self, reason: str) -> None:
        """Kill the worker and whatever it started; the driver sees the end of its connection."""
        self.verdict = (self.turn, reason)
        kill_group(self.process)

    def read_output(self, descriptor: int) -> bool:
        """Pass on some of what the worker printed; whether there may be more."""
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.outputs.pop(descriptor, None)
            os.close(descriptor)
            return False
        stream, before = self.outputs[descriptor], self.printed
        self.printed += len(data)
        self.tail = (self.tail + data)[-2000:]
        if before < SHOWN_OUTPUT and stream is not None:
            text = data[: SHOWN_OUTPUT - before].decode(errors="replace")
            more = "\n(what this candidate prints further is not shown)\n" if self.printed >= SHOWN_OUTPUT else ""
            with suppress(OSError, ValueError):  # the terminal went away: the search goes on
                stream.write(text + more)
                stream.flush()
        return True

    def end(self) -> None:
        """End the process, if it has not ended, and let go of everything."""
        self.connection.close()
        kill_group(self.process)
        self.process.wait()
        if self.lifeline >= 0:
            os.close(self.lifeline)
            self.lifeline = -1
        for descriptor in list(self.outputs):
            while self.read_output(descriptor):
                if self.printed > OUTPUT:
                    break
            if descriptor in self.outputs:
                del self.outputs[descriptor]
                os.close(descriptor)

    def last_line(self) -> str:
        """The last thing that it printed."""
        lines = self.tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""


def spawn(work: bytes, number: int, threads: int, gpus: tuple[int, ...] | None) -> Slot:
    """Start a worker and send it its work."""
    ours, theirs = socketpair()
    watched, lifeline = os.pipe()
    out, out_end = os.pipe()
    error, error_end = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", _BOOT, str(theirs.fileno()), str(watched)],
        pass_fds=(theirs.fileno(), watched),
        env=environment(number, threads, gpus),
        stdin=subprocess.DEVNULL,
        stdout=out_end,
        stderr=error_end,
        start_new_session=True,  # Ctrl-C reaches the driver alone, which then ends the workers
    )
    theirs.close()
    for descriptor in (watched, out_end, error_end):
        os.close(descriptor)
    for descriptor in (out, error):
        os.set_blocking(descriptor, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # a candidate that prints much seldom waits for the driver
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1 << 20)
    slot = Slot(process, Connection(ours.detach()), lifeline, {out: sys.stdout, error: sys.stderr})
    with suppress(BrokenPipeError, ConnectionResetError):  # it died at once: that is seen where its answer is awaited
        slot.connection.send(sys.path)
        slot.connection.send_bytes(work)
    return slot


def environment(number: int, threads: int, gpus: tuple[int, ...] | None) -> dict[str, str]:
    """The environment of the worker in slot `number`: its thread budget and its GPU."""
    variables = dict(os.environ)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        variables[name] = str(threads)
    variables["TF_NUM_INTRAOP_THREADS"] = variables["TF_NUM_INTEROP_THREADS"] = str(threads)
    variables.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if gpus is not None:
        variables["CUDA_VISIBLE_DEVICES"] = str(gpus[number % len(gpus)]) if gpus else ""
    return variables


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a worker and every process that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # the worker leads its own session, so its id is its group's
    if process.poll() is None:
        process.kill()


def exit_text(process: subprocess.Popen[bytes]) -> str:
    """How a process ended: "signal SIGSEGV", "exit status 7"."""
    code = process.returncode
    if code is None or code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
