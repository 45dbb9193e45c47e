"""Strategies that select by what individuals did: searches that resume, records, and what novelty is for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.base import Space
from neuroevo.run.settings import strategy_from_settings
from neuroevo.selection import Chance, Novelty, Surprise
from neuroevo.simulators import DeceptiveMaze
from neuroevo.strategies import Neat, Nsga2, Nsga3, Strategy
from neuroevo.testing import StrategySuite
from neuroevo.testing.evaluator import NumberSpace

GROWING = NeatSpace(inputs=2, outputs=1, bias="input", add_node_rate=0.2, add_connection_rate=0.3)
ROBOTS = NeatSpace(10, 2, recurrent=True, bias="input", add_node_rate=0.1, add_connection_rate=0.2)


class _WithoutLimits(StrategySuite):
    def space(self) -> Space:
        return GROWING

    def test_limits_on_cheap_objectives_hold_for_every_trial(self) -> None:
        with pytest.raises(ValueError, match="Neat keeps no limits"):
            self.drive(task=self.task(limit=500.0))


class TestNeatByNovelty(_WithoutLimits):
    def strategy(self) -> Strategy:
        return Neat(population=12, threshold=1.0, elitism=2, refocus=0, scoring=Novelty(k=3, threshold=0.3, patience=2, most=1))


class TestNeatBySurprise(_WithoutLimits):
    def strategy(self) -> Strategy:
        return Neat(population=12, threshold=1.0, stagnation=3, scoring=Surprise(clusters=4))


class TestNoveltyAsAFurtherObjective(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga2(population=8, scoring=Novelty(k=3))


class TestNoveltyAlone(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga2(
            population=8, speciation=2, scoring="Novelty(k=3, archive='probability', probability=0.3)", scoring_joins=False
        )


class TestSurpriseInNsga3(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga3(population=8, scoring=Surprise(clusters=3), deduplicate="none")


class TestLocalCompetitionAsTheObjectives(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga2(population=8, scoring="LocalCompetition(k=3)", scoring_joins=False)


class TestLocalCompetitionAsFurtherObjectivesInNsga3(StrategySuite):
    def strategy(self) -> Strategy:
        return Nsga3(population=8, scoring="LocalCompetition(k=3, archive='probability')")


# What is selected by -----------------------------------------------------------------------------------------------------------


def maze_run(strategy: Strategy, generations: int, folder: Path | None = None, **options) -> ne.Run:
    return ne.evolve(
        ROBOTS, DeceptiveMaze("hard", steps=80), strategy=strategy, budget=ne.Budget(generations=generations), seed=3, run=folder,
        progress=False, **options,
    )  # fmt: skip


def test_neat_shares_out_its_offspring_by_the_score() -> None:
    strategy = Neat(population=40, threads=1, scoring=Novelty(k=5, threshold=3.0, distance="mean_absolute"))
    run = maze_run(strategy, 5)
    assert run.strategy is strategy and strategy._population is not None
    last = np.array([one.descriptors for one in run if one.generation == 4])
    mine = strategy._population.fitness
    alone = Novelty(k=5, threshold=3.0, distance="mean_absolute")
    alone.start()
    for number in range(5):
        did = np.array([one.descriptors for one in run if one.generation == number])
        scores = alone.scores(
            ne.selection.Generation(did, np.ones(len(did), bool), np.random.default_rng(0), did[:, 0], lambda at: None)
        )
    assert np.array_equal(mine, scores) and len(last) == 40
    best = strategy.species.champion[0]
    assert mine[best] == mine[strategy.species.label == 0].max()
    row = run.generations().iloc[-1]
    assert row["archive"] == len(alone.archived) and row["best_score"] == mine.max() and row["mean_score"] == mine.mean()
    assert row["mean"] == pytest.approx(np.mean([one.fitness.values[0] for one in run if one.generation == 4]))


def test_scores_of_different_generations_are_not_compared() -> None:
    patient, impatient = (
        maze_run(Neat(population=20, threads=1, threshold=1.0, stagnation=stagnation, refocus=refocus, scoring=Novelty(k=3)), 8)
        for stagnation, refocus in ((1000, 0), (1, 1))
    )
    assert [one.genome for one in patient] == [one.genome for one in impatient]


@pytest.mark.parametrize("joins", [True, False])
def test_nsga2_keeps_what_is_new_in_spite_of_its_fitness(joins: bool) -> None:
    def fitness(network) -> dict:
        value = float(network([[0.3, 0.7]])[0, 0])
        return {"reward": -abs(value - 0.5), "did": [value]}

    run = ne.evolve(
        GROWING, ne.tasks.Function(fitness, {"reward": ne.maximise}, descriptors="did"),
        strategy=Nsga2(population=10, scoring=Novelty(k=3), scoring_joins=joins), budget=ne.Budget(generations=20), seed=1, progress=False,
    )  # fmt: skip
    plain = ne.evolve(
        GROWING, ne.tasks.Function(fitness, {"reward": ne.maximise}, descriptors="did"), strategy=Nsga2(population=10),
        budget=ne.Budget(generations=20), seed=1, progress=False,
    )  # fmt: skip
    spread, narrow = (np.ptp([one.descriptors[0] for one in each.strategy.living]) for each in (run, plain))
    assert spread > 2 * narrow
    rewards = [one.fitness.values[0] for one in run.strategy.living]
    if joins:
        assert max(rewards) == max(one.fitness.values[0] for one in run), "the fittest is one of the front"
    assert all(len(one.fitness.values) == 1 for one in run), "the score is the selection's, not the record's"


def test_a_search_by_novelty_needs_descriptors() -> None:
    for strategy in (Neat(population=6, scoring="Novelty"), Nsga2(population=6, scoring="Novelty")):
        with pytest.raises(ValueError, match="this task does not say: give it descriptors"):
            ne.evolve(
                GROWING, lambda network: 1.0, strategy=strategy, budget=ne.Budget(generations=3), seed=1, progress=False
            )  # fmt: skip


def test_a_scoring_compares_whole_generations() -> None:
    with pytest.raises(ValueError, match="Novelty compares whole generations; use schedule='synchronous'"):
        ne.evolve(
            NumberSpace(), lambda genome: 1.0, strategy=Nsga2(scoring=Novelty()), schedule="asynchronous", budget=ne.Budget(evaluations=9),
            progress=False,
        )  # fmt: skip


# Records ------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda: Neat(population=14, threads=1, refocus=0, scoring=Novelty(k=4, threshold=2.0)),
        lambda: Neat(population=14, threads=1, scoring=Surprise(clusters=5)),
        lambda: Neat(population=14, threads=1, scoring=Chance()),
        lambda: Nsga2(population=10, speciation=2, scoring=Novelty(k=4)),
        lambda: Nsga2(population=10, scoring="Surprise(clusters=4)", scoring_joins=False),
    ],
    ids=["Neat novelty", "Neat surprise", "Neat chance", "Nsga2 novelty", "Nsga2 surprise alone"],
)
@pytest.mark.parametrize("record", ["all", "champions"])
def test_a_run_in_parts_ends_as_the_whole(make, record: str, tmp_path: Path) -> None:
    whole = maze_run(make(), 7, tmp_path / "whole", record=record)
    for generations in (1, 2, 5, 7):
        parts = maze_run(make(), generations, tmp_path / "parts", record=record)
    assert [one.genome for one in parts.front] == [one.genome for one in whole.front]
    mine, theirs = parts.strategy.state(), whole.strategy.state()
    assert mine.json == theirs.json and mine.arrays.keys() == theirs.arrays.keys()
    assert all(np.array_equal(mine.arrays[name], theirs.arrays[name]) for name in mine.arrays)
    assert [{**row, "seconds": 0} for row in parts.summaries] == [{**row, "seconds": 0} for row in whole.summaries]
    settings = json.loads((tmp_path / "whole" / "config.json").read_text())["strategy"]
    assert strategy_from_settings(settings).settings() == make().settings()


def test_what_the_living_did_is_known_after_a_resume(tmp_path: Path) -> None:
    for generations in (3, 4):
        run = maze_run(Neat(population=8, threads=1), generations, tmp_path / "run")
    whole = maze_run(Neat(population=8, threads=1), 4)
    again = Neat(population=8, threads=1)
    again.start(whole.strategy.search)
    again.restore(run.strategy.state(), lambda id: run[id])
    for one, same in zip(again.living, whole.strategy.living, strict=True):
        assert one.descriptors.tolist() == same.descriptors.tolist()


def test_without_a_scoring_a_strategys_settings_are_as_they_were() -> None:
    for strategy in (Neat(), Nsga2(), Nsga3()):
        assert not {"scoring", "scoring_joins"} & set(strategy.settings())


# What it is for -----------------------------------------------------------------------------------------------------------------


def test_novelty_finds_the_way_out_of_a_dead_end_that_closeness_leads_into() -> None:
    """Numbers from 0 to 1: the fitness rises towards a dead end, and the goal is at its other side, where it is low until it is reached."""

    def distance(network) -> dict:
        x = float(network([[0.2, -0.4]])[0, 0])
        return {"closeness": 1.0 if x > 0.97 else 0.9 - x, "place": [x]}

    task = ne.tasks.Function(distance, {"closeness": ne.maximise}, descriptors="place")
    space = NeatSpace(2, 1, weight_range=1.0, bias_range=1.0, bias_power=0.6, activations=("sigmoid",))
    solved = {}
    for name, scoring in (("objective", None), ("novelty", "Novelty(k=5)")):
        runs = [
            ne.evolve(
                space, task, strategy=Neat(population=20, threads=1, refocus=0, scoring=scoring), budget=ne.Budget(generations=25, target=1.0),
                seed=seed, progress=False,
            )
            for seed in range(4)
        ]  # fmt: skip
        solved[name] = sum(run.solved for run in runs)
    assert solved["novelty"] == 4 and solved["objective"] <= 1
