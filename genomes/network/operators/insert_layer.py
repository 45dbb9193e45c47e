"""Insert a layer on an edge (Elsken, Metzen & Hutter 2019, section 3.2, operator 1). The new layer starts as the identity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import WEIGHTED, Layer
from genomes.network.architecture import Architecture
from genomes.network.editing import finished, insert_on_edge, new_marking
from genomes.network.genes import INSERTED, Gene

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

Site = tuple[int, int, int]


def insert_layer_sites(architecture: Architecture, space: NetworkSpace) -> list[Site]:
    """(source, target, kernel) for every edge on which a ReLU changes nothing: those whose source is never negative."""
    return [site for site in _edges(architecture, space) if site[0] in architecture.nonnegative]


def insert_layer(architecture: Architecture, source: int, target: int, kernel: int, *, clock: int) -> Architecture:
    """A convolution-BatchNorm-ReLU (dense-ReLU where there are no positions) of the source's width on the edge. Exact."""
    genes = dict(architecture.by_marking)
    shape = architecture.shapes[source]
    layer = Layer("dense", width=shape[-1]) if len(shape) == 1 else Layer("conv", width=shape[-1], kernel=kernel)
    born = new_marking(genes, clock, INSERTED, source, target)
    insert_on_edge(genes, Gene(born, layer, (source,)), source, target)
    return finished(architecture, genes)


def insert_first_layer_sites(architecture: Architecture, space: NetworkSpace) -> list[Site]:
    """Every edge of a network that has no weighted layer yet: only there can a first one come from."""
    if any(gene.layer.kind in WEIGHTED for gene in architecture.genes):
        return []
    return _edges(architecture, space)


insert_first_layer = insert_layer


def _edges(architecture: Architecture, space: NetworkSpace) -> list[Site]:
    sites = []
    for source, target in architecture.edges:
        shape = architecture.shapes[source]
        if shape[-1] <= space.max_width:
            sites += [(source, target, kernel) for kernel in (space.kernels if len(shape) > 1 else (1,))]
    return sites
