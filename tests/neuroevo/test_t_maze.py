"""The T-maze: lives as a step-by-step simulation has them, what needs memory, and searches that find it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from genomes.neat.genome import NeatGenome
from neuroevo.decode import population_network
from neuroevo.run.settings import task_from_settings
from neuroevo.selection import Novelty
from neuroevo.simulators import TMaze
from neuroevo.strategies import Neat
from neuroevo.tasks.base import Context


def space(recurrent: bool = True) -> NeatSpace:
    return NeatSpace(4, 1, recurrent=recurrent, bias="input", add_node_rate=0.1, add_connection_rate=0.2)


@cache
def genomes(recurrent: bool = True) -> tuple[NeatGenome, ...]:
    """Those that a short search by novelty leaves: random ones run into the wall in each trial."""
    strategy = Neat(population=60, threads=1, scoring=Novelty(k=5))
    run = ne.evolve(space(recurrent), TMaze(), strategy=strategy, seed=4, budget=ne.Budget(generations=30), progress=False)
    return tuple(one.genome for one in run.strategy.living)


def lived(task: TMaze, genome: NeatGenome) -> list[list[float]]:
    """The same, a step at a time."""
    controller = genome.network().controller()
    found = []
    for sides in task.sides.tolist():
        controller.reset()
        found.append([_trial(task, controller, side) for side in sides])
    return found


def _trial(task: TMaze, controller, rewarded: int) -> float:
    places = ["home", *["corridor"] * task.corridor, "turn", *["arm"] * task.arm]
    gone = None
    for place in places:
        for _ in range(task.activations_per_step):
            (output,) = controller(np.array([place == "turn", False, place == "home", 0.0], float))
        ahead = "left" if output < 1 / 3 else "right" if output > 2 / 3 else "straight"
        if (place == "turn") == (ahead == "straight"):
            return task.crash
        gone = ahead if place == "turn" else gone
    worth = task.high if (gone == "left") == (rewarded == 0) else task.low
    for _ in range(task.activations_per_step):
        controller(np.array([0.0, 1.0, 0.0, worth]))
    return worth


@pytest.mark.parametrize(
    "options", [{}, {"corridor": 3, "arm": 0, "activations_per_step": 1, "swaps": (1, 7), "low": 0.5, "crash": -2.0}]
)
def test_lives_are_those_of_a_simulation_step_by_step(options: dict) -> None:
    task, given = TMaze(**options), genomes()
    found = task.play(population_network(list(given)))
    for member, genome in enumerate(given):
        assert found[member].tolist() == lived(task, genome) == task.play(genome)[0].tolist()
    assert len(np.unique(found)) == 3 and (found[:, :, -1] != task.crash).sum() > 20


def test_the_rewards_change_places_once_in_a_life_and_begin_on_both_sides() -> None:
    task = TMaze(swaps=(2, 3), trials=5)
    assert task.sides.tolist() == [[0, 0, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [1, 1, 1, 0, 0]]
    best = []  # stay where the reward is high, change sides after a low one
    for sides in task.sides.tolist():
        side = 0
        for rewarded in sides:
            best.append(task.high if side == rewarded else task.low)
            side = rewarded
    assert np.mean(best) == pytest.approx(task.target) and task.target <= np.mean(best)
    assert task.static == pytest.approx(0.6) and TMaze().target > TMaze().static


def test_who_does_not_remember_has_no_more_than_one_way_is_worth() -> None:
    task = TMaze()
    rewards = task.score_population(population_network(list(genomes(recurrent=False))), Context())["reward"]
    assert rewards.max() == pytest.approx(task.static)


def test_novelty_finds_memory_where_the_reward_alone_is_deceptive() -> None:
    task, found = TMaze(swaps=(5,)), {}
    for name, scoring in (("novelty", Novelty(k=15)), ("reward", None)):
        strategy = Neat(population=150, threads=1, scoring=scoring, target_species=10, refocus=0, stagnation=2000)
        run = ne.evolve(
            space(), task, strategy=strategy, seed=1, budget=ne.Budget(generations=80, target=task.static + 0.01), progress=False,
            record="champions",
        )  # fmt: skip
        found[name] = run.best.fitness.values[0]
    assert found["reward"] == pytest.approx(task.static) and found["novelty"] > task.static + 0.01


def test_descriptors_are_what_each_trial_was_worth() -> None:
    task, population = TMaze(), population_network(list(genomes()))
    scores = task.score_population(population, Context())["reward"]
    described = task.descriptors_population(population, Context())
    assert described.shape == (60, 60) and described.mean(axis=1) == pytest.approx(scores)
    genome = genomes()[7]
    assert task.descriptors(task.phenotype(genome), Context()).tolist() == described[7].tolist()


def test_settings_make_the_task_again_or_are_refused() -> None:
    task = TMaze(swaps=(3,), trials=6, corridor=2, low=0.1)
    again = task_from_settings(task.settings())
    assert isinstance(again, TMaze) and again.settings() == task.settings() and np.array_equal(again.sides, task.sides)
    for settings, sentence in (
        ({"trials": 1}, "trials must be a whole number >= 2, got 1"),
        ({"swaps": (10,)}, r"swaps must be numbers of trials from 1 to 9, got \(10,\)"),
        ({"swaps": ()}, "swaps must be numbers of trials"),
        ({"low": 1.5}, "a crash must be worth less than the low reward"),
        ({"objectives": "error"}, "error"),
    ):
        with pytest.raises(ValueError, match=sentence):
            TMaze(**settings)
    with pytest.raises(ValueError, match="TMaze needs networks with 4 inputs and 1 output, got 3 and 1"):
        task.play(NeatSpace(3, 1).random(np.random.default_rng(0)))
