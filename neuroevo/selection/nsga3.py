"""NSGA-III: non-dominated ranks, then niches around reference points (Deb & Jain 2014)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import Individual
from neuroevo.selection.nsga2 import Costs, Positions, check_count, copies, costs, pareto_ranks, violations


@dataclass
class Extremes:
    """What NSGA-III remembers of earlier generations: the best value of every objective and the extreme point of every axis.

    Args:
        ideal: float64 [objectives], or None before the first selection.
        points: float64 [objectives, objectives], row i the extreme point of axis i, or None.
    """

    ideal: npt.NDArray[np.float64] | None = None
    points: npt.NDArray[np.float64] | None = None


def reference_points(objectives: int, divisions: int) -> npt.NDArray[np.float64]:
    """Das and Dennis's points on the unit simplex: float64 [points, objectives], all multiples of 1 / divisions that sum to 1.

    Raises:
        ValueError: objectives or divisions below 1.

    >>> reference_points(2, 2).tolist()
    [[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]
    """
    if objectives < 1 or divisions < 1:
        raise ValueError(f"objectives and divisions must be >= 1, got {objectives} and {divisions}")

    def compositions(parts: int, total: int) -> Iterator[tuple[int, ...]]:
        if parts == 1:
            yield (total,)
            return
        for first in range(total + 1):
            for rest in compositions(parts - 1, total - first):
                yield (first, *rest)

    return np.array(list(compositions(objectives, divisions)), dtype=np.float64) / divisions


def nsga3_positions(
    costs: Costs,
    count: int,
    references: npt.NDArray[np.float64],
    rng: np.random.Generator,
    memory: Extremes | None = None,
    *,
    copies_compete: bool = False,
) -> Positions:
    """The positions of `count` rows: whole fronts first, the last one filled niche by niche (algorithm 1).

    Args:
        costs: float64 [rows, objectives], to be minimised. Rows with a NaN or an infinity are never chosen.
        references: float64 [points, objectives].
        rng: breaks ties between niches and inside them.
        memory: extremes of earlier generations, brought up to date.
        copies_compete: as in the paper. Else one of equal rows of the last front does, and the others fill places that are left.

    Returns:
        int64 [chosen]: better fronts first.

    Raises:
        ValueError: a negative count.
    """
    check_count(count)
    usable = np.flatnonzero(np.isfinite(costs).all(axis=1))
    kept = costs[usable]
    if not len(kept):
        return usable
    memory = Extremes() if memory is None else memory
    ranks = pareto_ranks(kept)
    copy = np.zeros(len(kept), dtype=bool) if copies_compete else copies(kept) > 0
    order = np.lexsort((copy, ranks))
    sizes = np.cumsum(np.bincount(ranks))
    last = int(np.searchsorted(sizes, min(count, len(kept))))  # the first front that fills the selection
    considered = order[: sizes[last]]
    points = normalised(kept[considered], int((ranks[considered] == 0).sum()), memory)
    niches, distances = associate(points, references)
    whole = int(sizes[last - 1]) if last else 0
    distinct = whole + int((~copy[considered[whole:]]).sum())
    chosen = list(range(whole))
    for begin, end in ((whole, distinct), (distinct, len(considered))):
        before = len(chosen)
        wanted = min(count, end) - before
        if wanted > 0:
            taken = [*chosen, *range(begin, end)]
            filling = fill_niches(niches[taken], distances[taken], before, before + wanted, len(references), rng)
            chosen += [taken[row] for row in filling]
    positions: Positions = usable[considered[chosen]]
    return positions


def normalised(points: Costs, first_front: int, memory: Extremes) -> Costs:
    """The points with the ideal point at 0 and the hyperplane through the extreme points at 1 on every axis (section IV-C).

    Where the extreme points span no such hyperplane, the worst values of the first front (the first `first_front` rows) serve.
    """
    ideal = points.min(axis=0) if memory.ideal is None else np.minimum(memory.ideal, points.min(axis=0))
    candidates = points if memory.points is None else np.concatenate([memory.points, points])
    weights = np.where(np.eye(points.shape[1]) == 1, 1.0, 1e6)
    achievement = ((candidates - ideal)[None, :, :] * weights[:, None, :]).max(axis=2)
    extremes = candidates[achievement.argmin(axis=1)]
    memory.ideal, memory.points = ideal, extremes
    intercepts = _intercepts(extremes - ideal)
    if intercepts is None or (intercepts > points.max(axis=0) - ideal + 1e-9).any():
        intercepts = points[:first_front].max(axis=0) - ideal
    scaled: Costs = (points - ideal) / np.maximum(intercepts, 1e-12)
    return scaled


def _intercepts(extremes: Costs) -> npt.NDArray[np.float64] | None:
    """Where the hyperplane through the extreme points meets each axis, or None."""
    try:
        solution = np.linalg.solve(extremes, np.ones(len(extremes)))
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(solution).all() or (solution <= 1e-12).any() or not np.allclose(extremes @ solution, 1.0):
        return None
    intercepts: npt.NDArray[Any] = 1.0 / solution
    return intercepts if (intercepts > 1e-6).all() else None


def associate(points: Costs, references: npt.NDArray[np.float64]) -> tuple[Positions, npt.NDArray[np.float64]]:
    """The reference line nearest to each point, and the perpendicular distance to it (algorithm 3)."""
    directions = references / np.linalg.norm(references, axis=1, keepdims=True)
    # the difference itself: |point|^2 - along^2 would cancel for points far out
    across = points[:, None, :] - (points @ directions.T)[:, :, None] * directions
    distances = np.linalg.norm(across, axis=2)
    niches: Positions = distances.argmin(axis=1)
    return niches, distances[np.arange(len(points)), niches]


def fill_niches(
    niches: Positions, distances: npt.NDArray[np.float64], whole: int, count: int, references: int, rng: np.random.Generator
) -> list[int]:
    """Fill the selection from the last front, always into one of the emptiest niches (algorithm 4).

    Args:
        niches, distances: of all considered rows; the first `whole` rows are chosen already.

    Returns:
        Positions among the rows, `count - whole` of them.
    """
    counts = np.bincount(niches[:whole], minlength=references)
    members: dict[int, list[int]] = {}
    for row in range(whole, len(niches)):
        members.setdefault(int(niches[row]), []).append(row)
    chosen: list[int] = []
    while len(chosen) < count - whole:
        least = min(counts[niche] for niche in members)
        emptiest = [niche for niche in sorted(members) if counts[niche] == least]
        for niche in rng.permutation(emptiest)[: count - whole - len(chosen)].tolist():
            rows = members[niche]
            nearest = min(rows, key=lambda row: (distances[row], row))
            row = nearest if least == 0 else rows[int(rng.integers(len(rows)))]
            rows.remove(row)
            if not rows:
                del members[niche]
            counts[niche] += 1
            chosen.append(row)
    return chosen


def select_nsga3(
    individuals: Sequence[Individual],
    count: int,
    references: npt.NDArray[np.float64],
    rng: np.random.Generator,
    memory: Extremes | None = None,
    *,
    copies_compete: bool = False,
) -> list[Individual]:
    """The survivors among individuals; those with a NaN or an infinite objective (failed ones) are never chosen. Those beyond a limit fill
    the places that those within leave, the least violation first.

    Args:
        individuals: evaluated ones.
        count: how many to choose; all usable ones where there are fewer.
        references: float64 [points, objectives], such as `reference_points` gives.
        rng: breaks ties between niches and inside them.
        memory: extremes of earlier generations, brought up to date.
        copies_compete: as for `nsga3_positions`.

    Raises:
        ValueError: an individual was not evaluated, or a negative count.
    """
    check_count(count)
    if not individuals:
        return []
    beyond = violations(individuals)
    within = [i for i in individuals if i.fitness.violation == 0.0] if beyond is not None else list(individuals)
    chosen = []
    if within:
        positions = nsga3_positions(costs(within), count, references, rng, memory, copies_compete=copies_compete)
        chosen = [within[position] for position in positions.tolist()]
    if beyond is not None:
        usable = np.flatnonzero((beyond > 0) & np.isfinite(costs(individuals)).all(axis=1)).tolist()
        chosen += [individuals[position] for position in sorted(usable, key=beyond.__getitem__)[: count - len(chosen)]]
    return chosen
