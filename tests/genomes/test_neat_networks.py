"""NEAT genomes as networks, against an evaluator in plain Python."""

import math
import pickle

import numpy as np
import pytest

from genomes import NeatSpace
from genomes.neat.network import PopulationNetwork, population_network
from genomes.neat.threads import Threads
from genomes.testing import lineage, philox

MIXED = {
    "activations": ("tanh", "steepened_sigmoid", "gaussian", "relu", "swish = x / (1 + exp(-x))"),
    "activation_mutation_rate": 0.4,
    "aggregations": ("sum", "mean", "max", "median", "root_mean_square = 0; a + x * x; sqrt(a / n)"),
    "aggregation_mutation_rate": 0.4,
    "response_mutation_rate": 0.3,
    "add_node_rate": 0.4,
    "add_connection_rate": 0.6,
    "remove_connection_rate": 0.1,
    "toggle_rate": 0.1,
    "weight_range": 2.0,
    "weight_power": 1.0,
}
SPACES = [
    NeatSpace(inputs=3, outputs=2, bias="input", bias_value=0.5, **MIXED),
    NeatSpace(inputs=2, outputs=1, bias="node", **MIXED),
    NeatSpace(inputs=2, outputs=3, bias="none", **MIXED),
]
RECURRENT = [
    NeatSpace(inputs=3, outputs=2, bias="input", recurrent=True, **MIXED),
    NeatSpace(inputs=1, outputs=1, bias="node", recurrent=True, **MIXED),
]

ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": math.tanh,
    "steepened_sigmoid": lambda x: 1 / (1 + math.exp(-4.9 * x)),
    "gaussian": lambda x: math.exp(-x * x),
    "relu": lambda x: max(x, 0.0),
    "swish": lambda x: x / (1 + math.exp(-x)),
}
AGGREGATIONS = {
    "sum": sum,
    "mean": lambda values: sum(values) / len(values),
    "max": max,
    "median": lambda values: float(np.median(values)),
    "root_mean_square": lambda values: math.sqrt(sum(value * value for value in values) / len(values)),
}


class Plain:
    """A genome's network as the definition says it: node by node, number by number."""

    def __init__(self, genome) -> None:
        self.space = genome.space
        genes = genome.genes()
        self.nodes = {marking: (kind, bias, response, act, agg) for marking, kind, bias, response, act, agg in genes["nodes"]}
        self.incoming = {marking: [] for marking in self.nodes}
        for _, source, target, weight, enabled in genes["connections"]:
            if enabled:
                self.incoming[target].append((source, weight))
        self.values = dict.fromkeys(self.nodes, 0.0)

    def sensors(self, x) -> dict[int, float]:
        found = dict(enumerate(float(value) for value in x))
        return {**found, self.space.inputs: self.space.bias_value} if self.space.bias == "input" else found

    def node(self, marking: int, value_of) -> float:
        _, bias, response, activation, aggregation = self.nodes[marking]
        gathered = [weight * value_of(source) for source, weight in self.incoming[marking]]
        return ACTIVATIONS[activation](bias + response * (AGGREGATIONS[aggregation](gathered) if gathered else 0.0))

    def outputs(self, values) -> list[float]:
        return [values[marking] for marking, node in self.nodes.items() if node[0] == "output"]

    def forward(self, x) -> list[float]:
        values = self.sensors(x)

        def value_of(marking: int) -> float:
            if marking not in values:
                values[marking] = self.node(marking, value_of)
            return values[marking]

        return self.outputs({m: value_of(m) for m in self.nodes if self.nodes[m][0] == "output"})

    def advance(self, x, activations: int) -> list[float]:
        self.values.update(self.sensors(x))
        for _ in range(activations):
            computed = {m: self.node(m, self.values.__getitem__) for m in self.nodes if self.nodes[m][0] in ("hidden", "output")}
            self.values.update(computed)
        return self.outputs(self.values)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("samples", [1, 5, 150])  # few are evaluated one by one, many in blocks
