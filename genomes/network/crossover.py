"""Crossover by historical marking (after Stanley & Miikkulainen 2002, section 3.2).

The fittest parent is the base. Matching genes take either parent's settings; genes that only the other parent has are inserted where their
surroundings exist, if that parent is as fit as the base.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from genomes.layers import CONVOLUTIONS, ENDINGS, MERGES, POOLINGS, WEIGHTED, Layer
from genomes.network.architecture import Architecture
from genomes.network.editing import Genes, finished, insert_on_edge, project_after
from genomes.network.genes import Gene

Legal = Callable[[Architecture], bool]
FAMILIES = (CONVOLUTIONS, POOLINGS, frozenset({"dense"}))


def crossed(
    base: Architecture, other: Architecture, rng: np.random.Generator, legal: Legal, *, take_new_genes: bool, endings: bool = False
) -> Architecture:
    """A child of two parents. Each difference is taken with probability 1/2, if the result is legal.

    Args:
        base: the fittest parent: the child has all its genes.
        other: the second parent.
        legal: whether an architecture is within the space's limits.
        take_new_genes: whether genes that only `other` has may be inserted.
        endings: whether what ends the positions (a global pooling, a flatten) may become the other parent's kind.
    """
    child = base
    for gene in other.genes:
        if rng.random() < 0.5:
            continue
        mine = child.by_marking.get(gene.marking)
        if mine is not None:
            edit = _with_settings(child, gene.layer, mine, FAMILIES + (ENDINGS,) * endings)
        elif take_new_genes:
            edit = _with_gene(child, other, gene)
        else:
            continue
        if edit is None:
            continue
        try:
            candidate = finished(child, edit)
        except ValueError:
            continue  # the difference has no legal place in this child
        if legal(candidate):
            child = candidate
    return child


def _with_settings(child: Architecture, layer: Layer, mine: Gene, families: tuple[frozenset[str], ...]) -> Genes | None:
    family = next((kinds for kinds in families if mine.layer.kind in kinds), frozenset())
    if layer == mine.layer or layer.kind not in family:
        return None
    genes = dict(child.by_marking)
    genes[mine.marking] = replace(mine, layer=layer)
    if layer.width != mine.layer.width or "flatten" in (layer.kind, mine.kind):
        project_after(genes, [mine.marking])
    return genes


def _with_gene(child: Architecture, other: Architecture, gene: Gene) -> Genes | None:
    """The child's genes with one gene of the other parent on the edge where that parent has it, or None where there is no such edge."""
    source = gene.inputs[0]
    targets = [t for t in child.consumers.get(source, ()) if t in other.by_marking and gene.marking in other.ancestors[t]]
    if not targets:
        return None
    target = targets[0]
    genes = dict(child.by_marking)
    layer = gene.layer
    if layer.kind in MERGES:
        inputs = [source]
        for skip in gene.inputs[1:]:
            branch = _branch(child, other, skip, target)
            if branch is not None:
                genes.update(branch)
                inputs.append(skip)
        if len(inputs) < 2 or (layer.kind == "add" and source not in child.nonnegative):
            return None
        insert_on_edge(genes, Gene(gene.marking, layer, tuple(inputs)), source, target)
    else:
        if layer.kind in WEIGHTED:
            if source not in child.nonnegative:
                return None
            # At least as wide as its input, so that it can start as the identity and the child as its base parent.
            layer = replace(layer, width=max(layer.width, child.shapes[source][-1]))
        insert_on_edge(genes, Gene(gene.marking, layer, (source,)), source, target)
    project_after(genes, [gene.marking])
    return genes


def _branch(child: Architecture, other: Architecture, skip: int, target: int) -> Genes | None:
    """The genes that lead to `skip` in the other parent and that the child lacks, or None where they would hang in the air or make a
    cycle through `target`."""
    branch: Genes = {}
    waiting = [skip]
    while waiting:
        marking = waiting.pop()
        if marking in child.by_marking:
            if target in child.ancestors[marking]:
                return None
        elif marking not in branch:
            branch[marking] = other.by_marking[marking]
            waiting += branch[marking].inputs
    return branch
