"""The DEAP bridge: register a space and a task on a `deap.base.Toolbox`, and DEAP's own algorithms run on our individuals.

    toolbox = deap.base.Toolbox()
    neuroevo.register(toolbox, space, task, seed=1)
    population = toolbox.population(n=100)
    deap.algorithms.eaMuPlusLambda(population, toolbox, mu=100, lambda_=100, cxpb=0.5, mutpb=0.5, ngen=40)

DEAP's convention (clone, vary in place, invalidate the fitness) holds at Individual: it swaps its genome for the new value.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from genomes.base import Genome, Space
from neuroevo.core.individual import DONE, FAILED, PENDING, Individual
from neuroevo.core.objectives import Direction, Objective, worst_values
from neuroevo.core.trial import Trial, finite_only
from neuroevo.estimation.base import Estimation
from neuroevo.selection.classic import tournament
from neuroevo.selection.nsga2 import select_nsga2
from neuroevo.strategies.base import Search
from neuroevo.tasks.base import Context, Task
from neuroevo.tasks.function import as_task

if TYPE_CHECKING:
    from deap.base import Toolbox

FURTHER_VARIATION = 1000  # streams of what is done to a child after its birth: beyond the purposes of `streams`


def register(
    toolbox: Toolbox,
    space: Space,
    task: Task | Callable[..., Any],
    *,
    seed: int = 0,
    objectives: Mapping[str, Direction | Objective] | None = None,
    estimation: Estimation | None = None,
) -> None:
    """Register `individual`, `population`, `mate`, `mutate`, `clone`, `evaluate` and `select` on a DEAP toolbox.

    Everything registered depends on `seed` and the order of the calls alone; DEAP's algorithms themselves draw from Python's global
    `random`: seed it to repeat a whole run.

    Args:
        toolbox: a `deap.base.Toolbox`.
        space: what may be encoded.
        task: a `Task`, or a callable as in `neuroevo.evolve`.
        seed: of all birth streams.
        objectives: directions of a callable that returns a dict.
        estimation: how trained objectives are obtained; default: as the task says.
    """
    task = as_task(task, objectives)
    bridge = _Bridge(Search(space, task, seed))
    toolbox.register("individual", bridge.individual)
    toolbox.register("population", bridge.population)
    toolbox.register("mate", bridge.mate)
    toolbox.register("mutate", bridge.mutate)
    toolbox.register("clone", copy.deepcopy)
    toolbox.register("evaluate", Evaluate(task, estimation or task.estimation(), Context(seed=seed)))
    toolbox.register("select", select_nsga2 if len(task.objectives) > 1 else bridge.tournament)


@dataclass(frozen=True)
class Evaluate:
    """The `evaluate` entry: the objective values of an individual, as a tuple; the worst values where its evaluation fails."""

    task: Task
    estimation: Estimation
    context: Context

    def __call__(self, individual: Individual) -> tuple[float, ...]:
        measured = self.estimation.measure(Trial(individual.id, (individual,)), self.task, self.context)
        measurement = finite_only(measured, list(self.task.objectives))
        individual.reason = measurement.reasons.get(0, "")
        individual.status = FAILED if individual.reason else DONE
        individual.info = measurement.info[0] if measurement.info else {}
        individual.descriptors = None if measurement.descriptors is None else measurement.descriptors[0]
        values = worst_values(self.task.objectives) if individual.reason else measurement.values[0]
        return tuple(values.tolist())


class _Bridge:
    """What the entries share: the counter of births and the streams."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self._selections = itertools.count()

    def individual(self) -> Individual:
        """A random individual."""
        return self.search.random()

    def population(self, n: int) -> list[Individual]:
        """n random individuals."""
        return [self.search.random() for _ in range(n)]

    def mate(self, first: Individual, second: Individual) -> tuple[Individual, Individual]:
        """Both individuals become a child of the two, in place."""
        genomes = first.genome, second.genome
        ids = first.id, second.id
        for individual, mine, other, partner in ((first, *genomes, ids[1]), (second, *genomes[::-1], ids[0])):
            rng = self._born(individual, partner)
            self._swap(individual, mine.crossover([other], rng))
        return first, second

    def mutate(self, individual: Individual) -> tuple[Individual]:
        """The individual becomes a mutant of itself, in place."""
        rng = self._born(individual)
        self._swap(individual, individual.genome.mutate(rng, clock=max(1, individual.generation)))
        return (individual,)

    def tournament(self, individuals: Sequence[Individual], k: int) -> list[Individual]:
        """k winners of tournaments of three; a winner drawn again is the same object: clone before varying it."""
        return tournament(individuals, k, self.search.selection_rng(next(self._selections)))

    def _born(self, individual: Individual, partner: int | None = None) -> np.random.Generator:
        """The stream for varying an individual. The copy of an evaluated one is born anew: it takes the next id; one that was not yet
        evaluated keeps its id and extends its operators."""
        partners = () if partner is None else (partner,)
        if not individual.fitness.valid:
            individual.parents = tuple(dict.fromkeys((*individual.parents, *partners)))
            return self.search.rng(individual.id, FURTHER_VARIATION + len(individual.operators))
        individual.parents = (individual.id, *partners)
        individual.id = self.search.reserve()
        individual.operators, individual.reason, individual.info, individual.artifact = (), "", {}, None
        individual.status, individual.trial, individual.fidelity, individual.descriptors = PENDING, None, None, None
        individual.asked = 0
        individual.generation += 1
        return self.search.rng(individual.id)

    def _swap(self, individual: Individual, genome: Genome) -> None:
        del individual.fitness.values  # it was the old genome's
        individual.genome = genome
        individual.operators += genome.operators
