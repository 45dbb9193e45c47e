"""Chains: the genome suite, decisions of controllers, skips and strides."""

import numpy as np
import pytest

from genomes.chain import ChainGenome, ChainLayer, ChainSpace
from genomes.testing import GenomeSuite, philox

IMAGES = ChainSpace((8, 8, 1), 10)
SEQUENCES = ChainSpace((20, 2), 3, skips=False)
FEATURES = ChainSpace((30,), 3, min_layers=3, max_layers=3)


def renamed(genome: ChainGenome, rng: np.random.Generator) -> ChainGenome:
    """The same chain under other markings."""
    new = {
        layer.marking: int(name) for layer, name in zip(genome.layers, rng.choice(10**6, len(genome.layers), replace=False), strict=True)
    }
    layers = [
        ChainLayer(
            new[layer.marking],
            layer.width,
            layer.height_taps,
            layer.width_taps,
            layer.stride,
            tuple(new[m] for m in layer.inputs),
        )
        for layer in genome.layers
    ]
    return ChainGenome(genome.space, tuple(layers))


class Chains(GenomeSuite):
    steps = 80
    isomorphic = staticmethod(renamed)

    def check(self, genome):
        layers = genome.architecture.by_marking
        assert all(layer.marking in layers for layer in genome.layers), "a layer does not reach the output"
        assert genome.architecture.shapes[genome.architecture.output.marking] == (genome.space.outputs,)
        assert genome.space.min_layers <= len(genome.layers) <= genome.space.max_layers


class TestChainsForImages(Chains):
    space = IMAGES


class TestChainsForSequencesWithoutSkips(Chains):
    space = SEQUENCES


class TestChainsForFeatures(Chains):
    space = FEATURES


def test_a_controller_is_asked_the_papers_questions() -> None:
    space = ChainSpace((32, 32, 3), 10, min_layers=3, max_layers=3)
    asked, decisions = [], []
    while options := space.choices(decisions):
        asked.append(options)
        decisions.append(len(options) - 1)
    layer = [("1", "3", "5", "7"), ("1", "3", "5", "7"), ("24", "36", "48", "64"), ("1", "2", "3")]
    skip = ("no", "yes")
    assert asked == [*layer, *layer, skip, *layer, skip, skip]
    built = space.build(decisions)
    first, second, third = built.layers
    assert (third.height_taps, third.width_taps, third.width, third.stride) == (7, 7, 64, 3)
    assert first.inputs == () and second.inputs == (first.marking,) and third.inputs == (second.marking, first.marking)


def test_the_number_of_layers_is_the_first_decision_where_it_is_free() -> None:
    assert IMAGES.choices(()) == ("2", "3", "4", "5", "6", "7", "8")
    assert len(FEATURES.choices(())) == 4 and FEATURES.choices(()) == ("24", "36", "48", "64")


def test_wrong_decisions_are_refused() -> None:
    with pytest.raises(ValueError, match="the chain is not complete after 2 decisions"):
        IMAGES.build([0, 0])
    with pytest.raises(ValueError, match="number of layers must be 0 to 6, got 7"):
        IMAGES.build([7])
    with pytest.raises(ValueError, match="takes 6 decisions, got 7"):
        FEATURES.build([0, 0, 1, 0, 1, 1, 1])


def test_a_layer_without_skips_set_takes_the_input_and_unread_layers_go_to_the_logits() -> None:
    space = ChainSpace((9, 9, 1), 10, min_layers=2, max_layers=2)
    chain = space.build([1, 1, 0, 1, 1, 1, 0, 2, 0])  # strides 2 and 3, no skip
    architecture = chain.architecture
    by_kind = {gene.kind: gene for gene in architecture.genes}
    assert len(by_kind["concat"].inputs) == 2
    convolutions = [gene for gene in architecture.genes if gene.kind == "plain_conv"]
    assert len({gene.inputs for gene in convolutions}) == 1, "both read the input"
    assert {architecture.shapes[gene.marking] for gene in convolutions} == {(5, 5, 24), (3, 3, 24)}


def test_a_skip_over_a_stride_is_pooled_to_the_smaller_size() -> None:
    space = ChainSpace((9, 9, 1), 10, min_layers=3, max_layers=3)
    chain = space.build([1, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 0, 0, 1, 1])  # the second strides by 2, the third takes both
    concat = next(gene for gene in chain.architecture.genes if gene.kind == "concat")
    assert chain.architecture.shapes[concat.marking] == (5, 5, 48)


def test_an_inserted_layer_stands_between_its_neighbours() -> None:
    chain = SEQUENCES.random(philox(1, 1))
    inserted = [c for c in (chain.mutate(philox(2, i), clock=1) for i in range(60)) if c.operators == ("insert_layer",)]
    assert inserted
    for child in inserted:
        old = [layer.marking for layer in chain.layers]
        assert [layer.marking for layer in child.layers if layer.marking in old] == old
        for before, layer in zip(child.layers, child.layers[1:], strict=False):
            assert layer.inputs == (before.marking,)


def test_every_mutation_happens_and_names_itself() -> None:
    chain = IMAGES.random(philox(2, 3))
    names = {chain.mutate(philox(3, index), clock=1).operators[0] for index in range(200)}
    assert names == {"change_layer", "flip_skip", "insert_layer", "remove_layer"}


@pytest.mark.parametrize("space", [IMAGES, SEQUENCES, FEATURES, ChainSpace((1, 40, 2), 3), ChainSpace((3, 50, 2), 3)])
@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_chains_are_legal(space: ChainSpace, count: int) -> None:
    checks = Chains()
    for index in range(count):
        checks.check(space.random(philox(8, index)))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"input_shape": ()}, "input_shape must be .features,."),
        ({"kernels": (3, 3)}, "kernels must be different numbers"),
        ({"skip_rate": 1.5}, "skip_rate must be a probability"),
        ({"min_layers": 9}, "min_layers <= max_layers"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        ChainSpace(**{"input_shape": (8, 8, 1), "outputs": 10, **arguments})
