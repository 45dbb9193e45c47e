"""Serial and slots: the conformance suite, and what only real processes can show."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from neuroevo.estimation.direct import Direct
from neuroevo.evaluators import Evaluator, Serial, Slots, Work
from neuroevo.tasks.base import Context
from neuroevo.tasks.function import Function
from neuroevo.testing.evaluator import EvaluatorSuite, trials


class TestSerial(EvaluatorSuite):
    def evaluator(self) -> Evaluator:
        return Serial()


class TestTwoSlots(EvaluatorSuite):
    def evaluator(self) -> Evaluator:
        return Slots(2)


def run(fitness, count: int, slots: Slots) -> dict:
    task = Function(fitness, of="genome")
    with slots:
        slots.start(Work(task, Direct(), Context()))
        for trial in trials(count, task):
            slots.submit(trial)
        return {result.trial.id: result for result in slots.as_completed()}


def test_a_closure_reaches_the_workers() -> None:
    factor = 3.0
    results = run(lambda genome: factor * genome.value, 4, Slots(2))
    expected = [3.0 * t.individuals[0].genome.value for t in trials(4, Function(lambda g: 0.0, of="genome"))]
    assert [float(results[id].measurement.values[0, 0]) for id in range(4)] == expected


def test_a_killed_worker_costs_its_own_trial_a_retry_and_nothing_else(tmp_path: Path) -> None:
    victim = trials(8, Function(lambda g: 0.0, of="genome"))[3].individuals[0].genome.value

    def fitness(genome):
        with open(tmp_path / f"{genome.value}", "a") as file:
            file.write("x")
        if genome.value == victim and os.path.getsize(tmp_path / f"{victim}") == 1:
            psutil.Process().kill()
        return genome.value

    results = run(fitness, 8, Slots(2))
    assert sorted(results) == list(range(8))
    assert not any(result.measurement.reasons for result in results.values())
    assert results[3].attempts == 2
    tries = sorted(path.stat().st_size for path in tmp_path.iterdir())
    assert tries == [1] * 7 + [2]


def test_a_trial_that_always_kills_its_worker_is_recorded_failed() -> None:
    results = run(lambda genome: os._exit(7) if genome.value > 0.5 else genome.value, 6, Slots(2, retries=1))
    failed = {id for id, result in results.items() if result.measurement.reasons}
    assert failed and len(failed) < 6
    for id in failed:
        assert results[id].attempts == 2
        assert results[id].measurement.reasons[0] == "the worker process died 2 times (exit status 7)"


def test_a_trial_that_takes_too_long_is_stopped_and_not_tried_again() -> None:
    def fitness(genome):
        if genome.value > 0.5:
            time.sleep(60)
        return genome.value

    results = run(fitness, 6, Slots(2, timeout=1.0))
    slow = [result for result in results.values() if result.measurement.reasons]
    assert slow and all(result.attempts == 1 and "longer than 1 seconds" in result.measurement.reasons[0] for result in slow)


def test_no_worker_outlives_a_killed_driver(tmp_path: Path) -> None:
    script = tmp_path / "driver.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, time
            from neuroevo.evaluators import Slots, Work
            from neuroevo.estimation.direct import Direct
            from neuroevo.tasks.base import Context
            from neuroevo.tasks.function import Function
            from neuroevo.testing.evaluator import trials

            task = Function(lambda genome: (print(os.getpid(), flush=True), time.sleep(60))[1], of="genome")
            slots = Slots(2)
            slots.start(Work(task, Direct(), Context()))
            for trial in trials(2, task):
                slots.submit(trial)
            list(slots.as_completed())
            """
        )
    )
    driver = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    assert driver.stdout is not None
    workers = [int(driver.stdout.readline()) for _ in range(2)]
    driver.kill()
    driver.wait()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(_alive(worker) for worker in workers):
        time.sleep(0.05)
    assert not any(_alive(worker) for worker in workers)


def _alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"retries": -1}, {"timeout": 0}])
def test_impossible_settings_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        Slots(**arguments)


def test_measurements_keep_float_precision_through_a_worker() -> None:
    results = run(lambda genome: genome.value / 3.0, 3, Slots(1))
    values = [t.individuals[0].genome.value / 3.0 for t in trials(3, Function(lambda g: 0.0, of="genome"))]
    np.testing.assert_array_equal([results[id].measurement.values[0, 0] for id in range(3)], values)


