"""The suite for selections: each kind of fault is found by the test that is about it, and claims are held to."""

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from deap import tools

from neuroevo.core.individual import DONE, Individual
from neuroevo.selection import pareto_front, pareto_ranks, select_nsga2, tournament
from neuroevo.selection.nsga2 import costs
from neuroevo.testing import SelectionSuite

Population = Sequence[Individual]


def usable(individuals: Population) -> list[Individual]:
    return [one for one in individuals if np.isfinite(costs([one])).all()]


def best_first(individuals: Population) -> list[Individual]:
    return select_nsga2(individuals, len(individuals))


# Survivors: NSGA-II, but for one fault each.


def copies(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return copy.deepcopy(select_nsga2(individuals, k))


def array_of_them(individuals: Population, k: int, rng: Any) -> Any:
    return np.array(select_nsga2(individuals, k), dtype=object)


def the_best_twice(individuals: Population, k: int, rng: Any) -> list[Individual]:
    chosen = select_nsga2(individuals, k)
    return [chosen[0], *chosen[:-1]] if k > 1 else chosen


def one_too_many(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2(individuals, k + 1)


def at_least_one(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2(individuals, max(k, 1))


def negative_is_from_the_end(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return best_first(individuals)[:k]


def needs_two(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2(individuals, k) if len(individuals) > 1 else []


def crashes_on_nobody(individuals: Population, k: int, rng: Any) -> list[Individual]:
    _ = individuals[0]
    return select_nsga2(individuals, k)


def sorts_the_list(individuals: list[Individual], k: int, rng: Any) -> list[Individual]:
    chosen = select_nsga2(individuals, k)
    individuals.sort(key=lambda one: one.fitness, reverse=True)
    return chosen


def ranks_as_values(individuals: Population, k: int, rng: Any) -> list[Individual]:
    chosen = select_nsga2(individuals, k)
    for position, one in enumerate(chosen):
        one.info = {"place": position}
    return chosen


def seeds_the_global_state(individuals: Population, k: int, rng: Any) -> list[Individual]:
    random.seed(0)
    return select_nsga2(individuals, k)


def breaks_ties_globally(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return random.sample(usable(individuals), min(k, len(usable(individuals))))


def at_random(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return [individuals[position] for position in rng.permutation(len(individuals))[:k].tolist()]


def worst_first(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return best_first(individuals)[::-1][:k]


def minimises_all(individuals: Population, k: int, rng: Any) -> list[Individual]:
    values = np.array([one.fitness.values for one in individuals])
    return [individuals[position] for position in np.argsort(values.sum(axis=1), kind="stable")[:k].tolist()]


def failures_fill_up(individuals: Population, k: int, rng: Any) -> list[Individual]:
    chosen = [one for one in individuals if one.status != DONE][:1]
    return [*chosen, *[one for one in best_first(individuals) if one not in chosen]][:k]


def ranks_with_nan(individuals: Population, k: int, rng: Any) -> list[Individual]:
    values = np.nan_to_num(costs(individuals), nan=0.0, posinf=1e300, neginf=-1e300)
    return [individuals[position] for position in np.argsort(pareto_ranks(values), kind="stable")[:k].tolist()]


def by_distinct_values(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2(list({one.fitness.values: one for one in individuals}.values()), k)


def drops_repeated_ones(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2(list({id(one): one for one in individuals}.values()), k)


def takes_unevaluated_ones(individuals: Population, k: int, rng: Any) -> list[Individual]:
    evaluated = [one for one in individuals if one.fitness.valid]
    return [*[one for one in individuals if not one.fitness.valid], *select_nsga2(evaluated, k)][:k]


def ignores_limits(individuals: Population, k: int, rng: Any) -> list[Individual]:
    ranks = pareto_ranks(costs(individuals))
    order = np.argsort(ranks, kind="stable").tolist()
    return [individuals[position] for position in order if individuals[position] in usable(individuals)][:k]


def forbids_all_beyond(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2([one for one in individuals if one.fitness.violation == 0], k)


def by_rank_and_position(individuals: Population, k: int, rng: Any) -> list[Individual]:
    within = usable(individuals)
    order = np.argsort(pareto_ranks(costs(within)), kind="stable").tolist()
    return [within[position] for position in order[:k]]


# Parents: a tournament, but for one fault each.


def no_more_than_there_are(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return tournament(individuals, min(k, len(individuals)), rng)


def unseeded(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return tournament(individuals, k, np.random.default_rng())


def always_the_same(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return tournament(individuals, k, np.random.default_rng(0))


def everybody_alike(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return tournament(individuals, k, rng, size=1)


def last_wins(individuals: Population, k: int, rng: Any) -> list[Individual]:
    draws = np.sort(rng.integers(len(individuals), size=(k, 3)), axis=1)
    return [individuals[position] for position in draws[:, -1].tolist()]


def by_raw_values(individuals: Population, k: int, rng: Any) -> list[Individual]:
    within = usable(individuals)
    draws = rng.integers(len(within), size=(k, 3)).tolist()
    return [max((within[i] for i in row), key=lambda one: one.fitness.wvalues[::-1]) for row in draws]


def largest_value_wins(individuals: Population, k: int, rng: Any) -> list[Individual]:
    draws = rng.integers(len(individuals), size=(k, 3)).tolist()
    return [max((individuals[i] for i in row), key=lambda one: one.fitness.values[::-1]) for row in draws]


# Fronts.


def front_with_dominated(individuals: Population, k: int, rng: Any) -> list[Individual]:
    front = pareto_front(individuals)
    return [*front, *[one for one in usable(individuals) if one not in front][:1]]


def half_a_front(individuals: Population, k: int, rng: Any) -> list[Individual]:
    front = pareto_front(individuals)
    return front[: len(front) // 2]


class Survivors(SelectionSuite):
    orderless = True

    def __init__(self, faulty: Callable[..., Any]) -> None:
        self.faulty = faulty

    def selection(self, rng):
        return lambda individuals, k: self.faulty(individuals, k, rng)

    def oracle(self, rng):
        return tools.selNSGA2


class Parents(Survivors):
    chooses = "parents"
    orderless = False

    def oracle(self, rng):
        return lambda individuals, k: tools.selTournament(individuals, k, tournsize=3)


class Front(Survivors):
    chooses = "front"

    def oracle(self, rng):
        return lambda individuals, k: tools.sortNondominated(individuals, len(individuals), first_front_only=True)[0]


def sound_survivors(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return select_nsga2(individuals, k)


def sound_parents(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return tournament(individuals, k, rng)


def sound_front(individuals: Population, k: int, rng: Any) -> list[Individual]:
    return pareto_front(individuals)


SOUND = {Survivors: sound_survivors, Parents: sound_parents, Front: sound_front}
FAULTS: list[tuple[type[Survivors], Callable[..., Any], str]] = [
    (Survivors, copies, "test_the_chosen_are_members_of_the_population"),
    (Survivors, array_of_them, "test_the_chosen_are_members_of_the_population"),
    (Survivors, the_best_twice, "test_the_chosen_are_members_of_the_population"),
    (Survivors, one_too_many, "test_as_many_are_chosen_as_are_asked_for"),
    (Survivors, at_least_one, "test_as_many_are_chosen_as_are_asked_for"),
    (Survivors, negative_is_from_the_end, "test_as_many_are_chosen_as_are_asked_for"),
    (Parents, no_more_than_there_are, "test_as_many_are_chosen_as_are_asked_for"),
    (Survivors, needs_two, "test_one_individual_is_chosen_and_nobody_is_no_crash"),
    (Survivors, crashes_on_nobody, "test_one_individual_is_chosen_and_nobody_is_no_crash"),
    (Survivors, sorts_the_list, "test_nothing_is_modified"),
    (Survivors, ranks_as_values, "test_nothing_is_modified"),
    (Survivors, seeds_the_global_state, "test_the_stream_decides_and_nothing_else"),
    (Survivors, breaks_ties_globally, "test_the_stream_decides_and_nothing_else"),
    (Parents, unseeded, "test_the_stream_decides_and_nothing_else"),
    (Parents, always_the_same, "test_the_stream_decides_and_nothing_else"),
    (Survivors, at_random, "test_those_who_dominate_are_preferred"),
    (Survivors, worst_first, "test_those_who_dominate_are_preferred"),
    (Parents, everybody_alike, "test_those_who_dominate_are_preferred"),
    (Parents, last_wins, "test_those_who_dominate_are_preferred"),
    (Front, front_with_dominated, "test_those_who_dominate_are_preferred"),
    (Survivors, failures_fill_up, "test_failed_individuals_are_not_chosen_while_others_are_left"),
    (Parents, last_wins, "test_failed_individuals_are_not_chosen_while_others_are_left"),
    (Survivors, ranks_with_nan, "test_what_is_not_finite_is_refused_or_never_chosen"),
    (Parents, largest_value_wins, "test_what_is_not_finite_is_refused_or_never_chosen"),
    (Survivors, by_distinct_values, "test_equal_individuals_and_repeated_ones_are_survived"),
    (Survivors, drops_repeated_ones, "test_equal_individuals_and_repeated_ones_are_survived"),
    (Front, half_a_front, "test_equal_individuals_and_repeated_ones_are_survived"),
    (Survivors, takes_unevaluated_ones, "test_unevaluated_individuals_are_refused_or_never_chosen"),
    (Survivors, ignores_limits, "test_those_within_the_limits_are_preferred"),
    (Survivors, forbids_all_beyond, "test_those_within_the_limits_are_preferred"),
    (Parents, by_raw_values, "test_those_within_the_limits_are_preferred"),
    (Survivors, minimises_all, "test_both_directions_are_treated_alike"),
    (Parents, largest_value_wins, "test_both_directions_are_treated_alike"),
    (Survivors, by_rank_and_position, "test_the_order_of_the_individuals_does_not_matter_where_it_is_claimed"),
    (Survivors, by_rank_and_position, "test_the_oracle_agrees"),
    (Parents, everybody_alike, "test_the_oracle_agrees"),
    (Front, half_a_front, "test_the_oracle_agrees"),
]


@pytest.mark.parametrize(("suite", "faulty", "test"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_fault_is_found_by_the_test_that_is_about_it(suite: type[Survivors], faulty: Callable[..., Any], test: str) -> None:
    getattr(suite(SOUND[suite]), test)()
    with pytest.raises(AssertionError):
        getattr(suite(faulty), test)()


def test_every_test_of_the_suite_finds_some_fault() -> None:
    assert {name for name in dir(SelectionSuite) if name.startswith("test_")} == {test for _, _, test in FAULTS}


class Claims(Survivors):
    """The suite with other claims."""

    def __init__(self, faulty: Callable[..., Any], **claims: Any) -> None:
        super().__init__(faulty)
        vars(self).update(claims)


def test_what_is_claimed_is_checked_and_what_is_not_is_left_alone() -> None:
    Claims(ignores_limits, limits=False).test_those_within_the_limits_are_preferred()
    Claims(by_rank_and_position, orderless=False).test_the_order_of_the_individuals_does_not_matter_where_it_is_claimed()
    with pytest.raises(AssertionError, match="a minimised objective is accepted"):
        Claims(sound_survivors, either_direction=False).test_both_directions_are_treated_alike()
    with pytest.raises(AssertionError, match="it drew from a global random state"):
        Claims(breaks_ties_globally).test_the_stream_decides_and_nothing_else()
    Claims(breaks_ties_globally, global_random=True).test_the_stream_decides_and_nothing_else()


class TestTournamentOfDeap(SelectionSuite):
    """A tool that draws from Python's global random state, on evaluated individuals with finite values."""

    chooses = "parents"
    global_random = True

    def selection(self, rng):
        def select(individuals, k):
            if k < 0 or not len(usable(individuals)):
                raise ValueError(f"cannot choose {k} of {len(individuals)} individuals")
            return tools.selTournament(usable(individuals), k, tournsize=3)

        return select


def test_deaps_nsga2_passes_what_is_about_valid_individuals() -> None:
    suite = Survivors(lambda individuals, k, rng: tools.selNSGA2(individuals, k))
    for name in (
        "test_the_chosen_are_members_of_the_population",
        "test_nothing_is_modified",
        "test_the_stream_decides_and_nothing_else",
        "test_those_who_dominate_are_preferred",
        "test_equal_individuals_and_repeated_ones_are_survived",
        "test_those_within_the_limits_are_preferred",
        "test_both_directions_are_treated_alike",
        "test_the_order_of_the_individuals_does_not_matter_where_it_is_claimed",
    ):
        getattr(suite, name)()
