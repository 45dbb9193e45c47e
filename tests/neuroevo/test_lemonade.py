"""LEMONADE and hill climbing: the conformance suite, and what their papers say of them."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import gaussian_kde

import neuroevo as ne
from genomes import CellSpace, NetworkSpace
from neuroevo.core.objectives import PARAMETERS, Objective
from neuroevo.core.trial import Evaluation, Measurement, Result
from neuroevo.selection import pareto_front
from neuroevo.selection.density import farthest_points, inverse_density_probabilities, kernel_density
from neuroevo.strategies import HillClimb, Lemonade, Search
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import SquareTask


class TestLemonade(StrategySuite):
    def strategy(self):
        return Lemonade(population=6, proposals=12, accepted=4)


class TestLemonadeScoringChildrenByTheirOwnDensity(StrategySuite):
    def strategy(self):
        return Lemonade(population=6, proposals=12, accepted=4, density="children", mutations=2, again=0.3)


class TestLemonadeThatTrainsTheFrontFurther(StrategySuite):
    def strategy(self):
        return Lemonade(population=6, proposals=12, accepted=4, further=0.4)


class TestLemonadeThatBeginsSpread(StrategySuite):
    def strategy(self):
        return Lemonade(population=6, proposals=12, accepted=4, first="spread")


class TestLemonadeThatAcceptsByExpectedGain(StrategySuite):
    def strategy(self):
        return Lemonade(population=6, proposals=12, accepted=4, acceptance="gain", further=0.2)


class TestHillClimb(StrategySuite):
    def strategy(self):
        return HillClimb(neighbours=4, mutations=2)


def test_the_density_is_scipys_for_uncorrelated_points() -> None:
    rng = np.random.default_rng(0)
    points, at = rng.normal(size=(400, 1)) * 3.0, rng.normal(size=(50, 1))
    ours, theirs = kernel_density(points, at), gaussian_kde(points.T, "scott")(at.T)
    np.testing.assert_allclose(ours, theirs, rtol=0.01)  # the deviation divides by n here, by n - 1 there


def test_farthest_points_cover_the_range() -> None:
    line = np.array([[0.5], [0.0], [1.0], [0.24], [0.25], [0.9], [0.0]])
    assert farthest_points(line, 4) == [1, 2, 0, 4]
    assert sorted(farthest_points(line, 9)) == list(range(7)), "each once, also those that agree"
    assert farthest_points(line * [1000.0], 4) == farthest_points(line, 4)
    square = np.array([[0.0, 0.0], [1e-6, 0.0], [0.0, 1e6], [1e-6, 1e6], [4e-7, 4e5]])
    assert sorted(farthest_points(square, 4)) == [0, 1, 2, 3], "every dimension counts by its range"
    assert farthest_points(np.array([[1.0], [np.nan], [3.0], [np.inf], [2.0]]), 4) == [0, 2, 4, 1], "what is not finite comes last"
    assert farthest_points(np.array([[0.0], [1e308], [-1e308], [9e307]]), 3) == [2, 1, 0]
    assert farthest_points(np.zeros((3, 2)), 2) == [0, 1] and farthest_points(np.empty((0, 2)), 2) == []


def test_density_stands_one_point_and_points_that_agree() -> None:
    assert np.isfinite(kernel_density(np.array([[3.0]]), np.array([[3.0], [1e6]]))).all()
    probabilities = inverse_density_probabilities(np.full((5, 2), 2.0), np.full((5, 2), 2.0))
    np.testing.assert_allclose(probabilities, 0.2)


def test_thinly_populated_regions_are_preferred() -> None:
    points = np.array([[2.0], [2.01], [2.02], [2.03], [5.0]])
    probabilities = inverse_density_probabilities(points, points)
    assert probabilities[4] > 2 * probabilities[:4].max()


def deep_search(parents: int = 5) -> tuple[Lemonade, Search]:
    task = SquareTask()
    task.objectives = {"error": Objective("error"), "parameters": PARAMETERS}
    strategy = Lemonade(population=parents, proposals=40, accepted=8)
    search = Search(NetworkSpace(input_shape=(8, 8, 1), outputs=10), task, seed=4)
    strategy.start(search)
    return strategy, search


def told(trials, error) -> list[Result]:
    """Results with errors of our own, and an artifact each."""
    results = []
    for trial in trials:
        (individual,) = trial.individuals
        values = (error(individual), float(individual.genome.parameters))
        individual.take(Evaluation(individual.id, trial.id, values), trial.left(individual, arrays={}))
        results.append(Result(trial, Measurement(np.array([individual.fitness.values]))))
    return results


def test_the_population_is_the_pareto_front_of_all_objectives_and_varies_in_size() -> None:
    strategy, _ = deep_search()
    everyone, sizes = [], []
    for _ in range(6):
        results = told(strategy.ask(), lambda i: 1.0 / i.genome.parameters + 0.001 * (i.id % 7))
        everyone += [result.individuals[0] for result in results]
        strategy.tell(results)
        sizes.append(len(strategy.living))
        assert [i.id for i in strategy.living] == [i.id for i in pareto_front(everyone)]
    assert len(set(sizes)) > 1


def test_only_accepted_children_are_trained_and_start_from_their_parents_weights() -> None:
    strategy, search = deep_search()
    strategy.tell(told(strategy.ask(), lambda i: 1.0 / i.genome.parameters))
    living = {individual.id: individual for individual in strategy.living}
    born = search.next_id
    trials = strategy.ask()
    assert search.next_id - born == 40 and len(trials) == 8
    for trial in trials:
        (child,) = trial.individuals
        (parent,) = child.parents
        assert trial.artifacts == (living[parent].artifact,) and trial.options["inheritance"] == "lamarckian"
        assert child.genome != living[parent].genome


def test_members_of_the_front_are_trained_further_until_that_does_not_help() -> None:
    strategy, _ = deep_search()
    strategy.further = 0.5
    strategy.tell(told(strategy.ask(), lambda i: 1.0 / i.genome.parameters))
    tried = []
    for generation in range(6):
        living = {individual.id: individual for individual in strategy.living}
        trials = strategy.ask()
        heirs = [trial for trial in trials if trial.individuals[0].operators == ("train_further",)]
        assert len(trials) == 8 and len(heirs) == min(4, len(living) - len(strategy.state().json["settled"]))
        for trial in heirs:
            (heir,) = trial.individuals
            parent = living[heir.parents[0]]
            assert heir.genome == parent.genome and trial.artifacts == (parent.artifact,) and parent.id not in tried
        factor = 0.9 if generation < 2 else 1.1
        strategy.tell(told(trials, lambda i, factor=factor: (factor if i.operators == ("train_further",) else 1.0) / i.genome.parameters**0.5))
        if factor > 1:
            tried += [trial.individuals[0].parents[0] for trial in heirs]
    assert tried


def by_gain(seed: int = 4, acceptance: str = "gain") -> Lemonade:
    strategy, search = deep_search()
    strategy = Lemonade(population=5, proposals=40, accepted=8, acceptance=acceptance)
    strategy.start(Search(search.space, search.task, seed=seed))
    return strategy


def test_children_are_accepted_by_density_until_enough_are_known_and_then_by_what_they_promise() -> None:
    accepted: dict[str, list[list[int]]] = {"density": [], "gain": []}
    for acceptance, of_each in accepted.items():
        strategy = by_gain(acceptance=acceptance)
        for _ in range(6):
            trials = strategy.ask()
            of_each.append([trial.individuals[0].id for trial in trials])
            strategy.tell(told(trials, lambda one: 1.0 / one.genome.parameters**0.3))
            assert len(trials) == (5 if len(of_each) == 1 else 8) and of_each[-1] == sorted(of_each[-1])
    assert accepted["gain"][:3] == accepted["density"][:3], "the random ones, and two times eight children"
    assert accepted["gain"][3] != accepted["density"][3]


def test_what_became_of_children_is_remembered_and_failures_are_not() -> None:
    strategy = by_gain()
    strategy.tell(told(strategy.ask(), lambda i: 1.0 / i.genome.parameters))
    assert strategy.state().arrays["steps"].shape == (0, 2, 2), "random networks were no children"
    parents = {one.id: one for one in strategy.living}
    trials = strategy.ask()
    waiting = strategy.state()
    assert waiting.arrays["bred"].tolist() == [trial.id for trial in trials]
    again = by_gain()
    again.restore(waiting, parents.__getitem__)
    results = told(trials, lambda i: float("inf") if i is trials[0].individuals[0] else 1.0 / i.genome.parameters)
    results[1].individuals[0].status = "stopped"
    for one in (strategy, again):
        one.tell(results)
        arrays = one.state().arrays
        assert arrays["steps"].shape == (6, 2, 2) and not len(arrays["bred"])
        for step, trial in zip(arrays["steps"], trials[2:], strict=True):
            (child,) = trial.individuals
            expected = [(np.log10(one.genome.parameters), one.values["error"]) for one in (parents[child.parents[0]], child)]
            np.testing.assert_array_equal(step, expected)


def test_the_latest_thousand_children_are_remembered() -> None:
    strategy, one = by_gain(), by_gain().search.individual(0, NetworkSpace((4,), 2).random(np.random.default_rng(0)))
    for place in range(1005):
        one.take(Evaluation(0, place, (float(place), 10.0)), None)
        strategy._expectation.bred(place, one)
        one.take(Evaluation(0, place, (place + 0.5, 10.0)), None)
        strategy._expectation.told(place, one)
    steps = strategy.state().arrays["steps"]
    assert steps.shape == (1000, 2, 2) and steps[0, :, 1].tolist() == [5.0, 5.5] and steps[-1, :, 1].tolist() == [1004.0, 1004.5]


def test_objectives_are_expected_as_costs_and_within_their_limits(monkeypatch) -> None:
    """What is maximised has its sign turned, and what spans orders of magnitude its logarithm taken, limits too."""
    asked = []
    monkeypatch.setattr("neuroevo.strategies.evolution.expectation.chosen_by_gain", lambda *given: asked.append(given) or [0])
    task = SquareTask()
    task.objectives = {"accuracy": Objective("accuracy", "maximise", limit=0.25), "parameters": replace(PARAMETERS, limit=1e5)}
    strategy = Lemonade(population=5, proposals=40, accepted=12, acceptance="gain")
    strategy.start(Search(NetworkSpace(input_shape=(8, 8, 1), outputs=10), task, seed=4))
    for _ in range(3):
        front = list(strategy.living)
        strategy.tell(told(strategy.ask(), lambda i: 0.5 + 0.001 * (i.id % 7)))
    ((points, costs, parents, before, after, count, _, limits),) = asked
    assert points.tolist() == [[np.log10(one.genome.parameters), -one.values["accuracy"]] for one in front]
    assert limits.tolist() == [5.0, -0.25] and costs.shape == (40, 1) and parents.shape == (40, 2) and count == 12
    assert before.shape == after.shape == (12, 2) and (after[:, 1] <= -0.5).all()


@pytest.mark.parametrize("once", [True, "genome"])
def test_a_child_that_was_known_already_teaches_what_its_twin_became(once) -> None:
    strategy = Lemonade(population=4, proposals=8, accepted=4, acceptance="gain", inheritance="none")
    task = ne.tasks.Function(lambda genome: {"ones": genome.decisions.count(1)}, of="genome", objectives={"ones": ne.maximise})
    run = ne.evolve(CellSpace(), task, strategy=strategy, budget=ne.Budget(generations=40), seed=1, once=once, progress=False)
    arrays = strategy.state().arrays
    assert not len(arrays["bred"]) and len(arrays["steps"]) > len([one for one in run if one.parents])


def test_how_children_are_accepted_is_recorded_where_it_is_not_as_in_the_paper() -> None:
    assert "acceptance" not in Lemonade().settings() and Lemonade(acceptance="gain").settings()["acceptance"] == "gain"
    assert not deep_search()[0].state().arrays


def test_without_inheritance_children_get_no_weights() -> None:
    strategy, _ = deep_search()
    strategy.inheritance = "none"
    strategy.tell(told(strategy.ask(), lambda i: 1.0 / i.genome.parameters))
    assert all(trial.artifacts == () and not trial.options for trial in strategy.ask())


def test_children_beyond_a_limit_are_not_trained() -> None:
    strategy, search = deep_search()
    limited = Objective("parameters", "minimise", "cheap", of=PARAMETERS.of, log=True, limit=5000.0)
    search.task.objectives = {"error": search.task.objectives["error"], "parameters": limited}
    strategy.start(Search(search.space, search.task, seed=4))
    for _ in range(3):
        results = told(strategy.ask(), lambda i: 1.0 / i.genome.parameters)
        assert all(result.individuals[0].genome.parameters <= 5000 for result in results[1:])
        strategy.tell(results)


def test_hill_climbing_goes_on_from_the_best_neighbour_and_keeps_training_the_current_one() -> None:
    task = SquareTask()
    task.objectives = {"error": Objective("error"), "parameters": PARAMETERS}
    strategy = HillClimb(neighbours=5, mutations=3)
    strategy.start(Search(NetworkSpace(input_shape=(8, 8, 1), outputs=10), task, seed=4))
    strategy.tell(told(strategy.ask(), lambda i: 1.0))
    (first,) = strategy.living
    trials = strategy.ask()
    assert len(trials) == 5
    again = trials[-1]
    assert again.individuals == (first,) and again.artifacts == (first.artifact,)
    assert again.repeat and not any(trial.repeat for trial in trials[:-1]), "its second training draws other random numbers"
    assert all(len(trial.individuals[0].operators) >= 3 for trial in trials[:-1])
    strategy.tell(told(trials, lambda i: abs(i.id - 3) + 0.5))
    assert [individual.id for individual in strategy.living] == [3]


def test_hill_climbing_starts_from_a_given_genome() -> None:
    space = CellSpace()
    genome = space.random(np.random.default_rng(5))
    strategy = HillClimb(neighbours=3, start_from=genome.to_dict())
    strategy.start(Search(space, SquareTask(), seed=1))
    assert strategy.ask()[0].individuals[0].genome == genome


@pytest.mark.parametrize(
    "make",
    [
        lambda: Lemonade(proposals=3, accepted=4),
        lambda: Lemonade(population=0),
        lambda: Lemonade(density="other"),
        lambda: Lemonade(inheritance="some"),
        lambda: Lemonade(first="some"),
        lambda: Lemonade(acceptance="some"),
        lambda: HillClimb(neighbours=1),
        lambda: HillClimb(mutations=0),
    ],
)
def test_impossible_settings_are_refused(make) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()


def test_some_children_are_mutated_again() -> None:
    counts = {}
    for again in (0.0, 0.5):
        run = ne.evolve(
            CellSpace(), ne.tasks.Function(lambda genome: {"ones": genome.decisions.count(1)}, of="genome", objectives={"ones": ne.maximise}),
            strategy=Lemonade(population=4, proposals=30, accepted=30, again=again, inheritance="none"), budget=ne.Budget(generations=6), seed=1,
            progress=False,
        )  # fmt: skip
        counts[again] = [len(one.operators) for one in run if one.parents]
    assert set(counts[0.0]) == {1}
    assert 0.4 < np.mean([count > 1 for count in counts[0.5]]) < 0.6 and max(counts[0.5]) > 3
    assert "again" not in Lemonade().settings() and Lemonade(again=0.2).settings()["again"] == 0.2
    with pytest.raises(ValueError, match=r"again must be a probability from 0 to 0.9, got 1"):
        Lemonade(again=1.0)
