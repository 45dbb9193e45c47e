"""A cell as a layer graph: the network that its space's stacking plan makes of it.

A layer's marking follows from its place: the cell in the stack, the edge, the operation, the step in the operation. So the same operation on
the same edge is the same gene in any two cells, and inherits; another operation is another gene.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache

from genomes.cell.operations import RELU, Steps, halving, pointwise
from genomes.cell.vocabulary import CONCATENATE, Cell, Edge, Vocabulary
from genomes.layers import Layer, Shape
from genomes.markings import marking
from genomes.network.architecture import Architecture, canonical_order, infer_shapes
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, Gene

# What a layer belongs to; part of its marking. The numbers go on from those of `genomes.network.genes`.
STEM, EDGE, NODE, OUTPUT, PREPARED, REDUCTION, HEAD = range(20, 27)

_born = lru_cache(maxsize=1 << 15)(marking)


@dataclass
class Graph:
    """Genes in the making."""

    genes: dict[int, Gene] = field(default_factory=dict)

    def add(self, name: int, layer: Layer, *inputs: int) -> int:
        """A gene; gives its marking."""
        self.genes[name] = Gene(name, layer, inputs)
        return name

    def chain(self, steps: Steps, source: int, kind: int, *place: int) -> int:
        """Layers one after the other, named by their place and step; gives the marking of the last."""
        for step, layer in enumerate(steps):
            source = self.add(_born(0, kind, *place, step), layer, source)
        return source

    def edge(
        self, words: Vocabulary, source: int, edge: Edge, slot: int, width: int, stride: int, place: tuple[int, ...], index: int
    ) -> int:
        """An edge into node `index` of the cell at a place; gives the marking of its end, a gene of its own, so that a node can take one state
        twice. An edge is named by its source; where a node can take one source twice, by its slot as well."""
        steps = words.operations[edge.operation].steps(width, stride)
        named = (*place, index, slot if words.slotted else edge.source, edge.source, _number(edge.operation))
        return self.chain(steps or (SUM,), source, EDGE, *named)

    @staticmethod
    def node(place: tuple[int, ...], index: int) -> int:
        """The marking of a node's sum."""
        return _born(0, NODE, *place, index, 0)

    def slot(self, ends: Sequence[int], slot: int, place: tuple[int, ...], index: int) -> int:
        """The sum of what may come in at one slot of a block: its channels are the same ones whatever operation they come from."""
        return self.add(_born(0, NODE, *place, index, 3 + slot), SUM, *ends)

    def concatenated(self, ends: Sequence[int], width: int, place: tuple[int, ...], index: int) -> int:
        """The slots of a block, joined and brought back to its number of filters."""
        slots = [self.slot([end], slot, place, index) for slot, end in enumerate(ends)]
        return self.joined(slots, width, place, index)

    def joined(self, slots: Sequence[int], width: int, place: tuple[int, ...], index: int) -> int:
        """The same behind the slots' sums."""
        return self.chain(pointwise(width), self.add(_born(0, NODE, *place, index, 1), Layer("concat"), *slots), NODE, *place, index, 2)

    def output(self, states: Sequence[int], place: tuple[int, ...]) -> int:
        """The output of the cell at a place: several nodes, joined."""
        return self.add(_born(0, OUTPUT, *place), Layer("concat"), *states)

    def finished(self, input_shape: Shape) -> Architecture:
        """The architecture of the genes that reach the logits."""
        order = canonical_order(self.genes, LOGITS_MARKING)
        return Architecture(input_shape, tuple(order), infer_shapes(input_shape, order))


Celled = Callable[[Graph, int, Sequence[int], int, tuple[int, ...]], int]
"""Adds one cell of the stack: of which kind (0 normal, 1 reduction), on which inputs, how wide, at which place; gives its output's marking."""


def residual_network(
    words: Vocabulary, cell: Cell, input_shape: Shape, outputs: int, channels: int, repeats: int, stages: int
) -> Architecture:
    """The skeleton of NAS-Bench-201 (Dong & Yang 2020, section 2.1): a 3x3 convolution; in each stage `repeats` cells; between stages a
    residual block of stride 2 that doubles the channels; BatchNorm, ReLU, global average pooling and a dense layer.

    Edges without effect are part of the network, as in the benchmark.
    """
    return residual_stack(_placed(words, (cell,)), input_shape, outputs, channels, repeats, stages)


