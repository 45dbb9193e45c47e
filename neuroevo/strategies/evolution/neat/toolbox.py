"""NEAT's children by the operators of a DEAP toolbox, one Individual at a time."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.neat import operators
from genomes.neat.genome import NeatGenome
from neuroevo.core.individual import Individual
from neuroevo.core.neat_population import NeatPopulation
from neuroevo.core.streams import python_random
from neuroevo.selection.speciation import Species
from neuroevo.strategies.base import Search
from neuroevo.strategies.evolution.breeding import selected

if TYPE_CHECKING:
    from neuroevo.strategies.evolution.neat.strategy import Plan

Ints = npt.NDArray[np.int64]


def children(
    search: Search,
    population: NeatPopulation,
    species: Species,
    plan: Plan,
    mother: Ints,
    father: Ints,
    first_id: int,
    clock: int,
    mutate_crossed: float,
) -> tuple[list[NeatGenome], Ints, Ints, Ints]:
    """The next generation: genomes, mothers, fathers and operators.

    DEAP's conventions: `mate(a, b)` and `mutate(a)` change Individuals in place (here copies) and return a tuple, `select(members, k)`
    returns k of them. `select` chooses the parents among the survivors of each species, in the place of a uniform draw.
    """
    toolbox: Any = search.toolbox
    if hasattr(toolbox, "select"):
        mother, father = _selected(search, population, species, plan, mother, father, first_id)
    genomes: list[NeatGenome] = []
    done = np.zeros(len(mother), np.int64)
    for position in range(len(mother)):
        a, b = int(mother[position]), int(father[position])
        if b == -2:
            genomes.append(population.genome(a))
            done[position] = operators.ELITE
            continue
        rng = search.rng(first_id + position)
        child = population[a]
        with python_random(rng):
            if b >= 0:
                child = _mated(toolbox, child, population[b], rng)
                done[position] |= operators.CROSSOVER
            if b < 0 or rng.random() < mutate_crossed:
                before = child.genome
                child = _mutated(toolbox, child, rng, clock)
                if child.genome != before:  # else its operators tell how the parent was made
                    done[position] |= operators.bits(child.genome.operators) or operators.MUTATE
        genomes.append(child.genome)  # type: ignore[arg-type]
    return genomes, mother, father, done


def _selected(
    search: Search, population: NeatPopulation, species: Species, plan: Plan, mother: Ints, father: Ints, first_id: int
) -> tuple[Ints, Ints]:
    mother, father = mother.copy(), father.copy()
    for s in range(len(species)):
        first, last = int(plan.first_child[s]), int(plan.first_child[s + 1])
        if first == last:
            continue
        begin = int(species.start[s])
        survivors = [population[int(i)] for i in species.members[begin : begin + int(plan.survivors[s])]]
        with python_random(search.rng(first_id + first)):
            chosen = selected(search, survivors, 2 * (last - first))
        for position, (a, b) in enumerate(zip(chosen[::2], chosen[1::2], strict=True), start=first):
            if father[position] == -2:
                continue
            mother[position] = a.id - population.first_id
            if father[position] >= 0:
                father[position] = b.id - population.first_id if b.id != a.id else -1
    return mother, father


def _mated(toolbox: Any, a: Individual, b: Individual, rng: np.random.Generator) -> Individual:
    if hasattr(toolbox, "mate"):
        return _first(toolbox.mate(a, copy.deepcopy(b)))
    better = [0, 0] if a.fitness == b.fitness else [int(a.fitness < b.fitness), int(b.fitness < a.fitness)]
    a.genome = a.genome.crossover([b.genome], rng, ranks=better)
    return a


def _mutated(toolbox: Any, individual: Individual, rng: np.random.Generator, clock: int) -> Individual:
    if hasattr(toolbox, "mutate"):
        return _first(toolbox.mutate(individual))
    individual.genome = individual.genome.mutate(rng, clock=clock)
    return individual


def _first(returned: Any) -> Individual:
    individual = returned[0] if isinstance(returned, tuple) else returned
    if not isinstance(individual, Individual) or not isinstance(individual.genome, NeatGenome):
        raise TypeError(
            f"a toolbox's mate and mutate return a tuple of Individuals with NEAT genomes, got {type(returned).__name__}"
        )
    return individual
