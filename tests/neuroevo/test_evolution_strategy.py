"""An evolution strategy on weights: mirrored pairs, steps as the papers have them, topologies that were evolved before, failures, and resuming."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import neuroevo as ne
from genomes import CellSpace, NeatSpace
from genomes.base import Space
from genomes.testing import philox
from neuroevo.run.settings import strategy_from_settings
from neuroevo.selection import Novelty
from neuroevo.strategies import (
    EvolutionStrategy,
    Neat,
    RandomSearch,
    RegularizedEvolution,
    Strategy,
    SuccessiveHalving,
)
from neuroevo.strategies.evolution.evolution_strategy import Moments, utilities
from neuroevo.testing import StrategySuite

PLAIN = NeatSpace(inputs=3, outputs=2, bias="input", initial="full", weight_range=0.5, output_activation="tanh")
BIASED = NeatSpace(inputs=2, outputs=1, bias="node", recurrent=True, add_node_rate=0.3, add_connection_rate=0.3)
X = philox(5, 0).normal(size=(30, 3))
WANTED = np.tanh(X @ np.array([[1.0, -0.5], [0.3, 2.0], [-1.5, 0.2]]))


class NoLimits(StrategySuite):
    __test__ = False

    def test_limits_on_cheap_objectives_hold_for_every_trial(self) -> None:
        with pytest.raises(ValueError, match="keeps no limits"):  # rather than breaking them silently
            self.drive(task=self.task(limit=500.0))


class TestEvolutionStrategy(NoLimits):
    __test__ = True

    def strategy(self) -> Strategy:
        return EvolutionStrategy(pairs=4)

    def space(self) -> Space:
        return PLAIN


class TestEvolutionStrategyOfEvolvedTopologies(NoLimits):
    __test__ = True

    def strategy(self) -> Strategy:
        return EvolutionStrategy(
            pairs=3, optimiser="sgd", shaping="deviations", best=0.5, weight_decay=0.01, decay=0.9, topologies=Neat(population=8, threads=1), topology_generations=3
        )

    def space(self) -> Space:
        return BIASED


def closeness(network) -> float:
    return -float(((network(X) - WANTED) ** 2).mean())


def evolved(space: NeatSpace = PLAIN, fitness=closeness, generations: int = 40, seed: int = 1, **settings) -> ne.Run:
    return ne.evolve(
        space, fitness, strategy=EvolutionStrategy(**{"pairs": 8, **settings}), budget=ne.Budget(generations=generations), seed=seed, progress=False
    )


def weights(individual) -> np.ndarray:
    return individual.genome.connections.weight


def test_a_generation_is_the_centre_and_pairs_mirrored_around_it() -> None:
    run = evolved(generations=3, pairs=5, deviation=0.2)
    for generation in range(3):
        born = [one for one in run if one.generation == generation]
        assert len(born) == 11
        centre, plus, minus = born[0], born[1:6], born[6:]
        for a, b in zip(plus, minus, strict=True):
            assert np.allclose(weights(a) + weights(b), 2 * weights(centre))
            assert a.parents == b.parents == centre.parents
        spread = np.concatenate([weights(one) - weights(centre) for one in plus])
        assert 0.1 < spread.std() < 0.3
        assert centre.parents == (() if generation == 0 else (11 * (generation - 1),))
        assert centre.operators == (("random",) if generation == 0 else ("mutate_weights",))


def step_of(run: ne.Run, shaping: str, best: float) -> tuple[np.ndarray, np.ndarray]:
    """How far the first step went, and the sum over directions that the papers write down."""
    born = [one for one in run if one.generation == 0]
    pairs = (len(born) - 1) // 2
    plus, minus = born[1 : 1 + pairs], born[1 + pairs :]
    scores = np.array([[a.fitness.values[0], b.fitness.values[0]] for a, b in zip(plus, minus, strict=True)])
    kept = sorted(range(pairs), key=lambda i: -scores[i].max())[: math.ceil(best * pairs)]
    used = scores[kept]
    if shaping == "ranks":
        order = np.argsort(np.argsort(used.ravel())).reshape(used.shape)
        used = order / (used.size - 1) - 0.5
    else:
        used = used / used.std()
    noise = np.array([(weights(plus[i]) - weights(born[0])) / 0.2 for i in kept])
    after = next(one for one in run if one.generation == 1)
    return weights(after) - weights(born[0]), ((used[:, 0] - used[:, 1])[:, None] * noise).mean(axis=0)


@pytest.mark.parametrize(("shaping", "best"), [("ranks", 1.0), ("deviations", 1.0), ("deviations", 0.4), ("ranks", 0.4)])
def test_a_plain_step_goes_along_the_weighted_sum_of_directions(shaping: str, best: float) -> None:
    run = evolved(generations=2, pairs=5, deviation=0.2, optimiser="sgd", learning_rate=0.3, shaping=shaping, best=best)
    moved, direction = step_of(run, shaping, best)
    assert np.allclose(moved, 0.3 * direction, atol=1e-9)


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_weight_decay_shortens_the_centre(optimiser: str) -> None:
    plain, decayed = (
        next(one for one in evolved(generations=2, optimiser=optimiser, learning_rate=0.3, weight_decay=decay) if one.generation == 1)
        for decay in (0.0, 0.1)
    )
    first = next(iter(evolved(generations=1)))
    assert np.allclose(weights(plain) - weights(decayed), 0.03 * weights(first))


UNITS = philox(6, 0).normal(size=(200, 3)) * [0.05, 1.0, 20.0] + [4.0, 0.0, -30.0]  # inputs in units far apart
IN_UNITS = np.tanh((UNITS - [4.0, 0.0, -30.0]) / [0.05, 1.0, 20.0] @ np.array([[1.0, -0.5], [0.3, 2.0], [-1.5, 0.2]]))


def seen(network, x=UNITS) -> np.ndarray:
    return np.concatenate([[len(x)], x.mean(axis=0), x.var(axis=0)])


def in_units(generations: int = 100, x=UNITS, space: dict | None = None, run: Path | None = None, record: str = "all", **settings) -> ne.Run:
    task = ne.tasks.Function(lambda network: -float(((network(x) - IN_UNITS) ** 2).mean()), descriptors=lambda network: seen(network, x))
    task.describes_inputs = True
    ranges = {"weight_range": 0.01, "bias_range": 0.01, "weight_limit": 1e4, "bias_limit": 1e4}
    made = NeatSpace(**{"inputs": 3, "outputs": 2, "bias": "input", "initial": "full", "output_activation": "tanh", **ranges, **(space or {})})
    if "start_from" in settings:
        settings["start_from"] = settings["start_from"](made.random(philox(2, 0)).to_dict())
    return ne.evolve(
        made, task, strategy=EvolutionStrategy(**{"pairs": 8, "deviation": 0.05, **settings}), budget=ne.Budget(generations=generations), seed=1,
        progress=False, run=run, record=record,
    )  # fmt: skip


def responding(genome: dict) -> dict:
    for node in genome["genes"]["nodes"]:
        node[3] = 2.0
    return genome


def changes(run: ne.Run, x=UNITS) -> np.ndarray:
    """How much the outputs of the second generation's members differ from the centre's: float64 [members, rows, outputs]."""
    centre, *around = [one.genome.network()(x) for one in run if one.generation == 1]
    return np.array(around) - centre


@pytest.mark.parametrize(
    ("space", "settings", "response"),
    [
        ({"bias": "input"}, {}, 1.0),
        ({"bias": "input", "bias_value": 0.1}, {}, 1.0),
        ({"bias": "input", "bias_value": -7.0}, {}, 1.0),
        ({"bias": "node"}, {}, 1.0),
        ({"bias": "node"}, {"start_from": responding}, 2.0),
    ],
)
def test_perturbations_are_in_the_unit_of_what_was_seen(space: dict, settings: dict, response: float) -> None:
    """Of an output without activation: the noise times inputs that are normalised, and the bias's own noise."""
    run = in_units(2, space={"output_activation": "identity", **space}, pairs=60, normalise="running", **settings)
    changed = changes(run)
    assert changed.std(axis=1).mean() == pytest.approx(response * 0.05 * math.sqrt(3), rel=0.2)
    assert np.abs(changed.mean(axis=1)).max() < 5 * 0.05 * max(1.0, abs(space.get("bias_value", 1.0)))
    every = np.array([np.linalg.lstsq(UNITS - UNITS.mean(axis=0), change - change.mean(axis=0), rcond=None)[0] for change in changed])
    assert np.allclose(every.std(axis=0), response * 0.05 / UNITS.std(axis=0)[:, None], rtol=0.3), "each input as much as the others"


