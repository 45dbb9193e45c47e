"""NSGA-II with species: new structures keep a place, and nothing else of NSGA-II changes."""

from __future__ import annotations

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.selection.niches import Niches
from neuroevo.selection.nsga2 import select_nsga2
from neuroevo.strategies import Nsga2
from neuroevo.tasks.environment import CONNECTIONS

SPACE = NeatSpace(2, 1, add_node_rate=0.3, add_connection_rate=0.3)
X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
Y = np.array([0.0, 1.0, 1.0, 0.0])
OBJECTIVES = {"score": ne.maximise, "connections": CONNECTIONS}


def fitness(network):
    return {"score": 4.0 - float(np.abs(network(X)[:, 0] - Y).sum())}


def search(speciation, generations=12, folder=None, seed=3, population=24):
    return ne.evolve(
        SPACE, fitness, objectives=OBJECTIVES, strategy=Nsga2(population=population, speciation=speciation, deduplicate="none"),
        budget=ne.Budget(generations=generations), seed=seed, run=folder, progress=False,
    )  # fmt: skip


def individual(id, mutations, score, connections):
    rng = np.random.default_rng(1)  # the same first genome for all: distance comes from the mutations
    genome = SPACE.random(rng)
    for clock in range(1, mutations + 1):
        genome = genome.mutate(np.random.default_rng([id, clock]), clock=clock)
    made = ne.Individual(id, genome, (1.0, -1.0), names=("score", "connections"))
    made.fitness.values = (score, connections)
    return made


def test_a_species_of_dominated_individuals_keeps_places():
    old = [individual(i, 0, 3.0 + 0.01 * i, 3.0 + 0.01 * i) for i in range(12)]
    new = [individual(100 + i, 25, 1.0, 9.0 + i) for i in range(12)]
    assert all(i.id < 100 for i in select_nsga2([*old, *new], 12))
    kept = Niches(2).select([*old, *new], 12)
    assert len(kept) == 12
    assert any(i.id >= 100 for i in kept)
    assert {i.id for i in kept} >= {11, 0}  # the ends of the front have crowding distance infinity and come first


def test_there_are_about_as_many_species_as_asked_for():
    run = search(5, generations=25)
    species = [row["species"] for row in run.summaries[-8:]]
    assert 2 <= np.mean(species) <= 9
    assert "species" not in search(0, generations=2).summaries[-1]


def test_parents_are_of_one_species():
    strategy = Nsga2(population=24, speciation=4)
    ne.evolve(SPACE, fitness, objectives=OBJECTIVES, strategy=strategy, budget=ne.Budget(generations=10), seed=1, progress=False)
    rng = np.random.default_rng(0)
    niches, living = strategy._niches, strategy.living
    for _ in range(100):
        first, second = strategy._mates(2, rng)
        assert first != second
        if niches.companions(living, first):
            assert niches.species[living[first].id] == niches.species[living[second].id]


def test_a_run_with_species_resumes_where_it_was(tmp_path):
    search(4, generations=5, folder=tmp_path / "run")
    resumed = search(4, generations=12, folder=tmp_path / "run")
    whole = search(4, generations=12)
    assert [i.id for i in resumed.strategy.living] == [i.id for i in whole.strategy.living]
    assert [i.fitness.values for i in resumed.front] == [i.fitness.values for i in whole.front]
    assert resumed.strategy._niches.state(resumed.strategy.living) == whole.strategy._niches.state(whole.strategy.living)


def test_runs_without_species_are_recorded_as_before():
    assert "speciation" not in Nsga2().settings()
    assert Nsga2(speciation=3).settings()["speciation"] == 3
    with pytest.raises(ValueError, match="speciation must be a whole number >= 0"):
        Nsga2(speciation=-1)


def test_a_population_fitness_sees_the_whole_generation_at_once():
    sizes = []

    @ne.population_fitness
    def both(population):
        outputs = population(X)
        sizes.append(len(outputs))
        return {"score": outputs[:, 0, 0]}

    ne.evolve(SPACE, both, objectives=OBJECTIVES, strategy=Nsga2(population=9), budget=ne.Budget(generations=3), progress=False)
    assert sizes == [9, 9, 9]
