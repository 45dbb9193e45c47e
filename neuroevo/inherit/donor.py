"""Donor: a parent seen from its child: which genes they share, and the labels of the parent's channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.layers import CONVOLUTIONS, EMBEDDINGS, GLOBAL_POOLINGS, OUTPUTS, OWN_CHANNELS, POOLINGS, Layer, made_of_each
from genomes.network.architecture import Architecture
from genomes.network.genes import Gene
from neuroevo.decode.architecture import architecture_of
from neuroevo.decode.weights import roles
from neuroevo.inherit.labels import Labels, match

Arrays = Mapping[str, npt.NDArray[Any]]


class Donor:
    """A parent's genes, weights and labels, with respect to one child.

    Attributes:
        architecture: the parent's.
        shared: markings of the genes that parent and child both have. All others, on either side, hand on the labels of what goes into
            them, as if they were the identity: a new layer is, and a layer that was removed may be nearly so.
        labels: the labels of each of the parent's genes, by marking.

    Raises:
        ValueError: the arrays are not the weights of this genome.
    """

    def __init__(self, architecture: Architecture, arrays: Arrays, child: Architecture) -> None:
        self.architecture = architecture
        self.arrays = arrays
        self.shared = shared_genes(architecture, child)
        self.labels: dict[int, Labels] = {}
        for gene in architecture.genes:
            for role in (*roles(gene.layer), *(["channels"] if gene.kind in OWN_CHANNELS else [])):
                if f"{gene.marking}/{role}" not in arrays:
                    raise ValueError(f"the weights are not the parent's: {gene.marking}/{role} is missing")
            self.labels[gene.marking] = self._labels_of(gene)

    def weights(self, marking: int) -> dict[str, npt.NDArray[Any]]:
        """A gene's arrays by role, channel ids included."""
        gene = self.architecture.by_marking[marking]
        names = (*roles(gene.layer), *(["channels"] if gene.kind in OWN_CHANNELS else []))
        return {role: np.asarray(self.arrays[f"{marking}/{role}"]) for role in names}

    def input_labels(self, marking: int) -> list[Labels]:
        """The labels of what goes into a gene, input by input."""
        return [self.labels[source] for source in self.architecture.by_marking[marking].inputs]

    def _labels_of(self, gene: Gene) -> Labels:
        shape = self.architecture.shapes[gene.marking]
        if gene.kind == "input":
            return Labels.own(gene.marking, np.arange(shape[-1]))
        if gene.kind in OUTPUTS:
            return Labels.none(shape[-1])
        inputs = [self.labels[source] for source in gene.inputs]
        if gene.kind in OWN_CHANNELS:
            if gene.marking in self.shared:
                return Labels.own(gene.marking, np.asarray(self.arrays[f"{gene.marking}/channels"]))
            kept = np.arange(shape[-1])
            return Labels.joined([inputs[0][kept[: len(inputs[0])]], Labels.none(max(shape[-1] - len(inputs[0]), 0))])
        return handed_on(gene, inputs, self.architecture, kept=gene.marking in self.shared)


def handed_on(gene: Gene, inputs: Sequence[Labels], architecture: Architecture, *, kept: bool) -> Labels:
    """The labels behind a gene without channels of its own.

    Args:
        kept: whether parent and child both have the gene. Behind a kept pooling or sum, values are others than before it; behind one that
            only one of the two has, labels stay what they were.
    """
    if gene.kind == "concat":
        return Labels.joined(inputs)
    if gene.kind == "half":
        return inputs[0][np.arange(gene.layer.part, len(inputs[0]), 2)]
    if gene.kind in EMBEDDINGS:
        each = made_of_each(gene.layer)
        made = len(inputs[0]) * each
        return inputs[0].embedded(gene.marking, each) if kept else Labels.joined([inputs[0], Labels.none(made)])
    if gene.kind == "flatten":
        return inputs[0].flattened(architecture.shapes[gene.inputs[0]][:-1], architecture.input_shape[:-1])
    if gene.kind == "sum" and kept:
        return Labels.own(gene.marking, np.arange(len(inputs[0])))  # whatever the summands are
    return inputs[0].through(gene.marking) if kept and gene.kind != "dropout" else inputs[0]


def _comparable(parent: Layer, child: Layer) -> bool:
    if parent.kind == child.kind:
        return True
    return any({parent.kind, child.kind} <= family for family in (CONVOLUTIONS, POOLINGS, GLOBAL_POOLINGS))


def nearest(child: Genome, parents: Sequence[Genome]) -> int:
    """Which parent is dominant: the one that the child resembles most, whose genes differ least from the child's; of those, the one of which
    the child has most (it can compute what that one computed); then the one whose layers' settings differ least; of equals, the first.

    It gives the weights of all genes that it shares with the child, and is the teacher that distillation after `inherit` repairs towards.
    """
    mine = architecture_of(child)

    def difference(index: int) -> tuple[int, int, int]:
        theirs = architecture_of(parents[index])
        shared = shared_genes(theirs, mine)
        changed = sum(theirs.by_marking[marking].layer != mine.by_marking[marking].layer for marking in shared)
        return len(theirs.genes) - 2 * len(shared), len(theirs.genes) - len(shared), changed

    return min(range(len(parents)), key=lambda index: (*difference(index), index))


def shared_genes(parent: Architecture, child: Architecture) -> frozenset[int]:
    """Markings of the genes that both have, as layers of the same family."""
    return frozenset(
        gene.marking
        for gene in child.genes
        if (theirs := parent.by_marking.get(gene.marking)) is not None and _comparable(theirs.layer, gene.layer)
    )


def wanted(child: Architecture, marking: int, dominant: Donor) -> Labels:
    """The labels that the dominant parent's genes read where the child's new gene `marking` now stands before them."""
    parts: list[Labels] = []
    waiting, seen = [marking], set[int]()
    while waiting:
        source = waiting.pop()
        for target in child.consumers[source]:
            if target in seen:
                continue
            seen.add(target)
            if target in dominant.shared:
                parts += dominant.input_labels(target)
            elif child.by_marking[target].kind != "add" or child.by_marking[target].inputs[0] == source:
                waiting.append(target)
    return Labels.joined(parts) if parts else Labels.none(0)


def most_wanted(available: Labels, needed: Labels, count: int) -> npt.NDArray[np.int64]:
    """The places of `count` channels (fewer where there are not as many): first those that are needed, then those with a label; in their
    order."""
    if count >= len(available):
        return np.arange(len(available))
    need = match(available, needed).known
    priority = np.where(need, 0, np.where(available.exact != 0, 1, 2))
    return np.sort(np.argsort(priority, kind="stable")[:count])
