"""Failures among the individuals: never preferred, never the end, and the choice among the others is as if they were not there."""

import math

import numpy as np
import pytest

from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.selection import (
    crowded_tournament,
    lexicase,
    linear_ranking,
    nsga2_positions,
    pareto_front,
    reference_points,
    roulette,
    select_nsga3,
    stochastic_universal,
    tournament,
)
from neuroevo.selection.niches import Niches
from neuroevo.selection.nsga3 import nsga3_positions
from neuroevo.testing.evaluator import NumberSpace

CLASSIC = [tournament, linear_ranking, roulette, stochastic_universal, lexicase]


def individuals(rows, weights=(1.0, 1.0), limits=()) -> list[Individual]:
    made = []
    for id, row in enumerate(rows):
        individual = Individual(id, NumberSpace().from_genes(float(id)), weights, limits=limits)
        individual.fitness.values = row
        individual.status = FAILED if math.inf in np.abs(row) else DONE
        made.append(individual)
    return made


@pytest.mark.parametrize("select", CLASSIC)
def test_parents_are_drawn_as_if_those_who_failed_were_not_there(select) -> None:
    sound = np.random.default_rng(0).uniform(1, 2, size=(6, 2)).tolist()
    population = individuals([*sound[:3], [-math.inf, -math.inf], *sound[3:], [math.nan, 1.0]])
    without = [one for one in population if one.id not in (3, 7)]
    expected = [one.id for one in select(without, 50, np.random.default_rng(1))]
    assert [one.id for one in select(population, 50, np.random.default_rng(1))] == expected


@pytest.mark.parametrize("select", [tournament, linear_ranking, lexicase])
def test_where_all_failed_parents_are_drawn_among_them(select) -> None:
    population = individuals([[-math.inf, -math.inf]] * 4 + [[math.nan, math.nan]])
    chosen = select(population, 100, np.random.default_rng(0))
    assert {one.id for one in chosen} == {0, 1, 2, 3}


@pytest.mark.parametrize("select", CLASSIC)
def test_a_population_of_nan_is_refused(select) -> None:
    with pytest.raises(ValueError, match="nobody to select from: each of 3 individuals has a NaN"):
        select(individuals([[math.nan, 1.0]] * 3), 1, np.random.default_rng(0))


def test_a_front_has_nobody_without_finite_values() -> None:
    population = individuals([[math.nan, 2.0], [1.0, 1.0], [2.0, 0.0], [3.0, math.nan]])
    assert [one.id for one in pareto_front(population)] == [1, 2]
    infinite = individuals([[1.0, 1.0], [2.0, 0.0]])
    infinite[1].fitness.values = (math.inf, 0.0)
    infinite[1].status = DONE
    assert [one.id for one in pareto_front(infinite)] == [0]
    assert pareto_front(individuals([[math.nan, 1.0]])) == []
    del population[1].fitness.values
    with pytest.raises(ValueError, match="individual 1 has no fitness"):
        pareto_front(population)


def test_nsga3_fills_up_with_finite_individuals_beyond_a_limit() -> None:
    population = individuals([[2.0, 0.0], [0.5, math.nan], [0.2, 3.0], [0.8, 1.0]], limits=(1.0, -math.inf))
    chosen = select_nsga3(population, 4, reference_points(2, 4), np.random.default_rng(0))
    assert [one.id for one in chosen] == [0, 3, 2]


def test_a_negative_number_is_refused_everywhere() -> None:
    values, rng = np.random.default_rng(0).random((6, 2)), np.random.default_rng(0)
    for choose in (
        lambda: nsga2_positions(values, -1),
        lambda: nsga3_positions(values, -1, reference_points(2, 4), rng),
        lambda: crowded_tournament([0, 0], [1.0, 2.0], -1, rng),
        lambda: Niches(2).select(individuals(values.tolist()), -1),
    ):
        with pytest.raises(ValueError, match="how many to choose must be >= 0, got -1"):
            choose()
    with pytest.raises(ValueError, match="nobody to select from"):
        crowded_tournament([], [], 2, rng)


def test_species_stay_as_they_are_where_nobody_survives() -> None:
    niches = Niches(2)
    population = individuals(np.random.default_rng(0).random((8, 2)).tolist())
    niches.select(population, 4)
    threshold = niches.threshold
    assert niches.select(population, 0) == [] and niches.threshold == threshold
    assert len(niches.select(population, 4)) == 4
