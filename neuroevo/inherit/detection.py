"""Inheritance of a detector's head: its convolutions are the same for all levels and read channels by their place, so they stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.layers import BOX, Layer, Shape
from genomes.network.genes import Gene
from neuroevo.decode.detection import SPREAD, detect_roles, first_bias
from neuroevo.inherit import fresh
from neuroevo.inherit.labels import Labels
from neuroevo.inherit.moments import Moments

if TYPE_CHECKING:
    from neuroevo.inherit.inheritance import Walk

Weights = dict[str, npt.NDArray[Any]]


def visit(walk: Walk, gene: Gene, shapes: list[Shape]) -> None:
    """Give the head its weights: the parent's where they fit, else fresh ones."""
    outputs = gene.layer.width + BOX
    weights, donor = detect_fresh(gene.layer, shapes[0], walk.rng, walk.dtype), walk.donor(gene)
    if donor is not None:
        for role, old in donor.weights(gene.marking).items():
            if role in weights and weights[role].shape == old.shape:
                weights[role] = old.astype(walk.dtype)
    walk.labels[gene.marking] = Labels.none(outputs)
    walk.moments[gene.marking] = Moments.standard(outputs)
    walk.positive[gene.marking] = np.zeros(outputs, bool)
    walk.store(gene, weights)


def detect_fresh(layer: Layer, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Weights:
    """Fresh weights of a head on maps with the channels of this shape, by role."""
    channels, kernel = shape[-1], (layer.kernel, layer.kernel)
    weights: Weights = {}
    for role in detect_roles(layer):
        name = role.partition("_")[0]
        if role == "kernel":
            weights[role] = (rng.standard_normal((*kernel, channels, layer.width + BOX)) * SPREAD).astype(dtype)
        elif role == "bias":
            weights[role] = first_bias(layer.width).astype(dtype)
        elif name == "kernel":
            weights[role] = fresh.he_normal(rng, (*kernel, channels, channels), layer.kernel**2 * channels, dtype)
        else:
            weights[role] = fresh.norm(channels, dtype)[name]
    return weights
