"""What runs inside a worker slot.

A fresh interpreter, so nothing of the driver's state leaks in, and scripts need no `if __name__ == "__main__"` guard. The driver
sends its import path, then the work (cloudpickle), then trials; measurements go back, one for each individual of a separable trial
so that what is finished is never run again. When the driver dies, the process ends at once, whatever it is doing.
"""

from __future__ import annotations

import io
import pickle
import sys
from contextlib import suppress
from dataclasses import replace

from neuroevo.evaluators.process import end_with_the_driver, inherited


def _offer_to_the_kernel() -> None:
    """Where the machine itself runs out of memory, let a worker be ended and not the driver (Linux)."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")


def _print_as_the_driver_reads() -> None:
    """In UTF-8, whatever this system prints in."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")


def main() -> None:
    """Serve trials until the driver closes the connection; the process was made by `neuroevo.evaluators.process.start`."""
    connection = inherited(sys.argv[1])
    end_with_the_driver()
    _offer_to_the_kernel()
    _print_as_the_driver_reads()
    sys.path[:] = pickle.loads(connection.recv_bytes())  # made by our own driver, over a private pipe
    from neuroevo.evaluators.serial import measured

    work = pickle.loads(connection.recv_bytes())  # the same
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
