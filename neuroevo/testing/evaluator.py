"""The conformance suite for evaluators: whoever writes one runs the same tests as the built-in ones.

class TestMine(EvaluatorSuite):
    def evaluator(self):
        return Mine()
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.base import Genome, Space
from neuroevo.core.individual import Individual
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import Result, Trial
from neuroevo.estimation.direct import Direct
from neuroevo.evaluators.base import Evaluator, Work
from neuroevo.tasks.base import Context, Task


@dataclass(frozen=True)
class NumberSpace(Space, encoding="test-number"):
    """The smallest space there is: one number."""

    def random(self, rng: np.random.Generator) -> Number:
        return Number(self, float(rng.normal()))

    def from_genes(self, genes: Any) -> Number:
        if isinstance(genes, bool) or not isinstance(genes, (int, float)) or not math.isfinite(genes):
            raise ValueError(f"the genes are one finite number, got {genes!r}")
        return Number(self, float(genes))


@dataclass(frozen=True, eq=False)
class Number(Genome):
    """One number; mutation adds a normal deviate, crossover averages."""

    space: NumberSpace
    value: float
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int) -> Number:
        return Number(self.space, self.value + float(rng.normal()), ("shift",))

    def crossover(self, others: Sequence[Number], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Number:
        return Number(self.space, float(np.mean([self.value, *[other.value for other in others]])), ("average",))

    def distance(self, other: Number) -> float:
        return abs(self.value - other.value)

    def key(self) -> str:
        return repr(self.value)

    def genes(self) -> float:
        return self.value

    def graph(self) -> Any:
        import networkx as nx

        graph: nx.DiGraph[Any] = nx.DiGraph()
        graph.add_node("number", label=f"{self.value:.3g}")
        return graph


class SquareTask(Task):
    """Two objectives on a number; fails for numbers in the middle so that failures are tried too."""

    def __init__(self, fail_within: float = 0.0) -> None:
        self.fail_within = fail_within
        self.objectives = {"square": Objective("square"), "distance": Objective("distance", "maximise")}

    def phenotype(self, genome: Genome) -> Any:
        return genome

    def score(self, phenotype: Any, context: Context) -> Mapping[str, float]:
        if abs(phenotype.value) < self.fail_within:
            raise ArithmeticError(f"{phenotype.value} is too small")
        return {"square": phenotype.value**2, "distance": abs(phenotype.value - 1.0)}

    def settings(self) -> dict[str, Any]:
        return {"task": "SquareTask", "fail_within": self.fail_within}


def trials(count: int, task: Task, seed: int = 0) -> list[Trial]:
    """Trials of one random number each."""
    space = NumberSpace()
    rng = np.random.default_rng(seed)
    weights = tuple(objective.weight for objective in task.objectives.values())
    return [Trial(id, (Individual(id, space.random(rng), weights, names=tuple(task.objectives)),)) for id in range(count)]


class EvaluatorSuite(ABC):
    """Inherit, and say how to make the evaluator; pytest collects the tests."""

    @abstractmethod
    def evaluator(self) -> Evaluator:
        """A fresh evaluator, not started."""

    def run(self, given: Iterable[Trial], task: Task) -> dict[int, Result]:
        with self.evaluator() as evaluator:
            evaluator.start(Work(task, Direct(), Context(seed=1)))
            for trial in given:
                evaluator.submit(trial)
            return {result.trial.id: result for result in evaluator.as_completed()}

    def test_every_trial_comes_back_once(self) -> None:
        results = self.run(trials(20, SquareTask()), SquareTask())
        assert sorted(results) == list(range(20))

    def test_values_are_the_tasks(self) -> None:
        task = SquareTask()
        given = trials(10, task)
        results = self.run(given, task)
        for trial in given:
            value = trial.individuals[0].genome.value  # type: ignore[attr-defined]
            np.testing.assert_array_equal(results[trial.id].measurement.values, [[value**2, abs(value - 1.0)]])

    def test_a_result_refers_to_the_trial_that_was_submitted(self) -> None:
        given = trials(3, SquareTask())
        results = self.run(given, SquareTask())
        assert all(results[trial.id].trial is trial for trial in given)

    def test_a_failure_is_a_reason_and_the_others_go_on(self) -> None:
        task = SquareTask(fail_within=0.5)
        given = trials(20, task)
        small = {t.id for t in given if abs(t.individuals[0].genome.value) < 0.5}  # type: ignore[attr-defined]
        results = self.run(given, task)
        assert {id for id, result in results.items() if result.measurement.reasons} == small
        assert all("ArithmeticError" in results[id].measurement.reasons[0] for id in small)

    def test_trials_can_be_submitted_while_others_complete(self) -> None:
        task = SquareTask()
        given = trials(12, task)
        seen = []
        with self.evaluator() as evaluator:
            evaluator.start(Work(task, Direct(), Context(seed=1)))
            waiting = list(given)
            evaluator.submit(waiting.pop(0))
            for result in evaluator.as_completed():
                seen.append(result.trial.id)
                if waiting:
                    evaluator.submit(waiting.pop(0))
        assert sorted(seen) == list(range(12))

    def test_nothing_in_flight_ends_the_iteration(self) -> None:
        with self.evaluator() as evaluator:
            evaluator.start(Work(SquareTask(), Direct(), Context()))
            assert list(evaluator.as_completed()) == []
