"""A worker's process on any system: how it is started with a connection, how it learns that its driver has ended, how it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from multiprocessing import Pipe
from typing import TYPE_CHECKING, Any, TypeAlias

if sys.platform == "win32":
    from multiprocessing.connection import PipeConnection as Connection
else:
    from multiprocessing.connection import Connection

Channel: TypeAlias = "Connection[Any, Any]"  # to a worker, or to its driver

if TYPE_CHECKING:
    import psutil

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MOST_ON_WINDOWS = 60  # workers: it waits for no more than 63 connections at once


# In the driver ----------------------------------------------------------------------------------------------------------------


def start(code: str, variables: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], Channel]:
    """Start an interpreter that runs some code, and the connection to it, whose other end is `inherited(sys.argv[1])` there.

    What it prints comes through `process.stdout` and `process.stderr`, bare pipes. Its standard input is a pipe, too, which closes when this
    process ends: `end_with_the_driver` there.
    """
    ours, theirs = Pipe()
    interpreter, environment = sys.executable, dict(variables)
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    # Ctrl-C reaches the driver alone, which then ends the workers: a session, or a group, of their own
    with theirs:
        handle = theirs.fileno()
        if sys.platform == "win32":
            base = getattr(sys, "_base_executable", interpreter)
            if os.path.normcase(base) != os.path.normcase(interpreter):  # a virtual environment's is only a launcher of this one
                interpreter, environment["__PYVENV_LAUNCHER__"] = base, interpreter
            os.set_handle_inheritable(handle, True)
            pipes["startupinfo"] = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [handle]})
            pipes["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
        else:
            pipes |= {"pass_fds": (handle,), "start_new_session": True}
        process = subprocess.Popen([interpreter, "-c", code, str(handle)], env=environment, bufsize=0, **pipes)
    return process, ours


def kill(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Kill workers and every process that they started."""
    processes = list(processes)
    started = _started_by([process.pid for process in processes if process.poll() is None])
    for process in processes:
        if hasattr(os, "killpg"):  # also what no longer has a parent
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # the worker leads its own session, so its id is its group's
        if process.poll() is None:
            process.kill()
    _kill_each(started)


def exit_text(code: int | None) -> str:
    """How a process ended, from its return code: "signal SIGSEGV", "exit status 7", "exit status 0xC0000005" (of Windows).

    >>> exit_text(7), exit_text(-11), exit_text(3221225477)
    ('exit status 7', 'signal SIGSEGV', 'exit status 0xC0000005')
    """
    if code is None or code >= 0:
        return f"exit status {code}" if code is None or code < 1 << 16 else f"exit status 0x{code:08X}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


# In the worker ----------------------------------------------------------------------------------------------------------------


def inherited(handle: str) -> Channel:
    """The connection to the driver that a worker was started with. What the worker starts does not inherit it."""
    os.environ.pop("__PYVENV_LAUNCHER__", None)  # meant for this interpreter alone
    number = int(handle)
    if sys.platform == "win32":
        os.set_handle_inheritable(number, False)
    else:
        os.set_inheritable(number, False)
    return Connection(number)


def end_with_the_driver() -> None:
    """End when the driver does, whatever this process is doing; what reads its standard input finds nothing there.

    A thread waits for the driver's end. Candidates that never let a thread run are ended by a signal of the kernel, where it has such a one.
    """
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    threading.Thread(target=_wait_for_the_end, args=(lifeline,), daemon=True).start()
    if fcntl is not None and hasattr(os, "O_ASYNC"):
        with suppress(OSError):
            signal.signal(signal.SIGIO, signal.SIG_DFL)  # its default ends the process
            fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _wait_for_the_end(lifeline: int) -> None:
    try:
        os.read(lifeline, 1)  # returns when the driver's end is closed: nobody ever writes
        if hasattr(os, "killpg"):
            os.killpg(0, signal.SIGKILL)  # what the candidate started ends with it
        _kill_each(_started_by([os.getpid()]))
    finally:
        os._exit(1)


# In both ----------------------------------------------------------------------------------------------------------------------


def _started_by(ids: list[int]) -> list[psutil.Process]:
    """The processes that some processes started, and those that these started, by one look at all processes of the machine."""
    if not ids:
        return []
    import psutil

    children: dict[int, list[psutil.Process]] = defaultdict(list)
    parents: list[psutil.Process] = []
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].append(process)
        if process.pid in ids:
            parents.append(process)
    found: list[psutil.Process] = []
    while parents:
        parent = parents.pop()
        for child in children.pop(parent.pid, ()):
            with suppress(psutil.Error):
                if child.create_time() >= parent.create_time():  # else the child of another that had this id before
                    found.append(child)
                    parents.append(child)
    return found


def _kill_each(processes: Iterable[psutil.Process]) -> None:
    import psutil

    for process in processes:
        with suppress(psutil.Error):
            process.kill()
