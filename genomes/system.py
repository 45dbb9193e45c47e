"""What differs between machines and their systems: memory, and replacing a file that somebody reads."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)  # seconds between tries to replace a file that is open


@cache
def machine_bytes() -> int:
    """Memory of this machine, or of the narrowest control group (of a container, a batch system) that this process is confined to."""
    import psutil

    try:
        groups = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    except OSError:  # no Linux
        groups = ""
    return min(int(psutil.virtual_memory().total), *group_limits(groups, Path("/sys/fs/cgroup")))


def group_limits(groups: str, root: Path) -> Iterator[int]:
    """The memory limits, in bytes, of a process's control groups and of the groups that these lie in.

    Args:
        groups: what `/proc/self/cgroup` says.
        root: where control groups are found. A container's own group may be the root itself, under whatever name it is told.
    """
    folders = [(root, "memory.max"), (root / "memory", "memory.limit_in_bytes")]
    for line in groups.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, name = rest.partition(":")
        if controllers and "memory" not in controllers.split(","):
            continue
        base, file = folders[bool(controllers)]
        inner = PurePosixPath(name.lstrip("/"))
        folders += [(base / part, file) for part in (inner, *inner.parents)]
    for folder, file in folders:
        try:
            yield int((folder / file).read_text(encoding="utf-8"))
        except (OSError, ValueError):  # no such group; "max" is no limit
            continue


def replace(source: Path, target: Path) -> None:
    """Give a file the name of another, which it replaces. Windows refuses that while somebody has the other open: wait for a reader.

    Raises:
        OSError: it cannot be replaced.
    """
    for pause in PAUSES:
        try:
            os.replace(source, target)
            return
        except PermissionError:
            if sys.platform != "win32":
                raise
            time.sleep(pause)
    os.replace(source, target)
