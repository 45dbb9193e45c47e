"""Kill the driver at random moments and at named points: nothing committed is lost, every resumed run ends bit-identical to one never
killed. Kill workers: the victim is tried again and nobody else."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
from record import committed, contents
from short_run import POINTS, search

import neuroevo as ne
from genomes import CellSpace
from neuroevo import strategies
from neuroevo.evaluators import Slots

SCRIPT = Path(__file__).with_name("short_run.py")
SEARCHES = ("neat", "nsga2", "lemonade", "halving", "steady_halving", "shared")


def looked_at(folder: Path) -> int:
    """How many records a search has committed, without a trace in its folder: evaluations, populations, epochs of shared networks."""
    try:
        database = sqlite3.connect(f"{(folder / 'run.db').as_uri()}?mode=ro", uri=True)
        with closing(database):
            (evaluations,) = database.execute("SELECT count(*) FROM evaluations").fetchone()
            (populations,) = database.execute("SELECT count(*) FROM populations").fetchone()
            (epochs,) = database.execute("SELECT count(*) FROM trials WHERE members = 0 AND status != 'pending'").fetchone()
            return int(evaluations + populations + epochs)
    except sqlite3.Error:
        return 0


class Searches:
    """Starts searches, each in a process of its own, from one that has imported everything."""

    def __init__(self) -> None:
        command = [sys.executable, str(SCRIPT), "--serve"]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _answer(self, *words: object) -> int:
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write("\t".join(map(str, words)) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def start(self, folder: Path, strategy: str, *arguments: object) -> int:
        """Start one; its process."""
        return self._answer(folder, strategy, *(arguments or (1,)))

    def wait(self, process: int) -> int:
        """How it ended."""
        return self._answer("wait", process)

    def finish(self, folder: Path, strategy: str) -> float:
        """Run to the end; the seconds that it took."""
        begun = time.monotonic()
        assert self.wait(self.start(folder, strategy)) == 0
        return time.monotonic() - begun

    def close(self) -> None:
        self.server.communicate(timeout=60)


@pytest.fixture
def searches():
    if not hasattr(os, "fork"):
        pytest.skip("this system makes no process as a copy of another")
    with closing(Searches()) as made:
        yield made


Moment = (
    tuple[int, float] | tuple[str, int]
)  # so many records are committed, and so many seconds later; or a point and its passing


def kill_and_resume(searches: Searches, folder: Path, strategy: str, moment: Moment) -> tuple[int, dict]:
    """Kill once and finish; how many records were committed before."""
    if isinstance(moment[0], str):
        point, passing = moment
        while (status := searches.wait(searches.start(folder, strategy, 1, point, passing))) == 0:
            shutil.rmtree(folder)  # how often a point is passed depends on the clock: this time it was less often
            passing = max(1, int(passing) // 2)
        assert status == -signal.SIGKILL
    else:
        process = searches.start(folder, strategy)
        while looked_at(folder) < moment[0]:
            time.sleep(0.02)
        time.sleep(moment[1])
        os.kill(process, signal.SIGKILL)
        assert searches.wait(process) in (0, -signal.SIGKILL)
    before = committed(folder)
    searches.finish(folder, strategy)
    after = committed(folder)
    lost = [id for id, values in before.items() if after.get(id) != values]
    assert not lost, f"evaluations {lost} were committed and are lost or changed"
    return len(before), contents(folder)


QUICK: list[tuple[str, Moment]] = [
    ("lemonade", (30, 0.05)),
    ("lemonade", ("after a rename", 20)),
    ("halving", ("between an artifact's file and its row", 40)),
    ("shared", ("between a batch's last evaluation and the tell", 30)),
]


def test_a_killed_search_resumes_bit_identical(searches: Searches, tmp_path: Path) -> None:
    for strategy in {strategy for strategy, _ in QUICK}:
        searches.finish(tmp_path / strategy, strategy)
    for number, (strategy, moment) in enumerate(QUICK):
        count, resumed = kill_and_resume(searches, tmp_path / f"killed{number}", strategy, moment)
        whole = tmp_path / strategy
        assert resumed == contents(whole), (strategy, moment)
        assert 0 < count < len(committed(whole))


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system makes no process as a copy of another")
@pytest.mark.parametrize("strategy", SEARCHES)
@pytest.mark.parametrize("part", range(4))
def test_kills_at_random_moments_and_at_named_points_resume_bit_identical(strategy: str, part: int, tmp_path: Path) -> None:
    """17 kills in each of 24 parts, 408 together: 9 at random moments, 8 at named points."""
    with closing(Searches()) as one, closing(Searches()) as other:
        assert one.wait(one.start(tmp_path / "first", strategy, 1, "none", 0)) == 0
        passings = json.loads((tmp_path / "first" / "passings.json").read_text())
        one.finish(tmp_path / "whole", strategy)
        whole, last = contents(tmp_path / "whole"), len(committed(tmp_path / "whole"))
        chosen = random.Random(f"{strategy} {part}")
        moments: list[Moment] = [(chosen.randint(0, last * 3 // 4), chosen.uniform(0.0, 0.1)) for _ in range(9)]
        points = [point for point in POINTS if passings.get(point)]
        moments += [((point := chosen.choice(points)), chosen.randint(1, passings[point] * 3 // 4 or 1)) for _ in range(8)]

        def kills(searches: Searches, first: int) -> list[int]:
            counts = []
            for number in range(first, len(moments), 2):
                count, resumed = kill_and_resume(searches, tmp_path / f"killed{number}", strategy, moments[number])
                assert resumed == whole, f"kill {number} ({moments[number]})"
                counts.append(count)
                print(json.dumps({"strategy": strategy, "killed": moments[number], "committed": count, "of": last}), flush=True)
            return counts

        with ThreadPoolExecutor(2) as two:
            counts = [count for some in two.map(kills, (one, other), (0, 1)) for count in some]
    inside = sum(0 < count < last for count in counts)
    print(json.dumps({"strategy": strategy, "kills": len(counts), "inside the run": inside, "lost": 0, "identical": len(counts)}))
    assert inside >= len(counts) // 3, f"most kills must hit the run itself, not its start or end: {counts}"


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_like_one_never_killed(searches: Searches, tmp_path: Path) -> None:
    seconds = searches.finish(tmp_path / "whole", "nsga2")
    moments = random.Random(8)
    for _ in range(6):
        process = searches.start(tmp_path / "killed", "nsga2")
        time.sleep(moments.uniform(0.2, 0.6) * seconds)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        searches.wait(process)
    searches.finish(tmp_path / "killed", "nsga2")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


@pytest.mark.parametrize("kills", [2, pytest.param(12, marks=pytest.mark.slow)])
def test_a_killed_search_of_several_workers_goes_on_from_its_own_order(kills: int, searches: Searches, tmp_path: Path) -> None:
    """In which order candidates of an asynchronous search are completed is chance; what was committed decides how it goes on."""
    chosen = random.Random(kills)
    for number in range(kills):
        folder = tmp_path / f"killed{number}"
        while True:
            process = searches.start(folder, "steady_halving", 2)
            moment = chosen.randint(5, 90)
            while looked_at(folder) < moment:
                time.sleep(0.02)
            time.sleep(chosen.uniform(0.0, 0.05))
            os.kill(process, signal.SIGKILL)
            if searches.wait(process) == -signal.SIGKILL:
                break
            shutil.rmtree(folder)
        before, order = committed(folder), completions(folder)
        assert searches.wait(searches.start(folder, "steady_halving", 2)) == 0
        after = committed(folder)
        assert before.items() <= after.items() and completions(folder)[: len(order)] == order
        again = search(None, "steady_halving", replay=folder)
        assert again.history().equals(ne.load_run(folder).history()) and len(after) >= 120


def completions(folder: Path) -> list[int]:
    """Trials in the order in which they were completed."""
    with closing(sqlite3.connect(folder / "run.db")) as database:
        rows = database.execute("SELECT id FROM trials WHERE completed IS NOT NULL ORDER BY completed")
        return [row[0] for row in rows]


# Workers ----------------------------------------------------------------------------------------------------------------------


class Noted:
    """A fitness that notes every time that it runs: process and moment, in a file of the candidate's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, genome) -> dict[str, float]:
        with open(self.folder / genome.table_key, "a") as file:
            file.write(f"{os.getpid()} {time.monotonic()}\n")
        time.sleep(0.02)
        return digits_only(genome)


