"""Embed the features: several values of each in place of one, which a first layer may combine freely (Gorishniy, Rubachev & Babenko 2022).

An embedding hands its features on beside what it makes of them. So it goes on an edge without a change of function: nobody listens to what is
new yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import EMBEDDINGS, SETTINGS, Layer
from genomes.network.architecture import Architecture
from genomes.network.editing import bypass, finished, insert_on_edge, new_marking, project_after
from genomes.network.genes import EMBEDDED, INPUT_MARKING, Gene

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

WIDTHS = (4, 8, 16)  # ramps or waves of each feature that variation uses


def embed_features_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, str, int]]:
    """(target, kind, width) for every layer that takes the network's features as they are, and each embedding of the space."""
    return [
        (target, kind, width)
        for target in architecture.consumers[INPUT_MARKING]
        if architecture.by_marking[target].kind not in EMBEDDINGS
        for kind in space.embeddings
        for width in widths(kind)
    ]


def widths(kind: str) -> tuple[int, ...]:
    """The widths of an embedding of this kind that variation uses: 0 where it has none."""
    return WIDTHS if "width" in SETTINGS[kind] else (0,)


def embed_features(architecture: Architecture, target: int, kind: str, width: int, *, clock: int) -> Architecture:
    """An embedding on the edge from the network's input to `target`. Exact."""
    genes = dict(architecture.by_marking)
    born = new_marking(genes, clock, EMBEDDED, INPUT_MARKING, target)
    insert_on_edge(genes, Gene(born, Layer(kind, width=width), (INPUT_MARKING,)), INPUT_MARKING, target)
    project_after(genes, [born])
    return finished(architecture, genes)


def remove_embedding_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int]]:
    """(embedding,) for every embedding."""
    return [(gene.marking,) for gene in architecture.genes if gene.layer.kind in EMBEDDINGS]


def remove_embedding(architecture: Architecture, embedding: int, *, clock: int) -> Architecture:
    """The network without the embedding: what took it takes the features as they are. Approximate."""
    genes = dict(architecture.by_marking)
    project_after(genes, [embedding])
    bypass(genes, embedding)
    return finished(architecture, genes)
