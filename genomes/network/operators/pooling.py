"""Insert, move, remove and change pooling. All approximate: each changes what later layers see of the positions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from genomes.layers import CONVOLUTIONS, ENDINGS, POOLINGS, Layer
from genomes.network.architecture import Architecture
from genomes.network.editing import Genes, bypass, finished, insert_on_edge, new_marking, project_after, rewire, with_layer
from genomes.network.genes import ENDED, POOLED, Gene

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


def insert_pooling_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int, str]]:
    """(source, target, kind) for every edge that carries positions to pool."""
    return [
        (source, target, kind)
        for source, target in architecture.edges
        if len(architecture.shapes[source]) > 1 and min(architecture.shapes[source][:-1]) > 1
        for kind in sorted(POOLINGS)
    ]


def insert_pooling(architecture: Architecture, source: int, target: int, kind: str, *, clock: int) -> Architecture:
    """A pooling over 2 elements along every spatial axis on the edge."""
    genes = dict(architecture.by_marking)
    born = new_marking(genes, clock, POOLED, source, target)
    insert_on_edge(genes, Gene(born, Layer(kind, kernel=2, stride=2), (source,)), source, target)
    return finished(architecture, genes)


def remove_pooling_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(pooling,) for every pooling."""
    return [(gene.marking,) for gene in architecture.genes if gene.layer.kind in POOLINGS]


def remove_pooling(architecture: Architecture, pooling: int, *, clock: int) -> Architecture:
    """The network without the pooling."""
    genes = dict(architecture.by_marking)
    bypass(genes, pooling)
    return finished(architecture, genes)


def change_pooling_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, str]]:
    """(pooling, kind) for every pooling and every other kind that may stand in its place; what ends the positions (a global pooling, or a layer that
    flattens) counts as one. Over a single position all kinds are the same."""
    return [
        (gene.marking, kind)
        for gene in architecture.genes
        for family in (POOLINGS, ENDINGS)
        if gene.layer.kind in family and (math.prod(architecture.shapes[gene.inputs[0]][:-1]) > 1 if family is ENDINGS else gene.layer.kernel > 1)
        for kind in sorted(family - {gene.layer.kind})
    ]


def change_pooling(architecture: Architecture, pooling: int, kind: str, *, clock: int) -> Architecture:
    """The network with a pooling of another kind in this place. One that takes the place of a layer that flattens, or is replaced by it, is a new
    gene: other features come out."""
    genes = dict(architecture.by_marking)
    if "flatten" not in (kind, genes[pooling].layer.kind):
        genes[pooling] = with_layer(genes[pooling], kind=kind)
        return finished(architecture, genes)
    born = new_marking(genes, clock, ENDED, pooling)
    genes[born] = Gene(born, Layer(kind), genes[pooling].inputs)
    for target in [gene.marking for gene in genes.values() if pooling in gene.inputs]:
        rewire(genes, target, pooling, born)
    del genes[pooling]
    project_after(genes, [born])
    return finished(architecture, genes)


def move_pooling_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(earlier, later): a pooling and a convolution, one directly after the other and its only consumer, that can change places."""
    sites = []
    for gene in architecture.genes:
        if len(gene.inputs) != 1 or len(architecture.consumers[gene.inputs[0]]) != 1:
            continue
        kinds = (architecture.by_marking[gene.inputs[0]].layer.kind, gene.layer.kind)
        if (kinds[0] in POOLINGS and kinds[1] in CONVOLUTIONS) or (kinds[0] in CONVOLUTIONS and kinds[1] in POOLINGS):
            sites.append((gene.inputs[0], gene.marking))
    return sites


def move_pooling(architecture: Architecture, earlier: int, later: int, *, clock: int) -> Architecture:
    """The network with the two layers in the other order."""
    genes = dict(architecture.by_marking)
    swap(genes, earlier, later)
    return finished(architecture, genes)


def swap(genes: Genes, earlier: int, later: int) -> None:
    """Put `later`, the only consumer of `earlier`, before it."""
    for target in [gene.marking for gene in genes.values() if later in gene.inputs]:
        rewire(genes, target, later, earlier)
    genes[later] = Gene(later, genes[later].layer, genes[earlier].inputs)
    genes[earlier] = Gene(earlier, genes[earlier].layer, (later,))
