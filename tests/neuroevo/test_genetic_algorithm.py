"""The genetic algorithm: each of its settings against what it says, and searches that resume."""

from __future__ import annotations

import numpy as np
import pytest
from deap import base, tools

import neuroevo as ne
from genomes import CellSpace, NeatSpace
from neuroevo.core import registry
from neuroevo.core.objectives import Objective
from neuroevo.selection import Novelty, tournament
from neuroevo.selection.named import parent_selection
from neuroevo.simulators import DeceptiveMaze
from neuroevo.strategies import GeneticAlgorithm, Strategy
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import NumberSpace


class TestGeneticAlgorithm(StrategySuite):
    def strategy(self) -> Strategy:
        return GeneticAlgorithm(population=8, parents=3, elites=2, hall_of_fame=3, lifespan=3)


class TestGeneticAlgorithmOfTheBest(StrategySuite):
    def strategy(self) -> Strategy:
        return GeneticAlgorithm(
            population=6, survivors="best", selection="linear_ranking(pressure=2.0)", lifespan=2, deduplicate="genome"
        )


class TestGeneticAlgorithmByNovelty(StrategySuite):
    def strategy(self) -> Strategy:
        return GeneticAlgorithm(population=6, selection="stochastic_universal", scoring="Novelty(k=3)", hall_of_fame=2)


class Look(ne.Callback):
    """Keeps who lives after each generation."""

    def __init__(self) -> None:
        self.members: list[list[int]] = []
        self.hall: list[list[int]] = []

    def on_generation(self, run: ne.Run) -> None:
        self.members.append([one.id for one in run.strategy._members])
        self.hall.append([one.id for one in run.strategy.champions()])


def peak(genome) -> float:
    return -abs(genome.value - 30.0)


def near(genome) -> float:
    return -abs(genome.value - 1.0)


def evolved(generations: int = 25, toolbox: base.Toolbox | None = None, fitness=peak, **settings) -> tuple[ne.Run, Look]:
    look = Look()
    run = ne.evolve(
        NumberSpace(), ne.tasks.Function(fitness, of="genome", descriptors=lambda genome: [genome.value]), seed=1, progress=False,
        strategy=GeneticAlgorithm(**{"population": 10, **settings}), budget=ne.Budget(generations=generations), callbacks=[look],
        toolbox=toolbox,
    )  # fmt: skip
    return run, look


def best_of(run: ne.Run, ids: list[int]) -> float:
    return max(run[id].fitness.values[0] for id in ids)


def test_elites_live_on_and_the_others_make_room_for_children() -> None:
    run, look = evolved(elites=3)
    for before, now in zip(look.members, look.members[1:], strict=False):
        born = [id for id in now if run[id].generation == run[now[-1]].generation]
        assert len(now) == 10 and len(born) == 7
        best = sorted(before, key=lambda id: (run[id].fitness.ranking, id), reverse=True)[:3]
        assert set(now) - set(born) == set(best)
    assert best_of(run, look.members[-1]) > best_of(run, look.members[0])
    run, look = evolved(elites=0)
    assert all(run[id].generation == number for number, members in enumerate(look.members) for id in members)


def test_the_best_of_parents_and_children_live_on() -> None:
    run, look = evolved(survivors="best")
    for number, (before, now) in enumerate(zip(look.members, look.members[1:], strict=False), start=1):
        everybody = [*before, *(one.id for one in run if one.generation == number)]
        assert sorted(run[id].fitness.values for id in now) == sorted(run[id].fitness.values for id in everybody)[-10:]


@pytest.mark.parametrize("survivors", ["children", "best"])
def test_nobody_becomes_a_parent_in_more_generations_than_the_lifespan(survivors: str) -> None:
    for lifespan in (1, 3):
        run, look = evolved(survivors=survivors, lifespan=lifespan, elites=2)
        ages = {number - run[id].generation + 1 for number, members in enumerate(look.members) for id in members}
        assert max(ages) == lifespan
        assert max(one.generation - run[parent].generation for one in run for parent in one.parents) <= lifespan
    run, look = evolved(survivors=survivors, elites=2, fitness=near)
    assert max(number - run[id].generation for number, members in enumerate(look.members) for id in members) > 3


def test_a_lifespan_leaves_a_peak_that_no_longer_is_one() -> None:
    """A lucky measurement holds an elitist population for ever."""

    def noisy(genome, rng) -> float:
        return peak(genome) + (1000.0 if rng.random() < 0.02 else 0.0)

    means = [evolved(60, fitness=noisy, survivors="best", lifespan=lifespan, crossover=0.0)[0] for lifespan in (None, 2)]
    ends = [float(np.mean([peak(one.genome) for one in run.strategy._members])) for run in means]
    assert ends[1] > ends[0], ends


