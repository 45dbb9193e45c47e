"""Deterministic crowding: who competes with whom, and that several peaks are kept."""

from __future__ import annotations

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.strategies import Crowding, Nsga2, Strategy
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import NumberSpace


class TestCrowding(StrategySuite):
    def strategy(self) -> Strategy:
        return Crowding(population=9, crossover=0.6)


class TestCrowdingByDescriptors(StrategySuite):
    def strategy(self) -> Strategy:
        return Crowding(population=8, distance="descriptors", deduplicate="genome")


def evolved(fitness, generations: int = 6, **settings) -> ne.Run:
    task = ne.tasks.Function(fitness, of="genome", descriptors=lambda genome: [genome.value, np.sin(3 * genome.value)])
    return ne.evolve(
        NumberSpace(), task, strategy=Crowding(**{"population": 10, "distance": "descriptors", **settings}),
        budget=ne.Budget(generations=generations), seed=2, progress=False,
    )  # fmt: skip


def test_a_child_takes_the_place_of_the_parent_that_it_is_like_where_it_is_better() -> None:
    run = evolved(lambda genome: -abs(genome.value), 6, crossover=1.0)
    alive = {one.id: one for one in run if one.generation == 0}
    replaced = []
    for generation in range(1, 6):
        born = [one for one in run if one.generation == generation]
        pairs = {tuple(sorted(one.parents)) for one in born}
        assert sorted(id for pair in pairs for id in pair) == sorted(alive), "everybody is in one pair"
        replaced.append(0)
        for pair in pairs:
            a, b = (alive[id] for id in pair)
            x, y = (one for one in born if tuple(sorted(one.parents)) == pair)
            ways = [[(a, x), (b, y)], [(b, x), (a, y)]]
            for parent, child in min(ways, key=lambda way: sum(np.linalg.norm(p.descriptors - c.descriptors) for p, c in way)):
                if child.fitness > parent.fitness:
                    del alive[parent.id]
                    alive[child.id] = child
                    replaced[-1] += 1
    assert {one.id for one in run.strategy.living} == set(alive)
    assert run.generations()["replaced"].tolist() == [0, *replaced] and sum(replaced) > 5


def test_without_crossover_each_child_is_a_mutant_of_one_of_a_pair() -> None:
    run = evolved(lambda genome: -abs(genome.value), 5, crossover=0.0)
    assert all(len(one.parents) == 1 for one in run if one.generation)
    assert all(len({one.parents for one in run if one.generation == g}) == 10 for g in range(1, 5))


def test_nobody_is_replaced_by_what_is_worse_or_equal() -> None:
    run = evolved(lambda genome: 1.0)
    assert [one.generation for one in run.strategy.living] == [0] * 10
    assert run.generations()["replaced"].tolist() == [0] * 6
    run = evolved(lambda genome: float(genome.value), 12)
    first, last = (sorted(one.fitness.values[0] for one in them) for them in (list(run)[:10], run.strategy.living))
    assert all(late >= early for early, late in zip(first, last, strict=True)) and last != first


def test_two_peaks_are_both_kept_where_an_elitist_search_keeps_one() -> None:
    def two_peaks(genome) -> float:
        return float(np.exp(-((genome.value - 4) ** 2)) + 0.99 * np.exp(-((genome.value + 4) ** 2)))

    kept = {}
    for name, strategy in (
        ("crowding", Crowding(population=30, crossover=0.3)),
        ("elitist", Nsga2(population=30, crossover=0.3, deduplicate="none")),
    ):
        run = ne.evolve(
            NumberSpace(), ne.tasks.Function(two_peaks, of="genome"), strategy=strategy, budget=ne.Budget(generations=40), seed=1,
            progress=False,
        )  # fmt: skip
        ends = np.array([one.genome.value for one in run.strategy.living])
        kept[name] = ((ends > 3).sum(), (ends < -3).sum())
    assert min(kept["crowding"]) >= 4 and min(kept["elitist"]) == 0


def test_descriptors_are_asked_for_where_they_are_compared() -> None:
    with pytest.raises(ValueError, match="needs a task that describes what individuals did"):
        ne.evolve(
            NeatSpace(1, 1), lambda network: float(network([[1.0]])[0, 0]), strategy=Crowding(distance="descriptors"),
            budget=ne.Budget(generations=3), progress=False,
        )  # fmt: skip
    for settings, sentence in (
        ({"population": 1}, "population must be a whole number >= 2"),
        ({"distance": "weights"}, "distance must be one of 'genomes', 'descriptors'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Crowding(**settings)
