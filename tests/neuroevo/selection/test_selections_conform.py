"""Every selection of the project keeps the promises that the public suite checks; DEAP's own are the oracles."""

from functools import partial

from deap import tools

from neuroevo.selection import (
    crowded_tournament,
    crowding_distance,
    lexicase,
    linear_ranking,
    pareto_front,
    pareto_ranks,
    reference_points,
    roulette,
    select_nsga2,
    select_nsga3,
    stochastic_universal,
    tournament,
)
from neuroevo.selection.niches import Niches
from neuroevo.selection.nsga2 import costs, violations
from neuroevo.testing import SelectionSuite


class TestNsga2(SelectionSuite):
    orderless = True

    def selection(self, rng):
        return select_nsga2

    def oracle(self, rng):
        return tools.selNSGA2


class TestNsga2OfOneObjective(SelectionSuite):
    weights = (1.0,)
    orderless = True

    def selection(self, rng):
        return select_nsga2


class TestNsga2OfFourObjectives(SelectionSuite):
    weights = (1.0, -1.0, -1.0, 1.0)

    def selection(self, rng):
        return select_nsga2


class TestNsga3(SelectionSuite):
    weights = (-1.0, 1.0, -1.0)

    def selection(self, rng):
        return partial(select_nsga3, references=reference_points(3, 4), rng=rng)


class TestNsga3OfTwoObjectives(SelectionSuite):
    def selection(self, rng):
        return partial(select_nsga3, references=reference_points(2, 9), rng=rng)


class TestParetoFront(SelectionSuite):
    chooses = "front"
    orderless = True

    def selection(self, rng):
        return lambda individuals, k: pareto_front(individuals)

    def oracle(self, rng):
        return lambda individuals, k: tools.sortNondominated(individuals, len(individuals), first_front_only=True)[0]


class TestSpeciesAsNiches(SelectionSuite):
    strict = False  # half of the places go to the species
    limits = True

    def selection(self, rng):
        return Niches(target=3).select


class TestCrowdedTournament(SelectionSuite):
    chooses = "parents"

    def selection(self, rng):
        def select(individuals, k):
            values = costs(individuals)
            ranks = pareto_ranks(values, violations(individuals))
            chosen = crowded_tournament(ranks.tolist(), crowding_distance(values, ranks).tolist(), k, rng)
            return [individuals[position] for position in chosen]

        return select

    def test_failed_individuals_are_not_chosen_while_others_are_left(self):
        """It is given ranks, of individuals that a selection of survivors left: nobody among them failed."""

    def test_what_is_not_finite_is_refused_or_never_chosen(self):
        """The same."""


class TestTournament(SelectionSuite):
    chooses = "parents"

    def selection(self, rng):
        return partial(tournament, rng=rng)

    def oracle(self, rng):
        return partial(tools.selTournament, tournsize=3)


class TestLinearRanking(SelectionSuite):
    chooses = "parents"

    def selection(self, rng):
        return partial(linear_ranking, rng=rng)


class TestRoulette(SelectionSuite):
    chooses = "parents"
    weights = (1.0, 1.0)
    either_direction = False
    limits = False

    def selection(self, rng):
        return partial(roulette, rng=rng)

    def oracle(self, rng):
        return tools.selRoulette


class TestStochasticUniversal(SelectionSuite):
    chooses = "parents"
    weights = (1.0, 1.0)
    either_direction = False
    limits = False

    def selection(self, rng):
        return partial(stochastic_universal, rng=rng)

    def oracle(self, rng):
        return tools.selStochasticUniversalSampling


class TestLexicase(SelectionSuite):
    chooses = "parents"
    limits = False

    def selection(self, rng):
        return partial(lexicase, rng=rng)

    def oracle(self, rng):
        return tools.selLexicase


class TestLexicaseWithinTheDeviation(SelectionSuite):
    chooses = "parents"
    weights = (1.0, -1.0, 1.0, -1.0, 1.0)
    limits = False

    def selection(self, rng):
        return partial(lexicase, rng=rng, epsilon="deviation")

    def oracle(self, rng):
        return tools.selAutomaticEpsilonLexicase
