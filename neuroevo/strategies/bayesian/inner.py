"""Inner searches: candidates whose acquisition is high, found by variation, without an evaluation."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from neuroevo.core.individual import Individual
from neuroevo.strategies.evolution.breeding import Breeding

Acquisition = Callable[[Sequence[Genome]], npt.NDArray[np.float64]]

ROUNDS = 4  # of the evolution, so that a child of a child of a child is reached
ELITE = 10  # candidates that are varied further, and evaluated networks that are
ATTEMPTS = 8  # how often a mutant that is known is mutated on
WARM, COOLING, COLD = 1.0, 0.9, 1e-4  # AutoKeras's temperatures
STEPS = 1 + math.floor(math.log(COLD / WARM) / math.log(COOLING))  # until it is cold


class Candidate(NamedTuple):
    """A genome that may be evaluated next.

    Attributes:
        genome: new, and within the limits, but for an evaluated network's own.
        root: the evaluated individual that it descends from.
        operators: what was done to it.
        worth: its acquisition.
    """

    genome: Genome
    root: Individual
    operators: tuple[str, ...] = ()
    worth: float = -math.inf


class Pool:
    """The candidates for one birth.

    Args:
        breeding: knows what was evaluated, the limits, and a toolbox's operators.
        id: of the birth; all variation draws from its stream.
        acquisition: the worth of genomes, larger is better.
        generation: the clock.
    """

    def __init__(self, breeding: Breeding, id: int, acquisition: Acquisition, generation: int) -> None:
        self.breeding, self.id, self.acquisition, self.generation = breeding, id, acquisition, generation
        self.rng = breeding.search.rng(id)
        self.found: list[Candidate] = []
        self._tokens: set[int] = set()

    def valued(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """The same with their acquisitions; one that is not a number counts as the lowest."""
        if not candidates:
            return []
        worth = self.acquisition([candidate.genome for candidate in candidates])
        worth = np.where(np.isnan(worth), -np.inf, worth).tolist()
        return [candidate._replace(worth=value) for candidate, value in zip(candidates, worth, strict=True)]

    def add(self, candidates: Sequence[Candidate | None]) -> list[Candidate]:
        """Value candidates and keep them."""
        added = self.valued([candidate for candidate in candidates if candidate is not None])
        self.found += added
        return added

    def best(self, count: int) -> list[Candidate]:
        """The candidates of the highest acquisition, the first found of equal ones."""
        return sorted(self.found, key=lambda candidate: -candidate.worth)[:count]

    def mutant(self, parent: Candidate, mutations: int = 1) -> Candidate | None:
        """A mutant that nobody has evaluated and that is not yet in the pool; None when none was found. A known mutant is mutated on."""
        genome, operators = parent.genome, parent.operators
        for attempt in range(ATTEMPTS):
            for _ in range(mutations if attempt == 0 else 1):
                genome, further = self.breeding.mutated(self.id, genome, (parent.root,), self.rng, self.generation)
                operators += further
            if not self.breeding.within_limits(genome):
                genome, operators = parent.genome, parent.operators
            elif self._is_new(genome):
                return Candidate(genome, parent.root, operators)
        return None

    def neighbours(self, of: Candidate, count: int) -> list[Candidate]:
        """Up to `count` new neighbours of a candidate: those that its genome lists, in random order, or mutants."""
        listing = getattr(of.genome, "neighbours", None)
        if listing is None or hasattr(self.breeding.search.toolbox, "mutate"):
            return [child for child in (self.mutant(of) for _ in range(count)) if child is not None]
        listed = listing()
        found = list[Candidate]()
        for position in self.rng.permutation(len(listed)).tolist():
            genome = listed[position]
            if len(found) < count and self.breeding.within_limits(genome) and self._is_new(genome):
                found.append(Candidate(genome, of.root, of.operators + genome.operators))
        return found

    def _is_new(self, genome: Genome) -> bool:
        token = self.breeding.token(genome)
        if token in self.breeding.seen or token in self._tokens:
            return False
        self._tokens.add(token)
        return True


def random_mutants(pool: Pool, roots: Sequence[Individual], count: int) -> None:
    """Mutants of evaluated networks, drawn at random, each mutated once or more: without them a search can go round in one place."""
    drawn = [roots[place] for place in pool.rng.integers(len(roots), size=count).tolist()]
    pool.add([pool.mutant(Candidate(root.genome, root), int(pool.rng.geometric(0.5))) for root in drawn])


def evolution(pool: Pool, roots: Sequence[Individual], count: int) -> None:
    """Evolution of the acquisition (Kandasamy et al. 2018, appendix): mutants of the evaluated networks, then of the best candidates."""
    parents = [Candidate(root.genome, root) for root in roots]
    for left in range(ROUNDS, 0, -1):
        size = -(-count // left)
        count -= size
        children = [pool.mutant(parents[_by_rank(len(parents), pool.rng)]) for _ in range(size)]
        pool.add(children)
        parents = pool.best(ELITE) or parents


def climbing(pool: Pool, roots: Sequence[Individual], count: int) -> None:
    """Hill climbing on the acquisition, from one evaluated network after the other, the best first."""
    while count > 0:
        before = count
        for current in pool.valued([Candidate(root.genome, root) for root in roots]):
            while count > 0:
                around = pool.add(pool.neighbours(current, min(count, 2 * ELITE)))
                count -= len(around)
                better = max(around, key=lambda candidate: candidate.worth, default=current)
                if better.worth <= current.worth:
                    break
                current = better
        if count == before:
            return


def annealed_tree(pool: Pool, roots: Sequence[Individual], count: int) -> None:
    """A* with simulated annealing over the tree of morphisms (Jin, Song & Hu 2019, algorithm 1).

    The most promising network of a queue is taken out and varied; a child joins the queue at probability exp((worth - best) / T), where T
    falls from 1 by a tenth at each step until it is below 1e-4. `count` candidates are spread over these steps.
    """
    order = 0
    queue: list[tuple[float, int, Candidate]] = []
    for root in pool.valued([Candidate(root.genome, root) for root in roots]):
        heapq.heappush(queue, (-root.worth, order, root))
        order += 1
    best, temperature = -math.inf, WARM
    for step in range(STEPS, 0, -1):
        if not queue or count <= 0:
            return
        parent = heapq.heappop(queue)[2]
        size = -(-count // step)
        count -= size
        for child in pool.add([pool.mutant(parent) for _ in range(size)]):
            accepted = child.worth >= best or pool.rng.random() < math.exp((child.worth - best) / temperature)
            best = max(best, child.worth)
            if accepted:
                heapq.heappush(queue, (-child.worth, order, child))
                order += 1
        temperature *= COOLING


def _by_rank(count: int, rng: np.random.Generator) -> int:
    """A position, the better of two draws: the first are the best."""
    return int(rng.integers(count, size=2).min())
