"""Objectives of your own: one that is known from the genome, and one that looks at the trained network.

Searches networks for the iris data that are right, shallow, and still right when the measurements are noisy.
"""

import networkx as nx
import numpy as np

import neuroevo as ne
from neuroevo.data import load
from neuroevo.estimation import FullTraining

DATA = load("iris", seed=1)


def depth(genome):
    """Layers on the longest path from the input to the output."""
    return float(nx.dag_longest_path_length(genome.graph(), weight=None))


def error_under_noise(model):
    """Share of wrong answers where every measurement is off by a tenth of its standard deviation."""
    x, y = DATA.validation.x, DATA.validation.y  # x is normalised: its standard deviation is 1
    noise = np.random.default_rng(0).normal(0, 0.1, size=(20, *x.shape)).astype("float32")
    wrong = [np.argmax(model.predict_on_batch(x + one), axis=1) != y for one in noise]
    return float(np.mean(wrong))


def main():
    shallow = ne.Objective("depth", ne.minimise, "cheap", of=depth, limit=5)  # deeper networks are never trained
    task = ne.tasks.Classification(DATA, objectives=("error", error_under_noise, shallow))
    run = ne.evolve(
        task.default_space(),
        task,
        population=4,
        estimation=FullTraining(epochs=10),
        budget=ne.Budget(evaluations=8),
        seed=1,
    )
    print(run.history()[["id", *run.objectives, "operators"]].to_string(index=False))
    print("front:", *run.front, sep="\n  ")


if __name__ == "__main__":
    main()