def test_threads_and_gpus_are_pinned_to_a_slot(tmp_path: Path) -> None:
    def fitness(genome):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "CUDA_VISIBLE_DEVICES")
        (tmp_path / f"{os.getpid()} {'-'.join(os.environ[name] for name in names)}").touch()
        time.sleep(0.2)
        return 0.0

    run(fitness, 9, Slots(3, threads=2, gpus=(4, 6)))
    seen = sorted(path.name.split()[1] for path in tmp_path.iterdir())
    assert seen == ["2-2-2-2-4", "2-2-2-2-4", "2-2-2-2-6"]


def test_results_come_back_as_they_finish(tmp_path: Path) -> None:
    """The first trial waits until somebody has seen the results of the others."""
    given = trials(6, Function(lambda g: 0.0, of="genome"))
    first = given[0].individuals[0].genome.value

    def fitness(genome):
        while genome.value == first and not (tmp_path / "seen").exists():
            time.sleep(0.01)
        return genome.value

    order = []
    with Slots(2, timeout=60) as slots:
        slots.start(Work(Function(fitness, of="genome"), Direct(), Context()))
        for trial in given:
            slots.submit(trial)
        for result in slots.as_completed():
            order.append(result.trial.id)
            if len(order) == 5:
                (tmp_path / "seen").touch()
    assert sorted(order[:5]) == [1, 2, 3, 4, 5] and order[5] == 0


def test_functions_of_a_notebook_reach_the_workers() -> None:
    """They live in `__main__`, refer to each other and to objects made in other cells, and their source is in no file."""
    cells = [
        "import neuroevo as ne\nfrom neuroevo.testing.evaluator import NumberSpace",
        "offset = 2.0\nclass Scorer:\n    def __init__(self, factor):\n        self.factor = factor\n"
        "    def __call__(self, value):\n        return self.factor * value + offset",
        "scorer = Scorer(3.0)\ndef helper(value):\n    return scorer(value)\nfitness = lambda genome: helper(genome.value)",
        "run = ne.evolve(NumberSpace(), ne.tasks.Function(fitness, of='genome'), population=4, budget=ne.Budget(evaluations=8), workers=2)",
        "assert run.failures == 0\nassert all(i.fitness.values[0] == 3.0 * i.genome.value + 2.0 for i in run)",
    ]
    notebook = f"for number, cell in enumerate({cells!r}):\n    exec(compile(cell, f'<cell {{number}}>', 'exec'), globals())"
    done = subprocess.run(
        [sys.executable, "-c", notebook], capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_worker_that_cannot_start_says_why() -> None:
    class Unloadable:
        def __call__(self, genome):
            return 0.0

        def __reduce__(self):
            return (__import__, ("a_module_that_is_not_there",))

    with pytest.raises(RuntimeError, match=r"before they are ready .*No module named 'a_module_that_is_not_there'"):
        run(Unloadable(), 2, Slots(1, retries=0))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_memory": "lots"}, "a memory limit is a number of bytes or text such as '4GB'"),
        ({"max_memory": 0}, "max_memory must be > 0"),
        ({"timeout": float("nan")}, "timeout must be > 0"),
        ({"threads": 0}, "threads must be >= 1"),
    ],
)
def test_impossible_limits_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Slots(1, **arguments)


def test_the_front_door_takes_the_limits() -> None:
    import neuroevo as ne
    from genomes import NeatSpace, NetworkSpace
    from neuroevo.run.evolution import default_evaluator, limited_space

    limited = default_evaluator(None, 2.0, "1GB")
    assert isinstance(limited, Slots) and limited.workers == 1
    assert (limited.limits.seconds, limited.limits.memory) == (2.0, 1 << 30)
    assert limited_space(NetworkSpace((8,), 3), 5000).max_parameters == 5000
    with pytest.raises(ValueError, match=r"a NeatSpace has no limit max_parameters .*max_hidden"):
        ne.evolve(NeatSpace(inputs=2, outputs=1), lambda n: 0.0, budget=ne.Budget(evaluations=1), max_parameters=5)
    with pytest.raises(ValueError, match="to the evaluator itself"):
        ne.evolve(
            NeatSpace(inputs=2, outputs=1), lambda n: 0.0, budget=ne.Budget(evaluations=1), evaluator=Serial(), max_memory="1GB"
        )
