"""Widen a layer: new filters beside the old ones (Elsken, Metzen & Hutter 2019, section 3.2, operator 2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import WEIGHTED
from genomes.network.architecture import Architecture
from genomes.network.editing import finished, project_after, with_layer

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

GROWTH = (5 / 4, 3 / 2, 2)


def widen_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(layer, new width) for every layer that may grow."""
    return [
        (gene.marking, width)
        for gene in architecture.genes
        if gene.layer.kind in WEIGHTED
        for width in sorted({-int(-gene.layer.width * factor // 1) for factor in GROWTH})
        if width <= space.max_width
    ]


def widen(architecture: Architecture, layer: int, width: int, *, clock: int) -> Architecture:
    """The layer with more filters. Exact: nobody listens to the new ones yet."""
    return resized(architecture, layer, width)


def resized(architecture: Architecture, layer: int, width: int) -> Architecture:
    """The architecture with another number of filters in one layer."""
    genes = dict(architecture.by_marking)
    genes[layer] = with_layer(genes[layer], width=width)
    project_after(genes, [layer])
    return finished(architecture, genes)
