"""What a run reports of inheritance: checked on individuals whose scores are known, and on a real small search."""

from itertools import pairwise

import numpy as np
import pytest

import neuroevo as ne
from genomes import NetworkSpace
from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.trial import Measurement
from neuroevo.estimation import FullTraining
from neuroevo.estimation.base import Estimation
from neuroevo.report.climb import climbed
from neuroevo.report.inheritance import inheritance_report, inheritance_table
from neuroevo.report.text import individual_table, run_table

GENOME = NetworkSpace(input_shape=(8,), outputs=2).random(np.random.default_rng(0))


def individual(id, parents, operators, error, inherited=None, status=DONE):
    info = {} if inherited is None else {"inherited": {"error": inherited, "distilled_epochs": 0}}
    made = Individual(id, GENOME, (-1.0,), parents=parents, operators=operators, names=("error",))
    made.fitness.values = (error,)
    made.status, made.info = status, info
    return made


def test_children_are_compared_with_their_parents_right_after_inheriting():
    run = [
        individual(0, (), ("random",), 0.10),
        individual(1, (0,), ("widen",), 0.08, inherited=0.101),
        individual(2, (0,), ("widen", "add_skip"), 0.12, inherited=0.15),
        individual(3, (0,), ("prune",), 0.09, inherited=0.60),
        individual(4, (0, 1), ("crossover",), 0.05, inherited=0.05),  # of two parents: no one to compare with
        individual(5, (0,), ("widen",), 0.5, inherited=0.9, status=FAILED),
    ]
    entries, exact = inheritance_report(run)
    assert {entry.operator: entry.children for entry in entries} == {"widen": 1, "several": 1, "prune": 1}
    assert {entry.operator for entry in entries if entry.exact} == {"widen", "several"}
    assert exact is not None
    assert (exact.children, exact.near) == (2, 0.5)
    assert exact.largest_loss == pytest.approx(0.05)
    prune = next(entry for entry in entries if entry.operator == "prune")
    assert not prune.exact
    assert prune.median_loss == pytest.approx(0.5)
    assert prune.improved == 1.0


def test_a_run_without_inheritance_says_so():
    assert "no child inherited" in inheritance_table([individual(0, (), ("random",), 0.1)])


class Drawn(Estimation):
    """Scores at random where training would; whoever inherits begins with what its parent (of who is trained again, itself) scored last."""

    def __init__(self):
        self.last = {}

    def measure(self, trial, task, context):
        one = trial.individuals[0]
        before = self.last.get(one.id if trial.repeat else next(iter(one.parents), None))
        self.last[one.id] = context.rng(trial.id, 0).random()
        return Measurement(np.array([[self.last[one.id]]]), info=[{} if before is None else {"inherited": {"error": before}}])


def test_a_network_that_was_trained_again_is_compared_by_what_it_scored_when_a_child_inherited_from_it(tmp_path):
    run = ne.evolve(
        GENOME.space, lambda network: {"error": 0.0}, objectives={"error": ne.minimise}, strategy=ne.strategies.HillClimb(neighbours=3, mutations=1), estimation=Drawn(), budget=ne.Budget(generations=6), seed=1,
        run=tmp_path / "run", progress=False,
    )  # fmt: skip
    assert sum(len(run.evaluations_of(one.id)) > 1 for one in run) >= 3
    entries, _ = inheritance_report(run)
    assert sum(entry.children for entry in entries) == 10
    assert all(entry.near == 1.0 and entry.largest_loss == 0.0 for entry in entries)
    steps = climbed(run)
    assert len(steps) == 6 and steps[-1].individual == run.strategy.living[0].id
    assert steps[-1].values == run.strategy.living[0].fitness.values
    assert all(run[after.individual].parents == (before.individual,) or after.individual == before.individual for before, after in pairwise(steps))
    assert {after.individual == before.individual for before, after in pairwise(steps)} == {True, False}, "a climb that stays and that goes"
    by_the_last, _ = inheritance_report(list(run))
    assert any(entry.near < 1.0 for entry in by_the_last), "this search shows the difference"


@pytest.mark.slow
def test_children_of_exact_operators_score_what_their_parents_scored_in_a_real_search(tmp_path):
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
    run = ne.evolve(
        task.default_space(rates=(("widen", 5.0),), starter_parameters=(300, 2000)),
        task,
        strategy=ne.strategies.Lemonade(population=2, proposals=12, accepted=6),
        estimation=FullTraining(epochs=3, distil=1),
        budget=ne.Budget(evaluations=8),
        seed=3,
        run=tmp_path / "run",
        progress=False,
    )
    _, exact = inheritance_report(run)
    assert exact is not None and exact.children >= 2
    assert exact.near == 1.0
    assert "weights of" in run_table(run)
    child = next(individual for individual in run if individual.parents)
    assert "right after inheriting" in individual_table(run, child.id)
