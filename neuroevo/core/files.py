"""Files that exist whole or not at all, and what identifies an artifact's file."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from genomes.system import replace

LOST = "lost"  # in place of a fingerprint: the file is gone, and the run goes on without it


def near(path: str | os.PathLike[str]) -> str:
    """For a message about a path that is not there: the file or folder beside it with the most similar name, or ""."""
    wanted = Path(path)
    try:
        names = [entry.name for entry in wanted.parent.iterdir()]
    except OSError:
        return ""
    found = difflib.get_close_matches(wanted.name, names, 1)
    return f"; did you mean {str(wanted.parent / found[0])!r}?" if found else ""


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it exists whole or not at all: a temporary name, fsync, rename."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace(temporary, path)
    except OSError:
        with suppress(OSError):  # on a full disk, half a file would only take room
            temporary.unlink()
        raise
    _keep_names(path.parent)


def write_json_whole(path: Path, data: Any) -> None:
    """Write a JSON file so that it exists whole or not at all."""
    write_whole(path, (json.dumps(data, indent=2) + "\n").encode())


def fingerprint(data: bytes) -> str:
    """What the database remembers of an artifact's file: its size and a digest."""
    return f"{len(data)} {hashlib.blake2b(data, digest_size=16).hexdigest()}"


def intact(path: Path, recorded: str, *, thorough: bool = False) -> bool:
    """Whether an artifact's file is the one that was recorded: by its size, or (thorough) by its digest."""
    try:
        if not thorough:
            return recorded in ("", LOST) or path.stat().st_size == int(recorded.split()[0])
        return recorded in ("", LOST) or fingerprint(path.read_bytes()) == recorded
    except (OSError, ValueError, IndexError):
        return False


def append_line(path: Path, line: str) -> None:
    """Append a line; one that was torn by a crash before ends first."""
    with open(path, "ab+") as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(line.encode() + b"\n")


def _keep_names(folder: Path) -> None:
    """Make a rename survive a power failure (Windows opens no folders, and needs no such thing)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