def test_children_have_as_many_parents_as_are_asked_for() -> None:
    for parents in (2, 4):
        run, _ = evolved(parents=parents, crossover=1.0, selection="linear_ranking(pressure=1.0)")
        counts = np.bincount([len(one.parents) for one in run if one.parents])
        assert counts.argmax() == parents and len(counts) == parents + 1  # fewer where one was drawn twice
        assert all(len(set(one.parents)) == len(one.parents) for one in run)
    run, _ = evolved(parents=3, crossover=0.0)
    assert {len(one.parents) for one in run if one.parents} == {1}


def test_a_child_of_several_parents_has_genes_of_each_of_them() -> None:
    space = CellSpace()
    task = ne.tasks.Function(lambda genome: float(sum(genome.decisions)), of="genome")
    strategy = GeneticAlgorithm(population=12, parents=3, crossover=1.0, mutation=0.0, selection="linear_ranking(pressure=1.0)")
    run = ne.evolve(space, task, strategy=strategy, budget=ne.Budget(generations=4), seed=3, progress=False)
    of_three = [one for one in run if len(one.parents) == 3]
    assert len(of_three) > 10
    for one in of_three:
        for place, decision in enumerate(one.genome.decisions):
            assert decision in {run[parent].genome.decisions[place] for parent in one.parents}
    needs_all = [
        one for one in of_three if all(not set(one.genome.decisions) <= set(run[p].genome.decisions) for p in one.parents)
    ]
    assert needs_all or len(of_three) > 20


def test_the_hall_of_fame_keeps_the_best_of_all_times_as_parents() -> None:
    run, look = evolved(elites=0, hall_of_fame=3, lifespan=1)
    for number, hall in enumerate(look.hall):
        so_far = sorted(
            (one for one in run if one.generation <= number), key=lambda one: (one.fitness.ranking, one.id), reverse=True
        )
        assert hall == [one.id for one in so_far[:3]]
    dead = [(one, parent) for one in run for parent in one.parents if one.generation - run[parent].generation > 1]
    assert dead and all(parent in look.hall[one.generation - 1] for one, parent in dead)
    assert best_of(run, look.hall[-1]) == run.best.fitness.values[0]


def test_parents_are_drawn_by_the_selection_that_is_named() -> None:
    greedy, even = (
        evolved(1 + 1, selection=text, crossover=0.0, elites=0)[0]
        for text in ("tournament(size=40)", "linear_ranking(pressure=1)")
    )
    parents = [{parent for one in run for parent in one.parents} for run in (greedy, even)]
    assert len(parents[0]) == 1 and len(parents[1]) > 3


def test_stochastic_universal_sampling_spins_its_wheel_once_a_generation() -> None:
    run, _ = evolved(
        2, fitness=lambda genome: genome.value**2, selection="stochastic_universal", crossover=0.0, elites=0, parents=2
    )
    first = [one for one in run if one.generation == 0]
    total = sum(one.fitness.values[0] for one in first)
    counts = np.bincount([one.parents[0] for one in run if one.parents], minlength=10)
    exact = np.array([20 * one.fitness.values[0] / total for one in first])
    assert (counts <= np.ceil(exact)).all() and counts.sum() == 10


CASES = np.arange(8.0)


def per_case(genome) -> dict:
    errors = np.abs(CASES - genome.value)
    return {"fitness": -float(errors.sum()), "cases": -errors}


def test_lexicase_by_descriptors_keeps_specialists_that_a_sum_does_not() -> None:
    kept = []
    for selection in ("lexicase(cases='descriptors')", "tournament(size=5)"):
        run = ne.evolve(
            NumberSpace(), ne.tasks.Function(per_case, {"fitness": ne.maximise}, of="genome", descriptors="cases"), seed=2, progress=False,
            strategy=GeneticAlgorithm(population=40, selection=selection, crossover=0.0, elites=0), budget=ne.Budget(generations=30),
        )  # fmt: skip
        ends = np.array([one.genome.value for one in run.strategy._members])
        kept.append(sum(bool((np.abs(ends - case) < 0.5).any()) for case in CASES))
    assert kept[0] >= 7 and kept[0] > kept[1], kept


def test_a_score_takes_the_place_of_the_fitness_or_joins_it() -> None:
    runs = [evolved(scoring=scoring, fitness=near)[0] for scoring in (Novelty(k=3), None)]
    spread = [np.ptp([one.genome.value for one in run]) for run in runs]
    assert spread[0] > 1.5 * spread[1], spread
    joined, _ = evolved(selection="lexicase", scoring="Novelty(k=3)", scoring_joins=True)
    assert [len(one.fitness.values) for one in joined.strategy._judged] == [2] * 10


def test_operators_of_a_toolbox_take_the_place_of_its_own() -> None:
    toolbox = base.Toolbox()
    asked = []
    toolbox.register("select", lambda individuals, k: asked.append(k) or individuals[:1] * k)
    run, look = evolved(3, toolbox, elites=0)
    assert asked == [20, 20] and {one.parents for one in run if one.generation == 1} == {(look.members[0][0],)}
    toolbox.register("mate", lambda a, b: (a, b))
    with pytest.raises(ValueError, match="a toolbox's mate crosses two parents, and parents=3"):
        evolved(3, toolbox, parents=3)


