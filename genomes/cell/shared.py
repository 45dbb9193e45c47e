"""The shared graph of a cell space: every edge with every operation, in every place of the stack (Pham et al. 2018; Liu et al. 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from genomes.base import Genome
from genomes.cell.expression import SUM, Graph, normal_and_reduction_stack, residual_stack
from genomes.cell.operations import NONE, SKIP
from genomes.cell.vocabulary import ADD, CONCATENATE, Blocks, DenselyConnected, Edge, TwoEdges, Vocabulary
from genomes.shared import Branch, Choice, Mixed, Path, SharedGraph

if TYPE_CHECKING:
    from genomes.cell.genome import CellSpace

Strengths = Sequence[Sequence[float]]


@dataclass(frozen=True, eq=False)
class SharedCells(SharedGraph):
    """What the shared graphs of all vocabularies have."""

    space: CellSpace

    def build(self, decisions: Sequence[int]) -> Genome:
        """The genome of decisions in the order of the space's questions."""
        space = self.space
        return space.build([decisions[position] for position in space.asked])


class SharedEdges(SharedCells):
    """NAS-Bench-201's cells: a choice for each edge, as in the genome itself."""

    def path(self, genome: Genome) -> Path:
        self.space._refuse_foreign(genome)
        return self.check_path(genome.decisions)  # type: ignore[attr-defined]

    def genome(self, path: Sequence[int]) -> Genome:
        return self.build(self.check_path(path))

    def strongest(self, strengths: Strengths, *, edges: int | None = None) -> Genome:
        best = [_best(choice, values) for choice, values in zip(self.choices, strengths, strict=True)]
        taken = [option for option, _ in best]
        if edges is not None:
            for target in {choice.target for choice in self.choices}:
                into = [index for index, choice in enumerate(self.choices) if choice.target == target]
                for index in sorted(into, key=lambda index: -best[index][1])[edges:]:
                    if self.choices[index].idle:
                        taken[index] = self.choices[index].idle[0]
        return self.genome(taken)


class SharedPairs(SharedCells):
    """DARTS's cells: a choice for every pair of an earlier state and a node, "none" among its options; a genome has two edges a node."""

    def path(self, genome: Genome) -> Path:
        self.space._refuse_foreign(genome)
        options = {name: place for place, name in enumerate(self.choices[0].options)}
        taken = [0] * len(self.choices)
        for kind, cell in zip(self.space.kinds, genome.cells, strict=True):  # type: ignore[attr-defined]
            for edge in cell.edges:
                taken[self._index(kind, edge.source, edge.target)] = options[edge.operation]
        return tuple(taken)

    def _index(self, kind: str, source: int, target: int) -> int:
        return next(
            i for i, c in enumerate(self.choices) if (c.cell, c.source, c.target) == (kind if c.cell else "", source, target)
        )

    def genome(self, path: Sequence[int]) -> Genome:
        taken, decisions = self.check_path(path), list[int]()
        for kind in self.space.kinds:
            for node in range(self.space.nodes):
                into = [source for source in range(node + 2) if taken[self._index(kind, source, node + 2)]]
                if len(into) != 2:
                    raise ValueError(f"a node of these cells takes two edges, {kind} node {node} has {len(into)} on this path")
                pairs = [(first, second) for second in range(1, node + 2) for first in range(second)]
                operations = [taken[self._index(kind, source, node + 2)] - 1 for source in into]
                decisions += [pairs.index((into[0], into[1])), *operations]
        return self.build(decisions)

    def strongest(self, strengths: Strengths, *, edges: int | None = None) -> Genome:
        best = [_best(choice, values) for choice, values in zip(self.choices, strengths, strict=True)]
        taken = [0] * len(self.choices)
        for kind in self.space.kinds:
            for node in range(self.space.nodes):
                into = [self._index(kind, source, node + 2) for source in range(node + 2)]
                for index in sorted(into, key=lambda index: -best[index][1])[:2]:
                    taken[index] = best[index][0]
        return self.genome(taken)


