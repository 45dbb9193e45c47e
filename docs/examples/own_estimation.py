"""An estimation of your own, which learns: a surrogate that lets only promising candidates be evaluated and predicts the others.

`plan` is asked when a trial is asked for; what it says is recorded with the trial. `observe` is told what came back. With `state` and `restore`
a run that is killed goes on with what was learned. Whoever was only predicted is shown, is no parent, and is never on the front.
"""

import numpy as np

import neuroevo as ne
from genomes import CellSpace, Genome
from neuroevo.core.trial import DONE, FULL, Prediction
from neuroevo.estimation import Direct
from neuroevo.predictors import Neighbours
from neuroevo.strategies import RegularizedEvolution, State


class Surrogate(Direct):
    """Evaluate those that nearest neighbours, a deviation to the good, take for one of the best tenth.

    Args:
        first: evaluations before anything is predicted.
    """

    def __init__(self, first=40):
        self.first, self.seen, self.fitted = first, [], 0

    def plan(self, individual):
        if len(self.seen) < self.first:
            return FULL
        if len(self.seen) >= 1.2 * self.fitted:  # learn again when there is a fifth more to learn from
            self.predictor, self.fitted = self.learned(len(self.seen)), len(self.seen)
        mean, deviation = self.predictor.predict([individual.genome])
        if mean[0] + deviation[0] >= np.quantile([value for _, value in self.seen], 0.9):
            return FULL
        return Prediction((float(mean[0]),), (float(deviation[0]),))

    def learned(self, count):
        predictor = Neighbours(k=5)
        predictor.fit([genome for genome, _ in self.seen[:count]], np.array([value for _, value in self.seen[:count]]))
        return predictor

    def observe(self, results):
        done = [one for result in results for one in result.individuals if one.status == DONE]
        self.seen += [(one.genome, one.fitness.values[0]) for one in done]

    def state(self):
        return State({"seen": [[genome.to_dict(), value] for genome, value in self.seen], "fitted": self.fitted})

    def restore(self, state):
        self.seen = [(Genome.from_dict(genome), value) for genome, value in state.json["seen"]]
        self.fitted = state.json["fitted"]
        if self.fitted:
            self.predictor = self.learned(self.fitted)

    def settings(self):
        return {"estimation": "Surrogate", "first": self.first}


def depth(genome):
    """What each operation is worth, on some edges more."""
    kinds = [int(digit) for digit in genome.table_key]
    worth = {0: 0.0, 1: 0.3, 2: 0.8, 3: 1.0, 4: 0.1}
    return sum(worth[kind] * (1 + position % 3) for position, kind in enumerate(kinds))


def main(folder=None, evaluations=120):
    task = ne.tasks.Function(depth, of="genome")
    strategy, budget = RegularizedEvolution(population=30, sample=10), ne.Budget(evaluations=evaluations)
    return ne.evolve(
        CellSpace(), task, strategy=strategy, estimation=Surrogate(), budget=budget, seed=1, run=folder, progress=False
    )


if __name__ == "__main__":
    run = main()
    print(run.history()["status"].value_counts().to_dict(), "best", run.best.values)
