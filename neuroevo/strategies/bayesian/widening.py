"""Widening: genomes of growing size, for spaces in which the size of a network is decided (Liu et al. 2018, section 4.2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from genomes.base import Genome, Space
from genomes.questions import DEPTH, STOP, Question

REMEMBERED = 1 << 10  # genomes of which is kept how they begin


class Widening(ABC):
    """Genomes of a space by their size.

    Attributes:
        smallest, largest: the sizes that there are; None where nobody says the largest.
        several_spaces: whether genomes of different sizes are of different spaces.
    """

    smallest: int
    largest: int | None
    several_spaces: bool = False

    @abstractmethod
    def random(self, size: int, rng: np.random.Generator) -> Genome:
        """A random genome of a size."""

    @abstractmethod
    def wider(self, genome: Genome, size: int, rng: np.random.Generator) -> Genome | None:
        """A random one of those that a genome of the size below becomes by one part more; None where it cannot grow."""

    def first(self) -> Iterator[Genome] | None:
        """All genomes of the smallest size, or None where they are too many to be listed."""
        return None

    def all_wider(self, genomes: Sequence[Genome], size: int, most: int) -> list[tuple[int, Genome]] | None:
        """All wider genomes with the place of the one that each was made of; None where they are more than `most`, or cannot be listed."""
        return None


def widening(space: Space) -> Widening:
    """How the genomes of a space grow.

    Raises:
        ValueError: their size is not decided.
    """
    from genomes.cell import CellSpace

    if isinstance(space, CellSpace) and space.vocabulary == "nasbench201":
        return CellNodes(space)
    if isinstance(space, CellSpace):
        return CellBlocks(space)
    if space.sequential:
        grown = Layers(space)
        if grown.decided:
            return grown
    raise ValueError(
        "a progressive search needs a space in which the size of a network is decided, such as CellSpace (blocks, or nodes that take "
        f"something), ChainSpace, StackSpace, DagSpace or NetworkSpace (layers); {type(space).__name__} decides none"
    )


class CellNodes(Widening):
    """Cells of NAS-Bench-201 by the nodes that take part: input and output are two; a cell with one node more has operations on the edges to
    it and from it to the output, and the edges of all other nodes are "none".

    Counting the edges that are not "none" would be another size. But then a way over a further node takes two steps, and the cell after the
    first of them is the network that it was.
    """

    def __init__(self, space: Any) -> None:
        self.space = space
        self.smallest, self.largest = 2, space.nodes
        self.options = len(space.questions[0].options)
        self.none = space.questions[0].options.index("none")

    def _places(self, size: int) -> list[int]:
        """The decisions that a cell of a size makes beyond those of the size below."""
        output, node = self.space.nodes - 1, size - 2
        if size == 2:
            return [self._place(0, output)]
        return [self._place(source, node) for source in range(node)] + [self._place(node, output)]

    def _place(self, source: int, target: int) -> int:
        return target * (target - 1) // 2 + source

    def _with(self, decisions: Sequence[int], size: int, answers: Sequence[int]) -> Genome:
        made = list(decisions)
        for place, answer in zip(self._places(size), answers, strict=True):
            made[place] = answer
        found: Genome = self.space.build(made)
        return found

    def _answers(self, size: int) -> Iterator[tuple[int, ...]]:
        return product(range(self.options), repeat=len(self._places(size)))

    def random(self, size: int, rng: np.random.Generator) -> Genome:
        decisions = [self.none] * len(self.space.questions)
        for each in range(2, size + 1):
            for place in self._places(each):
                decisions[place] = int(rng.integers(self.options))
        found: Genome = self.space.build(decisions)
        return found

    def wider(self, genome: Any, size: int, rng: np.random.Generator) -> Genome:
        return self._with(genome.decisions, size, rng.integers(self.options, size=len(self._places(size))).tolist())

    def first(self) -> Iterator[Genome]:
        nothing = [self.none] * len(self.space.questions)
        return (self._with(nothing, 2, answers) for answers in self._answers(2))

    def all_wider(self, genomes: Sequence[Any], size: int, most: int) -> list[tuple[int, Genome]] | None:
        if len(genomes) * self.options ** len(self._places(size)) > most:
            return None
        return [
            (place, self._with(genome.decisions, size, answers))
            for place, genome in enumerate(genomes)
            for answers in self._answers(size)
        ]


class CellBlocks(Widening):
    """Cells of nasnet by their blocks, and of darts by their nodes (Liu et al. 2018, section 4.2): a wider cell has one block more, which may take
    what earlier blocks give. The normal and the reduction cell grow together. A cell of fewer blocks is one of a smaller space."""

    several_spaces = True

    def __init__(self, space: Any) -> None:
        self.smallest, self.largest = space.words.least_nodes, space.nodes
        self.spaces = {size: replace(space, nodes=size) for size in range(self.smallest, space.nodes)} | {space.nodes: space}

    def random(self, size: int, rng: np.random.Generator) -> Genome:
        found: Genome = self.spaces[size].random(rng)
        return found

    def wider(self, genome: Any, size: int, rng: np.random.Generator) -> Genome:
        space, before = self.spaces[size], self.spaces[size - 1]
        kinds = len(space.kinds)
        each, old = len(space.questions) // kinds, len(before.questions) // kinds
        genes = genome.genes()
        names: list[str] = []
        for kind in range(kinds):
            names += genes[kind * old : (kind + 1) * old]
            added = space.questions[kind * each + old : (kind + 1) * each]
            names += [question.options[int(rng.integers(len(question.options)))] for question in added]
        found: Genome = space.from_genes(names)
        return found


class Layers(Widening):
    """Networks by their layers or nodes, in spaces that ask for their number, or after each whether to stop. A wider network has the layers
    of the one that it is made of, and one behind them (more where none may be the last before)."""

    def __init__(self, space: Space) -> None:
        self.space = space
        first = space.question(())
        self._by_depth = first is not None and first.about == DEPTH
        self._begun: dict[Genome, tuple[tuple[int, ...], int] | None] = {}  # of genomes that were widened: one is many times
        self.smallest, self.largest = 1, None
        if first is not None and self._by_depth:
            self.smallest, self.largest = int(first.options[0]), int(first.options[-1])

    @property
    def decided(self) -> bool:
        """Whether the space asks for a size."""
        rng = np.random.default_rng(0)
        return self._by_depth or self._stop_of(self.space.decisions(self.random(1, rng))) is not None

    def random(self, size: int, rng: np.random.Generator) -> Genome:
        return self._completed([], size, rng)

    def wider(self, genome: Genome, size: int, rng: np.random.Generator) -> Genome | None:
        if genome in self._begun:
            begun = self._begun[genome]
            return None if begun is None else self._completed(*begun, rng)
        decisions = self.space.decisions(genome)
        if self._by_depth:
            first = self.space.question(())
            assert first is not None
            depths = [int(option) for option in first.options]
            return self._completed([depths.index(size), *decisions[1:]], size, rng) if size in depths else None
        if len(self._begun) >= REMEMBERED:
            self._begun.clear()
        self._begun[genome] = found = self._beginning(decisions)
        return None if found is None else self._completed(*found, rng)

    def _beginning(self, decisions: tuple[int, ...]) -> tuple[tuple[int, ...], int] | None:
        """The decisions before that to stop, and the size that one part more makes; None where it had to stop."""
        stop = self._stop_of(decisions)
        question = None if stop is None else self.space.question(decisions[:stop])
        return None if question is None or len(question.options) == 1 else (decisions[:stop], question.part + 1)

    def _stop_of(self, decisions: Sequence[int]) -> int | None:
        """The place of the decision to stop; None where there was none to make."""
        for place, answer in enumerate(decisions):
            question = self.space.question(decisions[:place])
            if question is not None and question.options[answer] == STOP:
                return place
        return None

    def _completed(self, decisions: Sequence[int], size: int, rng: np.random.Generator) -> Genome:
        """The genome of these decisions, completed at random to a size: it stops as soon as it may."""
        answers = list(decisions)
        while (question := self.space.question(answers)) is not None:
            answers.append(self._answer(question, size, rng))
        return self.space.build(answers)

    @staticmethod
    def _answer(question: Question, size: int, rng: np.random.Generator) -> int:
        options = question.options
        if question.about == DEPTH:
            return max(0, min(size - int(options[0]), len(options) - 1))
        if STOP not in options or len(options) == 1:
            return int(rng.integers(len(options)))
        stop = options.index(STOP)
        if question.part >= size:
            return stop
        answer = int(rng.integers(len(options) - 1))
        return answer + (answer >= stop)
