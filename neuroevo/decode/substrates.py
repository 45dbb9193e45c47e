"""Expressed networks of CPPNs as `keras.Model`s of plain Dense layers: connections that are not there are weights of 0."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.cppn import CppnGenome, ExpressedNetwork, Wiring
from genomes.cppn.expressed import node_groups

STEEPNESS = 4.9  # of the steepened sigmoid: folded into the weights
_LAYERS = {"identity": "linear", "sigmoid": "sigmoid", "steepened_sigmoid": "sigmoid", "tanh": "tanh", "relu": "relu"}


def model_of_genome(genome: Genome, *, dtype: Any = None, name: str | None = None) -> Any:
    """The network that a CPPN describes on its space's substrate, as a `keras.Model`; see `substrate_model`.

    Raises:
        TypeError: the genome is no CPPN.
        ValueError: its space has no substrate, or the network cannot be a `keras.Model`.
    """
    if not isinstance(genome, CppnGenome):
        raise TypeError(f"a substrate's model is made of a CppnGenome, got {type(genome).__name__}")
    return substrate_model(genome.express(), dtype=dtype, name=name)


def substrate_model(network: ExpressedNetwork, *, dtype: Any = None, name: str | None = None) -> Any:
    """The expressed network as a `keras.Model`: float [samples, inputs] to [samples, outputs].

    Nodes stand in Dense layers by how far they are from the inputs; where connections skip a layer, the layers' outputs are concatenated.

    Args:
        network: what `CppnGenome.express` or `individual.network()` gave.
        dtype: Keras dtype or policy of every layer, or None for Keras's default.
        name: the model's name.

    Raises:
        ValueError: a recurrent network, which has a state, or an activation that Keras cannot load without our code.
    """
    import keras

    wiring = network.wiring
    if network.substrate.recurrent:
        raise ValueError(
            "a recurrent substrate's network has a state and is no keras.Model: use individual.network(), or a substrate without cycles"
        )
    groups = node_groups(wiring)
    policy = keras.dtype_policies.get(dtype) if dtype is not None else keras.config.dtype_policy()
    inputs = keras.Input((len(groups[0]),), name="inputs", dtype=policy.compute_dtype)
    made = [inputs]
    for number, group in enumerate(groups[1:], start=1):
        before = [place for place in range(number) if _linked(wiring, groups[place], group)] or [0]
        taken = (
            made[before[0]]
            if len(before) == 1
            else keras.layers.Concatenate(name=f"joined_{number}", dtype=policy)([made[p] for p in before])
        )
        last = number == len(groups) - 1
        activation = wiring.output_activation if last else wiring.activation
        scale = STEEPNESS if activation == "steepened_sigmoid" else 1.0
        layer = keras.layers.Dense(
            len(group), activation=_LAYERS.get(activation, "linear"), name="outputs" if last else f"layer_{number}", dtype=policy
        )
        result = layer(taken)
        layer.set_weights(
            [scale * kernel(wiring, np.concatenate([groups[p] for p in before]), group), scale * wiring.bias[group]]
        )
        made.append(result if activation in _LAYERS else _activated(result, activation))
    return keras.Model(inputs, made[-1], name=name)


def kernel(wiring: Wiring, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The weights from some nodes to others: float64 [sources, targets], 0 where there is no connection."""
    nodes = len(wiring.layer)
    row, column = np.full(nodes, -1), np.full(nodes, -1)
    row[sources], column[targets] = np.arange(len(sources)), np.arange(len(targets))
    here = (row[wiring.source] >= 0) & (column[wiring.target] >= 0)
    matrix = np.zeros((len(sources), len(targets)))
    matrix[row[wiring.source[here]], column[wiring.target[here]]] = wiring.weight[here]
    return matrix


def _linked(wiring: Wiring, sources: npt.NDArray[np.int64], targets: npt.NDArray[np.int64]) -> bool:
    return bool(np.any(np.isin(wiring.source, sources) & np.isin(wiring.target, targets)))


def _activated(x: Any, activation: str) -> Any:
    """Activations that are no layer of Keras's, as operations that plain Keras loads."""
    from keras import ops

    if activation == "sine":
        return ops.sin(x)
    if activation == "cosine":
        return ops.cos(x)
    if activation == "gaussian":
        return ops.exp(ops.negative(ops.square(x)))
    if activation == "absolute":
        return ops.absolute(x)
    if activation == "square":
        return ops.square(x)
    allowed = ", ".join([*_LAYERS, "sine", "cosine", "gaussian", "absolute", "square"])
    raise ValueError(f"a keras.Model cannot have the activation {activation!r} without this package's code (allowed: {allowed})")
