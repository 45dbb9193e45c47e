"""Inheritance of the plain layers, of which cells, chains and detectors are made.

What both have keeps its weights. A new convolution starts closed (its BatchNorm's gamma is 0) where it is one more summand of a sum that
the parent has: the child computes what the parent computed. Elsewhere it starts as the identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from genomes.layers import PLAIN, Layer, Shape, padding_before, taps
from genomes.network.genes import Gene
from neuroevo.decode.plain import EPSILON, NORM
from neuroevo.inherit import depthwise, fresh
from neuroevo.inherit.donor import Donor, handed_on, most_wanted, wanted
from neuroevo.inherit.labels import Labels, Match
from neuroevo.inherit.moments import Moments, rectified

if TYPE_CHECKING:
    from neuroevo.inherit.inheritance import Walk

Weights = dict[str, npt.NDArray[Any]]
Float = np.dtype[np.floating]


def visit(walk: Walk, gene: Gene, shapes: list[Shape]) -> None:
    """Give a gene of `neuroevo.decode.plain.KINDS` its labels, moments and weights."""
    moments = [walk.moments[source] for source in gene.inputs]
    positive = [walk.positive[source] for source in gene.inputs]
    marking, kind, width = gene.marking, gene.kind, walk.child.shapes[gene.marking][-1]
    if kind in PLAIN:
        weights = _convolution(walk, gene, shapes[0])
    else:
        kept = bool(walk.donors) and marking in walk.donors[0].shared
        walk.labels[marking] = handed_on(gene, [walk.labels[source] for source in gene.inputs], walk.child, kept=kept)
        weights = _norm(walk, gene, width) if kind == "norm" else _gate(walk, gene, width) if kind == "gate" else {}
    if kind == "plain_depthwise":
        weights = depthwise.weights(walk, gene, shapes[0])
    if "gamma" in weights:
        walk.moments[marking] = Moments(np.asarray(weights["beta"], np.float64), np.square(weights["gamma"], dtype=np.float64))
    elif kind == "relu":
        walk.moments[marking] = rectified(moments[0].mean, np.sqrt(moments[0].variance))
    elif kind == "half":
        walk.moments[marking] = moments[0][np.arange(gene.layer.part, 2 * width, 2)]
    elif kind in ("upsample", "gate", "dropout"):
        walk.moments[marking] = moments[0]
    elif kind in ("sum", "attend"):
        walk.moments[marking] = Moments(np.sum([m.mean for m in moments], axis=0), np.sum([m.variance for m in moments], axis=0))
    elif kind == "zero":
        walk.moments[marking] = Moments(np.zeros(width), np.zeros(width))
    else:
        walk.moments[marking] = Moments.standard(width)
    if kind in ("sum", "attend", "upsample", "gate", "dropout"):
        walk.positive[marking] = np.all(positive, axis=0)
    elif kind == "half":
        walk.positive[marking] = positive[0][gene.layer.part :: 2]
    else:
        walk.positive[marking] = np.full(width, kind in ("relu", "zero"))
    walk.store(gene, weights)


def _convolution(walk: Walk, gene: Gene, shape: Shape) -> Weights:
    layer, width, donor = gene.layer, gene.layer.width, walk.donor(gene)
    channels = np.arange(width)
    if donor is not None:
        weights, columns, old_channels = _kept(walk, gene, shape, donor)
        # Ids beyond the old ones are drawn: two relatives that widen one layer get different channels.
        channels = np.concatenate([old_channels, walk.rng.integers(1 << 32, 1 << 62, width - columns)])
        walk.labels[gene.marking] = Labels.own(gene.marking, channels).only(np.arange(width) < columns)
    elif not walk.donors:
        weights = plain_fresh(layer, shape, walk.rng, walk.dtype)
        walk.labels[gene.marking] = Labels.none(width)
    elif layer.normalised and _is_further_summand(walk, gene):
        weights = plain_fresh(layer, shape, walk.rng, walk.dtype)
        weights["gamma"][:] = 0
        walk.labels[gene.marking] = Labels.none(width)
    else:
        available = walk.labels[gene.inputs[0]]
        chosen = most_wanted(available, wanted(walk.child, gene.marking, walk.donors[0]), width)
        weights = _identity(layer, shape, chosen, walk.moments[gene.inputs[0]], walk.rng, walk.dtype)
        walk.labels[gene.marking] = Labels.joined([available[chosen], Labels.none(width - len(chosen))])
    weights["channels"] = channels.astype(np.int64)
    return weights


def _is_further_summand(walk: Walk, gene: Gene) -> bool:
    """Whether a new gene only feeds sums that the dominant parent has, and that sum up something else that it has. Not so where it stands
    in the place of a skip: there it had better start as the identity."""
    child, parent, shared = walk.child, walk.donors[0].architecture, walk.donors[0].shared
    source = gene.inputs[0]
    while source not in shared:
        source = child.by_marking[source].inputs[0]
    for target in child.consumers[gene.marking]:
        others = [other for other in child.by_marking[target].inputs if other != gene.marking]
        if child.by_marking[target].kind != "sum" or target not in shared:
            return False
        for lost in parent.by_marking[target].inputs:
            if lost not in child.by_marking and parent.by_marking[lost] == Gene(lost, Layer("sum"), (source,)):
                return False
        if not any(other in shared and child.by_marking[other].kind != "zero" for other in others):
            return False
    return True


def _norm(walk: Walk, gene: Gene, width: int) -> Weights:
    weights: Weights = dict(fresh.norm(width, walk.dtype))
    donor = walk.donor(gene)
    if donor is None and walk.donors and len(walk.child.shapes[gene.marking]) == 1:  # between layers of features: the identity
        moments = walk.moments[gene.inputs[0]]
        weights["mean"][:] = weights["beta"][:] = moments.mean
        weights["variance"][:] = moments.variance
        weights["gamma"][:] = np.sqrt(weights["variance"] + walk.dtype.type(EPSILON))
    if donor is not None:
        old, found = donor.weights(gene.marking), walk.match(gene, donor, 0)
        for role in NORM:
            weights[role][found.known] = old[role][found.source[found.known]]
    return weights


def _gate(walk: Walk, gene: Gene, width: int) -> Weights:
    """Open by one half for every channel that the parent's gate does not have, whatever these are."""
    weights: Weights = {"kernel": np.zeros((width, width), walk.dtype), "bias": np.zeros(width, walk.dtype)}
    donor = walk.donor(gene)
    if donor is not None:
        old, found = donor.weights(gene.marking), walk.match(gene, donor, 0)
        known, source = found.known, found.source[found.known]
        weights["kernel"][:, known] = found.rows(old["kernel"], 0)[:, source]
        weights["bias"][known] = old["bias"][source]
    return weights


