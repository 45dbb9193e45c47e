"""NSGA-II: non-dominated ranks, then crowding (Deb, Pratap, Agarwal & Meyarivan 2002, section III).

The ranks are moocore's, the crowding distances of all fronts are found together by sorting. Ties go to the earlier position, so that
equal inputs give equal selections.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE, Individual

Costs = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int64]


def costs(individuals: Sequence[Individual]) -> Costs:
    """The objectives as numbers to minimise: float64 [individuals, objectives].

    Raises:
        ValueError: an individual was not evaluated.
    """
    if not individuals:
        return np.empty((0, 0))
    rows = [individual.fitness.wvalues for individual in individuals]
    width = len(individuals[0].fitness.weights)
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.float64)
    if flat.size != len(rows) * width:
        missing = next((i.id for i in individuals if not i.fitness.valid), None)
        raise ValueError(f"individual {missing} has no fitness; evaluate before selecting")
    return -flat.reshape(len(rows), width)


def check_count(count: int) -> None:
    """Refuse a negative number of individuals to choose.

    Raises:
        ValueError: it is negative.
    """
    if count < 0:
        raise ValueError(f"how many to choose must be >= 0, got {count}")


def violations(individuals: Sequence[Individual]) -> npt.NDArray[np.float64] | None:
    """By how much each individual's values pass their limits (`Fitness.violation`): float64 [individuals]; None where none does."""
    beyond = [individual.fitness.violation if individual.fitness.limits else 0.0 for individual in individuals]
    return np.array(beyond) if any(beyond) else None


def pareto_ranks(costs: Costs, violations: npt.NDArray[np.float64] | None = None) -> Positions:
    """The front of each row, 0 for the non-dominated: int64 [rows]. Rows with a NaN or an infinity come after all others.

    Args:
        costs: float64 [rows, objectives], to be minimised.
        violations: float64 [rows], 0 within the limits. Rows beyond come after those within, less violation first (section VI).
    """
    import moocore

    if violations is not None and violations.any():
        within = violations <= 0
        ranks = np.empty(len(costs), dtype=np.int64)
        ranks[within] = pareto_ranks(costs[within])
        behind = 1 + int(ranks[within].max()) if within.any() else 0
        ranks[~within] = behind + np.unique(violations[~within], return_inverse=True)[1]
        return ranks
    usable = np.isfinite(costs).all(axis=1)
    if usable.all():
        return moocore.pareto_rank(costs).astype(np.int64) if len(costs) else np.empty(0, dtype=np.int64)
    ranks = np.full(len(costs), len(costs), dtype=np.int64)
    if usable.any():
        ranks[usable] = moocore.pareto_rank(costs[usable])
    return ranks


def pareto_front(individuals: Sequence[Individual]) -> list[Individual]:
    """The non-dominated individuals among those that are done, in order of birth; of equal ones the first born. Individuals beyond a limit
    are dominated by all that are less so; those with a NaN or an infinite objective are never on the front.

    Raises:
        ValueError: one is done and has no fitness.
    """
    import moocore

    done = sorted((i for i in individuals if i.status == DONE), key=lambda i: i.id)
    done = [done[position] for position in np.flatnonzero(np.isfinite(costs(done)).all(axis=1)).tolist()]
    if not done:
        return []
    least = min(individual.fitness.violation for individual in done)
    done = [individual for individual in done if individual.fitness.violation == least]
    kept = moocore.is_nondominated(costs(done), keep_weakly=False)
    return [individual for individual, keep in zip(done, kept, strict=True) if keep]


def crowding_distance(costs: Costs, ranks: Positions, *, copies_compete: bool = False) -> npt.NDArray[np.float64]:
    """The crowding distance of each row inside its front: float64 [rows]; infinite at a front's extremes (section III-B).

    Of equal rows of a front only the first competes, as on a front of individuals: the others have the distances -1, -2, ..., behind all that
    are distinct, and change nobody's distance; so places that are left go to a second copy of every row before a third of any. In the
    paper's sorting the outer ones of equal rows keep their distance to others, and push out distinct rows. Equal rows are the rule with
    counts and with small validation sets.

    Args:
        costs: float64 [rows, objectives], finite.
        ranks: int64 [rows].
        copies_compete: as in the paper.
    """
    if copies_compete:
        return _crowding_of_distinct(costs, ranks)
    before = copies(np.column_stack([ranks, costs]))
    if not before.any():
        return _crowding_of_distinct(costs, ranks)
    distance = -before.astype(np.float64)
    distinct = before == 0
    distance[distinct] = _crowding_of_distinct(costs[distinct], ranks[distinct])
    return distance


_FEW = 256  # rows that are counted faster one by one than by sorting


