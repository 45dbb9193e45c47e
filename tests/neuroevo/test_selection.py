"""NSGA-II against DEAP, NSGA-III against DEAP's pieces, hypervolume against a grid, the classic selections against their definitions."""

import random

import numpy as np
import pytest
from deap import tools
from deap.tools import emo
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from neuroevo.core.individual import Individual
from neuroevo.core.streams import python_random
from neuroevo.selection import (
    crowded_tournament,
    crowding_distance,
    hypervolume,
    lexicase,
    linear_ranking,
    normalised_hypervolume,
    nsga2_positions,
    pareto_ranks,
    reference_points,
    roulette,
    select_nsga2,
    select_nsga3,
    stochastic_universal,
    tournament,
)
from neuroevo.selection.niches import Niches
from neuroevo.selection.nsga2 import copies
from neuroevo.selection.nsga3 import Extremes, associate, fill_niches, normalised, nsga3_positions


def individuals(values: np.ndarray, weights: tuple[float, ...] | None = None) -> list[Individual]:
    made = []
    for id, row in enumerate(np.atleast_2d(values)):
        individual = Individual(id, None, weights or (-1.0,) * len(row))
        individual.fitness.values = tuple(row)
        made.append(individual)
    return made


def ids(chosen: list[Individual]) -> list[int]:
    return [individual.id for individual in chosen]


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(1, 60), st.data())
def test_nsga2_selects_the_set_that_deap_selects(seed: int, objectives: int, size: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    weights = tuple(float(sign) for sign in rng.choice([-1, 1], size=objectives))
    population = individuals(rng.normal(size=(size, objectives)), weights)
    count = data.draw(st.integers(1, size))
    ours = select_nsga2(population, count)
    theirs = tools.selNSGA2(population, count)
    assert len(ours) == len(theirs) == count
    # of several that are equally crowded (infinitely, at the ends of a front) DEAP and we may take different ones
    either = set(ids(ours)) ^ set(ids(theirs))
    assert all(np.isinf(population[id].fitness.crowding_dist) for id in either)


def test_nsga2_selects_exactly_deaps_set_from_large_random_populations() -> None:
    for seed in range(5):
        population = individuals(np.random.default_rng(seed).normal(size=(400, 2)))
        assert set(ids(select_nsga2(population, 200))) == set(ids(tools.selNSGA2(population, 200)))


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=40))
def test_ranks_and_crowding_are_deaps_also_with_ties(points: list[tuple[int, ...]]) -> None:
    values = np.array(points, dtype=float)
    population = individuals(values)
    fronts = tools.sortNondominated(population, len(population))
    ranks = pareto_ranks(values)
    for rank, front in enumerate(fronts):
        assert {i.id for i in front} == set(np.flatnonzero(ranks == rank))


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 50))
def test_crowding_distances_are_deaps(seed: int, objectives: int, size: int) -> None:
    values = np.random.default_rng(seed).normal(size=(size, objectives))
    population = individuals(values)
    ranks = pareto_ranks(values)
    for front in tools.sortNondominated(population, size):
        emo.assignCrowdingDist(front)
    np.testing.assert_allclose(crowding_distance(values, ranks), [i.fitness.crowding_dist for i in population])


def test_nsga2_leaves_the_crowding_that_deaps_tournament_needs() -> None:
    population = individuals(np.random.default_rng(0).normal(size=(40, 2)))
    chosen = select_nsga2(population, 20)
    with python_random(np.random.default_rng(1)):
        parents = tools.selTournamentDCD(chosen, 20)
    assert len(parents) == 20


def test_individuals_with_nan_or_infinity_are_never_selected() -> None:
    values = np.array([[1.0, np.nan], [np.inf, 0.0], [2.0, 2.0], [np.nan, np.nan], [1.0, 3.0]])
    assert set(ids(select_nsga2(individuals(values), 5))) == {2, 4}
    assert set(nsga2_positions(values, 4).tolist()) == {2, 4}
    assert set(nsga3_positions(values, 4, reference_points(2, 4), np.random.default_rng(0)).tolist()) == {2, 4}
    assert pareto_ranks(values).tolist() == [5, 5, 0, 5, 0]
    assert select_nsga2(individuals(np.full((3, 2), np.nan)), 2) == []


