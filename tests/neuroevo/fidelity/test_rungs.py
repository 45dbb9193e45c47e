"""How many candidates get how many epochs, and who goes on."""

import math

import pytest

from neuroevo.core.individual import Individual
from neuroevo.core.trial import Evaluation
from neuroevo.selection.nsga2 import select_nsga2
from neuroevo.strategies import Hyperband, SuccessiveHalving
from neuroevo.strategies.fidelity.rungs import best_first, halving, hyperband
from neuroevo.testing.evaluator import Number, NumberSpace

# Li et al. 2018 for eta 3 and 81 epochs: the epochs of each bracket's rungs (table 1), and what the candidates at the first are by algorithm 1
EPOCHS = [(1, 3, 9, 27, 81), (3, 9, 27, 81), (9, 27, 81), (27, 81), (81,)]
BY_ALGORITHM = [81, 34, 15, 8, 5]
TABLE = [(81, 27, 9, 3, 1), (27, 9, 3, 1), (9, 3, 1), (6, 2), (5,)]


def test_the_brackets_are_those_of_the_paper() -> None:
    found = hyperband(3, 1, 81)
    assert [bracket.number for bracket in found] == [4, 3, 2, 1, 0]
    assert [bracket.epochs for bracket in found] == EPOCHS
    assert (
        [bracket.candidates[0] for bracket in found] == BY_ALGORITHM == [math.ceil(5 / (s + 1) * 3**s) for s in (4, 3, 2, 1, 0)]
    )
    assert [bracket.candidates for bracket in found] == [
        tuple(math.floor(count / 3**rung) for rung in range(len(epochs)))
        for count, epochs in zip(BY_ALGORITHM, EPOCHS, strict=True)
    ]


def test_the_papers_table_follows_from_a_factor_that_is_rounded_down() -> None:
    for s, epochs, counts in zip((4, 3, 2, 1, 0), EPOCHS, TABLE, strict=True):
        assert halving(5 // (s + 1) * 3**s, 3, epochs).candidates == counts


@pytest.mark.parametrize("eta", [2, 3, 4, 5, 10])
def test_every_bracket_ends_at_the_maximum_and_begins_no_earlier_than_the_first(eta: int) -> None:
    for first in (1, 2, 5):
        for maximum in range(first, 130):
            found = hyperband(eta, first, maximum)
            assert first * eta ** (len(found) - 1) <= maximum < first * eta ** len(found)
            for bracket in found:
                assert bracket.epochs[-1] == maximum and bracket.epochs[0] >= first
                assert list(bracket.epochs) == sorted(set(bracket.epochs)), "a rung trains longer than the one before"


def test_halving_ends_with_one_candidate_where_nobody_says_how_many_rungs_there_are() -> None:
    (bracket,) = SuccessiveHalving(candidates=81).brackets()
    assert (bracket.candidates, bracket.epochs) == (TABLE[0], EPOCHS[0])
    (bracket,) = SuccessiveHalving(candidates=11, eta=2, first=3).brackets()
    assert (bracket.candidates, bracket.epochs) == ((11, 5, 2, 1), (3, 6, 12, 24))
    (bracket,) = SuccessiveHalving(candidates=2, rungs=3).brackets()
    assert bracket.candidates == (2, 1, 1)
    assert SuccessiveHalving(candidates=1).full.epochs == 1 and Hyperband(maximum=9).full.epochs == 9


def individual(id: int, *values: float, status: str = "done") -> Individual:
    made = Individual(id, Number(NumberSpace(), float(id)), (-1.0,) * len(values))
    made.take(Evaluation(id, id, values, status))
    return made


def test_the_best_score_comes_first_and_ties_go_to_the_first_born() -> None:
    found = [individual(3, 0.2), individual(1, 0.5), individual(0, 0.2), individual(2, 0.1, status="stopped"), individual(4, 0.1)]
    assert [one.id for one in best_first(found)] == [4, 0, 3, 1]
    assert best_first([individual(0, 0.1, status="failed")]) == []


def test_of_several_objectives_the_rank_decides_and_then_the_crowding() -> None:
    points = [(0.9, 1.0), (0.1, 9.0), (0.5, 3.0), (0.49, 3.1), (0.2, 8.0), (0.95, 1.5), (0.6, 8.0)]
    found = [individual(id, *values) for id, values in enumerate(points)]
    order = [one.id for one in best_first(found)]
    assert order[-2:] == [5, 6], "the dominated ones come last"
    assert set(order[:2]) == {0, 1}, "the extremes of the front come first"
    assert order.index(4) < order.index(2), "of neighbours the more crowded one comes later"
    assert order == [one.id for one in select_nsga2(found, 7)] == [one.id for one in best_first(found[::-1])]
