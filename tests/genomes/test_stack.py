"""Stacks: the genome suite, MetaQNN's questions and states, and its rules."""

from itertools import pairwise

import numpy as np
import pytest

from genomes.chain import StackGenome, StackLayer, StackSpace
from genomes.testing import GenomeSuite, philox

CIFAR = StackSpace((32, 32, 3), 10)
IMAGES = StackSpace.for_data((8, 8, 1), 10)
SEQUENCES = StackSpace((40, 1), 3, max_layers=6, widths=(4, 8))


def renamed(genome: StackGenome, rng: np.random.Generator) -> StackGenome:
    """The same stack under other markings."""
    names = rng.choice(10**6, len(genome.layers), replace=False)
    return StackGenome(
        genome.space, tuple(StackLayer(int(n), layer.option) for n, layer in zip(names, genome.layers, strict=True))
    )


class Stacks(GenomeSuite):
    steps = 80
    isomorphic = staticmethod(renamed)

    def check(self, genome):
        architecture, kinds = genome.architecture, [layer.option.kind for layer in genome.layers]
        assert all(layer.marking in architecture.by_marking for layer in genome.layers)
        assert architecture.shapes[architecture.output.marking] == (genome.space.outputs,)
        assert 1 <= len(kinds) <= genome.space.max_layers
        assert ("pool", "pool") not in set(pairwise(kinds))
        dense = [layer.option.width for layer in genome.layers if layer.option.kind == "dense"]
        assert len(dense) <= genome.space.max_dense and dense == sorted(dense, reverse=True)
        assert kinds[len(kinds) - len(dense) :] == ["dense"] * len(dense)
        for layer in genome.layers:
            gene = architecture.by_marking[layer.marking]
            sides = architecture.input_shapes(gene)[0][:-1]
            if layer.option.kind == "pool":
                assert layer.option.size < min(sides)
        if dense and len(kinds) > len(dense):
            last = genome.layers[-len(dense) - 1].marking
            assert max(architecture.shapes[last][:-1]) < genome.space.sizes[0]


class TestStacksForImages(Stacks):
    space = IMAGES


class TestStacksForSequences(Stacks):
    space = SEQUENCES


class TestStacksOfThePaper(Stacks):
    space = CIFAR
    steps = 40


def taken(space: StackSpace, *names: str) -> list[int]:
    decisions: list[int] = []
    for name in names:
        decisions.append(space.choices(decisions).index(name))
    return decisions


def test_a_controller_is_asked_for_whole_layers_by_the_papers_numbers() -> None:
    convolutions = tuple(f"convolution {width} {k}x{k}" for width in (64, 128, 256, 512) for k in (1, 3, 5))
    pools = ("pool 5x5 stride 3", "pool 3x3 stride 2", "pool 2x2")
    dense = ("dense 512", "dense 256", "dense 128")
    assert CIFAR.choices(()) == (*convolutions, *pools), (
        "an image of 32 is too large for a dense layer, and nothing is there to stop at"
    )
    once = taken(CIFAR, "convolution 64 3x3")
    assert CIFAR.choices(once) == (*convolutions, *pools, "stop")
    pooled = taken(CIFAR, "pool 5x5 stride 3", "convolution 64 3x3", "pool 2x2")
    assert CIFAR.choices(pooled) == (*convolutions, *dense, "stop"), "6 is small enough, and a pooling follows no pooling"
    assert CIFAR.choices(taken(CIFAR, "pool 5x5 stride 3", "convolution 64 3x3", "pool 2x2", "dense 256")) == (*dense[1:], "stop")
    last = taken(CIFAR, "pool 5x5 stride 3", "convolution 64 3x3", "pool 2x2", "dense 256", "dense 128")
    assert CIFAR.choices(last) == ("stop",)
    assert CIFAR.choices([1] * 12) == ("stop",) and CIFAR.choices([*[1] * 12, 0]) == ()


def test_the_state_is_the_papers() -> None:
    names = ("convolution 64 3x3", "pool 5x5 stride 3", "convolution 512 1x1", "pool 3x3 stride 2", "dense 256", "dense 256")
    asked = [CIFAR.question(taken(CIFAR, *names[:depth])) for depth in range(len(names) + 1)]
    assert [question.part for question in asked] == list(range(7))
    assert [question.state for question in asked] == [
        (0, "start", 0, 0, 1, 0, 0),
        (1, "convolution", 64, 3, 1, 0, 0),
        (2, "pool", 0, 5, 3, 0, 0),  # 11
        (3, "convolution", 512, 1, 1, 0, 0),
        (4, "pool", 0, 3, 2, 1, 0),  # 6
        (5, "dense", 256, 0, 1, 2, 1),
        (6, "dense", 256, 0, 1, 2, 2),
    ]
    other = taken(CIFAR, "convolution 128 1x1", "pool 5x5 stride 3")
    assert CIFAR.question(other).state == asked[2].state, "what came before the last layer is forgotten"


