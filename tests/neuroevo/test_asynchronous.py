"""The asynchronous schedule: workers do not wait for each other, and what was completed in which order makes the search again."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import neuroevo as ne
from neuroevo import strategies
from neuroevo.core.trial import Result, Trial
from neuroevo.evaluators import Evaluator, Serial, Slots, Work
from neuroevo.evaluators.serial import measured
from neuroevo.store import StoreError
from neuroevo.testing.evaluator import NumberSpace, SquareTask

STRATEGIES = {
    "nsga2": lambda: strategies.Nsga2(population=8),
    "nsga3": lambda: strategies.Nsga3(population=8),
    "lemonade": lambda: strategies.Lemonade(population=6, proposals=12, accepted=4),
    "regularized_evolution": lambda: strategies.RegularizedEvolution(population=8, sample=3),
    "random_search": lambda: strategies.RandomSearch(),
}


class Shuffled(Evaluator):
    """Completes trials in an order of its own, as workers of different speed would."""

    def __init__(self, capacity: int, seed: int) -> None:
        self.capacity, self.seed = capacity, seed
        self.submitted: list[int] = []
        self.most = 0

    def start(self, work: Work) -> None:
        self.work, self.trials = work, dict[int, Trial]()

    def submit(self, trial: Trial) -> None:
        self.trials[trial.id] = trial
        self.submitted.append(trial.id)
        self.most = max(self.most, len(self.trials))

    def as_completed(self):
        while self.trials:
            id = min(self.trials, key=lambda id: (id * 2654435761 * self.seed) % 1000)
            trial = self.trials.pop(id)
            yield Result(trial, measured(self.work, trial))

    def close(self) -> None:
        self.trials = {}


def evolve(strategy: str = "nsga2", *, evaluations: int = 60, evaluator: Evaluator | None = None, **options) -> ne.Run:
    return ne.evolve(
        NumberSpace(),
        options.pop("task", None) or SquareTask(),
        strategy=STRATEGIES[strategy](),
        budget=options.pop("budget", None) or ne.Budget(evaluations=evaluations),
        schedule="asynchronous",
        evaluator=evaluator or Shuffled(4, 3),
        seed=1,
        progress=False,
        **options,
    )


def course(folder: Path) -> dict[str, list[tuple]]:
    """What was recorded of a search, in the order of completion."""
    database = sqlite3.connect(folder / "run.db")
    try:
        return {
            "births": database.execute("SELECT * FROM individuals ORDER BY id").fetchall(),
            "completed": database.execute('SELECT individual, status, "values" FROM evaluations ORDER BY id').fetchall(),
            "asks": database.execute("SELECT * FROM asks ORDER BY number").fetchall(),
        }
    finally:
        database.close()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_search_cut_short_goes_on_as_its_record_says(strategy: str, tmp_path: Path) -> None:
    """The evaluations that were committed happen again in their order, without being run; then it goes on."""
    evolve(strategy, evaluations=37, run=tmp_path / "run")
    first = course(tmp_path / "run")
    evaluator = Shuffled(4, 3)
    run = evolve(strategy, evaluations=60, run=tmp_path / "run", evaluator=evaluator)
    assert run.evaluations == 60 and len(evaluator.submitted) == 23
    after = course(tmp_path / "run")
    assert after["completed"][:37] == first["completed"]
    assert after["births"][: len(first["births"])] == first["births"]
    loaded = ne.load_run(tmp_path / "run")
    assert [i.id for i in loaded.front] == [i.id for i in run.front] and loaded.generation == run.generation
    assert loaded.history().equals(run.history())


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("workers", [1, 7])
def test_a_replay_evaluates_everything_again_in_the_recorded_order(strategy: str, workers: int, tmp_path: Path) -> None:
    """On other workers, which complete in another order."""
    evolve(strategy, run=tmp_path / "run")
    recorded = course(tmp_path / "run")
    evaluator = Serial() if workers == 1 else Shuffled(workers, 11)
    evolve(strategy, run=tmp_path / "again", replay=tmp_path / "run", evaluator=evaluator)
    assert course(tmp_path / "again") == recorded
    order = [row[0] for row in recorded["completed"]]
    assert order != sorted(order), "the workers must have overtaken each other"


def test_another_order_gives_another_search(tmp_path: Path) -> None:
    evolve(run=tmp_path / "one")
    evolve(run=tmp_path / "two", evaluator=Shuffled(4, 7))
    assert course(tmp_path / "one")["births"] != course(tmp_path / "two")["births"]


def test_one_worker_makes_it_a_function_of_the_seed() -> None:
    one, two = evolve(evaluator=Serial()), evolve(evaluator=Serial())
    assert one.history().equals(two.history())


def test_all_workers_are_kept_busy() -> None:
    evaluator = Shuffled(5, 3)
    evolve(evaluator=evaluator)
    assert evaluator.most == 5


def test_a_slow_candidate_holds_up_nobody(tmp_path: Path) -> None:
    """The first candidate waits until 40 others are completed, children of later generations among them."""
    (tmp_path / "done").mkdir()

    def fitness(genome):
        try:
            (tmp_path / "slow").touch(exist_ok=False)
        except FileExistsError:
            (tmp_path / "done" / str(genome.value)).touch()
        else:
            while len(list((tmp_path / "done").iterdir())) < 40:
                time.sleep(0.01)
        return -abs(genome.value)

    task = ne.tasks.Function(fitness, of="genome")
    evolve("regularized_evolution", evaluations=60, evaluator=Slots(2, timeout=60), task=task, run=tmp_path / "run")
    order = [row[0] for row in course(tmp_path / "run")["completed"]]
    assert max(order.index(id) for id in (0, 1)) >= 40


def test_failures_are_told_and_limits_end_the_run() -> None:
    failing = evolve(task=SquareTask(fail_within=0.4))
    assert 0 < failing.failures < 60 and failing.evaluations == 60
    with pytest.raises(ne.SearchFailed, match="every one of the first 8"):
        evolve(task=SquareTask(fail_within=1e9))
    assert evolve(budget=ne.Budget(generations=3)).evaluations == 24 + 3
    solved = evolve(budget=ne.Budget(evaluations=500, target=0.01))
    assert solved.ended == "target" and solved.evaluations < 500


def test_what_cannot_run_so_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Neat has no asynchronous schedule"):
        ne.evolve(
            NumberSpace(), SquareTask(), strategy=strategies.Neat(), budget=ne.Budget(evaluations=9), schedule="asynchronous"
        )
    with pytest.raises(ValueError, match="synchronous"):
        evolve(budget=ne.Budget(simulated_seconds=10))
    with pytest.raises(ValueError, match="replay"):
        ne.evolve(NumberSpace(), SquareTask(), budget=ne.Budget(evaluations=9), replay=tmp_path)
    evolve(run=tmp_path / "run")
    with pytest.raises(StoreError, match=r"strategy\.population"):
        ne.evolve(
            NumberSpace(), SquareTask(), strategy=strategies.Nsga2(population=9), budget=ne.Budget(evaluations=60), seed=1,
            schedule="asynchronous", replay=tmp_path / "run", progress=False,
        )  # fmt: skip


@pytest.mark.parametrize("evaluations", [96])
def test_a_killed_search_that_inherits_goes_on_as_its_record_says(evaluations: int, tmp_path: Path) -> None:
    reliability = str(Path(__file__).parents[1] / "reliability")
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); from short_run import *\n"
        "class Kill(ne.Callback):\n"
        "    def on_result(self, run, result):\n"
        "        if run.evaluations == 51:\n"
        "            os.kill(os.getpid(), 9)\n"
        "search(sys.argv[1], 'lemonade', workers=2, schedule='asynchronous', callbacks=[Kill()])\n"
    )
    folder = tmp_path / "run"
    subprocess.run([sys.executable, "-c", script, str(folder), reliability], timeout=60)
    before = course(folder)
    sys.path.insert(0, reliability)
    try:
        from short_run import search
    finally:
        sys.path.remove(reliability)
    run = search(str(folder), "lemonade", schedule="asynchronous")
    after = course(folder)
    assert len(before["completed"]) == 51 and run.evaluations == evaluations and run.failures == 0
    assert after["completed"][:51] == before["completed"] and len(after["completed"]) == evaluations
    search(str(tmp_path / "again"), "lemonade", schedule="asynchronous", replay=folder)
    assert course(tmp_path / "again") == after, "every inherited weight is what it was"
