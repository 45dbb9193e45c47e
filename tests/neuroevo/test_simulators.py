"""Poles on carts: the dynamics against the Lagrangian equations, episodes against a plain loop, the paper's two tasks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import neuroevo as ne
from genomes import NeatSpace
from genomes.neat.network import population_network
from genomes.neat.threads import Threads
from neuroevo.simulators import CartPole, DoublePole
from neuroevo.simulators.pole_kernels import runge_kutta
from neuroevo.strategies import Neat
from neuroevo.tasks.base import Context

POLES = ((0.1, 0.5), (0.01, 0.05))  # mass, half-length
FRICTION = 2e-6


def lagrangian(state: np.ndarray, force: float, poles: int) -> np.ndarray:
    """Time derivative of (x, x', a1, a1', a2, a2'), by solving the mass matrix of a cart with rods hinged on it."""
    unknowns = 1 + poles
    mass, load = np.zeros((unknowns, unknowns)), np.zeros(unknowns)
    mass[0, 0], load[0] = 1.0, force
    for i, (m, half) in enumerate(POLES[:poles], start=1):
        angle, speed = state[2 * i], state[2 * i + 1]
        mass[0, 0] += m
        mass[0, i] = mass[i, 0] = m * half * math.cos(angle)
        mass[i, i] = 4.0 / 3.0 * m * half**2
        load[0] += m * half * speed**2 * math.sin(angle)
        load[i] = m * 9.8 * half * math.sin(angle) - FRICTION * speed
    acceleration = np.linalg.solve(mass, load)
    change = np.zeros(6)
    for i in range(unknowns):
        change[2 * i], change[2 * i + 1] = state[2 * i + 1], acceleration[i]
    return change


small = st.floats(-0.6, 0.6)
speeds = st.floats(-1.5, 1.5)


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.floats(-2, 2), speeds, small, speeds, small, speeds), st.floats(-10, 10), st.sampled_from([1, 2]))
def test_the_dynamics_are_those_of_rods_on_a_cart(start: tuple[float, ...], force: float, poles: int) -> None:
    state = np.array(start)
    if poles == 1:
        state[4:] = 0.0
    exact = solve_ivp(lambda _, s: lagrangian(s, force, poles), (0, 0.02), state, rtol=1e-10, atol=1e-12).y[:, -1]
    moved = state.copy()
    runge_kutta(moved, force, poles)
    runge_kutta(moved, force, poles)
    # a step of 0.01 s is coarse for the short pole, whose time constant is 0.08 s: fourth order leaves 1e-4 at these speeds
    assert np.allclose(moved, exact, rtol=1e-4, atol=2e-4)


def genomes(task: DoublePole | CartPole, count: int, recurrent: bool) -> list:
    space = NeatSpace(
        task.inputs,
        1,
        recurrent=recurrent,
        add_node_rate=0.3,
        add_connection_rate=0.5,
        weight_range=0.1,
        weight_power=0.05,
        bias="input",
        bias_value=0.1,
    )
    rng = np.random.default_rng(4)
    born = []
    for _ in range(count):
        genome = space.random(rng)
        for clock in range(1, 8):
            genome = genome.mutate(rng, clock=clock)
        born.append(genome)
    return born


