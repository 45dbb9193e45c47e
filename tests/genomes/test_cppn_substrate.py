import json

import numpy as np
import pytest

from genomes import CppnGenome, CppnSpace, Substrate
from genomes.cppn.connective import ConnectiveSubstrate
from genomes.cppn.coordinates import circle, grid
from genomes.cppn.layered import LayeredPopulation
from genomes.cppn.pattern import PatternPopulation
from genomes.neat.genes import pool_of
from genomes.neat.threads import Threads
from genomes.testing import philox

GROWING = {"add_node_rate": 0.3, "add_connection_rate": 0.5}


def grown(space: CppnSpace, seed: int, steps: int = 15) -> CppnGenome:
    rng = philox(seed, 0)
    genome = space.random(rng)
    for clock in range(1, steps):
        genome = genome.mutate(rng, clock=clock)
    return genome


def asked(genome: CppnGenome, substrate: Substrate, a: np.ndarray, b: np.ndarray) -> dict[str, float]:
    """What the CPPN answers to one connection, one query at a time."""
    told = [*a, *b, *(b - a if substrate.differences else []), *([np.linalg.norm(b - a)] if substrate.length else [])]
    return dict(zip(substrate.cppn_outputs, genome.query(np.array([told]))[0], strict=True))


def expected(weight: float, threshold: float, weight_range: float) -> float:
    size = min(abs(weight), 1.0)
    return 0.0 if size <= threshold else float(np.sign(weight)) * weight_range * (size - threshold) / (1 - threshold)


SUBSTRATES = {
    "two layers": Substrate.grid((3, 3), (2, 4)),
    "three layers, bias, differences": Substrate.grid((3, 3), 5, 2, bias=True, differences=True),
    "leo and length": Substrate.grid((3, 2), (3, 2), leo=True, length=True),
    "outputs for each pair": Substrate.grid(3, 4, 2, separate=True, bias=True, leo=True),
    "circles": Substrate.circles(5, 3, threshold=0.4, weight_range=8.0),
    "free": Substrate.free([(-1, 0), (1, 0)], [(0, 1)], [(0, 0), (0.5, 0.2)], bias=True),
    "3-D": Substrate.grid((2, 2, 2), (1, 2, 2)),
}


@pytest.mark.parametrize("name", SUBSTRATES)
def test_every_weight_is_the_cppns_answer_thresholded_and_scaled(name: str) -> None:
    substrate = SUBSTRATES[name]
    for seed in range(3):
        genome = grown(CppnSpace(substrate=substrate, **GROWING), seed)
        population = genome.express().population
        assert isinstance(population, LayeredPopulation)
        for a, b in substrate.pairs:
            matrix = population.matrix(a, b)
            own = f" {a}-{b}" if substrate.separate else ""
            for i, place in enumerate(substrate.layers[a]):
                for j, other in enumerate(substrate.layers[b]):
                    answer = asked(genome, substrate, place, other)
                    if substrate.leo:
                        wanted = expected(answer[f"weight{own}"], 0.0, substrate.weight_range) if answer[f"leo{own}"] > 0 else 0.0
                    else:
                        wanted = expected(answer[f"weight{own}"], substrate.threshold, substrate.weight_range)
                    assert matrix[i, j] == pytest.approx(wanted, abs=1e-9)
        if substrate.bias:
            bias = population.biases[0, len(substrate.inputs) :]
            places = [(layer, place) for layer, all_ in enumerate(substrate.layers) if layer for place in all_]
            for value, (layer, place) in zip(bias, places, strict=True):
                answer = asked(genome, substrate, np.zeros(substrate.dimension), place)
                name_of = f"bias {layer}" if substrate.separate else "bias"
                assert value == pytest.approx(expected(answer[name_of], substrate.threshold, substrate.weight_range), abs=1e-9)


@pytest.mark.parametrize("name", SUBSTRATES)
def test_a_network_computes_layer_by_layer(name: str) -> None:
    substrate = SUBSTRATES[name]
    genome = grown(CppnSpace(substrate=substrate, **GROWING), 1)
    network = genome.network()
    x = philox(2, 0).normal(size=(7, substrate.input_count))
    x[:, 0] = 0.0
    values = {0: x}
    for layer in substrate.order:
        total = network.population.biases[0, sum(len(one) for one in substrate.layers[:layer]) :][: len(substrate.layers[layer])]
        total = total + sum(values[a] @ network.population.matrix(a, b) for a, b in substrate.pairs if b == layer)
        values[layer] = np.tanh(total)
    np.testing.assert_allclose(network(x), values[len(substrate.layers) - 1], atol=1e-12)


def test_a_recurrent_network_advances_one_step_a_call() -> None:
    substrate = Substrate.free([(-1.0,), (1.0,)], [(0.5,)], [(-0.5,), (0.2,)], recurrent=True, bias=True)
    assert substrate.recurrent
    genome = grown(CppnSpace(substrate=substrate, **GROWING), 5)
    network = genome.network()
    wiring = network.wiring
    full = np.zeros((5, 5))
    full[wiring.source, wiring.target] = wiring.weight
    state = np.zeros((3, 5))
    for step in range(4):
        x = philox(6, step).normal(size=(3, 2))
        state[:, :2] = x
        state[:, 2:] = np.tanh(state @ full + wiring.bias)[:, 2:]
        np.testing.assert_allclose(network(x), state[:, 4:], atol=1e-12)
    with pytest.raises(ValueError, match="call reset"):
        network(np.zeros((2, 2)))
    network.reset()
    assert network(np.zeros((2, 2))).shape == (2, 1)


