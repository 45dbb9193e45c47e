# %% [markdown]
# # A fitness of your own
#
# A fitness says how good a network is. Here a network steers a pendulum that hangs: it is to swing it up and to keep it there. The world is
# ten lines of NumPy, and all members of a population act in it at once.

# %%
import numpy as np

import neuroevo as ne
from genomes import NeatSpace

STEPS, SECONDS = 200, 0.05


def step(angle, speed, torque):
    """A pendulum of unit length and mass with friction; angle 0 is up."""
    speed = speed + SECONDS * (9.8 * np.sin(angle) - 0.1 * speed + 6 * np.clip(torque, -1, 1))
    return angle + SECONDS * speed, np.clip(speed, -10, 10)


@ne.population_fitness
def fitness(population):  # the mean height of the pendulum's end, -1 to 1: maximised
    angle, speed = np.full(len(population), np.pi), np.zeros(len(population))
    height = 0.0
    for _ in range(STEPS):
        seen = np.stack([np.cos(angle), np.sin(angle), speed / 10], axis=1)[:, None]  # [population, 1 sample, 3 inputs]
        angle, speed = step(angle, speed, population(seen)[:, 0, 0])
        height = height + np.cos(angle)
    return height / STEPS


# %% [markdown]
# NEAT begins with networks without hidden nodes, and adds what pays.

# %%
space = NeatSpace(inputs=3, outputs=1, activations=("tanh",))
run = ne.evolve(space, fitness, population=200, budget=ne.Budget(generations=60), seed=1, progress=False)
print(run.best)
ne.plots.progress(run)

# %% [markdown]
# The best network, and what it does.

# %%
ne.plots.genome(run.best)

# %%
import matplotlib.pyplot as plt

network = run.best.network()
angle, speed, heights = np.pi, 0.0, []
for _ in range(STEPS):
    angle, speed = step(angle, speed, float(network(np.array([[np.cos(angle), np.sin(angle), speed / 10]]))[0, 0]))
    heights.append(np.cos(angle))
figure, axes = plt.subplots(figsize=(7, 2.5), layout="constrained")
axes.plot(SECONDS * np.arange(STEPS), heights)
axes.set(xlabel="seconds", ylabel="height of the end (1 is up)", ylim=(-1.1, 1.1));

# %% [markdown]
# Several objectives are a dict of numbers with directions; the result is then a front. The tutorial "Your own fitness" goes on.
