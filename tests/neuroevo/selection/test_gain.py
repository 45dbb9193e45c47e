"""Expected gain: which children the front is expected to gain most of."""

import numpy as np
import pytest

from genomes.testing import philox
from neuroevo.selection import chosen_by_gain, hypervolume

# (size, error), to be minimised
FRONT = np.array([[1.0, 0.5], [2.0, 0.3], [4.0, 0.1]])
NOTHING = (np.array([[2.0, 0.3]]), np.array([[2.0, 0.3]]))  # an earlier child that was like its parent


def chosen(costs, parents, count=1, steps=NOTHING, limits=None, seed=1):
    costs, parents = np.array(costs, float).reshape(-1, 1), np.array(parents, float)
    return chosen_by_gain(FRONT, costs, parents, *steps, count, philox(seed, 0), limits)


def test_of_children_like_their_parents_those_that_open_most_hypervolume_come_first() -> None:
    # as good as its parent and hardly smaller; half as large as the best; as large as its parent
    costs, parents = [1.9, 2.1, 4.0], [[2.0, 0.3], [4.0, 0.1], [4.0, 0.1]]
    gains = [hypervolume([*FRONT, [c, p[1]]], (4.3, 0.54)) - hypervolume(FRONT, (4.3, 0.54)) for c, p in zip(costs, parents, strict=True)]
    assert np.argsort(gains)[::-1].tolist()[0] == 1
    assert chosen(costs, parents) == [1] and chosen(costs, parents, 3) == chosen(costs, parents, 9) == [1, 0], "the third promises nothing"


def test_a_child_like_one_that_is_chosen_promises_nothing_more() -> None:
    costs, parents = [2.1, 2.1, 1.9], [[4.0, 0.1], [4.0, 0.1], [2.0, 0.3]]
    assert set(chosen(costs, parents, 2)) in ({0, 2}, {1, 2})


def test_what_became_of_earlier_children_decides() -> None:
    rng = philox(3, 0)
    before = np.array([[float(rng.uniform(1, 4)), float(rng.uniform(0.1, 0.5))] for _ in range(60)])
    larger = np.arange(60) % 2 == 0
    after = before.copy()
    after[larger] += [1.0, -0.05]
    after[~larger] += [-1.0, 0.35]
    costs, parents = [3.0, 3.0], [[4.0, 0.1], [2.0, 0.3]]  # as large; one has become smaller, the other larger
    assert chosen(costs, parents) == [0], "as good as their parents"
    assert chosen(costs, parents, steps=(before, after)) == [1], "what has become larger is better than its parent, what has become smaller much worse"


def test_beyond_a_limit_there_is_no_gain() -> None:
    costs, parents = [0.5, 1.9], [[1.0, 0.5], [2.0, 0.3]]
    assert chosen(costs, parents) == [0]
    assert chosen(costs, parents, limits=np.array([np.inf, 0.4])) == [1]


def test_where_no_point_is_within_the_limits_only_what_may_come_there_promises_something() -> None:
    limits, steps = np.array([np.inf, 0.05]), (np.repeat(FRONT, 4, axis=0), np.repeat(FRONT, 4, axis=0) - np.array([0.0, 0.06]))
    assert chosen([0.9, 3.9], [[1.0, 0.5], [4.0, 0.1]], 2, limits=limits) == []
    assert chosen([0.9, 3.9], [[1.0, 0.5], [4.0, 0.1]], 2, steps, limits) == [1]


@pytest.mark.parametrize("strange", [np.inf, np.nan, -np.inf, 1e308])
def test_costs_that_are_not_finite_promise_nothing(strange) -> None:
    assert chosen([strange, 1.9], [[2.0, 0.3], [2.0, 0.3]], 2) == [1]


def test_values_beyond_what_numbers_hold_promise_nothing() -> None:
    wide = np.array([[1.0, 1.5e308], [2.0, -1.5e308]])
    assert chosen_by_gain(wide, np.array([[1.5]]), wide[:1], wide[:1], wide[1:], 1, philox(1, 0)) == []


def test_the_reference_lies_a_tenth_of_the_range_behind_the_front() -> None:
    """A child that is smaller than all is worth its training while it is hardly worse than the worst."""
    smaller, steps = [0.8], np.array([[1.0, 0.5]])
    assert chosen(smaller, [[1.0, 0.5]], steps=(steps, steps + np.array([0.0, 0.039]))) == [0]
    assert chosen(smaller, [[1.0, 0.5]], steps=(steps, steps + np.array([0.0, 0.041]))) == []


def test_points_that_agree_and_a_single_one_have_ranges() -> None:
    one = np.array([[2.0, 0.3]])
    assert chosen_by_gain(one, np.array([[1.0], [2.0]]), np.repeat(one, 2, axis=0), *NOTHING, 1, philox(1, 0)) == [0]
    none = np.array([[0.3], [0.2]])  # no objective is cheap
    (best,) = chosen_by_gain(none, np.empty((3, 0)), np.array([[0.3], [0.2], [0.2]]), none, none - 0.1, 2, philox(1, 0))
    assert best > 0, "of two that promise the same the second promises no more"


def test_the_choice_is_drawn_from_its_stream() -> None:
    rng = philox(5, 0)
    before, after = rng.random((40, 2)), rng.random((40, 2))
    costs, parents = rng.random((30, 1)) * 4, rng.random((30, 2))
    choices = {tuple(chosen(costs, parents, 4, (before, after), seed=seed)) for seed in (1, 1, 2, 3, 4, 5)}
    assert len(choices) > 1 and chosen(costs, parents, 4, (before, after)) == chosen(costs, parents, 4, (before, after))
