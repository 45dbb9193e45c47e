"""Vocabularies: which operations a cell may use, and which decisions describe one.

A cell is written as a sequence of decisions, each one of a few named options that do not depend on the decisions before it. So
one genome class serves every vocabulary; a vocabulary says what the decisions mean by turning them into graphs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import NamedTuple

from genomes.cell.operations import NONE, SKIP, Operation, operations

ADD, CONCATENATE = "add", "concatenate"
INPUT, OPERATION, COMBINATION = "input", "operation", "combination"


class Decision(NamedTuple):
    """One question that a cell answers, the names of the possible answers, and what is decided: an "input" (a hidden state), an
    "operation" or a "combination"; for which node or block of the cell, and which nodes or blocks the options name: -2 and -1 are the cell's
    inputs (see `genomes.questions.Question`)."""

    name: str
    options: tuple[str, ...]
    about: str = OPERATION
    part: int = 0
    refers: tuple[int, ...] = ()


class Edge(NamedTuple):
    """An operation from one node of a cell to another. Nodes 0, 1, ... are the cell's inputs, the others follow."""

    source: int
    target: int
    operation: str


class Node(NamedTuple):
    """A node of a cell: what comes in over its edges, added up or joined by channels."""

    edges: tuple[Edge, ...]
    combination: str = ADD


class Cell(NamedTuple):
    """A cell as a graph.

    Attributes:
        inputs: how many inputs it has; they are its first nodes.
        nodes: the nodes behind them, in topological order.
        output: the nodes whose channels, joined, are its output.
        stride: 1, or 2 for a reduction cell: operations on the inputs halve height and width.
    """

    inputs: int
    nodes: tuple[Node, ...]
    output: tuple[int, ...]
    stride: int = 1

    @property
    def edges(self) -> tuple[Edge, ...]:
        return tuple([edge for node in self.nodes for edge in node.edges])


class Vocabulary(ABC):
    """The operations of a family of cells and how decisions describe a cell.

    Attributes:
        kinds: the names of the cells that one genome describes; a second one is the reduction cell.
        least_nodes: the smallest number of nodes.
        inputs: how many inputs a cell has.
        slotted: whether a node can take one source twice, so that an edge is known by its slot too.
    """

    name: str
    operations: Mapping[str, Operation]
    kinds: tuple[str, ...] = ("cell",)
    least_nodes: int = 1
    inputs: int = 1
    slotted: bool = False

    @cached_property
    def weightless(self) -> frozenset[str]:
        """The operations without weights (at stride 1)."""
        return frozenset(name for name, operation in self.operations.items() if operation.parameters(1) == 0)

    @abstractmethod
    def decisions(self, nodes: int) -> tuple[Decision, ...]:
        """The questions that one cell with so many nodes answers, in order."""

    @abstractmethod
    def cell(self, nodes: int, answers: Sequence[int], stride: int) -> Cell:
        """The cell that the answers describe."""

    def order(self, nodes: int) -> tuple[int, ...]:
        """The positions of the questions in the order in which a controller is asked."""
        return tuple(range(len(self.decisions(nodes))))


class DenselyConnected(Vocabulary):
    """Every pair of nodes is joined by one edge, and each decision names one edge's operation. A node is the sum of its edges; the
    first node is the cell's input, the last its output.

    The edges are ordered by target, then by source: (0->1)(0->2)(1->2)(0->3)(1->3)(2->3) for four nodes, as in NAS-Bench-201.
    """

    least_nodes = 2

    def __init__(self, name: str, operations: Mapping[str, Operation]) -> None:
        self.name = name
        self.operations = operations
        self._names = tuple(operations)

    def decisions(self, nodes: int) -> tuple[Decision, ...]:
        return tuple(
            Decision(f"{source}->{target}", self._names, part=target, refers=(source,)) for source, target in _pairs(nodes)
        )

    def cell(self, nodes: int, answers: Sequence[int], stride: int) -> Cell:
        names = self._names
        edges = [Edge(*pair, names[answer]) for pair, answer in zip(_pairs(nodes), answers, strict=True)]
        first = 0
        built = []
        for target in range(1, nodes):
            built.append(Node(tuple(edges[first : first + target])))
            first += target
        return Cell(1, tuple(built), (nodes - 1,), stride)


