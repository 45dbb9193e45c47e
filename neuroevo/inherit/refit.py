"""Refit: where an operator is not exact, the layers behind it are fitted to what they computed in the parent.

Each layer that both have is a linear map of its inputs; a ridge least-squares fit (Hoerl & Kennard 1970) of that map to the parent's
values in front of the ReLU, on a few hundred samples, repairs most of what pruning or removing a layer breaks (as He, Zhang & Sun 2017,
section 3.1, do for pruned channels). It needs data, so it is a step of its own behind `inherit`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import Genome
from genomes.layers import CONVOLUTIONS, Layer, padding_before
from genomes.network.architecture import Architecture
from genomes.network.operators import PRESERVING
from neuroevo.decode import build, set_weights
from neuroevo.decode.architecture import architecture_of
from neuroevo.decode.weights import variables
from neuroevo.inherit.donor import Arrays, Donor, nearest
from neuroevo.inherit.ridge import drawn_places, ridge_change, windows

Floats = npt.NDArray[np.floating]

_LINEAR = frozenset({"conv", "separable", "dense", "logits"})
# Activations that are held at once, most: 64 MiB in single precision.
_VALUES = 1 << 24
_PART = {"conv": "convolution", "separable": "separable", "dense": "dense", "logits": "logits"}


@dataclass(frozen=True)
class Refit:
    """How thoroughly layers are refitted.

    Args:
        ridge: weight of the distance to the inherited weights, relative to the mean square of the inputs; > 0.
        rows: most equations (samples and positions) for one layer; a convolution's are drawn.
        tolerance: a layer whose values differ from the parent's by a smaller share (root mean square) stays as it is.
    """

    ridge: float = 1e-3
    rows: int = 4000
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        if not self.ridge > 0:
            raise ValueError(f"ridge must be > 0, got {self.ridge}")
        if self.rows < 1:
            raise ValueError(f"rows must be >= 1, got {self.rows}")
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance must be >= 0, got {self.tolerance}")


def needs_refit(operators: Iterable[str]) -> bool:
    """Whether any of these operators is not exact (crossover is not)."""
    return not PRESERVING.issuperset(operators)


def refit(
    child: Genome,
    arrays: Arrays,
    parents: Sequence[tuple[Genome, Arrays]],
    x: npt.NDArray[Any],
    rng: np.random.Generator,
    settings: Refit = Refit(),
    *,
    model: Any = None,
    parent_model: Any = None,
) -> dict[str, npt.NDArray[Any]]:
    """The child's weights with every layer that it shares with its dominant parent fitted to the parent's values, first to last.

    Args:
        child: a genome with a layer graph.
        arrays: its weights, as `inherit` gave them.
        parents: (genome, arrays), as for `inherit`.
        x: floating [samples, *input_shape], a few hundred training samples.
        rng: draws the positions of convolutions.
        model, parent_model: `keras.Model`s that `build` made for the child's structure and for the dominant parent's (see `nearest`), where
            they are at hand: building them takes most of the time. Their weights are replaced.

    Returns:
        New arrays; those that no fit changed are the given ones.

    Raises:
        ValueError: no parents, or arrays of another genome.
    """
    if not parents:
        raise ValueError("refit needs a parent whose values the child should compute, got none")
    architecture = architecture_of(child)
    chosen, given = parents[nearest(child, [genome for genome, _ in parents])]
    donor = Donor(architecture_of(chosen), given, architecture)
    dtype = str(
        next(array.dtype for array in arrays.values() if array.dtype.kind == "f")
    )  # full precision, whatever Keras is set to
    model = build(child, dtype=dtype) if model is None else model
    parent_model = build(chosen, dtype=dtype) if parent_model is None else parent_model
    set_weights(model, child, arrays)
    set_weights(parent_model, chosen, given)
    model_variables = variables(model, child)
    result = dict(arrays)

    shared = [gene.marking for gene in architecture.genes if gene.kind in _LINEAR and gene.marking in donor.shared]
    parts, parent_parts = _parts(model, architecture), _parts(parent_model, donor.architecture)
    batches = _batches(architecture, donor.architecture, shared, x, settings.rows)
    targets = _outputs(parent_model, parent_parts, shared, batches)
    untouched = _outputs(model, parts, shared, batches)
    for marking in shared:
        gene, part, target = architecture.by_marking[marking], parts[marking], targets[marking]
        mine, theirs = _same_channels(result, given, marking, gene.kind, target.shape[-1])
        if untouched:
            inputs, outputs = None, untouched[marking]
        else:
            inputs, outputs = _values(model, [part.input, part.output], batches[marking])
        if outputs.shape[:-1] != target.shape[:-1] or not len(mine):
            continue  # other positions than the parent's: nothing to compare with
        wanted = target[..., theirs]
        if _root_mean_square(wanted - outputs[..., mine]) <= settings.tolerance * _root_mean_square(wanted):
            continue
        weights = {role: np.asarray(result[f"{marking}/{role}"]) for role in _fitted_roles(gene.layer)}
        if inputs is None:
            inputs = _values(model, [part.input], batches[marking])[0]
        for role, array in _fitted(gene.layer, weights, inputs, wanted, mine, rng, settings).items():
            result[f"{marking}/{role}"] = array
            model_variables[f"{marking}/{role}"].assign(array)
        untouched = {}
    return result


def _root_mean_square(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _batches(
    child: Architecture, parent: Architecture, shared: Sequence[int], x: npt.NDArray[Any], rows: int
) -> dict[int, npt.NDArray[Any]]:
    """The samples that each layer is compared on: all of them behind the last positions; before, where a sample is many equations, as
    many as give `rows` equations."""
    shapes = [a.shapes[m] for a in (child, parent) for m in shared if a.by_marking[m].kind in CONVOLUTIONS]
    enough = max([-(-rows // math.prod(shape[:-1])) for shape in shapes], default=1)
    most = _VALUES // max(sum([math.prod(shape) for shape in shapes]), 1)
    few = x[: max(min(enough, most), 16)]
    return {marking: few if child.by_marking[marking].kind in CONVOLUTIONS else x for marking in shared}


def _outputs(
    model: Any, parts: Mapping[int, Any], markings: Sequence[int], batches: Mapping[int, npt.NDArray[Any]]
) -> dict[int, Floats]:
    """What the linear maps of these genes give, by marking, in one run for each batch."""
    found: dict[int, Floats] = {}
    for batch in {id(batches[marking]): batches[marking] for marking in markings}.values():
        group = [marking for marking in markings if batches[marking] is batch]
        found |= dict(zip(group, _values(model, [parts[marking].output for marking in group], batch), strict=True))
    return found


def _parts(model: Any, architecture: Architecture) -> dict[int, Any]:
    """The Keras layer that is each gene's linear map, by marking."""
    by_place = {}
    for layer in model.layers:
        place, _, rest = layer.name.partition("_")
        if rest.rpartition("_")[0] in _PART.values():
            by_place[int(place)] = layer
    return {gene.marking: by_place[place] for place, gene in enumerate(architecture.genes) if gene.kind in _LINEAR}


