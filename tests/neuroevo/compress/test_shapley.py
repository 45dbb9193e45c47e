"""Shapley values: the estimators against every coalition, and against a library of this field."""

from __future__ import annotations

from itertools import chain, permutations

import numpy as np
import pytest

from neuroevo.compress.shapley import Remembered, exact_values, sampled_values, values_of_orders
from neuroevo.core.streams import stream


class Game:
    """Players that add, in pairs work together or against each other, and are worth less the more there are: of between 0 and 1."""

    def __init__(self, players: int, seed: int) -> None:
        rng = stream(seed, players)
        self.players = players
        self.alone = rng.exponential(1.0, players)
        self.pairs = np.triu(rng.normal(0, 1.0, (players, players)), 1)
        self.asked = 0

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        self.asked += len(coalitions)
        x = coalitions.astype(float)
        worth = x @ self.alone + np.einsum("ci,ij,cj->c", x, self.pairs, x)
        return 1 / (1 + np.exp(-worth))


def test_every_order_gives_the_exact_values() -> None:
    game = Game(7, seed=1)
    orders = np.array(list(permutations(range(7))))
    assert np.abs(values_of_orders(game, orders) - exact_values(game, 7).values).max() < 1e-9


@pytest.mark.slow
def test_every_order_of_ten_players_gives_the_exact_values() -> None:
    game = Game(10, seed=1)
    orders = np.fromiter(chain.from_iterable(permutations(range(10))), np.int8).reshape(-1, 10)
    assert np.abs(values_of_orders(game, orders) - exact_values(game, 10).values).max() < 1e-9


def test_exact_values_are_those_of_shapiq() -> None:
    shapiq = pytest.importorskip("shapiq")
    game = Game(8, seed=2)
    theirs = shapiq.ExactComputer(game, 8)("SV")
    mine = exact_values(game, 8)
    assert np.abs(mine.values - [theirs[(player,)] for player in range(8)]).max() < 1e-12
    assert mine.calls == 256


def test_exact_values_of_known_games() -> None:
    glove = exact_values(lambda s: np.minimum(s[:, 0], s[:, 1] | s[:, 2]).astype(float), 3)  # one left glove, two right ones
    assert np.allclose(glove.values, [2 / 3, 1 / 6, 1 / 6])
    assert glove.total == 1.0 and np.array_equal(glove.low, glove.values) and glove.agreement == 1.0
    assert np.allclose(exact_values(lambda s: s @ np.array([1.0, 2.0, 4.0]), 3).values, [1, 2, 4])


@pytest.mark.parametrize("truncation", [0.0, 0.05])
def test_sampled_values_sum_to_what_all_are_worth(truncation: float) -> None:
    game = Game(12, seed=3)
    found = sampled_values(game, 12, stream(1, 0), permutations=30, truncation=truncation)
    ends = game(np.array([[False] * 12, [True] * 12]))
    assert found.values.sum() == pytest.approx(ends[1] - ends[0], abs=1e-12) == found.total


def test_500_calls_of_ten_players_are_within_two_hundredths() -> None:
    errors = {True: [], False: []}
    for seed in range(12):
        game = Game(10, seed)
        exact = exact_values(game, 10).values
        for antithetic in errors:
            game.asked = 0
            found = sampled_values(game, 10, stream(seed, 1), permutations=1000, calls=500, antithetic=antithetic)
            assert found.calls == game.asked <= 500
            errors[antithetic].append(np.abs(found.values - exact).mean())
    assert np.mean(errors[True]) < 0.02
    assert np.mean(errors[True]) < np.mean(errors[False]), "pairs are worth it"


def test_nine_in_ten_intervals_hold_the_exact_value() -> None:
    held = []
    for seed in range(40):
        game = Game(10, seed)
        exact = exact_values(game, 10).values
        found = sampled_values(game, 10, stream(seed, 2), permutations=60)
        held += list((found.low <= exact) & (exact <= found.high))
        assert (found.low < found.values).all() and (found.values < found.high).all()
    assert 0.85 <= np.mean(held) <= 0.97, "neither too narrow nor meaningless"


def test_truncation_saves_calls_and_hardly_moves_values() -> None:
    weights = np.r_[np.full(4, 0.25), np.zeros(26)]  # four of thirty do everything

    def game(coalitions: np.ndarray) -> np.ndarray:
        return coalitions @ weights

    full = sampled_values(game, 30, stream(1, 0), permutations=100)
    cut = sampled_values(game, 30, stream(1, 0), permutations=100, truncation=0.01)
    assert cut.calls < 0.9 * full.calls and np.abs(cut.values - weights).max() < 0.01


def test_sampling_ends_when_the_order_is_settled() -> None:
    weights = np.arange(20.0)

    def clear(coalitions: np.ndarray) -> np.ndarray:
        return coalitions @ weights + 0.5 * (coalitions[:, 0] & coalitions[:, 1])

    found = sampled_values(clear, 20, stream(1, 0), permutations=2000, settle=0.95)
    assert found.settled and found.permutations < 200 and found.agreement >= 0.95
    noisy = Game(20, seed=4)
    unclear = sampled_values(noisy, 20, stream(1, 0), permutations=64, settle=0.9999)
    assert not unclear.settled and unclear.permutations == 64


def test_the_same_stream_gives_the_same_values_in_batches_of_any_size() -> None:
    game = Game(9, seed=5)
    first = sampled_values(game, 9, stream(3, 0), permutations=40, batch=8)
    again = sampled_values(game, 9, stream(3, 0), permutations=40, batch=8)
    other = sampled_values(game, 9, stream(3, 0), permutations=40, batch=40)
    assert np.array_equal(first.values, again.values) and np.allclose(first.values, other.values, atol=1e-12)


def test_no_coalition_of_few_players_is_asked_for_twice() -> None:
    game = Game(5, seed=6)
    found = sampled_values(game, 5, stream(1, 0), permutations=200)
    assert found.calls == game.asked <= 32


@pytest.mark.parametrize(
    "settings, says",
    [
        ({"players": 0}, "players must be >= 1, got 0"),
        ({"permutations": 1}, "permutations and batch must be >= 2"),
        ({"calls": 10}, "calls must be >= 20 .*got 10"),
        ({"truncation": -1.0}, "truncation must be >= 0"),
        ({"settle": 1.0}, r"settle must be in \(0, 1\)"),
        ({"confidence": 1.0}, r"confidence must be in \(0, 1\)"),
    ],
)
def test_what_cannot_be_sampled_is_refused(settings: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        sampled_values(Game(10, 1), rng=stream(1, 0), **{"players": 10, **settings})


def test_too_many_players_and_payoffs_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"21 players .*sample orders"):
        exact_values(Game(21, 1), 21)
    with pytest.raises(ValueError, match="not a finite number"):
        sampled_values(lambda s: np.full(len(s), np.nan), 4, stream(1, 0))
    assert Remembered(lambda s: s.sum(axis=1), 30)(np.zeros((3, 30), bool)).tolist() == [0, 0, 0]