class Blocks(Vocabulary):
    """NASNet's blocks (Zoph et al. 2018, section 3): two hidden states, an operation on each, and their combination, which is a new
    hidden state. Hidden states are the outputs of the two cells before and of earlier blocks; those that no block takes are joined to
    the cell's output.

    A concatenation is followed by a 1x1 convolution, which brings it back to the cell's number of filters.
    """

    kinds = ("normal", "reduction")
    inputs = 2
    slotted = True

    def __init__(self, name: str, operations: Mapping[str, Operation]) -> None:
        self.name = name
        self.operations = operations
        self._names = tuple(operations)

    def decisions(self, nodes: int) -> tuple[Decision, ...]:
        found = []
        for block in range(nodes):
            states = tuple(_state(index) for index in range(block + 2))
            for place in ("first", "second"):
                found += [
                    Decision(f"block {block}, {place} input", states, INPUT, block, tuple(range(-2, block))),
                    Decision(f"block {block}, {place} operation", self._names, OPERATION, block),
                ]
            found.append(Decision(f"block {block}, combination", (ADD, CONCATENATE), COMBINATION, block))
        return tuple(found)

    def order(self, nodes: int) -> tuple[int, ...]:
        """Block by block: both inputs, both operations, the combination (section 3, steps 1 to 5)."""
        return tuple([5 * block + place for block in range(nodes) for place in (0, 2, 1, 3, 4)])

    def cell(self, nodes: int, answers: Sequence[int], stride: int) -> Cell:
        built, taken = [], set[int]()
        for block in range(nodes):
            first, first_operation, second, second_operation, combination = answers[5 * block : 5 * block + 5]
            taken |= {first, second}
            edges = (
                Edge(first, block + 2, self._names[first_operation]),
                Edge(second, block + 2, self._names[second_operation]),
            )
            built.append(Node(edges, (ADD, CONCATENATE)[combination]))
        output = tuple([block + 2 for block in range(nodes) if block + 2 not in taken])
        return Cell(2, tuple(built), output, stride)


class TwoEdges(Vocabulary):
    """DARTS's cells after discretisation (Liu, Simonyan & Yang 2019, section 2.4): every node is the sum of operations on two different
    earlier nodes or inputs, and the cell's output joins all its nodes."""

    kinds = ("normal", "reduction")
    inputs = 2

    def __init__(self, name: str, operations: Mapping[str, Operation]) -> None:
        self.name = name
        self.operations = operations
        self._names = tuple(operations)

    def decisions(self, nodes: int) -> tuple[Decision, ...]:
        found = []
        for node in range(nodes):
            pairs = tuple(f"{_state(source)}, {_state(target)}" for source, target in _pairs(node + 2))
            found += [
                Decision(f"node {node}, inputs", pairs, INPUT, node),
                Decision(f"node {node}, first operation", self._names, OPERATION, node),
                Decision(f"node {node}, second operation", self._names, OPERATION, node),
            ]
        return tuple(found)

    def cell(self, nodes: int, answers: Sequence[int], stride: int) -> Cell:
        built = []
        for node in range(nodes):
            pair, first, second = answers[3 * node : 3 * node + 3]
            sources = _pairs(node + 2)[pair]
            chosen = (self._names[first], self._names[second])
            built.append(Node(tuple([Edge(s, node + 2, operation) for s, operation in zip(sources, chosen, strict=True)])))
        return Cell(2, tuple(built), tuple(range(2, nodes + 2)), stride)


def _state(index: int) -> str:
    return ("input_0", "input_1")[index] if index < 2 else f"block_{index - 2}"


@cache
def _pairs(nodes: int) -> tuple[tuple[int, int], ...]:
    return tuple((source, target) for target in range(1, nodes) for source in range(target))


# Dong & Yang 2020, section 2.1; the order is that of the benchmark's published tables.
NASBENCH201 = DenselyConnected("nasbench201", operations(NONE, SKIP, "convolution_1x1", "convolution_3x3", "average_pooling_3x3"))
# Zoph et al. 2018, section 3: 13 operations.
NASNET = Blocks(
    "nasnet",
    operations(
        SKIP,
        "convolution_1x3_3x1",
        "convolution_1x7_7x1",
        "dilated_convolution_3x3",
        "average_pooling_3x3",
        "max_pooling_3x3",
        "max_pooling_5x5",
        "max_pooling_7x7",
        "convolution_1x1",
        "convolution_3x3",
        "separable_3x3",
        "separable_5x5",
        "separable_7x7",
    ),
)
# Liu, Simonyan & Yang 2019, section 3.1.1, without "zero", which the final cells do not have.
DARTS = TwoEdges(
    "darts",
    operations(
        SKIP,
        "average_pooling_3x3",
        "max_pooling_3x3",
        "separable_3x3",
        "separable_5x5",
        "dilated_separable_3x3",
        "dilated_separable_5x5",
    ),
)

VOCABULARIES: Mapping[str, Vocabulary] = {words.name: words for words in (NASBENCH201, NASNET, DARTS)}
