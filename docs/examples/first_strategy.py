"""The smallest strategy: `ask` and `tell`, and nothing else. A run of it can be killed and goes on: what was evaluated is on record."""

import neuroevo as ne
from genomes import CellSpace
from neuroevo.strategies import Strategy


class Climber(Strategy):
    """Four mutants of the best so far, again and again."""

    best = None

    def ask(self):
        if self.best is None:
            return [self.search.trial(self.search.random())]
        return [self.search.trial(self.search.mutant(self.best, self.generation)) for _ in range(4)]

    def tell(self, results):
        everyone = [result.individuals[0] for result in results] + [self.best] * (self.best is not None)
        self.best = max((one for one in everyone if one.status == "done"), key=lambda one: one.fitness, default=self.best)


def balance(genome):
    """As many convolutions as skips."""
    kinds = [int(digit) for digit in genome.table_key]
    return -abs(sum(kind in (2, 3) for kind in kinds) - kinds.count(1)) + kinds.count(1) / 10


def main(folder=None, evaluations=100):
    task = ne.tasks.Function(balance, of="genome")
    return ne.evolve(
        CellSpace(), task, strategy=Climber(), budget=ne.Budget(evaluations=evaluations), seed=1, run=folder, progress=False
    )


if __name__ == "__main__":
    run = main()
    print(run.best, run.generation, "generations")
