import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes import CppnGenome, CppnSpace, EvolvableSubstrate, Genome, NeatGenome, Substrate
from genomes.cppn.kernels.activations import activate_row
from genomes.cppn.kernels.query import BLOCK
from genomes.cppn.pattern import hsv_to_rgb, painting_coordinates
from genomes.neat.functions import ACTIVATIONS
from genomes.neat.network import Network
from genomes.testing import GenomeSuite, philox

GROWING = {"add_node_rate": 0.3, "add_connection_rate": 0.5, "remove_node_rate": 0.05, "remove_connection_rate": 0.1}


class TestPainting(GenomeSuite):
    space = CppnSpace(outputs=3, **GROWING)


class TestOnASubstrate(GenomeSuite):
    space = CppnSpace(substrate=Substrate.grid((3, 3), 2, leo=True, bias=True, length=True), **GROWING)
    steps = 60


class TestOnAnEvolvableSubstrate(GenomeSuite):
    space = CppnSpace(
        substrate=EvolvableSubstrate([(-1, -1), (1, -1)], [(0, 1)], initial_depth=2, maximum_depth=3), bias="node", **GROWING
    )
    steps = 60


def grown(space: CppnSpace, seed: int, steps: int = 15) -> CppnGenome:
    rng = philox(seed, 0)
    genome = space.random(rng)
    for clock in range(1, steps):
        genome = genome.mutate(rng, clock=clock)
    return genome


EXACT = {
    "identity": lambda x: x, "sigmoid": lambda x: np.exp(-np.logaddexp(0, -x)), "tanh": np.tanh, "sine": np.sin, "cosine": np.cos,
    "gaussian": lambda x: np.exp(-x * x), "absolute": np.abs, "square": np.square, "relu": lambda x: np.maximum(x, 0),
    "step": lambda x: np.where(x > 0, 1.0, 0.0), "softplus": lambda x: np.logaddexp(x, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_vector_activations_equal_numpys(name: str) -> None:
    x = np.concatenate([np.linspace(-30, 30, 4001), [0.0, -0.0, 1e-300, 1e5, -1e5]])
    row = x.copy()
    activate_row(ACTIVATIONS.index(name), row, 0, len(row), np.zeros(1, np.int32), np.zeros(1), 0)
    np.testing.assert_allclose(row, EXACT[name](x), rtol=1e-13, atol=2e-15)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3 * BLOCK))
def test_a_query_equals_the_neat_network(seed: int, points: int) -> None:
    genome = grown(CppnSpace(inputs=4, outputs=2, **GROWING), seed)
    x = philox(seed, 1).uniform(-1, 1, size=(points, 4))
    plain = NeatGenome(genome.space, genome.nodes, genome.connections)
    np.testing.assert_allclose(genome.query(x), Network(plain)(x), rtol=1e-9, atol=1e-11)


def test_a_points_value_does_not_depend_on_the_other_points() -> None:
    genome = grown(CppnSpace(**GROWING), 3)
    x = philox(3, 1).uniform(-1, 1, size=(1000, 3))
    together = genome.query(x)
    assert np.array_equal(together[777:778], genome.query(x[777:778]))
    assert np.array_equal(together[100:175], genome.query(x[100:175]))


def test_the_same_place_has_the_same_colour_at_every_odd_multiple_of_the_resolution() -> None:
    genome = grown(CppnSpace(**GROWING), 4)
    small, large = genome.picture(11), genome.picture(33)
    np.testing.assert_allclose(large[1::3, 1::3], small, atol=1e-12)


def test_a_picture_has_its_height_and_width() -> None:
    genome = grown(CppnSpace(outputs=3), 5)
    assert genome.picture((20, 30)).shape == (20, 30)
    colour = genome.picture((20, 30), colour=True)
    assert colour.shape == (20, 30, 3) and colour.min() >= 0 and colour.max() <= 1


