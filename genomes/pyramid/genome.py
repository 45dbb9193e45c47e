"""PyramidGenome: the blocks of a backbone and the merging cells of a pyramid, and how they vary."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import Genome
from genomes.network.architecture import Architecture
from genomes.pyramid.expression import expressed
from genomes.pyramid.graph import detector_graph
from genomes.pyramid.reading import json_of
from genomes.pyramid.wiring import OPERATIONS, Merge, Wiring, canonical_wiring

if TYPE_CHECKING:
    import networkx as nx

    from genomes.pyramid.space import PyramidSpace

Blocks = tuple[str, ...]


@dataclass(frozen=True, eq=False, repr=False)
class PyramidGenome(Genome):
    """A detector: the blocks of its backbone and the merging cells of its pyramid.

    Args:
        space: which detectors are allowed.
        blocks: names, stage by stage.
        wiring: merging cells, inner ones first, then the outputs; () for the fixed pyramid.
        operators: what made this genome.
    """

    space: PyramidSpace
    blocks: Blocks
    wiring: Wiring
    operators: tuple[str, ...] = ()

    def mutate(self, rng: np.random.Generator, *, clock: int = 0) -> Self:
        """A copy with other blocks, each changed at the space's `block_rate` and one at least (Chen et al. 2019, section 3.4), or with one of the
        cells' inputs, levels or operations changed; where both are searched, either, by how many decisions there are of each."""
        places = len(self.blocks) if len(self.space.blocks) > 1 else 0
        decisions = places + 4 * len(self.wiring)
        if not decisions:
            return self._changed(self.blocks, self.wiring, "unchanged")
        if int(rng.integers(decisions)) < places:
            return self._changed(self._other_blocks(rng), self.wiring, "change_block")
        index = int(rng.integers(len(self.wiring)))
        name, changed = self._other_cell(index, rng)
        return self._changed(self.blocks, changed, name)

    def _other_blocks(self, rng: np.random.Generator) -> Blocks:
        count = len(self.blocks)
        changing = rng.random(count) < self.space.block_rate
        changing[int(rng.integers(count))] = True
        found = list(self.blocks)
        for place in np.flatnonzero(changing).tolist():
            others = [name for name in self.space.blocks if name != found[place]]
            found[place] = others[int(rng.integers(len(others)))]
        return tuple(found)

    def _other_cell(self, index: int, rng: np.random.Generator) -> tuple[str, Wiring]:
        merge, levels = self.wiring[index], self.space.levels
        inputs = [c for c in range(len(levels) + index) if c not in (merge.first, merge.second)]
        what = ("input", "input", "level", "operation")[int(rng.integers(4))]
        if what == "input" and inputs:
            taken = inputs[int(rng.integers(len(inputs)))]
            first = bool(rng.integers(2))
            return "change_input", self._with(index, merge._replace(first=taken) if first else merge._replace(second=taken))
        if what == "level" and not self.space.is_output(index):
            others = [level for level in levels if level != merge.level]
            return "change_level", self._with(index, merge._replace(level=others[int(rng.integers(len(others)))]))
        if what == "level":  # an output exchanges its level with another
            others = [other for other in range(self.space.inner, len(self.wiring)) if other != index]
            other = others[int(rng.integers(len(others)))]
            swapped = self._with(index, merge._replace(level=self.wiring[other].level))
            return "change_level", (*swapped[:other], swapped[other]._replace(level=merge.level), *swapped[other + 1 :])
        operation = OPERATIONS[1 - OPERATIONS.index(merge.operation)]
        return "change_operation", self._with(index, merge._replace(operation=operation))

    def _with(self, index: int, merge: Merge) -> Wiring:
        return (*self.wiring[:index], merge, *self.wiring[index + 1 :])

    def _changed(self, blocks: Blocks, wiring: Wiring, name: str) -> Self:
        return type(self)(self.space, blocks, wiring, (name,))

    def crossover(self, others: Sequence[Self], rng: np.random.Generator, *, ranks: Sequence[int] | None = None) -> Self:
        """Each block and each cell from one of the parents, all equally likely whatever their ranks (Chen et al. 2019, section 3.4); the outputs'
        levels all from one, since each level has one output."""
        parents = [self, *others]
        picks = rng.integers(len(parents), size=len(self.blocks) + len(self.wiring)).tolist()
        blocks = tuple([parents[pick].blocks[place] for place, pick in enumerate(picks[: len(self.blocks)])])
        levels = parents[int(rng.integers(len(parents)))].wiring
        wiring = []
        for index, pick in enumerate(picks[len(self.blocks) :]):
            merge = parents[pick].wiring[index]
            wiring.append(merge._replace(level=levels[index].level) if self.space.is_output(index) else merge)
        return self._changed(blocks, tuple(wiring), "crossover")

    def distance(self, other: Self) -> float:
        """How many blocks, and inputs, levels and operations of cells, are others (Hamming)."""
        found = sum([mine != theirs for mine, theirs in zip(self.blocks, other.blocks, strict=True)])
        for mine, theirs in zip(self.wiring, other.wiring, strict=True):
            found += 2 - len({mine.first, mine.second} & {theirs.first, theirs.second})
            found += (mine.level != theirs.level) + (mine.operation != theirs.operation)
        return float(found)

    def key(self) -> str:
        return self._key

    @cached_property
    def _key(self) -> str:
        return f"{' '.join(self.blocks)} | {canonical_wiring(self.wiring, self.space.levels) if self.wiring else 'top down'}"

    @property
    def architecture(self) -> Architecture:
        """The layer graph of the whole detector."""
        return expressed(self.space.plan, self.blocks, self.wiring)

    @property
    def parameters(self) -> int:
        return self.architecture.parameters

    @property
    def flops(self) -> int:
        return self.architecture.flops

    def graph(self) -> nx.DiGraph[Any]:
        """Blocks, maps and merging cells (of one pyramid, however often it is repeated): nodes with `kind`, `label` and `level`."""
        return detector_graph(self.space.plan, self.blocks, self.wiring)

    def genes(self) -> dict[str, Any]:
        """The names of the blocks, and inputs, level and operation of each merging cell."""
        return json_of(self.blocks, self.wiring)

    def __reduce__(self) -> Any:
        return type(self), (self.space, self.blocks, self.wiring, self.operators)  # what was computed on demand does not travel

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.blocks)} blocks and {len(self.wiring)} merging cells; {self.parameters} parameters>"
