"""One network holds them all: a slimmable network (Yu, Yang, Xu, Yang & Huang 2019), whose first units are a smaller network.

An epoch of the shared weights is a trial of its own, without individuals: it starts from the artifact of the epoch before and leaves its own.
After three epochs every width is scored with the shared weights; one training served the whole front. Killed between two epochs, the run
goes on with the next one.
"""

from dataclasses import dataclass

import networkx as nx
import numpy as np

import neuroevo as ne
from genomes import Genome, Space
from neuroevo.core.objectives import PARAMETERS
from neuroevo.core.trial import Artifact, Measurement
from neuroevo.data import load
from neuroevo.estimation import Estimation
from neuroevo.strategies import State, Strategy

WIDEST = 32


@dataclass(frozen=True)
class WidthSpace(Space, encoding="width"):
    """How many hidden units a network of one hidden layer has."""

    inputs: int
    outputs: int
    widest: int = WIDEST

    def random(self, rng):
        return WidthGenome(self, int(rng.integers(1, self.widest + 1)), ("random",))

    def from_genes(self, genes):
        if isinstance(genes, bool) or not isinstance(genes, int) or not 1 <= genes <= self.widest:
            raise ValueError(f"a width is a whole number from 1 to {self.widest}, got {genes!r}")
        return WidthGenome(self, genes)


@dataclass(frozen=True, eq=False)
class WidthGenome(Genome):
    space: WidthSpace
    width: int
    operators: tuple = ()

    def mutate(self, rng, *, clock):
        width = int(np.clip(self.width + rng.choice([-2, -1, 1, 2]), 1, self.space.widest))
        return WidthGenome(self.space, width, ("resize",))

    def crossover(self, others, rng, *, ranks=None):
        return WidthGenome(self.space, (self.width + others[0].width) // 2, ("crossover",))

    def distance(self, other):
        return float(abs(self.width - other.width))

    def key(self):
        return str(self.width)

    def genes(self):
        return self.width

    def graph(self):
        return nx.DiGraph([("input", "hidden"), ("hidden", "output")])

    @property
    def parameters(self):
        return self.width * (self.space.inputs + 1) + self.width * self.space.outputs + self.space.outputs


class Digits(ne.tasks.Task):
    """Error on the validation part of the digits, and size."""

    def __init__(self):
        self.objectives = {"error": ne.Objective("error"), "parameters": PARAMETERS}
        self.data = load("digits")

    def score(self, phenotype, context):
        part = self.data.validation
        predicted = phenotype(part.x.reshape(len(part), -1)).argmax(axis=1)
        return {"error": float((predicted != part.y).mean())}


class Slimmable(Estimation):
    """Trains the shared network for an epoch, or scores a width with what it has learned."""

    def measure(self, trial, task, context):
        shared = trial.artifact("supernet")
        weights = dict(shared.load()) if shared is not None else fresh(task, context.rng(0))
        if trial.job == "train_shared":
            rng = context.rng(trial.options["epoch"])
            loss = train_epoch(weights, task, rng)
            left = Artifact(trial.id, "supernet", arrays=weights)
            return Measurement(np.empty((0, 2)), artifacts=(left,), epochs=1.0, report={"loss": loss})
        rows = []
        for individual in trial.individuals:
            width = individual.genome.width
            scores = task.score(lambda x, width=width: outputs(weights, x, width)[1], context)
            rows.append([scores["error"], float(individual.genome.parameters)])
        return Measurement(np.array(rows))


def fresh(task, rng):
    inputs, classes = task.data.train.x[0].size, task.data.outputs
    return {
        "w1": rng.normal(0, inputs**-0.5, (inputs, WIDEST)), "b1": np.zeros(WIDEST),
        "w2": rng.normal(0, WIDEST**-0.5, (WIDEST, classes)), "b2": np.zeros(classes),
    }  # fmt: skip


def outputs(weights, x, width):
    hidden = np.maximum(x @ weights["w1"][:, :width] + weights["b1"][:width], 0)
    return hidden, hidden @ weights["w2"][:width] + weights["b2"]


def train_epoch(weights, task, rng, rate=0.1, batch=32):
    """Every step trains the widest network and one narrower, in place; the mean loss."""
    part, losses = task.data.train, []
    x, y = part.x.reshape(len(part), -1).astype(float), np.eye(task.data.outputs)[part.y]
    order = rng.permutation(len(x))
    for at in range(0, len(x), batch):
        rows = order[at : at + batch]
        for width in (WIDEST, int(rng.integers(1, WIDEST))):
            hidden, logits = outputs(weights, x[rows], width)
            exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
            error = exponentials / exponentials.sum(axis=1, keepdims=True) - y[rows]
            losses.append(float((error**2).mean()))
            back = (error @ weights["w2"][:width].T) * (hidden > 0)
            weights["w2"][:width] -= rate * hidden.T @ error / len(rows)
            weights["b2"] -= rate * error.mean(axis=0)
            weights["w1"][:, :width] -= rate * x[rows].T @ back / len(rows)
            weights["b1"][:width] -= rate * back.mean(axis=0)
    return float(np.mean(losses))


@dataclass
class OneShot(Strategy):
    """Train the shared network for some epochs, then score some widths with it.

    Args:
        epochs: of the shared network, a trial each.
        widths: how many are scored.
    """

    epochs: int = 3
    widths: int = 12

    def start(self, search):
        super().start(search)
        self._supernet = None  # the trial that left it

    def ask(self):
        shared = () if self._supernet is None else (self.search.artifact(self._supernet, "supernet"),)
        if self.generation < self.epochs:
            return [self.search.trial(job="train_shared", artifacts=shared, options={"epoch": self.generation + 1})]
        if self.generation > self.epochs:
            return []
        return [self.search.trial(self.search.random(), artifacts=shared) for _ in range(self.widths)]

    def tell(self, results):
        if results[0].trial.job == "train_shared" and not results[0].failed:
            self._supernet = results[0].trial.id
        self.generation += 1

    def needs(self):
        return [] if self._supernet is None else [(self._supernet, "supernet")]

    def state(self):
        return State({"generation": self.generation, "supernet": self._supernet})

    def restore(self, state, individuals):
        self.generation, self._supernet = state.json["generation"], state.json["supernet"]


def main(folder=None, **options):
    task = Digits()
    space = WidthSpace(task.data.train.x[0].size, task.data.outputs)
    budget = ne.Budget(evaluations=100)
    return ne.evolve(
        space, task, strategy=OneShot(), estimation=Slimmable(), budget=budget, seed=1, run=folder, progress=False, **options
    )


if __name__ == "__main__":
    run = main()
    print(run.history()[["id", "trial", "error", "parameters"]])
    print(f"{run.epochs:g} epochs served {run.evaluations} networks; front: {[i.genome.width for i in run.front]}")
