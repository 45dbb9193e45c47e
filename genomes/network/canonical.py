"""The canonical key of a layer graph: equal for isomorphic graphs, whatever their markings and the order of a concat's inputs."""

from __future__ import annotations

import hashlib
from typing import Any

from genomes.layers import SETTINGS
from genomes.network.architecture import Architecture, structure_of
from genomes.network.genes import Gene


def canonical_key(architecture: Architecture) -> str:
    """A hexadecimal digest.

    Where a graph has no concat, its canonical order is determined already. Otherwise genes are told apart by colour refinement (Weisfeiler
    & Leman 1968), a concat's inputs are put in the order of their colours, and equal colours are broken one at a time; genes that
    refinement cannot tell apart are taken to be interchangeable.
    """
    order = architecture.genes
    if any(gene.layer.kind == "concat" for gene in order):
        order = _with_sorted_concats(architecture)
    return hashlib.sha256(structure_of(architecture.input_shape, order).encode()).hexdigest()[:32]


def _with_sorted_concats(architecture: Architecture) -> tuple[Gene, ...]:
    colours = _refined(architecture, {gene.marking: 0 for gene in architecture.genes})
    while (tied := _tied_input(architecture, colours)) is not None:
        colours = _refined(architecture, {**{m: 2 * colour + 1 for m, colour in colours.items()}, tied: 2 * colours[tied]})
    genes = [
        Gene(gene.marking, gene.layer, tuple(sorted(gene.inputs, key=colours.__getitem__)))
        if gene.layer.kind == "concat"
        else gene
        for gene in architecture.genes
    ]
    return Architecture.of(architecture.input_shape, genes).genes


def _refined(architecture: Architecture, colours: dict[int, int]) -> dict[int, int]:
    while True:
        signatures: dict[int, tuple[Any, ...]] = {}
        for gene in architecture.genes:
            inputs = [colours[source] for source in gene.inputs]
            layer = (gene.layer.kind, *[getattr(gene.layer, name) for name in SETTINGS[gene.layer.kind]])
            signatures[gene.marking] = (
                colours[gene.marking],
                layer,
                tuple(sorted(inputs) if gene.layer.kind == "concat" else inputs),
                tuple(
                    sorted(
                        [_slot(architecture, gene.marking, target, colours) for target in architecture.consumers[gene.marking]]
                    )
                ),
            )
        ranks = {signature: rank for rank, signature in enumerate(sorted(set(signatures.values())))}
        refined = {marking: ranks[signature] for marking, signature in signatures.items()}
        if len(ranks) == len(set(colours.values())):
            return refined
        colours = refined


def _slot(architecture: Architecture, source: int, target: int, colours: dict[int, int]) -> tuple[int, int]:
    gene = architecture.by_marking[target]
    return colours[target], -1 if gene.layer.kind == "concat" else gene.inputs.index(source)


def _tied_input(architecture: Architecture, colours: dict[int, int]) -> int | None:
    tied = []
    for gene in architecture.genes:
        if gene.layer.kind == "concat":
            seen = set()
            for source in gene.inputs:
                if colours[source] in seen:
                    tied.append((colours[source], source))
                seen.add(colours[source])
    if not tied:
        return None
    smallest = min(tied)[0]
    return next(source for colour, source in tied if colour == smallest)
