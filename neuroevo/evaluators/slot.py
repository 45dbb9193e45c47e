"""One worker slot: a process, its connection, and what the driver knows about it."""

from __future__ import annotations

import codecs
import io
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from neuroevo.core.limits import OUTPUT
from neuroevo.evaluators.process import Channel, kill, start

if TYPE_CHECKING:
    import psutil

_ROOT = str(Path(__file__).resolve().parents[2])
_BOOT = f"import sys; sys.path.insert(0, {_ROOT!r}); from neuroevo.evaluators.worker import main; main()"
SHOWN_OUTPUT = 1 << 20  # bytes of what one candidate prints that are passed on
_NOT_SHOWN = "\n(what this candidate prints further is not shown)\n"
_LONGEST_LINE = 1 << 12  # characters of a line that others' output waits for
_LAST_WORDS = 1.0  # seconds to wait for what a worker printed before it ended: what it started may hold its output open


@dataclass
class Slot:
    """A worker process.

    Attributes:
        flooded: set when the current candidate has printed more than it may.
        ready: whether it has loaded the work: time-outs count from there, since starting an interpreter is not a candidate's fault.
        job: what it works on, or None.
        turn: counts what it was given and what came back, so that a verdict never hits another candidate than it was meant for.
        started: when the current candidate began.
        printed: bytes that the current candidate printed; `tail` is the end of them.
        verdict: why it was stopped, and in which turn.
    """

    process: subprocess.Popen[bytes]
    connection: Channel
    flooded: threading.Event
    ready: bool = False
    job: Any = None
    turn: int = 0
    started: float = 0.0
    printed: int = 0
    tail: bytes = b""
    verdict: tuple[int, str] | None = None
    _readers: list[threading.Thread] = field(default_factory=list)
    _counting: threading.Lock = field(default_factory=threading.Lock)
    _ended: bool = False

    def begin(self, job: Any) -> None:
        """The next candidate starts (`job` None: nothing does)."""
        self.job = job
        self.turn += 1
        if job is None:  # what is still to be read is the last one's
            return
        with self._counting:
            self.started, self.printed, self.tail = time.monotonic(), 0, b""

    def memory(self) -> int:
        """Resident memory of the process, in bytes: 0 once it has ended."""
        import psutil

        try:
            return int(self._watched.memory_info().rss)
        except psutil.Error:
            return 0

    @cached_property
    def _watched(self) -> psutil.Process:
        import psutil

        return psutil.Process(self.process.pid)

    def stop(self, reason: str) -> None:
        """Kill the worker and whatever it started; the driver sees the end of its connection."""
        self.verdict = (self.turn, reason)
        kill([self.process])

    def pass_on(self, source: io.RawIOBase, stream: TextIO | None) -> None:
        """Start to pass on what the worker prints."""
        reader = threading.Thread(target=self._read, args=(source, stream), daemon=True, name="neuroevo-output")
        reader.start()
        self._readers.append(reader)

    def _read(self, source: io.RawIOBase, stream: TextIO | None) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        begun = ""  # a line that is not complete: others' lines would be mixed with it
        with source:
            while not self._ended and (data := source.read(1 << 16)):
                shown, enough = self._count(data)
                text = begun + decoder.decode(data[:shown]) + (_NOT_SHOWN if enough else "")
                end = max(text.rfind("\n"), text.rfind("\r")) + 1
                if len(text) - end > _LONGEST_LINE:
                    end = len(text)
                begun = text[end:]
                _print(text[:end], stream)
        _print(begun, stream)

    def _count(self, data: bytes) -> tuple[int, bool]:
        """Note what was printed; how many bytes of it are to be shown, and whether these are the last of this candidate that are."""
        with self._counting:
            before = self.printed
            self.printed += len(data)
            self.tail = (self.tail + data)[-2000:]
            if before <= OUTPUT < self.printed:
                self.flooded.set()
            return max(0, min(len(data), SHOWN_OUTPUT - before)), before <= SHOWN_OUTPUT < self.printed

    def end(self) -> None:
        """End the process, if it has not ended, and let go of everything."""
        kill([self.process])
        self.let_go()

    def let_go(self) -> None:
        """Let go of everything that belongs to a process that has ended, or is killed."""
        self.connection.close()
        self.process.wait()
        assert self.process.stdin is not None
        self.process.stdin.close()
        until = time.monotonic() + _LAST_WORDS
        for reader in self._readers:
            reader.join(max(0.0, until - time.monotonic()))
        self._ended = True

    def last_line(self) -> str:
        """The last thing that it printed."""
        lines = self.tail.decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:300] if lines else ""


def _print(text: str, stream: TextIO | None) -> None:
    if text and stream is not None:
        with suppress(OSError, ValueError):  # the terminal went away: the search goes on
            stream.write(text)
            stream.flush()


def spawn(work: bytes, variables: Mapping[str, str], flooded: threading.Event) -> Slot:
    """Start a worker and send it its work."""
    process, connection = start(_BOOT, variables)
    slot = Slot(process, connection, flooded)
    for source, stream in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
        slot.pass_on(source, stream)  # type: ignore[arg-type]
    with suppress(BrokenPipeError, ConnectionResetError):  # it died at once: that is seen where its answer is awaited
        connection.send_bytes(pickle.dumps(sys.path))
        connection.send_bytes(work)
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
