"""Neat: NeuroEvolution of Augmenting Topologies (Stanley & Miikkulainen 2002)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.markings import MAX_CLOCK, birth_clock
from genomes.neat import operators
from genomes.neat.genes import Pool, empty_pool
from genomes.neat.genome import NEVER, SMALL, Coefficients, NeatGenome
from genomes.neat.space import NeatSpace
from genomes.neat.threads import Threads
from neuroevo.core.individual import Individual
from neuroevo.core.neat_population import NO_PARENT, NeatPopulation
from neuroevo.core.state import State
from neuroevo.core.streams import SCORING
from neuroevo.core.trial import Result, Trial
from neuroevo.selection.scoring import Scores, Scoring, checked_scoring, single
from neuroevo.selection.speciation import (
    Species,
    adapted_threshold,
    allot,
    from_state_arrays,
    no_species,
    shared_fitness,
    speciate,
    state_arrays,
)
from neuroevo.strategies.base import Search, Strategy

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """How the next generation is made: for each species its survivors, its children and its elites."""

    survivors: Ints
    first_child: Ints
    elites: Ints


@dataclass
class Neat(Strategy):
    """NEAT: topologies and weights evolve together, protected by speciation. Maximises (or minimises) the first objective.

    The population lives in arrays and varies in compiled kernels; Individuals are made when somebody looks at one. `mate`, `mutate`
    and `select` of a DEAP toolbox replace the compiled operators (Individual by Individual, which is slower).

    With a `scoring` (`neuroevo.selection.Novelty`, ...), species share, parents are chosen and champions are kept by that score; the objectives
    are recorded, and say who is the best of the run. Scores of different generations do not compare, so `stagnation` and `refocus` play no
    part then.

    Args:
        population: genomes a generation, always exactly as many.
        threshold: compatibility distance within which genomes are of one species.
        target_species: if not 0, the threshold moves towards this number of species, by a share `threshold_step` a generation, and once more
            for each factor of two that is missing.
        most_species: while there are more species than this, the threshold grows in the same way; then it returns to what it was set to.
            It keeps large populations from splitting into species of one.
        threshold_step: by what share the threshold moves in a generation for these two.
        excess, disjoint, weight: coefficients c1, c2, c3 of the compatibility distance.
        normalise: whether numbers of differing genes are divided by the size of the larger genome where that is 20 or more, as the paper's
            equation says. The authors' own program never divides, and so does the default: at the jump from 19 to 20 genes a
            representative is suddenly near to everybody, and all species fall into one.
        survival: the fittest share of a species that may be parents.
        stagnation: a species that has not improved for so many generations has no children (the one with the best genome excepted).
        refocus: whenever the whole population has not improved for so many generations, only its two best species have children, once;
            0: never.
        elitism: the champion of a species of more than so many members is copied unchanged (a number above `population`: never).
        crossover: share of children with two parents.
        interspecies: share of these whose second parent is another species' champion.
        mutate_crossed: share of children of two parents that are mutated too.
        inheritance: what becomes of weights that an estimation trains (`neuroevo.estimation.GradientTraining`): "lamarckian" writes them
            back to the genes, so that children inherit them; "baldwinian" uses them for the score alone; "none": nothing is trained,
            weights change by mutation alone.
        scoring: what takes the place of the fitness: a `Scoring`, or a text such as "Novelty(k=10)"; None: the first objective.
        initial: genomes to start from (saved ones, say); the rest of the first generation are their mutants.
        threads: for the compiled kernels; None for all cores. The result does not depend on it.

    Raises:
        ValueError: a setting out of its range.
        TypeError: a scoring that is none.
    """

    toolbox_entries: ClassVar[tuple[str, ...]] = ("mate", "mutate", "select")
    population: int = 150
    threshold: float = 3.0
    target_species: int = 0
    most_species: int = 100
    threshold_step: float = 0.1
    excess: float = 1.0
    disjoint: float = 1.0
    weight: float = 0.4
    normalise: bool = False
    survival: float = 0.2
    stagnation: int = 15
    refocus: int = 20
    elitism: int = 5
    crossover: float = 0.75
    interspecies: float = 0.001
    mutate_crossed: float = 1.0
    inheritance: Literal["none", "lamarckian", "baldwinian"] = "none"
    initial: Sequence[NeatGenome] = ()
    threads: int | None = None
    scoring: Scoring | str | None = None

    spaces = NeatSpace

    def __post_init__(self) -> None:
        for name, least in (
            ("population", 1),
            ("target_species", 0),
            ("most_species", 1),
            ("stagnation", 1),
            ("refocus", 0),
            ("elitism", 0),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {shown(value)}")
        for name, most in (
            ("threshold", math.inf), ("threshold_step", 1e6), ("excess", 1e6), ("disjoint", 1e6), ("weight", 1e6), ("survival", 1.0),
            ("crossover", 1.0), ("interspecies", 1.0), ("mutate_crossed", 1.0),
        ):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 <= value <= most:
                raise ValueError(f"{name} must be a number from 0 to {most:g}, got {shown(value)}")
        if self.inheritance not in ("none", "lamarckian", "baldwinian"):
            raise ValueError(f"inheritance must be 'none', 'lamarckian' or 'baldwinian', got {shown(self.inheritance)}")
        self.scoring = checked_scoring(self.scoring)
        single(self.scoring, "Neat")
        if len(self.initial) > self.population:
            raise ValueError(f"initial has {len(self.initial)} genomes, more than the population of {self.population}")

    def settings(self) -> dict[str, Any]:
        settings = super().settings()
        del settings["threads"]  # does not change the result, so a run may be resumed with another number
        if self.inheritance == "none":
            del settings["inheritance"]  # as in runs that were recorded before there was this choice
        if self.scoring is None:
            del settings["scoring"]
        return {**settings, "initial": [genome.to_dict() for genome in self.initial]}

    def start(self, search: Search) -> None:
        super().start(search)
        if not isinstance(search.space, NeatSpace):
            raise ValueError(f"Neat evolves NEAT genomes: it needs a NeatSpace, got {type(search.space).__name__}")
        if self.inheritance != "none":
            from neuroevo.train.population_layout import unsuited

            reason = unsuited(search.space)
            if reason:
                raise ValueError(f"inheritance={self.inheritance!r} trains networks, but {reason}")
        limited = [objective.name for objective in search.objectives.values() if objective.limit is not None]
        if limited:
            raise ValueError(
                f"Neat keeps no limits, but {limited[0]!r} has one: bound growth with max_hidden and max_connections of the NeatSpace, "
                "or use Nsga2"
            )
        self._space: NeatSpace = search.space
        self._coefficients = Coefficients(
            float(self.excess),
            float(self.disjoint),
            float(self.weight),
            self._space.bias == "node",
            self._space.sensors,
            SMALL if self.normalise else NEVER,
        )
        self._threads = Threads(self.threads)
        self._scores = Scores(self.scoring, search.objectives) if isinstance(self.scoring, Scoring) else None
        self._population: NeatPopulation | None = None
        self._species = no_species(float(self.threshold))
        self._best, self._improved = -math.inf, 0
        self._initial = [self._space.from_genes(genome.genes()) for genome in self.initial]
        latest = [int(genome.connections.marking.max()) for genome in self._initial if len(genome.connections.marking)]
        self._first_clock = 1 + max((birth_clock(marking) for marking in latest), default=0)

    @property
    def living(self) -> Sequence[Individual]:
        return () if self._population is None else self._population

    @property
    def species(self) -> Species:
        """The species of the last complete generation."""
        return self._species

    def champions(self) -> Sequence[Individual]:
        """The fittest member of every species."""
        return [] if self._population is None else [self._population[int(position)] for position in self._species.champion]

    # Ask ----------------------------------------------------------------------------------------------------------------------

    def ask(self) -> Sequence[Trial]:
        plan = None if self._population is None else self._plan()
        if plan is None:
            born = self._first_population()
        elif any(hasattr(self.search.toolbox, name) for name in ("mate", "mutate", "select")):
            born = self._toolbox_children(plan)
        else:
            born = self._children(plan)
        if self.inheritance != "none":  # all are trained together, so the trial is one piece
            return [self.search.trial(born, options={"inheritance": self.inheritance})]
        return [self.search.trial(born, separable=not self.search.task.population)]

    def _keys(self, first_id: int) -> npt.NDArray[np.uint64]:
        from neuroevo.strategies.evolution.neat.kernels import birth_keys

        keys: npt.NDArray[np.uint64] = birth_keys(self.search.seed, first_id, self.population)
        return keys

    @property
    def _clock(self) -> int:
        return min(self._first_clock + self.generation, MAX_CLOCK)

    def _born(self, pool: Pool, first_id: int, parents: Ints, done: Ints) -> NeatPopulation:
        search = self.search
        return NeatPopulation(
            self._space, pool, first_id, self.generation, parents, done,
            names=search.names, weights=search.weights, threads=self._threads,
        )  # fmt: skip

    def _first_population(self) -> NeatPopulation:
        """Random genomes, or those to start from and their mutants; again, should a whole generation have failed."""
        from genomes.neat.initial import random_pool

        first_id = self.search.reserve(self.population)
        parents = np.full((self.population, 2), NO_PARENT, np.int64)
        if not self._initial:
            pool = random_pool(self._space, self._keys(first_id))
            return self._born(pool, first_id, parents, np.full(self.population, operators.RANDOM, np.int64))
        genomes = list(self._initial)
        for position in range(len(genomes), self.population):
            genome = self._initial[position % len(self._initial)]
            genomes.append(genome.mutate(self.search.rng(first_id + position), clock=self._clock))
        born = NeatPopulation.of(
            self._space, genomes, first_id, self.generation, names=self.search.names, weights=self.search.weights
        )
        born.operators[: len(self._initial)] = operators.IMPORTED
        return self._born(born.pool, first_id, parents, born.operators)

    def _plan(self) -> Plan | None:
        """Who may reproduce, and how often; None if nobody can."""
        assert self._population is not None
        species, fitness = self._species, self._population.fitness
        valid = np.bincount(species.label[fitness > -np.inf], minlength=len(species))
        if not valid.any():
            return None
        top = fitness[species.champion]
        allowed = valid > 0
        if self._scores is None:
            allowed &= self.generation - 1 - species.improved < self.stagnation
            allowed[int(np.argmax(top))] = True
            stalled = self.generation - 1 - self._improved
            if self.refocus and stalled > 0 and stalled % self.refocus == 0:
                allowed &= np.isin(np.arange(len(species)), np.argsort(-top, kind="stable")[:2])
        offspring = np.zeros(len(species), np.int64)
        offspring[allowed] = allot(shared_fitness(fitness, species)[allowed], self.population)
        survivors = np.minimum(np.maximum(np.ceil(self.survival * species.size).astype(np.int64), 1), valid)
        first_child = np.zeros(len(species) + 1, np.int64)
        np.cumsum(offspring, out=first_child[1:])
        return Plan(
            np.where(allowed, survivors, 0), first_child, np.minimum(species.size > self.elitism, offspring).astype(np.int64)
        )

    def _choose_parents(self, plan: Plan, keys: npt.NDArray[np.uint64]) -> tuple[Ints, Ints, Ints, Ints]:
        from neuroevo.strategies.evolution.neat.kernels import choose_parents

        assert self._population is not None
        pool = self._population.pool
        mother, father, node_room, connection_room = np.empty((4, self.population), np.int64)
        self._threads.run(
            choose_parents, self.population, pool.node_count, pool.connection_count, self._population.fitness,
            self._species.members, self._species.start, plan.survivors, plan.first_child, plan.elites, float(self.crossover), float(self.interspecies), keys,
            mother, father, node_room, connection_room,
        )  # fmt: skip
        return mother, father, node_room, connection_room

    def _parent_ids(self, mother: Ints, father: Ints) -> Ints:
        assert self._population is not None
        first = self._population.first_id
        return np.stack([mother + first, np.where(father >= 0, father + first, NO_PARENT)], axis=1)

    def _children(self, plan: Plan) -> NeatPopulation:
        from neuroevo.strategies.evolution.neat.kernels import reproduce

        assert self._population is not None
        first_id = self.search.reserve(self.population)
        keys = self._keys(first_id)
        mother, father, node_room, connection_room = self._choose_parents(plan, keys)
        pool = empty_pool(node_room, connection_room)
        done = np.empty(self.population, np.int64)
        self._threads.run(
            reproduce, self.population, self._population.pool, self._population.fitness, self._species.label, mother, father, keys,
            float(self.mutate_crossed), self._space.rates, self._clock, pool, done,
        )  # fmt: skip
        return self._born(pool, first_id, self._parent_ids(mother, father), done)

    def _toolbox_children(self, plan: Plan) -> NeatPopulation:
        """The same with a user's operators, one Individual at a time."""
        from neuroevo.strategies.evolution.neat.toolbox import children

        assert self._population is not None
        first_id = self.search.reserve(self.population)
        mother, father, _, _ = self._choose_parents(plan, self._keys(first_id))
        genomes, mother, father, done = children(
            self.search, self._population, self._species, plan, mother, father, first_id, self._clock, float(self.mutate_crossed)
        )
        born = NeatPopulation.of(
            self._space, genomes, first_id, self.generation, names=self.search.names, weights=self.search.weights
        )
        return self._born(born.pool, first_id, self._parent_ids(mother, father), done)

    # Tell ---------------------------------------------------------------------------------------------------------------------

    def tell(self, results: Sequence[Result]) -> None:
        born = results[0].trial.individuals
        assert isinstance(born, NeatPopulation)
        if self.inheritance != "none" and not results[0].measurement.artifacts and len(born.reasons) < len(born):
            raise ValueError(
                f"inheritance={self.inheritance!r} needs an estimation that trains: evolve(..., estimation=GradientTraining(data=(x, y)))"
            )
        if self._scores is not None:
            assert born.values is not None
            rng, everybody = self.search.rng(self.generation, SCORING), np.ones(len(born), bool)
            born.fitness = self._scores.of(born.values, born.fitness == -np.inf, born.descriptors, everybody, rng, born.genome)
        previous = self._population
        if previous is None or born.parents[0, 0] == NO_PARENT:
            previous, self._best = born, -math.inf
            self._species = replace(no_species(float(self.threshold)), next_id=self._species.next_id)
        key = int(self.search.selection_rng(self.generation).integers(2**63))
        species = speciate(
            born.pool,
            born.fitness,
            self._species,
            previous.pool,
            self.generation,
            self._coefficients,
            key,
            self._threads,
        )
        species = replace(species, threshold=self._next_threshold(species.threshold, len(species)))
        top = float(born.fitness.max())
        if top > self._best:
            self._best, self._improved = top, self.generation
        self._population, self._species = born, species
        self.generation += 1

    def _next_threshold(self, threshold: float, species: int) -> float:
        step, base = float(self.threshold_step), float(self.threshold)
        if self.target_species:
            return adapted_threshold(threshold, species, self.target_species, step)
        if species > self.most_species:
            return adapted_threshold(threshold, species, self.most_species, step)
        return max(base, threshold / (1.0 + step)) if threshold > base else threshold

    def report(self) -> dict[str, Any]:
        """Species (ids, sizes, the champions' fitness now), threshold, mean fitness and mean sizes of the genomes; with a scoring, also its
        numbers."""
        if self._population is None:
            return {}
        population, species = self._population, self._species
        assert population.values is not None
        fitness = population.values[:, 0]
        valid, top = fitness[population.fitness > -np.inf], fitness[species.champion]
        return {
            "species": len(species),
            "species_ids": species.id.tolist(),
            "species_sizes": species.size.tolist(),
            "species_best": [value if math.isfinite(value) else None for value in top.tolist()],
            "threshold": species.threshold,
            "mean": float(valid.mean()) if len(valid) else None,
            "mean_hidden": float(population.pool.node_count.mean()) - self._space.fixed,
            "mean_connections": float(population.pool.connection_count.mean()),
            **({} if self._scores is None else self._scores.report()),
        }

    def state(self) -> State:
        if self._population is None:
            return State({"generation": self.generation})
        population = self._population
        assert population.values is not None
        scores = State() if self._scores is None else self._scores.state()
        return State(
            {
                **scores.json,
                "generation": self.generation,
                "first_id": population.first_id,
                "best": None if self._best == -math.inf else self._best,
                "improved": self._improved,
                "reasons": {str(position): reason for position, reason in population.reasons.items()},
            },
            {
                **population.arrays(),
                **state_arrays(self._species),
                "values": population.values,
                **({} if population.descriptors is None else {"descriptors": np.nan_to_num(population.descriptors)}),
                **scores.arrays,
                **({} if self._scores is None else {"scores": population.fitness}),
            },
        )

    def restore(self, state: State, individuals: Callable[[int], Individual]) -> None:
        self.generation = int(state.json["generation"])
        if "first_id" not in state.json:
            return
        population = NeatPopulation.from_arrays(
            self._space, int(state.json["first_id"]), self.generation - 1, state.arrays,
            names=self.search.names, weights=self.search.weights,
        )  # fmt: skip
        population.threads = self._threads
        described = state.arrays.get("descriptors")
        reasons = {int(position): reason for position, reason in state.json["reasons"].items()}
        if described is not None:
            described = np.array(described)
            described[list(reasons)] = np.nan
        population.assign(np.array(state.arrays["values"]), reasons, described)
        if self._scores is not None:
            population.fitness = np.array(state.arrays["scores"])
            self._scores.restore(state)
        self._population, self._species = population, from_state_arrays(dict(state.arrays))
        self._best = -math.inf if state.json["best"] is None else float(state.json["best"])
        self._improved = int(state.json["improved"])
