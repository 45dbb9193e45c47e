"""Shared graphs: every network of a space in one layer graph, and the choices that make it one of them.

The graph has the genes of all networks, each with the marking that it has in them: weights are stored by marking, so a network that is taken
out of the graph inherits them as from any parent. A *choice* has several options, of which a network takes one; the value of a sum whose
summands are chosen is that of the taken options, or a mixture of all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np

from genomes.base import Genome, Space
from genomes.network.architecture import Architecture

Path = tuple[int, ...]  # for each choice, the position of the taken option


@dataclass(frozen=True)
class Choice:
    """One choice.

    Args:
        name: what is chosen.
        options: the names of what there is to choose from.
        cell: the cell that it belongs to, or "".
        source, target: the vertices between which the chosen operation lies, as `Genome.graph` names them; -1 for none.
        idle: positions of the options that hand nothing on, which a discretisation never takes on purpose.
        skips: positions of the options that hand on what comes in.
    """

    name: str
    options: tuple[str, ...]
    cell: str = ""
    source: int = -1
    target: int = -1
    idle: tuple[int, ...] = ()
    skips: tuple[int, ...] = ()


class Branch(NamedTuple):
    """What an option computes.

    Attributes:
        genes: markings of the genes that only this option has, each after its inputs.
        ends: markings of the genes whose outputs, added up, are the option's value; none for nothing.
    """

    genes: tuple[int, ...]
    ends: tuple[int, ...]


class Mixed(NamedTuple):
    """A group of summands: the options of one choice at one place."""

    choice: int
    branches: tuple[Branch, ...]


@dataclass(frozen=True, eq=False)
class SharedGraph(ABC):
    """All networks of a space in one.

    Attributes:
        space: whose.
        architecture: the layer graph with every option.
        choices: what makes it a network.
        mixed: for each sum with chosen summands, by marking, its groups; a sum without is a plain one.
        searched: markings of the genes inside what is searched; their BatchNorms are shared without gamma and beta.
        gates: for each concat whose inputs not every network has, by marking, the place of each input's gate (see `path_numbers`).
        mixable: whether its options can be mixed; else it is trained one path at a time.
    """

    mixable: ClassVar[bool] = True

    space: Space
    architecture: Architecture
    choices: tuple[Choice, ...]
    mixed: Mapping[int, tuple[Mixed, ...]]
    searched: frozenset[int]
    gates: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    @property
    def gate_count(self) -> int:
        """How many gates there are."""
        return 1 + max([place for places in self.gates.values() for place in places], default=-1)

    def path_numbers(self, path: Sequence[int]) -> tuple[float, ...]:
        """What a pass through a path is told beside it: here for each gate 1.0 or 0.0, whether the network has that input."""
        return (1.0,) * self.gate_count

    @cached_property
    def owners(self) -> Mapping[int, tuple[int, int]]:
        """By marking, the choice and the option that a gene belongs to, of those that do not belong to every network."""
        return {
            marking: (group.choice, option)
            for groups in self.mixed.values()
            for group in groups
            for option, branch in enumerate(group.branches)
            for marking in branch.genes
        }

    @abstractmethod
    def path(self, genome: Genome) -> Path:
        """The options that a genome of the space takes."""

    @abstractmethod
    def genome(self, path: Sequence[int]) -> Genome:
        """The genome that takes these options.

        Raises:
            ValueError: none does.
        """

    @abstractmethod
    def strongest(self, strengths: Sequence[Sequence[float]], *, edges: int | None = None) -> Genome:
        """The genome of the strongest options, never one that hands nothing on where another is possible.

        Args:
            strengths: for each choice, one number for each option.
            edges: how many edges each node keeps, the strongest ones; None: as many as the space's cells have.
        """

    def parent(self, genome: Genome, arrays: Mapping[str, Any]) -> tuple[Any, Mapping[str, Any]]:
        """What a network that is taken out inherits the shared weights from: something with an `architecture`, and its arrays by marking.

        Args:
            genome: of the network.
            arrays: the shared weights, by the markings of this graph.
        """
        return self, arrays

    def check_path(self, path: Sequence[int]) -> Path:
        """The path as whole numbers.

        Raises:
            ValueError: not one option for each choice.
        """
        found = tuple([int(option) for option in path])
        if len(found) != len(self.choices):
            raise ValueError(f"a path takes an option in each of {len(self.choices)} choices, got {len(found)}")
        for option, choice in zip(found, self.choices, strict=True):
            if not 0 <= option < len(choice.options):
                raise ValueError(f"{choice.name} has the options 0 to {len(choice.options) - 1}, got {option}")
        return found

    @cached_property
    def widest(self) -> int:
        """The most options that a choice has."""
        return max(len(choice.options) for choice in self.choices)

    def even(self) -> list[list[float]]:
        """The same weight for every option of a choice."""
        return [[1.0 / len(choice.options)] * len(choice.options) for choice in self.choices]

    def allowed(self) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
        """Which places of a table of options are options: bool [choices, widest]."""
        counts = np.array([len(choice.options) for choice in self.choices])
        found: np.ndarray[tuple[int, int], np.dtype[np.bool_]] = np.arange(self.widest) < counts[:, None]
        return found
