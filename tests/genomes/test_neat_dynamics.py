"""Networks in time: plain NumPy integration is the oracle (neat-python's own networks are, in tests/neuroevo/interop)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import NeatSpace
from genomes.base import Genome, Space
from genomes.neat.dynamics import NEURONS, PopulationInTime
from genomes.neat.network import population_network

INPUTS = np.random.default_rng(5).normal(size=(12, 2))
KINDS = ("leaky", "ctrnn", "ctrnn_alternating", "spiking")


def space_of(dynamics: str, **changes):
    return NeatSpace(
        2, 2, recurrent=True, dynamics=dynamics, initial="random", initial_hidden=5, add_connection_rate=0.8, add_node_rate=0.5,
        response_mutation_rate=0.8, activations=("regular_spiking", "chattering") if dynamics == "spiking" else ("tanh", "sigmoid"),
        activation_mutation_rate=0.5, **changes,
    )  # fmt: skip


def genome_of(space: NeatSpace, seed: int, mutations: int = 8):
    rng = np.random.default_rng(seed)
    genome = space.random(rng)
    for clock in range(1, mutations):
        genome = genome.mutate(rng, clock=clock)
    return genome


def wiring(genome):
    """Weights [nodes, nodes], biases, responses, functions, straight from the genes."""
    genes = genome.genes()
    index = {row[0]: i for i, row in enumerate(genes["nodes"])}
    weights = np.zeros((len(index), len(index)))
    for _, source, target, weight, enabled in genes["connections"]:
        weights[index[target], index[source]] = weight if enabled else 0.0
    columns = list(zip(*genes["nodes"], strict=True))
    return weights, np.array(columns[2]), np.array(columns[3]), columns[4]


FUNCTIONS = {"tanh": np.tanh, "sigmoid": lambda x: 1.0 / (1.0 + np.exp(-x)), "identity": lambda x: x}


def euler(genome, inputs, step, times):
    """tau y' = f(bias + W y) - y, by hand."""
    weights, bias, tau, names = wiring(genome)
    space, y, answers = genome.space, np.zeros(len(bias)), []
    for x in inputs:
        for _ in range(times):
            y[:2] = x
            target = np.array([FUNCTIONS[name](value) for name, value in zip(names, bias + weights @ y, strict=True)])
            y = np.where(np.arange(len(y)) < space.sensors, y, y + step / np.maximum(np.abs(tau), step) * (target - y))
        answers.append(y[space.sensors : space.fixed].copy())
    return np.array(answers)


