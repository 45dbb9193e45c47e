"""Inheritance where positions end in another way: a layer that flattened is a global pooling in the child, or the other way round.

What read a mean over the positions reads each position's share of it, so behind a global average the child computes what the parent computed. What read
every position by itself reads their mean by the sum of those weights: the same where all positions agree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.layers import GLOBAL_POOLINGS
from genomes.network.genes import Gene
from neuroevo.inherit.donor import Donor
from neuroevo.inherit.labels import Labels

if TYPE_CHECKING:
    from neuroevo.inherit.inheritance import Walk


def turned(walk: Walk, gene: Gene, donor: Donor) -> tuple[npt.NDArray[Any], Labels] | None:
    """The parent's kernel [features, units] of a gene as if the parent's positions ended like the child's, and the labels of its rows; None where
    they do."""
    old = donor.architecture.by_marking[gene.marking]
    mine, theirs = walk.child.by_marking[gene.inputs[0]], donor.architecture.by_marking[old.inputs[0]]
    ends = GLOBAL_POOLINGS | {"flatten"}
    if mine.kind not in ends or theirs.kind not in ends or (mine.kind == "flatten") == (theirs.kind == "flatten"):
        return None
    kernel, labels = donor.weights(gene.marking)["kernel"], donor.labels[theirs.inputs[0]]
    if theirs.kind == "flatten":
        return kernel.reshape(-1, len(labels), kernel.shape[1]).sum(axis=0), labels
    positions = math.prod(walk.child.shapes[mine.inputs[0]][:-1])
    return np.tile(kernel / kernel.dtype.type(positions), (positions, 1)), labels.flattened(positions)
