"""Limits on objectives that are known only after training or measuring: constrained domination (Deb et al. 2002, section VI)."""

from dataclasses import replace

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.individual import DONE, Fitness, Individual
from neuroevo.core.objectives import Objective, choose, weighted_limits
from neuroevo.plots.fronts_figure import fronts_data
from neuroevo.report.comparison import compare
from neuroevo.run.records import Records
from neuroevo.selection import pareto_front, pareto_ranks, select_nsga2, select_nsga3
from neuroevo.selection.nsga3 import reference_points
from neuroevo.strategies import HillClimb, Lemonade, Nsga2, Nsga3, RegularizedEvolution

SPACE = NeatSpace(inputs=2, outputs=1)
GENOME = SPACE.random(np.random.default_rng(0))
ERROR, COST = Objective("error", limit=0.3), Objective("cost")
OBJECTIVES = {"error": ERROR, "cost": COST}


def individual(id: int, error: float, cost: float) -> Individual:
    one = Individual(id, GENOME, (-1.0, -1.0), names=("error", "cost"), limits=weighted_limits(OBJECTIVES))
    one.fitness.values, one.status = (error, cost), DONE
    return one


# Beyond the limit: 0 (cheapest), 3 (a little). Within: 1, 2, 4 (dominated by 2).
POPULATION = [
    individual(0, 0.9, 1.0),
    individual(1, 0.3, 5.0),
    individual(2, 0.1, 8.0),
    individual(3, 0.4, 2.0),
    individual(4, 0.2, 9.0),
]


def ids(individuals):
    return [one.id for one in individuals]


def test_values_within_the_limits_are_better_than_values_beyond_and_less_beyond_than_more():
    far, exact, within, near, _ = (one.fitness for one in POPULATION)
    assert exact.violation == within.violation == 0.0
    assert near.violation == pytest.approx((0.4 - 0.3) / 0.3)
    assert within.dominates(far) and not far.dominates(within)
    assert near.dominates(far) and not far.dominates(near)
    assert not within.dominates(exact) and not exact.dominates(within)
    assert sorted([far, exact, within, near], reverse=True) == [within, exact, near, far]


def test_a_limit_of_a_maximised_objective_is_its_least_value():
    accuracy = Objective("accuracy", "maximise", limit=0.8)
    assert weighted_limits({"accuracy": accuracy, "cost": COST}) == (0.8, -np.inf)
    low = Fitness((1.0, -1.0), (0.7, 1.0), weighted_limits({"accuracy": accuracy, "cost": COST}))
    assert low.violation == pytest.approx(0.125)


def test_limits_of_cheap_objectives_are_kept_before_training_and_rank_nobody():
    cheap = replace(COST, kind="cheap", of=lambda genome: 1.0, limit=10.0)
    assert weighted_limits({"error": replace(ERROR, limit=None), "cost": cheap}) == ()


def test_ranks_put_all_that_are_within_before_all_that_are_not():
    costs = np.array([one.fitness.values for one in POPULATION])
    beyond = np.array([one.fitness.violation for one in POPULATION])
    assert pareto_ranks(costs, beyond).tolist() == [3, 0, 0, 2, 1]
    assert pareto_ranks(costs).tolist() == [0, 0, 0, 0, 1]


def test_survivors_are_within_the_limits_while_there_are_enough():
    assert set(ids(select_nsga2(POPULATION, 3))) == {1, 2, 4}
    assert ids(select_nsga2(POPULATION, 5))[-2:] == [3, 0]
    points, rng = reference_points(2, 4), np.random.default_rng(0)
    assert set(ids(select_nsga3(POPULATION, 3, points, rng))) == {1, 2, 4}
    assert ids(select_nsga3(POPULATION, 4, points, rng))[-1] == 3


def place(records: Records, *positions: int) -> None:
    for position in positions:
        records.place(POPULATION[position])


def test_fronts_hold_somebody_beyond_the_limits_only_while_nobody_is_within():
    records = Records(OBJECTIVES)
    place(records, 0)
    assert ids(records.front) == [0]
    place(records, 3)
    assert ids(records.front) == [3]  # less beyond
    place(records, 1, 2, 0)
    assert ids(records.front) == [1, 2]
    assert ids(pareto_front(POPULATION)) == [1, 2]
    assert ids(pareto_front([POPULATION[0], POPULATION[3]])) == [3]


def test_a_limit_is_written_behind_the_name():
    (error, cost) = choose("error<0.05,cost", [replace(ERROR, limit=None), COST]).values()
    assert error.limit == 0.05 and cost.limit is None


@pytest.mark.parametrize(
    "strategy",
    [
        Nsga2(population=8), Nsga2(population=8, speciation=2), Nsga3(population=8), Lemonade(population=6, proposals=8, accepted=4),
        HillClimb(neighbours=4), RegularizedEvolution(population=8, sample=3),
    ],
    ids=lambda strategy: type(strategy).__name__,
)  # fmt: skip
def test_every_strategy_keeps_a_limit_and_a_recorded_run_remembers_it(strategy, tmp_path):
    def fitness(network):
        near, far = network([[1.0, 1.0]])[0, 0], network([[0.5, -1.0]])[0, 0]
        return {"near": abs(float(near)), "far": abs(float(far) - 0.5)}

    objectives = {"near": ne.minimise, "far": Objective("far", "minimise", limit=0.3)}
    run = ne.evolve(
        SPACE, fitness, objectives=objectives, strategy=strategy, budget=ne.Budget(evaluations=120), seed=1,
        run=tmp_path / "run", progress=False,
    )  # fmt: skip
    assert any(one.values["far"] > 0.3 for one in run)
    assert run.front and all(one.values["far"] <= 0.3 for one in run.front)
    again = ne.load_run(tmp_path / "run")
    assert ids(again.front) == ids(run.front)
    assert again.best.id == run.best.id
    assert compare([run]).groups[0].final[0] == pytest.approx(run.hypervolume)  # who is beyond the limit adds nothing
    assert set(fronts_data(run)[-1].ids) == set(ids(run.front))


def test_hypervolume_is_zero_while_nobody_is_within_the_limits():
    records = Records(OBJECTIVES)
    place(records, 0, 3)
    records.fix_box([POPULATION])
    assert records.hypervolume() == 0.0
    place(records, 2, 1)
    assert records.hypervolume() > 0.0


def test_neat_refuses_limits():
    with pytest.raises(ValueError, match="Neat keeps no limits"):
        ne.evolve(
            SPACE,
            lambda network: {"a": 1.0},
            objectives={"a": Objective("a", "minimise", limit=0.3)},
            budget=ne.Budget(generations=1),
        )
