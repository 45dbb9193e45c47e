"""Edits that the operators share: genes as a dict by marking, changed and made into an architecture again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from genomes.layers import EMBEDDINGS, ENDINGS, POOLINGS, Layer, Shape, output_shape
from genomes.markings import marking
from genomes.network.architecture import Architecture, canonical_order
from genomes.network.genes import Gene

Genes = dict[int, Gene]

PROJECTED_ADD = Layer("add", projected=True)

# Layers whose channels are their inputs' channels, by position.
_PASSING = POOLINGS | ENDINGS | EMBEDDINGS | {"concat", "norm", "gate", "dropout"}


def new_marking(genes: Genes, clock: int, kind: int, *touched: int) -> int:
    """The marking of a gene born now, with the first occurrence that these genes do not have."""
    occurrence = 0
    while (born := marking(clock, kind, *touched, occurrence=occurrence)) in genes:
        occurrence += 1
    return born


def with_layer(gene: Gene, **changes: object) -> Gene:
    """The gene with some of its layer's settings changed."""
    return replace(gene, layer=replace(gene.layer, **changes))  # type: ignore[arg-type]


def rewire(genes: Genes, target: int, old: int, new: int) -> None:
    """Make `target` take `new` where it took `old`."""
    gene = genes[target]
    genes[target] = Gene(gene.marking, gene.layer, tuple([new if source == old else source for source in gene.inputs]))


def insert_on_edge(genes: Genes, gene: Gene, source: int, target: int) -> None:
    """Put a gene whose first input is `source` on the edge from `source` to `target`."""
    rewire(genes, target, source, gene.marking)
    genes[gene.marking] = gene


def bypass(genes: Genes, removed: int) -> None:
    """Take a gene out: those who took its output take its first input."""
    source = genes[removed].inputs[0]
    for target in [gene.marking for gene in genes.values() if removed in gene.inputs]:
        rewire(genes, target, removed, source)
    del genes[removed]


def project_after(genes: Genes, changed: Iterable[int]) -> None:
    """Give every add that the changed outputs reach a projection.

    An add without projection pairs channels by position. Where a gene's output has got other channels, the pairs no longer hold on any
    add that is reached through layers that keep channels in place, so the skip gets a matrix that names its channels. Thus changing
    one branch never forces the other.
    """
    waiting, seen = list(changed), set[int]()
    consumers: dict[int, list[int]] = {}
    for gene in genes.values():
        for source in gene.inputs:
            consumers.setdefault(source, []).append(gene.marking)
    while waiting:
        source = waiting.pop()
        for target in consumers.get(source, ()):
            gene = genes[target]
            if gene.layer.kind == "add":
                genes[target] = gene if gene.layer.projected else Gene(target, PROJECTED_ADD, gene.inputs)
                passes = gene.inputs[0] == source  # an add has main's channels, so a changed skip ends here
            else:
                passes = gene.layer.kind in _PASSING
            if passes and target not in seen:
                seen.add(target)
                waiting.append(target)


def finished(architecture: Architecture, genes: Genes) -> Architecture:
    """The architecture after an edit: merges that merge nothing are taken out, genes that lead nowhere dropped, and adds whose two
    shapes differ projected.

    Raises:
        ValueError: the edited genes are not a legal network.
    """
    sink = architecture.output.marking
    while (idle := _idle_merge(genes)) is not None:
        gene = genes[idle]
        distinct = tuple(dict.fromkeys(gene.inputs))
        if gene.layer.kind == "concat" and len(distinct) > 1:
            genes[idle] = Gene(idle, gene.layer, distinct)
            project_after(genes, [idle])
        else:
            project_after(genes, [idle])
            bypass(genes, idle)
    shapes: dict[int, Shape] = {}
    order = []
    for gene in canonical_order(genes, sink):
        if gene.layer.kind == "input":
            shapes[gene.marking] = architecture.input_shape
        else:
            inputs = [shapes[source] for source in gene.inputs]
            if gene.layer.kind == "add" and not gene.layer.projected and inputs[0] != inputs[1]:
                gene = Gene(gene.marking, PROJECTED_ADD, gene.inputs)
            shapes[gene.marking] = output_shape(gene.layer, inputs)
        order.append(gene)
    return Architecture(architecture.input_shape, tuple(order), shapes)


def _idle_merge(genes: Genes) -> int | None:
    for gene in genes.values():
        if len(gene.inputs) > 1 and len(set(gene.inputs)) < len(gene.inputs):
            return gene.marking
        if gene.layer.kind == "concat" and len(gene.inputs) == 1:
            return gene.marking
    return None
