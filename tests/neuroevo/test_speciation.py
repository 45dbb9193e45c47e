"""Species: who joins which, how they are founded and merge, and how offspring are shared out among them."""

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.neat.genes import pool_of
from genomes.neat.genome import Coefficients
from genomes.neat.threads import Threads
from neuroevo.selection.speciation import allot, no_species, shared_fitness, speciate
from neuroevo.strategies import Neat
from neuroevo.testing.strategy import Drive, GenesTask

GROWING = {"add_node_rate": 0.2, "add_connection_rate": 0.3}
FORWARD = NeatSpace(inputs=2, outputs=1, bias="input", **GROWING)
RECURRENT = NeatSpace(inputs=2, outputs=1, bias="node", recurrent=True, **GROWING)


@ne.population_fitness
def xor(population):
    x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    return (4 - np.abs(population(x)[:, :, 0] - [0, 1, 1, 0]).sum(axis=1)) ** 2


def evolve(strategy: Neat, generations: int, space: NeatSpace = FORWARD) -> ne.Run:
    return ne.evolve(space, xor, strategy=strategy, budget=ne.Budget(generations=generations), seed=5, progress=False)


@pytest.mark.parametrize("space", [FORWARD, RECURRENT])
def test_species_are_those_of_the_papers_rule(space: NeatSpace) -> None:
    strategy = Neat(population=40, threshold=1.2, excess=1.0, disjoint=1.5, weight=0.5)
    drive = Drive(strategy, space, GenesTask(0.1), 1)
    known: dict[int, object] = {}  # id of a species -> its representative's genome, oldest species first
    home: dict[int, int] = {}  # individual -> species
    for _ in range(6):
        drive.step()
        species, living = strategy.species, list(strategy.living)
        expected: dict[int, int] = {}
        fresh: dict[int, object] = {}

        def near(genome, other) -> bool:
            return genome.distance(other, excess=1.0, disjoint=1.5, weight=0.5) <= 1.2

        unplaced = []
        for individual in living:
            found = next((id for id in known if near(individual.genome, known[id])), None)
            if found is None:
                unplaced.append(individual)
            else:
                expected[individual.id] = found
        following = max([-1, *home.values()]) + 1
        for individual in unplaced:
            found = next((id for id in fresh if near(individual.genome, fresh[id])), None)
            if found is None:
                found = following + len(fresh)
                fresh[found] = individual.genome
            expected[individual.id] = found
        actual = {individual.id: int(species.id[label]) for individual, label in zip(living, species.label, strict=True)}
        assert actual == expected
        assert species.size.sum() == 40 and (species.size > 0).all()
        for position, (begin, end) in enumerate(zip(species.start[:-1], species.start[1:], strict=True)):
            members = [living[member] for member in species.members[begin:end]]
            assert all(int(species.id[position]) == actual[member.id] for member in members)
            assert members[0].fitness == max(member.fitness for member in members)
            assert species.representative[position] in species.members[begin:end]
        known = {int(id): living[position].genome for id, position in zip(species.id, species.representative, strict=True)}
        home.update(actual)
    assert len(known) > 1


@pytest.mark.parametrize("threshold", [1.0, 9.0])
def test_the_threshold_moves_towards_the_target_number_of_species(threshold: float) -> None:
    slow = NeatSpace(inputs=2, outputs=1, bias="input", add_node_rate=0.01, add_connection_rate=0.01)
    strategy = Neat(population=100, threshold=threshold, target_species=6, threshold_step=0.1)
    run = evolve(space=slow, strategy=strategy, generations=40)
    table = run.generations()
    counts, thresholds = table["species"].to_numpy(), table["threshold"].to_numpy()
    if threshold == 1.0:
        assert counts[0] > counts[-1] > 0
    else:
        assert counts[0] == 1 and counts.max() >= 6
    for count, before, after in zip(counts[1:], thresholds[:-1], thresholds[1:], strict=True):
        assert np.sign(after - before) == np.sign(count - 6)


