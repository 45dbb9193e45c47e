"""Edit distance between layer graphs (after Jin, Song & Hu 2019, section 3.1: layers aligned by dynamic programming, plus the skips)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from genomes.layers import CONVOLUTIONS, GLOBAL_POOLINGS, MERGES, POOLINGS, Layer
from genomes.network.architecture import Architecture

Item = TypeVar("Item")
Skip = tuple[str, float, float]


def edit_distance(first: Architecture, second: Architecture) -> float:
    """The cost of changing one graph into the other: a layer or skip inserted or deleted costs 1, one changed into another at most 1.

    Both sequences are aligned in order, so the distance is symmetric; it is 0 between isomorphic graphs that list a concat's inputs alike.
    """
    return _aligned(_layers(first), _layers(second), _substitution) + _aligned(_skips(first), _skips(second), _skip_difference)


def _layers(architecture: Architecture) -> list[Layer]:
    return [
        gene.layer
        for gene in architecture.genes[:-1]
        if gene.layer.kind not in MERGES and gene.layer.kind not in ("input", "relu")
    ]


def _skips(architecture: Architecture) -> list[Skip]:
    """Each skip's merge kind and where it starts and ends, as shares of the longest path."""
    level: dict[int, int] = {}
    for gene in architecture.genes:
        level[gene.marking] = 1 + max([level[source] for source in gene.inputs], default=-1)
    height = level[architecture.output.marking]
    return sorted(
        (gene.layer.kind, level[skip] / height, level[gene.marking] / height)
        for gene in architecture.genes
        for skip in gene.inputs[1:]
    )


def _substitution(a: Layer, b: Layer) -> float:
    if a == b:
        return 0.0
    if a.kind != b.kind:
        related = any({a.kind, b.kind} <= family for family in (CONVOLUTIONS, POOLINGS, GLOBAL_POOLINGS))
        return 0.5 + 0.5 * _difference(a, b) if related else 1.0
    return _difference(a, b)


def _difference(a: Layer, b: Layer) -> float:
    """Mean relative difference of the settings."""
    pairs = [(a.width, b.width), (a.kernel, b.kernel), (a.kernel_width, b.kernel_width), (a.stride, b.stride), (a.rate, b.rate)]
    relative = [abs(x - y) / max(x, y) for x, y in pairs if max(x, y) > 0]
    return sum(relative) / len(relative) if relative else 0.0


def _skip_difference(a: Skip, b: Skip) -> float:
    return 1.0 if a[0] != b[0] else (abs(a[1] - b[1]) + abs(a[2] - b[2])) / 2


def _aligned(first: Sequence[Item], second: Sequence[Item], cost: Callable[[Item, Item], float]) -> float:
    above = [float(j) for j in range(len(second) + 1)]
    for i, a in enumerate(first, 1):
        row = [float(i)]
        for j, b in enumerate(second, 1):
            row.append(min(above[j - 1] + cost(a, b), above[j] + 1, row[j - 1] + 1))
        above = row
    return above[-1]
