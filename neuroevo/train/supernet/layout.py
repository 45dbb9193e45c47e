"""Layout: where the weights of a shared graph lie in one flat vector, and the same weights by marking.

One vector makes an optimizer's step a handful of operations for all weights, whatever their number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.layers import BOX, OWN_CHANNELS, PLAIN, Layer, Shape, taps
from genomes.network.genes import Gene
from genomes.shared import SharedGraph
from neuroevo.inherit.detection import detect_fresh
from neuroevo.inherit.fresh import glorot_uniform, he_normal

Floats = npt.NDArray[np.float32]
NORM_DEFAULTS = {"gamma": 1.0, "beta": 0.0, "mean": 0.0, "variance": 1.0}


@dataclass(frozen=True)
class Slot:
    """One array in the vector.

    Args:
        name: "<marking>/<role>".
        shape: of the array, as `neuroevo.decode.weights` describes it.
        inputs: values that each output sums; 0 for what starts at a constant.
        choice, option: what it belongs to; -1 for what every network has.
    """

    name: str
    shape: tuple[int, ...]
    inputs: int = 0
    choice: int = -1
    option: int = -1

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def as_images(self) -> tuple[int, ...]:
        """The shape for feature maps with four axes: a kernel of a sequence has a width of 1."""
        return (self.shape[0], 1, *self.shape[1:]) if len(self.shape) == 3 else self.shape

    @property
    def role(self) -> str:
        return self.name.partition("/")[2]


class Layout:
    """The weights of a shared graph in one vector.

    Args:
        graph: whose.

    Attributes:
        slots: in the order of the graph's genes.
        norms: the channels of every gene with a BatchNorm, by marking, in the same order.
        size: numbers in the vector.

    Raises:
        ValueError: a layer that shared networks do not have.
    """

    def __init__(self, graph: SharedGraph) -> None:
        self.graph = graph
        self.slots: list[Slot] = []
        self.norms: dict[int, int] = {}
        architecture = graph.architecture
        for gene in architecture.genes:
            shapes = architecture.input_shapes(gene)
            choice, option = graph.owners.get(gene.marking, (-1, -1))
            for role, shape, inputs in _trainable(gene, shapes, gene.marking in graph.searched):
                self.slots.append(Slot(f"{gene.marking}/{role}", shape, inputs, choice, option))
            if normalises(gene.layer):
                heads = gene.layer.repeats * gene.layer.levels * shapes[0][-1]  # a head has a BatchNorm for each repetition and level
                self.norms[gene.marking] = heads if gene.kind == "detect" else architecture.shapes[gene.marking][-1]
        self.sizes = [slot.size for slot in self.slots]
        self.size = sum(self.sizes)
        self.places = {slot.name: place for place, slot in enumerate(self.slots)}
        self._of: dict[int, list[int]] = {}
        for place, slot in enumerate(self.slots):
            self._of.setdefault(int(slot.name.partition("/")[0]), []).append(place)

    def of(self, marking: int) -> list[int]:
        """The places of a gene's slots."""
        return self._of.get(marking, [])

    def fresh(self, rng: np.random.Generator) -> Floats:
        """Weights that a training begins with: float32 [size]."""
        parts: list[npt.NDArray[Any]] = []
        heads = self._fresh_heads(rng)
        for slot in self.slots:
            if slot.name in heads:
                part = heads[slot.name]
            elif slot.role == "kernel" and len(slot.shape) == 2:
                part = glorot_uniform(rng, (slot.shape[0], slot.shape[1]), np.dtype(np.float32))
            elif slot.inputs:
                part = he_normal(rng, slot.shape, slot.inputs, np.dtype(np.float32))
            else:
                part = np.full(slot.shape, NORM_DEFAULTS.get(slot.role, 0.0), np.float32)
            parts.append(part.ravel())
        return np.concatenate(parts).astype(np.float32)

    def _fresh_heads(self, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """The weights of detectors' heads by name, which start near nothing (see `neuroevo.inherit.detection`)."""
        architecture = self.graph.architecture
        return {
            f"{gene.marking}/{role}": array
            for gene in architecture.genes
            if gene.kind == "detect"
            for role, array in detect_fresh(gene.layer, architecture.input_shapes(gene)[0], rng, np.dtype(np.float32)).items()
        }

    @property
    def decayed(self) -> Floats:
        """1 where weight decay applies (kernels), else 0: float32 [size]."""
        return self._each([float(slot.inputs > 0) for slot in self.slots])

    def segments(self) -> npt.NDArray[np.int32]:
        """For each number of the vector the place of its slot: int32 [size]."""
        return np.repeat(np.arange(len(self.slots), dtype=np.int32), self.sizes)

    def owners(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """For each slot the choice and option that it belongs to, -1 for every network's: int32 [slots] twice."""
        return np.array([s.choice for s in self.slots], np.int32), np.array([s.option for s in self.slots], np.int32)

    def _each(self, values: Sequence[float]) -> Floats:
        return np.repeat(np.array(values, np.float32), self.sizes)

    def arrays(self, weights: Floats, statistics: Mapping[int, tuple[Floats, Floats]] | None = None) -> dict[str, npt.NDArray[Any]]:
        """The weights by marking, as `neuroevo.inherit.inherit` takes a parent's.

        Args:
            weights: float32 [size].
            statistics: mean and variance of every BatchNorm that is known, by marking; the others have seen nothing.
        """
        known = {} if statistics is None else statistics
        parts = dict(zip(self.places, np.split(weights, np.cumsum(self.sizes)[:-1]), strict=True))
        arrays: dict[str, npt.NDArray[Any]] = {slot.name: parts[slot.name].reshape(slot.shape) for slot in self.slots}
        for gene in self.graph.architecture.genes:
            if gene.kind == "detect":
                arrays |= _head_statistics(gene, self.norms.get(gene.marking, 0), known.get(gene.marking))
            elif gene.marking in self.norms:
                channels = self.norms[gene.marking]
                mean, variance = known.get(gene.marking, (None, None))
                for role, value in (("gamma", None), ("beta", None), ("mean", mean), ("variance", variance)):
                    name = f"{gene.marking}/{role}"
                    if value is not None:
                        arrays[name] = np.asarray(value, np.float32)
                    elif name not in arrays:
                        arrays[name] = np.full(channels, NORM_DEFAULTS[role], np.float32)
            if gene.kind in OWN_CHANNELS:
                arrays[f"{gene.marking}/channels"] = np.arange(gene.layer.width)
        return arrays

    def vector(self, arrays: Mapping[str, npt.NDArray[Any]]) -> Floats:
        """The vector of weights by marking: float32 [size].

        Raises:
            ValueError: one is missing, or has another shape.
        """
        parts = []
        for slot in self.slots:
            array = arrays.get(slot.name)
            if array is None or array.shape != slot.shape:
                found = "missing" if array is None else f"of shape {array.shape} instead of {slot.shape}"
                raise ValueError(f"these are not the shared graph's weights: {slot.name} is {found}")
            parts.append(np.asarray(array, np.float32).ravel())
        return np.concatenate(parts)


def normalises(layer: Layer) -> bool:
    """Whether a layer has a BatchNorm."""
    return layer.normalised or layer.kind in ("norm", "conv") or layer.repeats > 0


def _head_statistics(gene: Gene, channels: int, known: tuple[Floats, Floats] | None) -> dict[str, npt.NDArray[Any]]:
    """Mean and variance of each BatchNorm of a detector's head, which lie one after the other: `channels` of all."""
    mean, variance = known if known is not None else (np.zeros(channels, np.float32), np.ones(channels, np.float32))
    names = [f"{step}_{level}" for step in range(gene.layer.repeats) for level in range(gene.layer.levels)]
    found: dict[str, npt.NDArray[Any]] = {}
    for role, values in (("mean", mean), ("variance", variance)):
        parts = np.split(np.asarray(values, np.float32), len(names)) if names else []
        found |= {f"{gene.marking}/{role}_{name}": part for name, part in zip(names, parts, strict=True)}
    return found


def _trainable(gene: Gene, shapes: Sequence[Shape], searched: bool) -> list[tuple[str, tuple[int, ...], int]]:
    """Role, shape and summed inputs of the arrays of a gene that are trained."""
    layer = gene.layer
    if layer.kind in _WEIGHTLESS:
        return []
    inputs, axes, width = shapes[0][-1], len(shapes[0]) - 1, layer.width
    found: list[tuple[str, tuple[int, ...], int]] = []
    if layer.kind in PLAIN:
        kernel = taps(layer, axes)
        count = math.prod(kernel)
        if layer.kind == "plain_conv":
            found.append(("kernel", (*kernel, inputs, width), count * inputs))
        else:
            found.append(("depthwise", (*kernel, inputs, 1), count))
            found.append(("pointwise", (*(1,) * axes, inputs, width), inputs))
    elif layer.kind == "conv":
        found.append(("kernel", (layer.kernel,) * axes + (inputs, width), layer.kernel**axes * inputs))
    elif layer.kind == "plain_depthwise":
        found.append(("depthwise", (layer.kernel,) * axes + (inputs, 1), layer.kernel**axes))
    elif layer.kind == "detect":
        return _head(layer, inputs)
    elif layer.kind in ("logits", "dense"):
        return [("kernel", (inputs, width), inputs), ("bias", (width,), 0)]
    elif layer.kind != "norm":
        raise ValueError(f"a shared network has no {layer.kind} layers")
    if normalises(layer) and not searched:
        channels = width or inputs
        found += [("gamma", (channels,), 0), ("beta", (channels,), 0)]
    return found


def _head(layer: Layer, channels: int) -> list[tuple[str, tuple[int, ...], int]]:
    """The same of a detector's head."""
    kernel, outputs = (layer.kernel, layer.kernel), layer.width + BOX
    found: list[tuple[str, tuple[int, ...], int]] = []
    for step in range(layer.repeats):
        found.append((f"kernel_{step}", (*kernel, channels, channels), layer.kernel**2 * channels))
        found += [(f"{role}_{step}_{level}", (channels,), 0) for level in range(layer.levels) for role in ("gamma", "beta")]
    return [*found, ("kernel", (*kernel, channels, outputs), layer.kernel**2 * channels), ("bias", (outputs,), 0)]


_WEIGHTLESS = frozenset(
    {"input", "relu", "sum", "zero", "concat", "half", "upsample", "max_pool", "average_pool", "global_average", "global_max", "flatten"}
)
