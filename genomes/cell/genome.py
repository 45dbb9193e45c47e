"""CellSpace and CellGenome: a cell (or a normal and a reduction cell) as a sequence of decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from genomes.base import Genome, Space, shown, unknown
from genomes.cell.canonical import canonical_key
from genomes.cell.expression import residual_network, stacked_network
from genomes.cell.operations import NONE
from genomes.cell.skeleton import Skeleton
from genomes.cell.vocabulary import VOCABULARIES, Cell, Decision, Edge, Vocabulary
from genomes.network.architecture import Architecture
from genomes.questions import Question
from genomes.sequential import refuse_wrong, whole_decisions

if TYPE_CHECKING:
    import networkx as nx

    from genomes.shared import SharedGraph


@dataclass(frozen=True)
class CellSpace(Space, encoding="cell"):
    """Cells of one vocabulary inside one stacking plan; the defaults are NAS-Bench-201's 15,625 cells for CIFAR-10 (Dong & Yang 2020).

    Args:
        vocabulary: which operations there are and how a cell is described: "nasbench201" (one cell), "nasnet" (blocks; a normal and a
            reduction cell; Zoph et al. 2018) or "darts" (two edges a node; likewise; Liu, Simonyan & Yang 2019).
        nodes: nodes of a cell: for nasbench201 with its input and output, for nasnet its blocks (the paper's 5), for darts the nodes
            behind its two inputs (the paper's 4).
        input_shape: height, width and channels of the images, or (steps, channels) of sequences.
        outputs: number of classes.
        channels: filters of the first stage; doubled from stage to stage.
        repeats: cells in each stage; for nasnet and darts normal ones.
        stages: number of stages. Between two of them nasbench201 has a residual block and the others a reduction cell.

    A controller decides (`choices`, `build`) what the vocabulary asks, in every vocabulary: `questions` lists it, and `asked` says in which
    order. The questions do not depend on the answers, one with a single option is asked as well, and a genome is its decisions.

    >>> space = CellSpace()
    >>> cell = space.build([int(digit) for digit in "421211"])
    >>> cell.parameters, cell.flops, cell.table_key
    (129306, 15647370, '421211')
    """

    sequential: ClassVar[bool] = True

    vocabulary: str = "nasbench201"
    nodes: int = 4
    input_shape: tuple[int, ...] = (32, 32, 3)
    outputs: int = 10
    channels: int = 16
    repeats: int = 5
    stages: int = 3

    drawn_as = "cells"
    redundant = True

    def __post_init__(self) -> None:
        if self.vocabulary not in VOCABULARIES:
            raise ValueError(unknown("vocabulary", self.vocabulary, list(VOCABULARIES)))
        least = self.words.least_nodes
        if not _is_count(self.nodes) or not least <= self.nodes <= 12:
            raise ValueError(
                f"nodes must be a whole number from {least}{' (input and output)' if least == 2 else ''} to 12, got {shown(self.nodes)}"
            )
        for name in ("outputs", "channels", "repeats", "stages"):
            if not _is_count(getattr(self, name)) or getattr(self, name) < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        shape = self.input_shape
        if not isinstance(shape, tuple) or len(shape) not in (2, 3) or not all(_is_count(size) and size >= 1 for size in shape):
            raise ValueError(
                "input_shape must be (height, width, channels) or (steps, channels), each >= 1, because cells are made of convolutions; "
                f"got {shown(shape)}. For features without positions use NetworkSpace, DagSpace or ChainSpace"
            )
        # A side of n has ceil(n / 2) elements after each reduction, and 1 cannot be halved.
        most = 1 + (min(shape[:-1]) - 1).bit_length()
        if self.stages > most:
            raise ValueError(f"stages must be <= {most} for {shape}: each halves height and width; got {self.stages}")

    @classmethod
    def for_data(cls, input_shape: tuple[int, ...], outputs: int) -> Self:
        stages = 1 if len(input_shape) < 2 or min(input_shape[:-1]) < 2 else 2
        return cls("nasnet", 3, input_shape, outputs, channels=8, repeats=1, stages=stages)

    @cached_property
    def words(self) -> Vocabulary:
        """The vocabulary itself."""
        return VOCABULARIES[self.vocabulary]

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """The cells that a genome describes: "cell", or "normal" and (with two stages or more) "reduction"."""
        return self.words.kinds[: self.stages]

    @cached_property
    def questions(self) -> tuple[Decision, ...]:
        """The questions that a genome answers, in order."""
        each = self.words.decisions(self.nodes)
        if len(self.words.kinds) == 1:
            return each
        return tuple(
            [
                decision._replace(
                    name=f"{kind} {decision.name}",
                    part=decision.part + place * self.nodes,
                    refers=tuple([part + place * self.nodes if part >= 0 else part for part in decision.refers]),
                )
                for place, kind in enumerate(self.kinds)
                for decision in each
            ]
        )

    @cached_property
    def asked(self) -> tuple[int, ...]:
        """The positions of the questions in the order in which a controller is asked: the vocabulary's, cell by cell."""
        order = self.words.order(self.nodes)
        return tuple([place * len(order) + position for place in range(len(self.kinds)) for position in order])

    @cached_property
    def skeleton(self) -> Skeleton:
        """The costs of the network around the cells of nasbench201."""
        return Skeleton(self.input_shape, self.outputs, self.channels, self.repeats, self.stages)

    @cached_property
    def _costs(self) -> dict[str, tuple[int, int]] | None:
        """Parameters and multiply-adds of each operation, in all cells together, where they add up to a network's."""
        if self.vocabulary != "nasbench201" or len(self.input_shape) != 3:
            return None
        return {
            name: (self.skeleton.parameters(operation), self.skeleton.flops(operation))
            for name, operation in self.words.operations.items()
        }

    @cached_property
    def _option_counts(self) -> list[int]:
        return [len(decision.options) for decision in self.questions]

    @cached_property
    def _open(self) -> tuple[int, ...]:
        """Positions of the decisions that have more than one option."""
        return tuple([position for position, count in enumerate(self._option_counts) if count > 1])

    def __getstate__(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self)}  # what is cached holds functions, which do not travel

    def shared(self) -> SharedGraph:
        """All cells of the space in one graph, for one-shot search."""
        from genomes.cell.shared import shared_cells

        return shared_cells(self)

    def random(self, rng: np.random.Generator) -> CellGenome:
        return CellGenome(self, tuple(rng.integers(self._option_counts).tolist()), ("random",))

    def choices(self, prefix: Sequence[int]) -> tuple[str, ...]:
        question = self.question(prefix)
        return () if question is None else question.options

    def question(self, prefix: Sequence[int]) -> Question | None:
        answers = self._answers(prefix)
        if len(answers) == len(self.asked):
            return None
        decision = self.questions[self.asked[len(answers)]]
        return Question(decision.name, decision.options, decision.part, decision.refers)

    def build(self, decisions: Sequence[int]) -> CellGenome:
        """The cell that the decisions describe: for each, in the order in which they are asked, the position of the chosen option.

        Raises:
            ValueError: too few or too many decisions, or one that is not among its options.
        """
        answers = self._answers(decisions)
        if len(answers) < len(self.questions):
            raise ValueError(self._wrong_count(answers))
        return CellGenome(self, self._reordered(answers, self._places), ("built",))

    def decisions(self, genome: CellGenome) -> tuple[int, ...]:
        """The genome's own decisions, in the order in which they are asked: a cell is nothing else."""
        self._refuse_foreign(genome)
        return self._reordered(genome.decisions, self.asked)

    @staticmethod
    def _reordered(answers: tuple[int, ...], positions: tuple[int, ...]) -> tuple[int, ...]:
        return tuple([answers[position] for position in positions])

    @cached_property
    def _places(self) -> tuple[int, ...]:
        """For each question, the place at which it is asked."""
        return tuple([self.asked.index(position) for position in range(len(self.asked))])

    @cached_property
    def _asked_counts(self) -> list[tuple[int, Decision]]:
        return [(len(self.questions[position].options), self.questions[position]) for position in self.asked]

    def _answers(self, given: Sequence[int]) -> tuple[int, ...]:
        """Decisions, the first or all.

        Raises:
            ValueError: too many, or one that is not among its options.
        """
        answers = whole_decisions(given)
        if len(answers) > len(self.questions):
            raise ValueError(self._wrong_count(answers))
        for answer, (count, decision) in zip(answers, self._asked_counts, strict=False):
            if not 0 <= answer < count:
                refuse_wrong(answer, decision.options, f"decision {decision.name}")
        return answers

    def _wrong_count(self, answers: tuple[int, ...]) -> str:
        return f"a cell of {self.nodes} nodes takes {len(self.questions)} decisions, got {len(answers)}"

    @cached_property
    def _narrower(self) -> dict[int, CellSpace]:
        """The spaces of cells with fewer blocks or nodes, by how many decisions such a cell has; of nasnet and darts, whose nodes only add to
        each other, so that a progressive search grows them."""
        if len(self.words.kinds) == 1:
            return {}
        spaces = [replace(self, nodes=nodes) for nodes in range(self.words.least_nodes, self.nodes)]
        return {len(space.questions): space for space in spaces}

    def from_genes(self, genes: Any) -> CellGenome:
        if not isinstance(genes, (list, tuple)) or len(genes) != len(self.questions):
            if isinstance(genes, (list, tuple)) and len(genes) in self._narrower:
                return self._narrower[len(genes)].from_genes(genes)
            raise ValueError(f"a cell of {self.nodes} nodes is a list of {len(self.questions)} names, got {shown(genes)}")
        answers = []
        for name, decision in zip(genes, self.questions, strict=True):
            if name not in decision.options:
                raise ValueError(unknown(f"{decision.about} on {decision.name}", name, decision.options))
            answers.append(decision.options.index(name))
        return CellGenome(self, tuple(answers))


@dataclass(frozen=True, eq=False, slots=True)
class CellGenome(Genome):
    """A cell, or a normal and a reduction cell: for each decision of the space the position of the chosen option. Make one with
    `CellSpace.build`."""

    space: CellSpace
    decisions: tuple[int, ...]
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int = 0) -> Self:
        """One decision, at random, takes a different option: another hidden state, another operation, or another combination (Real et
        al. 2019, section 3.1)."""
        free = self.space._open
        if not free:
            return type(self)(self.space, self.decisions, ("unchanged",))
        position = free[int(rng.integers(len(free)))]
        others = len(self.space.questions[position].options) - 1
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
            for position, decision in enumerate(self.space.questions)
            for answer in range(len(decision.options))
            if answer != self.decisions[position]
        ]

    def _changed(self, position: int, answer: int) -> Self:
        decisions = (*self.decisions[:position], answer, *self.decisions[position + 1 :])
        return type(self)(self.space, decisions, (f"change_{self.space.questions[position].about}",))

    def distance(self, other: Self) -> float:
        """In how many decisions the two cells differ (Hamming)."""
        return float(sum(a != b for a, b in zip(self.decisions, other.decisions, strict=True)))

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cell as a graph, or the normal and the reduction cell."""
        return _cells(self.space.vocabulary, self.space.nodes, len(self.space.kinds), self.decisions)

    @property
    def architecture(self) -> Architecture:
        """The layer graph of the whole network."""
        return _architecture(self.space, self.decisions)

    def edges(self) -> tuple[Edge, ...]:
        """The edges of the (normal) cell, "none" included."""
        return self.cells[0].edges

    def key(self) -> str:
        """Equal for cells that compute the same; edges without effect do not count."""
        return _key(self.space.vocabulary, self.space.nodes, len(self.space.kinds), self.decisions)

    @property
    def table_key(self) -> str:
        """The decisions as digits, one an edge: a row's name in tables of NAS-Bench-201."""
        return "".join(map(str, self.decisions))

    @property
    def parameters(self) -> int:
        """Trainable weights of the network; in nasbench201 those of edges without effect included, as the benchmark counts them."""
        costs = self.space._costs
        if costs is None:
            return self.architecture.parameters
        return self.space.skeleton.fixed_parameters + sum([costs[edge.operation][0] for edge in self.edges()])

    @property
    def flops(self) -> int:
        """Multiply-adds of the network. In nasbench201 edges without effect are included and the last layer's biases count as one each,
        as the benchmark counts them."""
        costs = self.space._costs
        if costs is None:
            return self.architecture.flops
        return self.space.skeleton.fixed_flops + sum([costs[edge.operation][1] for edge in self.edges()])

    def graph(self) -> nx.DiGraph[Any]:
        """A vertex for each node of the cell and for each operation but "none"; every vertex has a `kind`. Where there are two cells the
        names begin with the cell's, which is also the vertex's `cell`."""
        import networkx as nx

        graph: nx.DiGraph[Any] = nx.DiGraph()
        for kind, cell in zip(self.space.kinds, self.cells, strict=True):
            _draw(graph, cell, "" if len(self.space.words.kinds) == 1 else kind)
        return graph

    def genes(self) -> list[str]:
        return [decision.options[answer] for decision, answer in zip(self.space.questions, self.decisions, strict=True)]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CellGenome):
            return NotImplemented
        return self.decisions == other.decisions and (self.space is other.space or self.space == other.space)

    def __hash__(self) -> int:
        return hash(self.decisions)


