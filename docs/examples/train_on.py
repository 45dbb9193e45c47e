"""Trials that go on: the best network so far is trained on, beside a new one.

A trial names its fidelity and leaves a checkpoint; a later trial of the same individual goes on from there.
"""

from dataclasses import dataclass

import neuroevo as ne
from genomes import NetworkSpace
from neuroevo.core.trial import CHECKPOINT, DONE, Fidelity
from neuroevo.strategies import State, Strategy


@dataclass
class TrainOn(Strategy):
    """Begin a random network and train the best one on, again and again, until that is trained to the end; then the next best.

    Args:
        epochs: of each trial.
        most: of a network in all.
    """

    epochs: int = 2
    most: int = 6

    @property
    def full(self):
        return Fidelity(self.most)  # who is done at it counts for the front

    def start(self, search):
        super().start(search)
        self._open = []  # networks that may be trained on

    def ask(self):
        best = min(self._open, key=lambda one: (one.fitness.values[0], one.id), default=None)
        going_on = [] if best is None else [self._trial(best, best.fidelity.epochs + self.epochs, best.trial)]
        return [*going_on, self._trial(self.search.random(self.generation), self.epochs, None)]

    def _trial(self, one, epochs, previous):
        # Every trial says how far it may go on: the learning rate falls over the whole way, and not inside each trial.
        fidelity = Fidelity(epochs, previous=previous, schedule=self.most)
        return self.search.trial(one, fidelity=fidelity, leaves=(CHECKPOINT,) if epochs < self.most else ())

    def tell(self, results):
        told = [result.individuals[0] for result in results]
        others = [one for one in self._open if one not in told]
        self._open = others + [one for one in told if one.status == DONE and one.fidelity.epochs < self.most]
        self.generation += 1

    @property
    def living(self):
        return self._open

    def needs(self):
        return [(one.trial, CHECKPOINT) for one in self._open]

    def state(self):
        return State({"generation": self.generation, "open": [one.id for one in self._open]})

    def restore(self, state, individuals):
        self.generation = state.json["generation"]
        self._open = [individuals(id) for id in state.json["open"]]


def main(folder=None, evaluations=12, **options):
    return ne.evolve(
        NetworkSpace(input_shape=(4,), outputs=3, starter_parameters=(20, 300)),
        ne.tasks.Classification("iris", objectives=("loss", "parameters")),
        strategy=TrainOn(),
        budget=ne.Budget(evaluations=evaluations),
        seed=1,
        run=folder,
        progress=False,
        **options,
    )


if __name__ == "__main__":
    run = main()
    print(run.history()[["id", "trial", "epochs", "loss", "parameters"]].round(3).to_string(index=False))
    print("front:", [one.id for one in run.front], f"{run.epochs:g} epochs in all")
