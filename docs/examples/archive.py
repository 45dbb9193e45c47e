"""An archive in thirty lines: a grid of behaviours, and the best individual of each cell (`MapElites` is the built-in one).

The task describes what a network does (`descriptors`); the numbers travel with the evaluation into the record, the history and this archive.
"""

from dataclasses import dataclass

import numpy as np

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.trial import DONE
from neuroevo.strategies import State, Strategy

X = np.linspace(-1, 1, 21)[:, None]


class Curves(ne.tasks.Task):
    """Smooth functions of one variable, described by where they begin and where they end."""

    def __init__(self):
        self.objectives = {"smoothness": ne.Objective("smoothness", "maximise")}

    def score(self, phenotype, context):
        return {"smoothness": -float(np.abs(np.diff(phenotype(X)[:, 0], 2)).sum())}

    def descriptors(self, phenotype, context):
        return phenotype(X[[0, -1]])[:, 0]


@dataclass
class Elites(Strategy):
    """Mutants of random elites.

    Args:
        batch: children of a generation.
        cells: of the grid on each axis, over descriptors from 0 to 1.
    """

    batch: int = 50
    cells: int = 10

    def start(self, search):
        super().start(search)
        self._elites = {}

    def ask(self):
        if not self._elites:
            return [self.search.trial(self.search.random()) for _ in range(self.batch)]
        elites = [self._elites[cell] for cell in sorted(self._elites)]
        chosen = self.search.selection_rng(self.generation).integers(len(elites), size=self.batch)
        return [self.search.trial(self.search.mutant(elites[position], self.generation)) for position in chosen]

    def tell(self, results):
        for result in results:
            one = result.individuals[0]
            if one.status == DONE:
                cell = tuple(np.clip(one.descriptors * self.cells, 0, self.cells - 1).astype(int).tolist())
                if cell not in self._elites or one.fitness > self._elites[cell].fitness:
                    self._elites[cell] = one
        self.generation += 1

    def report(self):
        return {"coverage": len(self._elites) / self.cells**2}

    @property
    def living(self):
        return list(self._elites.values())

    def state(self):
        return State({"generation": self.generation, "elites": [[*cell, one.id] for cell, one in sorted(self._elites.items())]})

    def restore(self, state, individuals):
        self.generation = state.json["generation"]
        self._elites = {tuple(cell): individuals(id) for *cell, id in state.json["elites"]}


def main(folder=None, generations=20):
    space = NeatSpace(inputs=1, outputs=1, activations=("tanh", "sigmoid"))
    strategy, budget = Elites(), ne.Budget(generations=generations)
    return ne.evolve(space, Curves(), strategy=strategy, budget=budget, seed=1, run=folder, progress=False)


if __name__ == "__main__":
    run = main()
    print(run.generations()[["generation", "coverage"]].tail(1))
    print(run.history()[["id", "smoothness", "descriptor_0", "descriptor_1"]].tail(3))