def test_ties_go_to_the_earlier_position() -> None:
    assert ids(select_nsga2(individuals(np.ones((6, 2))), 4)) == [0, 1, 2, 3]
    paper = select_nsga2(individuals(np.ones((6, 2))), 4, copies_compete=True)
    assert ids(paper) == [0, 5, 1, 2]  # the ends of a front are infinitely crowded
    inner = [[0.0, 4.0], [1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [4.0, 0.0]]  # equally spaced: three equal distances
    assert ids(select_nsga2(individuals(np.array(inner)), 3)) == [0, 4, 1]


POINTS = {
    "in the middle": [[0, 9], [1, 5], [1, 5], [1, 5], [2, 4], [3, 3], [9, 0]],
    "at an end": [[0, 9], [0, 9], [0, 9], [4, 5], [5, 4], [6, 3], [9, 0]],
    "everywhere": [[0, 9], [0, 9], [1, 5], [1, 5], [2, 4], [2, 4], [3, 3], [9, 0], [9, 0]],
    "three objectives": [[0, 0, 9], [2, 5, 2], [2, 5, 2], [2, 5, 2], [5, 2, 2], [4, 4, 1], [9, 0, 0]],
    "both zeros": [[0.0, 3.0], [-0.0, 3.0], [1.0, 1.0], [1.0, 1.0], [1.5, 0.5], [2.0, -0.0], [2.0, 0.0]],
    "a small validation set": [[0.25, 120], [0.25, 120], [0.25, 120], [0.5, 60], [0.5, 60], [0.75, 30], [0.0, 500]],
}


@pytest.mark.parametrize("name", POINTS)
@pytest.mark.parametrize("way", ["nsga2", "nsga3", "species"])
def test_copies_push_out_nobody_who_is_distinct(name: str, way: str) -> None:
    values = np.array(POINTS[name], dtype=float)
    population = individuals(values)
    distinct = len({tuple(row + 0.0) for row in values.tolist() for row in [np.array(row)]})
    if way == "nsga2":
        chosen = select_nsga2(population, distinct)
    elif way == "nsga3":
        chosen = select_nsga3(population, distinct, reference_points(values.shape[1], 3), np.random.default_rng(0))
    else:
        for individual in population:
            individual.genome = Alike()
        chosen = Niches(1).select(population, distinct)
    assert len({individual.fitness.values for individual in chosen}) == len(chosen) == distinct
    assert len(select_nsga2(population, len(values))) == len(values)  # where there is place for copies, they stay


class Alike:
    def distance(self, other: object) -> float:
        return 0.0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 2)), min_size=1, max_size=30), st.data())
def test_the_crowding_of_the_distinct_is_that_without_copies(points: list[tuple[int, ...]], data: st.DataObject) -> None:
    values = np.array(points, dtype=float)
    ranks = pareto_ranks(values)
    distance = crowding_distance(values, ranks)
    first = sorted({row: position for position, row in reversed(list(enumerate(points)))}.values())
    np.testing.assert_array_equal(distance[first], crowding_distance(values[first], ranks[first], copies_compete=True))
    copied = {position: points[:position].count(row) for position, row in enumerate(points) if position not in first}
    assert all(distance[position] == -number for position, number in copied.items())
    count = data.draw(st.integers(1, len(points)))
    chosen = nsga2_positions(values, count)
    cut = ranks[chosen].max()
    taken = [position for position in chosen if ranks[position] == cut]
    left = [position for position in first if ranks[position] == cut and position not in taken]
    assert not left or all(
        position in first for position in taken
    )  # no copy stands where a distinct one of its front was left out


def test_parents_are_distinct_rather_than_copies() -> None:
    population = individuals(np.array([[0.0, 1.0]] * 6 + [[1.0, 0.0]]))
    values = np.array([individual.fitness.values for individual in population])
    ranks = pareto_ranks(values)
    drawn = [crowded_tournament(ranks, crowding_distance(values, ranks), 2, np.random.default_rng(seed)) for seed in range(300)]
    share = np.mean([position in (0, 6) for pair in drawn for position in pair])
    assert share > 0.4  # 2 of 7 where copies compete; a tournament between two copies still gives one


def test_selecting_from_unevaluated_individuals_is_refused() -> None:
    population = individuals(np.ones((3, 2)))
    del population[1].fitness.values
    with pytest.raises(ValueError, match="individual 1 has no fitness"):
        select_nsga2(population, 2)


def test_crowded_tournament_prefers_rank_then_crowding() -> None:
    rng = np.random.default_rng(3)
    ranks, crowding = [0, 0, 1, 2], [1.0, np.inf, np.inf, np.inf]
    winners = [crowded_tournament(ranks, crowding, 2, rng) for _ in range(2000)]
    assert all(a != b for a, b in winners)
    firsts = np.bincount([a for a, _ in winners], minlength=4) / 2000
    # of 16 equally likely pairs, position 1 wins 7, 0 wins 5, 2 wins 3 and 3 wins 1
    np.testing.assert_allclose(firsts, np.array([5, 7, 3, 1]) / 16, atol=0.04)


