"""The classic selections: rank, roulette, tournament, lexicase. Each draws parents with replacement from its own stream.

Individuals with a NaN or an infinite objective (failed ones) are left out while there are others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.core.individual import Individual
from neuroevo.selection.nsga2 import check_count, costs

PARTS = ("tournament", "linear_ranking", "roulette", "stochastic_universal", "lexicase")
Cases = Literal["objectives", "descriptors"]


def tournament(individuals: Sequence[Individual], count: int, rng: np.random.Generator, *, size: int = 3) -> list[Individual]:
    """Each parent is the best of `size` individuals drawn at random with replacement (Goldberg & Deb 1991).

    Best is DEAP's order: the first objective, ties by the next. Equal ones: the first drawn.

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.
        size: individuals in a tournament; the more, the greedier.

    Raises:
        ValueError: nobody to draw from, one who was not evaluated, a negative count, or size below 1.
    """
    if size < 1:
        raise ValueError(f"size must be >= 1, got {size}")
    candidates = _candidates(individuals, count)
    draws = rng.integers(len(candidates), size=(count, size)).tolist()
    return [max((candidates[i] for i in row), key=lambda individual: individual.fitness.ranking) for row in draws]


def linear_ranking(
    individuals: Sequence[Individual], count: int, rng: np.random.Generator, *, pressure: float = 1.5
) -> list[Individual]:
    """Parents in proportion to their rank: the best is expected `pressure` times, the worst 2 - pressure times in as many draws as
    there are individuals (Baker 1985).

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.
        pressure: from 1 (everybody alike) to 2 (the worst never).

    Raises:
        ValueError: nobody to draw from, one who was not evaluated, a negative count, or pressure outside [1, 2].
    """
    if not 1 <= pressure <= 2:
        raise ValueError(f"pressure must be in [1, 2], got {pressure}")
    candidates = _candidates(individuals, count)
    worst_first = sorted(range(len(candidates)), key=lambda i: (candidates[i].fitness.ranking, -i))
    probabilities = np.linspace(2 - pressure, pressure, len(candidates)) if len(candidates) > 1 else np.ones(1)
    drawn = rng.choice(len(candidates), size=count, p=probabilities / probabilities.sum())
    return [candidates[worst_first[i]] for i in drawn.tolist()]


def roulette(individuals: Sequence[Individual], count: int, rng: np.random.Generator) -> list[Individual]:
    """Parents in proportion to the first objective, which must be maximised and not negative (Holland 1975). Limits play no part.

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.

    Raises:
        ValueError: nobody to draw from, one who was not evaluated, a negative count, a minimised objective, or a negative value.
    """
    candidates, probabilities = _in_proportion(individuals, count, "roulette")
    return [candidates[i] for i in rng.choice(len(candidates), size=count, p=probabilities).tolist()]


def stochastic_universal(individuals: Sequence[Individual], count: int, rng: np.random.Generator) -> list[Individual]:
    """Parents in proportion to the first objective as by `roulette`, by one turn of a wheel with `count` pointers at equal distances (Baker
    1987): nobody is drawn more often or seldom than its share of `count`, rounded up or down. In random order.

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.

    Raises:
        ValueError: nobody to draw from, one who was not evaluated, a negative count, a minimised objective, or a negative value.
    """
    candidates, probabilities = _in_proportion(individuals, count, "stochastic_universal")
    pointers = (np.arange(count) + rng.random()) / max(count, 1)
    drawn = np.searchsorted(np.cumsum(probabilities), pointers, side="right")
    last = int(np.flatnonzero(probabilities)[-1])  # where rounding leaves the sum below a pointer
    return [candidates[min(i, last)] for i in rng.permutation(drawn).tolist()]


def _in_proportion(
    individuals: Sequence[Individual], count: int, name: str
) -> tuple[Sequence[Individual], npt.NDArray[np.float64]]:
    """Those that may become parents, and each one's share of the first objective."""
    candidates = _candidates(individuals, count)
    gains = -costs(candidates)[:, 0]
    if candidates[0].fitness.weights[0] < 0 or not np.isfinite(gains).all() or (gains < 0).any():
        raise ValueError(f"{name} needs a maximised, finite first objective >= 0; use linear_ranking or tournament for others")
    total = gains.sum()
    return candidates, gains / total if total > 0 else np.full(len(gains), 1 / len(gains))