@pytest.mark.parametrize("space", [{"bias": "none"}, {"bias": "input", "bias_value": 0.0}, {"bias": "node", "aggregations": ("max",)}])
def test_where_nothing_makes_up_for_a_mean_the_unit_is_that_of_all_of_an_input(space: dict) -> None:
    run = in_units(2, space={"output_activation": "identity", **space}, pairs=30, normalise="running")
    assert 0.01 < np.sqrt((changes(run) ** 2).mean()) < 0.2  # 3 and more, were a weight's deviation divided by its input's


def test_an_input_that_never_varied_stays_in_its_own_unit() -> None:
    x = UNITS.copy()
    x[:, 1] = 0.3
    run = in_units(2, x, {"output_activation": "identity"}, pairs=60, normalise="running")
    moved = x.copy()
    moved[:, 1] += 1.0
    assert (changes(run, moved) - changes(run, x)).std() == pytest.approx(0.05, rel=0.2)


def test_running_units_climb_where_inputs_have_units_far_apart() -> None:
    plain, running = (in_units(normalise=normalise).summaries[-1]["centre"] for normalise in ("none", "running"))
    assert plain < -0.15 and running > -0.001


def test_what_was_seen_is_gone_on_with(tmp_path: Path) -> None:
    whole = in_units(generations=6, normalise="running")
    for stop in (1, 3):
        for generations in (stop, 6):
            again = in_units(generations=generations, normalise="running", run=tmp_path / str(stop), record="champions")
        assert StrategySuite.same_state(again.strategy, whole.strategy)
    assert Moments(3).arrays() == {}


