"""A worker's process: how it is started, what it prints, what it may not inherit, and that nothing of it is left."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from neuroevo.core.limits import OUTPUT
from neuroevo.estimation.direct import Direct
from neuroevo.evaluators import Slots, Work, process, slot
from neuroevo.evaluators.process import exit_text, kill
from neuroevo.tasks.base import Context
from neuroevo.tasks.function import Function
from neuroevo.testing.evaluator import trials


def run(fitness, count: int = 1, **settings) -> list:
    """The values, or the reasons for their absence, of so many candidates in one slot."""
    task = Function(fitness, of="genome")
    with Slots(1, **settings) as slots:
        slots.start(Work(task, Direct(), Context()))
        for trial in trials(count, task):
            slots.submit(trial)
        measured = {result.trial.id: result.measurement for result in slots.as_completed()}
    return [measured[id].reasons.get(0, measured[id].values[0, 0]) for id in sorted(measured)]


def alive(id: int) -> bool:
    try:
        return psutil.Process(id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ended(id: int) -> bool:
    """Whether a process ends within a while."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and alive(id):
        time.sleep(0.01)
    return not alive(id)


SLEEPER = [sys.executable, "-c", "import time; time.sleep(1000)"]
PARENT = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'], start_new_session={apart})\n"
    "print(child.pid, flush=True)\ntime.sleep(1000)\n"
)


@pytest.mark.parametrize("groups", [True, False], ids=["with groups", "without groups"])
@pytest.mark.parametrize("apart", [True, False], ids=["in a session of its own", "in its session"])
def test_with_a_worker_all_that_it_started_is_killed_and_nothing_else(apart: bool, groups: bool, monkeypatch) -> None:
    if not groups:
        monkeypatch.delattr(os, "killpg", raising=False)
    other = subprocess.Popen(SLEEPER)
    worker, connection = process.start(PARENT.format(apart=apart), dict(os.environ))
    try:
        child = int(worker.stdout.readline())
        kill([worker])
        assert worker.wait(timeout=30) != 0
        assert ended(child) and other.poll() is None
    finally:
        connection.close()
        for stream in (worker.stdin, worker.stdout, worker.stderr):
            stream.close()
        other.kill()
        other.wait()


def test_killing_what_has_ended_is_nothing() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    kill([ended])
    kill([])


def test_a_candidate_reads_nothing_from_standard_input_nor_does_what_it_starts() -> None:
    def fitness(genome):
        import sys

        echo = "import sys; sys.exit(len(sys.stdin.read()))"
        return float(len(sys.stdin.read())) + subprocess.run([sys.executable, "-c", echo], timeout=60).returncode

    assert run(fitness) == [0.0]


def test_what_a_candidate_starts_does_not_inherit_the_connection_or_the_lifeline() -> None:
    def fitness(genome):
        import os
        import stat

        def passed_on(number: int) -> bool:
            try:
                mode = os.fstat(number).st_mode
                return (stat.S_ISSOCK(mode) or stat.S_ISFIFO(mode)) and os.get_inheritable(number)
            except OSError:
                return False

        return float(sum(passed_on(number) for number in range(3, 100)))

    assert run(fitness) == [0.0]


@pytest.mark.parametrize("character", ["ä", "→", "🧬"])
@pytest.mark.parametrize("before", [0, 1])
def test_what_a_candidate_prints_arrives_as_it_was_printed(before: int, character: str, capfd) -> None:
    """Also where a character lies across two pieces that are read, and whatever this system prints in."""
    text = "x" * before + character * 70_000

    def fitness(genome):
        print(text)
        print("its error", file=__import__("sys").stderr)
        return 1.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONIOENCODING", "ascii")
        assert run(fitness) == [1.0]
    printed = capfd.readouterr()
    assert printed.out == text + "\n" and printed.err == "its error\n"


@pytest.mark.parametrize("size", [slot.SHOWN_OUTPUT - 1, slot.SHOWN_OUTPUT, slot.SHOWN_OUTPUT + 1, 3 * slot.SHOWN_OUTPUT])
def test_a_megabyte_of_what_a_candidate_prints_is_shown(size: int, capfd) -> None:
    def fitness(genome):
        import sys

        sys.stdout.write("y" * size)
        sys.stdout.flush()
        return 2.0

    assert run(fitness) == [2.0]
    out = capfd.readouterr().out
    assert out.count("y") == min(size, slot.SHOWN_OUTPUT)
    assert ("not shown" in out) == (size > slot.SHOWN_OUTPUT)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_who_prints_without_end_is_stopped_between_two_looks(stream: str, monkeypatch, capfd) -> None:
    monkeypatch.setattr("neuroevo.evaluators.slots.LOOK_SECONDS", 1000.0)

    def fitness(genome):
        import sys

        while True:
            getattr(sys, stream).write("z" * (1 << 20))

    (reason,) = run(fitness)
    assert "printed more than 64 MB" in reason
    assert len(capfd.readouterr().out) < 2 * slot.SHOWN_OUTPUT


@pytest.mark.parametrize("what", ["bytes", "an array"])
def test_a_candidate_that_needs_too_much_memory_is_stopped(what: str) -> None:
    def fitness(genome):
        import time

        import numpy as np

        held = bytearray(400 << 20) if what == "bytes" else np.ones(400 << 17)
        time.sleep(60)
        return float(len(held))

    (reason,) = run(fitness, max_memory="300MB")
    assert "needed more than 300 MB of memory" in reason