def test_a_dense_layer_reads_every_position_and_feature_maps_are_averaged() -> None:
    space = StackSpace((6, 6, 2), 3)
    stack = space.build(taken(space, "convolution 64 3x3", "dense 128", "stop"))
    shapes = [(gene.kind, stack.architecture.shapes[gene.marking]) for gene in stack.architecture.genes]
    assert shapes == [
        ("input", (6, 6, 2)), ("plain_conv", (6, 6, 64)), ("relu", (6, 6, 64)), ("flatten", (2304,)), ("dense", (128,)), ("logits", (3,)),
    ]  # fmt: skip
    assert stack.parameters == 9 * 2 * 64 + 2 * 64 + 2305 * 128 + 129 * 3
    assert stack.flops == 36 * 9 * 2 * 64 + 2304 * 128 + 128 * 3
    short = space.from_genes([{"marking": 5, "layer": "pool 2x2"}])
    assert [gene.kind for gene in short.architecture.genes] == ["input", "max_pool", "global_average", "logits"]


def test_every_mutation_happens_and_a_layer_that_stays_of_its_kind_keeps_its_marking() -> None:
    stack = IMAGES.random(philox(2, 3))
    assert len(stack.layers) > 2
    children = [stack.mutate(philox(3, index), clock=1) for index in range(200)]
    assert {child.operators[0] for child in children} == {"change_layer", "insert_layer", "remove_layer"}
    old = {layer.marking: layer.option.kind for layer in stack.layers}
    kinds = set()
    for child in children:
        for mine, layer in zip(stack.layers, child.layers, strict=False):
            if child.operators == ("change_layer",) and mine != layer:
                assert (mine.marking == layer.marking) == (mine.option.kind == layer.option.kind)
                kinds.add(mine.marking == layer.marking)
        for layer in child.layers:
            assert old.get(layer.marking, layer.option.kind) == layer.option.kind
    assert kinds == {True, False}


@pytest.mark.parametrize(
    "space", [IMAGES, SEQUENCES, CIFAR, StackSpace((1, 40, 2), 3), StackSpace((3, 50, 2), 3), StackSpace((2, 1), 2)]
)
@pytest.mark.parametrize("count", [100, pytest.param(10_000, marks=pytest.mark.slow)])
def test_random_stacks_are_legal(space: StackSpace, count: int) -> None:
    checks = Stacks()
    for index in range(count):
        checks.check(space.random(philox(8, index)))


@pytest.mark.parametrize(
    ("genes", "sentence"),
    [
        ([], "a list of 1 to 8 layers"),
        ([{"marking": 1, "layer": "convolution 8 7x7"}], "unknown layer of a stack 'convolution 8 7x7'.*did you mean"),
        ([{"marking": 1, "layer": "dense 16"}], "layer 0 of this stack cannot be dense 16 .allowed there: convolution 8 1x1"),
        ([{"marking": 1, "layer": "pool 2x2"}, {"marking": 2, "layer": "pool 2x2"}], "layer 1 of this stack cannot be pool 2x2"),
        ([{"marking": 1, "layer": "pool 2x2"}, {"marking": 1, "layer": "dense 16"}], "two layers have the marking 1"),
        ([{"marking": -1, "layer": "pool 2x2"}], "marking must be a whole number"),
        ([{"marking": 1, "layer": "pool 2x2", "width": 3}], "a JSON object with 'marking' and 'layer'"),
    ],
)
def test_wrong_genes_are_refused(genes: list, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        IMAGES.from_genes(genes)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"input_shape": (30,)}, "For features without positions use"),
        ({"kernels": (3, 3)}, "kernels must be different numbers"),
        ({"pools": ((2, 3),)}, "pairs of a size >= 2 and a stride from 1 to the size"),
        ({"sizes": (4, 8)}, "sizes must fall"),
        ({"max_dense": -1}, "max_dense must be a whole number >= 0"),
        ({"max_layers": 65}, "max_layers must be at most 64"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        StackSpace(**{"input_shape": (8, 8, 1), "outputs": 10, **arguments})