@pytest.mark.parametrize("seed", range(6))
def test_continuous_time_networks_follow_eulers_method(seed):
    genome = genome_of(space_of("ctrnn", time_step=0.05, steps_a_call=4), seed)
    network = genome.network()
    found = np.array([network(x[None])[0] for x in INPUTS])
    assert np.allclose(found, euler(genome, INPUTS, 0.05, 4), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_leaky_nodes_move_by_a_share_each_time_step(seed):
    genome = genome_of(space_of("leaky"), seed)
    network = genome.network()
    found = np.array([network(x[None])[0] for x in INPUTS])
    assert np.allclose(found, euler(genome, INPUTS, 1.0, 1), rtol=1e-10, atol=1e-12)


def test_a_leaky_network_whose_time_constants_are_one_is_a_recurrent_network():
    leaky = genome_of(NeatSpace(2, 1, recurrent=True, dynamics="leaky", initial="random", initial_hidden=4), 2)
    plain = NeatSpace(2, 1, recurrent=True, initial="random", initial_hidden=4).from_genes(leaky.genes())
    one, other = leaky.network(), plain.network()
    for x in INPUTS:
        assert np.allclose(one(x[None]), other(x[None]), rtol=1e-12, atol=1e-15)


def test_a_smaller_time_step_approaches_the_solution():
    genome = genome_of(space_of("ctrnn", time_step=0.001, steps_a_call=1000), 1)
    truth = genome.network()(INPUTS[:1])
    errors = []
    for step, times in ((0.1, 10), (0.01, 100)):
        space = space_of("ctrnn", time_step=step, steps_a_call=times)
        errors.append(np.abs(space.from_genes(genome.genes()).network()(INPUTS[:1]) - truth).max())
    assert errors[1] < errors[0] / 5


def izhikevich(genome, inputs, step):
    """Spikes of the outputs at every time step, by hand."""
    weights, bias, _, names = wiring(genome)
    space = genome.space
    a, b, c, d = np.array([NEURONS.get(name, (0.0, 0.0, 0.0, 0.0)) for name in names]).T
    v, u, fired, answers = c.copy(), b * c, np.zeros(len(c)), []
    for x in inputs:
        fired[:2] = x
        current = bias + weights @ fired
        for _ in range(2):
            v = v + 0.5 * step * (0.04 * v * v + 5.0 * v + 140.0 - u + current)
        u = u + step * a * (b * v - u)
        spikes = v > 30.0
        v, u, fired = np.where(spikes, c, v), np.where(spikes, u + d, u), spikes.astype(float)
        answers.append(fired[space.sensors : space.fixed].copy())
    return np.array(answers)


def test_spiking_nodes_are_izhikevichs():
    spikes = 0.0
    for seed in range(5):
        space = space_of("spiking", time_step=0.5, weight_limit=30.0, weight_range=30.0, bias_range=8.0)
        genome = genome_of(space, seed)
        inputs = np.tile([[4.0, 3.0]], (300, 1))
        network = genome.network()
        found = np.array([network(x[None])[0] for x in inputs])
        assert np.array_equal(found, izhikevich(genome, inputs, 0.5))
        rate = space_of("spiking", time_step=0.5, steps_a_call=300, weight_limit=30.0, weight_range=30.0, bias_range=8.0)
        assert np.allclose(rate.from_genes(genome.genes()).network()(inputs[:1])[0], found.mean(axis=0))
        spikes += found.sum()
    assert spikes > 20


def test_a_regular_spiking_neuron_fires_as_in_the_paper():
    space = NeatSpace(1, 1, recurrent=True, dynamics="spiking", time_step=0.25, steps_a_call=4000)
    genome = space.random(np.random.default_rng(0)).genes()
    genome["nodes"][1][2], genome["connections"] = 10.0, []
    spikes = 4000 * space.from_genes(genome).network()([[0.0]])[0, 0]
    assert 15 <= spikes <= 30  # in a second, at a current of 10: about 22 (Izhikevich 2003, figure 2)
    genome["nodes"][1][2] = 2.0
    assert space.from_genes(genome).network()([[0.0]])[0, 0] == 0.0  # below threshold


def test_a_current_too_strong_for_the_time_step_does_not_break_a_network():
    space = space_of("spiking", time_step=100.0, weight_limit=1e6, weight_range=1e6, bias_range=1e6, bias_limit=1e6)
    network = genome_of(space, 0).network()
    for _ in range(50):
        assert np.isin(network([[1e6, -1e6]]), [0.0, 1.0]).all()


@pytest.mark.parametrize("dynamics", KINDS)
def test_the_state_lasts_an_episode(dynamics):
    network = genome_of(space_of(dynamics, steps_a_call=3, bias_range=20.0, bias_limit=20.0), 3).network()
    first = [network(x[None]) for x in INPUTS]
    network.reset()
    assert all(np.array_equal(network(x[None]), y) for x, y in zip(INPUTS, first, strict=True))
    controller = network.controller()
    assert all(np.array_equal(controller(x), y[0]) for x, y in zip(INPUTS, first, strict=True))
    controller.reset()
    assert np.array_equal(controller(INPUTS[0]), first[0][0])


@pytest.mark.parametrize("dynamics", KINDS)
def test_a_population_is_what_its_members_are(dynamics):
    space = space_of(dynamics, steps_a_call=3)
    genomes = [genome_of(space, seed, 4) for seed in range(7)]
    population = population_network(genomes)
    assert isinstance(population, PopulationInTime)
    alone = [genome.network() for genome in genomes]
    for _ in range(3):
        together = population(INPUTS)
        for row, network in zip(together, alone, strict=True):
            assert np.array_equal(row, network(INPUTS))
    part = population.subset(np.array([5, 2]))
    assert np.array_equal(part(INPUTS), np.stack([alone[5](INPUTS), alone[2](INPUTS)]))


@settings(max_examples=30, deadline=None)
@given(dynamics=st.sampled_from(KINDS), seed=st.integers(0, 2**32), mutations=st.integers(1, 12))
def test_every_variation_is_legal_and_survives_json(dynamics, seed, mutations):
    space = space_of(dynamics)
    genome, other = genome_of(space, seed, mutations), genome_of(space, seed + 1, mutations)
    child = genome.crossover([other], np.random.default_rng(seed), ranks=[0, 0]).mutate(np.random.default_rng(seed), clock=20)
    copy = Genome.from_dict(child.to_dict())
    assert copy.genes() == child.genes()
    assert copy.key() == child.key()
    assert np.isfinite(child.network()(INPUTS)).all()


def test_own_kinds_of_neurons_are_four_numbers():
    space = NeatSpace(1, 1, recurrent=True, dynamics="spiking", activations=("fast_spiking", "mine = 0.03, 0.2, -60, 6"))
    assert Space.from_dict(space.to_dict()) == space
    genome = space.random(np.random.default_rng(0))
    assert genome.genes()["nodes"][1][4] == "fast_spiking"
    for wrong, sentence in (
        ("mine = 1, 2, 3", "four numbers"),
        ("slow", "unknown kind of neuron"),
        ("tanh", "unknown kind"),
        ("mine = 1, 2, 3, nan", "finite"),
    ):
        with pytest.raises(ValueError, match=sentence):
            NeatSpace(1, 1, recurrent=True, dynamics="spiking", activations=(wrong,))


def test_settings_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="needs recurrent=True"):
        NeatSpace(1, 1, dynamics="ctrnn")
    with pytest.raises(ValueError, match="unknown dynamics 'ctrn'; did you mean 'ctrnn'"):
        NeatSpace(1, 1, recurrent=True, dynamics="ctrn")
    with pytest.raises(ValueError, match="time_step must be a number"):
        NeatSpace(1, 1, recurrent=True, dynamics="ctrnn", time_step=0.0)
    with pytest.raises(ValueError, match="currents: aggregations must be"):
        NeatSpace(1, 1, recurrent=True, dynamics="spiking", aggregations=("max",))
    genes = NeatSpace(1, 1, recurrent=True, dynamics="spiking").random(np.random.default_rng(0)).genes()
    genes["nodes"][1][4] = "tanh"
    with pytest.raises(ValueError, match="must be a kind of neuron"):
        NeatSpace(1, 1, recurrent=True, dynamics="spiking").from_genes(genes)


def test_activations_per_step_are_refused_where_time_has_steps():
    genome = genome_of(space_of("ctrnn"), 0, 1)
    with pytest.raises(ValueError, match="steps_a_call"):
        genome.network(activations_per_step=2)
    with pytest.raises(ValueError, match="steps_a_call"):
        population_network([genome], activations_per_step=2)


def test_spaces_without_dynamics_are_described_as_before():
    assert not {"dynamics", "time_step", "steps_a_call"} & set(NeatSpace(1, 1).to_dict())