def _values(model: Any, tensors: list[Any], x: npt.NDArray[Any]) -> list[Floats]:
    import keras

    values = keras.Model(model.input, tensors)(x, training=False)
    return [np.asarray(value) for value in (values if isinstance(values, (list, tuple)) else [values])]


def _same_channels(
    arrays: Arrays, parent_arrays: Arrays, marking: int, kind: str, width: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The places of the channels that child and parent share, in the child and in the parent."""
    if kind == "logits":
        return np.arange(width), np.arange(width)
    _, mine, theirs = np.intersect1d(arrays[f"{marking}/channels"], parent_arrays[f"{marking}/channels"], return_indices=True)
    return mine, theirs


def _fitted_roles(layer: Layer) -> tuple[str, ...]:
    return {"conv": ("kernel", "mean"), "separable": ("depthwise", "pointwise", "mean")}.get(layer.kind, ("kernel", "bias"))


def _fitted(
    layer: Layer,
    weights: dict[str, npt.NDArray[Any]],
    inputs: Floats,
    wanted: Floats,
    columns: npt.NDArray[np.int64],
    rng: np.random.Generator,
    settings: Refit,
) -> dict[str, npt.NDArray[Any]]:
    """The layer's linear weights and offset, fitted for some of its filters. A convolution has no bias: its offset moves the mean that
    its BatchNorm subtracts."""
    if layer.kind in CONVOLUTIONS:
        rows, y = _equations(layer, inputs, wanted, settings.rows, rng)
        if layer.kind == "separable":
            channels = rows.shape[-1]
            taps = weights["depthwise"].reshape(-1, channels)
            rows = np.einsum("ntc,tc->nc", rows.reshape(len(rows), -1, channels), taps)
        role, offset_role, sign = ("kernel" if layer.kind == "conv" else "pointwise"), "mean", -1.0
        offset = np.zeros(len(columns))
    else:
        rows, y, role, offset_role, sign = inputs, wanted, "kernel", "bias", 1.0
        offset = weights["bias"][columns].astype(np.float64)
    matrix = rows.reshape(len(rows), -1).astype(np.float64)
    kernel = weights[role].copy()
    start = kernel[..., columns].reshape(-1, len(columns)).astype(np.float64)
    change, shift = ridge_change(matrix, y.astype(np.float64) - matrix @ start - offset, settings.ridge)
    kernel[..., columns] = (start + change).reshape(*kernel.shape[:-1], len(columns))
    moved = weights[offset_role].copy()
    moved[columns] += sign * shift
    return {role: kernel, offset_role: moved}


def _equations(layer: Layer, inputs: Floats, wanted: Floats, most: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """What a convolution sees and should give at some positions: [rows, k..., channels] and [rows, filters]."""
    padding = []
    for length in inputs.shape[1:-1]:
        before = padding_before(length, layer.kernel, layer.stride)
        total = max((-(-length // layer.stride) - 1) * layer.stride + layer.kernel - length, 0)
        padding.append((before, total - before))
    axes = len(padding)
    index = drawn_places(wanted.shape[:-1], most, rng)
    return windows(inputs, (layer.kernel,) * axes, (layer.stride,) * axes, (1,) * axes, padding)[index], wanted[index]