def test_more_species_than_wanted_merge_though_none_dies_out() -> None:
    slow = NeatSpace(inputs=2, outputs=1, bias="input", add_node_rate=0.01, add_connection_rate=0.01)
    strategy = Neat(population=60, threshold=1.0, target_species=2, threshold_step=0.3, stagnation=1000, refocus=0, elitism=0)
    drive = Drive(strategy, slow, GenesTask(0.0), 1)
    drive.step()
    assert len(strategy.species) > 6
    joined = 0
    for _ in range(12):
        homes = {i.id: int(strategy.species.id[label]) for i, label in zip(strategy.living, strategy.species.label, strict=True)}
        drive.step()
        for individual, label in zip(strategy.living, strategy.species.label, strict=True):
            joined += int(strategy.species.id[label]) < min(homes[parent] for parent in individual.parents)
    assert joined > 60 and 1 <= len(strategy.species) <= 4


@pytest.mark.parametrize("members", [7, 400])
def test_founding_in_steps_is_founding_one_by_one(members: int) -> None:
    """Hundreds of species at once: more than the table compares in one go, and more members than one step places."""
    space = NeatSpace(inputs=3, outputs=2, add_node_rate=0.5, add_connection_rate=0.5)
    rng = np.random.default_rng(members)
    genomes = [space.random(rng).mutate(rng, clock=1).mutate(rng, clock=2) for _ in range(members)]
    pool = pool_of([(genome.nodes, genome.connections) for genome in genomes])
    for threshold, excess, disjoint in ((1.5, 1.0, 1.0), (3.0, 0.5, 2.0), (np.inf, 1.0, 1.0)):
        coefficients = Coefficients(excess, disjoint, 0.4, True, space.sensors)
        species = speciate(pool, np.zeros(members), no_species(threshold), pool, 0, coefficients, 1, Threads(2))
        founders: list[int] = []
        for k, genome in enumerate(genomes):
            near = (
                s
                for s, founder in enumerate(founders)
                if genome.distance(genomes[founder], excess=excess, disjoint=disjoint, weight=0.4) <= threshold
            )
            label = next(near, len(founders))
            if label == len(founders):
                founders.append(k)
            assert species.label[k] == label
        assert len(species) == len(founders) and (len(founders) > 100) == (members > 100 and threshold < np.inf)


def test_offspring_are_shared_out_exactly_and_in_proportion() -> None:
    assert allot(np.array([1.0, 1.0, 2.0]), 8).tolist() == [2, 2, 4]
    assert allot(np.array([1.0, 1.0, 1.0]), 10).tolist() == [4, 3, 3]
    assert allot(np.array([0.0, 0.0]), 5).tolist() == [3, 2]
    assert allot(np.array([1e-300, 1.0]), 7).tolist() == [0, 7]
    rng = np.random.default_rng(1)
    for _ in range(200):
        shares, total = rng.random(rng.integers(1, 30)) ** 4, int(rng.integers(1, 200))
        whole = allot(shares, total)
        assert whole.sum() == total and (np.abs(whole - total * shares / shares.sum()) < 1).all()


def test_fitness_is_shared_within_a_species() -> None:
    run = evolve(strategy=Neat(population=30, threshold=1.0), generations=3)
    assert isinstance(run.strategy, Neat)
    species, fitness = run.strategy.species, np.array([i.fitness.values[0] for i in run.strategy.living])
    means = [fitness[species.label == label].mean() for label in range(len(species))]
    np.testing.assert_allclose(shared_fitness(fitness, species), means)
    negative = shared_fitness(fitness - 100.0, species)
    assert (negative >= 0).all() and np.argmax(negative) == np.argmax(means)


@pytest.mark.parametrize("values", [1, 3, 1000])
def test_members_are_ordered_by_fitness_and_equals_by_birth(values: int):
    from neuroevo.selection.speciation_kernels import order_of

    fitness = np.random.default_rng(values).integers(values, size=2000).astype(float)
    fitness[::7] = -np.inf
    np.testing.assert_array_equal(order_of(fitness), sorted(range(2000), key=lambda k: (-fitness[k], k)))
