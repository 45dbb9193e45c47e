"""CellSpace and CellGenome: a cell as a sequence of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import Genome, Space, shown, unknown
from genomes.cell.canonical import canonical_key
from genomes.cell.skeleton import Skeleton
from genomes.cell.vocabulary import NONE, VOCABULARIES, Decision, Edge, Vocabulary

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class CellSpace(Space, encoding="cell"):
    """Cells of one vocabulary inside one skeleton; the defaults are NAS-Bench-201's 15,625 cells for CIFAR-10 (Dong & Yang 2020).

    Args:
        vocabulary: which operations there are and how a cell is described.
        nodes: nodes of a cell, its input and output included.
        input_shape: height, width and channels of the images.
        outputs: number of classes.
        channels: channels of the first stage.
        repeats: cells in each of the three stages.

    >>> space = CellSpace()
    >>> cell = space.build([int(digit) for digit in "421211"])
    >>> cell.parameters, cell.flops, cell.table_key
    (129306, 15647370, '421211')
    """

    vocabulary: str = "nasbench201"
    nodes: int = 4
    input_shape: tuple[int, int, int] = (32, 32, 3)
    outputs: int = 10
    channels: int = 16
    repeats: int = 5

    def __post_init__(self) -> None:
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(unknown("vocabulary", self.vocabulary, list(VOCABULARIES)))
        if not _is_count(self.nodes) or not 2 <= self.nodes <= 12:
            raise ValueError(f"nodes must be a whole number from 2 (input and output) to 12, got {shown(self.nodes)}")
        for name in ("outputs", "channels", "repeats"):
            if not _is_count(getattr(self, name)) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        shape = self.input_shape
        if not isinstance(shape, tuple) or len(shape) != 3 or not all(_is_count(size) and size >= 1 for size in shape):
            raise ValueError(f"input_shape must be (height, width, channels), each >= 1, got {shown(shape)}")

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary itself."""
        return VOCABULARIES[self.vocabulary]

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """The questions that a cell answers, in order."""
        return self.words.decisions(self.nodes)

    @cached_property
    def skeleton(self) -> Skeleton:
        """The network around the cells."""
        return Skeleton(self.input_shape, self.outputs, self.channels, self.repeats)

    @cached_property
    def _costs(self) -> dict[str, tuple[int, int]]:
        """Parameters and multiply-adds of each operation, in all cells together."""
        return {
            name: (self.skeleton.parameters(operation), self.skeleton.flops(operation))
            for name, operation in self.words.operations.items()
        }

    @cached_property
    def _option_counts(self) -> list[int]:
        return [len(decision.options) for decision in self.decisions]

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # what is cached holds functions, which do not travel

    def random(self, rng: np.random.Generator) -> CellGenome:
        return CellGenome(self, tuple(rng.integers(self._option_counts).tolist()), ("random",))

    def choices(self, prefix: Sequence[int]) -> tuple[str, ...]:
        return self.decisions[len(prefix)].options if len(prefix) < len(self.decisions) else ()

    def build(self, decisions: Sequence[int]) -> CellGenome:
        """The cell that the decisions describe: for each, in order, the position of the chosen option.

        Raises:
            ValueError: too few or too many decisions, or one that is not among its options.
        """
        if len(decisions) != len(self.decisions):
            raise ValueError(f"a cell of {self.nodes} nodes takes {len(self.decisions)} decisions, got {len(decisions)}")
        for answer, decision in zip(decisions, self.decisions, strict=True):
            if not _is_count(answer) or not 0 <= answer < len(decision.options):
                raise ValueError(f"decision {decision.name} must be 0 to {len(decision.options) - 1}, got {shown(answer)}")
        return CellGenome(self, tuple(int(answer) for answer in decisions), ("built",))

    def from_genes(self, genes: Any) -> CellGenome:
        if not isinstance(genes, (list, tuple)) or len(genes) != len(self.decisions):
            raise ValueError(
                f"a cell of {self.nodes} nodes is a list of {len(self.decisions)} names of operations, got {shown(genes)}"
            )
        answers = []
        for name, decision in zip(genes, self.decisions, strict=True):
            if name not in decision.options:
                raise ValueError(unknown(f"operation on {decision.name}", name, decision.options))
            answers.append(decision.options.index(name))
        return CellGenome(self, tuple(answers))


