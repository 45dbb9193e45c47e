"""Recurrent cells as binary trees: what is computed at every step of a sequence (Zoph & Le 2017, section 3.4).

The nodes are numbered from the leaves to the root, level by level: with a base of 8 the leaves are 0 to 7, the next level 8 to 11, then 12
and 13, and the root is 14. Leaf i combines W_i x(t) with U_i h(t-1); another node combines the values of the two nodes below it; each then
applies its activation. Into the value of one node the old cell state c(t-1) is injected, by a combination and an activation of its own. What
one node holds before its activation is the new cell state c(t). The root's value is h(t).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from genomes.base import shown

COMBINATIONS = ("add", "multiply")
ACTIVATIONS = ("identity", "tanh", "sigmoid", "relu")


class CellNode(NamedTuple):
    """How two values become one: a combination, and the activation behind it."""

    combination: str
    activation: str


@dataclass(frozen=True, slots=True)
class RecurrentCell:
    """A tree.

    Args:
        nodes: 2 * leaves - 1 of them, leaves first, the root last.
        inject: how the old cell state is combined with a node's value.
        injected: the node whose value that is.
        read: the node whose value before its activation is the new cell state.
        biased: whether a bias is added to every U_i h(t-1).
    """

    nodes: tuple[CellNode, ...]
    inject: CellNode
    injected: int
    read: int
    biased: bool = False

    @property
    def leaves(self) -> int:
        return (len(self.nodes) + 1) // 2

    def below(self, node: int) -> tuple[int, ...]:
        """The two nodes that a node combines; () for a leaf."""
        first = 2 * (node - self.leaves)
        return () if first < 0 else (first, first + 1)

    def __str__(self) -> str:
        """The cell in one line, exactly: equal for equal cells."""
        nodes = ",".join(["-".join(node) for node in self.nodes])
        return f"{nodes};{'-'.join(self.inject)}@{self.injected};{self.read}{';biased' if self.biased else ''}"

    def canonical(self) -> str:
        """A digest that is equal for cells that differ only in the order of what is combined, which is of no consequence."""
        line = f"{self._line(len(self.nodes) - 1)}{';biased' if self.biased else ''}"
        return hashlib.sha256(line.encode()).hexdigest()[:32]

    def _line(self, node: int) -> str:
        below = sorted([self._line(other) for other in self.below(node)])
        line = f"{'read:' if node == self.read else ''}{'-'.join(self.nodes[node])}({','.join(below)})"
        return f"{'-'.join(self.inject)}[{line}]" if node == self.injected else line


def _nodes(text: str) -> tuple[CellNode, ...]:
    combinations = {"+": "add", "*": "multiply"}
    return tuple([CellNode(combinations[word[0]], word[1:]) for word in text.split()])


# The cell that TensorFlow published as NASCell, which the paper's search had found.
PUBLISHED = RecurrentCell(
    _nodes(
        "+sigmoid +relu +sigmoid *relu +tanh +sigmoid +tanh +sigmoid "  # the leaves
        "*tanh +tanh *tanh +sigmoid "
        "*identity +tanh "
        "*tanh"
    ),
    CellNode("add", "tanh"),
    injected=8,
    read=12,
)


def cell_from_json(genes: Any, base: int, biased: bool) -> RecurrentCell:
    """The cell of so many leaves that JSON describes.

    Raises:
        ValueError: it describes none.
    """
    names = ("nodes", "inject", "injected", "read")
    if not isinstance(genes, Mapping) or set(genes) != set(names):
        raise ValueError(f"the genes of a recurrent cell are a JSON object with {', '.join(names)}, got {shown(genes)}")
    count, nodes = 2 * base - 1, genes["nodes"]
    if not isinstance(nodes, (list, tuple)) or len(nodes) != count:
        raise ValueError(f"a recurrent cell with {base} leaves has {count} nodes, got {shown(nodes)}")
    places = {}
    for name in ("injected", "read"):
        place = genes[name]
        if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < count:
            raise ValueError(f"{name} must be a node, 0 to {count - 1}, got {shown(place)}")
        places[name] = place
    whole = [_node(node, f"node {place}") for place, node in enumerate(nodes)]
    return RecurrentCell(tuple(whole), _node(genes["inject"], "inject"), **places, biased=biased)


def _node(data: Any, what: str) -> CellNode:
    if (
        not isinstance(data, (list, tuple))
        or len(data) != 2
        or not all(isinstance(word, str) for word in data)
        or data[0] not in COMBINATIONS
        or data[1] not in ACTIVATIONS
    ):
        raise ValueError(
            f"{what} must be a combination ({', '.join(COMBINATIONS)}) and an activation ({', '.join(ACTIVATIONS)}), got {shown(data)}"
        )
    return CellNode(*data)