def stacked_network(
    words: Vocabulary, cells: Sequence[Cell], input_shape: Shape, outputs: int, channels: int, repeats: int, stages: int
) -> Architecture:
    """NASNet's plan (Zoph et al. 2018, section 3 and figure 2): a 3x3 convolution; in each stage `repeats` normal cells; between stages a
    reduction cell that doubles the filters; ReLU, global average pooling and a dense layer. No auxiliary head.

    Each cell takes the outputs of the two cells before it, each through a 1x1 convolution (behind an average pooling where it is larger
    than the other).
    """
    return normal_and_reduction_stack(_placed(words, cells), input_shape, outputs, channels, repeats, stages)


def residual_stack(celled: Celled, input_shape: Shape, outputs: int, channels: int, repeats: int, stages: int) -> Architecture:
    """The skeleton of `residual_network` around any cells."""
    graph, x = _begun(channels)
    for stage in range(stages):
        width = channels << stage
        if stage:
            narrow = (Layer("average_pool", kernel=2, stride=2), Layer("plain_conv", width=width, kernel=1))
            wide = (
                RELU,
                Layer("plain_conv", width=width, kernel=3, stride=2, normalised=True),
                RELU,
                Layer("plain_conv", width=width, kernel=3, normalised=True),
            )
            branches = [graph.chain(steps, x, REDUCTION, stage, side) for side, steps in enumerate((wide, narrow))]
            x = graph.add(_born(0, REDUCTION, stage, 2), SUM, *branches)
        for repeat in range(repeats):
            x = celled(graph, 0, [x], width, (stage, repeat))
    x = graph.chain((Layer("norm"),), x, HEAD, 0)
    return _headed(graph, x, outputs, input_shape)


def normal_and_reduction_stack(
    celled: Celled, input_shape: Shape, outputs: int, channels: int, repeats: int, stages: int
) -> Architecture:
    """The plan of `stacked_network` around any cells."""
    graph, x = _begun(channels)
    before, before_halved, halved = x, 0, 0  # how often the two cells before were halved
    for stage in range(stages):
        width = channels << stage
        for repeat in range(-1 if stage else 0, repeats):
            place = (stage, repeat + 1)
            prepared = [
                graph.chain(
                    pointwise(width) if times == halved else halving(width), source, PREPARED, *place, index, halved - times
                )
                for index, (source, times) in enumerate(((before, before_halved), (x, halved)))
            ]
            before, before_halved = x, halved
            x = celled(graph, int(repeat < 0), prepared, width, place)
            halved += repeat < 0
    return _headed(graph, x, outputs, input_shape)


SUM = Layer("sum")


def _begun(channels: int) -> tuple[Graph, int]:
    graph = Graph()
    x = graph.add(INPUT_MARKING, Layer("input"))
    return graph, graph.chain((Layer("plain_conv", width=channels, kernel=3, normalised=True),), x, STEM)


def _headed(graph: Graph, x: int, outputs: int, input_shape: Shape) -> Architecture:
    x = graph.chain((RELU, Layer("global_average")), x, HEAD, 1)
    graph.add(LOGITS_MARKING, Layer("logits", width=outputs), x)
    return graph.finished(input_shape)


def _placed(words: Vocabulary, cells: Sequence[Cell]) -> Celled:
    """Adds the cells of a genome, one for each kind."""

    def celled(graph: Graph, kind: int, inputs: Sequence[int], width: int, place: tuple[int, ...]) -> int:
        cell, states = cells[kind], list(inputs)
        for index, node in enumerate(cell.nodes):
            ends = []
            for slot, edge in enumerate(node.edges):
                stride = cell.stride if edge.source < cell.inputs else 1
                ends.append(graph.edge(words, states[edge.source], edge, slot, width, stride, place, index))
            if node.combination == CONCATENATE:
                ends = [graph.concatenated(ends, width, place, index)]
            states.append(graph.add(graph.node(place, index), SUM, *ends))
        if len(cell.output) == 1:
            return states[cell.output[0]]
        return graph.output([states[index] for index in cell.output], place)

    return celled


@cache
def _number(name: str) -> int:
    return zlib.crc32(name.encode())