def lexicase(
    individuals: Sequence[Individual],
    count: int,
    rng: np.random.Generator,
    *,
    epsilon: float | Literal["deviation"] = 0.0,
    cases: Cases = "objectives",
) -> list[Individual]:
    """Each parent survives a filter by the cases in random order, each keeping those within `epsilon` of the best (Spector 2012; epsilon: La
    Cava, Spector & Danai 2016); ties at random. Made for many cases, so that who is the best in few of them has children, too. Limits play no
    part.

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.
        epsilon: in the cases' own units, the same for all of them; "deviation": of each case the median absolute deviation among those that
            are left (dynamic epsilon lexicase; La Cava, Helmuth, Spector & Moore 2019).
        cases: the objectives; or the "descriptors", larger is better for each: one number for each test case that a fitness is the sum of, which
            as so many objectives would make a front of everybody.

    Raises:
        ValueError: nobody to draw from, one who was not evaluated or has no descriptors, a negative count, or a negative epsilon.
    """
    if epsilon != "deviation" and (isinstance(epsilon, (bool, str)) or not epsilon >= 0):
        raise ValueError(f"epsilon must be >= 0, or 'deviation', got {shown(epsilon)}")
    if cases not in ("objectives", "descriptors"):
        raise ValueError(f"cases must be 'objectives' or 'descriptors', got {shown(cases)}")
    candidates = _candidates(individuals, count)
    values = costs(candidates) if cases == "objectives" else -_described(candidates)
    chosen = []
    for _ in range(count):
        left = np.arange(len(candidates))
        for case in rng.permutation(values.shape[1]):
            column = values[left, case]
            left = left[column <= column.min() + (_deviation(column) if epsilon == "deviation" else epsilon)]
            if len(left) == 1:
                break
        chosen.append(candidates[int(left[rng.integers(len(left))])])
    return chosen


def _deviation(values: npt.NDArray[np.float64]) -> float:
    """The median absolute deviation; 0 among failures."""
    middle = np.median(values)
    return float(np.median(np.abs(values - middle))) if np.isfinite(middle) else 0.0


def _described(individuals: Sequence[Individual]) -> npt.NDArray[np.float64]:
    """The descriptors of each: float64 [individuals, d]; what failed is the worst in all."""
    width = next((len(one.descriptors) for one in individuals if one.descriptors is not None), 0)
    if not width:
        raise ValueError(
            "lexicase by descriptors needs a task that describes what individuals did, such as "
            "Function(fitness, descriptors='cases'), and this one does not"
        )
    rows = [np.full(width, -np.inf) if one.descriptors is None else one.descriptors for one in individuals]
    found: npt.NDArray[np.float64] = np.array(rows, np.float64)
    return np.where(np.isfinite(found).all(axis=1, keepdims=True), found, -np.inf)


def _candidates(individuals: Sequence[Individual], count: int) -> Sequence[Individual]:
    """Those that may become parents: all objectives finite. Where nobody's are, those without a NaN: failures are better than no parents."""
    check_count(count)
    values = costs(individuals)
    usable = np.isfinite(values).all(axis=1)
    if not usable.any():
        usable = ~np.isnan(values).any(axis=1)
    if not usable.any():
        why = "" if not len(individuals) else f": each of {len(individuals)} individuals has a NaN among its objectives"
        raise ValueError(f"there is nobody to select from{why}")
    return individuals if usable.all() else [individuals[position] for position in np.flatnonzero(usable).tolist()]
