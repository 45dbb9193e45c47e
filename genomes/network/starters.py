"""Random small networks to start from: a few layers with pooling between them, of sizes spread evenly on a logarithmic scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from genomes.layers import Layer
from genomes.markings import marking
from genomes.network.architecture import Architecture
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, STARTER, Gene
from genomes.network.operators.embed import widths
from genomes.network.operators.features import RATES

if TYPE_CHECKING:
    from genomes.network.space import NetworkSpace

# What a starter's layer is; with its place it makes the marking, so that layers in the same place of two starters are homologous.
CONVOLUTION, POOLING, HEAD, DENSE, MERGE, EMBEDDING, GATE, DROPOUT = range(8)


def random_architecture(space: NetworkSpace, rng: np.random.Generator) -> Architecture:
    """Layers at random, then the width whose parameters come nearest to a size drawn from `space.starter_parameters` log-uniformly."""
    smallest, largest = space.starter_parameters
    target = math.exp(rng.uniform(math.log(smallest), math.log(largest)))
    for _ in range(20):
        plan = _dense_plan(space, rng) if len(space.input_shape) == 1 else _convolution_plan(space, rng)
        if (architecture := _nearest(space, plan, target)) is not None:
            return architecture
    return smallest_architecture(space)


def smallest_architecture(space: NetworkSpace) -> Architecture:
    """One layer of one filter or unit: no network of the space has fewer parameters and a weighted layer."""
    if len(space.input_shape) == 1:
        return _chain(space, [(DENSE, 0, Layer("dense", width=1))])
    kernel = min(space.kernels)
    return _chain(space, [(CONVOLUTION, 0, Layer("conv", width=1, kernel=kernel)), (HEAD, 0, Layer("global_average"))])


# A plan's layer: role, place, layer, and the factor on the base width (0 where the layer has none).
Plan = list[tuple[int, int, Layer, float]]


def _dense_plan(space: NetworkSpace, rng: np.random.Generator) -> Plan:
    embedded: Plan = []
    if space.embeddings and rng.random() < 0.5:
        kind = str(rng.choice(space.embeddings))
        embedded.append((EMBEDDING, 0, Layer(kind, width=int(rng.choice(widths(kind)))), 0.0))
    if space.gates and rng.random() < 0.2:
        embedded.insert(0, (GATE, 0, Layer("gate"), 0.0))
    depth = int(rng.integers(1, min(3, space.max_depth) + 1))
    plan = embedded + [(DENSE, i, Layer("dense", width=1), float(rng.choice([0.5, 1.0, 1.0]))) for i in range(depth)]
    if space.dropout and rng.random() < 0.3:
        plan.append((DROPOUT, 0, Layer("dropout", rate=float(rng.choice(RATES))), 0.0))
    return plan


def _convolution_plan(space: NetworkSpace, rng: np.random.Generator) -> Plan:
    plan: Plan = []
    kernels = [kernel for kernel in space.kernels if kernel > 1] or list(space.kernels)
    positions, growth = list(space.input_shape[:-1]), 1.0
    depth = int(rng.integers(1, min(4, space.max_depth) + 1))
    # A hidden dense layer only where the depth has room for it.
    dense = depth < space.max_depth and rng.random() < 0.2
    # Large inputs are pooled after every convolution, so that the last positions are few.
    often = 1.0 if min(positions) > 16 else 0.6
    for i in range(depth):
        kernel = int(rng.choice(kernels))
        kind = "separable" if i > 0 and kernel > 1 and rng.random() < 0.2 else "conv"
        plan.append((CONVOLUTION, i, Layer(kind, width=1, kernel=kernel), growth))
        if min(positions) >= 4 and rng.random() < often:
            pool = "max_pool" if rng.random() < 0.7 else "average_pool"
            plan.append((POOLING, i, Layer(pool, kernel=2, stride=2), 0.0))
            positions = [-(-axis // 2) for axis in positions]
            growth *= float(rng.choice([1.0, 1.5, 2.0]))
    few = math.prod(positions) <= 16
    head = "flatten" if few and rng.random() < 0.5 else str(rng.choice(["global_average", "global_average", "global_max"]))
    plan.append((HEAD, 0, Layer(head), 0.0))
    if dense:
        plan.append((DENSE, 0, Layer("dense", width=1), 2.0))
    return plan


def _nearest(space: NetworkSpace, plan: Plan, target: float) -> Architecture | None:
    """The plan with the base width whose parameters are nearest to the target, or None where no width is within the limits."""
    low, high = 1, space.max_width
    while low < high:  # parameters grow with the width
        middle = (low + high) // 2
        if _scaled(space, plan, middle).parameters < target:
            low = middle + 1
        else:
            high = middle
    legal = [a for a in (_scaled(space, plan, width) for width in (low, low - 1) if width) if space.violated(a) is None]
    return min(legal, key=lambda a: abs(math.log(a.parameters / target)), default=None)


def _scaled(space: NetworkSpace, plan: Plan, base: int) -> Architecture:
    layers = []
    for role, place, layer, factor in plan:
        if factor:
            width = min(max(round(base * factor), 1), space.max_width)
            layer = Layer(layer.kind, width=width, kernel=layer.kernel, stride=layer.stride)
        layers.append((role, place, layer))
    return _chain(space, layers)


def _chain(space: NetworkSpace, layers: list[tuple[int, int, Layer]]) -> Architecture:
    genes = [Gene(INPUT_MARKING, Layer("input"))]
    for role, place, layer in layers:
        genes.append(Gene(marking(0, STARTER, role, place), layer, (genes[-1].marking,)))
    genes.append(Gene(LOGITS_MARKING, Layer("logits", width=space.outputs), (genes[-1].marking,)))
    return Architecture.of(space.input_shape, genes)
