"""The strategies with rungs keep every strategy's promises, whoever proposes their candidates."""

import pytest

from neuroevo.predictors import Neighbours
from neuroevo.strategies import (
    Asha,
    Bayesian,
    Hyperband,
    Lemonade,
    LocalSearch,
    Nsga2,
    QLearning,
    RandomSearch,
    RegularizedEvolution,
    Reinforce,
    Strategy,
    SuccessiveHalving,
)
from neuroevo.testing import StrategySuite
from neuroevo.testing.strategy import Drive, through_disk


class TestSuccessiveHalving(StrategySuite):
    def strategy(self) -> Strategy:
        return SuccessiveHalving(candidates=9)


class TestSuccessiveHalvingOfChildren(StrategySuite):
    def strategy(self) -> Strategy:
        parents = RegularizedEvolution(population=4, sample=2, inheritance="lamarckian")
        return SuccessiveHalving(candidates=6, eta=2, rungs=2, proposals=parents)


class TestHyperband(StrategySuite):
    tells = 16

    def strategy(self) -> Strategy:
        return Hyperband(maximum=9, proposals=Nsga2(population=5))


class TestHyperbandByAModel(StrategySuite):
    def strategy(self) -> Strategy:
        return Hyperband(eta=2, maximum=4, proposals=Bayesian(Neighbours(), initial=4, candidates=8))


class TestAsha(StrategySuite):
    def strategy(self) -> Strategy:
        return Asha(rungs=3, batch=5, proposals=RandomSearch(batch=4))


class TestAshaOfChildren(StrategySuite):
    tells = 30

    def strategy(self) -> Strategy:
        return Asha(eta=2, rungs=3, batch=3, proposals=Nsga2(population=4, inheritance="lamarckian"))


class TestAshaThatAsksOneByOne(StrategySuite):
    tells = 30

    def strategy(self) -> Strategy:
        return Asha(eta=2, rungs=3, batch=1, proposals=RegularizedEvolution(population=4, sample=2))


PROPOSALS = {
    "Bayesian": lambda: Bayesian(Neighbours(), initial=4, candidates=8),
    "Lemonade": lambda: Lemonade(population=3, proposals=6, accepted=3),
    "LocalSearch": LocalSearch,
    "Nsga2": lambda: Nsga2(population=4),
    "QLearning": QLearning,
    "RandomSearch": lambda: RandomSearch(batch=4),
    "RegularizedEvolution": lambda: RegularizedEvolution(population=4, sample=2),
    "Reinforce": lambda: Reinforce(batch=4),
}


@pytest.mark.parametrize(
    "around", [lambda p: Hyperband(eta=2, maximum=4, proposals=p), lambda p: Asha(eta=2, rungs=3, batch=3, proposals=p)]
)
@pytest.mark.parametrize("name", PROPOSALS)
def test_a_search_goes_on_from_every_moment_whoever_proposes(name: str, around) -> None:
    suite = TestHyperband()

    def made() -> Strategy:
        return around(PROPOSALS[name]())

    whole = Drive(made(), suite.space(), suite.task(), 1)
    for stop in range(16):
        resumed = Drive(made(), suite.space(), suite.task(), 1, through_disk(whole.strategy.state()), whole)
        assert StrategySuite.same_state(resumed.strategy, whole.strategy), f"stopped after {stop} tells"
        whole.step()
        resumed.step()
        assert resumed.log == whole.log[-1:] and resumed.log != ["[]"], f"stopped after {stop} tells"
        assert StrategySuite.same_state(resumed.strategy, whole.strategy)
    children = [one for one in whole.kept.values() if one.parents]
    assert children or name in ("RandomSearch", "QLearning", "Reinforce"), "the strategy learned nothing of what it was told"
