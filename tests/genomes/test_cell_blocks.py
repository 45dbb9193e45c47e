"""Cells of blocks (NASNet) and of two edges a node (DARTS): legality, keys against numbers, expression as layers."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genomes.cell import OPERATIONS, VOCABULARIES, CellGenome, CellSpace
from genomes.layers import output_shape
from genomes.testing import GenomeSuite, philox

NASNET = CellSpace("nasnet", 5, (8, 8, 1), 10, channels=8, repeats=1, stages=2)
DARTS = CellSpace("darts", 4, (20, 3), 4, channels=8, repeats=2, stages=3)
SMALL = CellSpace("nasnet", 3, (8, 8, 1), 10, channels=4, repeats=1, stages=1)


def relabelled(cell: CellGenome, rng: np.random.Generator) -> CellGenome:
    """The same cells with their blocks in another topological order, and the two sides of each block swapped at random."""
    each = len(cell.decisions) // len(cell.space.kinds)
    answers: list[int] = []
    for kind in range(len(cell.space.kinds)):
        blocks = np.reshape(cell.decisions[each * kind : each * (kind + 1)], (-1, 5)).tolist()
        place, order = {0: 0, 1: 1}, []
        while len(order) < len(blocks):
            ready = [b for b, (i, _, j, _, _) in enumerate(blocks) if b + 2 not in place and {i, j} <= set(place)]
            chosen = ready[int(rng.integers(len(ready)))]
            place[chosen + 2] = len(order) + 2
            order.append(chosen)
        for block in order:
            first, first_operation, second, second_operation, combination = blocks[block]
            sides = [(place[first], first_operation), (place[second], second_operation)]
            if rng.random() < 0.5:
                sides.reverse()
            answers += [*sides[0], *sides[1], combination]
    return CellGenome(cell.space, tuple(answers))


class TestNasnetCells(GenomeSuite):
    space = NASNET
    steps = 40
    isomorphic = staticmethod(relabelled)

    def check(self, genome):
        assert genome.architecture.shapes[genome.architecture.output.marking] == (10,)


class TestDartsCellsOnSequences(GenomeSuite):
    space = DARTS
    steps = 40

    def check(self, genome):
        assert genome.parameters == genome.architecture.parameters > 0


class TestDartsCellsOfOneStage(GenomeSuite):
    space = CellSpace("darts", 2, (4, 6, 2), 3, channels=3, repeats=1, stages=1)
    steps = 40


def numeric_value(cell: CellGenome, inputs: tuple[float, float]) -> tuple[float, ...]:
    """The cell on numbers: each operation is a function of its own, joining a function that does not see an order."""
    functions = {
        "skip": lambda v: v,
        "max_pooling_3x3": lambda v: math.tanh(2.1 * v),
        "convolution_3x3": lambda v: math.sin(1.3 * v + 0.2),
    }
    graph = cell.cells[0]
    values = list(inputs)
    for node in graph.nodes:
        given_values = [functions[edge.operation](values[edge.source]) for edge in node.edges]
        values.append(
            sum(given_values) if node.combination == "add" else math.cos(given_values[0]) + math.cos(given_values[1]) + 3
        )
    return tuple(sorted(round(values[index], 9) for index in graph.output))


def test_keys_of_blocks_agree_with_the_numbers_that_they_compute() -> None:
    names = list(VOCABULARIES["nasnet"].operations)
    few = [names.index(name) for name in ("skip", "max_pooling_3x3", "convolution_3x3")]
    values, keys = defaultdict(set), defaultdict(set)
    for index in range(1500):
        rng = philox(5, index)
        answers = list(CellSpace.random(SMALL, rng).decisions)
        for position, decision in enumerate(SMALL.questions):
            if decision.about == "operation":
                answers[position] = few[int(rng.integers(3))]
        cell = CellGenome(SMALL, tuple(answers))
        value = (numeric_value(cell, (0.731, -0.417)), numeric_value(cell, (-0.2, 0.55)))
        values[cell.key()].add(value)
        keys[value].add(cell.key())
    assert all(len(found) == 1 for found in values.values()), "two cells of one key compute different things"
    assert len(values) > 700
    # With one function for all convolutions, a value used twice and two copies of it are the same number and different networks.
    assert sum(len(found) > 1 for found in keys.values()) < 0.02 * len(keys)


def test_a_skip_over_two_positions_has_weights_only_in_a_reduction_cell() -> None:
    skips = [0, 1, 0, 0, 0]
    space = CellSpace("nasnet", 1, (8, 8, 1), 10, channels=4, repeats=1, stages=2)
    key = space.build(skips * 2).key()
    assert key == "-> y+x | skip(y) skip(x) -> 0+1"


@pytest.mark.parametrize("name", list(OPERATIONS))
@given(st.integers(2, 9), st.integers(2, 9), st.integers(1, 2))
@settings(max_examples=10)
def test_an_operation_keeps_or_halves_the_size_and_keeps_the_filters(name, height, width, stride) -> None:
    shape = (height, width, 6)
    for layer in OPERATIONS[name].steps(6, stride):
        shape = output_shape(layer, [shape])
    assert shape == (-(-height // stride), -(-width // stride), 6)


def test_the_vocabularies_are_the_papers() -> None:
    assert len(VOCABULARIES["nasnet"].operations) == 13
    assert len(VOCABULARIES["darts"].operations) == 7
    assert [len(d.options) for d in CellSpace("darts", 4).questions[:12]] == [1, 7, 7, 3, 7, 7, 6, 7, 7, 10, 7, 7]


def test_mutation_changes_a_hidden_state_an_operation_or_a_combination() -> None:
    cell = NASNET.random(philox(0, 0))
    children = [cell.mutate(philox(1, index), clock=1) for index in range(300)]
    assert {child.operators[0] for child in children} == {"change_input", "change_operation", "change_combination"}
    assert all(cell.distance(child) == 1 for child in children)


@pytest.mark.parametrize("space", [NASNET, DARTS, CellSpace(input_shape=(8, 8, 1), channels=4, repeats=1)])
def test_random_cells_are_legal(space: CellSpace) -> None:
    for index in range(60):
        assert_legal(space, index)


@pytest.mark.slow
@pytest.mark.parametrize("space", [NASNET, DARTS, CellSpace(input_shape=(8, 8, 1), channels=4, repeats=1)])
def test_ten_thousand_random_cells_are_legal(space: CellSpace) -> None:
    for index in range(10_000):
        assert_legal(space, index)


def assert_legal(space: CellSpace, index: int) -> None:
    cell = space.random(philox(7, index))
    architecture = cell.architecture
    assert architecture.shapes[architecture.output.marking] == (space.outputs,)
    # The benchmark counts the last layer's biases as multiply-adds.
    assert cell.parameters == architecture.parameters and cell.flops - architecture.flops in (0, space.outputs)


def published(threes: int, ones: int) -> tuple[int, float]:
    return 73306 + 243040 * threes + 28000 * ones, 7.78305 + 35.38944 * threes + 3.93216 * ones


@pytest.mark.parametrize("step", [521, pytest.param(1, marks=pytest.mark.slow)])
def test_the_expressed_benchmark_networks_have_the_published_parameters_and_flops(step: int) -> None:
    space = CellSpace()
    for decisions in itertools.islice(itertools.product(range(5), repeat=6), 0, None, step):
        cell = space.build(decisions)
        parameters, mflops = published(decisions.count(3), decisions.count(2))
        assert cell.architecture.parameters == cell.parameters == parameters
        assert cell.architecture.flops + space.outputs == cell.flops
        assert math.isclose(cell.flops / 1e6, mflops, rel_tol=1e-12)


def test_the_same_operation_on_the_same_edge_is_the_same_gene() -> None:
    cell = NASNET.random(philox(3, 3))
    for index in range(40):
        child = cell.mutate(philox(4, index), clock=9)
        mine, theirs = cell.architecture.by_marking, child.architecture.by_marking
        shared = [m for m in mine if m in theirs]
        assert len(shared) > len(mine) // 4  # an input of a block may cut off a whole cell
        assert all(mine[m].kind == theirs[m].kind for m in shared)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"vocabulary": "nasnet", "nodes": 0}, "nodes must be a whole number from 1 to 12, got 0"),
        (
            {"vocabulary": "darts", "input_shape": (30,)},
            "cells are made of convolutions; .*use NetworkSpace, DagSpace or ChainSpace",
        ),
        ({"vocabulary": "darts", "input_shape": (4, 4, 1), "stages": 4}, "stages must be <= 3"),
        ({"stages": 0}, "stages must be a whole number >= 1, got 0"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CellSpace(**arguments)


def test_genes_of_fewer_blocks_are_a_cell_of_the_smaller_space() -> None:
    for space in (NASNET, DARTS):
        small = CellSpace(space.vocabulary, 2, space.input_shape, space.outputs, space.channels, space.repeats, space.stages)
        cell = small.random(philox(1, 0))
        found = space.from_genes(cell.genes())
        assert found == cell and found.space == small and found.key() == cell.key() and found.parameters == cell.parameters
        for genes in (cell.genes()[:-1], [*cell.genes(), "skip"], []):
            with pytest.raises(ValueError, match="is a list of"):
                space.from_genes(genes)
    with pytest.raises(ValueError, match="is a list of 6 names"):
        CellSpace().from_genes(CellSpace(nodes=3).random(philox(1, 0)).genes())