def test_x_runs_to_the_right_and_y_downwards() -> None:
    points = painting_coordinates((2, 4))
    assert points[0].tolist() == [-0.75, -0.5, np.hypot(0.75, 0.5)]
    assert points[3, 0] == 0.75 and points[4].tolist()[:2] == [-0.75, 0.5]


def test_hsv_equals_the_standard_library() -> None:
    import colorsys

    hsv = philox(6, 0).random((50, 3))
    np.testing.assert_allclose(hsv_to_rgb(*hsv.T), [colorsys.hsv_to_rgb(*row) for row in hsv], atol=1e-12)


def test_a_population_of_patterns_equals_its_members() -> None:
    from neuroevo.decode import population_network

    genomes = [grown(CppnSpace(**GROWING), seed) for seed in range(5)]
    x = philox(7, 0).uniform(-1, 1, size=(70, 3))
    together = population_network(genomes)(x)
    assert together.shape == (5, 70, 1)
    for genome, outputs in zip(genomes, together, strict=True):
        assert np.array_equal(outputs, genome.query(x))


def test_a_seed_computes_what_it_says() -> None:
    space = CppnSpace()
    genome = space.seed([("d", "ring", 3.0), ("bias", "ring", -1.5), ("ring", "brightness", 2.0)], {"ring": "gaussian"})
    x = philox(8, 0).uniform(-1, 1, size=(40, 3))
    np.testing.assert_allclose(genome.query(x)[:, 0], np.tanh(2 * np.exp(-((3 * x[:, 2] - 1.5) ** 2))), atol=1e-12)
    assert Genome.from_dict(genome.to_dict()) == genome
    with pytest.raises(ValueError, match="did you mean 'ring'"):
        space.seed([("d", "rings", 1.0)], {"ring": "gaussian"})
    with pytest.raises(ValueError, match="cycle"):
        space.seed([("a", "b", 1.0), ("b", "a", 1.0)], {"a": "sine", "b": "sine"})


def test_the_graph_names_inputs_and_outputs() -> None:
    space = CppnSpace(substrate=Substrate.grid(2, 2, bias=True))
    names = [data["name"] for _, data in space.random(philox(9, 0)).graph().nodes(data=True) if "name" in data]
    assert names == ["x1", "x2", "bias", "weight", "bias output"]


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: CppnSpace().random(philox(0, 0)).query(np.zeros((5, 2))), r"3 coordinates \(x, y, d\).*\(5, 2\)"),
        (lambda: CppnSpace().random(philox(0, 0)).query(np.zeros(3)), r"array \[points, 3\]"),
        (lambda: CppnSpace().random(philox(0, 0)).picture((10**7, 10**7)), r"would take .* GiB.*lower resolution"),
        (lambda: CppnSpace().random(philox(0, 0)).picture(0), "whole number of pixels"),
        (lambda: CppnSpace().random(philox(0, 0)).picture(8, colour=True), "3 outputs"),
        (lambda: CppnSpace(inputs=4).random(philox(0, 0)).picture(8), "inputs x, y, d; this one has 4"),
        (lambda: CppnSpace().random(philox(0, 0)).express(), "no substrate"),
        (lambda: CppnSpace(recurrent=True), "no state"),
        (lambda: CppnSpace(inputs=3, substrate=Substrate.grid((2, 2), (2, 2))), r"4 inputs \(x1, y1, x2, y2\).*got 3 inputs"),
        (lambda: CppnSpace(substrate="grid"), "Substrate.grid"),
        (lambda: CppnSpace(substrate={"kind": "nonsense"}), "unknown kind of substrate"),
        (lambda: CppnSpace(inputs=-1), "inputs must be a whole number >= 0"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_a_sentence(act, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        act()


def test_sines_of_huge_numbers_are_the_mathematical_librarys() -> None:
    x = np.array([1e9, -3e12, 0.5])
    for name, exact in (("sine", np.sin), ("cosine", np.cos)):
        row = x.copy()
        activate_row(ACTIVATIONS.index(name), row, 0, len(row), np.zeros(1, np.int32), np.zeros(1), 0)
        np.testing.assert_allclose(row, exact(x), atol=1e-12)
