"""Layers as the edit and transport distances see them: of a layer graph, or of a cell on its own graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genomes import layers
from genomes.base import Genome
from genomes.cell import CellGenome
from genomes.cell.operations import NONE, Steps
from genomes.cell.vocabulary import CONCATENATE, Cell, Vocabulary
from genomes.distances.base import Distance, refuse_encoding
from genomes.layers import Layer
from genomes.network.architecture import Architecture

INPUT, OUTPUT, SKIP = "input", "output", "skip"
# Genes at which nothing is computed that one network could have and another lack: they join, or belong to the layer beside them.
_PASSED = frozenset({*layers.MERGES, "sum", "attend", "half", "relu", "norm", "dropout", "flatten"})
DENSE_SHARE = 0.1  # of a dense layer's weights that count as its mass (Kandasamy et al. 2018, section 3)


class Vertex(NamedTuple):
    """A layer.

    Attributes:
        kind: a name of `genomes.layers.SETTINGS`, "skip" for an operation that changes nothing, "output"; inputs and outputs of which there are
            several have their number behind it, and a cell's combinations are "concatenate".
        width: filters or units of its own, else 0.
        kernel: elements along the longest axis of its kernel, else 0.
        stride: step from one element to the next.
        dilation: from one tap to the next.
        times: how many layers with a kernel it is made of.
        mass: what it computes: channels in times channels out of convolutions, a tenth of that of dense layers, channels in of others.
    """

    kind: str
    width: int = 0
    kernel: int = 0
    stride: int = 1
    dilation: int = 1
    times: int = 1
    mass: float = 0.0


class Part(NamedTuple):
    """A directed acyclic graph of layers in topological order, without those that lie on no path from an input to the output.

    Attributes:
        vertices: the inputs come first, the output last.
        before: of each, the positions of those that it takes its input from; the first is the path that was there before a merge.
        joined: of each, what joins its inputs where there are several: "add" or "concat".
    """

    vertices: tuple[Vertex, ...]
    before: tuple[tuple[int, ...], ...]
    joined: tuple[str, ...]


def parts(distance: Distance, genome: Genome, network: bool) -> tuple[Part, ...]:
    """A genome's graphs: its cell, or its cells, or its network's layers.

    Args:
        distance: on whose behalf, for the error.
        genome: of an encoding with cells or with an `architecture`.
        network: whether of cells the whole network is taken.

    Raises:
        ValueError: the encoding has neither.
    """
    if isinstance(genome, CellGenome) and not network:
        words, channels = genome.space.words, genome.space.channels
        return tuple([of_cell(words, cell, channels) for cell in genome.cells])
    architecture = getattr(genome, "architecture", None)
    if not isinstance(architecture, Architecture):
        raise refuse_encoding(distance, genome, "cells and layer graphs (genomes with an `architecture`)")
    return (of_architecture(architecture),)


def of_architecture(architecture: Architecture) -> Part:
    """The layers of a network: inputs, all that compute, the logits or the head, and an output behind them."""
    vertices: list[Vertex] = []
    before: list[tuple[int, ...]] = []
    joined: list[str] = []
    heads: dict[
        int, tuple[tuple[int, ...], str]
    ] = {}  # of each gene, the vertices whose outputs it hands on, and what joined them
    for gene in architecture.genes:
        sources = tuple(dict.fromkeys([head for marking in gene.inputs for head in heads[marking][0]]))
        kind = gene.layer.kind
        join = next((heads[marking][1] for marking in gene.inputs if heads[marking][1]), "")
        if kind in _PASSED:
            heads[gene.marking] = (sources, "concat" if kind == "concat" else "add" if len(gene.inputs) > 1 else join)
            continue
        heads[gene.marking] = ((len(vertices),), "")
        vertices.append(_vertex((gene.layer,), architecture.input_shapes(gene)[0][-1] if gene.inputs else 0))
        before.append(sources)
        joined.append(join if len(sources) > 1 else "")
    vertices.append(Vertex(OUTPUT))
    before.append((len(vertices) - 2,))
    joined.append("")
    return _live(Part(tuple(vertices), tuple(before), tuple(joined)), 1)


def of_cell(words: Vocabulary, cell: Cell, channels: int) -> Part:
    """The operations of a cell with so many filters."""
    inputs = [Vertex(INPUT if cell.inputs == 1 else f"{INPUT} {place}") for place in range(cell.inputs)]
    vertices, before, joined = list(inputs), [()] * len(inputs), [""] * len(inputs)  # type: list[Vertex], list[tuple[int, ...]], list[str]
    heads: list[tuple[int, ...]] = [(place,) for place in range(cell.inputs)]

    def add(vertex: Vertex, sources: tuple[int, ...], join: str) -> int:
        vertices.append(vertex)
        before.append(sources)
        joined.append(join if len(sources) > 1 else "")
        return len(vertices) - 1

    for node in cell.nodes:
        ends = []
        for edge in node.edges:
            if edge.operation == NONE or not heads[edge.source]:
                continue
            stride = cell.stride if edge.source < cell.inputs else 1
            steps = words.operations[edge.operation].steps(channels, stride)
            ends.append(add(_vertex(steps, channels), heads[edge.source], "add"))
        if node.combination == CONCATENATE and ends:
            ends = [add(Vertex(CONCATENATE, channels, 1, mass=float(channels * channels)), tuple(ends), "concat")]
        heads.append(tuple(ends))
    sources = tuple(dict.fromkeys([head for node in cell.output for head in heads[node]]))
    add(Vertex(OUTPUT), sources, "add" if len(cell.output) == 1 else "concat")
    return _live(Part(tuple(vertices), tuple(before), tuple(joined)), cell.inputs)


def _vertex(steps: Steps, channels: int) -> Vertex:
    """One vertex of the layers that an operation is made of."""
    heavy = [layer for layer in steps if layer.kind in layers.OWN_CHANNELS or layer.kind in layers.POOLINGS]
    first: Layer | None = heavy[0] if heavy else next((layer for layer in steps if layer.kind not in _PASSED), None)
    if first is None:
        return Vertex(SKIP, channels, mass=float(channels))
    mass = 0.0
    for layer in heavy or [first]:
        if layer.kind in ("dense", "logits"):
            mass += DENSE_SHARE * channels * layer.width
        elif layer.kind in layers.OWN_CHANNELS:
            mass += channels * layer.width
        else:
            mass += channels
        channels = layer.width or channels
    return Vertex(
        first.kind,
        first.width,
        max([max(layer.kernel, layer.kernel_width) for layer in heavy], default=0),
        max([layer.stride for layer in heavy], default=1),
        max([layer.dilation for layer in heavy], default=1),
        max(len(heavy), 1),
        mass,
    )


def _live(part: Part, inputs: int) -> Part:
    """The part without the vertices that do not reach the output; its inputs stay."""
    last = len(part.vertices) - 1
    live = {last}
    for place in range(last, -1, -1):
        if place in live:
            live.update(part.before[place])
    kept = [place for place in range(last + 1) if place < inputs or place in live]
    position: Mapping[int, int] = {place: index for index, place in enumerate(kept)}
    return Part(
        tuple([part.vertices[place] for place in kept]),
        tuple([_placed(part.before[place], position) for place in kept]),
        tuple([part.joined[place] for place in kept]),
    )


def _placed(places: Sequence[int], position: Mapping[int, int]) -> tuple[int, ...]:
    return tuple([position[place] for place in places])
