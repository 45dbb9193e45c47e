"""TrainedOnce: isomorphic genomes are trained once, whatever the strategy."""

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace
from neuroevo.core.objectives import PARAMETERS, Objective
from neuroevo.run.settings import strategy_from_settings
from neuroevo.strategies import HillClimb, Lemonade, RandomSearch, RegularizedEvolution, TrainedOnce
from neuroevo.tasks.base import Task
from neuroevo.testing import StrategySuite


class TestLemonadeTrainedOnce(StrategySuite):
    def strategy(self):
        return TrainedOnce(Lemonade(population=6, proposals=12, accepted=4))


class TestRegularizedEvolutionTrainedOnce(StrategySuite):
    def strategy(self):
        return TrainedOnce(RegularizedEvolution(population=8, sample=3))


class CountedTask(Task):
    """The number of convolutions, to be minimised; remembers which genomes it saw."""

    def __init__(self) -> None:
        self.objectives = {"convolutions": Objective("convolutions"), "parameters": PARAMETERS}
        self.seen: list[tuple[str, int]] = []

    def phenotype(self, genome):
        return genome

    def score(self, phenotype, context):
        self.seen.append((phenotype.key(), phenotype.parameters))
        return {"convolutions": float(sum(d >= 3 for d in phenotype.decisions) + phenotype.decisions[0] / 10)}

    def settings(self):
        return {"task": "CountedTask"}


def evolved(strategy, evaluations=60):
    task = CountedTask()
    run = ne.evolve(
        CellSpace(nodes=3), task, strategy=strategy, budget=ne.Budget(evaluations=evaluations), seed=1, progress=False
    )
    return task, run


def test_a_network_is_never_trained_twice() -> None:
    task, _ = evolved(Lemonade(population=6, proposals=12, accepted=4, inheritance="none"))
    assert len(set(task.seen)) < len(task.seen) == 60
    task, run = evolved(TrainedOnce(Lemonade(population=6, proposals=12, accepted=4, inheritance="none")))
    assert len(set(task.seen)) == len(task.seen) == run.evaluations


def test_where_weights_are_inherited_a_twin_stands_for_a_living_network_only() -> None:
    again: list[int] = []

    class Watched(RegularizedEvolution):
        def tell(self, results):
            told = {result.individuals[0].id for result in results if result.individuals[0].id == result.trial.id}
            twins = [result.individuals[0].id for result in results if result.individuals[0].id != result.trial.id]
            assert set(twins) <= {individual.id for individual in self.living} | told  # the weights of all others may be gone
            again.extend(twins)
            super().tell(results)

    task, _ = evolved(TrainedOnce(Watched(population=6, sample=3, inheritance="lamarckian")), evaluations=120)
    assert again and len(set(task.seen)) < len(task.seen)


def test_a_search_that_has_seen_every_network_ends() -> None:
    task, run = evolved(TrainedOnce(RandomSearch(batch=30)), evaluations=10_000)
    assert run.ended == "exhausted" and len(task.seen) == len(set(task.seen)) <= 125


def test_hill_climbing_still_trains_its_current_network_on() -> None:
    task, _ = evolved(TrainedOnce(HillClimb(neighbours=3, mutations=1)), evaluations=12)
    assert len(task.seen) == 12 > len(set(task.seen))


def test_its_settings_make_it_again() -> None:
    strategy = TrainedOnce(Lemonade(population=6, accepted=4))
    assert strategy_from_settings(strategy.settings()) == strategy
    with pytest.raises(ValueError, match="settings of another strategy"):
        strategy_from_settings({"strategy": "TrainedOnce", "of": strategy.settings()})
    with pytest.raises(ValueError, match="such as Lemonade"):
        TrainedOnce(strategy)


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(tmp_path) -> None:
    def found(run):
        return [(i.id, i.genome.genes(), list(i.fitness.values)) for i in run]

    def search(folder, evaluations):
        return ne.evolve(
            CellSpace(),
            CountedTask(),
            strategy=TrainedOnce(Lemonade(population=6, proposals=12, accepted=4, inheritance="none")),
            budget=ne.Budget(evaluations=evaluations),
            seed=3,
            run=folder,
            progress=False,
        )

    whole = search(tmp_path / "whole", 50)
    search(tmp_path / "parts", 23)
    assert found(search(tmp_path / "parts", 50)) == found(whole)
    assert np.isfinite([i.fitness.values[0] for i in whole]).all()