@pytest.mark.parametrize(
    ("task", "recurrent"),
    [
        (DoublePole(velocities=True, steps=300), False),
        (DoublePole(velocities=False, steps=300), True),
        (DoublePole(velocities=False, steps=300, activations_per_step=3), True),
        (CartPole(velocities=True, steps=300), False),
        (CartPole(velocities=False, steps=300), True),
    ],
)
def test_an_episode_is_what_a_plain_loop_plays(task: DoublePole | CartPole, recurrent: bool) -> None:
    limit = math.radians(36 if task.poles == 2 else 12)
    members = genomes(task, 8, recurrent)
    lasted, restlessness = task.play(population_network(members), task.start[None], task.steps)
    for member, genome in enumerate(members):
        network = genome.network(activations_per_step=task.activations_per_step)
        state, unrest, steps = task.start.copy(), [], 0
        while steps < task.steps:
            shown = [state[0] / 4.8, state[1] / 2, state[2] / 0.52, state[3] / 2, state[4] / 0.52, state[5] / 2][
                : 2 + 2 * task.poles
            ]
            output = network([shown if task.velocities else shown[::2]])[0, 0]
            runge_kutta(state, 20.0 * (output - 0.5), task.poles)
            runge_kutta(state, 20.0 * (output - 0.5), task.poles)
            if abs(state[0]) > 2.4 or abs(state[2]) > limit or abs(state[4]) > limit:
                break
            unrest.append(np.abs(state[:4]).sum())
            steps += 1
        assert lasted[member, 0] == steps
        assert restlessness[member, 0] == (pytest.approx(sum(unrest[-100:])) if steps >= 100 else math.inf)
    assert len(set(lasted[:, 0].tolist())) > 1


def test_gruaus_fitness_rewards_time_and_calm() -> None:
    task = DoublePole(velocities=False, steps=1000)
    network = population_network(genomes(task, 30, True))
    lasted, restlessness = task.play(network, task.start[None], 1000)
    fitness = task.score_population(network, Context())
    for value, steps, unrest in zip(fitness, lasted[:, 0], restlessness[:, 0], strict=True):
        assert value == pytest.approx(0.1 * steps / 1000 + (0.9 * 0.75 / unrest if steps >= 100 else 0.0))


def test_a_cart_that_starts_fallen_lasts_no_time() -> None:
    for task in (DoublePole(start_angle=math.radians(37)), CartPole(start_angle=math.radians(13))):
        assert task.score_population(population_network(genomes(task, 3, False)), Context()).tolist() == [0.0, 0.0, 0.0]


def test_threads_change_nothing() -> None:
    task = DoublePole(steps=500)
    members = genomes(task, 40, False)
    alone = task.score_population(population_network(members), Context())
    assert np.array_equal(alone, task.score_population(population_network(members, Threads(3)), Context()))


def test_networks_that_do_not_fit_are_refused() -> None:
    task = DoublePole(velocities=False)
    with pytest.raises(ValueError, match="3 inputs and 1 output, got 6 and 1"):
        task.score_population(NeatSpace(6, 1).random(np.random.default_rng(0)).network(), Context())
    with pytest.raises(ValueError, match="networks of NEAT genomes, got function"):
        task.score_population(lambda x: x, Context())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps must be a whole number >= 1"),
        ({"start_angle": 90.0}, "radians"),
        ({"generalization": 626}, "between 0 and 625"),
        ({"activations_per_step": 0}, "activations_per_step must be >= 1"),
    ],
)
def test_bad_settings_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DoublePole(**arguments)


def test_neat_balances_two_poles_and_one() -> None:
    for task, most in ((DoublePole(steps=5000), 10_000), (CartPole(steps=5000), 3_000)):
        run = ne.evolve(
            NeatSpace(task.inputs, 1),
            task,
            strategy=Neat(),
            seed=1,
            budget=ne.Budget(evaluations=most, target=5000),
            progress=False,
        )
        assert run.solved
        network = run.best.genome.network()
        assert task.play(network, task.start[None], 5000)[0].tolist() == [[5000]]


def test_a_network_that_passes_both_tests_solves_the_task_without_velocities() -> None:
    """With easier tests (2,000 decisions, 20 starts) the task is solved in seconds, and what solved it passes them again."""
    task = DoublePole(velocities=False, steps=2000, generalization=20)
    space = NeatSpace(3, 1, recurrent=True, bias="input", bias_value=0.5, weight_mutation_share=0.3, add_connection_rate=0.3)
    budget = ne.Budget(evaluations=60_000, target=task.target)
    run = ne.evolve(space, task, strategy=Neat(population=500), seed=1, budget=budget, progress=False, record="champions")
    assert run.solved and run.best.fitness.values[0] == task.target
    network = run.best.genome.network()
    assert task.play(network, task.start[None], 2000)[0].tolist() == [[2000]]
    assert 20 <= task.generalization(network) <= 625
