"""Candidates that fail in every way there is: each is recorded failed with its reason, and the run completes."""

import ctypes
import hashlib
import os
import re
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo import strategies
from neuroevo.evaluators import Slots, process
from neuroevo.testing.evaluator import NumberSpace


def sleep_forever(genome):
    time.sleep(1e6)


def print_a_gigabyte(genome):
    for _ in range(1 << 10):
        print("x" * (1 << 20))


def allocate_100_gigabytes(genome):
    return sum(float(np.ones(1 << 27)[0]) + len(_kept) for _ in range(100) if not _kept.append(np.ones(1 << 27)))


_kept: list = []


def allocate_100_gigabytes_at_once(genome):
    return float(np.ones(100 << 27)[0])


def segfault(genome):
    ctypes.string_at(0)


def hold_the_interpreter(genome):
    ctypes.PyDLL(None).sleep(1000)  # a native call that lets no other thread run


def start_a_process_and_sleep(genome):
    subprocess.run([sys.executable, "-c", "import time; time.sleep(10000)"])


BROKEN = {
    "raises": (lambda genome: 1 / 0, "ZeroDivisionError: division by zero"),
    "recurses forever": (lambda genome: (lambda f: f(f))(lambda f: f(f)), "RecursionError"),
    "interrupts itself": (lambda genome: (_ for _ in ()).throw(SystemExit(3)), "exit status 3"),
    "returns text": (lambda genome: "good", "must be a number, the fitness returned 'good'"),
    "returns an array": (lambda genome: np.zeros(3), "must be a number"),
    "prints a gigabyte": (print_a_gigabyte, "printed more than 64 MB"),
    "sleeps forever": (sleep_forever, "took longer than 1.5 seconds"),
    "holds the interpreter": (hold_the_interpreter, "took longer than 1.5 seconds"),
    "waits for a process": (start_a_process_and_sleep, "took longer than 1.5 seconds"),
    "allocates 100 GB bit by bit": (allocate_100_gigabytes, "needed more than 1 GB of memory"),
    "allocates 100 GB at once": (allocate_100_gigabytes_at_once, r"MemoryError|needed more than 1 GB of memory|signal SIGKILL"),
    "exits": (lambda genome: os._exit(7), r"died 2 times \(exit status 7\)"),
    "crashes": (segfault, r"died 2 times \(signal SIGSEGV\)"),
}


QUICK = ("prints a gigabyte", "sleeps forever", "allocates 100 GB bit by bit", "crashes")


@pytest.mark.parametrize("failure", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.slow) for name in BROKEN])
def test_a_candidate_that_fails_is_recorded_with_its_reason_and_the_run_completes(failure: str, tmp_path: Path, capfd) -> None:
    broken, reason = BROKEN[failure]
    timeout = 1.5 if "1.5 seconds" in reason else 60.0
    run = ne.evolve(
        NumberSpace(),
        ne.tasks.Function(lambda g: broken(g) if g.value > 1.0 else -(g.value**2), of="genome"),
        strategy=strategies.RandomSearch(),
        budget=ne.Budget(evaluations=8),
        evaluator=Slots(2, timeout=timeout, max_memory="1GB", retries=1),
        seed=9,
        run=tmp_path / "run",
        progress=False,
    )
    printed = capfd.readouterr()
    assert len(printed.out) + len(printed.err) < 16 << 20, "a candidate does not fill the user's disk with what it prints"
    loaded = ne.load_run(tmp_path / "run")
    assert run.ended == "evaluations" and loaded.evaluations == 8
    failed = {individual.id: individual for individual in loaded if individual.genome.value > 1.0}
    assert 1 <= len(failed) <= 3
    for individual in loaded:
        assert (individual.status == "failed") == (individual.id in failed)
    for individual in failed.values():
        assert re.search(reason, individual.reason), individual.reason


def test_what_a_candidate_started_ends_with_it(tmp_path: Path) -> None:
    def fitness(genome):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(10000)"])
        (tmp_path / str(child.pid)).touch()
        time.sleep(1e6)

    with pytest.raises(ne.SearchFailed, match=r"took longer than 0\.5 seconds"):
        ne.evolve(
            NumberSpace(),
            ne.tasks.Function(fitness, of="genome"),
            budget=ne.Budget(evaluations=4),
            population=2,
            evaluator=Slots(2, timeout=0.5),
            progress=False,
        )
    children = [int(path.name) for path in tmp_path.iterdir()]
    assert children and not any(alive(child) for child in children)


def test_members_measured_beside_a_poisoned_one_are_never_run_again(tmp_path: Path) -> None:
    """A population scored member by member is sent in pieces: a piece whose worker dies goes on behind the victim."""

    def fitness(genome):
        digest = hashlib.sha256(genome.key().encode()).hexdigest()
        with open(tmp_path / digest, "a") as file:
            file.write("x")
        if digest.startswith(("0", "1")):
            os._exit(7)
        return int(digest[:8], 16)

    run = ne.evolve(
        NeatSpace(inputs=2, outputs=1),
        ne.tasks.Function(fitness, of="genome"),
        population=24,
        budget=ne.Budget(evaluations=24),
        evaluator=Slots(2, retries=1),
        seed=2,
        progress=False,
    )
    tries = sorted(path.stat().st_size for path in tmp_path.iterdir())
    assert 0 < run.failures < 20 and run.evaluations == 24
    assert tries == [1] * (24 - run.failures) + [2] * run.failures


KERNEL = pytest.mark.skipif(process.fcntl is None or sys.platform != "linux", reason="takes a signal that the kernel sends")


@pytest.mark.parametrize("candidate", ["time.sleep(100)", pytest.param("ctypes.PyDLL(None).sleep(100)", marks=KERNEL)])
def test_no_worker_outlives_a_killed_driver_whatever_it_does(candidate: str, tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import ctypes, os, time
            import neuroevo as ne
            from neuroevo.testing.evaluator import NumberSpace

            def fitness(genome):
                print(os.getpid(), flush=True)
                {candidate}

            ne.evolve(NumberSpace(), ne.tasks.Function(fitness, of="genome"), budget=ne.Budget(evaluations=9), workers=2)
            """
        )
    )
    driver = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert driver.stdout is not None
    workers = [int(driver.stdout.readline()) for _ in range(2)]
    driver.kill()
    driver.wait()
    driver.stdout.close()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(alive(worker) for worker in workers):
        time.sleep(0.02)
    assert not any(alive(worker) for worker in workers)


def alive(process: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