def test_selections_of_deap_choose_the_parents() -> None:
    for select, options in ((tools.selTournament, {"tournsize": 4}), (tools.selLexicase, {}), (tools.selRandom, {})):
        toolbox = base.Toolbox()
        toolbox.register("select", select, **options)
        runs = [evolved(6, toolbox)[0] for _ in range(2)]
        assert [one.parents for one in runs[0]] == [one.parents for one in runs[1]], "drawn from the run's own stream"
        assert runs[0].best.fitness.values[0] > -30.0


def test_a_whole_population_is_scored_at_once_where_the_task_can() -> None:
    space = NeatSpace(10, 2, recurrent=True, bias="input", add_node_rate=0.1, add_connection_rate=0.2)
    strategy = GeneticAlgorithm(population=12, selection="linear_ranking", scoring="Surprise(clusters=3)", parents=3)
    run = ne.evolve(
        space, DeceptiveMaze("hard", steps=40), strategy=strategy, budget=ne.Budget(generations=4), seed=1, progress=False
    )
    assert run.failures == 0 and run.evaluations == 12 + 3 * 11 and len(run.best.descriptors) == 2


def test_a_selection_of_ones_own_is_named_like_a_built_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})

    def youngest(individuals, count, rng, *, margin: int = 1):
        """The last ones."""
        return [individuals[-1 - int(rng.integers(margin))] for _ in range(count)]

    registry.register("selection", youngest)
    run, look = evolved(3, selection="youngest(margin=1)", elites=0)
    assert {one.parents for one in run if one.generation == 1} == {(look.members[0][-1],)}
    assert "youngest" in registry.names("selection")


def test_a_setting_that_cannot_be_is_refused() -> None:
    for settings, sentence in (
        ({"selection": "turnament"}, "unknown selection 'turnament'; did you mean 'tournament'"),
        ({"selection": "tournament(size=0)"}, "size must be >= 1, got 0"),
        ({"selection": "tournament(5)"}, r"a selection is written as tournament or tournament\(size=3\), got 'tournament\(5\)'"),
        ({"selection": "tournament(sise=3)"}, "got an unexpected keyword argument 'sise'"),
        ({"selection": "lexicase(epsilon=-1)"}, "epsilon must be >= 0, or 'deviation', got -1"),
        ({"selection": "lexicase(cases='fitness')"}, "cases must be 'objectives' or 'descriptors', got 'fitness'"),
        ({"selection": 3}, "selection is a text such as tournament"),
        ({"parents": 1}, "parents must be a whole number >= 2, got 1"),
        ({"lifespan": 0}, "lifespan must be a whole number >= 1, got 0"),
        ({"elites": 50}, "elites must be fewer than the population of 50"),
        ({"survivors": "all"}, "survivors must be one of 'children', 'best', got 'all'"),
        ({"hall_of_fame": -1}, "hall_of_fame must be a whole number >= 0"),
    ):
        with pytest.raises(ValueError, match=sentence):
            GeneticAlgorithm(**settings)
    error = ne.tasks.Function(lambda genome: {"error": genome.value**2}, {"error": ne.minimise}, of="genome")
    for selection in ("roulette", "stochastic_universal"):
        with pytest.raises(ValueError, match="in proportion to the first objective, and 'error' is minimised"):
            ne.evolve(
                NumberSpace(),
                error,
                strategy=GeneticAlgorithm(selection=selection),
                budget=ne.Budget(generations=2),
                progress=False,
            )
    assert parent_selection("tournament").func is tournament


def test_a_task_without_descriptors_is_refused_by_lexicase_on_them() -> None:
    task = ne.tasks.Function(peak, of="genome")
    with pytest.raises(ValueError, match="lexicase by descriptors needs a task that describes what individuals did"):
        ne.evolve(
            NumberSpace(), task, strategy=GeneticAlgorithm(selection="lexicase(cases='descriptors')"), progress=False,
            budget=ne.Budget(generations=2),
        )  # fmt: skip


def test_several_objectives_that_are_minimised_are_selected_by_lexicase() -> None:
    objectives = {"left": Objective("left", "minimise"), "right": Objective("right", "minimise")}
    task = ne.tasks.Function(lambda g: {"left": abs(g.value + 5), "right": abs(g.value - 5)}, objectives, of="genome")
    strategy = GeneticAlgorithm(population=30, selection="lexicase(epsilon='deviation')", crossover=0.0)
    run = ne.evolve(NumberSpace(), task, strategy=strategy, budget=ne.Budget(generations=40), seed=1, progress=False)
    assert min(one.values["left"] for one in run) < 0.5 and min(one.values["right"] for one in run) < 0.5
