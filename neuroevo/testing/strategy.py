"""The conformance suite for strategies: whoever writes one runs the same tests as the built-in ones.

    class TestMine(StrategySuite):
        def strategy(self):
            return Mine(population=10)

The suite drives `ask` and `tell` itself, on two objectives and descriptors that are computed from the genome's text, so any space will do.
"""

from __future__ import annotations

import io
import json
import random
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from genomes.base import Genome, Space
from genomes.cell import CellSpace
from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.objectives import Objective, worst_values
from neuroevo.core.population import ArrayPopulation
from neuroevo.core.state import State
from neuroevo.core.trial import Artifact, Evaluation, Measurement, Result, Trial
from neuroevo.strategies.base import Search, Strategy
from neuroevo.tasks.base import Context, Task


class GenesTask(Task):
    """Two objectives that any genome has: a checksum of its genes and their length. `failing` of the genomes, by checksum, fail.

    Args:
        failing: share of the genomes that fail.
        limit: the longest genes allowed, or None.
    """

    def __init__(self, failing: float = 0.1, limit: float | None = None) -> None:
        self.failing = failing
        self.objectives = {
            "checksum": Objective("checksum", "maximise"),
            "length": Objective("length", "minimise", "cheap", of=length, limit=limit),
        }

    def phenotype(self, genome: Genome) -> Genome:
        return genome

    def score(self, phenotype: Genome, context: Context) -> Mapping[str, float]:
        checksum = zlib.crc32(json.dumps(phenotype.genes()).encode()) / 2**32
        if checksum < self.failing:
            raise ArithmeticError("this genome fails")
        return {"checksum": checksum}

    def descriptors(self, phenotype: Genome, context: Context) -> list[float]:
        text = json.dumps(phenotype.genes())
        return [zlib.adler32(text.encode()) % 997 / 997.0, len(text) / 100.0]

    def shared(self, trial: Trial) -> Mapping[str, Any]:
        """What a trial without individuals, such as an epoch of a shared network, reports; it leaves a "supernet"."""
        return {"loss": 1.0 / (1 + trial.id)}

    def settings(self) -> dict[str, Any]:
        return {"task": "GenesTask", "failing": self.failing}


def length(genome: Genome) -> float:
    """How long the genes are as JSON."""
    return float(len(json.dumps(genome.genes())))


class Drive:
    """A search without a run: asks, evaluates, tells, and keeps a log of everything asked.

    Args:
        strategy: started here, or restored from `state` with the individuals that an earlier drive kept.
    """

    def __init__(
        self, strategy: Strategy, space: Space, task: Task, seed: int, state: State | None = None, earlier: Drive | None = None
    ) -> None:
        self.strategy, self.task = strategy, task
        self.search = Search(space, task, seed)
        self.kept: dict[int, Individual] = {}
        self.artifacts: dict[tuple[int, str], Artifact] = {}
        self.log: list[str] = []
        self.asked: list[Trial] = []
        self.search.find_artifact = lambda trial, kind: self.artifacts.get((trial, kind))
        strategy.start(self.search)
        if earlier is not None and state is not None:
            self.search.next_id, self.search.next_trial = earlier.search.next_id, earlier.search.next_trial
            self.artifacts = dict(earlier.artifacts)
            self.kept = {id: reread(individual) for id, individual in earlier.kept.items()}
            strategy.restore(state, self.kept.__getitem__)

    def step(self) -> None:
        """One ask and one tell."""
        trials = sorted(self.strategy.ask(), key=lambda trial: trial.id)
        self.asked.extend(trials)
        self.log.append(json.dumps([described(trial) for trial in trials]))
        if trials:
            self.strategy.tell([self._evaluated(trial) for trial in trials])
            self.strategy.count_tell()

    def _evaluated(self, trial: Trial) -> Result:
        if trial.job == "train_shared" and isinstance(self.task, GenesTask):
            left = Artifact(trial.id, "supernet", arrays={})
            self.artifacts[left.name] = left
            none = np.empty((0, len(self.task.objectives)))
            return Result(trial, Measurement(none, artifacts=(left,), report=self.task.shared(trial)))
        return self._of_individuals(trial)

    def _of_individuals(self, trial: Trial) -> Result:
        worst = worst_values(self.task.objectives)
        values = np.tile(worst, (len(trial.individuals), 1))
        reasons = {}
        described = np.full((len(trial.individuals), 2), np.nan)
        left: list[Artifact] = []
        for row, individual in enumerate(trial.individuals):
            try:
                scores = {**self.task.cheap(individual.genome), **self.task.score(individual.genome, Context())}
                values[row] = [scores[name] for name in self.task.objectives]
                described[row] = self.task.descriptors(individual.genome, Context())
            except ArithmeticError as error:
                reasons[row] = str(error)
        if isinstance(trial.individuals, ArrayPopulation):
            trial.individuals.assign(values, reasons, described)
        else:
            for row, individual in enumerate(trial.individuals):
                status = FAILED if row in reasons else DONE
                evaluation = Evaluation(
                    individual.id, trial.id, tuple(values[row].tolist()), status, reasons.get(row, ""), {}, trial.fidelity,
                    described[row] if status == DONE else None,
                )  # fmt: skip
                artifact = trial.left(individual, arrays={}) if status == DONE else None
                individual.take(evaluation, artifact)
                if artifact is not None:
                    left.append(artifact)
            for kind in trial.leaves:
                left += [Artifact(trial.id, kind, i.genome, i.id, arrays={}) for i in trial.individuals]
            self.artifacts.update((artifact.name, artifact) for artifact in left)
        self.kept.update((individual.id, individual) for individual in trial.individuals)
        return Result(trial, Measurement(values, reasons, artifacts=tuple(left)))


