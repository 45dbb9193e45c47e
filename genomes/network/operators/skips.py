"""Skip connections: by addition, by concatenation, and their removal (Elsken, Metzen & Hutter 2019, section 3.2, operators 3 and 4).

The paper's convex sum lambda * main + (1 - lambda) * skip needs a layer with one trainable scalar, which plain Keras does not have. Here a
skip is added through a BatchNorm whose gamma and beta start at 0: also a learnable gate that starts at the old path, one for each channel,
made of Keras's own layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from genomes.layers import Layer, projection_stride
from genomes.network.architecture import Architecture
from genomes.network.editing import bypass, finished, insert_on_edge, new_marking, project_after
from genomes.network.genes import ADDED, CONCATENATED, Gene

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

Site = tuple[int, int, int]


def add_skip_sites(architecture: Architecture, space: NetworkSpace) -> list[Site]:
    """(source, target, skip): the output of `skip`, brought to the shape of `source`, can be added on the edge from `source` to
    `target`. The sum ends in a ReLU, so `source` must never be negative."""
    shapes = architecture.shapes
    return [
        site
        for site in _pairs(architecture)
        if site[0] in architecture.nonnegative and _addable(shapes[site[0]], shapes[site[2]])
    ]


def add_skip(architecture: Architecture, source: int, target: int, skip: int, *, clock: int) -> Architecture:
    """relu(source + gate(skip)) on the edge from `source` to `target`, with a projection where shapes differ. Exact."""
    genes = dict(architecture.by_marking)
    projected = architecture.shapes[source] != architecture.shapes[skip]
    born = new_marking(genes, clock, ADDED, source, target, skip)
    insert_on_edge(genes, Gene(born, Layer("add", projected=projected), (source, skip)), source, target)
    return finished(architecture, genes)


def concatenate_skip_sites(architecture: Architecture, space: NetworkSpace) -> list[Site]:
    """(source, target, skip): `skip` has the positions of `source` and can be joined to its channels on the edge to `target`."""
    shapes = architecture.shapes
    return [site for site in _pairs(architecture) if shapes[site[0]][:-1] == shapes[site[2]][:-1]]


def concatenate_skip(architecture: Architecture, source: int, target: int, skip: int, *, clock: int) -> Architecture:
    """The channels of `source` and `skip`, joined, on the edge from `source` to `target`. Exact: nobody listens to the skip yet."""
    genes = dict(architecture.by_marking)
    born = new_marking(genes, clock, CONCATENATED, source, target, skip)
    insert_on_edge(genes, Gene(born, Layer("concat"), (source, skip)), source, target)
    project_after(genes, [born])
    return finished(architecture, genes)


def remove_skip_sites(architecture: Architecture, space: NetworkSpace) -> list[tuple[int, int]]:
    """(merge, skip) for every skip that a merge takes; never its first input, which is the main path."""
    return [(gene.marking, skip) for gene in architecture.genes for skip in gene.inputs[1:]]


def remove_skip(architecture: Architecture, merge: int, skip: int, *, clock: int) -> Architecture:
    """The network without one skip of a merge; a merge of one input is taken out. Approximate."""
    genes = dict(architecture.by_marking)
    gene = genes[merge]
    genes[merge] = Gene(merge, gene.layer, tuple([source for source in gene.inputs if source != skip]))
    if gene.layer.kind == "concat":
        project_after(genes, [merge])
    if len(genes[merge].inputs) == 1:
        bypass(genes, merge)
    return finished(architecture, genes)


def _pairs(architecture: Architecture) -> list[Site]:
    """(source, target, skip) where taking `skip` into `target` makes no cycle."""
    ancestors = architecture.ancestors
    markings = [gene.marking for gene in architecture.genes[:-1]]
    return [
        (source, target, skip)
        for source, target in architecture.edges
        for skip in markings
        if skip != source and target not in ancestors[skip]
    ]


def _addable(main: tuple[int, ...], skip: tuple[int, ...]) -> bool:
    if main == skip:
        return True
    if len(main) == 1 or len(skip) == 1:
        return len(main) == len(skip)
    try:
        projection_stride(main, skip)
    except ValueError:
        return False
    return True
