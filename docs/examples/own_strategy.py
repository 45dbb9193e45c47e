"""A strategy of your own: simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983), next to two that are built in, on equal terms.

A strategy says which trials come next. Its fields are its settings; `state` and `restore` are what makes a killed run go on exactly.
"""

import math
from dataclasses import dataclass

import numpy as np

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.individual import DONE
from neuroevo.report.comparison import compare, comparison_table
from neuroevo.strategies import RandomSearch, RegularizedEvolution, State, Strategy
from neuroevo.strategies.evolution.breeding import Breeding, trial


@dataclass
class SimulatedAnnealing(Strategy):
    """Several chains; each proposes a mutant of its current individual and accepts a worse one with probability exp(-loss / temperature).

    Args:
        chains: individuals that are varied at the same time.
        temperature: at the start, in units of the first objective.
        cooling: factor on it each generation.
    """

    chains: int = 10
    temperature: float = 0.1
    cooling: float = 0.95

    def start(self, search):
        super().start(search)
        self._breeding = Breeding(search)  # births from their own random streams, within the limits of cheap objectives
        self._current = []

    def ask(self):
        children = [self._breeding.child(lambda rng, one=one: ([one], None), self.generation) for one in self._current]
        trials = [trial(self.search, *birth, self.inheritance) for birth in children if birth is not None]
        missing = self.chains - len(self._current)  # all of them at first
        return trials + [self.search.trial(one) for one in self._breeding.first(missing, self.generation)]

    def tell(self, results):
        rng = self.search.selection_rng(self.generation)  # never a generator of your own: this one is repeatable
        heat = self.temperature * self.cooling**self.generation
        chains = {one.id: one for one in self._current}
        for result in results:
            child = result.individuals[0]
            chance = rng.random()
            if child.status != DONE:
                continue
            if not child.parents:
                chains[child.id] = child
                continue
            parent = chains[child.parents[0]]
            gain = child.fitness.wvalues[0] - parent.fitness.wvalues[0]  # wvalues: larger is better, whatever the direction
            if gain >= 0 or chance < math.exp(gain / heat):
                chains[child.parents[0]] = child
        self._current = list(chains.values())
        self.generation += 1

    def state(self):
        return State({"generation": self.generation, "current": [one.id for one in self._current]})

    def restore(self, state, individuals):
        self.generation = state.json["generation"]
        self._current = [individuals(id) for id in state.json["current"]]

    @property
    def living(self):
        return self._current


X = np.linspace(-3, 3, 30)[:, None]


def distance_to_sine(network):
    return {"error": float(np.sqrt(((network(X) - np.sin(X)) ** 2).mean()))}


def main():
    strategies = (SimulatedAnnealing(), RegularizedEvolution(population=50, sample=10), RandomSearch())
    runs = [
        ne.evolve(
            NeatSpace(inputs=1, outputs=1, activations=("tanh",)),
            distance_to_sine,
            objectives={"error": ne.minimise},
            strategy=strategy,
            budget=ne.Budget(evaluations=600),
            seed=seed,
        )
        for strategy in strategies
        for seed in range(1, 6)
    ]
    print(comparison_table(compare(runs)))


if __name__ == "__main__":
    main()
