"""A value that is no finite number never counts: whatever measures, the evaluation fails with a reason, and no comparison trusts it."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import deap.base
import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.individual import Fitness
from neuroevo.core.objectives import Objective
from neuroevo.core.trial import DONE, Evaluation, Fidelity, Measurement, Prediction, Trial
from neuroevo.estimation import Direct
from neuroevo.run.records import Records
from neuroevo.strategies import Neat, Nsga2, RandomSearch
from neuroevo.tasks import Context, Function

SPACE = NeatSpace(inputs=2, outputs=1)
WRONG = [math.nan, math.inf, -math.inf]


def score(network: Any) -> float:
    return float(network([[0.5, 1.0]])[0, 0])


class Careless(Direct):
    """An estimation of one's own that writes what it finds, for every third individual something that is no number."""

    def __init__(self, what: str, wrong: float) -> None:
        self.what, self.wrong = what, wrong

    def settings(self) -> dict[str, Any]:
        return {"estimation": "Careless", "what": self.what, "wrong": str(self.wrong)}

    def measure(self, trial: Trial, task: Any, context: Context) -> Measurement:
        ids = [individual.id for individual in trial.individuals]
        measured = super().measure(trial, task, context)
        values = measured.values.copy()
        bad = [row for row, id in enumerate(ids) if id % 3 == 0]
        described = np.ones((len(ids), 2))
        info: list[dict[str, Any]] = [{"scores": {"simulated_seconds": 1.0}} for _ in ids]
        if self.what == "values":
            values[bad] = self.wrong
        elif self.what == "descriptors":
            described[bad, 1] = self.wrong
        else:
            for row in bad:
                info[row] = {"scores": {"simulated_seconds": self.wrong}}
        return replace(measured, values=values, info=tuple(info), descriptors=described)


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("what", ["values", "descriptors", "simulated_seconds"])
@pytest.mark.parametrize("strategy", [RandomSearch(batch=6), Neat(population=6)], ids=["one by one", "array population"])
def test_whatever_an_estimation_says_the_evaluation_fails_with_a_reason(
    what: str, wrong: float, strategy: Any, tmp_path: Path
) -> None:
    search = {"strategy": strategy, "estimation": Careless(what, wrong), "seed": 2, "progress": False}
    run = ne.evolve(SPACE, score, budget=ne.Budget(generations=2), run=tmp_path / "run", **search)
    for each in (run, ne.load_run(tmp_path / "run")):
        failed = [individual for individual in each if individual.status == "failed"]
        assert [individual.id % 3 for individual in failed] == [0] * 4 == [each.failures - 4] * 4
        assert all("must be finite" in individual.reason for individual in failed)
        assert np.isfinite(each.best.fitness.values[0]) and math.isfinite(each.records.simulated_seconds)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_population_fitness_that_is_no_number_fails_its_members(wrong: float) -> None:
    @ne.population_fitness
    def fitness(population: Any) -> Any:
        scores = population([[0.5, 1.0]])[:, 0, 0].astype(float)
        scores[::2] = wrong
        return scores

    run = ne.evolve(SPACE, fitness, strategy=Neat(population=8), budget=ne.Budget(generations=2), progress=False)
    assert run.failures == 8 and math.isfinite(run.best.fitness.values[0])


class Foretelling(Direct):
    def __init__(self, value: float, deviation: float) -> None:
        self.value, self.deviation = value, deviation

    def plan(self, individual: Any) -> Fidelity | Prediction:
        return Prediction((self.value,), (self.deviation,)) if individual.id % 2 else self.full


@pytest.mark.parametrize(("value", "deviation"), [(math.nan, 0.1), (math.inf, 0.1), (0.5, math.nan)])
def test_a_prediction_that_is_no_number_is_none(value: float, deviation: float) -> None:
    search = {"strategy": RandomSearch(batch=4), "progress": False, "seed": 1}
    run = ne.evolve(SPACE, score, estimation=Foretelling(value, deviation), budget=ne.Budget(evaluations=8), **search)
    assert run.predictions == 0 and run.evaluations == 8 and all(individual.status == DONE for individual in run)
    run = ne.evolve(SPACE, score, estimation=Foretelling(0.5, 0.1), budget=ne.Budget(evaluations=8), **search)
    assert run.predictions > 0