def _draw(graph: nx.DiGraph[Any], cell: Cell, name: str) -> None:
    """Add a cell's vertices. One node whose output is the cell's is the output itself; several are joined by a vertex "output"."""

    def at(node: int) -> Any:
        return f"{name} {node}" if name else node

    last = cell.output[0] if len(cell.output) == 1 else None
    for node in range(cell.inputs):
        graph.add_node(at(node), kind="input", cell=name)
    for index, vertex in enumerate(cell.nodes, cell.inputs):
        graph.add_node(at(index), kind="output" if index == last else vertex.combination, cell=name)
        for slot, edge in enumerate(vertex.edges):
            if edge.operation != NONE:
                between = f"{at(edge.source)}->{at(index)}"
                if between in graph:
                    between += f" ({slot})"
                graph.add_node(between, kind=edge.operation, cell=name)
                graph.add_edge(at(edge.source), between)
                graph.add_edge(between, at(index))
    if last is None:
        graph.add_node(f"{name} output", kind="output", cell=name)
        graph.add_edges_from((at(index), f"{name} output") for index in cell.output)


@lru_cache(maxsize=1 << 13)
def _cells(vocabulary: str, nodes: int, kinds: int, decisions: tuple[int, ...]) -> tuple[Cell, ...]:
    words = VOCABULARIES[vocabulary]
    each = len(decisions) // kinds
    return tuple([words.cell(nodes, decisions[each * kind : each * (kind + 1)], 1 + kind) for kind in range(kinds)])


@lru_cache(maxsize=1 << 15)
def _key(vocabulary: str, nodes: int, kinds: int, decisions: tuple[int, ...]) -> str:
    weightless = VOCABULARIES[vocabulary].weightless
    return " | ".join(canonical_key(cell, weightless) for cell in _cells(vocabulary, nodes, kinds, decisions))


@lru_cache(maxsize=256)
def _architecture(space: CellSpace, decisions: tuple[int, ...]) -> Architecture:
    cells = _cells(space.vocabulary, space.nodes, len(space.kinds), decisions)
    plan = (space.input_shape, space.outputs, space.channels, space.repeats, space.stages)
    if space.vocabulary == "nasbench201":
        return residual_network(space.words, cells[0], *plan)
    return stacked_network(space.words, cells, *plan)


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