def test_a_forward_pass_is_what_the_genes_say(space: NeatSpace, samples: int) -> None:
    genomes = lineage(space, 3, 120)[:: 30 if samples > 100 else 6]
    assert any(genome.hidden > 2 for genome in genomes)
    for number, genome in enumerate(genomes):
        x = philox(4, number).normal(size=(samples, space.inputs))
        plain = Plain(genome)
        y = genome.network()(x)
        assert y.dtype == np.float64 and y.shape == (samples, space.outputs)
        np.testing.assert_allclose(y, [plain.forward(row) for row in x], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("space", RECURRENT)
@pytest.mark.parametrize("activations", [1, 3])
def test_a_recurrent_network_carries_its_state_from_step_to_step(space: NeatSpace, activations: int) -> None:
    samples, steps = 3, 4
    for number, genome in enumerate(lineage(space, 5, 120)[::8]):
        network = genome.network(activations)
        x = philox(6, number).normal(size=(steps, samples, space.inputs))
        plain = [Plain(genome) for _ in range(samples)]
        first = network(x[0])
        np.testing.assert_allclose(first, [p.advance(row, activations) for p, row in zip(plain, x[0], strict=True)], rtol=1e-9)
        for step in range(1, steps):
            expected = [p.advance(row, activations) for p, row in zip(plain, x[step], strict=True)]
            np.testing.assert_allclose(network(x[step]), expected, rtol=1e-9, atol=1e-12)
        network.reset()
        np.testing.assert_array_equal(network(x[0]), first)


def test_state_matters() -> None:
    genomes = lineage(RECURRENT[0], 5, 60)
    x = np.ones((1, 3))
    moved = 0
    for genome in genomes:
        network = genome.network()
        moved += not np.array_equal(network(x), network(x))
    assert moved > len(genomes) // 4


@pytest.mark.parametrize("space", [SPACES[0], RECURRENT[0]])
def test_a_population_computes_what_its_members_compute(space: NeatSpace) -> None:
    genomes = lineage(space, 7, 60)[::5]
    population = population_network(genomes)
    assert len(population) == len(genomes)
    shared = philox(8, 0).normal(size=(6, space.inputs))
    each = philox(8, 1).normal(size=(len(genomes), 6, space.inputs))
    singles = [genome.network() for genome in genomes]
    for x in (shared, each, shared):  # recurrent ones keep their state from one to the next
        rows = [x] * len(genomes) if x.ndim == 2 else x
        y = population(x)
        np.testing.assert_array_equal(y, [network(row) for network, row in zip(singles, rows, strict=True)])
    population.reset()
    again = population(each)
    for position in range(len(genomes)):
        np.testing.assert_array_equal(population.member(position)(each[position])[0], again[position])


@pytest.mark.parametrize("space", [SPACES[1], RECURRENT[1]])
def test_threads_change_nothing(space: NeatSpace) -> None:
    from genomes.neat.initial import random_pool

    pool = random_pool(space, np.arange(4000, dtype=np.uint64))
    x = philox(9, 0).normal(size=(5, space.inputs))
    alone, together = (PopulationNetwork(space, pool, Threads(count)) for count in (1, 3))
    for _ in range(2):
        np.testing.assert_array_equal(alone(x), together(x))


def test_nodes_that_lead_to_no_output_are_not_computed_and_not_counted() -> None:
    space = NeatSpace(inputs=1, outputs=1, bias="none", activations=("identity",))
    nodes = [[0, "input", 0.0, 1.0, "identity", "sum"], [1, "output", 0.0, 1.0, "identity", "sum"]]
    dead = [[500, "hidden", 0.0, 1.0, "exp", "sum"]]
    used = space.from_genes({"nodes": nodes, "connections": [[100, 0, 1, 2.0, True]]})
    more = space.from_genes({"nodes": nodes + dead, "connections": [[100, 0, 1, 2.0, True], [200, 0, 500, 9.0, True]]})
    assert more.key() == used.key() and more.flops == used.flops == 1
    assert more.network()([[3.0]]).tolist() == [[6.0]]


def test_a_network_of_nothing_answers_its_biases() -> None:
    genome = NeatSpace(inputs=2, outputs=2, bias="none", initial="none", activations=("tanh",)).random(philox(1, 0))
    assert genome.network()(np.ones((3, 2))).tolist() == [[0.0, 0.0]] * 3


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((4, 2)), r"x must be \[samples, 3\] .* got an array of shape \(4, 2\)"),
        (np.zeros(3), r"x must be \[samples, 3\], got an array of shape \(3,\)"),
        (np.zeros((1, 4, 3)), r"x must be \[samples, 3\], got an array of shape \(1, 4, 3\)"),
    ],
)
def test_inputs_of_the_wrong_width_are_refused(x, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SPACES[0].random(philox(1, 0)).network()(x)


def test_populations_refuse_what_does_not_fit_them() -> None:
    genomes = [SPACES[0].random(philox(1, number)) for number in range(3)]
    with pytest.raises(ValueError, match=r"x must be .*\[3, samples, 3\], got an array of shape \(2, 4, 3\)"):
        population_network(genomes)(np.zeros((2, 4, 3)))
    with pytest.raises(ValueError, match="needs at least one genome"):
        population_network([])
    with pytest.raises(ValueError, match="must be of one space"):
        population_network([genomes[0], SPACES[1].random(philox(1, 0))])
    recurrent = RECURRENT[0].random(philox(1, 0)).network()
    recurrent(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"hold the state of 2 samples, got 5; call reset\(\)"):
        recurrent(np.zeros((5, 3)))


def test_networks_travel_between_processes() -> None:
    network = lineage(SPACES[0], 3, 30)[-1].network()
    x = philox(1, 1).normal(size=(4, 3))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(network))(x), network(x))
