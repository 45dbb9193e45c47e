"""The classic selections: rank, roulette, tournament, lexicase. Each draws parents with replacement from its own stream."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neuroevo.core.individual import Individual
from neuroevo.selection.nsga2 import costs


def tournament(individuals: Sequence[Individual], count: int, rng: np.random.Generator, *, size: int = 3) -> list[Individual]:
    """Each parent is the best of `size` individuals drawn at random with replacement (Goldberg & Deb 1991).

    Best is DEAP's order: the first objective, ties by the next. Equal ones: the first drawn.

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.
        size: individuals in a tournament; the more, the greedier.

    Raises:
        ValueError: nobody to draw from, or size below 1.
    """
    _population(individuals)
    if size < 1:
        raise ValueError(f"size must be >= 1, got {size}")
    draws = rng.integers(len(individuals), size=(count, size)).tolist()
    return [max((individuals[i] for i in row), key=lambda individual: individual.fitness.ranking) for row in draws]


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
        ValueError: nobody to draw from, or pressure outside [1, 2].
    """
    _population(individuals)
    if not 1 <= pressure <= 2:
        raise ValueError(f"pressure must be in [1, 2], got {pressure}")
    worst_first = sorted(range(len(individuals)), key=lambda i: (individuals[i].fitness.ranking, -i))
    probabilities = np.linspace(2 - pressure, pressure, len(individuals)) if len(individuals) > 1 else np.ones(1)
    drawn = rng.choice(len(individuals), size=count, p=probabilities / probabilities.sum())
    return [individuals[worst_first[i]] for i in drawn.tolist()]


def roulette(individuals: Sequence[Individual], count: int, rng: np.random.Generator) -> list[Individual]:
    """Parents in proportion to the first objective, which must be maximised and not negative (Holland 1975).

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.

    Raises:
        ValueError: nobody to draw from, a minimised objective, or a negative value.
    """
    _population(individuals)
    gains = -costs(individuals)[:, 0]
    if individuals[0].fitness.weights[0] < 0 or not np.isfinite(gains).all() or (gains < 0).any():
        raise ValueError("roulette needs a maximised, finite first objective >= 0; use linear_ranking or tournament for others")
    total = gains.sum()
    probabilities = gains / total if total > 0 else np.full(len(gains), 1 / len(gains))
    return [individuals[i] for i in rng.choice(len(individuals), size=count, p=probabilities).tolist()]


def lexicase(
    individuals: Sequence[Individual], count: int, rng: np.random.Generator, *, epsilon: float = 0.0
) -> list[Individual]:
    """Each parent survives a filter by the objectives in random order, each keeping those within `epsilon` of the best (Spector 2012;
    epsilon: La Cava, Spector & Danai 2016); ties at random. Made for many objectives, such as one for each test case.

    Args:
        individuals: evaluated ones.
        count: how many parents; one may be drawn several times.
        rng: the stream to draw from.
        epsilon: in the objectives' own units, the same for all of them.

    Raises:
        ValueError: nobody to draw from, or a negative epsilon.
    """
    _population(individuals)
    if epsilon < 0:
        raise ValueError(f"epsilon must be >= 0, got {epsilon}")
    values = costs(individuals)
    chosen = []
    for _ in range(count):
        left = np.arange(len(individuals))
        for objective in rng.permutation(values.shape[1]):
            column = values[left, objective]
            left = left[column <= column.min() + epsilon]
            if len(left) == 1:
                break
        chosen.append(individuals[int(left[rng.integers(len(left))])])
    return chosen


def _population(individuals: Sequence[Individual]) -> None:
    if not len(individuals):
        raise ValueError("there is nobody to select from")
