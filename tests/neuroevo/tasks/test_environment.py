"""Environments of gymnasium: what networks see and do, which episodes they play, and what counts as solved."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.extras import how_to_install
from neuroevo.core.trial import Trial
from neuroevo.decode.population import NetworksInTurn
from neuroevo.estimation import Episodes
from neuroevo.store import StoreError
from neuroevo.strategies import Neat, Nsga2
from neuroevo.tasks import Context, Environment, StepCount, environment_play
from neuroevo.tasks.cart_poles import CartPoles
from neuroevo.tasks.environment_film import follow
from neuroevo.tasks.environment_play import Player
from neuroevo.tasks.environment_spaces import Actions, Observations

gymnasium = pytest.importorskip("gymnasium")
spaces = gymnasium.spaces


class Corridor(gymnasium.Env):
    """Walk to the right end in 10 steps; the start is random. No vector entry point, no Box2D."""

    observation_space = spaces.Box(-5.0, 5.0, (2,), np.float64)
    action_space = spaces.Discrete(2)
    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 10}

    def __init__(self, slip: float = 0.0, render_mode: str | None = None) -> None:
        self.slip, self.actions = slip, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.steps = float(self.np_random.uniform(-1, 1)), 0
        return self._seen(), {}

    def step(self, action):
        self.actions.append(action)
        move = 1.0 if action == 1 else -1.0
        self.place += move * (-1.0 if self.np_random.uniform() < self.slip else 1.0)
        self.steps += 1
        return self._seen(), self.place, abs(self.place) >= 5.0, False, {}

    def render(self):
        picture = np.zeros((40, 110, 3), np.uint8)
        picture[:, int(55 + 10 * self.place)] = 255
        return picture

    def _seen(self):
        return np.array([self.place, 1.0])


def corridor(**settings):
    return Environment(Corridor, steps=30, **settings)


def constant(space: NeatSpace, *outputs: float):
    """A genome whose outputs do not depend on what it sees."""
    genome = space.random(np.random.default_rng(0)).genes()
    for row, bias in zip(genome["nodes"][space.sensors :], outputs, strict=True):
        row[2] = bias
    genome["connections"] = []
    return space.from_genes(genome)


# What networks see and do ------------------------------------------------------------------------------------------------------


def test_the_largest_output_is_the_discrete_action():
    actions = Actions(spaces.Discrete(3, start=5))
    assert actions.outputs == 3
    assert actions.one(np.array([0.1, 0.9, 0.3])) == 6
    assert actions.many(np.array([[0.1, 0.9, 0.3], [1.0, 0.0, 0.0]])).tolist() == [6, 5]


def test_each_dimension_of_a_multi_discrete_space_has_its_own_choice():
    actions = Actions(spaces.MultiDiscrete([2, 3]))
    assert actions.outputs == 5
    assert actions.one(np.array([0.0, 1.0, 0.2, 0.1, 0.9])).tolist() == [1, 2]
    assert Actions(spaces.MultiBinary(3)).one(np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])).tolist() == [1, 0, 1]


def test_continuous_outputs_are_scaled_to_the_box_and_clipped():
    box = spaces.Box(np.array([0.0, -4.0]), np.array([10.0, 4.0]), dtype=np.float64)
    assert Actions(box).one(np.array([0.0, 0.5])).tolist() == [5.0, 2.0]
    assert Actions(box).one(np.array([-7.0, 7.0])).tolist() == [0.0, 4.0]
    assert Actions(box, output_range=(0.0, 1.0)).one(np.array([0.5, 1.0])).tolist() == [5.0, 4.0]
    assert Actions(spaces.Box(-np.inf, np.inf, (1,))).one(np.array([123.0])).tolist() == [123.0]


@pytest.mark.parametrize(
    "space", [spaces.Discrete(4), spaces.MultiDiscrete([2, 3, 2]), spaces.Box(-2.0, 3.0, (2, 2)), spaces.MultiBinary(2)]
)
def test_one_action_is_the_same_as_many_and_lies_in_the_space(space):
    actions = Actions(space)
    outputs = np.random.default_rng(1).normal(size=(50, actions.outputs)) * 2
    many = actions.many(outputs)
    for row, action in zip(outputs, many, strict=True):
        assert np.array_equal(actions.one(row), action)
        assert space.contains(np.asarray(action, space.dtype))


def test_spaces_that_networks_cannot_act_in_are_refused():
    with pytest.raises(ValueError, match="Text; wrap the environment"):
        Actions(spaces.Text(5))
    with pytest.raises(ValueError, match="ascending"):
        Actions(spaces.Box(0, 1, (1,)), output_range=(1.0, 1.0))


def test_observations_are_scaled_by_the_bounds_where_there_are_any():
    observations = Observations(spaces.Box(np.array([0.0, -np.inf]), np.array([10.0, np.inf])))
    observations.by_bounds()
    assert observations.one(np.array([10.0, 7.0])).tolist() == [1.0, 7.0]


def test_sampled_observations_are_centred_with_unit_spread():
    observations = Observations(spaces.Box(-100.0, 100.0, (2,), np.float64))
    sample = np.random.default_rng(0).normal((3.0, -8.0), (5.0, 0.2), size=(5000, 2))
    observations.by_sample(sample)
    seen = observations.many(sample)
    assert np.allclose(seen.mean(axis=0), 0.0, atol=1e-9)
    assert np.allclose(seen.std(axis=0), 1.0, atol=1e-3)
    assert np.array_equal(observations.one(sample[0]), seen[0])


def test_dictionaries_and_discrete_observations_are_flattened():
    observations = Observations(spaces.Dict({"a": spaces.Discrete(3), "b": spaces.Box(0.0, 1.0, (2,))}))
    assert observations.inputs == 5
    assert observations.one({"a": 1, "b": np.array([0.5, 0.25], np.float32)}).tolist() == [0.0, 1.0, 0.0, 0.5, 0.25]


def test_the_statistics_of_random_play_are_always_the_same():
    first, second = corridor(), corridor()
    assert np.array_equal(first.player.observations.shift, second.player.observations.shift)
    assert first.player.observations.shift[1] == 1.0  # what never varies is centred only


# Episodes -------------------------------------------------------------------------------------------------------------------------


def test_an_episode_is_what_gymnasium_itself_would_play():
    task = Environment("CartPole-v1", normalise="none")
    genome = task.space().random(np.random.default_rng(4))
    network = genome.network()
    environment = gymnasium.make("CartPole-v1")
    observation, _ = environment.reset(seed=11)
    total, done = 0.0, False
    while not done:
        observation, reward, terminated, truncated, _ = environment.step(int(network(observation[None])[0].argmax()))
        total, done = total + reward, terminated or truncated
    assert task.player.episodes(network, [11], 500).rewards.tolist() == [total]


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("seeds", ["generation", "birth"])
def test_a_vectorised_population_is_scored_as_each_network_alone(recurrent, seeds):
    """To the last bit: rewards, steps of every episode, what was seen, and the fresh episodes of those that reached `solved`."""

    def everything(episodes):
        return [number for episode in episodes for number in (*episode.observations[-1], episode.reward, episode.steps)]

    task = Environment("CartPole-v1", episodes=3, seeds=seeds, solved=40.0, fresh_episodes=15, descriptors=everything)
    assert task.population
    given = individuals(task, 25, recurrent)
    together = Episodes().measure(Trial(0, given), task, Context(seed=5))
    task.population = False
    alone = Episodes().measure(Trial(0, given), task, Context(seed=5))
    assert np.array_equal(together.values, alone.values) and not together.reasons and not alone.reasons
    assert together.info == alone.info and np.array_equal(together.descriptors, alone.descriptors)
    tested = [info["scores"]["fresh_episodes"] for info in alone.info if "fresh_episodes" in info["scores"]]
    assert recurrent or {10, 15} <= set(tested), "some fall short after 10 fresh episodes, some reach the last"


@pytest.mark.parametrize("options", [{"sutton_barto_reward": True}, {"render_mode": "rgb_array"}])
def test_a_vectorised_population_is_scored_alike_with_options_and_beyond_the_own_limit(options):
    task = Environment("CartPole-v1", episodes=1, steps=700, options=options, action_repeat=2)
    assert task.population
    given = [
        one for one in individuals(task, 40) if task.player.episodes(one.network(), task.search_seeds(2, 1), 700).steps[0] > 40
    ]
    together = Episodes().measure(Trial(0, given), task, Context(seed=2))
    task.population = False
    assert np.array_equal(Episodes().measure(Trial(0, given), task, Context(seed=2)).values, together.values)


@pytest.mark.parametrize("recurrent", [False, True])
def test_threads_and_a_gymnasium_that_steps_otherwise_change_no_score(recurrent, monkeypatch):
    given = individuals(Environment("CartPole-v1"), 25, recurrent)
    found = []
    for changed in (
        {"FEWEST": 1},
        {"FEWEST": 10**9},
        {"CartPoles.agrees": lambda poles: False},
    ):
        with monkeypatch.context() as patch:
            for name, value in changed.items():
                patch.setattr(f"neuroevo.tasks.cart_poles.{name}", value)
            patch.setattr("genomes.neat.threads.available_cores", lambda: 3)
            task = Environment("CartPole-v1", episodes=2, solved=40.0, fresh_episodes=12)
            assert (task.player.poles is None) == ("FEWEST" not in changed)
            found.append(Episodes().measure(Trial(0, given), task, Context(seed=5)))
    assert np.ptp(found[0].values) > 0 and found[0].info == found[1].info == found[2].info
    assert np.array_equal(found[0].values, found[1].values) and np.array_equal(found[0].values, found[2].values)


def test_cartpole_by_rungs_is_played_one_by_one():
    task = Environment("CartPole-v1", episodes=3, rungs=((1, 20.0),))
    assert not task.population
    found = Episodes().measure(Trial(0, individuals(task, 12)), task, Context(seed=2))
    assert {info["scores"]["episodes"] for info in found.info} == {1, 3}


def test_any_networks_are_scored_one_by_one_where_gymnasium_steps_otherwise(monkeypatch):
    task = Environment("CartPole-v1", episodes=2)
    networks = NetworksInTurn([one.genome.network() for one in individuals(task, 4)])
    seeds = [[1, 2]] * 4
    together = task.player.together(networks, seeds, 100)
    monkeypatch.setattr(task.player, "poles", None)
    assert np.array_equal(together.rewards, task.player.together(networks, seeds, 100).rewards)


def test_poles_that_do_not_step_as_gymnasium_does_are_noticed():
    poles = CartPoles(gymnasium.make("CartPole-v1"))
    assert poles.agrees()
    for position in range(len(poles.constants)):
        other = CartPoles(gymnasium.make("CartPole-v1"))
        other.constants[position] *= 1.0 + 1e-3 if position < 7 else 0.5
        assert not other.agrees(), position


@pytest.mark.parametrize("dynamics", ["leaky", "spiking"])
def test_networks_in_time_are_scored_together_as_alone(dynamics):
    task = Environment("CartPole-v1", episodes=2, descriptors=lambda episodes: [episode.steps for episode in episodes])
    space = task.space(recurrent=True, dynamics=dynamics)
    rng = np.random.default_rng(3)
    given = [ne.Individual(id, space.random(rng), (1.0,), names=("reward",)) for id in range(12)]
    together = Episodes().measure(Trial(0, given), task, Context(seed=1))
    task.population = False
    alone = Episodes().measure(Trial(0, given), task, Context(seed=1))
    assert np.array_equal(together.values, alone.values) and np.array_equal(together.descriptors, alone.descriptors)


@pytest.mark.parametrize(("id", "repeat"), [("CartPole-v1", 1), ("Pendulum-v1", 1), ("Pendulum-v1", 4)])
@pytest.mark.parametrize("normalise", ["none", "sampled"])
def test_descriptors_say_what_networks_saw(id, repeat, normalise):
    task = Environment(id, episodes=2, steps=30, normalise=normalise, action_repeat=repeat, descriptors="inputs")
    given, saw = individuals(task, 3), []
    described = Episodes().measure(Trial(0, given), task, Context(seed=1)).descriptors
    for one in given:
        network = one.genome.network()
        inputs = []
        task.player.episodes(lambda x, network=network, inputs=inputs: inputs.append(x[0]) or network(x), task.search_seeds(1, 1), 30)
        saw.append([len(inputs), *np.mean(inputs, axis=0), *np.var(inputs, axis=0)])
    assert np.allclose(described, saw, rtol=1e-5, atol=1e-6)
    again = Environment.from_settings(json.loads(json.dumps(task.settings())))
    assert again.describes_inputs and again.settings() == task.settings()
    assert not Environment(id).describes_inputs
    with pytest.raises(TypeError, match="or 'inputs'; got 'outputs'"):
        Environment(id, descriptors="outputs")


def test_what_is_no_number_counts_for_nothing_in_what_networks_saw():
    task = corridor(normalise="none", descriptors="inputs")
    seen = np.array([[1.0, np.inf], [3.0, np.nan], [5.0, np.inf], [9.0, 9.0]])
    count, *moments = task.describe([environment_play.Episode(seen, 0.0)])
    assert count == 3 and np.allclose(moments, [3.0, 0.0, 8.0 / 3.0, 0.0])


def test_a_run_does_not_go_on_with_another_description_of_episodes(tmp_path):
    def search(described, generations):
        task = Environment("CartPole-v1", episodes=1, steps=20, normalise="none", descriptors=described)
        return ne.evolve(task.space(), task, strategy=Neat(population=4), budget=ne.Budget(generations=generations), run=tmp_path / "run", progress=False)

    def describing(number):
        return lambda episodes: [number]

    search(describing(1.0), 1)
    assert search(describing(1.0), 2).generation == 2
    with pytest.raises(StoreError, match="descriptors changed since"):
        search(describing(2.0), 3)


def test_other_environments_are_scored_one_by_one_whatever_gymnasium_has():
    """One whose vectorised form starts elsewhere, and CartPole with a wrapper."""
    known, again, wrapped = "neuroevo/MountainCar-v0", "neuroevo/VectorMountainCar-v0", "neuroevo/WrappedCartPole-v0"
    entry = "gymnasium.envs.classic_control:MountainCarEnv"

    def vector(num_envs, **options):
        return gymnasium.make_vec("MountainCar-v0", num_envs=num_envs, vectorization_mode="sync")

    pole = ("gymnasium.envs.classic_control.cartpole:CartPoleEnv", "gymnasium.envs.classic_control.cartpole:CartPoleVectorEnv")
    negative = (gymnasium.wrappers.TransformReward.wrapper_spec(func=lambda reward: -reward),)
    gymnasium.register(known, entry, max_episode_steps=60)
    gymnasium.register(again, entry, max_episode_steps=60, vector_entry_point=vector)
    gymnasium.register(wrapped, pole[0], max_episode_steps=60, vector_entry_point=pole[1], additional_wrappers=negative)
    try:
        found = []
        for id in (known, again):
            task = Environment(id, episodes=2, output_range=(0.0, 1.0))
            assert not task.population
            found.append(Episodes().measure(Trial(0, individuals(task, 6)), task, Context(seed=3)).values)
        assert np.array_equal(*found)
        task = Environment(wrapped, episodes=1)
        assert (Episodes().measure(Trial(0, individuals(task, 3)), task, Context()).values < 0).all()
    finally:
        for id in (known, again, wrapped):
            del gymnasium.registry[id]


def test_an_action_is_repeated():
    task = corridor(action_repeat=3, normalise="none")
    task.player.environment.actions.clear()
    alternating = iter([np.array([0.0, 1.0]), np.array([1.0, 0.0])] * 20)

    class Network:
        def __call__(self, x):
            return next(alternating)[None]

    task.player.episodes(Network(), [3], 9)
    assert task.player.environment.actions == [1, 1, 1, 0, 0, 0, 1, 1, 1]


def test_the_rewards_of_steps_are_clipped_in_the_search_and_nowhere_else():
    right = constant(corridor().space(), 0.0, 1.0)
    plain, clipped = (corridor(episodes=4, clip_reward=clip) for clip in (None, (-0.5, 2.0)))
    seeds = plain.search_seeds(7, 0)
    found = clipped.score(clipped.phenotype(right), Context(seed=7))
    places = [start + 1.0 + np.arange(10) for start in (np.random.default_rng(seed).uniform(-1, 1) for seed in seeds)]
    assert found["reward"] == pytest.approx(np.mean([np.clip(own[: np.argmax(own >= 5) + 1], -0.5, 2.0).sum() for own in places]))
    assert found["environment_steps"] == plain.score(plain.phenotype(right), Context(seed=7))["environment_steps"]
    assert np.array_equal(clipped.play(right, episodes=5, seed=3).rewards, plain.play(right, episodes=5, seed=3).rewards)


def test_clipped_rewards_say_nothing_about_what_is_solved():
    with pytest.raises(ValueError, match="clip_reward and solved do not go together"):
        corridor(clip_reward=(-1.0, 1.0), solved=1.0)


@pytest.mark.parametrize("reward", [math.nan, math.inf, -math.inf])
def test_clipping_does_not_hide_rewards_that_are_no_finite_numbers(reward):
    class Broken(Corridor):
        def step(self, action):
            seen, _, *rest = super().step(action)
            return seen, reward, *rest

    task = Environment(Broken, steps=5, clip_reward=(-1.0, 1.0))
    with pytest.raises(ValueError, match="reward must be finite"):
        task.score(constant(task.space(), 0.0, 1.0).network(), Context())


def test_rungs_and_descriptors_go_by_clipped_rewards():
    task = corridor(episodes=3, rungs=((1, 100.0),), clip_reward=(0.0, 0.5), normalise="none", descriptors=lambda played: [played[0].reward])
    right = ne.Individual(0, constant(task.space(), 0.0, 1.0), (1.0,), names=("reward",))
    measured = Episodes().measure(Trial(0, [right]), task, Context(seed=1))
    assert measured.info[0]["scores"]["episodes"] == 1
    assert measured.descriptors[0].tolist() == [measured.values[0, 0]] and measured.values[0, 0] <= 5.0


def test_cartpole_with_clipped_rewards_is_played_one_by_one():
    task = Environment("CartPole-v1", episodes=2, clip_reward=(0.0, 0.5))
    plain = Environment("CartPole-v1", episodes=2)
    assert not task.population
    born = individuals(plain, 3)
    values = [Episodes().measure(Trial(0, born), one, Context(seed=2)).values for one in (plain, task)]
    assert np.array_equal(values[0], 2 * values[1])


@pytest.mark.parametrize("clip", [1.0, (1.0,), (-1.0, math.inf), (1.0, -1.0), ("a", "b"), (1.0, 1.0)])
def test_what_rewards_cannot_be_clipped_to_is_refused(clip):
    with pytest.raises(ValueError, match="clip_reward must be the least and the most"):
        corridor(clip_reward=clip)


def test_clipped_rewards_are_in_the_settings():
    task = Environment("CartPole-v1", clip_reward=(-1, 1))
    again = Environment.from_settings(json.loads(json.dumps(task.settings())))
    assert again.clip_reward == (-1.0, 1.0) and again.settings() == task.settings()
    assert "clip_reward" not in Environment("CartPole-v1").settings()


class Remembering(Corridor):
    """Every episode pays one more than the last."""

    played = 0

    def reset(self, **options):
        self.played += 1
        return super().reset(**options)

    def step(self, action):
        seen, _, *rest = super().step(action)
        return seen, np.float32(self.played), *rest


class OfThatKind(Remembering):
    __module__ = "elsewhere"


def test_an_environment_that_remembers_is_made_for_every_episode(monkeypatch):
    task = Environment(Remembering, steps=3, normalise="none")
    network = constant(task.space(), 0.0, 1.0).network()
    assert len({*task.player.episodes(network, [1, 1, 1], 3).rewards}) == 3
    monkeypatch.setattr(environment_play, "REMEMBER", frozenset({Remembering.__module__}))
    del task.__dict__["player"]
    assert {*task.player.episodes(network, [1, 1, 1], 3).rewards} == {3.0}
    assert Player(Environment(OfThatKind, steps=3, normalise="none"))._remembers


def test_bipedal_walkers_episodes_do_not_depend_on_those_before():
    pytest.importorskip("Box2D")
    task = Environment("BipedalWalker-v3", episodes=1, steps=100, normalise="none")
    network = constant(task.space(), 0.0, 0.0, 0.0, 0.0).network()
    first = task.player.episodes(network, range(6), 100).rewards
    assert np.array_equal(first, task.player.episodes(network, range(6), 100).rewards)
    alone = [Environment("BipedalWalker-v3", episodes=1, steps=100, normalise="none").player.episodes(network, [seed], 100).rewards[0] for seed in range(6)]
    assert first.tolist() == alone


def test_rewards_of_single_precision_are_added_in_double():
    class Tenth(Corridor):
        def step(self, action):
            seen, _, _, *rest = super().step(action)
            return seen, np.float32(0.1), False, *rest

    task = Environment(Tenth, steps=10_000, normalise="none")
    network = constant(task.space(), 0.0, 1.0).network()
    assert task.player.episodes(network, [1], 10_000).rewards[0] == pytest.approx(10_000 * float(np.float32(0.1)), rel=1e-12)


def test_episodes_depend_on_the_seed_and_the_generation_alone():
    task = corridor(episodes=4)
    assert task.search_seeds(1, 5) == task.search_seeds(1, 5)
    assert len({*task.search_seeds(1, 5), *task.search_seeds(1, 6), *task.search_seeds(2, 5), *task.fresh_seeds(1, 5, 4)}) == 16


@pytest.mark.parametrize("seeds", [pytest.param("generation", marks=pytest.mark.slow), "birth", pytest.param("fixed", marks=pytest.mark.slow)])
def test_the_result_does_not_depend_on_workers(seeds):
    found = []
    for workers in (1, 2):
        task = corridor(episodes=2, seeds=seeds, solved=100.0, options={"slip": 0.3})
        count = StepCount()
        run = ne.evolve(
            task.space(),
            task,
            population=12,
            budget=ne.Budget(generations=3),
            seed=4,
            workers=workers,
            callbacks=[count],
            progress=False,
        )
        found.append(([i.fitness.values for i in run.strategy.living], count.steps, run.best.genome.key()))
    assert found[0] == found[1]


def test_individuals_of_a_generation_share_their_starts_and_births_do_not():
    class Starts(ne.Callback):
        def on_start(self, run):
            self.seen = run.task

    for seeds, distinct in (("generation", 1), ("birth", 6), ("fixed", 1)):
        task = corridor(episodes=1, seeds=seeds, normalise="none")
        space = task.space()
        rewards = ne.evolve(
            space,
            task,
            strategy=Neat(population=6, initial=[constant(space, 0.0, 1.0)] * 6),
            budget=ne.Budget(generations=1),
            progress=False,
        )
        assert len({i.fitness.values for i in rewards.strategy.living}) == distinct


# Solved ---------------------------------------------------------------------------------------------------------------------------


def test_a_lucky_network_is_played_on_fresh_episodes_and_its_reward_is_their_mean():
    task = corridor(episodes=1, solved=14.0, fresh_episodes=50, options={"slip": 0.2})
    space = task.space()
    genome = constant(space, 0.0, 1.0)
    fresh = task.player.episodes(genome.network(), task.fresh_seeds(0, 0, 50), 30).rewards
    seen = set()
    for seed in range(12):
        individual = ne.Individual(0, genome, (1.0,), names=("reward",))
        measured = task.estimation().measure(_trial(individual), task, Context(seed=seed))
        scores, reward = measured.info[0]["scores"], measured.values[0, 0]
        if "fresh_episodes" in scores:
            assert scores["search_reward"] >= 14.0
            assert reward >= 14.0 if scores["fresh_episodes"] == 50 else reward < 14.0
        else:
            assert reward < 14.0
        seen.add("fresh_episodes" in scores)
    assert seen == {True, False}
    assert fresh.std() > 0


def test_a_reward_of_solved_in_a_vectorised_population_is_always_that_of_fresh_episodes():
    task = Environment("CartPole-v1", episodes=1, solved=60.0, fresh_episodes=20)
    run = ne.evolve(task.space(), task, strategy=Neat(population=80), budget=ne.Budget(generations=1), seed=2, progress=False)
    living = list(run.strategy.living)
    assert max(one.fitness.values[0] for one in living) >= 60.0
    for one in living:
        fresh = task.player.episodes(one.network(), task.fresh_seeds(2, one.id, 20), 500).rewards
        if one.fitness.values[0] >= 60.0:
            assert one.fitness.values[0] == fresh.mean()


def test_cartpole_is_solved():
    task = Environment("CartPole-v1", episodes=2, solved=475.0)
    count = StepCount()
    run = ne.evolve(
        task.space(),
        task,
        population=100,
        budget=ne.Budget(generations=40, target=475.0),
        seed=1,
        callbacks=[count],
        progress=False,
    )
    assert run.solved
    assert task.play(run.best.genome, episodes=100, seed=5).rewards.mean() >= 475.0
    assert count.steps > 100 * 475


# The rest -------------------------------------------------------------------------------------------------------------------------


def test_reward_against_connections_under_nsga2():
    task = corridor(episodes=1, objectives="reward,connections")
    run = ne.evolve(task.space(), task, strategy=Nsga2(population=10), budget=ne.Budget(generations=3), seed=1, progress=False)
    for individual in run.front:
        assert individual.fitness.values[1] == individual.genome.connections.enabled.sum()


def test_recurrent_networks_start_every_episode_with_an_empty_memory():
    task = corridor(normalise="none")
    genome = task.space(recurrent=True, initial="random", initial_hidden=3).random(np.random.default_rng(3))
    network = genome.network()
    once = task.player.episodes(network, [1, 2, 1], 30).rewards
    assert once[0] == once[2]


def test_a_task_travels_without_its_environment():
    task = corridor()
    copy = pickle.loads(pickle.dumps(task))
    assert "player" not in copy.__dict__
    assert np.array_equal(copy.player.observations.shift, task.player.observations.shift)
    assert isinstance(copy.player, Player)


def test_an_episode_is_filmed(tmp_path):
    from PIL import Image

    task = corridor(normalise="none")
    reward = task.record(constant(task.space(), 0.0, 1.0), tmp_path / "walk.gif", seed=3, every=1, width=110)
    film = Image.open(tmp_path / "walk.gif")
    assert film.n_frames == task.player.episodes(constant(task.space(), 0.0, 1.0).network(), [3], 30).steps[0] + 1
    assert reward > 0
    with pytest.raises(ValueError, match=r"must end in \.gif"):
        task.record(constant(task.space(), 0.0, 1.0), tmp_path / "walk.mp4")


def test_mujocos_camera_follows_unless_another_is_asked_for():
    def environment(*names):
        model = SimpleNamespace(ncam=len(names), camera=lambda number: SimpleNamespace(name=names[number]))
        made = SimpleNamespace(model=model, mujoco_renderer=SimpleNamespace(camera_id=-1))
        made.unwrapped = made
        return made

    for names, options, wanted in (
        (("side", "track"), {}, 1), (("side",), {}, -1), ((), {}, -1), (("track",), {"camera_name": "side"}, -1), (("track",), {"default_camera_config": {}}, -1),
    ):  # fmt: skip
        made = environment(*names)
        follow(made, options)
        assert made.mujoco_renderer.camera_id == wanted
    plain = SimpleNamespace()
    plain.unwrapped = plain
    follow(plain, {})


def test_what_cannot_be_drawn_is_a_sentence(tmp_path, monkeypatch):
    task = corridor(normalise="none")
    made = task.player.single

    def blind(options):
        environment = made(options)

        def render():
            raise OSError("no display")

        environment.render = render
        return environment

    monkeypatch.setattr(task.player, "single", blind)
    with pytest.raises(RuntimeError, match=r"cannot be drawn on this machine \(OSError: no display\)"):
        task.record(constant(task.space(), 0.0, 1.0), tmp_path / "walk.gif")
    assert not (tmp_path / "walk.gif").exists()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"episodes": 0}, "episodes must be a whole number >= 1"),
        ({"normalise": "some"}, "normalise must be one of 'sampled', 'bounds', 'none'"),
        ({"seeds": "random"}, "seeds must be one of"),
        ({"objectives": "connections"}, "include 'reward'"),
        ({"objectives": "rewards"}, "did you mean 'reward'"),
    ],
)
def test_wrong_settings_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Environment("CartPole-v1", **settings)


def test_an_unknown_environment_is_refused():
    with pytest.raises(ValueError, match="gymnasium knows no environment 'CartPole-v9'"):
        Environment("CartPole-v9")


class Endless(Corridor):
    def step(self, action):
        observation, reward, _, _, info = super().step(action)
        return observation, reward, False, self.steps >= 7, info


def limited(limit):
    return gymnasium.wrappers.TimeLimit(Corridor(), limit)


def test_the_time_limit_of_an_environment_that_a_function_makes_is_its_own():
    assert Environment(lambda: gymnasium.make("CartPole-v1", max_episode_steps=30)).steps == 30
    assert Environment(limited, options={"limit": 12}).full_steps == 12
    shorter = Environment(limited, options={"limit": 12}, steps=5)
    assert (shorter.steps, shorter.full_steps) == (5, 12)
    for made in (Corridor, Endless, lambda: gymnasium.make("CartPole-v1", max_episode_steps=-1).unwrapped.__class__()):
        with pytest.raises(
            ValueError, match=r"does not say after how many steps .* steps=1000 \(where it ends earlier by itself, it does\)"
        ):
            Environment(made)
    task = Environment(Endless, steps=100, normalise="none")
    assert task.player.episodes(constant(task.space(), 0.0, 1.0).network(), [3], 100).steps.tolist() == [7]


class OldReset(Corridor):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0]


class OldStep(Corridor):
    def step(self, action):
        return super().step(action)[:4]


class Unseeded(Corridor):
    def reset(self):
        return super().reset()


NOT_ENVIRONMENTS = {
    "made already": (lambda: gymnasium.make("CartPole-v1"), r"made already \(.*\): write Environment\('CartPole-v1'\)"),
    "one's own, made already": (Corridor, r"made already \(Corridor\): write Environment\(Corridor\)"),
    "vector": (lambda: gymnasium.make_vec("CartPole-v1", num_envs=2), r"a vector environment \(CartPoleVectorEnv\)"),
    "makes a vector": (lambda: lambda: gymnasium.make_vec("CartPole-v1", num_envs=2), "makes a vector environment"),
    "makes nothing": (lambda: lambda: None, "it made None, which has no reset"),
    "makes something": (lambda: lambda: gymnasium.spec("CartPole-v1"), "which has no reset"),
    "number": (lambda: 3, "by its id, such as 'CartPole-v1', or by a function that makes it, got 3"),
    "specification": (lambda: gymnasium.spec("CartPole-v1"), "by its id, such as 'CartPole-v1', or by a function"),
    "old reset": (lambda: OldReset, r"reset\(seed=\.\.\.\) of an environment returns \(observation, info\)"),
    "old step": (lambda: OldStep, r"step\(action\) of an environment returns \(observation, reward, terminated"),
    "reset without a seed": (lambda: Unseeded, "cannot be reset and stepped as gymnasium's can: .*seed"),
}


@pytest.mark.parametrize("what", NOT_ENVIRONMENTS)
def test_what_is_no_environment_is_refused_in_a_sentence(what):
    given, sentence = NOT_ENVIRONMENTS[what]
    with pytest.raises(ValueError, match=sentence):
        Environment(given(), steps=20)


def test_options_reach_the_environment():
    task = Environment("CartPole-v1", episodes=1, options={"sutton_barto_reward": True})
    run = ne.evolve(task.space(), task, population=10, budget=ne.Budget(generations=1), progress=False)
    assert run.failures == 0 and {individual.fitness.values[0] for individual in run.strategy.living} <= {-1.0, 0.0}
    assert corridor(options={"slip": 0.5}).player.environment.slip == 0.5


# Numbers that are none ------------------------------------------------------------------------------------------------------------


class Poisoned(Corridor):
    """Corridor whose rewards or observations are no numbers in some steps."""

    def __init__(self, reward=0.0, observation=0.0, where=1.0):
        super().__init__()
        self.reward, self.observation, self.where = reward, observation, where

    def step(self, action):
        observation, reward, *rest = super().step(action)
        if self.place > self.where:
            reward = reward + self.reward
        return observation, reward, *rest

    def _seen(self):
        return np.array([self.place, 1.0 + (self.observation if self.place > self.where else 0.0)])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("objectives", ["reward", "reward,connections"])
def test_a_reward_that_is_no_number_fails_the_evaluation(wrong, objectives):
    task = Environment(
        Poisoned, episodes=2, steps=20, objectives=objectives, options={"reward": wrong}, solved=1.0, normalise="none"
    )
    space = task.space()
    initial = [constant(space, 0.0, 1.0), constant(space, 1.0, 0.0)]
    strategy = (Neat if objectives == "reward" else Nsga2)(
        population=2, **({"initial": initial} if objectives == "reward" else {})
    )
    measured = Episodes().measure(
        Trial(
            0,
            [
                ne.Individual(id, genome, (1.0,) * len(task.objectives), names=tuple(task.objectives))
                for id, genome in enumerate(initial)
            ],
        ),
        task,
        Context(),
    )
    assert list(measured.reasons) == [0] and "reward must be finite" in measured.reasons[0]
    assert np.isfinite(measured.values[1]).all()
    if objectives == "reward":
        run = ne.evolve(space, task, strategy=strategy, budget=ne.Budget(generations=1), progress=False)
        assert run.failures == 1 and np.isfinite(run.best.fitness.values[0])


def test_outputs_that_are_no_numbers_fail_the_evaluation_alone_and_vectorised():
    wrong = NeatSpace(4, 2)
    for task, space in (
        (Environment("CartPole-v1", episodes=2, normalise="none"), wrong),
        (corridor(normalise="none"), NeatSpace(2, 2)),
    ):
        broken = constant(space, 0.0, 1.0)
        broken.nodes.bias.setflags(write=True)
        broken.nodes.bias[-1] = np.nan
        given = [
            ne.Individual(0, broken, (1.0,), names=("reward",)),
            ne.Individual(1, constant(space, 0.0, 1.0), (1.0,), names=("reward",)),
        ]
        measured = Episodes().measure(Trial(0, given), task, Context())
        assert list(measured.reasons) == [0] and np.isfinite(measured.values[1, 0])


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_an_observation_that_is_no_number_does_not_scale_the_others(wrong):
    clean = Observations(spaces.Box(-100.0, 100.0, (3,), np.float64))
    sample = np.random.default_rng(0).normal(3.0, 5.0, size=(200, 3))
    clean.by_sample(sample[50:])
    poisoned = Observations(clean.space)
    sample[:50, 0], sample[:, 2] = wrong, wrong
    poisoned.by_sample(sample)
    assert np.allclose([poisoned.shift[0], poisoned.scale[0]], [clean.shift[0], clean.scale[0]])
    assert (poisoned.shift[2], poisoned.scale[2]) == (0.0, 1.0) and np.isfinite(poisoned.many(np.ones((2, 3)))).all()
    task = Environment(Poisoned, steps=20, options={"observation": wrong, "where": 4.0})
    assert np.isfinite([*task.player.observations.shift, *task.player.observations.scale]).all()


def test_a_network_of_the_wrong_size_is_refused_with_a_recorded_reason():
    task = corridor()
    with pytest.raises(ne.SearchFailed, match="2 inputs and 2 outputs, got 3 and 1"):
        ne.evolve(NeatSpace(3, 1), task, population=3, budget=ne.Budget(generations=1), progress=False)


def test_without_gymnasium_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['gymnasium'] = None\n"
        "from neuroevo.tasks import Environment\n"
        "try:\n    Environment('CartPole-v1')\nexcept ImportError as error:\n    print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert how_to_install("gym") in said


def _trial(individual):
    return Trial(individual.id, (individual,))


def individuals(task, count, recurrent=False):
    space = task.space(recurrent=True, initial_hidden=2) if recurrent else task.space()
    genomes = [space.random(np.random.default_rng(seed)) for seed in range(count)]
    return [ne.Individual(3 + id, genome, (1.0,), names=("reward",), generation=1) for id, genome in enumerate(genomes)]


def test_a_race_ends_at_the_rung_that_is_missed():
    task = corridor(episodes=6, rungs=((1, 12.0), (3, 13.0)), options={"slip": 0.3}, normalise="none")
    genome = constant(task.space(), 0.0, 1.0)
    lasted = set()
    for seed in range(20):
        seeds = task.search_seeds(seed, 0)
        every = task.player.episodes(genome.network(), seeds, 30).rewards
        expected = 1 if every[0] < 12.0 else 3 if every[:3].mean() < 13.0 else 6
        individual = ne.Individual(0, genome, (1.0,), names=("reward",))
        measured = task.estimation().measure(_trial(individual), task, Context(seed=seed))
        assert measured.info[0]["scores"]["episodes"] == expected
        assert measured.values[0, 0] == every[:expected].mean()
        lasted.add(expected)
    assert lasted == {1, 3, 6}
    with pytest.raises(ValueError, match="ascending numbers of episodes below episodes=6"):
        corridor(episodes=6, rungs=((3, 0.0), (6, 1.0)))
    with pytest.raises(ValueError, match="must ascend, and stay below solved=5"):
        corridor(episodes=6, rungs=((3, 7.0),), solved=5)


@pytest.mark.parametrize("reward", [None, "much", 1j, np.array([1.0, 2.0])], ids=repr)
def test_a_reward_that_is_no_number_is_one_sentence(reward: object) -> None:
    class Odd(Corridor):
        def step(self, action):
            observation, _, *rest = super().step(action)
            return observation, reward, *rest

    player = Environment(Odd, steps=3).player
    with pytest.raises(TypeError, match=r"^the environment's rewards must be numbers, it gave "):
        player.episode(_Silent(player.actions.outputs), 0, 3)


class _Silent:
    def __init__(self, outputs: int) -> None:
        self.outputs = outputs

    def reset(self) -> None:
        pass

    def __call__(self, observation):
        return np.zeros(self.outputs)


@pytest.mark.parametrize(("id", "options"), [("CartPole-v1", {"low": 0.1}), ("Pendulum-v1", {"gravity": 3, "mass": 1})])
def test_options_that_an_environment_does_not_take_are_one_sentence(id: str, options: dict) -> None:
    with pytest.raises(
        ValueError, match=rf"'{id}' cannot be made with options '{next(iter(options))}'.*got an unexpected keyword"
    ) as error:
        Environment(id, options=options)
    assert "{" not in str(error.value) and "Env." not in str(error.value)


@pytest.mark.parametrize("solved", [True, np.bool_(True), [1.0], np.array([2.0]), "much"], ids=repr)
def test_what_counts_as_solved_is_a_number(solved: object) -> None:
    with pytest.raises(ValueError, match="solved must be a number"):
        Environment("CartPole-v1", solved=solved)  # type: ignore[arg-type]


# Curiosity --------------------------------------------------------------------------------------------------------------------


def test_curiosity_counts_the_different_states_of_an_episode():
    task = corridor(objectives="curiosity,reward", normalise="none", cell=2.0, state=(0,), episodes=4, seeds="fixed")
    space = NeatSpace(task.inputs, task.outputs)
    genome = constant(space, 0.0, 1.0)  # to the right, always
    network = genome.network()
    played = task.player.episodes(network, task.search_seeds(3, 0), 30, keep=True)
    expected = np.mean([len(set(np.floor(episode.observations[:, 0] / 2.0).tolist())) for episode in played.episodes])
    found = task.score(network, Context(seed=3))
    assert found["curiosity"] == expected == task.curiosity(played.episodes) and 3 <= expected <= 4
    whole = corridor(objectives="curiosity,reward", normalise="none", cell=2.0, seeds="fixed", episodes=4)
    assert whole.score(network, Context(seed=3))["curiosity"] == expected, "the second number never changes"


@pytest.mark.parametrize("recurrent", [False, True])
def test_curiosity_of_a_vectorised_population_is_that_of_each_alone(recurrent):
    task = Environment("CartPole-v1", episodes=3, objectives="reward,curiosity", solved=40.0, fresh_episodes=15, cell=0.5)
    given = individuals(task, 25, recurrent)
    together = Episodes().measure(Trial(0, given), task, Context(seed=5))
    task.population = False
    alone = Episodes().measure(Trial(0, given), task, Context(seed=5))
    assert np.array_equal(together.values, alone.values) and together.info == alone.info
    assert len(set(together.values[:, 1].tolist())) > 5


def test_a_search_by_curiosity_needs_no_reward():
    """MountainCar pays -1 a step whatever is done: all are alike until one is at the top."""
    task = Environment("MountainCar-v0", episodes=1, objectives="curiosity,reward", cell=1.0, seeds="fixed", steps=60)
    strategy = Neat(population=20, threads=1)
    run = ne.evolve(task.space(), task, strategy=strategy, budget=ne.Budget(generations=3), seed=1, progress=False)
    best = [max(one.values["curiosity"] for one in run if one.generation == number) for number in range(3)]
    assert {one.values["reward"] for one in run} == {-60.0} and best[2] > best[0] and run.best.values["curiosity"] == max(best)


def test_settings_of_curiosity_are_kept_and_refused():
    task = Environment("MountainCar-v0", objectives="curiosity,reward", cell=0.5, state=(0,))
    again = Environment.from_settings(task.settings())
    assert (again.cell, again.state, list(again.objectives)) == (0.5, (0,), ["curiosity", "reward"])
    assert "cell" not in Environment("MountainCar-v0").settings(), "as in runs from before there was curiosity"
    for settings, sentence in (
        ({"cell": 0.5}, "cell and state say what curiosity is; add it to the objectives 'reward'"),
        ({"objectives": "curiosity,reward", "cell": 0}, "cell must be a length > 0, got 0"),
        (
            {"objectives": "curiosity,reward", "state": (2,)},
            r"state must be positions in an observation, from 0 to 1, got \(2,\)",
        ),
        ({"objectives": "curiosity"}, "an environment's objectives include 'reward'"),
    ):
        with pytest.raises(ValueError, match=sentence):
            Environment("MountainCar-v0", **settings)
