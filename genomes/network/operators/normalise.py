"""Normalise features between layers (BatchNorm, Ioffe & Szegedy 2015). The norm starts as the identity; training moves its statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import WEIGHTED, Layer
from genomes.network.architecture import Architecture
from genomes.network.editing import bypass, finished, insert_on_edge, new_marking, project_after
from genomes.network.genes import NORMALISED, Gene

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


def insert_norm_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(source, target) for every edge behind a weighted layer or an addition that carries features; none where the space has no norms.

    Convolutions have a norm of their own.
    """
    if not space.norms:
        return []
    return [
        (source, target)
        for source, target in architecture.edges
        if len(architecture.shapes[source]) == 1 and architecture.by_marking[source].kind in (*WEIGHTED, "add")
    ]


def insert_norm(architecture: Architecture, source: int, target: int, *, clock: int) -> Architecture:
    """A BatchNorm on the edge. Exact."""
    genes = dict(architecture.by_marking)
    born = new_marking(genes, clock, NORMALISED, source, target)
    insert_on_edge(genes, Gene(born, Layer("norm"), (source,)), source, target)
    return finished(architecture, genes)


def remove_norm_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(norm,) for every norm of its own."""
    return [(gene.marking,) for gene in architecture.genes if gene.layer.kind == "norm"]


def remove_norm(architecture: Architecture, norm: int, *, clock: int) -> Architecture:
    """The network without the norm. Approximate."""
    genes = dict(architecture.by_marking)
    project_after(genes, [norm])
    bypass(genes, norm)
    return finished(architecture, genes)
