"""Successive halving (Jamieson & Talwalkar 2016): many networks are trained a little, the better ones more, from where they stood.

A trial names its fidelity, leaves a checkpoint, and goes on from the one before; the individual stays the same and its fitness is that of the
highest rung that it reached. Only those of the last rung are on the front. A run that is killed inside a rung ends bit-identical.
"""

from dataclasses import dataclass

import neuroevo as ne
from genomes import NetworkSpace
from neuroevo.core.trial import CHECKPOINT, DONE, Fidelity
from neuroevo.estimation import FullTraining
from neuroevo.strategies import State, Strategy
from neuroevo.train import Recipe


@dataclass
class SuccessiveHalving(Strategy):
    """Brackets of random networks, one after the other.

    Args:
        candidates: networks that a bracket begins with.
        eta: of them, one in `eta` goes on to the next rung.
        first: epochs of the first rung; each rung has `eta` times those of the one before.
        rungs: how many.
    """

    candidates: int = 9
    eta: int = 3
    first: int = 1
    rungs: int = 3

    @property
    def full(self):
        return self._fidelity(self.rungs - 1, None)

    def _fidelity(self, rung, previous):
        # The rate falls over the whole way and not inside each rung: so what is cut short is what would have gone on.
        return Fidelity(self.first * self.eta**rung, previous=previous, schedule=self.first * self.eta ** (self.rungs - 1))

    def start(self, search):
        super().start(search)
        self._rung, self._going_on = 0, []

    def ask(self):
        if self._rung == 0:
            born = [self.search.random(self.generation) for _ in range(self.candidates)]
            return [self._trial(one, None) for one in born]
        return [self._trial(one, one.trial) for one in self._going_on]

    def _trial(self, individual, previous):
        leaves = (CHECKPOINT,) if self._rung < self.rungs - 1 else ()
        return self.search.trial(individual, fidelity=self._fidelity(self._rung, previous), leaves=leaves)

    def tell(self, results):
        done = [result.individuals[0] for result in results if result.individuals[0].status == DONE]
        best = sorted(done, key=lambda one: one.fitness.ranking, reverse=True)[: max(1, len(results) // self.eta)]
        self._rung += 1
        self._going_on = best
        if self._rung == self.rungs or not best:
            self._rung, self._going_on = 0, []
            self.generation += 1

    @property
    def living(self):
        return self._going_on

    def needs(self):
        return [*super().needs(), *[(one.trial, CHECKPOINT) for one in self._going_on]]

    def state(self):
        return State({"generation": self.generation, "rung": self._rung, "going_on": [one.id for one in self._going_on]})

    def restore(self, state, individuals):
        self.generation, self._rung = state.json["generation"], state.json["rung"]
        self._going_on = [individuals(id) for id in state.json["going_on"]]


def main(folder=None, evaluations=13, **options):
    task = ne.tasks.Classification("digits", objectives=("error", "parameters"))
    recipe = Recipe(learning_rate=0.1, weight_decay=2e-3, clip=1.0)
    return ne.evolve(
        NetworkSpace(input_shape=(8, 8, 1), outputs=10, starter_parameters=(300, 3000)),
        task,
        strategy=SuccessiveHalving(),
        estimation=FullTraining(recipe=recipe),
        budget=ne.Budget(evaluations=evaluations),
        seed=1,
        run=folder,
        progress=False,
        **options,
    )


if __name__ == "__main__":
    run = main()
    print(run.history()[["id", "trial", "epochs", "error", "parameters"]])
    print(run.front, f"{run.epochs:g} epochs in all")
