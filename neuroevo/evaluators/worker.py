"""What runs inside a worker slot: `python -m neuroevo.evaluators.worker CONNECTION LIFELINE` (file descriptors).

A fresh interpreter, so nothing of the driver's state leaks in, and scripts need no `if __name__ == "__main__"` guard. The driver
sends its import path, then the work (cloudpickle), then trials; measurements go back, one for each individual of a separable trial
so that what is finished is never run again. When the driver dies, the lifeline's other end closes and the process ends at once,
whatever it is doing.
"""

from __future__ import annotations

import fcntl
import os
import pickle
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Connection


def _end_with_the_driver(lifeline: int) -> None:
    os.read(lifeline, 1)  # returns when the driver's end is closed: nobody ever writes
    with suppress(OSError):
        os.killpg(0, signal.SIGKILL)  # what the candidate started ends with it
    os._exit(1)


def _watch(lifeline: int) -> None:
    """End when the driver does: by a thread, and by a signal of the kernel for candidates that never let a thread run."""
    threading.Thread(target=_end_with_the_driver, args=(lifeline,), daemon=True).start()
    if hasattr(os, "O_ASYNC"):
        with suppress(OSError):
            signal.signal(signal.SIGIO, signal.SIG_DFL)  # its default ends the process
            fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _offer_to_the_kernel() -> None:
    """Where the machine itself runs out of memory, let a worker be ended and not the driver."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def main() -> None:
    """Serve trials until the driver closes the connection."""
    connection, lifeline = Connection(int(sys.argv[1])), int(sys.argv[2])
    _watch(lifeline)
    _offer_to_the_kernel()
    sys.path[:] = connection.recv()
    from neuroevo.evaluators.serial import measured

    work = pickle.loads(connection.recv_bytes())  # made by our own driver, over a private pipe
    connection.send_bytes(pickle.dumps("ready"))
    while True:
        try:
            trial = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        pieces = [replace(trial, individuals=(member,)) for member in trial.individuals] if trial.separable else [trial]
        for piece in pieces:
            connection.send_bytes(pickle.dumps(measured(work, piece), protocol=pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    main()
