"""Prune a layer: remove a half or a quarter of its filters (Elsken, Metzen & Hutter 2019, section 3.2, approximate operators)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import WEIGHTED
from genomes.network.architecture import Architecture
from genomes.network.operators.widen import resized

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


def prune_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(layer, new width) for every layer that has filters to lose."""
    return [
        (gene.marking, width)
        for gene in architecture.genes
        if gene.layer.kind in WEIGHTED and gene.layer.width > 1
        for width in sorted({gene.layer.width - max(gene.layer.width // share, 1) for share in (2, 4)})
    ]


def prune(architecture: Architecture, layer: int, width: int, *, clock: int) -> Architecture:
    """The layer with fewer filters. Approximate: which ones survive is decided where the weights are."""
    return resized(architecture, layer, width)
