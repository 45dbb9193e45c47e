"""Serial and slots: the conformance suite, and what only real processes can show."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
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
            os.kill(os.getpid(), signal.SIGKILL)
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
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(_alive(worker) for worker in workers):
        time.sleep(0.05)
    assert not any(_alive(worker) for worker in workers)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{process}/stat")
    return not (status.exists() and status.read_text().split(")")[1].split()[0] == "Z")


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"retries": -1}, {"timeout": 0}])
def test_impossible_settings_are_refused(arguments: dict) -> None:
    with pytest.raises(ValueError, match="must be"):
        Slots(**arguments)


def test_measurements_keep_float_precision_through_a_worker() -> None:
    results = run(lambda genome: genome.value / 3.0, 3, Slots(1))
    values = [t.individuals[0].genome.value / 3.0 for t in trials(3, Function(lambda g: 0.0, of="genome"))]
    np.testing.assert_array_equal([results[id].measurement.values[0, 0] for id in range(3)], values)