def described(trial: Trial) -> list[Any]:
    """Everything about a trial that a resumed search must repeat."""
    individuals = [
        [i.id, i.genome.to_dict(), list(i.parents), list(i.operators), i.generation, list(i.names)] for i in trial.individuals
    ]
    started = [list(artifact.name) for artifact in trial.artifacts]
    return [
        trial.id,
        trial.job,
        individuals,
        trial.fidelity.to_dict(),
        started,
        list(trial.leaves),
        dict(trial.options),
        trial.repeat,
    ]


def reread(individual: Individual) -> Individual:
    """An individual as a database would give it back: equal, not the same."""
    again = Individual(
        individual.id,
        Genome.from_dict(json.loads(json.dumps(individual.genome.to_dict()))),
        individual.fitness.weights,
        names=individual.names,
        parents=individual.parents,
        operators=individual.operators,
        generation=individual.generation,
    )
    again.fitness.values = individual.fitness.values
    for name in ("status", "reason", "artifact", "trial", "fidelity", "asked", "descriptors"):
        setattr(again, name, getattr(individual, name))
    return again


def through_disk(state: State) -> State:
    """A state as it comes back from JSON and array files."""
    arrays = {}
    for name, array in state.arrays.items():
        file = io.BytesIO()
        np.save(file, array, allow_pickle=False)
        file.seek(0)
        arrays[name] = np.load(file, allow_pickle=False)
    return State(json.loads(json.dumps(state.json)), arrays)


