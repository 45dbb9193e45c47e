"""A graph of nodes as a layer graph: merges, and what brings different shapes together.

Where a node takes feature maps of different sizes, the larger ones are max-pooled to the smallest; where channels differ, an addition
projects with 1x1 convolutions (dense layers where there are no positions). An addition is the gated one of all layer graphs here (see
`genomes.layers`): one input after the other is added to the first. The outputs that no node takes are averaged over all positions,
joined, and go to the logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from genomes.dag.nodes import CONCATENATE, DagNode
from genomes.layers import POOLINGS, Layer, Shape, output_shape
from genomes.markings import marking
from genomes.network.architecture import Architecture, canonical_order
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, Gene

# What an expressed layer is; part of its marking. The numbers go on from those of `genomes.network.genes`.
POOLED, ADDED, JOINED, HEAD, HEADS = range(40, 45)


class Expression:
    """Genes in the making, with their shapes."""

    def __init__(self, input_shape: Shape) -> None:
        self.input_shape = input_shape
        self.genes: dict[int, Gene] = {}
        self.shapes: dict[int, Shape] = {INPUT_MARKING: input_shape}
        self.genes[INPUT_MARKING] = Gene(INPUT_MARKING, Layer("input"))

    def add(self, name: int, layer: Layer, *inputs: int) -> int:
        """A gene; gives its marking."""
        self.genes[name] = Gene(name, layer, inputs)
        self.shapes[name] = output_shape(layer, [self.shapes[source] for source in inputs])
        return name

    def fitted(self, sources: Sequence[int]) -> dict[int, int]:
        """For each source what can be merged with the others: itself, or a max-pooling of it, all of one size, the largest that all can be
        pooled to. Where a side has one element nothing can be pooled; if that keeps the sources apart, the last ones are left out."""
        shapes = {source: self.shapes[source][:-1] for source in sources}
        while (size := _common_size(list(shapes.values()))) is None:
            shapes.popitem()
        return {source: self._pooled(source, size) for source in shapes}

    def _pooled(self, source: int, size: tuple[int, ...]) -> int:
        here = self.shapes[source][:-1]
        if here == size:
            return source
        factor = _factor(here, size)
        return self.add(marking(0, POOLED, source, factor), Layer("max_pool", kernel=factor, stride=factor), source)

    def joined(self, sources: Sequence[int], name: int) -> int:
        """The sources' channels as one map."""
        fitted = list(self.fitted(sources).values())
        return self.add(name, Layer("concat"), *fitted) if len(fitted) > 1 else fitted[0]

    def headed(self, ends: Sequence[int], outputs: int) -> Architecture:
        """The architecture whose logits read those of these outputs that nothing else reads, averaged over all positions."""
        taken = {source for gene in self.genes.values() for source in gene.inputs}
        ends = [end for end in ends if end not in taken]
        if len(self.input_shape) > 1:
            ends = [self.add(marking(0, HEAD, end), Layer("global_average"), end) for end in ends]
        self.add(LOGITS_MARKING, Layer("logits", width=outputs), self.joined(ends, marking(0, HEADS)))
        order = canonical_order(self.genes, LOGITS_MARKING)
        return Architecture(self.input_shape, tuple(order), {gene.marking: self.shapes[gene.marking] for gene in order})


def _factor(here: tuple[int, ...], size: tuple[int, ...]) -> int:
    """The least pooling factor that leaves no side longer than in `size`."""
    return max([-(-n // m) for n, m in zip(here, size, strict=True)], default=1)


def _common_size(sizes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """The largest size that all can be pooled to, or None where there is none."""
    size = tuple([min(sides) for sides in zip(*sizes, strict=True)])
    while True:
        if any(here != size and min(here) < 2 for here in sizes):
            return None
        reached = [tuple([-(-n // _factor(here, size)) for n in here]) for here in sizes]
        smallest = tuple([min(sides) for sides in zip(*reached, strict=True)])
        if smallest == size:
            return size
        size = smallest


def expressed(nodes: Sequence[DagNode], input_shape: Shape, outputs: int) -> Architecture:
    """The layer graph of the nodes."""
    graph = Expression(input_shape)
    for node in nodes:
        x = _merged(graph, node)
        layer = node.layer
        if layer.kind in POOLINGS and min(graph.shapes[x][:-1]) < 2:
            layer = replace(layer, stride=1)  # nothing is left to halve
        graph.add(node.marking, layer, x)
    return graph.headed([node.marking for node in nodes], outputs)


def _merged(graph: Expression, node: DagNode) -> int:
    if len(node.inputs) == 1:
        return node.inputs[0]
    if node.merge == CONCATENATE:
        return graph.joined(node.inputs, marking(0, JOINED, node.marking))
    (_, x), *skips = graph.fitted(node.inputs).items()
    for named, skip in skips:
        projected = graph.shapes[x] != graph.shapes[skip]
        x = graph.add(marking(0, ADDED, node.marking, named), Layer("add", projected=projected), x, skip)
    return x
