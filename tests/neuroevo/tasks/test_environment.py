"""Environments of gymnasium: what networks see and do, which episodes they play, and what counts as solved."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import ClassVar

import numpy as np
import pytest

import neuroevo as ne
from genomes import NeatSpace
from neuroevo.core.extras import how_to_install
from neuroevo.strategies import Neat, Nsga2
from neuroevo.tasks import Context, Environment, StepCount
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


def test_a_vectorised_population_plays_as_each_network_would_alone():
    task = Environment("CartPole-v1", normalise="none")
    genomes = [task.space().random(np.random.default_rng(seed)) for seed in range(5)]
    network = ne.decode.population_network(genomes)
    played = task.player.together(network, 2, 7, 500)
    environment = gymnasium.make_vec("CartPole-v1", num_envs=10, vectorization_mode="vector_entry_point").unwrapped
    starts, _ = environment.reset(seed=7)
    for i, genome in enumerate(genomes):
        for episode in range(2):
            single = gymnasium.make("CartPole-v1").unwrapped
            single.reset(seed=0)
            single.state = environment.state[:, 2 * i + episode].copy()
            observation, controller, steps = starts[2 * i + episode], genome.network().controller(), 0
            terminated = False
            while not terminated and steps < 500:
                observation, _, terminated, _, _ = single.step(int(controller(observation).argmax()))
                steps += 1
            assert played.steps[i, episode] == steps


def test_an_action_is_repeated():
    task = corridor(action_repeat=3, normalise="none")
    task.player.environment.actions.clear()
    alternating = iter([np.array([0.0, 1.0]), np.array([1.0, 0.0])] * 20)

    class Network:
        def __call__(self, x):
            return next(alternating)[None]

    task.player.episodes(Network(), [3], 9)
    assert task.player.environment.actions == [1, 1, 1, 0, 0, 0, 1, 1, 1]


def test_episodes_depend_on_the_seed_and_the_generation_alone():
    task = corridor(episodes=4)
    assert task.search_seeds(1, 5) == task.search_seeds(1, 5)
    assert len({*task.search_seeds(1, 5), *task.search_seeds(1, 6), *task.search_seeds(2, 5), *task.fresh_seeds(1, 5, 4)}) == 16


@pytest.mark.parametrize("seeds", ["generation", "birth", "fixed"])
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
    rewards = sorted(individual.fitness.values[0] for individual in run.strategy.living)
    assert sum(reward >= 60.0 for reward in rewards) <= 10
    assert rewards[-1] >= 60.0
    assert any(reward == np.nextafter(60.0, 0.0) for reward in rewards) or rewards[-1] == max(rewards)


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
    with pytest.raises(ValueError, match="no time limit of its own"):
        Environment(Corridor)


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
    from neuroevo.core.trial import Trial

    return Trial(individual.id, (individual,))


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
