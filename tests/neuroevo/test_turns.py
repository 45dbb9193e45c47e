"""Turns: who measures has the machine alone, nobody waits for ever, and no dead process holds anybody up."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core import turns as module
from neuroevo.core.individual import Individual
from neuroevo.core.streams import stream
from neuroevo.core.trial import Trial
from neuroevo.core.turns import Turns, turns_for
from neuroevo.estimation import Direct, FullTraining
from neuroevo.tasks import Classification, Context, Function

ROOT = Path(__file__).parents[2]
locks = pytest.mark.skipif(module.fcntl is None, reason="this system has no file locks that are shared")

# Works in pieces of 20 ms, writing when each begins and ends; or measures.
WORKER = """
import sys, time
from neuroevo.core.turns import Turns
turns, role, pieces = Turns(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def spend(what, seconds):
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        pass
    print(what, start, time.monotonic(), flush=True)
print("ready", flush=True)
sys.stdin.readline()
with turns.working():
    for piece in range(pieces):
        spend("work", 0.02)
        turns.give_way()
        if role == "measures" and piece % 3 == 1:
            with turns.alone():
                spend("measure", 0.03)
"""


def started(folder: Path, role: str, pieces: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(folder), role, str(pieces)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    return process


def go(*processes: subprocess.Popen[str]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def spans(process: subprocess.Popen[str]) -> list[tuple[str, float, float]]:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return [(what, float(start), float(end)) for what, start, end in map(str.split, out.splitlines())]


@locks
def test_while_one_measures_nobody_works_or_measures(tmp_path: Path) -> None:
    processes = [started(tmp_path, role, 12) for role in ("works", "works", "measures", "measures")]
    go(*processes)
    done = [spans(process) for process in processes]
    measured = [(i, start, end) for i, mine in enumerate(done) for what, start, end in mine if what == "measure"]
    assert len(measured) == 8
    for i, start, end in measured:
        others = [span for j, mine in enumerate(done) if j != i for span in mine]
        assert not [what for what, begin, finish in others if begin < end and finish > start], (
            "something ran beside a measurement"
        )
    works = [[(start, end) for what, start, end in mine if what == "work"] for mine in done[:2]]
    together = sum(a < d and c < b for a, b in works[0] for c, d in works[1])
    assert together > 0, "those that work wait for each other"


@locks
def test_who_measures_waits_for_one_piece_of_work_however_many_follow(tmp_path: Path) -> None:
    worker = started(tmp_path, "works", 400)
    go(worker)
    assert worker.stdout is not None
    worker.stdout.readline()
    turns, start = Turns(tmp_path), time.monotonic()
    with turns.alone():
        assert turns.waited <= time.monotonic() - start
        worker.kill()
        out, _ = worker.communicate()
    assert out.count("work") < 399, "eight seconds of work were not interrupted"


@locks
def test_a_killed_process_gives_its_turn_back(tmp_path: Path) -> None:
    holder = started(tmp_path, "works", 10**6)
    go(holder)
    assert holder.stdout is not None
    holder.stdout.readline()
    psutil.Process(holder.pid).suspend()  # it holds its turn and will never let go
    waiting = started(tmp_path, "measures", 2)
    go(waiting)
    time.sleep(0.5)
    assert waiting.poll() is None, "it did not wait for the one that holds its turn"
    holder.kill()
    holder.communicate()
    spans(waiting)


@locks
def test_turns_travel_as_their_folder(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    with turns.working():
        again = pickle.loads(pickle.dumps(Context(turns=turns))).turns
        assert again == turns and again._files is None
        with again.working(), again.working():
            again.give_way()
    with turns.alone(), turns.alone(), turns.working():
        pass


@locks
def test_a_run_takes_turns_only_where_it_measures_with_several_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(module, "default_folder", lambda: tmp_path / "turns")
    measuring = Classification("iris", "error,latency").objectives
    assert turns_for(measuring, workers=2) == Turns(tmp_path / "turns")
    assert turns_for(measuring, workers=1) is None
    assert turns_for(Classification("iris", "error,flops").objectives, workers=8) is None


@pytest.mark.parametrize("measured", ["error,latency", "latency,flops"])
def test_where_no_turns_can_be_taken_a_run_says_so(measured: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "fcntl", None)
    measuring = Classification("iris", measured).objectives
    with pytest.warns(RuntimeWarning, match="latency will be measured beside the other workers' training"):
        assert turns_for(measuring, workers=2) is None


class Recorded(Turns):
    """Turns that write down what is done."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.log: list[str] = []

    def give_way(self) -> None:
        self.log.append("way")
        super().give_way()

    def _take(self, which: int, alone: bool = False) -> None:
        if alone and which == 1:
            self.log.append("alone")
        super()._take(which, alone)


@locks
def test_a_training_gives_way_at_every_epoch_and_measures_alone(tmp_path: Path) -> None:
    turns, seen = Recorded(tmp_path), []

    def alone(model):
        seen.append(turns._alone)
        return 1.0

    task = Classification("iris", ["error", ne.Objective("energy", kind="measured", of=alone), "latency"], seed=1)
    genome = task.default_space(starter_parameters=(30, 60)).random(stream(1, 5))
    trial = Trial(0, (Individual(0, genome, (-1.0, -1.0, -1.0)),))
    context = Context(seed=1, turns=turns)
    result = FullTraining(epochs=7).measure(trial, task, context)
    assert seen == [True] and result.values[0, 1] == 1.0 and result.values[0, 2] > 0
    assert turns.log.count("alone") == 1 and turns.log.count("way") >= 7
    assert not turns._working and not turns._alone
    free = FullTraining(epochs=7).measure(trial, task, replace(context, turns=None))
    assert free.values[0, 0] == result.values[0, 0]


@locks
def test_a_measured_custom_fitness_runs_alone_and_others_do_not(tmp_path: Path) -> None:
    turns, space = Recorded(tmp_path), NeatSpace(2, 1)
    trial = Trial(0, tuple(Individual(i, space.random(stream(1, i)), (-1.0,)) for i in range(3)))
    task = Function(lambda network: float(turns._alone), {"energy": ne.Objective("energy", kind="measured")})
    assert Direct().measure(trial, task, Context(turns=turns)).values.ravel().tolist() == [1.0, 1.0, 1.0]
    plain = Function(lambda network: float(turns._alone))
    assert Direct().measure(trial, plain, Context(turns=turns)).values.ravel().tolist() == [0.0, 0.0, 0.0]


@locks
def test_a_folder_that_cannot_be_made_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError):
        Turns(tmp_path / "file" / "turns")
