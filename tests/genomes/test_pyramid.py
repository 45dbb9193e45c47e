"""Detectors: the genome suite on both spaces, published wirings and sizes, isomorphic wirings, decisions."""

from dataclasses import replace

import numpy as np
import pytest

from genomes import BackboneSpace, Genome, PyramidSpace
from genomes.pyramid import NAS_FPN, Merge, PyramidGenome
from genomes.pyramid.wiring import nas_fpn, unused
from genomes.testing import GenomeSuite, philox

SHAPE = (64, 64, 1)
PYRAMIDS = PyramidSpace.for_data(SHAPE, 10)
BACKBONES = BackboneSpace.for_data(SHAPE, 10)


def renumbered(genome: PyramidGenome, rng: np.random.Generator) -> PyramidGenome:
    """The same wiring with its cells in another order that is possible, and the inputs of sums exchanged."""
    space, count = genome.space, len(genome.space.levels)
    place, order = dict(enumerate(range(count))), list[int]()
    left = {True: list(range(space.inner, space.cells)), False: list(range(space.inner))}
    while len(order) < space.cells:
        ready = [i for i in left[not left[False]] if {genome.wiring[i].first, genome.wiring[i].second} <= set(place)]
        chosen = ready[int(rng.integers(len(ready)))]
        left[chosen >= space.inner].remove(chosen)
        place[chosen + count] = count + len(order)
        order.append(chosen)
    wiring = []
    for index in order:
        merge = genome.wiring[index]
        inputs = [place[merge.first], place[merge.second]]
        level = (*space.levels, *[each.level for each in genome.wiring])
        if merge.operation == "sum" or level[merge.first] != level[merge.second]:
            inputs = [inputs[pick] for pick in rng.permutation(2)]
        wiring.append(Merge(inputs[0], inputs[1], merge.level, merge.operation))
    return PyramidGenome(space, genome.blocks, tuple(wiring))


