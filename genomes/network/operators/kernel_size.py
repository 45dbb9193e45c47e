"""Change a convolution's kernel size. A larger kernel with a rim of zeros is the same function; a smaller one loses its rim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import CONVOLUTIONS
from genomes.network.architecture import Architecture
from genomes.network.editing import finished, with_layer

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


def grow_kernel_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(layer, new size) for every convolution that can have a larger kernel."""
    return [(layer, kernel) for layer, kernel, old in _changes(architecture, space) if kernel > old]


def grow_kernel(architecture: Architecture, layer: int, kernel: int, *, clock: int) -> Architecture:
    """The layer with a larger kernel. Exact."""
    genes = dict(architecture.by_marking)
    genes[layer] = with_layer(genes[layer], kernel=kernel)
    return finished(architecture, genes)


def shrink_kernel_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(layer, new size) for every convolution that can have a smaller kernel."""
    return [(layer, kernel) for layer, kernel, old in _changes(architecture, space) if kernel < old]


def shrink_kernel(architecture: Architecture, layer: int, kernel: int, *, clock: int) -> Architecture:
    """The layer with a smaller kernel. Approximate."""
    return grow_kernel(architecture, layer, kernel, clock=clock)


def _changes(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int, int]]:
    return [
        (gene.marking, kernel, gene.layer.kernel)
        for gene in architecture.genes
        if gene.layer.kind in CONVOLUTIONS
        for kernel in space.kernels
    ]
