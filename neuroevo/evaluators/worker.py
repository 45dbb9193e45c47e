"""What runs inside a worker slot: `python -m neuroevo.evaluators.worker CONNECTION LIFELINE` (file descriptors).

A fresh interpreter, so nothing of the driver's state leaks in, and scripts need no `if __name__ == "__main__"` guard. The driver
sends its import path, then the work (cloudpickle), then trials; measurements go back. When the driver dies, the lifeline's other
end closes and the process ends at once, whatever it is doing.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from multiprocessing.connection import Connection


def _end_with_the_driver(lifeline: int) -> None:
    os.read(lifeline, 1)  # returns when the driver's end is closed: nobody ever writes
    os._exit(1)


def main() -> None:
    connection, lifeline = Connection(int(sys.argv[1])), int(sys.argv[2])
    threading.Thread(target=_end_with_the_driver, args=(lifeline,), daemon=True).start()
    sys.path[:] = connection.recv()
    from neuroevo.evaluators.serial import measured

    work = pickle.loads(connection.recv_bytes())  # made by our own driver, over a private pipe
    connection.send("ready")
    while True:
        try:
            trial = pickle.loads(connection.recv_bytes())
        except EOFError:
            return
        measurement = measured(work, trial)
        connection.send_bytes(pickle.dumps((trial.id, measurement), protocol=pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    main()
