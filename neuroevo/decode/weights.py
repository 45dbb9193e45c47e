"""A model's weights as arrays named by marking, and back.

Every array is named `<marking>/<role>`. The roles of each kind of gene, with their shapes for kernel axes k..., inputs i and filters o:

kind              roles
conv              kernel [k..., i, o], gamma, beta, mean, variance [o]
separable         depthwise [k..., i, 1], pointwise [1..., i, o], gamma, beta, mean, variance [o]
dense, logits     kernel [i, o], bias [o]
add               gamma, beta, mean, variance [main's channels]; if projected, projection [skip's channels, main's channels]
plain_conv        as conv, plain_separable as separable; gamma, beta, mean, variance only if normalised
plain_depthwise   depthwise [k..., i, 1], gamma, beta, mean, variance [i] only if normalised
norm              gamma, beta, mean, variance [channels]
detect            for each repetition r kernel_r [k, k, i, i] and, for each level l, gamma_r_l, beta_r_l, mean_r_l, variance_r_l [i]; then
                  kernel [k, k, i, classes + 5], bias [classes + 5]
piecewise, periodic, robust  kernel, bias [features, ramps or waves of each, or 1]; not trained
gate              kernel [i, i], bias [i]
recurrent         kernel [i, leaves * o], recurrent_kernel [o, leaves * o] and, if its cell is biased, bias [leaves * o]: leaf after leaf

Beside them, for every gene with filters or units, lies `channels` int64 [o]: the ids of its channels, which a channel keeps through
widening and pruning.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.layers import EMBEDDINGS, OWN_CHANNELS, Layer
from neuroevo.decode.architecture import architecture_of
from neuroevo.decode.detection import detect_roles, detect_variables
from neuroevo.decode.embedding import ROLES as EMBEDDING_ROLES
from neuroevo.decode.embedding import embedding_variables
from neuroevo.decode.plain import plain_roles, plain_variables
from neuroevo.decode.recurrent import recurrent_roles, recurrent_variables

Arrays = Mapping[str, npt.NDArray[Any]]

NORM = ("gamma", "beta", "mean", "variance")


def roles(layer: Layer) -> tuple[str, ...]:
    """The roles of a layer's weights, trainable or not, without its channel ids."""
    if layer.kind == "conv":
        return ("kernel", *NORM)
    if layer.kind == "separable":
        return ("depthwise", "pointwise", *NORM)
    if layer.kind in ("dense", "logits"):
        return ("kernel", "bias")
    if layer.kind == "add":
        return ("projection", *NORM) if layer.projected else NORM
    if layer.kind in EMBEDDINGS:
        return EMBEDDING_ROLES
    if layer.kind == "recurrent":
        return recurrent_roles(layer)
    if layer.kind == "detect":
        return detect_roles(layer)
    return plain_roles(layer)


def variables(model: Any, genome: Genome) -> dict[str, Any]:
    """The model's Keras variables by array name. The model may have been built for another genome of equal structure.

    Raises:
        ValueError: the model was not built from this structure.
    """
    parts: dict[tuple[int, str], Any] = {}
    for layer in model.layers:
        place, _, rest = layer.name.partition("_")
        if place.isdigit():
            parts[int(place), rest.rpartition("_")[0]] = layer
    found: dict[str, Any] = {}
    for place, gene in enumerate(architecture_of(genome).genes):
        try:
            values = _variables_of(gene.layer, {part: layer for (at, part), layer in parts.items() if at == place})
        except KeyError as error:
            raise ValueError(f"the model was not built from this genome: its layer {place} has no {error.args[0]}") from error
        found.update({f"{gene.marking}/{role}": value for role, value in zip(roles(gene.layer), values, strict=True)})
    return found


def _variables_of(layer: Layer, parts: Mapping[str, Any]) -> list[Any]:
    if layer.kind == "conv":
        return [parts["convolution"].kernel, *_norm(parts["norm"])]
    if layer.kind == "separable":
        return [parts["separable"].depthwise_kernel, parts["separable"].pointwise_kernel, *_norm(parts["norm"])]
    if layer.kind in ("dense", "logits"):
        return [parts[layer.kind].kernel, parts[layer.kind].bias]
    if layer.kind == "add":
        return [*([parts["projection"].kernel] if layer.projected else []), *_norm(parts["gate"])]
    if layer.kind in EMBEDDINGS:
        return embedding_variables(parts)
    if layer.kind == "recurrent":
        return recurrent_variables(layer, parts)
    if layer.kind == "detect":
        return detect_variables(layer, parts)
    return plain_variables(layer, parts)


def _norm(layer: Any) -> list[Any]:
    return [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]


def weights_of(model: Any, genome: Genome, *, channels: Arrays | None = None) -> dict[str, npt.NDArray[Any]]:
    """The model's weights as arrays by marking, with channel ids.

    Args:
        model: a model that `build` made from this genome or from one of equal structure.
        genome: whose markings name the arrays.
        channels: the arrays that were given to `set_weights`: their channel ids are passed on. Without them the ids are 0, 1, 2, ...

    Raises:
        ValueError: the model was not built from this structure, or the ids are not this genome's.
    """
    arrays: dict[str, npt.NDArray[Any]] = {}
    by_name = variables(model, genome)
    for gene in architecture_of(genome).genes:
        for role in roles(gene.layer):
            name = f"{gene.marking}/{role}"
            value = np.array(by_name[name])
            arrays[name] = value.reshape(value.shape[-2:]) if role == "projection" else value
        if gene.kind in OWN_CHANNELS:
            name = f"{gene.marking}/channels"
            ids = np.arange(gene.layer.width) if channels is None else channels[name]
            if len(ids) != gene.layer.width:
                raise ValueError(f"{name} holds {len(ids)} channel ids, but the gene has {gene.layer.width} channels")
            arrays[name] = np.asarray(ids, np.int64)
    return arrays


def set_weights(model: Any, genome: Genome, arrays: Arrays) -> None:
    """Write arrays by marking into the model.

    Raises:
        ValueError: an array is missing or has another shape than the model's.
    """
    for name, variable in variables(model, genome).items():
        if name not in arrays:
            raise ValueError(f"the weights are not this genome's: {name} is missing")
        value = arrays[name]
        expected = tuple(variable.shape)
        if name.endswith("/projection"):
            value = value.reshape((*expected[:-2], *value.shape))
        if value.shape != expected:
            raise ValueError(f"{name} must have shape {expected}, got {value.shape}")
        variable.assign(value)