class SharedBlocks(SharedCells):
    """NASNet's blocks: for each of a block's slots a choice among all pairs of a state and an operation, and one of the combination."""

    def path(self, genome: Genome) -> Path:
        self.space._refuse_foreign(genome)
        operations, taken = len(self.space.words.operations), list[int]()
        decisions = genome.decisions  # type: ignore[attr-defined]
        for first in range(0, len(decisions), 5):
            one, one_operation, two, two_operation, combination = decisions[first : first + 5]
            taken += [one * operations + one_operation, two * operations + two_operation, combination]
        return tuple(taken)

    def genome(self, path: Sequence[int]) -> Genome:
        taken, operations, decisions = self.check_path(path), len(self.space.words.operations), list[int]()
        for first in range(0, len(taken), 3):
            one, two, combination = taken[first : first + 3]
            decisions += [*divmod(one, operations), *divmod(two, operations), combination]
        return self.build(decisions)

    def strongest(self, strengths: Strengths, *, edges: int | None = None) -> Genome:
        return self.genome([_best(choice, values)[0] for choice, values in zip(self.choices, strengths, strict=True)])

    def path_numbers(self, path: Sequence[int]) -> tuple[float, ...]:
        """The blocks that no other block takes."""
        operations, nodes = len(self.space.words.operations), self.space.nodes
        found = []
        for kind in range(len(self.space.kinds)):
            slots = [path[3 * (kind * nodes + block) + slot] // operations - 2 for block in range(nodes) for slot in (0, 1)]
            found += [float(block not in slots) for block in range(nodes)]
        return tuple(found)


def _best(choice: Choice, values: Sequence[float]) -> tuple[int, float]:
    """The strongest option that hands something on, and its strength; ties go to the first."""
    allowed = [option for option in range(len(choice.options)) if option not in choice.idle]
    best = max(allowed, key=lambda option: (values[option], -option))
    return best, float(values[best])


@lru_cache(maxsize=16)
def shared_cells(space: CellSpace) -> SharedCells:
    """All cells of a space in one graph."""
    maker = _Maker(space)
    plan = (space.input_shape, space.outputs, space.channels, space.repeats, space.stages)
    stack = residual_stack if space.vocabulary == "nasbench201" else normal_and_reduction_stack
    architecture = stack(maker.celled, *plan)
    kinds: dict[type[Vocabulary], Callable[..., SharedCells]] = {
        DenselyConnected: SharedEdges,
        TwoEdges: SharedPairs,
        Blocks: SharedBlocks,
    }
    return kinds[type(space.words)](space, architecture, maker.choices, maker.mixed, frozenset(maker.searched), maker.gates)


class _Maker:
    """Adds cells with all their options, and notes what the options are."""

    def __init__(self, space: CellSpace) -> None:
        self.space, self.words = space, space.words
        self.mixed: dict[int, tuple[Mixed, ...]] = {}
        self.searched: set[int] = set()
        self.gates: dict[int, tuple[int, ...]] = {}
        self.operations = tuple(self.words.operations)
        if isinstance(self.words, TwoEdges):  # a pair that has no edge
            self.operations = (NONE, *self.operations)
        self.choices = tuple(
            [choice for place, kind in enumerate(space.kinds) for choice in self._choices(kind if len(self.words.kinds) > 1 else "")]
        )
        self._first = {kind: kind * (len(self.choices) // len(space.kinds)) for kind in range(len(space.kinds))}

    def _choices(self, cell: str) -> list[Choice]:
        words, nodes, before = self.words, self.space.nodes, f"{self.words.name} "
        before = f"{cell} " if cell else ""
        if isinstance(words, Blocks):
            found = []
            for block in range(nodes):
                states = [f"input_{index}" if index < 2 else f"block_{index - 2}" for index in range(block + 2)]
                options = tuple([f"{state}: {operation}" for state in states for operation in self.operations])
                skips = tuple([place for place in range(len(options)) if self.operations[place % len(self.operations)] == SKIP])
                for name in ("first", "second"):
                    found.append(Choice(f"{before}block {block}, {name}", options, cell, -1, block + 2, (), skips))
                found.append(Choice(f"{before}block {block}, combination", (ADD, CONCATENATE), cell, -1, block + 2))
            return found
        idle = tuple([place for place, name in enumerate(self.operations) if name == NONE])
        skips = tuple([place for place, name in enumerate(self.operations) if name == SKIP])
        return [
            Choice(f"{before}{source}->{target}", self.operations, cell, source, target, idle, skips)
            for target, source in self._pairs()
        ]

    def _pairs(self) -> list[tuple[int, int]]:
        """Every node and every state before it, in the order of the choices."""
        first = self.words.inputs
        last = self.space.nodes if isinstance(self.words, DenselyConnected) else self.space.nodes + 2
        return [(target, source) for target in range(first, last) for source in range(target)]

    def celled(self, graph: Graph, kind: int, inputs: Sequence[int], width: int, place: tuple[int, ...]) -> int:
        prepared = set(graph.genes)
        states, choice = list(inputs), self._first[kind]
        nodes = self.space.nodes - 1 if isinstance(self.words, DenselyConnected) else self.space.nodes
        for index in range(nodes):
            node = graph.node(place, index)
            if isinstance(self.words, Blocks):
                slots = []
                for slot in (0, 1):
                    group = self._group(graph, choice + slot, states, index, slot, range(len(states)), kind, width, place)
                    slots.append(graph.slot([end for branch in group.branches for end in branch.ends], slot, place, index))
                    self.mixed[slots[-1]] = (group,)
                known = set(graph.genes)
                joined = graph.joined(slots, width, place, index)
                apart = tuple([marking for marking in graph.genes if marking not in known])
                branches = (Branch((), tuple(slots)), Branch(apart, (joined,)))
                self.mixed[node] = (Mixed(choice + 2, branches),)
                states.append(graph.add(node, SUM, *slots, joined))
                choice += 3
                continue
            groups = []
            for source in range(len(states)):
                groups.append(self._group(graph, choice, states, index, source, (source,), kind, width, place))
                choice += 1
            self.mixed[node] = tuple(groups)
            states.append(graph.add(node, SUM, *[end for group in groups for branch in group.branches for end in branch.ends]))
        output = states[-1]
        if not isinstance(self.words, DenselyConnected):
            behind = states[len(inputs) :]
            if len(behind) > 1:
                output = graph.output(behind, place)
                if isinstance(self.words, Blocks):
                    self.gates[output] = tuple([kind * nodes + block for block in range(nodes)])
            self.searched |= {marking for marking in prepared if self._prepares(graph, marking, inputs)}
        self.searched |= set(graph.genes) - prepared
        return output

    @staticmethod
    def _prepares(graph: Graph, marking: int, inputs: Sequence[int]) -> bool:
        """Whether a gene brings one of a cell's inputs to its number of filters."""
        return marking in inputs

    def _group(
        self, graph: Graph, choice: int, states: Sequence[int], index: int, slot: int, sources: Sequence[int], kind: int, width: int,
        place: tuple[int, ...],
    ) -> Mixed:  # fmt: skip
        """Every operation on these sources, in the order of the choice's options."""
        branches = []
        for source in sources:
            for operation in self.operations:
                known = set(graph.genes)
                stride = 1 + kind if source < self.words.inputs else 1
                if operation == NONE and operation not in self.words.operations:
                    branches.append(Branch((), ()))
                    continue
                end = graph.edge(
                    self.words, states[source], Edge(source, index + self.words.inputs, operation), slot, width, stride, place, index
                )
                branches.append(Branch(tuple([marking for marking in graph.genes if marking not in known]), (end,)))
        return Mixed(choice, tuple(branches))
