"""The conformance suite for estimations: whoever writes one runs the same tests as the built-in ones.

    class TestMine(EstimationSuite):
        def estimation(self):
            return Mine(epochs=1)

        def task(self):
            return Classification("iris", seed=1)

        def space(self):
            return self.task().default_space()

The suite is driver and worker itself: it plans, measures with a copy that went through a pickle, and lets the estimation observe. Keep the
task small: everything is measured a dozen times.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from genomes.base import Space
from neuroevo.core.individual import Individual
from neuroevo.core.state import State
from neuroevo.core.streams import stream
from neuroevo.core.trial import Fidelity, Measurement, Prediction, Result, Trial
from neuroevo.estimation.base import Estimation
from neuroevo.estimation.stopping import rule_from_json
from neuroevo.tasks.base import Context, Task, weights
from neuroevo.testing.evaluator import NumberSpace
from neuroevo.testing.strategy import through_disk

# What another process runs: it is given an import path and a work, as a worker is.
_ANOTHER_PROCESS = """
import json, pickle, sys
sys.path[:] = json.loads(sys.argv[1])
from neuroevo.testing.estimation import digest
estimation, trial, task, context = pickle.load(open(sys.argv[2], "rb"))
print(digest(estimation.measure(trial, task, context), task))
"""


def digest(measurement: Measurement, task: Task) -> str:
    """A digest of all that a seed decides: values but measured ones, descriptors, reasons, and what is left."""
    decided = [objective.kind != "measured" for objective in task.objectives.values()]
    sha = hashlib.sha256(np.ascontiguousarray(measurement.values[:, decided]).tobytes())
    if measurement.descriptors is not None:
        sha.update(measurement.descriptors.tobytes())
    sha.update(json.dumps([sorted(measurement.reasons.items()), sorted(measurement.stopped.items())]).encode())
    sha.update(json.dumps([measurement.epochs, measurement.report]).encode())
    for artifact in measurement.artifacts:
        sha.update(json.dumps([*artifact.name, dict(artifact.meta)]).encode())
        for name, array in sorted(artifact.load().items()):
            sha.update(f"{name} {array.dtype} {array.shape}".encode())
            sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


class EstimationSuite(ABC):
    """Inherit, and say how to make the estimation and what it estimates; pytest collects the tests.

    Attributes:
        individuals: how many a trial of the suite has.
        rounds: after how many lessons the state is looked at.
        most_bytes: how large the estimation may be when it is sent to a worker.
    """

    individuals: int = 2
    rounds: int = 3
    most_bytes: int = 1 << 20

    @abstractmethod
    def estimation(self) -> Estimation:
        """A fresh estimation, which has learned nothing."""

    @abstractmethod
    def task(self) -> Task:
        """What it estimates."""

    @abstractmethod
    def space(self) -> Space:
        """Whose genomes are measured."""

    def trial(self, id: int = 0, **more: Any) -> Trial:
        """A trial of new individuals, which no other trial has; `more`: its settings."""
        names, signs = tuple(self.task().objectives), weights(self.task().objectives)
        space, first = self.space(), id * self.individuals
        individuals = [
            Individual(first + i, space.random(stream(7, first + i)), signs, names=names) for i in range(self.individuals)
        ]
        return Trial(id, tuple(individuals), **more)

    def failing(self) -> tuple[Trial, Task]:
        """A trial whose last individual fails and whose others do not: by default one with a genome that no task understands."""
        trial = self.trial()
        stranger = Individual(10**6, NumberSpace().random(np.random.default_rng(0)), trial.individuals[0].fitness.weights)
        return replace(trial, individuals=(*trial.individuals[:-1], stranger)), self.task()

    def context(self, seed: int = 1) -> Context:
        return Context(seed=seed)

    def sent(self, estimation: Estimation) -> Estimation:
        """The estimation as a worker has it: a copy that went through a pickle. A test of estimations that compile may hand it what one like
        it compiled before."""
        copy: Estimation = pickle.loads(cloudpickle.dumps(estimation))
        return copy

    def measured(
        self, trial: Trial, *, estimation: Estimation | None = None, seed: int = 1, task: Task | None = None
    ) -> Measurement:
        return (estimation or self.estimation()).measure(trial, task or self.task(), self.context(seed))

    def test_a_measurement_has_a_row_for_each_individual(self) -> None:
        trial = self.trial()
        measurement = self.measured(trial)
        self.refuse_malformed(measurement, trial)
        assert not measurement.reasons, f"an individual of the suite failed: {dict(measurement.reasons)}"

    def refuse_malformed(self, measurement: Measurement, trial: Trial) -> None:
        """What holds for every measurement."""
        members, task = len(trial.individuals), self.task()
        assert measurement.values.shape == (members, len(task.objectives)), "values are [individuals, objectives]"
        assert measurement.values.dtype == np.float64
        failed = set(np.flatnonzero(~np.isfinite(measurement.values).all(axis=1)).tolist())
        assert failed == set(measurement.reasons), "rows that are not finite are those with a reason"
        assert np.isnan(measurement.values[sorted(failed)]).all(), "a failed row is NaN"
        assert not failed & set(measurement.stopped), "who failed was not stopped"
        assert all(isinstance(text, str) and text for text in [*measurement.reasons.values(), *measurement.stopped.values()])
        assert len(measurement.info) in (0, members), "info is one JSON object for each individual, or ()"
        json.dumps(list(measurement.info), allow_nan=False)
        if measurement.descriptors is not None:
            described = measurement.descriptors
            assert described.ndim == 2 and described.shape[0] == members and described.dtype == np.float64
            assert set(np.flatnonzero(~np.isfinite(described).all(axis=1)).tolist()) == failed, (
                "descriptors are finite but of who failed"
            )

    def test_what_one_individual_does_wrong_is_a_reason_and_not_an_exception(self) -> None:
        trial, task = self.failing()
        measurement = self.measured(trial, task=task)
        self.refuse_malformed(measurement, trial)
        assert list(measurement.reasons) == [len(trial.individuals) - 1], (
            f"the last individual fails, alone: {measurement.reasons}"
        )
        assert all(a.individual != trial.individuals[-1].id for a in measurement.artifacts), "what failed leaves nothing"

    def test_the_same_trial_gives_the_same_result_whatever_was_measured_before(self) -> None:
        task, used = self.task(), self.estimation()
        first = digest(self.measured(self.trial(1), estimation=used), task)
        self.measured(self.trial(2), estimation=used)
        random.seed(99)
        np.random.seed(99)  # noqa: NPY002
        assert digest(self.measured(self.trial(1), estimation=used), task) == first
        assert digest(self.measured(self.trial(1)), task) == first, "a fresh estimation measures something else"

    def test_another_process_with_another_hash_seed_gives_the_same_result(self, tmp_path: Path) -> None:
        work = tmp_path / "work"
        work.write_bytes(cloudpickle.dumps((self.estimation(), self.trial(1), self.task(), self.context())))
        other = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}
        command = [sys.executable, "-c", _ANOTHER_PROCESS, json.dumps(sys.path), str(work)]
        done = subprocess.run(command, capture_output=True, text=True, env=other)
        assert done.returncode == 0, done.stderr[-3000:]
        assert done.stdout.split()[-1] == digest(self.measured(self.trial(1)), self.task())

    def test_global_random_numbers_are_left_alone(self) -> None:
        before, numpy_before = random.getstate(), np.random.get_state()  # noqa: NPY002
        self.measured(self.trial())
        assert random.getstate() == before, "the estimation drew from Python's global random"
        after = np.random.get_state()  # noqa: NPY002
        assert all(np.array_equal(a, b) for a, b in zip(numpy_before, after, strict=True)), "it drew from NumPy's global random"

    def test_a_repeated_evaluation_draws_other_numbers(self) -> None:
        task, trial = self.task(), self.trial(1)
        first = digest(self.measured(trial), task)
        draws = digest(self.measured(trial, seed=2), task) != first
        again = digest(self.measured(replace(trial, repeat=1)), task) != first
        assert again == draws, (
            "a repeat draws others where the seed decides anything" if draws else "a repeat changes what is not drawn"
        )

    def test_settings_are_json_and_make_it_again(self) -> None:
        estimation = self.estimation()
        settings = json.loads(json.dumps(estimation.settings(), allow_nan=False))
        assert settings["estimation"] == type(estimation).__name__
        again = type(estimation).from_settings(settings)
        assert json.loads(json.dumps(again.settings())) == settings
        trial, task = self.trial(), self.task()
        assert digest(self.measured(trial, estimation=again), task) == digest(self.measured(trial), task)

    def test_it_travels_to_a_worker_small_and_measures_the_same_there(self) -> None:
        estimation, task, trial = self.estimation(), self.task(), self.trial()
        here = digest(self.measured(trial, estimation=estimation), task)
        estimation.observe([Result(trial, self.measured(trial, estimation=estimation))])
        sent = cloudpickle.dumps(estimation)
        assert len(sent) <= self.most_bytes, f"{len(sent)} bytes travel to every worker"
        assert digest(self.measured(trial, estimation=pickle.loads(sent)), task) == here

    def test_a_plan_is_a_fidelity_or_a_prediction(self) -> None:
        estimation, task = self.estimation(), self.task()
        assert isinstance(estimation.full, Fidelity)
        planned = estimation.plan(self.trial().individuals[0])
        if isinstance(planned, Prediction):
            assert len(planned.values) == len(task.objectives) and np.isfinite(planned.values).all()
            json.dumps(dict(planned.info), allow_nan=False)
        else:
            assert Fidelity.from_dict(json.loads(json.dumps(planned.to_dict()))) == planned

    def test_a_trial_costs_no_more_than_it_was_said_to(self) -> None:
        estimation, task, trial = self.estimation(), self.task(), self.trial()
        said = estimation.cost(trial, task)
        assert np.isfinite(said) and said >= 0
        taken = self.measured(trial, estimation=estimation).epochs
        assert 0 <= taken <= said + 1e-9, f"{taken} epochs were taken, {said} were said"

    def test_a_job_that_it_does_not_do_is_refused_as_a_whole(self) -> None:
        estimation = self.estimation()
        assert "evaluate" in estimation.jobs or "train_shared" in estimation.jobs
        try:
            self.measured(self.trial(job="make_coffee"), estimation=estimation)
        except ValueError as error:
            assert "make_coffee" in str(error) and all(job in str(error) for job in estimation.jobs)
        else:
            raise AssertionError("a job that nobody knows was measured")

    def test_what_is_left_is_named_after_the_trial_and_has_its_genome(self) -> None:
        trial = self.trial(3)
        measurement = self.measured(trial)
        genomes = {individual.id: individual.genome for individual in trial.individuals}
        names = [artifact.name for artifact in measurement.artifacts]
        assert len(names) == len(set(names)), "two artifacts have the same name"
        for artifact in measurement.artifacts:
            assert artifact.trial == trial.id
            assert artifact.arrays and all(array.dtype != object for array in artifact.arrays.values())
            json.dumps(dict(artifact.meta), allow_nan=False)
            if artifact.individual is None:
                assert artifact.genome is None
                continue
            assert artifact.genome == genomes[artifact.individual]
            kind = artifact.kind.split(".")[0]
            assert artifact.kind == (kind if len(genomes) == 1 else f"{kind}.{artifact.individual}")

    def test_a_restored_estimation_goes_on_as_if_it_had_never_stopped(self) -> None:
        whole, task = self.estimation(), self.task()
        whole.start(task, whole.full)
        for turn in range(self.rounds):
            restored = self.estimation()
            restored.start(task, restored.full)
            restored.restore(through_disk(whole.state()))
            assert _same(restored.state(), whole.state()), f"after {turn} lessons, the restored state is another"
            result = self._lesson(whole, turn, task)
            assert self._asked(restored, turn) == result.trial, f"after {turn} lessons, it plans or stops otherwise"
            whole.observe([result])
            restored.observe([result])
            assert _same(restored.state(), whole.state()), f"after {turn} lessons, it learns something else"

    def _asked(self, estimation: Estimation, turn: int) -> Trial:
        """The trial of a round, with what the estimation says of its first individual."""
        trial = self.trial(turn)
        individual = trial.individuals[0]
        planned = estimation.plan(individual)
        fidelity = planned if isinstance(planned, Fidelity) else estimation.full
        stop = estimation.stop(individual, fidelity)
        if stop is not None:
            stop = json.loads(json.dumps(stop, allow_nan=False))
            rule_from_json(stop)
        return replace(trial, fidelity=fidelity, stop=stop)

    def _lesson(self, estimation: Estimation, turn: int, task: Task) -> Result:
        trial = self._asked(estimation, turn)
        return Result(trial, self.sent(estimation).measure(trial, task, self.context()))


def _same(a: State, b: State) -> bool:
    return (
        json.dumps(a.json, sort_keys=True, allow_nan=False) == json.dumps(b.json, sort_keys=True)
        and a.arrays.keys() == b.arrays.keys()
        and all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)
    )
