"""RecurrentCellSpace: recurrent cells that read sequences, and the decisions that a controller makes for one (Zoph & Le 2017)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown
from genomes.chain.recurrent_cell import ACTIVATIONS, COMBINATIONS, PUBLISHED, CellNode, RecurrentCell, cell_from_json
from genomes.layers import Shape
from genomes.questions import Question
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.chain.recurrent_genome import RecurrentCellGenome

MOST_STEPS = 400  # a network is written out step by step: every step takes time to compile
MOST_LEAVES = 64


@dataclass(frozen=True)
class RecurrentCellSpace(SequentialSpace["RecurrentCellGenome"], encoding="recurrent_cell"):
    """Recurrent cells, each the tree of `genomes.chain.RecurrentCell` (Zoph & Le 2017, section 3.4), run over the steps of a sequence; a
    dense layer makes the logits of its hidden state.

    A controller decides, in the paper's order: every node's combination (add, multiply) and activation (identity, tanh, sigmoid, relu),
    from the leaves to the root; the combination and the activation with which the old cell state is injected; the node that it is injected
    at; and the node whose value before its activation is the new one. The last two choose among all nodes (`Question.refers`).

    A network is written out step by step in Keras's own layers and operations, so its file loads in plain Keras; compiling takes about 0.1
    seconds a step on TensorFlow, several times that on JAX.

    Every cell of a space has the same weights: W [features, units] and U [units, units] for each leaf. So children inherit all of them.

    Args:
        input_shape: shape of one sample: (steps, features), at most 400 steps.
        outputs: number of logits (classes) or regression targets.
        base: leaves of the tree: 2, 4, 8, 16, 32 or 64, so that it is a full binary tree of 2 * base - 1 nodes.
        units: size of the hidden state and of the cell state.
        biased: whether every U h has a bias; the paper's has none.
        every_step: whether the network gives logits at every step ([steps, outputs] a sample), else only behind the last.

    Raises:
        ValueError: a setting out of its range.
    """

    input_shape: Shape
    outputs: int
    base: int = 8
    units: int = 32
    biased: bool = False
    every_step: bool = False

    drawn_as = "tree"
    redundant = True

    def __post_init__(self) -> None:
        shape = self.input_shape
        if not isinstance(shape, tuple) or len(shape) != 2 or not all(_is_count(size) for size in shape):
            raise ValueError(
                f"a recurrent cell reads sequences: input_shape must be (steps, features), each >= 1, got {shown(shape)}. "
                "For images and for features without an order use NetworkSpace, DagSpace or ChainSpace"
            )
        if shape[0] > MOST_STEPS:
            raise ValueError(
                f"a recurrent cell is written out step by step, for at most {MOST_STEPS} steps, got {shape[0]}: "
                "put several of them into one (more features), or use NetworkSpace, DagSpace or ChainSpace"
            )
        for name in ("outputs", "units"):
            if not _is_count(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        if not _is_count(self.base) or not 2 <= self.base <= MOST_LEAVES or self.base & (self.base - 1):
            raise ValueError(
                f"base must be 2, 4, 8, 16, 32 or {MOST_LEAVES} (leaves of a full binary tree), got {shown(self.base)}"
            )
        for name in ("biased", "every_step"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be true or false, got {shown(getattr(self, name))}")

    @classmethod
    def for_data(cls, input_shape: Shape, outputs: int) -> Self:
        return cls(input_shape, outputs, units=24)

    @property
    def nodes(self) -> int:
        """Nodes of a tree."""
        return 2 * self.base - 1

    def published(self) -> RecurrentCellGenome:
        """The cell that the paper's search found and TensorFlow published as NASCell, as a genome of this space.

        Raises:
            ValueError: the space's base is not 8.
        """
        if self.base != PUBLISHED.leaves:
            raise ValueError(f"the published cell has a base of {PUBLISHED.leaves}, this space one of {self.base}")
        return self.genome_of(PUBLISHED.nodes, PUBLISHED.inject, PUBLISHED.injected, PUBLISHED.read, ("published",))

    def random(self, rng: np.random.Generator) -> RecurrentCellGenome:
        """A cell whose decisions are all drawn alike."""
        nodes = [_random_node(rng) for _ in range(self.nodes)]
        injected, read = rng.integers(self.nodes, size=2).tolist()
        return self.genome_of(tuple(nodes), _random_node(rng), injected, read, ("random",))

    def ask(self) -> Asking[RecurrentCellGenome]:
        nodes = []
        for place in range(self.nodes):
            nodes.append((yield from _ask_node(f"of node {place}", place)))
        part, every = self.nodes, tuple(range(self.nodes))
        inject = yield from _ask_node("with the old cell state", part)
        names = tuple([f"node {place}" for place in every])
        injected = yield Question("where the old cell state is injected", names, part, every)
        read = yield Question("where the new cell state is read", names, part, every)
        return self.genome_of(tuple(nodes), inject, injected, read, ("built",))

    def answers(self, genome: RecurrentCellGenome) -> Iterator[str]:
        cell = genome.cell
        for node in (*cell.nodes, cell.inject):
            yield from node
        yield f"node {cell.injected}"
        yield f"node {cell.read}"

    def from_genes(self, genes: Any) -> RecurrentCellGenome:
        from genomes.chain.recurrent_genome import RecurrentCellGenome

        return RecurrentCellGenome(self, cell_from_json(genes, self.base, self.biased))

    def genome_of(
        self, nodes: tuple[CellNode, ...], inject: CellNode, injected: int, read: int, operators: tuple[str, ...] = ()
    ) -> RecurrentCellGenome:
        """The genome with these genes, which must be valid."""
        from genomes.chain.recurrent_genome import RecurrentCellGenome

        return RecurrentCellGenome(self, RecurrentCell(nodes, inject, injected, read, self.biased), operators)


def _ask_node(what: str, part: int) -> Generator[Question, int, CellNode]:
    combination = yield Question(f"the combination {what}", COMBINATIONS, part)
    activation = yield Question(f"the activation {what}", ACTIVATIONS, part)
    return CellNode(COMBINATIONS[combination], ACTIVATIONS[activation])


def _random_node(rng: np.random.Generator) -> CellNode:
    return CellNode(COMBINATIONS[int(rng.integers(len(COMBINATIONS)))], ACTIVATIONS[int(rng.integers(len(ACTIVATIONS)))])


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)
