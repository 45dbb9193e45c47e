"""A selection of your own: of the last front that fits, those go who add the least hypervolume (SMS-EMOA; Beume, Naujoks & Emmerich 2007).

A selection is DEAP's: `select(individuals, k)`. Here it takes the place of NSGA-II's own in a search for small networks that draw a sine.
"""

import moocore
import numpy as np
from deap import base

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.selection import normalised_hypervolume
from neuroevo.selection.nsga2 import costs, pareto_ranks, violations


def select_hypervolume(individuals, k):
    """The k survivors; whoever has a NaN or an infinite objective (failed) is never among them."""
    if k < 0:
        raise ValueError(f"how many to choose must be >= 0, got {k}")
    values = costs(individuals)  # numbers to minimise: float64 [individuals, objectives]
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    beyond = violations(individuals)  # by how much each passes its limits, or None
    ranks = pareto_ranks(values[usable], None if beyond is None else beyond[usable])
    chosen = []
    for rank in range(ranks.max(initial=-1) + 1):
        front = usable[ranks == rank].tolist()
        while len(chosen) + len(front) > k:
            front.pop(least_contribution(values[front]))
        chosen += front
    return [individuals[position] for position in chosen]


def least_contribution(points):
    """Position of the point without which the hypervolume shrinks least; the extremes count up to a little beyond the front."""
    size = points.max(axis=0) - points.min(axis=0)
    contributions = moocore.hv_contributions(points, ref=points.max(axis=0) + np.where(size > 0, size, 1.0))
    return int(np.argmin(contributions))


X = np.linspace(-3, 3, 30)[:, None]


def sine(network):
    return {"error": float(np.sqrt(((network(X) - np.sin(X)) ** 2).mean()))}


PARAMETERS = ne.Objective("parameters", "minimise", "cheap", of=lambda genome: genome.parameters)


def main():
    toolbox = base.Toolbox()
    toolbox.register("select", select_hypervolume)
    for name, parts in (("NSGA-II's selection", None), ("select_hypervolume", toolbox)):
        reached = []
        for seed in range(1, 4):
            run = ne.evolve(
                NeatSpace(inputs=1, outputs=1, activations=("tanh",)),
                sine,
                objectives={"error": ne.minimise, "parameters": PARAMETERS},
                strategy=ne.strategies.Nsga2(population=20),
                toolbox=parts,
                budget=ne.Budget(evaluations=1000),
                seed=seed,
            )
            front = [individual.fitness.values for individual in run.front]
            reached.append(normalised_hypervolume(front, ideal=(0, 0), worst=(1, 20)))
        print(f"{name:19}  hypervolume {np.mean(reached):.3f}, from {min(reached):.3f} to {max(reached):.3f}")


if __name__ == "__main__":
    main()