def test_moments_of_parts_are_those_of_the_whole() -> None:
    moments, values = Moments(2), philox(8, 0).normal(size=(60, 2)) * [1.0, 1e-3] + [5.0, 1e3]
    parts = [values[:1], values[1:7], values[7:60]]
    moments.add(np.array([[len(part), *part.mean(axis=0), *part.var(axis=0)] for part in parts] + [[np.nan] * 5]))
    assert moments.count == 60
    assert np.allclose(moments.mean, values.mean(axis=0)) and np.allclose(moments.deviation, values.std(axis=0), rtol=1e-6)


def test_runs_from_before_there_were_units_go_on() -> None:
    assert "normalise" not in EvolutionStrategy().settings()
    assert EvolutionStrategy(normalise="running").settings()["normalise"] == "running"


def test_running_units_need_a_task_that_says_what_networks_see() -> None:
    with pytest.raises(ValueError, match=r"this Function does not say it: Environment\(..., descriptors='inputs'\) does"):
        evolved(normalise="running")


def test_deviation_and_learning_rate_shrink_to_a_share() -> None:
    run = evolved(generations=6, pairs=200, deviation=0.4, decay=0.5, least=0.2, optimiser="sgd", learning_rate=0.1)
    still = evolved(generations=6, pairs=200, deviation=0.4, optimiser="sgd", learning_rate=0.1)
    for generation, share in enumerate([1.0, 0.5, 0.25, 0.2, 0.2, 0.2]):
        born = [one for one in run if one.generation == generation]
        spread = np.concatenate([weights(one) - weights(born[0]) for one in born[1:201]]).std()
        assert abs(spread - 0.4 * share) < 0.05 * share
    assert run.summaries[-1]["deviation"] == pytest.approx(0.08)
    first, second = ([next(one for one in each if one.generation == generation) for generation in (1, 2)] for each in (run, still))
    assert (weights(first[0]) == weights(second[0])).all() and (weights(first[1]) != weights(second[1])).any()


