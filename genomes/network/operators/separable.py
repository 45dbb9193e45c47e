"""Replace a convolution by a depthwise-separable one, and back (Elsken, Metzen & Hutter 2019, section 3.2, approximate operators).

A separable convolution is a convolution whose kernels are, for each input channel, one spatial pattern scaled for each filter; so the
way back is exact, and the way there keeps the best such approximation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.network.architecture import Architecture
from genomes.network.editing import finished, with_layer

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace


def separate_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(layer,) for every convolution with more than one tap."""
    return [(gene.marking,) for gene in architecture.genes if gene.layer.kind == "conv" and gene.layer.kernel > 1]


def separate(architecture: Architecture, layer: int, *, clock: int) -> Architecture:
    """The convolution as a depthwise-separable one. Approximate."""
    genes = dict(architecture.by_marking)
    genes[layer] = with_layer(genes[layer], kind="separable")
    return finished(architecture, genes)


def unite_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(layer,) for every separable convolution."""
    return [(gene.marking,) for gene in architecture.genes if gene.layer.kind == "separable"]


def unite(architecture: Architecture, layer: int, *, clock: int) -> Architecture:
    """The depthwise-separable convolution as an ordinary one. Exact."""
    genes = dict(architecture.by_marking)
    genes[layer] = with_layer(genes[layer], kind="conv")
    return finished(architecture, genes)
