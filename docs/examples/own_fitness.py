"""A fitness of your own, in three forms: one number, several objectives, and a whole population at once.

A craft is to come to rest at 0. It has a position and a velocity, and a network sets its thrust, 60 times.
"""

import numpy as np

import neuroevo as ne
from genomes import NeatSpace

STEPS, SECONDS = 60, 0.1  # steps of one flight, and how long a step is
STARTS = np.array([[-2.0, 0.0], [1.0, 1.0], [2.0, -0.5], [-1.0, -1.0]])  # float [flights, (position, velocity)]
SPACE = NeatSpace(inputs=2, outputs=1, activations=("tanh",))


def fly(thrust, states):
    """How far from rest the craft is on average over a flight, and how much it thrusts: arrays of shape [..., flights]."""
    away, fuel = 0.0, 0.0
    for _ in range(STEPS):
        push = thrust(states)[..., 0]  # what the network answers, from -1 to 1
        velocity = states[..., 1] + SECONDS * push
        position = states[..., 0] + SECONDS * velocity
        states = np.stack([position, velocity], axis=-1)
        away, fuel = away + np.hypot(position, velocity) / STEPS, fuel + np.abs(push) / STEPS
    return away, fuel


def one_number(network):  # maximised; network(x) maps [samples, inputs] to [samples, outputs]
    away, _ = fly(network, STARTS)
    return -away.mean()


def two_objectives(network, rng):  # rng: a generator that depends on the seed and the individual alone
    away, fuel = fly(network, rng.uniform(-2, 2, size=(8, 2)))
    return {"away": away.mean(), "fuel": fuel.mean(), "furthest": away.max()}  # what is no objective is recorded


@ne.population_fitness
def all_at_once(population):  # population(x) maps [population, samples, inputs] to [population, samples, outputs]
    away, _ = fly(population, np.broadcast_to(STARTS, (len(population), *STARTS.shape)))
    return -away.mean(axis=-1)  # one number for each member


def main():
    run = ne.evolve(SPACE, one_number, population=60, budget=ne.Budget(generations=10), seed=1)
    print("one number:    ", run.best)

    objectives = {"away": ne.minimise, "fuel": ne.minimise}
    run = ne.evolve(SPACE, two_objectives, objectives=objectives, population=40, budget=ne.Budget(generations=10), seed=1)
    print("two objectives:", *run.front[:3], sep="\n  ")

    run = ne.evolve(SPACE, all_at_once, population=300, budget=ne.Budget(generations=10), seed=1)
    print("all at once:   ", run.best, f"in {run.seconds:.1f} s")


if __name__ == "__main__":
    main()