@pytest.mark.parametrize("epochs", [math.nan, math.inf, -1.0])
def test_epochs_that_are_no_number_do_not_keep_a_budget_from_ending(epochs: float) -> None:
    class Training(Direct):
        def measure(self, trial: Trial, task: Any, context: Context) -> Measurement:
            wrong = trial.individuals[0].id > 3
            return replace(super().measure(trial, task, context), epochs=epochs if wrong else 1.0)

    budget = ne.Budget(epochs=100, evaluations=12)
    run = ne.evolve(SPACE, score, strategy=RandomSearch(batch=4), estimation=Training(), budget=budget, progress=False)
    assert (run.evaluations, run.failures, run.epochs) == (12, 8, 4.0)


@pytest.mark.parametrize("weights", [(1.0,), (-1.0,), (1.0, -1.0)])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_fitness_that_is_no_number_is_the_worst_in_every_comparison(weights: tuple[float, ...], wrong: float) -> None:
    good = Fitness(weights, (1.0,) * len(weights))
    bad = Fitness(weights, (wrong,) + (1.0,) * (len(weights) - 1))
    assert good > bad and good >= bad and not bad > good and not bad >= good and bad < good
    assert good.dominates(bad) and not bad.dominates(good)
    assert max([bad, good]) is good and max([good, bad]) is good
    limited = Fitness(weights, (wrong,) * len(weights), limits=(0.0,) * len(weights))
    assert not math.isnan(limited.violation) and limited.violation == math.inf


@pytest.mark.parametrize("wrong", WRONG)
def test_what_an_older_release_recorded_as_done_is_not_on_the_front(wrong: float) -> None:
    objectives = {"a": Objective("a", "maximise"), "b": Objective("b", "minimise")}
    records = Records(objectives)
    for id, values in enumerate([(wrong, 1.0), (0.5, 1.0), (0.6, wrong)]):
        individual = ne.Individual(id, SPACE.random(np.random.default_rng(id)), (1.0, -1.0), names=("a", "b"))
        evaluation = Evaluation(id, id, values)
        individual.take(evaluation)
        records.add(individual, evaluation)
    assert [individual.id for individual in records.front] == [1] and records.best is records.front[0]


@pytest.mark.parametrize("wrong", WRONG)
def test_under_deap_it_is_the_worst_value_with_a_reason(wrong: float) -> None:
    toolbox = deap.base.Toolbox()
    ne.register(toolbox, SPACE, Function(score), estimation=Careless("values", wrong))
    first, second = toolbox.population(n=2)
    assert toolbox.evaluate(first) == (-math.inf,) and "must be finite" in first.reason
    assert math.isfinite(toolbox.evaluate(second)[0]) and not second.reason


@pytest.mark.parametrize("limit", WRONG)
def test_a_limit_is_a_number(limit: float) -> None:
    with pytest.raises(ValueError, match="the limit of objective 'size' must be a finite number"):
        Objective("size", limit=limit)


@pytest.mark.parametrize("objectives", [{"a": ne.maximise}, {"a": ne.maximise, "b": ne.minimise}])
@pytest.mark.parametrize("wrong", WRONG)
def test_of_a_fitness_with_several_numbers_each_counts(objectives: Any, wrong: float) -> None:
    def fitness(network: Any) -> dict[str, float]:
        found = {"a": score(network), "b": 1.0}
        return {**found, list(objectives)[-1]: wrong} if found["a"] > 0.5 else found

    run = ne.evolve(
        SPACE,
        fitness,
        objectives=objectives,
        strategy=Nsga2(population=8),
        budget=ne.Budget(generations=2),
        progress=False,
        seed=1,
    )
    assert 0 < run.failures < run.evaluations and run.best.fitness.values[0] <= 0.5