def plain_fresh(layer: Layer, shape: Shape, rng: np.random.Generator, dtype: Float) -> Weights:
    """Fresh weights of a plain convolution on inputs of this shape, by role."""
    axes, inputs, width = len(shape) - 1, shape[-1], layer.width
    kernel = taps(layer, axes)
    count = int(np.prod(kernel))
    weights: Weights
    if layer.kind == "plain_conv":
        weights = {"kernel": fresh.he_normal(rng, (*kernel, inputs, width), count * inputs, dtype)}
    else:
        weights = {
            "depthwise": fresh.he_normal(rng, (*kernel, inputs, 1), count, dtype),
            "pointwise": fresh.he_normal(rng, (1,) * axes + (inputs, width), inputs, dtype),
        }
    return {**weights, **(fresh.norm(width, dtype) if layer.normalised else {})}


def _padding_before(layer: Layer, shape: Shape) -> tuple[int, ...]:
    """Zeros that "same" padding puts before each spatial axis."""
    reach = [(size - 1) * layer.dilation + 1 for size in taps(layer, len(shape) - 1)]
    return tuple(padding_before(axis, wide, layer.stride) for axis, wide in zip(shape[:-1], reach, strict=True))


def _identity(
    layer: Layer, shape: Shape, chosen: npt.NDArray[np.int64], moments: Moments, rng: np.random.Generator, dtype: Float
) -> Weights:
    """Hands on the `chosen` channels of the input; filters beyond them are fresh."""
    weights = plain_fresh(layer, shape, rng, dtype)
    first = np.arange(len(chosen))
    centre: tuple[Any, ...] = tuple(before // layer.dilation for before in _padding_before(layer, shape))
    if layer.kind == "plain_conv":
        weights["kernel"][..., first] = 0
        weights["kernel"][(*centre, chosen, first)] = 1
    else:
        weights["depthwise"][:] = 0
        weights["depthwise"][(*centre, slice(None), 0)] = 1
        weights["pointwise"][..., first] = 0
        weights["pointwise"][..., chosen, first] = 1
    if layer.normalised:
        weights["mean"][first] = weights["beta"][first] = moments.mean[chosen]
        weights["variance"][first] = moments.variance[chosen]
        weights["gamma"][first] = np.sqrt(weights["variance"][first] + dtype.type(EPSILON))
    return weights


def _kept(walk: Walk, gene: Gene, shape: Shape, donor: Donor) -> tuple[Weights, int, npt.NDArray[np.int64]]:
    """A convolution that the parent has: its weights, how many filters are the parent's, and these filters' ids."""
    layer, old = gene.layer, donor.architecture.by_marking[gene.marking]
    old_weights, old_shape = donor.weights(gene.marking), donor.architecture.input_shapes(old)[0]
    inputs = walk.match(gene, donor, 0)
    columns = _strongest(old_weights, layer.width)
    weights = plain_fresh(layer, shape, walk.rng, walk.dtype)
    count = len(columns)
    shift = tuple(
        new - before for new, before in zip(_padding_before(layer, shape), _padding_before(old.layer, old_shape), strict=True)
    )
    size = taps(layer, len(shape) - 1)
    if layer.kind == "plain_conv":
        kernel = _resized(old_weights["kernel"][..., columns], size, shift)
        if inputs.known.any():
            weights["kernel"][..., :count] = inputs.rows(kernel, -2)
    else:
        depthwise = _resized(old_weights["depthwise"], size, shift)
        # Rows without a source keep a fresh depthwise kernel and a zero pointwise row: with both at zero neither would learn.
        weights["depthwise"][..., inputs.known, :] = depthwise[..., inputs.source[inputs.known], :]
        if inputs.known.any():
            weights["pointwise"][..., :count] = Match(inputs.source).rows(old_weights["pointwise"][..., columns], -2)
    if layer.normalised and old.layer.normalised:
        for role in NORM:
            weights[role][:count] = old_weights[role][columns]
    return weights, count, old_weights["channels"][columns]


def _strongest(weights: Weights, count: int) -> npt.NDArray[np.int64]:
    """The places of a convolution's `count` strongest filters, in their order: those that let most through a ReLU behind them."""
    kernel = weights["kernel"] if "kernel" in weights else weights["pointwise"]
    if count >= kernel.shape[-1]:
        return np.arange(kernel.shape[-1])
    if "gamma" in weights:
        through = rectified(weights["beta"], weights["gamma"])
        strength = through.mean**2 + through.variance
    else:
        strength = np.square(kernel).sum(axis=tuple(range(kernel.ndim - 1)))
    return np.sort(np.argsort(-strength, kind="stable")[:count])


def _resized(kernel: npt.NDArray[Any], size: tuple[int, ...], shift: tuple[int, ...]) -> npt.NDArray[Any]:
    """The kernel with `size` taps along the spatial axes: old tap j lies at j + shift, taps outside are lost, new ones zero."""
    axes = len(size)
    if kernel.shape[:axes] == size and not any(shift):
        return kernel
    result = np.zeros((*size, *kernel.shape[axes:]), kernel.dtype)
    new, old = [], []
    for count, wide, moved in zip(kernel.shape[:axes], size, shift, strict=True):
        start, stop = max(moved, 0), min(count + moved, wide)
        if stop <= start:
            return result
        new.append(slice(start, stop))
        old.append(slice(start - moved, stop - moved))
    result[tuple(new)] = kernel[tuple(old)]
    return result
