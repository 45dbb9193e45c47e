"""The folder of runs that a dashboard shows: which runs are in it, and that nothing outside of it is ever read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DEEPEST = 6  # folders between the one that is shown and a run
MOST_FOLDERS = 5_000  # that are looked into
READ = (
    "run.db",
    "run.db-wal",
    "run.db-shm",
    "run.lock",
    "config.json",
    "environment.json",
    "test.json",
    "baseline.json",
    "artifacts",
    "derived",
)


class NoSuchRun(LookupError):
    """There is no run of this name in the folder that is shown."""


@dataclass(frozen=True)
class RunsFolder:
    """A folder of runs, which are named by their paths inside it; where it is a run itself, that is all there is.

    Args:
        root: an existing folder.

    Raises:
        ValueError: there is no such folder.
    """

    root: Path

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise ValueError(
                f"there is no folder {self.root}: give one that holds runs, such as runs, or make it with `neuroevo search`"
            )
        object.__setattr__(self, "root", self.root.resolve())

    def names(self) -> list[str]:
        """The names of all runs, sorted."""
        if (self.root / "run.db").is_file():
            return [self.root.name] if self._is_ours(self.root) else []
        return sorted(path.relative_to(self.root).as_posix() for path in self._runs(self.root, 0, [0]))

    def _runs(self, folder: Path, depth: int, looked: list[int]) -> Iterator[Path]:
        looked[0] += 1
        if depth > DEEPEST or looked[0] > MOST_FOLDERS:
            return
        try:
            # a linked folder may lead out of this one, or in a circle
            inner = [
                Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False) and entry.name[0] != "."
            ]
        except OSError:
            return
        for path in sorted(inner):
            if not _shown(path.name):
                continue
            if (path / "run.db").is_file():
                if self._is_ours(path):
                    yield path
            else:
                yield from self._runs(path, depth + 1, looked)

    def folder(self, name: str) -> Path:
        """A run's folder.

        Raises:
            NoSuchRun: there is none of this name, or it, or a file of it, lies outside.
        """
        parts = name.split("/")
        if not all(parts) or not _shown(name) or any(part in (".", "..") or part[0] == "." for part in parts):
            raise NoSuchRun("there is no such run in this folder")
        alone = (self.root / "run.db").is_file()
        path = self.root if alone and name == self.root.name else self.root.joinpath(*parts)
        if (alone and path != self.root) or not (path / "run.db").is_file() or not self._is_ours(path):
            raise NoSuchRun("there is no such run in this folder")
        return path

    def _is_ours(self, path: Path) -> bool:
        """Whether a run's folder, and every file of it that is read, lies in the folder that is shown once links are followed."""
        try:
            return all(self.holds(path / name) for name in READ) and self.holds(path)
        except (OSError, RuntimeError):  # a link that leads in a circle
            return False

    def holds(self, path: Path) -> bool:
        """Whether a path, its links followed, lies in the folder."""
        return path.resolve().is_relative_to(self.root)


def _shown(name: str) -> bool:
    """Whether a file's name can be written in an address: text without control characters."""
    try:
        name.encode()
    except UnicodeEncodeError:  # bytes that are no text
        return False
    return name.isprintable() and "\\" not in name
