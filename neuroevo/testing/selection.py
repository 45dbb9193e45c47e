"""The conformance suite for selections: whoever writes one runs the same tests as the built-in ones.

    class TestMine(SelectionSuite):
        chooses = "parents"

        def selection(self, rng):
            return lambda individuals, k: mine(individuals, k, rng)

A selection is DEAP's: `select(individuals, k)` returns a list of some of the individuals. Its class attributes are its claims; the suite holds it
to what it claims. The individuals of the suite are made for it: two objectives, one minimised and one maximised, and a number as genome.
"""

from __future__ import annotations

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from neuroevo.core.individual import DONE, FAILED, Individual
from neuroevo.core.streams import python_random
from neuroevo.testing.evaluator import NumberSpace
from neuroevo.testing.refusal import attempted, refused

Select = Callable[[Sequence[Individual], int], list[Individual]]
Values = npt.NDArray[np.float64]
DRAWS = 400  # parents drawn where shares are counted


class SelectionSuite(ABC):
    """Inherit, say how to make the selection, and what it claims.

    Attributes:
        chooses: "survivors": each individual at most as often as it is in the population, at most k; "parents": k of them, one may be chosen
            several times; "front": as many as there are, whatever k.
        strict: whether nobody is chosen before one who dominates him; else those who dominate are chosen more often.
        weights: the objectives of the suite's individuals, +1 maximised and -1 minimised.
        either_direction: whether objectives may be minimised and maximised; else a minimised one is refused.
        limits: whether individuals within the limits (`Fitness.limits`) come before those beyond (strictly or more often, as above).
        orderless: whether the same are chosen in whatever order the individuals come.
        global_random: whether it draws from Python's or NumPy's global random state, as DEAP's tools do; the suite then sets it from the stream.
    """

    chooses: ClassVar[Literal["survivors", "parents", "front"]] = "survivors"
    strict: ClassVar[bool] = True
    weights: ClassVar[tuple[float, ...]] = (-1.0, 1.0)
    either_direction: ClassVar[bool] = True
    limits: ClassVar[bool] = True
    orderless: ClassVar[bool] = False
    global_random: ClassVar[bool] = False

    @abstractmethod
    def selection(self, rng: np.random.Generator) -> Select:
        """A fresh selection that draws from this stream, if it draws at all."""

    def oracle(self, rng: np.random.Generator) -> Select | None:
        """A selection by somebody else that chooses the same (parents: equally often) where no two individuals tie, or None; it may draw
        from global random states."""
        return None

    def values(self, rng: np.random.Generator, count: int) -> Values:
        """Objective values in no particular order: float64 [count, objectives]."""
        return rng.uniform(0.1, 1.0, size=(count, len(self.weights)))

    def population(self, seed: int, count: int) -> list[Individual]:
        """Evaluated individuals."""
        return self.made(self.values(np.random.default_rng(seed), count))

    def made(self, values: npt.ArrayLike, limits: Sequence[float] = (), seed: int = 0) -> list[Individual]:
        """Evaluated individuals with these values, float64 [individuals, objectives], the worst ones as failures; their genomes are drawn."""
        space, rng, made = NumberSpace(), np.random.default_rng(seed), []
        for id, row in enumerate(np.asarray(values, dtype=np.float64)):
            individual = Individual(id, space.random(rng), self.weights, limits=limits)
            individual.fitness.values = row.tolist()
            individual.status = FAILED if np.isinf(row).all() else DONE
            made.append(individual)
        return made

    def worst(self) -> list[float]:
        """What a failed individual holds."""
        return [-weight * math.inf for weight in self.weights]

    def ladder(self, count: int) -> Values:
        """Values of which each row is dominated by all rows before it."""
        steps = np.linspace(1.0, 0.1, count)[:, None]  # weighted: larger is better
        return np.where(np.array(self.weights) > 0, steps, 1.1 - steps)

    def choose(self, individuals: Sequence[Individual], k: int, seed: int = 1) -> list[Individual]:
        """A fresh selection's choice with this seed."""
        rng = np.random.default_rng(seed)
        if not self.global_random:
            return self.selection(rng)(individuals, k)
        with python_random(rng):
            return self.selection(rng)(individuals, k)

    def counted(self, values: Values, limits: Sequence[float] = ()) -> npt.NDArray[np.int64]:
        """How often individuals with these values are chosen, over several seeds: int64 [individuals]."""
        k, seeds = (DRAWS, 5) if self.chooses == "parents" else (len(values) // 2, 40)
        chosen = [numbers(self.choose(self.made(values, limits, seed), k, seed)) for seed in range(seeds)]
        return np.bincount(np.concatenate(chosen), minlength=len(values))

    def expected(self, k: int, count: int) -> int:
        """How many are chosen of so many usable individuals."""
        return k if self.chooses == "parents" else min(k, count)

    def test_the_chosen_are_members_of_the_population(self) -> None:
        for seed, k in ((1, 1), (2, 5), (3, 12)):
            individuals = self.population(seed, 12)
            chosen = self.choose(individuals, k)
            assert isinstance(chosen, list), f"a selection returns a list, got {type(chosen).__name__}"
            members = {id(individual) for individual in individuals}
            assert chosen and all(id(one) in members for one in chosen), (
                "one of the chosen is none of the individuals, or a copy of one"
            )
            if self.chooses != "parents":
                assert len({id(one) for one in chosen}) == len(chosen), "one survives twice"

    def test_as_many_are_chosen_as_are_asked_for(self) -> None:
        if self.chooses == "front":
            return
        for k in (0, 1, 2, 7, 10, 11, 25):
            found = len(self.choose(self.population(4, 10), k))
            assert found == self.expected(k, 10), f"asked for {k} of 10, it chose {found}; {self.chooses}: {self.expected(k, 10)}"
        refused("a negative number", self.choose, self.population(4, 10), -1)

    def test_one_individual_is_chosen_and_nobody_is_no_crash(self) -> None:
        (single,) = individuals = self.population(5, 1)
        chosen = self.choose(individuals, 1)
        assert len(chosen) == 1 and chosen[0] is single, f"of one individual it chose {chosen}"
        assert not attempted(self.choose, [], 3)[0], "there is nobody to choose"

    def test_nothing_is_modified(self) -> None:
        individuals = self.population(6, 12)
        before = [described(individual) for individual in individuals]
        given = list(individuals)
        self.choose(given, 6)
        assert len(given) == 12 and all(a is b for a, b in zip(given, individuals, strict=True)), (
            "the list of individuals is another now"
        )
        assert [described(individual) for individual in individuals] == before, "an individual is another now"

    def test_the_stream_decides_and_nothing_else(self) -> None:
        individuals = self.population(7, 30)
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        drawn = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]  # noqa: NPY002
        first = numbers(self.choose(individuals, 10))
        left = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index,union-attr]  # noqa: NPY002
        assert drawn == left, "it drew from a global random state; if it must, say global_random = True"
        random.seed(2)
        np.random.seed(2)  # noqa: NPY002
        assert numbers(self.choose(individuals, 10)) == first, "the same stream gives another choice"
        if self.chooses == "parents":
            assert numbers(self.choose(individuals, 10, seed=2)) != first, "another stream gives the same parents"

    def test_those_who_dominate_are_preferred(self) -> None:
        if self.strict and self.chooses != "parents":
            for seed, k in ((8, 3), (9, 10), (10, 20)):
                individuals = self.population(seed, 30)
                chosen = self.choose(individuals, k)
                taken = {id(one) for one in chosen}
                left = [one for one in individuals if id(one) not in taken]
                for one in chosen:
                    over = [other.id for other in left if other.fitness.dominates(one.fitness)]
                    assert not over, f"individual {one.id} is chosen, and {over}, who dominate him, are not"
            return
        for order in (slice(None), slice(None, None, -1)):  # the best come first; the best come last
            times = self.counted(self.ladder(8)[order])[order]
            assert exceeds(times[:4].sum(), times[4:].sum()), f"from the best to the worst they are chosen {times.tolist()} times"

    def test_failed_individuals_are_not_chosen_while_others_are_left(self) -> None:
        values = self.values(np.random.default_rng(11), 12)
        values[:8] = self.worst()
        for k in (1, 2, 4) if self.chooses == "survivors" else (DRAWS,):
            chosen = self.choose(self.made(values), k)
            assert chosen and all(one.status == DONE for one in chosen), (
                f"asked for {k} where 4 did not fail, it chose failed ones"
            )
        if self.chooses == "survivors":
            survivors = numbers(self.choose(self.made(values), 12))
            assert {8, 9, 10, 11} <= set(survivors), "one who did not fail was left behind"
        values[8:] = self.worst()
        attempted(self.choose, self.made(values), 4)  # what it makes of failures alone is its own affair

    def test_what_is_not_finite_is_refused_or_never_chosen(self) -> None:
        worst, best = self.worst()[0], -self.worst()[0]
        for wrong in (math.nan, worst, best):
            for position in (0, 3, 7):
                for objective in range(len(self.weights)):
                    values = self.values(np.random.default_rng(12), 8)
                    values[position, objective] = wrong
                    self._never(values, position)
                    if self.limits:
                        self._never(values, position, self._limits(values))
        values = self.values(np.random.default_rng(12), 8)
        values[:, 0] = math.nan
        assert not attempted(self.choose, self.made(values), 3)[0], "one is chosen who has a NaN"

    def _never(self, values: Values, position: int, limits: Sequence[float] = ()) -> None:
        k = DRAWS if self.chooses == "parents" else len(values)
        chosen, _ = attempted(self.choose, self.made(values, limits), k)
        assert position not in numbers(chosen or ()), f"one is chosen whose values are {values[position].tolist()}"

    def test_equal_individuals_and_repeated_ones_are_survived(self) -> None:
        for values in (np.full((9, len(self.weights)), 0.5), np.repeat(self.ladder(3), 3, axis=0)):
            for k in (1, 4, 9):
                found = len(self.choose(self.made(values), k))
                assert found if self.chooses == "front" else found == k, (
                    f"asked for {k} of 9, some of them equal, it chose {found}"
                )
        one, other = self.population(13, 2)
        chosen = self.choose([one, one, other, one], 3)
        assert chosen and all(each is one or each is other for each in chosen), f"of two individuals it chose {chosen}"
        if self.chooses != "front":
            assert len(chosen) == 3, f"asked for 3 of two individuals, one of them given three times, it chose {len(chosen)}"

    def test_unevaluated_individuals_are_refused_or_never_chosen(self) -> None:
        individuals = self.population(14, 6)
        del individuals[2].fitness.values
        k = DRAWS if self.chooses == "parents" else 6
        chosen, _ = attempted(self.choose, individuals, k)
        assert 2 not in numbers(chosen or ()), "one is chosen who has no fitness"

    def test_those_within_the_limits_are_preferred(self) -> None:
        if not self.limits:
            return
        values = self.ladder(12)[::-1].copy()  # the worst first
        limits = self._limits(values)
        values[:6, 1:] = np.where(np.array(self.weights[1:]) > 0, 5.0, -5.0)  # those beyond are the best in all other objectives
        individuals = self.made(values, limits)
        beyond = [one.id for one in individuals if one.fitness.violation > 0]
        assert beyond == [0, 1, 2, 3, 4, 5], "the suite's own individuals"
        if not self.strict or self.chooses == "parents":
            times = self.counted(values, limits)
            assert exceeds(times[6:].sum(), times[:6].sum()), (
                f"six beyond the limits and six within are chosen {times.tolist()} times"
            )
            times = self.counted(values[:6], limits)
            assert exceeds(times[3:].sum(), times[:3].sum()), (
                f"from the most to the least beyond they are chosen {times.tolist()} times"
            )
            return
        for k in (1, 3, 6):
            chosen = numbers(self.choose(individuals, k))
            assert not set(chosen) & set(beyond), f"asked for {k} where 6 are within the limits, it chose one beyond"
        least = numbers(self.choose(individuals[:6], 2))
        assert set(least) == ({5} if self.chooses == "front" else {4, 5}), "of those beyond it chose others than the least so"

    def _limits(self, values: Values) -> list[float]:
        """A limit on the first objective that half of the individuals pass."""
        weighted = values[:, 0] * self.weights[0]
        return [float(np.nanmedian(weighted[np.isfinite(weighted)])), *[-math.inf] * (len(self.weights) - 1)]

    def test_both_directions_are_treated_alike(self) -> None:
        values = self.values(np.random.default_rng(15), 20)
        chosen = numbers(self.choose(self.made(values), 8))
        mirrored = self._mirrored(values)
        if not self.either_direction:
            refused("a minimised objective", self.choose, mirrored, 8)
            return
        assert numbers(self.choose(mirrored, 8)) == chosen, "minimising what was maximised gives another choice"

    def _mirrored(self, values: Values) -> list[Individual]:
        individuals = self.made(values)
        for individual in individuals:
            turned = type(individual.fitness)(
                [-weight for weight in self.weights], [-value for value in individual.fitness.values]
            )
            individual.fitness = turned
        return individuals

    def test_the_order_of_the_individuals_does_not_matter_where_it_is_claimed(self) -> None:
        if not self.orderless:
            return
        for seed in range(3):
            rng = np.random.default_rng(seed)
            costs = rng.dirichlet(np.ones(len(self.weights)), size=20) if len(self.weights) > 1 else rng.uniform(size=(20, 1))
            individuals = self.made(-costs * np.array(self.weights))
            shuffled = [individuals[position] for position in rng.permutation(20).tolist()]
            same = sorted(numbers(self.choose(individuals, 10))) == sorted(numbers(self.choose(shuffled, 10)))
            assert same, "the same individuals in another order give another choice"

    def test_the_oracle_agrees(self) -> None:
        for seed in range(3):
            rng = np.random.default_rng(seed)
            oracle = self.oracle(rng)
            if oracle is None:
                return
            parents = self.chooses == "parents"
            count, k = (8, 4000) if parents else (200, 100)
            individuals = self.population(seed, count)
            with python_random(rng):
                theirs = np.bincount(numbers(oracle(individuals, k)), minlength=count)
            ours = np.bincount(numbers(self.choose(individuals, k, seed)), minlength=count)
            apart = np.abs(ours - theirs)
            allowed = 4 * np.sqrt(ours + theirs) if parents else np.zeros(count)
            assert (apart <= allowed).all(), f"chosen {ours.tolist()} times, by the oracle {theirs.tolist()} times"


def numbers(individuals: Sequence[Individual]) -> list[int]:
    """Their ids."""
    return [individual.id for individual in individuals]


def described(individual: Individual) -> list[object]:
    """All that a selection must leave as it is; `fitness.crowding_dist` is DEAP's place for a note."""
    slots = [getattr(individual, name) for name in Individual.__slots__ if name not in ("fitness", "genome")]
    fitness = individual.fitness
    return [*slots, individual.genome.to_dict(), fitness.wvalues, fitness.weights, fitness.limits]


def exceeds(more: int, fewer: int) -> bool:
    """Whether one count exceeds another by more than chance would."""
    return more - fewer > 3 * math.sqrt(more + fewer)
