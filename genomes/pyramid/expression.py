"""A detector as a layer graph: backbone, pyramid and head.

A layer's marking follows from its place: the stage and the position of a block, the stack and the cell of a merge; an output cell is known by its
level. So a block of the same family and a cell of the same place are the same genes in any two genomes, and inherit. A block and a merge end in
a sum of their own, whose channels are the same ones whatever they come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from genomes.dag.expression import Expression
from genomes.layers import Layer, Shape
from genomes.markings import marking
from genomes.network.architecture import Architecture, canonical_order
from genomes.network.genes import DETECT_MARKING, INPUT_MARKING
from genomes.pyramid.blocks import BLOCKS, CONVOLUTION, RELU, SHUFFLE, XCEPTION, Block, Steps
from genomes.pyramid.wiring import ATTENTION, Wiring, candidate_levels, coarser_first, is_output, unused

# What a layer belongs to; part of its marking. The numbers go on from those of `genomes.chain.stack_layers`.
STEM, BLOCK, JOINED, LATERAL, COARSER, RESAMPLED, ATTENDED, MERGED, CONVOLVED, TOP_DOWN = range(60, 70)
_FAMILIES = (CONVOLUTION, SHUFFLE, XCEPTION)
_BRANCH, _SHORTCUT, _HALF, _CONCAT = range(4)
INNER, OUTPUT = range(2)

_born = lru_cache(maxsize=1 << 15)(marking)


@dataclass(frozen=True)
class Plan:
    """The sizes of a detector; see `PyramidSpace`."""

    input_shape: Shape
    classes: int
    levels: tuple[int, ...]
    width: int
    stacks: int
    stem: int
    depths: tuple[int, ...]
    channels: tuple[int, ...]
    head: int


Placed = Callable[["Detector", int, int, tuple[int, int]], list[int]]
"""Adds what may stand at a place of the backbone: on which input, how wide, at which place (stage, position); gives the ends that the
place adds up."""


class Detector(Expression):
    """Genes of a detector in the making."""

    def chain(self, steps: Steps, source: int, kind: int, *place: int) -> int:
        """Layers one after the other, named by their place and step; gives the marking of the last."""
        for step, layer in enumerate(steps):
            source = self.add(_born(0, kind, *place, step), layer, source)
        return source

    def block(self, block: Block, source: int, width: int, place: tuple[int, int], variant: int = 0) -> int:
        """A block behind a gene; gives its end. The first block of a stage has stride 2.

        Args:
            variant: tells blocks of one family apart where a graph has several at one place; 0 in a network.
        """
        stride = 1 if place[1] else 2
        named = (*place, _FAMILIES.index(block.family), variant)
        channels = self.shapes[source][-1]
        if block.family == CONVOLUTION:
            return self.chain(block.branch(channels, width, stride), source, BLOCK, *named, _BRANCH)
        if stride == 1:
            passes, taken = [self.add(_born(0, BLOCK, *named, _HALF, part), Layer("half", part=part), source) for part in (0, 1)]
            channels //= 2
        else:
            passes, taken = self.chain(block.shortcut(channels), source, BLOCK, *named, _SHORTCUT), source
        end = self.chain(block.branch(channels, width, stride), taken, BLOCK, *named, _BRANCH)
        return self.add(_born(0, BLOCK, *named, _CONCAT), Layer("concat"), passes, end)

    def backbone(self, plan: Plan, placed: Placed) -> dict[int, int]:
        """Stem and stages; gives the last gene of each level from 2 on."""
        x = self.chain((Layer("conv", width=plan.stem, kernel=3, stride=2),), INPUT_MARKING, STEM)
        ends: dict[int, int] = {1: x}
        for stage, (depth, width) in enumerate(zip(plan.depths, plan.channels, strict=True)):
            for position in range(depth):
                place = (stage, position)
                x = self.add(_born(0, JOINED, *place), Layer("sum"), *placed(self, x, width, place))
            ends[stage + 2] = x
        return ends

    def laterals(self, plan: Plan, ends: Mapping[int, int]) -> list[int]:
        """The pyramid's input maps, of equal width: 1x1 convolutions of the backbone's, and max-poolings of the last for coarser levels."""
        maps: list[int] = []
        for level in plan.levels:
            if level in ends:
                steps: Steps = (Layer("plain_conv", width=plan.width, kernel=1, normalised=True),)
                maps.append(self.chain(steps, ends[level], LATERAL, level))
            else:
                maps.append(self.add(_born(0, COARSER, level), Layer("max_pool", kernel=2, stride=2), maps[-1]))
        return maps

    def resampled(self, source: int, here: int, level: int, stack: int) -> int:
        """A map of level `here` at another level: by max-pooling, or by the nearest neighbour."""
        if here == level:
            return source
        step = 1 << abs(level - here)
        layer = Layer("max_pool", kernel=step, stride=step) if level > here else Layer("upsample", stride=step)
        name = _born(0, RESAMPLED, stack, source, level)
        return name if name in self.genes else self.add(name, layer, source)

    def merging_cells(self, plan: Plan, wiring: Wiring, maps: Sequence[int], stack: int) -> list[int]:
        """The outputs of a pyramid of merging cells on these maps, the finest first."""
        level_of, left = candidate_levels(wiring, plan.levels), unused(wiring, plan.levels)
        candidates, outputs = list(maps), dict[int, int]()
        for index, merge in enumerate(wiring):
            last = is_output(index, wiring, plan.levels)
            place = (stack, OUTPUT, merge.level) if last else (stack, INNER, index)
            taken = [self.resampled(candidates[c], level_of[c], merge.level, stack) for c in coarser_first(merge, level_of)]
            if merge.operation == ATTENTION:
                taken = [self.add(_born(0, ATTENDED, *place), Layer("attend"), *taken)]
            added = [candidates[candidate] for candidate in left.get(merge.level, ())] if last else []
            x = self.add(_born(0, MERGED, *place), Layer("sum"), *taken, *added)
            x = self.chain((RELU, _convolution(plan.width)), x, CONVOLVED, *place)
            candidates.append(x)
            if last:
                outputs[merge.level] = x
        return [outputs[level] for level in plan.levels]

    def top_down(self, plan: Plan, maps: Sequence[int], stack: int) -> list[int]:
        """The outputs of Lin et al.'s feature pyramid (2017, section 3) on these maps: each map and what is coarser, brought to its size and
        added; behind each sum a 3x3 convolution (and BatchNorm)."""
        outputs: list[int] = []
        above: int | None = None
        for level, source in zip(reversed(plan.levels), reversed(maps), strict=True):
            coarser = [] if above is None else [self.resampled(above, level + 1, level, stack)]
            above = self.add(_born(0, TOP_DOWN, stack, level), Layer("sum"), source, *coarser)
            # The name is that of the convolution of a merging cell's output.
            outputs.append(self.add(_born(0, CONVOLVED, stack, OUTPUT, level, 1), _convolution(plan.width), above))
        return outputs[::-1]

    def finished(self, plan: Plan, ends: Mapping[int, int], wiring: Wiring) -> Architecture:
        """The whole detector on the ends of a backbone; without a wiring with top-down pyramids."""
        maps = self.laterals(plan, ends)
        for stack in range(plan.stacks):
            maps = self.merging_cells(plan, wiring, maps, stack) if wiring else self.top_down(plan, maps, stack)
        head = Layer("detect", width=plan.classes, kernel=3, repeats=plan.head, levels=len(plan.levels))
        self.add(DETECT_MARKING, head, *maps)
        order = canonical_order(self.genes, DETECT_MARKING)
        return Architecture(self.input_shape, tuple(order), {gene.marking: self.shapes[gene.marking] for gene in order})


def _convolution(width: int) -> Layer:
    return Layer("plain_conv", width=width, kernel=3, normalised=True)


@lru_cache(maxsize=256)
def expressed(plan: Plan, blocks: tuple[str, ...], wiring: Wiring) -> Architecture:
    """The layer graph of a detector with these blocks, in order; without a wiring with top-down pyramids."""
    starts = [sum(plan.depths[:stage]) for stage in range(len(plan.depths))]

    def placed(graph: Detector, source: int, width: int, place: tuple[int, int]) -> list[int]:
        return [graph.block(BLOCKS[blocks[starts[place[0]] + place[1]]], source, width, place)]

    graph = Detector(plan.input_shape)
    return graph.finished(plan, graph.backbone(plan, placed), wiring)