@dataclass(frozen=True, eq=False, slots=True)
class CellGenome(Genome):
    """A cell: for each decision of its space the position of the chosen option. Make one with `CellSpace.build`."""

    space: CellSpace
    decisions: tuple[int, ...]
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int = 0) -> Self:
        """One decision, at random, takes a different option (Real et al. 2019, section 3.1)."""
        position = int(rng.integers(len(self.decisions)))
        others = len(self.space.decisions[position].options) - 1
        answer = int(rng.integers(others))
        return self._changed(position, answer + (answer >= self.decisions[position]))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """Each decision from one of the parents, all equally likely whatever their ranks."""
        parents = [self.decisions, *(other.decisions for other in others)]
        picks = rng.integers(len(parents), size=len(self.decisions)).tolist()
        decisions = tuple([parents[pick][position] for position, pick in enumerate(picks)])
        return type(self)(self.space, decisions, ("crossover",))

    def neighbours(self) -> list[Self]:
        """Every cell that differs in one decision, in order."""
        return [
            self._changed(position, answer)
            for position, decision in enumerate(self.space.decisions)
            for answer in range(len(decision.options))
            if answer != self.decisions[position]
        ]

    def _changed(self, position: int, answer: int) -> Self:
        decisions = (*self.decisions[:position], answer, *self.decisions[position + 1 :])
        return type(self)(self.space, decisions, ("change_operation",))

    def distance(self, other: Self) -> float:
        """In how many decisions the two cells differ (Hamming)."""
        return float(sum(a != b for a, b in zip(self.decisions, other.decisions, strict=True)))

    def edges(self) -> tuple[Edge, ...]:
        """The cell's edges, "none" included."""
        return self.space.words.edges(self.space.nodes, self.decisions)

    def key(self) -> str:
        """Equal for cells that compute the same; edges without effect do not count."""
        return _key(self.space.vocabulary, self.space.nodes, self.decisions)

    @property
    def table_key(self) -> str:
        """The decisions as digits, one an edge: a row's name in tables of NAS-Bench-201."""
        return "".join(map(str, self.decisions))

    @property
    def parameters(self) -> int:
        """Trainable weights of the network, edges without effect included, as the benchmark counts them."""
        costs = self.space._costs
        return self.space.skeleton.fixed_parameters + sum([costs[edge.operation][0] for edge in self.edges()])

    @property
    def flops(self) -> int:
        """Multiply-adds of the network, edges without effect included, as the benchmark counts them."""
        costs = self.space._costs
        return self.space.skeleton.fixed_flops + sum([costs[edge.operation][1] for edge in self.edges()])

    def graph(self) -> nx.DiGraph[Any]:
        """A vertex for each node of the cell and for each operation but "none"; every vertex has a `kind`."""
        import networkx as nx

        graph: nx.DiGraph[Any] = nx.DiGraph()
        last = self.space.nodes - 1
        for node in range(self.space.nodes):
            graph.add_node(node, kind="input" if node == 0 else "output" if node == last else "add")
        for edge in self.edges():
            if edge.operation != NONE:
                name = f"{edge.source}->{edge.target}"
                graph.add_node(name, kind=edge.operation)
                graph.add_edge(edge.source, name)
                graph.add_edge(name, edge.target)
        return graph

    def genes(self) -> list[str]:
        return [decision.options[answer] for decision, answer in zip(self.space.decisions, self.decisions, strict=True)]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CellGenome):
            return NotImplemented
        return self.decisions == other.decisions and (self.space is other.space or self.space == other.space)

    def __hash__(self) -> int:
        return hash(self.decisions)


@lru_cache(maxsize=1 << 15)
def _key(vocabulary: str, nodes: int, decisions: tuple[int, ...]) -> str:
    words = VOCABULARIES[vocabulary]
    return canonical_key(words.edges(nodes, decisions), words.weightless)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
