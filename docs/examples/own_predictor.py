"""A predictor of your own: Bayesian linear regression on the choices of a cell, beside the nearest neighbours that are built in.

A predictor says what a network would score, and how far off that may be. Its fields are its settings; `learn` and `estimate` are all it needs.
"""

from dataclasses import dataclass

import numpy as np

from genomes import CellSpace
from neuroevo.predictors import Neighbours, Predictor, held_out


@dataclass
class LinearInChoices(Predictor):
    """The score as a sum of what each choice is worth (Bishop 2006, section 3.3), for encodings with `decisions`.

    Args:
        ridge: how strongly the worth of a choice is drawn to 0, in observations.
    """

    ridge: float = 1.0

    def learn(self, genomes, values):
        x = features(genomes)
        self.mean = values.mean()
        self.precision = x.T @ x + self.ridge * np.eye(x.shape[1])
        self.worth = np.linalg.solve(self.precision, x.T @ (values - self.mean))
        left = values - self.mean - x @ self.worth
        known = np.trace(np.linalg.solve(self.precision, x.T @ x))  # as many parameters as the data decide
        self.noise = np.sqrt((left**2).sum() / max(len(values) - known, 1.0))

    def estimate(self, genomes):
        x = features(genomes)
        doubt = (x * np.linalg.solve(self.precision, x.T).T).sum(axis=1)
        return self.mean + x @ self.worth, self.noise * np.sqrt(1 + doubt)


def features(genomes):
    """A 1 for each choice that was made: float64 [genomes, decisions * options]."""
    options = [len(decision.options) for decision in genomes[0].space.questions]
    chosen = np.array([genome.decisions for genome in genomes])
    return np.concatenate([np.eye(count)[chosen[:, position]] for position, count in enumerate(options)], axis=1)


def depth(genome):
    """Convolutions on the longest way through the cell; a cell that lets nothing through has -1."""
    reached = {0: 0}
    for edge in sorted(genome.edges(), key=lambda edge: edge.target):
        if edge.operation != "none" and edge.source in reached:
            convolutions = reached[edge.source] + edge.operation.startswith("conv")
            reached[edge.target] = max(reached.get(edge.target, 0), convolutions)
    return reached.get(3, -1)


def main():
    space = CellSpace()
    cells = [space.random(np.random.default_rng(seed)) for seed in range(600)]
    scores = np.array([depth(cell) for cell in cells], dtype=float)
    print("fitted on  predictor        rank correlation  within the 90 % interval")
    for fitted in (25, 100, 400):
        for predictor in (LinearInChoices(), Neighbours()):
            found = [held_out(predictor, cells, scores, fitted=fitted, seed=seed) for seed in range(10)]
            ranks, coverage = (np.mean([getattr(each, name) for each in found]) for name in ("rank_correlation", "coverage"))
            print(f"{fitted:9}  {type(predictor).__name__:15}  {ranks:16.2f}  {coverage:24.2f}")


if __name__ == "__main__":
    main()
