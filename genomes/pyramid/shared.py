"""The shared graph of backbones: at every place all blocks, each with weights of its own (Chen et al. 2019, DetNAS, section 3.3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from genomes.base import Genome
from genomes.network.architecture import Architecture
from genomes.pyramid.blocks import BLOCKS
from genomes.pyramid.expression import Detector, Plan
from genomes.shared import Branch, Choice, Mixed, Path, SharedGraph

if TYPE_CHECKING:
    from genomes.pyramid.space import PyramidSpace


@dataclass(frozen=True, eq=False)
class SharedBackbones(SharedGraph):
    """A choice for each place of the backbone. In a network blocks of one family share their genes, whatever their kernel; here each block has its
    own, so a network that is taken out renames them (`parent`)."""

    space: PyramidSpace

    def path(self, genome: Genome) -> Path:
        self.space._refuse_foreign(genome)
        return tuple([self.space.blocks.index(name) for name in genome.blocks])  # type: ignore[attr-defined]

    def genome(self, path: Sequence[int]) -> Genome:
        return self.space.build(self.check_path(path))

    def strongest(self, strengths: Sequence[Sequence[float]], *, edges: int | None = None) -> Genome:
        return self.genome([max(range(len(values)), key=values.__getitem__) for values in strengths])

    def parent(self, genome: Genome, arrays: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        architecture: Architecture = genome.architecture  # type: ignore[attr-defined]
        named = {
            shared.marking: own.marking
            for own, shared in zip(architecture.genes, _on_path(self.space.plan, self.space.blocks, self.path(genome)), strict=True)
        }
        found = {}
        for name, array in arrays.items():
            marking, _, role = name.partition("/")
            if int(marking) in named:
                found[f"{named[int(marking)]}/{role}"] = array
        return genome, found


def _placed(graph: Detector, name: str, option: int, source: int, width: int, place: tuple[int, int]) -> int:
    """One of the blocks at a place."""
    return graph.block(BLOCKS[name], source, width, place, 1 + option)


def _on_path(plan: Plan, blocks: tuple[str, ...], path: Path) -> Sequence[Any]:
    """The genes of a path in the order of the network that takes it."""
    starts = [sum(plan.depths[:stage]) for stage in range(len(plan.depths))]
    graph = Detector(plan.input_shape)

    def placed(graph: Detector, source: int, width: int, place: tuple[int, int]) -> list[int]:
        option = path[starts[place[0]] + place[1]]
        return [_placed(graph, blocks[option], option, source, width, place)]

    return graph.finished(plan, graph.backbone(plan, placed), ()).genes


@lru_cache(maxsize=16)
def shared_backbones(space: PyramidSpace) -> SharedBackbones:
    """All backbones of a space in one graph.

    Raises:
        NotImplementedError: the pyramid is searched too.
    """
    if space.cells:
        raise NotImplementedError("backbones share one graph where the pyramid is fixed (cells is 0), got cells " + str(space.cells))
    graph, mixed, choices = Detector(space.input_shape), dict[int, tuple[Mixed, ...]](), list[Choice]()
    groups: list[tuple[list[int], Mixed]] = []

    def placed(graph: Detector, source: int, width: int, place: tuple[int, int]) -> list[int]:
        branches = []
        for option, name in enumerate(space.blocks):
            known = set(graph.genes)
            end = _placed(graph, name, option, source, width, place)
            branches.append(Branch(tuple([marking for marking in graph.genes if marking not in known]), (end,)))
        groups.append(([branch.ends[0] for branch in branches], Mixed(len(choices), tuple(branches))))
        choices.append(Choice(f"block {place[1]} of stage {place[0]}", space.blocks))
        return groups[-1][0]

    architecture = graph.finished(space.plan, graph.backbone(space.plan, placed), ())
    for ends, group in groups:
        (joined,) = architecture.consumers[ends[0]]
        mixed[joined] = (group,)
    return SharedBackbones(space, architecture, tuple(choices), mixed, frozenset())
