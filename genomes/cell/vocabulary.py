"""Vocabularies: which operations a cell may use, and which decisions describe one.

A cell is written as a sequence of decisions, each one of a few named options that do not depend on the decisions before it. So
one genome class serves every vocabulary; a vocabulary says what the decisions mean by turning them into edges.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

NONE, SKIP = "none", "skip"


@dataclass(frozen=True)
class Operation:
    """What happens on one edge of a cell.

    Args:
        name: "none" passes nothing on and "skip" passes its input on; every other name is an operation of its own.
        weights: convolution weights at so many channels; 0 for an operation without weights.
        batch_norms: how many batch normalisations go with it (two trainable weights a channel each).
    """

    name: str
    weights: Callable[[int], int] = lambda channels: 0
    batch_norms: int = 0

    def parameters(self, channels: int) -> int:
        """Trainable weights at so many channels."""
        return self.weights(channels) + 2 * channels * self.batch_norms

    def flops(self, channels: int, positions: int) -> int:
        """Multiply-adds of the convolutions on a feature map with so many positions (height x width)."""
        return self.weights(channels) * positions


class Decision(NamedTuple):
    """One question that a cell answers, and the names of the possible answers."""

    name: str
    options: tuple[str, ...]


class Edge(NamedTuple):
    """An operation from one node of a cell to another; a node is the sum of its incoming edges. Node 0 is the cell's input, the
    highest its output."""

    source: int
    target: int
    operation: str


class Vocabulary(ABC):
    """The operations of a family of cells and how decisions describe a cell."""

    name: str
    operations: Mapping[str, Operation]

    @cached_property
    def weightless(self) -> frozenset[str]:
        """The operations without weights."""
        return frozenset(name for name, operation in self.operations.items() if operation.parameters(1) == 0)

    @abstractmethod
    def decisions(self, nodes: int) -> tuple[Decision, ...]:
        """The questions that a cell with so many nodes answers, in order."""

    @abstractmethod
    def edges(self, nodes: int, answers: Sequence[int]) -> tuple[Edge, ...]:
        """The edges of the cell that the answers describe, "none" included."""


class DenselyConnected(Vocabulary):
    """Every pair of nodes is joined by one edge, and each decision names one edge's operation.

    The edges are ordered by target, then by source: (0->1)(0->2)(1->2)(0->3)(1->3)(2->3) for four nodes, as in NAS-Bench-201.
    """

    def __init__(self, name: str, operations: Sequence[Operation]) -> None:
        self.name = name
        self.operations = {operation.name: operation for operation in operations}
        self._names = tuple(self.operations)

    def decisions(self, nodes: int) -> tuple[Decision, ...]:
        return tuple(Decision(f"{source}->{target}", self._names) for source, target in _pairs(nodes))

    def edges(self, nodes: int, answers: Sequence[int]) -> tuple[Edge, ...]:
        names = self._names
        return tuple([Edge(*pair, names[answer]) for pair, answer in zip(_pairs(nodes), answers, strict=True)])


@cache
def _pairs(nodes: int) -> tuple[tuple[int, int], ...]:
    return tuple((source, target) for target in range(1, nodes) for source in range(target))


def convolution(kernel: int) -> Operation:
    """ReLU, a square convolution that keeps the size and the channels, batch normalisation."""
    return Operation(f"convolution_{kernel}x{kernel}", lambda channels: kernel * kernel * channels * channels, batch_norms=1)


# Dong & Yang 2020, section 2.1; the order is that of the benchmark's published tables.
NASBENCH201 = DenselyConnected(
    "nasbench201",
    [Operation(NONE), Operation(SKIP), convolution(1), convolution(3), Operation("average_pooling_3x3")],
)

VOCABULARIES: Mapping[str, Vocabulary] = {NASBENCH201.name: NASBENCH201}