def digits_only(genome) -> dict[str, float]:
    """The scores alone."""
    digits = [int(digit) for digit in genome.table_key]
    return {"loss": sum((digit - 2.5) ** 2 for digit in digits), "size": float(genome.parameters)}


def noted_search(fitness, evaluations: int, seed: int, evaluator=None) -> ne.Run:
    return ne.evolve(
        CellSpace(),
        ne.tasks.Function(fitness, {"loss": ne.minimise, "size": ne.minimise}, of="genome"),
        strategy=strategies.Nsga2(population=20, deduplicate="genome"),
        budget=ne.Budget(evaluations=evaluations),
        evaluator=evaluator,
        seed=seed,
        progress=False,
    )


def search_with_kills(folder: Path, kills: int, evaluations: int, seed: int) -> tuple[ne.Run, list[int]]:
    """Run a search while working workers are killed at random moments; the process ids of those killed."""
    slots = Slots(2)
    killed: list[int] = []
    ended = threading.Event()

    def killer() -> None:
        chosen = random.Random(seed)
        while len(killed) < kills and not ended.wait(chosen.uniform(0.05, 0.3)):
            done = Counter(int(line.split()[0]) for path in folder.iterdir() for line in path.read_text().splitlines())
            # one that just started is at the last victim: a candidate that is killed three times is given up, as it should be
            targets = [process for process in slots.processes if done[process] > 2 and process not in killed]
            if targets:
                killed.append(chosen.choice(targets))
                psutil.Process(killed[-1]).kill()

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        return noted_search(Noted(folder), evaluations, seed, slots), killed
    finally:
        ended.set()
        thread.join()


