"""Recurrent cells: the genome suite, the paper's questions, and what makes two cells one."""

from dataclasses import replace

import numpy as np
import pytest

from genomes.chain import CellNode, RecurrentCell, RecurrentCellGenome, RecurrentCellSpace
from genomes.testing import GenomeSuite, philox

SPACE = RecurrentCellSpace((40, 1), 10)
SMALL = RecurrentCellSpace((5, 3), 2, base=2, units=4, biased=True, every_step=True)


def turned(genome: RecurrentCellGenome, rng: np.random.Generator) -> RecurrentCellGenome:
    """The same tree with the two sides of some nodes exchanged."""
    cell = genome.cell
    root = len(cell.nodes) - 1
    old_at = {root: root}  # new place -> old place
    for node in range(root, cell.leaves - 1, -1):
        sides = [int(side) for side in (rng.permutation(2) if rng.random() < 0.7 else np.arange(2))]
        for new, side in zip(cell.below(node), sides, strict=True):
            old_at[new] = cell.below(old_at[node])[side]
    new_at = {old: new for new, old in old_at.items()}
    nodes = tuple(cell.nodes[old_at[place]] for place in range(root + 1))
    return RecurrentCellGenome(genome.space, replace(cell, nodes=nodes, injected=new_at[cell.injected], read=new_at[cell.read]))


class Cells(GenomeSuite):
    steps = 80
    isomorphic = staticmethod(turned)

    def check(self, genome):
        space, cell = genome.space, genome.cell
        assert len(cell.nodes) == 2 * space.base - 1 and cell.leaves == space.base and cell.biased == space.biased
        steps, features = space.input_shape
        assert (
            genome.parameters
            == space.base * space.units * (features + space.units + space.biased) + (space.units + 1) * space.outputs
        )
        read = steps if space.every_step else 1
        assert genome.flops == steps * space.base * space.units * (features + space.units) + read * space.units * space.outputs


class TestCellsOfThePaper(Cells):
    space = SPACE


class TestSmallCellsThatAnswerAtEveryStep(Cells):
    space = SMALL


def test_a_controller_is_asked_in_the_papers_order() -> None:
    decisions: list[int] = []
    asked = []
    while (question := SPACE.question(decisions)) is not None:
        asked.append(question)
        decisions.append(len(question.options) - 1)
    assert len(asked) == 2 * 15 + 2 + 2
    for place in range(15):
        combination, activation = asked[2 * place : 2 * place + 2]
        assert combination.options == ("add", "multiply") and activation.options == ("identity", "tanh", "sigmoid", "relu")
        assert combination.part == activation.part == place and combination.refers == activation.refers == ()
    assert len({question.kind for question in asked[:30]}) == 2, "what is learned of one node may be used for another"
    *inject, injected, read = asked[30:]
    assert [question.options for question in inject] == [("add", "multiply"), ("identity", "tanh", "sigmoid", "relu")]
    for question in (injected, read):
        assert question.refers == tuple(range(15)) and question.part == 15
        assert question.options == tuple(f"node {place}" for place in range(15))
    built = SPACE.build(decisions)
    assert set(built.cell.nodes) == {CellNode("multiply", "relu")} and built.cell.injected == built.cell.read == 14


def test_the_tree_is_binary() -> None:
    cell = SPACE.published().cell
    assert [cell.below(place) for place in range(15)] == [
        *[()] * 8, (0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11), (12, 13),
    ]  # fmt: skip


def test_cells_that_differ_only_in_the_order_of_what_is_combined_have_one_key_and_others_have_not() -> None:
    leaves = (CellNode("add", "tanh"), CellNode("multiply", "relu"))
    cell = RecurrentCell((*leaves, CellNode("add", "sigmoid")), CellNode("add", "tanh"), 0, 1)
    space = RecurrentCellSpace((5, 3), 2, base=2)
    key = RecurrentCellGenome(space, cell).key()
    other_way = RecurrentCell((*leaves[::-1], CellNode("add", "sigmoid")), CellNode("add", "tanh"), 1, 0)
    assert RecurrentCellGenome(space, other_way).key() == key
    for changed in ({"injected": 1}, {"read": 0}, {"read": 2}, {"inject": CellNode("add", "relu")}, {"nodes": cell.nodes[::-1]}):
        assert RecurrentCellGenome(space, replace(cell, **changed)).key() != key
    assert RecurrentCellGenome(replace(space, units=5), cell).key() != key
    assert RecurrentCellGenome(replace(space, every_step=True), cell).key() != key


def test_every_mutation_changes_one_decision() -> None:
    genome = SPACE.random(philox(1, 1))
    children = [genome.mutate(philox(2, index), clock=1) for index in range(300)]
    assert {child.distance(genome) for child in children} == {1.0}
    assert {child.operators[0] for child in children} == {
        "change_combination", "change_activation", "change_injection_combination", "change_injection_activation", "move_injection",
        "move_reading",
    }  # fmt: skip


def test_the_graph_of_a_cell_leads_from_what_goes_in_to_what_comes_out() -> None:
    graph = SPACE.published().graph()
    assert list(graph.successors("c(t-1)")) == [15] and set(graph.predecessors(15)) == {8, "c(t-1)"}
    assert set(graph.predecessors(12)) == {15, 9}, "behind the injection its value is read in place of the node's"
    assert list(graph.predecessors("c(t)")) == [12] and list(graph.predecessors("h(t)")) == [14]
    at_the_root = replace(SPACE.published().cell, injected=14)
    assert list(RecurrentCellGenome(SPACE, at_the_root).graph().predecessors("h(t)")) == [15]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"nodes": []}, "a recurrent cell with 2 leaves has 3 nodes"),
        (
            {"nodes": [["add", "tanh"], ["add", "tanh"], ["add", "elu"]]},
            "node 2 must be a combination .add, multiply. and an activation",
        ),
        ({"inject": ["subtract", "tanh"]}, "inject must be a combination"),
        ({"injected": 3}, "injected must be a node, 0 to 2, got 3"),
        ({"read": True}, "read must be a node, 0 to 2, got True"),
        ({"more": 1}, "a JSON object with nodes, inject, injected, read"),
    ],
)
def test_wrong_genes_are_refused(change: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        SMALL.from_genes({**SMALL.random(philox(1, 0)).genes(), **change})


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"input_shape": (8, 8, 1)}, "a recurrent cell reads sequences: input_shape must be .steps, features."),
        ({"input_shape": (784, 1)}, "at most 400 steps, got 784"),
        ({"base": 6}, "base must be 2, 4, 8, 16, 32 or 64"),
        ({"units": 0}, "units must be a whole number >= 1"),
        ({"biased": 1}, "biased must be true or false"),
    ],
)
def test_wrong_settings_are_refused(arguments: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        RecurrentCellSpace(**{"input_shape": (40, 1), "outputs": 10, **arguments})


def test_only_a_space_of_the_papers_base_has_the_published_cell() -> None:
    with pytest.raises(ValueError, match="the published cell has a base of 8, this space one of 2"):
        SMALL.published()
