"""Inheritance: the child's weights from its parents', gene by gene.

One function for every operator, any number of them, and crossover: it compares child and parent and does not ask how one became the
other. What both have keeps its weights; what is wider keeps its old channels and gets new ones that nobody listens to yet; what is new on
a path starts as the identity, a new skip closed; what is narrower keeps its strongest channels. After exact operators the child computes
what the parent computed, in inference mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.layers import EMBEDDINGS, WEIGHTED
from genomes.network.architecture import Architecture
from genomes.network.genes import Gene
from neuroevo.decode.architecture import architecture_of
from neuroevo.decode.plain import KINDS as PLAIN_KINDS
from neuroevo.inherit import detection, embeddings, fresh, layers, plain, recurrent
from neuroevo.inherit.donor import Arrays, Donor, handed_on, most_wanted, nearest, wanted
from neuroevo.inherit.labels import Labels, Match, match
from neuroevo.inherit.moments import Moments, rectified


def inherit(
    child: Genome, parents: Sequence[tuple[Genome, Arrays]], rng: np.random.Generator, *, dtype: npt.DTypeLike | None = None
) -> dict[str, npt.NDArray[Any]]:
    """The child's weights.

    Args:
        child: a genome with a layer graph.
        parents: (genome, arrays) for each parent, arrays as `neuroevo.decode.weights_of` gives them. The parent that the child resembles
            most gives the weights of every gene that it has; genes that only others have, on a branch that starts closed, come from
            them. Without parents every gene is fresh.
        rng: the child's stream, for what is new.
        dtype: of the floating arrays; None: the parents' (float32 without parents).

    Returns:
        Arrays by marking for `neuroevo.decode.set_weights`, channel ids included. They share no memory with the parents'.

    Raises:
        ValueError: a parent's arrays are not its genome's.
        TypeError: a genome has no layer graph.
    """
    architecture = architecture_of(child)
    donors = [Donor(architecture_of(genome), arrays, architecture) for genome, arrays in parents]
    if dtype is None:
        dtype = next((a.dtype for _, arrays in parents for a in arrays.values() if a.dtype.kind == "f"), np.dtype(np.float32))
    floating: np.dtype[Any] = np.dtype(dtype)
    if donors:
        donors.insert(0, donors.pop(nearest(child, [genome for genome, _ in parents])))
    walk = Walk(architecture, donors, rng, floating)
    for gene in architecture.genes:
        walk.visit(gene)
    return walk.arrays


def initialise(genome: Genome, rng: np.random.Generator, *, dtype: npt.DTypeLike = np.float32) -> dict[str, npt.NDArray[Any]]:
    """Fresh weights for a genome with no parents: the same numbers on every backend."""
    return inherit(genome, (), rng, dtype=dtype)


class Walk:
    """The walk through the child's genes, each after its inputs: what is known of every output, and the weights."""

    def __init__(self, child: Architecture, donors: list[Donor], rng: np.random.Generator, dtype: np.dtype[np.floating]) -> None:
        self.child = child
        self.donors = donors
        self.rng = rng
        self.dtype = dtype
        self.closed = _closed_branches(child, donors[0]) if donors else frozenset()
        self.labels: dict[int, Labels] = {}
        self.moments: dict[int, Moments] = {}
        # Which channels a ReLU leaves as they are: bool [channels].
        self.positive: dict[int, npt.NDArray[np.bool_]] = {}
        self.arrays: dict[str, npt.NDArray[Any]] = {}

    def visit(self, gene: Gene) -> None:
        shapes = self.child.input_shapes(gene)
        moments = [self.moments[source] for source in gene.inputs]
        if gene.kind == "input":
            channels = self.child.input_shape[-1]
            self.labels[gene.marking] = Labels.own(gene.marking, np.arange(channels))
            self.moments[gene.marking] = Moments.standard(channels)
            self.positive[gene.marking] = np.zeros(channels, bool)
        elif gene.kind in WEIGHTED or gene.kind == "logits":
            self._weighted(gene, shapes)
        elif gene.kind in PLAIN_KINDS:
            plain.visit(self, gene, shapes)
        elif gene.kind in EMBEDDINGS:
            embeddings.visit(self, gene, shapes[0])
        elif gene.kind == "detect":
            detection.visit(self, gene, shapes)
        elif gene.kind == "recurrent":
            recurrent.visit(self, gene, shapes[0])
        elif gene.kind == "add":
            self._add(gene, shapes, moments)
        else:
            kept = bool(self.donors) and gene.marking in self.donors[0].shared
            self.labels[gene.marking] = handed_on(gene, [self.labels[s] for s in gene.inputs], self.child, kept=kept)
            positive = np.concatenate([self.positive[source] for source in gene.inputs])
            repeated = self.child.shapes[gene.marking][-1] // len(positive)  # positions, behind a flatten
            self.moments[gene.marking] = Moments.joined(moments * repeated)
            self.positive[gene.marking] = np.tile(positive, repeated)

    def donor(self, gene: Gene) -> Donor | None:
        """The parent that gives a gene's weights: the dominant one; on a branch that starts closed, any that has it."""
        willing = self.donors if gene.marking in self.closed else self.donors[:1]
        return next((donor for donor in willing if gene.marking in donor.shared), None)

    def match(self, gene: Gene, donor: Donor, place: int) -> Match:
        return match(self.labels[gene.inputs[place]], donor.input_labels(gene.marking)[place])

    def _weighted(self, gene: Gene, shapes: list[tuple[int, ...]]) -> None:
        layer, width, donor = gene.layer, gene.layer.width, self.donor(gene)
        channels = np.arange(width)
        if donor is not None:
            old, old_weights = donor.architecture.by_marking[gene.marking], donor.weights(gene.marking)
            inputs = self.match(gene, donor, 0)
            columns = layers.strongest(old.layer, old_weights, width)
            if layer.kind in ("dense", "logits"):
                weights = layers.kept_dense(layer, shapes[0], old_weights, inputs, columns, self.rng, self.dtype)
            else:
                old_shape = donor.architecture.input_shapes(old)[0]
                weights = layers.kept_convolution(
                    layer, shapes[0], old.layer, old_shape, old_weights, inputs, columns, self.rng, self.dtype
                )
            if gene.kind != "logits":
                # Ids beyond the old ones are drawn: two relatives that widen one layer get different channels.
                new = self.rng.integers(1 << 32, 1 << 62, width - len(columns))
                channels = np.concatenate([old_weights["channels"][columns], new])
                labels = Labels.own(gene.marking, channels).only(np.arange(width) < len(columns))
            else:
                labels = Labels.none(width)
        elif self.donors and gene.kind != "logits":
            available = self.labels[gene.inputs[0]]
            passing = np.flatnonzero(self.positive[gene.inputs[0]])
            if not len(passing):
                passing = np.arange(len(available))  # a first layer: it passes what is positive
            chosen = passing[most_wanted(available[passing], wanted(self.child, gene.marking, self.donors[0]), width)]
            weights = layers.identity(layer, shapes[0], chosen, self.moments[gene.inputs[0]], self.rng, self.dtype)
            labels = Labels.joined([available[chosen], Labels.none(width - len(chosen))])
        else:
            weights, labels = dict(fresh.weights(layer, shapes, self.rng, self.dtype)), Labels.none(width)
        self.labels[gene.marking] = labels
        self.moments[gene.marking] = (
            rectified(weights["beta"], weights["gamma"]) if "gamma" in weights else Moments.standard(width)
        )
        self.positive[gene.marking] = np.full(width, gene.kind != "logits")
        if gene.kind != "logits":
            weights["channels"] = channels.astype(np.int64)
        self.store(gene, weights)

    def _add(self, gene: Gene, shapes: list[tuple[int, ...]], moments: list[Moments]) -> None:
        main, donor = self.labels[gene.inputs[0]], self.donor(gene)
        positive = self.positive[gene.inputs[0]]
        self.positive[gene.marking] = np.ones(len(main), bool)
        if donor is None:
            # A new gate is closed: main's channels pass.
            self.store(gene, dict(fresh.weights(gene.layer, shapes, self.rng, self.dtype)))
            self.labels[gene.marking] = main.only(positive) if positive.any() else main
            self.moments[gene.marking] = moments[0]
            return
        old = donor.architecture.by_marking[gene.marking].layer
        matched = self.match(gene, donor, 0)
        weights = layers.kept_add(
            gene.layer,
            shapes,
            old,
            donor.weights(gene.marking),
            matched,
            self.match(gene, donor, 1),
            self.rng,
            self.dtype,
        )
        self.store(gene, weights)
        # A value that main has more often than the parent's main had is summed only once: the others are new values.
        self.labels[gene.marking] = main.only(matched.known).through(gene.marking)
        deviation = np.sqrt(moments[0].variance + np.square(weights["gamma"], dtype=np.float64))
        self.moments[gene.marking] = rectified(moments[0].mean + weights["beta"], deviation)

    def store(self, gene: Gene, weights: layers.Weights) -> None:
        for role, array in weights.items():
            self.arrays[f"{gene.marking}/{role}"] = array


def _closed_branches(child: Architecture, dominant: Donor) -> frozenset[int]:
    """Markings of the genes that the dominant parent lacks and whose output reaches its genes only through skips that start closed: they
    may compute anything without changing what the child computes."""
    closed: set[int] = set()
    for gene in reversed(child.genes):
        if gene.marking in dominant.shared:
            continue
        targets = [child.by_marking[target] for target in child.consumers[gene.marking]]
        if all(
            target.marking in closed
            or (target.marking not in dominant.shared and target.kind in ("add", "concat") and target.inputs[0] != gene.marking)
            for target in targets
        ):
            closed.add(gene.marking)
    return frozenset(closed)