class StrategySuite(ABC):
    """Inherit, and say how to make the strategy, with settings small enough that `tells` tells are several generations.

    Attributes:
        tells: how many tells a search of the suite takes.
    """

    tells: int = 12

    @abstractmethod
    def strategy(self) -> Strategy:
        """A fresh strategy, not started."""

    def space(self) -> Space:
        """What it searches."""
        return CellSpace()

    def task(self, failing: float = 0.1, limit: float | None = None) -> Task:
        """What it searches for."""
        return GenesTask(failing, limit)

    def drive(self, seed: int = 1, tells: int | None = None, task: Task | None = None) -> Drive:
        drive = Drive(self.strategy(), self.space(), task or self.task(), seed)
        for _ in range(self.tells if tells is None else tells):
            drive.step()
        return drive

    def test_a_search_stopped_after_any_tell_resumes_bit_identically(self) -> None:
        whole = Drive(self.strategy(), self.space(), self.task(), 1)
        for stop in range(self.tells):
            state = through_disk(whole.strategy.state())
            resumed = Drive(self.strategy(), self.space(), self.task(), 1, state, whole)
            assert self.same_state(resumed.strategy, whole.strategy), f"stopped after {stop} tells, the state is another"
            whole.step()
            resumed.step()
            assert resumed.log == whole.log[-1:], f"stopped after {stop} tells, the next trials are others"
            assert self.same_state(resumed.strategy, whole.strategy), f"stopped after {stop} tells, the next state is another"
        resumed_late = Drive(self.strategy(), self.space(), self.task(), 1, *self._halfway())
        for _ in range(self.tells - self.tells // 2):
            resumed_late.step()
        assert resumed_late.log == whole.log[self.tells // 2 :], "stopped halfway, the rest of the search is another"

    def _halfway(self) -> tuple[State, Drive]:
        earlier = self.drive(tells=self.tells // 2)
        return through_disk(earlier.strategy.state()), earlier

    @staticmethod
    def same_state(a: Strategy, b: Strategy) -> bool:
        """Whether two strategies stand at the same point."""
        mine, theirs = a.state(), b.state()
        return (
            a.generation == b.generation
            and json.dumps(mine.json) == json.dumps(theirs.json)
            and mine.arrays.keys() == theirs.arrays.keys()
            and all(np.array_equal(mine.arrays[name], theirs.arrays[name]) for name in mine.arrays)
            and [individual.id for individual in a.living] == [individual.id for individual in b.living]
        )

    def test_the_seed_decides_and_nothing_else(self) -> None:
        before = self.drive()
        random.seed(99)
        np.random.seed(99)  # noqa: NPY002
        drawn = random.getstate()
        assert self.drive().log == before.log
        assert random.getstate() == drawn, "the strategy changed Python's global random state"
        assert self.drive(seed=2).log != before.log

    def test_births_and_trials_are_numbered_in_the_order_of_asking(self) -> None:
        drive = self.drive()
        ids = [individual.id for trial in drive.asked for individual in trial.individuals]
        first_time = list(dict.fromkeys(ids))
        assert first_time == sorted(first_time), "births are numbered in the order in which their first trials are asked for"
        assert all(id < drive.search.next_id for id in ids)
        assert [trial.id for trial in drive.asked] == list(range(drive.search.next_trial)), (
            "make trials by self.search.trial(...)"
        )

    def test_a_further_trial_of_an_individual_draws_other_numbers(self) -> None:
        seen = set[int]()
        for trial in self.drive().asked:
            if isinstance(trial.individuals, ArrayPopulation):
                continue
            again = {individual.id for individual in trial.individuals} & seen
            assert bool(trial.repeat) == bool(again)
            seen.update(individual.id for individual in trial.individuals)

    def test_parents_were_evaluated_before_and_did_not_fail(self) -> None:
        drive = self.drive(task=self.task(failing=0.4))
        for trial in drive.asked:
            for individual in trial.individuals:
                for parent in individual.parents:
                    assert parent < individual.id
                    assert drive.kept[parent].status == DONE, f"individual {individual.id} has the failed parent {parent}"

    def test_a_batch_that_fails_whole_does_not_stop_the_search(self) -> None:
        drive = Drive(self.strategy(), self.space(), self.task(failing=1.0), 1)
        for tell in range(1, 4):
            before = len(drive.asked)
            drive.step()
            assert len(drive.asked) > before, f"after {tell - 1} batches that failed whole, the strategy asked for nothing more"
        assert not any(individual.status == DONE for individual in drive.strategy.living)

    def test_limits_on_cheap_objectives_hold_for_every_trial(self) -> None:
        space = self.space()
        rng = np.random.default_rng(5)
        limit = float(np.median([length(space.random(rng)) for _ in range(101)]))
        drive = self.drive(task=self.task(limit=limit))
        asked = [individual for trial in drive.asked for individual in trial.individuals]
        assert asked and all(length(individual.genome) <= limit for individual in asked)

    def test_generations_are_counted(self) -> None:
        drive = Drive(self.strategy(), self.space(), self.task(), 1)
        counts = [drive.strategy.generation]
        for _ in range(self.tells):
            drive.step()
            counts.append(drive.strategy.generation)
        assert counts[0] == 0 and counts[-1] > 0 and counts == sorted(counts)

    def test_settings_and_report_are_json(self) -> None:
        drive = self.drive()
        settings = json.loads(json.dumps(drive.strategy.settings(), allow_nan=False))
        assert settings["strategy"] == type(drive.strategy).__name__
        report = json.loads(json.dumps(drive.strategy.report(), allow_nan=False))
        assert all(isinstance(value, (int, float, list)) for value in report.values())

    def test_a_new_start_forgets_the_search_before(self) -> None:
        strategy = self.strategy()
        first = Drive(strategy, self.space(), self.task(), 1)
        for _ in range(3):
            first.step()
        second = Drive(strategy, self.space(), self.task(), 1)
        for _ in range(3):
            second.step()
        assert second.log == first.log