def test_a_direction_estimated_from_many_pairs_is_that_of_the_gradient() -> None:
    """Of a quadratic, whose gradient is known: the mean of the directions tends to it (Salimans et al. 2017, section 2)."""
    target = np.linspace(-1.0, 1.0, 8)

    def quadratic(genome) -> float:
        return -float(((genome.connections.weight - target) ** 2).sum())

    run = ne.evolve(
        PLAIN, ne.tasks.Function(quadratic, of="genome"), budget=ne.Budget(generations=2), seed=3, progress=False,
        strategy=EvolutionStrategy(pairs=4000, deviation=0.05, optimiser="sgd", learning_rate=1e-3, shaping="deviations"),
    )  # fmt: skip
    first, after = (next(one for one in run if one.generation == generation) for generation in (0, 1))
    gradient, moved = 2 * (target - weights(first)), weights(after) - weights(first)
    assert gradient @ moved / np.linalg.norm(gradient) / np.linalg.norm(moved) > 0.99


@pytest.mark.parametrize("settings", [{}, {"shaping": "deviations", "optimiser": "sgd", "learning_rate": 0.1, "best": 0.5}])
def test_it_climbs_where_random_search_does_not(settings: dict) -> None:
    run = evolved(generations=120, **settings)
    chance = ne.evolve(PLAIN, closeness, strategy=RandomSearch(), budget=ne.Budget(evaluations=run.evaluations), seed=1, progress=False)
    centre = run.strategy.living[0]
    assert -centre.fitness.values[0] < 0.1 * -chance.best.fitness.values[0]


def test_it_minimises_where_that_is_asked_for() -> None:
    task = ne.tasks.Function(lambda network: {"distance": -closeness(network)}, objectives={"distance": ne.minimise})
    run = ne.evolve(PLAIN, task, strategy=EvolutionStrategy(pairs=8), budget=ne.Budget(generations=60), seed=1, progress=False)
    assert run.strategy.living[0].fitness.values[0] < 0.2 * next(iter(run)).fitness.values[0]


def test_biases_of_nodes_are_tuned_and_disabled_connections_are_not() -> None:
    space = NeatSpace(inputs=2, outputs=1, bias="node", add_node_rate=1.0)
    genome = space.random(philox(1, 0)).mutate(philox(2, 0), clock=1)
    assert not genome.connections.enabled.all()
    run = ne.evolve(
        space, lambda network: float(network([[1.0, 2.0]])[0, 0]), strategy=EvolutionStrategy(pairs=3, start_from=genome.to_dict()),
        budget=ne.Budget(generations=3), seed=1, progress=False,
    )  # fmt: skip
    last = list(run)[-1].genome
    on = genome.connections.enabled
    assert (last.connections.weight[on] != genome.connections.weight[on]).all()
    assert (last.connections.weight[~on] == genome.connections.weight[~on]).all()
    assert (last.nodes.bias[space.sensors :] != genome.nodes.bias[space.sensors :]).all()
    assert (last.nodes.bias[: space.sensors] == genome.nodes.bias[: space.sensors]).all()
    assert next(iter(run)).operators == ("imported",)


def test_weights_and_biases_stay_within_the_limits_of_the_space() -> None:
    space = NeatSpace(
        inputs=1, outputs=1, initial="full", output_activation="identity", weight_limit=2.0, weight_range=1.0, bias="node", bias_limit=1.0, bias_range=0.5
    )
    run = ne.evolve(
        space, lambda network: float(network([[1.0]])[0, 0]), strategy=EvolutionStrategy(pairs=4, learning_rate=1.0), budget=ne.Budget(generations=20),
        seed=1, progress=False,
    )  # fmt: skip
    assert all((np.abs(weights(one)) <= 2.0).all() for one in run)
    assert all((np.abs(one.genome.nodes.bias) <= 1.0).all() for one in run)
    assert run.strategy.living[0].fitness.values[0] == 3.0


def test_topologies_are_evolved_first_and_the_fittest_is_tuned() -> None:
    space = NeatSpace(inputs=3, outputs=2, bias="input", add_node_rate=0.3, add_connection_rate=0.3)
    run = evolved(space, generations=30, topologies=Neat(population=20, threads=1), topology_generations=5)
    before, after = [[one for one in run if (one.generation < 5) == early] for early in (True, False)]
    assert len(before) == 100 and len(after) == 25 * 17
    fittest = max((one for one in before if one.generation == 4), key=lambda one: one.fitness.values[0])
    assert after[0].parents == (fittest.id,)
    assert (weights(after[0]) == weights(fittest)).all()
    assert {tuple(one.genome.connections.marking) for one in after} == {tuple(fittest.genome.connections.marking)}
    assert run.strategy.living[0].fitness.values[0] > fittest.fitness.values[0]