class Detectors(GenomeSuite):
    steps = 80

    def check(self, genome: Genome) -> None:
        assert isinstance(genome, PyramidGenome)
        space, architecture = genome.space, genome.architecture
        locations = sum((space.input_shape[0] // stride) * (space.input_shape[1] // stride) for stride in space.strides)
        assert architecture.shapes[architecture.output.marking] == (locations, space.classes + 5)
        assert architecture.output.kind == "detect"
        rows = [architecture.shapes[source][0] for source in architecture.output.inputs]
        assert rows == [space.input_shape[0] // stride for stride in space.strides], "the finest level comes first"
        if space.cells:
            assert sorted(merge.level for merge in genome.wiring[space.inner :]) == list(space.levels)


class TestPyramids(Detectors):
    space = PYRAMIDS
    isomorphic = staticmethod(renumbered)


class TestLargePyramids(Detectors):
    space = PyramidSpace((128, 256, 3), 3, cells=9, width=8, stacks=2, depths=(1, 1, 1), channels=(8, 12, 16), head=0)
    isomorphic = staticmethod(renumbered)
    steps = 40


class TestBackbones(Detectors):
    space = BACKBONES


class TestBackbonesAndPyramids(Detectors):
    space = replace(BACKBONES, cells=4)
    isomorphic = staticmethod(renumbered)
    steps = 40


def test_the_published_wiring_is_nas_fpns() -> None:
    space = PyramidSpace((128, 128, 3), 90)
    assert space.nas_fpn().wiring == NAS_FPN
    assert unused(NAS_FPN, space.levels) == {5: (2,), 7: (4,)}, "the inputs P5 and P7 are added to their outputs"
    graph = space.nas_fpn().graph()
    into = {node: set(graph.predecessors(node)) for node in graph}
    assert into["cell 4"] == {"cell 2", "cell 3", "map 5"} and into["cell 5"] == {"cell 2", "cell 4", "map 7"}
    assert into["detect"] == {"cell 2", "cell 3", "cell 4", "cell 5", "cell 6"}


def test_for_three_levels_the_published_wiring_is_cut_to_them() -> None:
    three = nas_fpn((2, 3, 4))
    assert three == (
        Merge(1, 2, 3, "attention"), Merge(1, 3, 3, "sum"), Merge(0, 4, 2, "sum"), Merge(4, 5, 3, "sum"), Merge(5, 6, 4, "attention"),
    )  # fmt: skip
    assert len(nas_fpn((3, 4, 5, 6))) == 6 and nas_fpn((3, 4, 5, 6, 7)) == NAS_FPN
    with pytest.raises(ValueError, match="3 to 5 levels, got 2"):
        nas_fpn((3, 4))
    with pytest.raises(ValueError, match="make it with cells=5"):
        replace(PYRAMIDS, cells=4).nas_fpn()
    with pytest.raises(ValueError, match="the pyramid of this space is fixed"):
        BACKBONES.nas_fpn()


def test_a_pyramid_of_cells_has_the_parameters_that_one_counts_by_hand() -> None:
    width, cells, classes = 24, 5, 10
    backbone = (9 * 16 + 32) + (9 * 16 * 16 + 32) + (9 * 16 * 32 + 64) + (9 * 32 * 48 + 96)
    laterals = (16 + 32 + 48) * width + 3 * 2 * width
    pyramid = cells * (9 * width * width + 2 * width)
    head = 2 * (9 * width * width + 3 * 2 * width) + 9 * width * (classes + 5) + classes + 5
    for genome in (PYRAMIDS.nas_fpn(), PYRAMIDS.random(philox(1, 0))):
        assert genome.parameters == backbone + laterals + pyramid + head
    assert PYRAMIDS.fpn().parameters == backbone + laterals + 3 * (9 * width * width + 2 * width) + head


def test_the_small_spaces_have_about_64_000_parameters() -> None:
    assert 60_000 < PYRAMIDS.nas_fpn().parameters < 68_000
    assert 60_000 < BACKBONES.shufflenet_v2().parameters < 68_000


def test_detnas_sizes_are_the_papers() -> None:
    small, large = BackboneSpace.small((512, 512, 3), 80), BackboneSpace.large((512, 512, 3), 80)
    assert [sum(space.depths) for space in (small, large)] == [20, 40]
    assert large.stem == 48 and large.channels == (96, 240, 480, 960)
    assert len(small.choices(())) == 4 and set(small.shufflenet_v2().blocks) == {"shuffle_3x3"}


def test_a_kernel_of_five_costs_the_taps_more() -> None:
    three, five = BACKBONES.uniform("shuffle_3x3"), BACKBONES.uniform("shuffle_5x5")
    channels, depths = (8, *BACKBONES.channels), BACKBONES.depths
    first = sum(channels[stage] + channels[stage + 1] // 2 for stage in range(3))  # both sides of a block with stride 2
    others = sum((depths[stage] - 1) * channels[stage + 1] // 2 for stage in range(3))
    assert five.parameters - three.parameters == (25 - 9) * (first + others)


def test_two_copies_of_a_cell_differ_from_one_that_is_taken_twice() -> None:
    def key(second: int) -> str:
        wiring = (
            Merge(0, 1, 2, "sum"), Merge(0, 1, 2, "sum"), Merge(2, 3, 2, "sum"), Merge(2, second, 3, "sum"), Merge(5, second, 4, "sum"),
        )  # fmt: skip
        return PyramidGenome(PYRAMIDS, PYRAMIDS.nas_fpn().blocks, wiring).key()

    assert key(4) != key(3), "the second copy is then added to the output"


def test_the_order_of_inputs_counts_where_attention_joins_equal_levels() -> None:
    def key(first: int, second: int, operation: str, level: int = 2) -> str:
        wiring = (Merge(0, 1, level, "sum"), Merge(first, second, 4, operation), *PYRAMIDS.nas_fpn().wiring[2:])
        return PyramidGenome(PYRAMIDS, PYRAMIDS.nas_fpn().blocks, wiring).key()

    assert key(0, 3, "attention") != key(3, 0, "attention")
    assert key(0, 3, "sum") == key(3, 0, "sum")
    assert key(0, 2, "attention") == key(2, 0, "attention"), "the coarser one's attention counts, whichever comes first"


def test_every_mutation_happens_and_changes_one_decision_of_the_wiring() -> None:
    genome = PYRAMIDS.nas_fpn()
    children = [genome.mutate(philox(3, index), clock=1) for index in range(200)]
    assert {child.operators[0] for child in children} == {"change_input", "change_level", "change_operation"}
    for child in children:
        different = [index for index, (a, b) in enumerate(zip(genome.wiring, child.wiring, strict=True)) if a != b]
        exchanged = child.operators == ("change_level",) and different[0] >= PYRAMIDS.inner  # two outputs exchange their levels
        assert len(different) == genome.distance(child) == (2 if exchanged else 1)


def test_blocks_change_at_their_rate() -> None:
    space = BackboneSpace.small((128, 128, 3), 80)
    genome = space.shufflenet_v2()
    changed = [sum(a != b for a, b in zip(genome.blocks, genome.mutate(philox(4, i)).blocks, strict=True)) for i in range(300)]
    assert min(changed) == 1 and 2.2 < np.mean(changed) < 3.4, "0.1 of 20, and one besides that may be among them"


def test_outputs_of_a_crossover_have_each_level_once_and_cells_come_from_parents() -> None:
    parents = [PYRAMIDS.random(philox(5, index)) for index in range(3)]
    for index in range(50):
        child = parents[0].crossover(parents[1:], philox(6, index), ranks=[0, 1, 2])
        assert PYRAMIDS.from_genes(child.genes()) == child
        for place, merge in enumerate(child.wiring):
            assert any((merge.first, merge.second) == (p.wiring[place].first, p.wiring[place].second) for p in parents)


def test_a_controller_is_asked_as_in_the_papers() -> None:
    question = PYRAMIDS.question(())
    assert question.options == ("input 2", "input 3", "input 4") and question.refers == (-3, -2, -1)
    assert PYRAMIDS.choices([1]) == ("input 2", "input 4"), "the second input is another one"
    decisions = PYRAMIDS.decisions(PYRAMIDS.nas_fpn())
    assert PYRAMIDS.build(decisions) == PYRAMIDS.nas_fpn()
    assert PYRAMIDS.choices(decisions[:10]) == ("2", "3", "4"), "the first output's level is any"
    assert BACKBONES.decisions(BACKBONES.uniform("xception_3x3")) == (3,) * 8
    fixed = PYRAMIDS.fpn()
    assert fixed.space.choices(()) == () and fixed.space.build(()) == fixed and fixed.space.decisions(fixed) == ()
    assert fixed.mutate(philox(7, 0)).operators == ("unchanged",)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"blocks": []}, "a list of 3 names"),
        ({"blocks": ["shuffle_3x3"] * 3}, "unknown block of this space 'shuffle_3x3'"),
        ({"cells": []}, "a list of 5 merging cells"),
        ({"cells": [{"inputs": [0, 0], "level": 3, "operation": "sum"}] * 5}, "cell 0 takes two different inputs"),
        ({"cells": [{"inputs": [0, 3], "level": 3, "operation": "sum"}] * 5}, "two whole numbers from 0 to 2"),
        ({"cells": [{"inputs": [0, 1], "level": 5, "operation": "sum"}] * 5}, "the level of cell 0 must be one of 2, 3, 4"),
        ({"cells": [{"inputs": [0, 1], "level": 3, "operation": "mean"}] * 5}, "unknown operation of cell 0 'mean'"),
        ({"cells": [{"inputs": [0, 1], "level": 3, "operation": "sum"}] * 5}, "the outputs, one for each level"),
    ],
)
def test_wrong_genes_are_refused(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PYRAMIDS.from_genes({**PYRAMIDS.nas_fpn().genes(), **change})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"input_shape": (60, 64, 1)}, "multiples of 16, the stride of level 4, got 60 and 64: pad the images"),
        ({"levels": (2, 4)}, "levels must follow each other"),
        ({"levels": (5, 6)}, "the finest level must be one of the backbone's, 1 to 4"),
        ({"cells": 2}, "one for each of 2 or more levels"),
        ({"blocks": ("shuffle_4x4",)}, "unknown block 'shuffle_4x4'"),
        ({"blocks": ("shuffle_3x3",)}, "rising from the stem on"),
        ({"channels": (16, 32)}, "each stage has a depth and channels, got 3 depths and 2 channels"),
        ({"head": -1}, "head must be a whole number >= 0"),
        ({"block_rate": 2}, "a probability between 0 and 1"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        replace(PYRAMIDS, **arguments)
