from neuroevo.strategies import Nsga2, Nsga3, RandomSearch, RegularizedEvolution, Strategy
from neuroevo.testing import StrategySuite


class TestRandomSearch(StrategySuite):
    def strategy(self) -> Strategy:
        return RandomSearch(batch=7)


class TestRandomSearchOfDistinctCells(StrategySuite):
    def strategy(self) -> Strategy:
        return RandomSearch(batch=7, deduplicate="key")


class TestRegularizedEvolution(StrategySuite):
    tells = 40

    def strategy(self) -> Strategy:
        return RegularizedEvolution(population=8, sample=3)


class TestRegularizedEvolutionInBatches(StrategySuite):
    def strategy(self) -> Strategy:
        return RegularizedEvolution(population=8, sample=3, batch=4, deduplicate="genome", inheritance="lamarckian")


class TestNsga2(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga2(population=8)


class TestNsga2SteadyState(StrategySuite):
    tells = 30

    def strategy(self) -> Strategy:
        return Nsga2(population=8, offspring=2, crossover=1.0, mutation=0.5, deduplicate="none", inheritance="lamarckian")


class TestNsga3(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga3(population=8, crossover=0.9)
