"""The Ray evaluator on a real Ray: the same search as in one process, whatever happens to workers and nodes."""

import os
import re
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from short_run import search
from tiny_halving import Descent, Loss

import neuroevo as ne
from neuroevo import strategies
from neuroevo.evaluators import Evaluator, Ray, Slots, Work, by_name
from neuroevo.testing.evaluator import EvaluatorSuite, NumberSpace, SquareTask, trials

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def started():
    """A Ray of the user's own, which evaluators join and leave."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=8, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@pytest.mark.usefixtures("started")
class TestRay(EvaluatorSuite):
    def evaluator(self) -> Evaluator:
        return Ray(2)


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize("strategy", ["nsga2", "regularized_evolution", "neat_one_by_one"])
def test_serial_slots_and_ray_give_identical_ancestry_and_fitness(strategy: str) -> None:
    serial = search(None, strategy, evaluations=128)
    for workers in (1, 2, 8):
        for evaluator in (Slots(workers), Ray(workers)):
            run = search(None, strategy, evaluations=128, evaluator=evaluator)
            assert run.history().equals(serial.history()), evaluator
            assert [i.id for i in run.front] == [i.id for i in serial.front]


@pytest.mark.usefixtures("started")
def test_weights_travel_without_a_shared_disk(tmp_path: Path) -> None:
    """Children start from their parents' weights on workers that are never told where a file lies."""
    serial = search(str(tmp_path / "serial"), "lemonade")
    run = search(str(tmp_path / "ray"), "lemonade", evaluator=Ray(2))
    assert run.failures == 0 and run.history().equals(serial.history())
    for individual in serial.front:
        name = f"artifacts/{individual.artifact.trial}.safetensors"
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "serial" / name).read_bytes()


@pytest.mark.usefixtures("started")
def test_rungs_go_on_from_checkpoints_that_travel(tmp_path: Path) -> None:
    """Successive halving in its order of asking, and ASHA as workers get done: what came when is recorded, and one process makes it again."""
    serial = search(str(tmp_path / "serial"), "halving")
    run = search(str(tmp_path / "ray"), "halving", evaluator=Ray(2))
    assert run.history().equals(serial.history()) and run.trials().epochs.equals(serial.trials().epochs)
    asynchronous = {
        "strategy": strategies.Asha(2, rungs=3, batch=4), "estimation": Descent(0.002), "budget": ne.Budget(evaluations=28), "seed": 3,
        "schedule": "asynchronous", "progress": False,
    }  # fmt: skip
    ran = ne.evolve(NumberSpace(), Loss(), run=tmp_path / "asha", evaluator=Ray(2), **asynchronous)
    again = ne.evolve(NumberSpace(), Loss(), run=tmp_path / "again", replay=tmp_path / "asha", **asynchronous)
    assert ran.failures == 0 and ran.evaluations == 28 and ran.history().equals(again.history())
    epochs = {trial.fidelity["epochs"] for trial in ran.trials().itertuples()}
    assert len(epochs) == 3, "a rung each"


@pytest.mark.usefixtures("started")
def test_limits_and_reasons_are_those_of_slots() -> None:
    def fitness(genome):
        if genome.value > 1.0:
            os._exit(7)
        if genome.value > 0.5:
            time.sleep(1000)
        return genome.value

    task = ne.tasks.Function(fitness, of="genome")
    with Ray(2, timeout=1.0, retries=1) as evaluator:
        evaluator.start(Work(task, task.estimation(), ne.tasks.Context()))
        given = trials(12, task)
        for trial in given:
            evaluator.submit(trial)
        results = {result.trial.id: result for result in evaluator.as_completed()}
    for trial in given:
        value, measurement = trial.individuals[0].genome.value, results[trial.id].measurement
        expected = "died 2 times (exit status 7)" if value > 1.0 else "longer than 1 seconds" if value > 0.5 else None
        assert (measurement.reasons == {}) if expected is None else (expected in measurement.reasons[0])


@pytest.mark.usefixtures("started")
def test_a_killed_actor_costs_its_own_trial_a_retry(tmp_path: Path) -> None:
    def fitness(genome):
        path = tmp_path / repr(genome.value)
        with open(path, "a") as file:
            file.write("x")
        if genome.value > 1.0 and path.stat().st_size == 1:
            psutil.Process(os.getppid()).kill()  # the actor, and not only the slot that it holds
            time.sleep(60)
        return genome.value

    task = ne.tasks.Function(fitness, of="genome")
    with Ray(2) as evaluator:
        evaluator.start(Work(task, task.estimation(), ne.tasks.Context()))
        given = trials(12, task)
        for trial in given:
            evaluator.submit(trial)
        results = {result.trial.id: result for result in evaluator.as_completed()}
    for trial in given:
        killed = trial.individuals[0].genome.value > 1.0
        assert results[trial.id].measurement.reasons == {} and results[trial.id].attempts == 1 + killed
        assert (tmp_path / repr(trial.individuals[0].genome.value)).stat().st_size == 1 + killed


def test_a_lost_node_of_a_cluster_costs_its_trials_a_retry(tmp_path: Path) -> None:
    """Two nodes with a worker each; one is lost while it works; the other goes on, and a third joins."""
    from ray.cluster_utils import Cluster

    def fitness(genome):
        with open(tmp_path / repr(genome.value), "a") as file:
            file.write(f"{os.getpid()} ")
        time.sleep(0.2)
        return genome.value

    ray.shutdown()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    lost = cluster.add_node(num_cpus=1)
    cluster.add_node(num_cpus=1)

    task = ne.tasks.Function(fitness, of="genome")
    results = {}
    try:
        with Ray(2, address=cluster.address) as evaluator:
            evaluator.start(Work(task, task.estimation(), ne.tasks.Context()))
            given = trials(40, task)
            for trial in given:
                evaluator.submit(trial)
            for result in evaluator.as_completed():
                results[result.trial.id] = result
                if len(results) == 6:
                    cluster.remove_node(lost, allow_graceful=False)
                if len(results) == 20:
                    cluster.add_node(num_cpus=1)
        assert not ray.is_initialized()
    finally:
        cluster.shutdown()
    again = [trial.id for trial in given if len((tmp_path / repr(trial.individuals[0].genome.value)).read_text().split()) > 1]
    assert len(results) == 40 and not any(result.measurement.reasons for result in results.values())
    assert len(again) <= 1, "only what the lost node was at is run again"
    tried_again = [id for id, result in results.items() if result.attempts > 1]
    assert set(again) <= set(tried_again) and len(tried_again) == 1


def test_a_local_ray_is_started_and_ended(tmp_path: Path) -> None:
    ray.shutdown()
    run = ne.evolve(
        NumberSpace(), SquareTask(), budget=ne.Budget(evaluations=20), population=10, evaluator=Ray(2), progress=False
    )
    assert run.evaluations == 20 and not ray.is_initialized()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and (left := ours()):
        time.sleep(0.2)
    assert left == []


def ours() -> list[str]:
    """Processes of Ray that this process started."""
    found = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout.splitlines()
    mine = str(os.getpid())
    return [line for line in found if line.split()[1] == mine and re.search("raylet|gcs_server|ray::", line)]


def test_what_does_not_fit_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="gpus_per_trial must be"):
        Ray(2, gpus_per_trial=1.5)
    with pytest.raises(ValueError, match="timeout must be > 0"):
        Ray(2, timeout=-1)
    with pytest.raises(ValueError, match="--evaluator ray"):
        by_name("slots", gpus_per_trial=0.5)
    with pytest.raises(ValueError, match="did you mean 'ray'"):
        by_name("rey")
