# %% [markdown]
# # Pictures of what evolved
#
# Networks for handwritten digits, evolved for error and size (a small search: 16 networks of 5 epochs each), and what one can see of them.

# %%
import neuroevo as ne

task = ne.tasks.Classification("digits", objectives=("error", "parameters"), seed=1)
run = ne.evolve(
    task.default_space(),
    task,
    strategy=ne.strategies.Nsga2(population=5, inheritance="lamarckian"),
    estimation=ne.estimation.FullTraining(epochs=5),
    budget=ne.Budget(evaluations=16),
    seed=1,
    progress=False,
)
run

# %% [markdown]
# The front: the networks that no other one beats in everything.

# %%
ne.plots.front(run)

# %% [markdown]
# A network: the one of the front that was born last.

# %%
chosen = max(run.front, key=lambda individual: individual.id)
ne.plots.genome(chosen)

# %% [markdown]
# Where it comes from: parents and operators.

# %%
ne.plots.lineage(run, chosen.id)

# %% [markdown]
# How the front learned. Children start from their parents' weights, so their curves begin about where the parents' ended.

# %%
ne.plots.curves(run)

# %% [markdown]
# A genome can also be a function of coordinates (a CPPN): what it draws is a picture.

# %%
import numpy as np
from genomes import CppnSpace

space = CppnSpace(outputs=3, add_node_rate=0.4, add_connection_rate=0.5)
genomes = []
for seed in range(6):
    genome = space.random(np.random.default_rng(seed))
    for clock in range(1, 15):
        genome = genome.mutate(np.random.default_rng([seed, clock]), clock=clock)
    genomes.append(genome)
ne.plots.pictures(genomes, columns=6)
