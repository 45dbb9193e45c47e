"""Inheritance of recurrent cells.

The cells of one space have the same leaves, and every leaf keeps its weights whatever its combination and its activation become. The
leaves' weights lie side by side, so a leaf's place is its name.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.layers import Layer, Shape
from genomes.network.genes import Gene
from neuroevo.inherit import fresh
from neuroevo.inherit.labels import Labels
from neuroevo.inherit.moments import Moments

if TYPE_CHECKING:
    from neuroevo.inherit.inheritance import Walk

Weights = dict[str, npt.NDArray[Any]]


def visit(walk: Walk, gene: Gene, shape: Shape) -> None:
    """Give a recurrent layer on inputs of this shape its labels, moments and weights."""
    units, donor = gene.layer.width, walk.donor(gene)
    weights = recurrent_fresh(gene.layer, shape, walk.rng, walk.dtype)
    channels, kept = np.arange(units), 0
    if donor is not None:
        old = donor.weights(gene.marking)
        kept = min(units, donor.architecture.by_marking[gene.marking].layer.width)
        rows = walk.match(gene, donor, 0).rows(old["kernel"], 0)
        before = {**old, "kernel": rows}
        for role, array in weights.items():
            _copy(array, before[role], units, len(old["channels"]), both=role == "recurrent_kernel")
        new = walk.rng.integers(1 << 32, 1 << 62, units - kept)
        channels = np.concatenate([old["channels"][:kept], new])
    weights["channels"] = channels.astype(np.int64)
    walk.labels[gene.marking] = Labels.own(gene.marking, channels).only(np.arange(units) < kept)
    walk.moments[gene.marking] = Moments.standard(units)
    walk.positive[gene.marking] = np.zeros(units, bool)
    walk.store(gene, weights)


def _copy(array: npt.NDArray[Any], old: npt.NDArray[Any], units: int, old_units: int, *, both: bool) -> None:
    """Put the parent's weights [..., leaves * old_units] where the child has the same leaves and units; `both` axes are units."""
    new, before = array.reshape(*array.shape[:-1], -1, units), old.reshape(*old.shape[:-1], -1, old_units)
    leaves, kept = min(new.shape[-2], before.shape[-2]), min(units, old_units)
    rows = (slice(kept),) if both else (...,)
    new[(*rows, slice(leaves), slice(kept))] = before[(*rows, slice(leaves), slice(kept))]


def recurrent_fresh(layer: Layer, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Weights:
    """Fresh weights of a recurrent layer on inputs of this shape, by role.

    W x has the variance of the features (LeCun et al. 1998): with few features Glorot's smaller weights leave what comes in too faint to be
    remembered. U is uniform, leaf by leaf (Glorot & Bengio 2010).
    """
    cell, units = layer.cell, layer.width
    assert cell is not None
    weights: Weights = {
        "kernel": (rng.standard_normal((shape[-1], cell.leaves * units)) / math.sqrt(shape[-1])).astype(dtype),
        "recurrent_kernel": np.concatenate(
            [fresh.glorot_uniform(rng, (units, units), dtype) for _ in range(cell.leaves)], axis=-1
        ),
    }
    return {**weights, "bias": np.zeros(cell.leaves * units, dtype)} if cell.biased else weights
