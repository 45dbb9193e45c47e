"""Searches that are started, paused and gone on with from the page: child processes of `neuroevo search` and `neuroevo resume`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genomes.base import unknown
from neuroevo.core import registry
from neuroevo.dashboard.folders import RunsFolder
from neuroevo.run import search
from neuroevo.store import Store
from neuroevo.store.connection import being_written, writer_of

MOST_AT_ONCE = 4
NUMBERS = {"evaluations": (1, 1_000_000), "workers": (1, 64), "seed": (0, 2**31)}
ON_DATA = ("Classification", "Regression")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass
class Started:
    """A process that was started here.

    Args:
        name: of the run.
        process: the child.
        log: what it writes.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def said(self) -> str:
        """Why it failed, in its own words; "" while it goes on, or where it ended in order."""
        code = self.process.poll()
        if code in (None, 0, 130):
            return ""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            lines = []
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return last or f"it ended with the exit code {code}"


class Searches:
    """Starts, pauses and goes on with searches in a folder of runs.

    Args:
        runs: where.
        command: what runs the command line in another process, such as `(sys.executable, "-m", "neuroevo.cli.main")`.
        here: the folder below which files of data lie.
    """

    def __init__(self, runs: RunsFolder, command: Sequence[str], here: Path) -> None:
        self._runs, self._command, self._here = runs, tuple(command), here.resolve()
        self._logs = tempfile.TemporaryDirectory(prefix="neuroevo-dashboard-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()
        self._started: dict[str, Started] = {}
        self._paused: set[tuple[int, float]] = set()

    def start(self, form: Mapping[str, str]) -> str:
        """Start a search as a form describes it; returns the run's name.

        Raises:
            ValueError: what is wrong with it, as a sentence.
        """
        name = form.get("name", "").strip()
        if not NAME.fullmatch(name):
            raise ValueError(f"a run's name is letters, digits, '_', '-' and '.', at most 64, got {name[:80]!r}")
        if (self._runs.root / "run.db").exists():
            raise ValueError("the folder that is shown is a run itself; start the dashboard on a folder of runs to add others")
        if (self._runs.root / name).exists():
            raise ValueError(f"there is a folder {name} already; resume that run, or choose another name")
        arguments = [f"--run={self._runs.root / name}"]
        for field, (low, high) in NUMBERS.items():
            if text := form.get(field, "").strip():
                if not text.isdecimal() or not low <= int(text) <= high:
                    raise ValueError(f"{field} is a whole number from {low} to {high:,}, got {text[:40]!r}")
                arguments.append(f"--{field}={int(text)}")
        for field, known in (("strategy", search.strategies()), ("encoding", search.encodings())):
            if text := form.get(field, "").strip():
                if text not in known:
                    raise ValueError(unknown(field, text, list(known)))
                arguments.append(f"--{field}={text}")
        for field in ("objectives", "target"):
            if text := form.get(field, "").strip():
                arguments.append(f"--{field}={text}")
        self._run(name, ["search", *arguments, "--", self._data(form.get("data", "").strip())])
        return name

    def _data(self, text: str) -> str:
        if text in registry.names("data"):
            return text
        path = (self._here / text).resolve() if text and "\0" not in text else self._here
        if not path.is_relative_to(self._here) or path == self._here or not path.exists():
            raise ValueError(
                f"data is the name of a data set ({', '.join(registry.names('data'))}), or a file or folder below the one in which the dashboard "
                f"was started, got {text[:100]!r}"
            )
        return str(path)

    def resume(self, name: str, evaluations: str = "") -> None:
        """Go on with a run, of a larger budget where one is given.

        Raises:
            ValueError: it is going on, or is no search on data.
            NoSuchRun: there is no such run.
        """
        folder = self._runs.folder(name)
        if being_written(folder) is not False:
            raise ValueError("this run is going on")
        store = Store(folder, writable=False)
        try:
            settings: Any = store.read_json("config.json")
        finally:
            store.close()
        refuse_code(settings)
        arguments = []
        if text := evaluations.strip():
            low, high = NUMBERS["evaluations"]
            if not text.isdecimal() or not low <= int(text) <= high:
                raise ValueError(f"evaluations is a whole number from {low} to {high:,}, got {text[:40]!r}")
            arguments.append(f"--evaluations={int(text)}")
        self._run(name, ["resume", *arguments, "--", str(folder)])

    def pause(self, name: str) -> None:
        """Ask the process that writes to a run to stop, as Ctrl-C does: everything finished is saved, and the run can go on later.

        Raises:
            ValueError: no process of this machine and user writes to it, or this system has no such signal.
            NoSuchRun: there is no such run.
        """
        import psutil

        writer = writer_of(self._runs.folder(name))
        if writer is None:
            raise ValueError("no process on this machine that may be stopped from here works on this run")
        if sys.platform == "win32":
            raise ValueError("a search cannot be paused from here on Windows; press Ctrl-C where it runs")
        with self._lock:
            process = (writer, psutil.Process(writer).create_time())
            if process in self._paused:  # a second signal would cut short the saving
                return
            self._paused.add(process)
            os.kill(writer, signal.SIGINT)

    def said(self, name: str, going: bool) -> str:
        """What is to be said of the process that was last started here for a run: that it is starting, or why it failed; or "".

        Args:
            going: whether the run goes on, as its folder shows.
        """
        with self._lock:
            started = self._started.get(name)
        if started is None or going:
            return ""
        if started.process.poll() is None:
            return f"{name} is starting, or about to end"
        why = started.said()
        return f"{name} did not go on: {why}" if why else ""

    def names(self) -> list[str]:
        """The runs for which a process was started here."""
        with self._lock:
            return list(self._started)

    def _run(self, name: str, arguments: list[str]) -> None:
        with self._lock:
            going = [one for one in self._started.values() if one.process.poll() is None]
            if any(one.name == name for one in going):
                raise ValueError(f"{name} was started and is going on")
            if len(going) >= MOST_AT_ONCE:
                raise ValueError(f"{len(going)} searches that were started here are going on; pause one, or wait for it")
            log = Path(self._logs.name, f"{len(self._started)}-{os.urandom(4).hex()}.log")
            with open(log, "wb") as output:
                process = subprocess.Popen(
                    [*self._command, *arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self._here,
                    start_new_session=True,  # Ctrl-C ends the dashboard, not its searches
                )  # fmt: skip
            self._started[name] = Started(name, process, log)


def refuse_code(settings: Any) -> None:
    """Refuse to go on with a run that is none on data: the settings of others name Python code, of a fitness or an environment, which a run's
    folder must not have run.

    Raises:
        ValueError: it is none, or the settings are damaged.
    """
    task = settings.get("task") if isinstance(settings, Mapping) else None
    if not isinstance(task, Mapping) or task.get("task") not in ON_DATA:
        raise ValueError(
            "only searches on data are gone on with from here; one whose fitness or environment is Python code goes on by the command that began it"
        )