def test_threads_do_not_change_a_bit() -> None:
    substrate = Substrate.grid((8, 8), (8, 8), differences=True)
    space = CppnSpace(substrate=substrate, **GROWING)
    pool = pool_of([(g.nodes, g.connections) for g in (grown(space, seed) for seed in range(12))])
    x = philox(8, 0).random((20, 64))
    one, four = (substrate.express(PatternPopulation(space, pool, Threads(count))) for count in (1, 4))
    assert np.array_equal(one.weights, four.weights) and np.array_equal(one(x), four(x))
    for position in (0, 11):
        assert np.array_equal(one.member(position)(x), one(x)[position])
        assert np.array_equal(grown(space, position).network()(x), one(x)[position])


def test_the_same_genome_at_three_times_the_resolution_has_the_same_weights_between_the_same_places() -> None:
    genome = grown(CppnSpace(substrate=Substrate.grid((3, 3), (3, 3)), **GROWING), 9)
    small, large = (genome.express(Substrate.grid((n, n), (n, n))).population.matrix(0, 1) for n in (3, 9))
    middle = np.arange(81).reshape(9, 9)[1::3, 1::3].ravel()
    np.testing.assert_allclose(large[np.ix_(middle, middle)], small, atol=1e-12)


def test_parameters_count_what_is_expressed() -> None:
    genome = grown(CppnSpace(substrate=Substrate.grid((4, 4), 3, bias=True), **GROWING), 10)
    network = genome.express()
    biases = np.count_nonzero(network.wiring.bias)
    assert genome.parameters == np.count_nonzero(network.population.weights) + biases
    assert genome.flops == network.connections == len(network.wiring.weight)


def test_grids_and_circles_lie_where_they_say() -> None:
    np.testing.assert_allclose(
        grid((2, 3)), [[-2 / 3, -0.5], [0, -0.5], [2 / 3, -0.5], [-2 / 3, 0.5], [0, 0.5], [2 / 3, 0.5]], atol=1e-12
    )
    assert grid((2, 1, 1)).tolist() == [[0, 0, -0.5], [0, 0, 0.5]]
    np.testing.assert_allclose(circle(4, 2.0), [[2, 0], [0, 2], [-2, 0], [0, -2]], atol=1e-12)
    assert Substrate.grid(3, 2, 1).dimension == 2 and Substrate.grid(3, 2, 1, separate=True).dimension == 1
    assert Substrate.grid(3, 2, 1).layers[1][:, 1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", SUBSTRATES)
def test_a_substrate_survives_json(name: str) -> None:
    substrate = SUBSTRATES[name]
    again = ConnectiveSubstrate.from_dict(json.loads(json.dumps(substrate.to_dict())))
    assert again == substrate and hash(again) == hash(substrate)
    assert again != Substrate.grid(2, 2)
    with pytest.raises(AttributeError, match="immutable"):
        substrate.threshold = 0.5


PLANE = [(-1.0, 0.0), (1.0, 0.0)]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: Substrate([]), "at least two layers"),
        (lambda: Substrate.grid((2, 2)), "at least two layers"),
        (lambda: Substrate([PLANE, []]), "layer 1 of the substrate has no nodes"),
        (lambda: Substrate([PLANE, [(0.0,)]]), r"one dimension, got \[2, 1\]"),
        (lambda: Substrate([PLANE, [(0.0, 1.0, 2.0, 3.0)]]), "1 to 3 dimensions"),
        (lambda: Substrate([PLANE, [(0.0, float("nan"))]]), "between -1e6 and 1e6"),
        (lambda: Substrate([PLANE, "nonsense"]), "array of coordinates"),
        (lambda: Substrate([PLANE, PLANE], [(0, 2)]), "layers 0 to 1"),
        (lambda: Substrate([PLANE, PLANE], [(1, 0)]), "no incoming connections"),
        (lambda: Substrate([PLANE, PLANE], []), "needs connections"),
        (lambda: Substrate([PLANE, PLANE], [(0, 1), (0, 1)]), "connected once"),
        (lambda: Substrate([PLANE, PLANE], threshold=1.0), "threshold must be a number"),
        (lambda: Substrate([PLANE, PLANE], activation="tahn"), "did you mean 'tanh'"),
        (lambda: Substrate.grid((0, 2), 2), "size of a grid"),
        (lambda: Substrate.grid((10**6, 10**6), 2), r"a grid of 1000000 x 1000000 nodes would take .* GiB"),
        (lambda: Substrate.circles(0, 3), "nodes of a circle"),
        (
            lambda: grown(CppnSpace(substrate=Substrate.grid(2, 2)), 0).express(Substrate.grid((2, 2), (2, 2))),
            r"needs CPPNs with 4 inputs \(x1, y1, x2, y2\).*got 2 inputs and 1 outputs",
        ),
        (
            lambda: grown(CppnSpace(substrate=Substrate.grid((2, 2), (2, 2))), 0).express(Substrate.grid((900, 900), (900, 900))),
            r"656,100,000,000 connections would take .* GiB.*lower resolution",
        ),
        (lambda: grown(CppnSpace(substrate=Substrate.grid(2, 2)), 0).network()(np.zeros((3, 5))), "one number for each input"),
        (lambda: grown(CppnSpace(substrate=Substrate.grid(2, 2)), 0).network()(np.zeros(2)), r"x must be \[samples, 2\]"),
        (lambda: grown(CppnSpace(), 0).express("grid"), "takes a Substrate"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_a_sentence(act, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        act()