def copies(costs: Costs) -> Positions:
    """How many earlier rows each row equals: int64 [rows]."""
    if len(costs) <= _FEW:
        seen: dict[tuple[float, ...], int] = {}
        counted = []
        for row in map(tuple, costs.tolist()):
            counted.append(seen.get(row, 0))
            seen[row] = counted[-1] + 1
        return np.array(counted, dtype=np.int64)
    # equal rows have equal weighted sums, whatever the weights (small ones: no sum overflows); where no two sums are equal, as one quick sort
    # tells, there are no copies
    sums = np.zeros(len(costs))
    for number in range(costs.shape[1]):
        sums += costs[:, number] * (0.7071 / (number + 1.3) / costs.shape[1])
    sums.sort()
    if not (sums[1:] == sums[:-1]).any():
        return np.zeros(len(costs), dtype=np.int64)
    order = np.lexsort(costs.T) if costs.size else np.arange(len(costs))  # equal rows stay in their order
    place = np.arange(len(costs))
    new = np.ones(len(costs), dtype=bool)
    new[1:] = (costs[order[1:]] != costs[order[:-1]]).any(axis=1)
    before = np.empty(len(costs), dtype=np.int64)
    before[order] = place - np.maximum.accumulate(np.where(new, place, 0))
    return before


def _crowding_of_distinct(costs: Costs, ranks: Positions) -> npt.NDArray[np.float64]:
    rows, objectives = costs.shape
    distance = np.zeros(rows)
    if rows == 0:
        return distance
    for objective in range(objectives):
        column = costs[:, objective]
        order = np.lexsort((column, ranks))
        sorted_ranks, values = ranks[order], column[order]
        first = np.empty(rows, dtype=bool)
        first[0], first[1:] = True, sorted_ranks[1:] != sorted_ranks[:-1]
        last = np.append(first[1:], True)
        front = np.cumsum(first) - 1
        span = (values[last] - values[first])[front] * objectives
        gaps = np.full(rows, np.inf)
        inner = np.flatnonzero(~(first | last))
        gaps[inner] = np.divide(
            values[inner + 1] - values[inner - 1], span[inner], out=np.zeros(len(inner)), where=span[inner] > 0
        )
        distance[order] += gaps
    return distance


def nsga2_positions(
    costs: Costs, count: int, violations: npt.NDArray[np.float64] | None = None, *, copies_compete: bool = False
) -> Positions:
    """The positions of the `count` best rows by rank, then by crowding: whole fronts first, the last one cut by crowding.

    Args:
        costs: float64 [rows, objectives], to be minimised. Rows with a NaN or an infinity are never chosen.
        count: how many to choose; all usable rows where there are fewer.
        violations: as for `pareto_ranks`.
        copies_compete: as for `crowding_distance`.

    Returns:
        int64 [chosen], best first.

    Raises:
        ValueError: a negative count.
    """
    check_count(count)
    usable = np.flatnonzero(np.isfinite(costs).all(axis=1))
    kept = costs[usable]
    ranks = pareto_ranks(kept, None if violations is None else violations[usable])
    chosen: Positions = usable[_best(ranks, crowding_distance(kept, ranks, copies_compete=copies_compete), count)]
    return chosen


def _best(ranks: Positions, crowding: npt.NDArray[np.float64], count: int) -> Positions:
    order: Positions = np.lexsort((-crowding, ranks))
    return order[:count]


def select_nsga2(individuals: Sequence[Individual], count: int, *, copies_compete: bool = False) -> list[Individual]:
    """The survivors among individuals, best first; like DEAP's `selNSGA2`, it leaves `fitness.crowding_dist` on each of them.

    Individuals with a NaN or an infinite objective (failed ones) are never chosen, so there may be fewer than `count`. Of individuals with
    equal values one competes (see `crowding_distance`), as only one stands on a front; `copies_compete` lets all do so.

    Raises:
        ValueError: an individual was not evaluated, or a negative count.
    """
    check_count(count)
    values = costs(individuals)
    if not len(values):
        return []
    usable = np.flatnonzero(np.isfinite(values).all(axis=1))
    kept = values[usable]
    beyond = violations(individuals)
    ranks = pareto_ranks(kept, None if beyond is None else beyond[usable])
    crowding = crowding_distance(kept, ranks, copies_compete=copies_compete)
    best = _best(ranks, crowding, count)
    chosen = [individuals[position] for position in usable[best].tolist()]
    for individual, distance in zip(chosen, crowding[best].tolist(), strict=True):
        individual.fitness.crowding_dist = distance
    return chosen


def crowded_tournament(ranks: Sequence[int], crowding: Sequence[float], count: int, rng: np.random.Generator) -> list[int]:
    """Positions of parents: each the better of two drawn at random, by rank, then by crowding (section III-C); a tie goes to the
    first drawn. Two consecutive parents differ where there are at least two.

    Args:
        ranks: the front of each individual, 0 for the non-dominated.
        crowding: the crowding distance of each.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.

    Raises:
        ValueError: nobody to draw from, or a negative count.
    """
    check_count(count)
    size = len(ranks)
    if not size and count:
        raise ValueError("there is nobody to select from")
    chosen: list[int] = []
    while len(chosen) < count:
        # plain integers: indexing arrays one by one would cost more than the draw
        draws = rng.integers(size, size=2 * (count - len(chosen))).tolist()
        for first, second in zip(draws[::2], draws[1::2], strict=True):
            better = (ranks[second], -crowding[second]) < (ranks[first], -crowding[first])
            winner = second if better else first
            if size == 1 or not chosen or winner != chosen[-1]:
                chosen.append(winner)
            elif second != first:
                chosen.append(first if better else second)
    return chosen
