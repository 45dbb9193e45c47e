"""Speciation by compatibility, explicit fitness sharing, stagnation (Stanley & Miikkulainen 2002, section 3.3).

A population's species live in arrays. A member joins the first species, oldest first, whose representative it is compatible with, else
it founds one. The representative is a random member of the species in the generation before. So species that have grown alike, or that a
larger threshold has brought within reach of each other, merge into the older one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.neat.genes import Pool
from genomes.neat.genome import Coefficients
from genomes.neat.threads import Threads

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

FOUNDING_STEP = 256  # members that are placed one after the other before all the others are compared with what they founded


@dataclass(frozen=True)
class Species:
    """The species of one generation, oldest first. `members` groups the population by species, the fittest of each first.

    Attributes:
        label: int64 [population], each member's species by position in the other arrays.
        id: int64 [species], birth order of the species in the run.
        born, improved: int64 [species], the generation of its birth and of its last improvement.
        best: float64 [species], the best fitness it ever had.
        representative: int64 [species], position in the population of the member that speaks for it in the next generation.
        members: int64 [population], positions in the population.
        start: int64 [species + 1], where each species begins in `members`.
        threshold: the compatibility threshold that was used.
        next_id: the id of the next species to be born.
    """

    label: Ints
    id: Ints
    born: Ints
    improved: Ints
    best: Floats
    representative: Ints
    members: Ints
    start: Ints
    threshold: float
    next_id: int

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def size(self) -> Ints:
        """Members of each species."""
        return np.diff(self.start)

    @cached_property
    def champion(self) -> Ints:
        """Position in the population of each species' fittest member."""
        return self.members[self.start[:-1]]


def no_species(threshold: float) -> Species:
    """Before the first generation."""
    none = np.zeros(0, np.int64)
    return Species(none, none, none, none, np.zeros(0), none, none, np.zeros(1, np.int64), threshold, 0)


def speciate(
    pool: Pool,
    fitness: Floats,
    previous: Species,
    previous_pool: Pool,
    generation: int,
    coefficients: Coefficients,
    key: int,
    threads: Threads,
) -> Species:
    """The species of a new generation.

    Args:
        pool: the generation's genomes.
        fitness: float64 [population], larger is fitter, -inf for failed members.
        previous, previous_pool: the species and genomes of the generation before.
        generation: its number.
        coefficients: of the compatibility distance.
        key: of the random stream that draws representatives.
        threads: where the comparison runs.
    """
    from neuroevo.selection.speciation_kernels import group, order_of

    label, founded = _labels(pool, previous, previous_pool, coefficients, threads)
    count = len(previous) + founded
    start, grouped, kept, relabelled, representative = group(label, order_of(fitness), count, np.uint64(key))
    best = np.concatenate([previous.best, np.full(founded, -np.inf)])[kept]
    improved = np.concatenate([previous.improved, np.full(founded, generation, np.int64)])[kept]
    top = fitness[grouped[start[:-1]]]
    better = top > best
    return Species(
        relabelled,
        np.concatenate([previous.id, np.arange(previous.next_id, previous.next_id + founded)])[kept],
        np.concatenate([previous.born, np.full(founded, generation, np.int64)])[kept],
        np.where(better, generation, improved),
        np.where(better, top, best),
        representative,
        grouped,
        start,
        previous.threshold,
        previous.next_id + founded,
    )


def _labels(pool: Pool, previous: Species, previous_pool: Pool, coefficients: Coefficients, threads: Threads) -> tuple[Ints, int]:
    """Each member's species, new ones after those of before; and how many are new.

    Joining is spread over threads. Founding goes from member to member, so it goes by small steps, and after each all the others may join
    what was founded: the result is that of going through them one by one.
    """
    from neuroevo.selection.speciation_kernels import found, join, tabulate

    threshold, first = previous.threshold, len(previous)
    label = np.full(len(pool.node_count), -1, np.int64)
    waiting = np.arange(len(label))
    if first:
        table = tabulate(previous_pool, previous.representative, coefficients)
        threads.run(
            join, len(waiting), waiting, pool, previous_pool, previous.representative, table, coefficients, threshold, 0, label
        )
        waiting = np.flatnonzero(label < 0)
    founded = 0
    while len(waiting):
        founders, placed = found(waiting, pool, coefficients, threshold, first + founded, label, FOUNDING_STEP)
        waiting = waiting[placed:]
        if len(waiting):
            table = tabulate(pool, founders, coefficients)
            threads.run(join, len(waiting), waiting, pool, pool, founders, table, coefficients, threshold, first + founded, label)
            waiting = waiting[label[waiting] < 0]
        founded += len(founders)
    return label, founded


def shared_fitness(fitness: Floats, species: Species) -> Floats:
    """The mean fitness of each species, which is the sum of its members' shared (adjusted) fitness: float64 [species], >= 0.

    Fitness is shifted so that the worst member has 0 where any is negative; a failed member counts as the worst.
    """
    valid = np.isfinite(fitness)
    if not valid.any():
        return np.zeros(len(species))
    worst = float(fitness[valid].min())
    shifted = np.where(valid, fitness, worst)
    if worst < 0.0:
        shifted = shifted - worst
    elif not valid.all():
        shifted[~valid] = 0.0
    sums: Floats = np.bincount(species.label, weights=shifted, minlength=len(species)).astype(np.float64)
    return sums / species.size


def allot(shares: Floats, total: int) -> Ints:
    """Whole offspring in proportion to shares, exactly `total` of them (largest remainders; ties to the earlier): int64 [species]."""
    weight = float(shares.sum())
    if not np.isfinite(weight) or weight <= 0.0:
        shares, weight = np.ones(len(shares)), float(len(shares))
    exact = shares * (total / weight)
    whole: Ints = np.floor(exact).astype(np.int64)
    missing = total - int(whole.sum())
    if missing > 0:
        whole[np.argsort(whole - exact, kind="stable")[:missing]] += 1
    elif missing < 0:  # floating-point rounding only
        whole[np.argsort(exact - whole, kind="stable")[:-missing]] -= 1
    return whole


def adapted_threshold(threshold: float, species: int, target: int, step: float) -> float:
    """A threshold that moves the number of species towards a target: by a share `step` of itself a generation, and once more for each
    further factor of two between the two numbers."""
    if species == target:
        return threshold
    times = max(1.0, abs(math.log2(species / target)))
    change: float = (1.0 + step) ** times
    return threshold * change if species > target else threshold / change


def state_arrays(species: Species) -> dict[str, npt.NDArray[Any]]:
    """The species as named arrays."""
    names = ("label", "id", "born", "improved", "best", "representative", "members", "start")
    arrays: dict[str, npt.NDArray[Any]] = {f"species.{name}": getattr(species, name) for name in names}
    arrays["species.threshold"] = np.array([species.threshold])
    arrays["species.next_id"] = np.array([species.next_id], np.int64)
    return arrays


def from_state_arrays(arrays: dict[str, npt.NDArray[Any]]) -> Species:
    """The species that `state_arrays` described."""
    names = ("label", "id", "born", "improved", "best", "representative", "members", "start")
    values = {name: np.array(arrays[f"species.{name}"]) for name in names}
    return Species(**values, threshold=float(arrays["species.threshold"][0]), next_id=int(arrays["species.next_id"][0]))
