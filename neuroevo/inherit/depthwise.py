"""Inheritance of depthwise convolutions: each channel has a kernel of its own, which goes where the channel goes.

A kernel that grows gets taps of zero around those that it has, so the child computes what the parent computed; one that shrinks loses its rim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.layers import Layer, Shape, padding_before
from genomes.network.genes import Gene
from neuroevo.decode.plain import EPSILON, NORM
from neuroevo.inherit import fresh, kernels

if TYPE_CHECKING:
    from neuroevo.inherit.inheritance import Walk

Weights = dict[str, npt.NDArray[Any]]


def weights(walk: Walk, gene: Gene, shape: Shape) -> Weights:
    """The weights of a depthwise convolution on inputs of this shape: the parent's, channel by channel; of a new one between layers that the
    parent has, the identity's; without parents fresh ones."""
    found = depthwise_fresh(gene.layer, shape, walk.rng, walk.dtype)
    donor = walk.donor(gene)
    if donor is None:
        return _identity(walk, gene, shape, found) if walk.donors else found
    old, matched = donor.architecture.by_marking[gene.marking], walk.match(gene, donor, 0)
    old_weights, old_shape = donor.weights(gene.marking), donor.architecture.input_shapes(old)[0]
    shift = tuple(np.subtract(_padding(gene.layer, shape), _padding(old.layer, old_shape)).tolist())
    kernel = kernels.resized(old_weights["depthwise"], gene.layer.kernel, shift)
    found["depthwise"][..., matched.known, :] = kernel[..., matched.source[matched.known], :]
    if gene.layer.normalised and old.layer.normalised:
        for role in NORM:
            found[role][matched.known] = old_weights[role][matched.source[matched.known]]
    return found


def depthwise_fresh(layer: Layer, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.floating]) -> Weights:
    """Fresh weights of a depthwise convolution on inputs of this shape, by role."""
    axes, channels = len(shape) - 1, shape[-1]
    kernel = fresh.he_normal(rng, (layer.kernel,) * axes + (channels, 1), layer.kernel**axes, dtype)
    return {"depthwise": kernel, **(fresh.norm(channels, dtype) if layer.normalised else {})}


def _identity(walk: Walk, gene: Gene, shape: Shape, found: Weights) -> Weights:
    """Hands on every channel; the BatchNorm undoes its own normalisation."""
    found["depthwise"][:] = 0
    centre: tuple[Any, ...] = _padding(gene.layer, shape)
    found["depthwise"][(*centre, slice(None), 0)] = 1
    if gene.layer.normalised:
        moments = walk.moments[gene.inputs[0]]
        found["mean"][:] = found["beta"][:] = moments.mean
        found["variance"][:] = moments.variance
        found["gamma"][:] = np.sqrt(found["variance"] + walk.dtype.type(EPSILON))
    return found


def _padding(layer: Layer, shape: Shape) -> tuple[int, ...]:
    """Zeros that "same" padding puts before each spatial axis."""
    return tuple([padding_before(axis, layer.kernel, layer.stride) for axis in shape[:-1]])
