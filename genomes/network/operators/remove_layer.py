"""Remove a layer; what it fed takes its input instead (Elsken, Metzen & Hutter 2019, section 3.2, approximate operators)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import WEIGHTED
from genomes.network.architecture import Architecture
from genomes.network.editing import bypass, finished, project_after

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


def remove_layer_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(layer,) for every weighted layer, as long as one is left."""
    weighted = [gene.marking for gene in architecture.genes if gene.layer.kind in WEIGHTED]
    return [(marking,) for marking in weighted] if len(weighted) > 1 else []


def remove_layer(architecture: Architecture, layer: int, *, clock: int) -> Architecture:
    """The network without the layer. Approximate."""
    genes = dict(architecture.by_marking)
    project_after(genes, [layer])
    bypass(genes, layer)
    return finished(architecture, genes)