def test_what_was_printed_counts_for_the_candidate_that_printed_it() -> None:
    worker = slot.Slot(SimpleNamespace(pid=0), None, threading.Event())
    for _ in range(3):
        worker.begin("a job")
        assert worker._count(b"p" * OUTPUT) == (slot.SHOWN_OUTPUT, True) and not worker.flooded.is_set()
    assert worker._count(b"\nlast words") == (0, False) and worker.flooded.is_set()
    assert worker.last_line() == "last words" and worker.printed == OUTPUT + 11


def test_the_memory_of_a_worker_is_its_own_and_none_once_it_has_ended() -> None:
    worker, connection = process.start(
        "import time; held = bytearray(100 << 20); print('held', flush=True); time.sleep(1000)", dict(os.environ)
    )
    watched = slot.Slot(worker, connection, threading.Event())
    worker.stdout.readline()
    assert 100 << 20 < watched.memory() < 300 << 20
    watched.end()
    assert watched.memory() == 0
    for stream in (worker.stdout, worker.stderr):
        stream.close()


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "exit status 0"),
        (1, "exit status 1"),
        (None, "exit status None"),
        (-9, "signal SIGKILL"),
        (-200, "signal 200"),
        (0xC0000409, "exit status 0xC0000409"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="signals are named where there are some")
def test_how_a_process_ended_in_words(code: int | None, text: str) -> None:
    assert exit_text(code) == text


@pytest.mark.skipif(sys.platform == "win32", reason="there, this is what all tests use")
@pytest.mark.parametrize("launcher", [False, True], ids=["an interpreter", "a launcher in a virtual environment"])
def test_workers_start_with_what_windows_offers(launcher: bool, monkeypatch, tmp_path: Path) -> None:
    """The calls that are made there, carried out here: the connection's handle alone is inherited, the interpreter itself is started."""
    shown, started, inheritable = str(tmp_path / "launcher.exe") if launcher else sys.executable, [], set()

    def popen(command, *, startupinfo, creationflags, env, bufsize, **pipes):
        (handle,) = startupinfo.lpAttributeList["handle_list"]
        assert handle in inheritable and str(handle) == command[-1] and creationflags == 512 and bufsize == 0
        started.append((command[0], env.get("__PYVENV_LAUNCHER__")))
        return real(command, env=env, bufsize=bufsize, pass_fds=(handle,), start_new_session=True, **pipes)

    real = subprocess.Popen
    there = SimpleNamespace(platform="win32", executable=shown, _base_executable=sys.executable)
    monkeypatch.setattr(process, "sys", there)
    monkeypatch.setattr(
        subprocess, "STARTUPINFO", lambda lpAttributeList: SimpleNamespace(lpAttributeList=lpAttributeList), raising=False
    )
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 512, raising=False)
    monkeypatch.setattr(os, "set_handle_inheritable", lambda handle, yes: inheritable.add(handle) if yes else None, raising=False)
    monkeypatch.setattr(subprocess, "Popen", popen)
    assert run(lambda genome: float("__PYVENV_LAUNCHER__" in __import__("os").environ), 3) == [0.0] * 3
    assert started == [(sys.executable, shown if launcher else None)]


def test_windows_waits_for_sixty_workers(monkeypatch) -> None:
    monkeypatch.setattr("neuroevo.evaluators.slots.sys", SimpleNamespace(platform="win32"))
    assert Slots(60).workers == 60
    for workers in (61, 500):
        with pytest.raises(ValueError, match=f"at most 60 workers at once, got workers={workers}"):
            Slots(workers)


def test_a_worker_ends_with_its_driver_also_without_groups_and_signals() -> None:
    """As on Windows: a thread sees that the driver's end is closed, and ends what was started first."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "import os, subprocess, time; from neuroevo.evaluators import process\n"
        "del os.killpg; process.fcntl = None; process.end_with_the_driver()\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
        "print(child.pid, flush=True)\ntime.sleep(1000)\n"
    )
    worker, connection = process.start(code, dict(os.environ))
    child = int(worker.stdout.readline())
    worker.stdin.close()  # as the system does when the driver ends
    assert worker.wait(timeout=30) == 1
    assert ended(child)
    connection.close()
    for stream in (worker.stdout, worker.stderr):
        stream.close()


@pytest.mark.parametrize("crash", [lambda: os._exit(7), lambda: os.kill(os.getpid(), 11)], ids=["exit", "signal"])
def test_a_worker_that_crashed_is_noticed_though_what_it_forked_lives_on(crash, tmp_path: Path) -> None:
    """The child has the worker's connection to the driver, which so never ends."""
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")

    def fitness(genome):
        child = os.fork()
        if child == 0:
            time.sleep(1000)
        (tmp_path / str(child)).touch()
        crash()

    (reason,) = run(fitness, retries=0)
    assert "the worker process died 1 times" in reason
    assert all(ended(int(path.name)) for path in tmp_path.iterdir())


def test_lines_of_several_sources_are_not_mixed() -> None:
    class Source:
        def __init__(self, *pieces: bytes) -> None:
            self.pieces = [*pieces, b""]

        def read(self, most: int) -> bytes:
            return self.pieces.pop(0)

        __enter__ = __exit__ = lambda *_: None

    written: list[str] = []
    stream = SimpleNamespace(write=written.append, flush=lambda: None)
    one = slot.Slot(None, None, threading.Event())  # type: ignore[arg-type]
    one._read(Source(b"a ", b"line", b"\nand ", b"10 %\r", b"\xc3", b"\xbc, the end"), stream)  # type: ignore[arg-type]
    assert written == ["a line\n", "and 10 %\r", "\u00fc, the end"]
    long = b"x" * (2 * slot._LONGEST_LINE)
    one._read(Source(long, b"y"), stream)  # type: ignore[arg-type]
    assert written[3:] == [long.decode(), "y"]