def failing_after(count: int):
    scored: list[int] = []

    def fitness(genome) -> float:
        scored.append(1)
        return float(genome.connections.weight[0]) if len(scored) <= count else math.nan

    return fitness


def test_what_fails_counts_for_nothing() -> None:
    nan, inf = math.nan, math.inf
    worth = utilities(np.array([1.0, -inf, 3.0]), np.array([2.0, 5.0, 0.0]), 1.0, "ranks")
    assert np.allclose(worth, [-1 / 3, nan, 1.0], equal_nan=True)
    assert np.isnan(utilities(np.full(2, -inf), np.zeros(2), 1.0, "ranks")).all()
    assert (utilities(np.ones(2), np.ones(2), 1.0, "deviations") == 0.0).all()
    run = ne.evolve(
        PLAIN, ne.tasks.Function(failing_after(17), of="genome"), strategy=EvolutionStrategy(pairs=8), budget=ne.Budget(generations=4), seed=1, progress=False
    )  # fmt: skip
    assert [one.status for one in run] == ["done"] * 17 + ["failed"] * 51
    centres = list(run)[::17]
    assert (weights(centres[1]) != weights(centres[0])).all()
    assert all((weights(centre) == weights(centres[1])).all() and centre.parents == (0,) for centre in centres[2:])
    assert [one.id for one in run.strategy.living] == [0], "the last centre that did not fail"
    failed = ne.evolve(
        PLAIN, ne.tasks.Function(lambda genome: math.nan if genome.operators == ("random",) else 1.0, of="genome"), strategy=EvolutionStrategy(pairs=2),
        budget=ne.Budget(generations=2), seed=1, progress=False,
    )  # fmt: skip
    assert [one.operators for one in failed if one.id in (0, 5)] == [("random",), ("mutate_weights",)]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    settings = {"pairs": 3, "topologies": Neat(population=6, threads=1), "topology_generations": 3}
    whole = evolved(BIASED, lambda network: float(network([[1.0, 2.0]])[0, 0]), generations=7, **settings)
    for stop, record in zip(range(1, 7), ("all", "champions") * 3, strict=True):
        for generations in (stop, 7):
            run = ne.evolve(
                BIASED, lambda network: float(network([[1.0, 2.0]])[0, 0]), strategy=EvolutionStrategy(**settings), budget=ne.Budget(generations=generations),
                seed=1, progress=False, run=tmp_path / str(stop), record=record,
            )  # fmt: skip
        assert StrategySuite.same_state(run.strategy, whole.strategy), f"stopped after {stop}"
        if record == "all":
            assert [one.genome.genes() for one in run] == [one.genome.genes() for one in whole]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pairs": 0}, "pairs must be a whole number >= 1, got 0"),
        ({"deviation": 0.0}, "deviation must be a number above 0"),
        ({"learning_rate": math.nan}, "learning_rate must be a number above 0"),
        ({"best": 1.5}, "best must be a number above 0 and up to 1, got 1.5"),
        ({"weight_decay": -0.1}, "weight_decay must be a probability between 0 and 1, got -0.1"),
        ({"shaping": "none"}, "shaping must be"),
        ({"normalise": "sampled"}, "normalise must be"),
        ({"optimiser": "rmsprop"}, "optimiser must be"),
        ({"topologies": "neat"}, "topologies and topology_generations go together"),
        ({"topology_generations": 2}, "topologies and topology_generations go together"),
        ({"topologies": "neat", "topology_generations": 2, "start_from": {}}, "give one of the two"),
    ],
)
def test_settings_out_of_their_range_are_refused(settings: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        EvolutionStrategy(**settings)


def test_what_it_cannot_tune_is_refused() -> None:
    with pytest.raises(TypeError, match="topologies must be a strategy"):
        EvolutionStrategy(topologies=3, topology_generations=1)
    with pytest.raises(ValueError, match="another space"):
        evolved(start_from=BIASED.random(philox(1, 0)).to_dict())
    with pytest.raises(ValueError, match="NEAT genomes"):
        ne.evolve(CellSpace(), ne.tasks.Function(lambda genome: 1.0, of="genome"), strategy=EvolutionStrategy(), budget=ne.Budget(generations=1))
    with pytest.raises(ValueError, match="no enabled connection"):
        evolved(NeatSpace(inputs=3, outputs=2, initial="none", bias="none"), generations=1)


def test_topologies_may_come_from_any_strategy_that_keeps_who_lives() -> None:
    space = NeatSpace(inputs=3, outputs=2, bias="input", initial="full", output_activation="tanh", weight_range=0.5, add_node_rate=0.3)
    run = evolved(space, generations=12, topologies="Nsga2(population=6)", topology_generations=4)
    fittest = max((one for one in run if one.generation < 4), key=lambda one: one.fitness.values[0])
    first = next(one for one in run if one.generation == 4)
    assert first.parents == (fittest.id,) and (weights(first) == weights(fittest)).all()
    with pytest.raises(ValueError, match="SuccessiveHalving is none"):
        EvolutionStrategy(topologies=SuccessiveHalving(), topology_generations=1)
    with pytest.raises(ValueError, match="RandomSearch is none"):  # after its first generation, not after all of them
        evolved(space, generations=50, topologies=RandomSearch(batch=2), topology_generations=40)


def test_the_fittest_that_can_be_tuned_is_taken_and_else_the_search_goes_on() -> None:
    space = NeatSpace(inputs=3, outputs=2, bias="none", initial="none", add_connection_rate=0.05)
    run = evolved(space, lambda network: 1.0, generations=30, pairs=2, topologies=Neat(population=4, threads=1), topology_generations=1)
    early = [one for one in run if one.operators[-1] != "mutate_weights" or one.generation == 0]
    assert run.strategy.living[0].genome.connections.enabled.any()
    assert len({one.generation for one in early}) > 1


def test_who_was_bred_for_novelty_is_still_chosen_by_the_objective() -> None:
    run = evolved(
        NeatSpace(inputs=3, outputs=2, initial="full"), ne.tasks.Function(closeness, descriptors=lambda network: network(X[:1])[0]), generations=4,
        topologies=Neat(population=20, threads=1, scoring=Novelty()), topology_generations=3,
    )  # fmt: skip
    fittest = max((one for one in run if one.generation == 2), key=lambda one: one.fitness.values[0])
    assert next(one for one in run if one.generation == 3).parents == (fittest.id,)


def test_generations_of_topologies_are_those_of_the_strategy_inside() -> None:
    run = evolved(generations=3, topologies=RegularizedEvolution(population=6, sample=2), topology_generations=2)
    assert [sum(one.generation == generation for one in run) for generation in range(4)] == [6, 6, 17, 0]


def test_champions_are_those_of_the_strategy_inside_then_the_centre(tmp_path: Path) -> None:
    settings = {"topologies": Neat(population=40, threads=1), "topology_generations": 3}
    kept = {}
    for name, strategy in (("alone", Neat(population=40, threads=1)), ("inside", EvolutionStrategy(pairs=5, **settings))):
        ne.evolve(
            PLAIN, closeness, strategy=strategy, budget=ne.Budget(generations=3 if name == "alone" else 6), seed=1, progress=False, record="champions",
            run=tmp_path / name,
        )  # fmt: skip
        with closing(sqlite3.connect(tmp_path / name / "run.db")) as base:
            rows = base.execute("SELECT generation, id FROM individuals WHERE genome IS NOT NULL ORDER BY id").fetchall()
        kept[name] = [[id for generation, id in rows if generation == wanted] for wanted in range(6)]
    assert kept["inside"][:3] == kept["alone"][:3]
    assert all(len(centres) <= 3 for centres in kept["inside"][3:]), "the centre, and the best so far"


@pytest.mark.parametrize(
    "strategy", [EvolutionStrategy(start_from=PLAIN.random(philox(1, 0)).to_dict()), EvolutionStrategy(topologies=Neat(population=9), topology_generations=2)]
)
def test_its_settings_make_it_again(strategy: EvolutionStrategy) -> None:
    made = strategy_from_settings(json.loads(json.dumps(strategy.settings())))
    assert isinstance(made, EvolutionStrategy) and made.settings() == strategy.settings()