def test_reference_points_are_deaps() -> None:
    for objectives, divisions in ((2, 7), (3, 5), (4, 3)):
        theirs = tools.uniform_reference_points(objectives, divisions)
        np.testing.assert_allclose(np.unique(reference_points(objectives, divisions), axis=0), np.unique(theirs, axis=0))


@given(st.integers(0, 2**32), st.integers(2, 4))
@settings(max_examples=50)
def test_nsga3_normalises_and_associates_as_deap_does(seed: int, objectives: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.abs(rng.normal(size=(40, objectives))) ** 2
    points -= points.min(axis=0)  # DEAP's normalisation is the paper's only where the ideal point is the origin
    references = reference_points(objectives, 6)
    ranks = pareto_ranks(points)
    points = points[np.argsort(ranks, kind="stable")]
    front = int((ranks == 0).sum())
    extremes = emo.find_extreme_points(points, np.zeros(objectives))
    memory = Extremes()
    assume(np.linalg.matrix_rank(extremes) == objectives)  # elsewhere the paper leaves the choice open
    ours = normalised(points, front, memory)
    np.testing.assert_allclose(memory.points, extremes)
    intercepts = emo.find_intercepts(extremes, np.zeros(objectives), points.max(axis=0), points[:front].max(axis=0))
    np.testing.assert_allclose(ours, points / intercepts, rtol=1e-6)
    niches, distances = associate(ours, references)
    their_niches, their_distances = emo.associate_to_niche(points, references, np.zeros(objectives), intercepts)
    np.testing.assert_allclose(distances, their_distances, rtol=1e-6, atol=1e-6)
    assert (niches == their_niches).mean() > 0.9  # a point halfway between two lines may go to either


@given(st.integers(0, 2**32), st.integers(0, 20), st.integers(1, 30))
@settings(max_examples=50)
def test_nsga3_fills_niches_as_evenly_as_deap(seed: int, whole: int, wanted: int) -> None:
    rng = np.random.default_rng(seed)
    niches, distances = rng.integers(8, size=whole + 40), rng.random(whole + 40)
    chosen = fill_niches(niches, distances, whole, whole + wanted, 8, rng)
    counts = np.bincount(niches[:whole], minlength=8)
    theirs = emo.niching(list(range(whole, whole + 40)), wanted, niches[whole:], distances[whole:], counts.copy())
    for selected in (chosen, theirs):
        assert len(set(selected)) == wanted and min(selected) >= whole
    count = lambda rows: sorted(counts + np.bincount(niches[rows], minlength=8))  # noqa: E731
    assert count(chosen) == count(theirs)
    for niche in set(niches[chosen]) - set(niches[:whole]):  # the first of an empty niche is its nearest
        members = [row for row in range(whole, whole + 40) if niches[row] == niche]
        assert min(members, key=lambda row: distances[row]) in chosen


def test_nsga3_keeps_better_fronts_whole_and_spreads_the_last() -> None:
    rng = np.random.default_rng(2)
    front = rng.dirichlet(np.ones(3), size=200)  # one front: all sums are 1
    worse = front[:50] + 1.0
    population = individuals(np.concatenate([worse, front]))
    chosen = select_nsga3(population, 28, reference_points(3, 6), np.random.default_rng(0))
    assert len(chosen) == 28 and all(i.id >= 50 for i in chosen)
    niches, _ = associate(np.array([i.fitness.values for i in chosen]), reference_points(3, 6))
    assert len(set(niches)) >= 24
    everything = select_nsga3(population, 210, reference_points(3, 6), np.random.default_rng(0))
    assert set(range(50, 250)) <= set(ids(everything))


def test_hypervolume_is_the_area_of_the_dominated_grid_cells() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        points = rng.integers(0, 12, size=(6, 2)).astype(float)
        dominated = {(x, y) for a, b in points for x in range(int(a), 10) for y in range(int(b), 10)}
        assert hypervolume(points, reference=(10.0, 10.0)) == len(dominated)


def test_normalised_hypervolume_is_in_shares_of_the_box() -> None:
    assert normalised_hypervolume([[0.0, 100.0]], (0.0, 100.0), (1.0, 300.0)) == 1.0
    assert normalised_hypervolume([[0.5, 100.0], [0.0, 300.0], [np.nan, 0.0]], (0.0, 100.0), (1.0, 300.0)) == 0.5
    with pytest.raises(ValueError, match="worst must exceed ideal"):
        normalised_hypervolume([[0.0, 0.0]], (0.0, 0.0), (1.0, 0.0))
    with pytest.raises(ValueError, match="to fit the reference"):
        hypervolume([[1.0, 2.0, 3.0]], (4.0, 4.0))


def shares(chosen: list[Individual], size: int) -> np.ndarray:
    return np.bincount(ids(chosen), minlength=size) / len(chosen)


def test_tournament_wins_as_often_as_order_statistics_say() -> None:
    population = individuals(np.arange(5.0)[:, None], (1.0,))
    expected = [((i + 1) / 5) ** 3 - (i / 5) ** 3 for i in range(5)]
    np.testing.assert_allclose(shares(tournament(population, 20000, np.random.default_rng(0), size=3), 5), expected, atol=0.015)
    assert set(ids(tournament(individuals(np.arange(5.0)[:, None]), 200, np.random.default_rng(0), size=30))) == {0}


def test_linear_ranking_depends_on_ranks_only() -> None:
    rng = np.random.default_rng(0)
    population = individuals(np.array([[1e9], [3.0], [2.0], [-5.0]]), (1.0,))
    drawn = shares(linear_ranking(population, 20000, rng, pressure=2.0), 4)
    np.testing.assert_allclose(drawn, np.array([6, 4, 2, 0]) / 12, atol=0.015)


def test_roulette_is_proportional_to_fitness() -> None:
    rng = np.random.default_rng(0)
    drawn = shares(roulette(individuals(np.array([[1.0], [3.0], [0.0], [4.0]]), (1.0,)), 20000, rng), 4)
    np.testing.assert_allclose(drawn, [1 / 8, 3 / 8, 0, 1 / 2], atol=0.015)
    assert len(roulette(individuals(np.zeros((3, 1)), (1.0,)), 5, rng)) == 5
    for wrong in (individuals(np.array([[-1.0], [1.0]]), (1.0,)), individuals(np.array([[1.0], [1.0]]))):
        with pytest.raises(ValueError, match="roulette needs a maximised"):
            roulette(wrong, 1, rng)


def test_lexicase_chooses_specialists() -> None:
    # each of the first three is best in one objective and bad in the others; the last is good everywhere but best nowhere
    values = np.array([[0.0, 9.0, 9.0], [9.0, 0.0, 9.0], [9.0, 9.0, 0.0], [1.0, 1.0, 1.0]])
    drawn = shares(lexicase(individuals(values), 3000, np.random.default_rng(0)), 4)
    np.testing.assert_allclose(drawn, [1 / 3, 1 / 3, 1 / 3, 0], atol=0.04)
    relaxed = shares(lexicase(individuals(values), 3000, np.random.default_rng(0), epsilon=1.0), 4)
    np.testing.assert_allclose(relaxed, [0, 0, 0, 1])


def test_stochastic_universal_sampling_gives_everybody_its_share_rounded() -> None:
    rng = np.random.default_rng(0)
    values = np.array([[1.0], [3.0], [0.0], [4.0]])
    for count in (1, 7, 16, 80):
        drawn = [one.id for one in stochastic_universal(individuals(values, (1.0,)), count, rng)]
        exact = count * values[:, 0] / 8
        times = np.bincount(drawn, minlength=4)
        assert ((times == np.floor(exact)) | (times == np.ceil(exact))).all() and len(drawn) == count
    assert drawn != sorted(drawn), "in random order, so that pairs are not of equals"
    assert len(stochastic_universal(individuals(np.zeros((3, 1)), (1.0,)), 5, rng)) == 5


@pytest.mark.parametrize("select", [tournament, linear_ranking, roulette, stochastic_universal, lexicase])
def test_classic_selections_draw_from_their_stream_only(select) -> None:
    population = individuals(np.random.default_rng(0).random((20, 2)), (1.0, 1.0))
    random.seed(1)
    first = ids(select(population, 10, np.random.default_rng(5)))
    random.seed(2)
    assert ids(select(population, 10, np.random.default_rng(5))) == first
    with pytest.raises(ValueError, match="nobody to select from"):
        select([], 1, np.random.default_rng(0))


@pytest.mark.parametrize("rows", [0, 1, 40, 256, 257, 900])
def test_copies_are_counted_alike_in_few_and_in_many_rows(rows: int) -> None:
    costs = np.random.default_rng(rows).integers(0, 6, size=(rows, 3)).astype(float)
    expected = [sum(bool((costs[other] == costs[row]).all()) for other in range(row)) for row in range(rows)]
    assert copies(costs).tolist() == expected
