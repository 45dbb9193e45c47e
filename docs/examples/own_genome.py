"""A genome of your own: networks whose weights are -1, 0 or 1, as cheap hardware wants them.

A space says what may be encoded and how it varies, a genome is an immutable value. With both, every strategy, evaluator and run works.
"""

import json
from dataclasses import dataclass

import networkx as nx
import numpy as np

import neuroevo as ne
from genomes import Genome, Space
from genomes.equations import Equation, Equations, numbered
from neuroevo.core.objectives import PARAMETERS


@dataclass(frozen=True)
class TernarySpace(Space, encoding="ternary"):
    """One hidden layer of rectified units, weights in {-1, 0, 1}. Every field is a plain JSON value."""

    inputs: int
    outputs: int
    hidden: int = 6
    rate: float = 0.05  # probability that mutation draws a weight anew

    @property
    def width(self):
        return self.inputs + 1 + self.outputs  # a unit's weights: from the inputs, its bias, to the outputs

    def random(self, rng):
        drawn = rng.integers(-1, 2, size=(self.hidden, self.width))
        return TernaryGenome(self, tuple(map(tuple, drawn.tolist())), ("random",))

    def from_genes(self, genes):  # JSON from outside: refuse what is not valid, in a sentence
        rows = genes if isinstance(genes, list) else []
        if len(rows) != self.hidden or any(not isinstance(row, list) or len(row) != self.width for row in rows):
            raise ValueError(f"genes must be {self.hidden} lists of {self.width} weights, got {str(genes)[:80]}")
        if any(type(weight) is not int or weight not in (-1, 0, 1) for row in rows for weight in row):
            raise ValueError(f"weights must be -1, 0 or 1, got {str(genes)[:80]}")
        return TernaryGenome(self, tuple(map(tuple, rows)))


@dataclass(frozen=True, eq=False)
class TernaryGenome(Genome):
    space: TernarySpace
    units: tuple  # of tuples, one for each hidden unit
    operators: tuple = ()

    def mutate(self, rng, *, clock):  # the clock is the generation: encodings with historical markings need it
        weights = np.array(self.units)
        chosen = rng.random(weights.shape) < self.space.rate
        chosen.flat[rng.integers(weights.size)] = True  # at least one
        varied = np.where(chosen, rng.integers(-1, 2, size=weights.shape), weights)
        return TernaryGenome(self.space, tuple(map(tuple, varied.tolist())), ("redraw_weights",))

    def crossover(self, others, rng, *, ranks=None):  # a whole unit from one of the parents, whichever
        parents = [self, *others]
        picks = rng.integers(len(parents), size=self.space.hidden).tolist()
        units = tuple(parents[pick].units[index] for index, pick in enumerate(picks))
        return TernaryGenome(self.space, units, ("crossover",))

    def distance(self, other):
        return float((np.array(self.units) != np.array(other.units)).mean())

    def key(self):  # hidden units are interchangeable: networks that differ in their order alone have one key
        return json.dumps(sorted(self.units))

    def graph(self):
        graph = nx.DiGraph()
        graph.add_nodes_from(("input", i) for i in range(self.space.inputs))
        for h, unit in enumerate(self.units):
            for i in range(self.space.inputs):
                if unit[i]:
                    graph.add_edge(("input", i), ("hidden", h), weight=unit[i])
            for o, weight in enumerate(unit[self.space.inputs + 1 :]):
                if weight:
                    graph.add_edge(("hidden", h), ("output", o), weight=weight)
        return graph

    def genes(self):
        return [list(unit) for unit in self.units]

    @property
    def parameters(self):
        return int(np.count_nonzero(self.units))

    def equations(self):  # the same network, node by node: of these a keras.Model, a NumPy file and a formula are made
        inputs, outputs = self.space.inputs, self.space.outputs
        sources, hidden = tuple(range(inputs)), range(inputs + outputs, inputs + outputs + self.space.hidden)
        units = [
            Equation(h, "relu", "sum", unit[inputs], 1.0, sources, unit[:inputs])
            for h, unit in zip(hidden, self.units, strict=True)
        ]
        answers = [
            Equation(inputs + o, "identity", "sum", 0.0, 1.0, tuple(hidden), tuple(unit[inputs + 1 + o] for unit in self.units))
            for o in range(outputs)
        ]
        return Equations(inputs, numbered(inputs), None, tuple(range(inputs, inputs + outputs)), (*units, *answers))

    def network(self):  # what a fitness is given; an encoding without it has an `architecture`, and its networks are trained
        weights = np.array(self.units, dtype=float)
        inputs = self.space.inputs

        def network(x):
            hidden = np.maximum(np.asarray(x) @ weights[:, :inputs].T + weights[:, inputs], 0)
            return hidden @ weights[:, inputs + 1 :]

        return network


PAIRS = np.random.default_rng(0).normal(size=(200, 2))


def larger_of_two(network):
    """How far the output is from the larger of two numbers, on average."""
    return {"error": float(np.abs(network(PAIRS)[:, 0] - PAIRS.max(axis=1)).mean())}


def main():
    run = ne.evolve(
        TernarySpace(inputs=2, outputs=1),
        larger_of_two,
        objectives={"error": ne.minimise, "parameters": PARAMETERS},
        population=40,
        budget=ne.Budget(generations=30),
        seed=3,
    )
    for individual in run.front:
        print(f"{individual.values['parameters']:3.0f} weights, error {individual.values['error']:.3f}")
    print(run.best.genome.genes())


if __name__ == "__main__":
    main()