def check_worker_kills(folder: Path, kills: int, seed: int) -> int:
    """One search under kills; how many candidates were run again."""
    folder.mkdir()
    run, killed = search_with_kills(folder, kills, 50 * kills, seed)
    assert len(killed) == kills and run.evaluations == 50 * kills and run.failures == 0
    runs = {path.name: [line.split() for line in path.read_text().splitlines()] for path in folder.iterdir()}
    last: dict[int, float] = {}
    for noted in runs.values():
        for process, moment in noted:
            last[int(process)] = max(last.get(int(process), 0.0), float(moment))
    again = 0
    for noted in runs.values():
        for process, moment in noted[:-1]:
            assert int(process) in killed and last[int(process)] == float(moment), "a candidate ran again that was no victim"
            again += 1
    assert again <= kills
    undisturbed = noted_search(digits_only, 50 * kills, seed)
    assert run.history().equals(undisturbed.history())
    return again


def test_a_killed_worker_costs_its_victim_a_retry_and_nobody_else(tmp_path: Path) -> None:
    assert check_worker_kills(tmp_path / "run", kills=4, seed=1) >= 1


@pytest.mark.slow
def test_a_hundred_killed_workers(tmp_path: Path) -> None:
    again = [check_worker_kills(tmp_path / f"run{seed}", kills=10, seed=seed) for seed in range(10)]
    print(json.dumps({"worker kills": 100, "victims run again": sum(again), "healthy candidates run again": 0}))
    assert sum(again) >= 20, "some are killed while they wait for work; many must be killed at work"
