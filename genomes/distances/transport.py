"""OTMANN: optimal transport between the masses of two networks' layers (Kandasamy et al. 2018)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genomes import layers
from genomes.base import Genome, shown
from genomes.distances.base import Distance, Matrix, non_negative
from genomes.distances.layers import INPUT, OUTPUT, Part, Vertex, parts

ENDS_SHARE, ENDS_LEAST = 0.1, 100.0  # of the processing layers' mass, that inputs, outputs and decision layers have; and at least
CONVOLUTION, POOLING, OTHER = 1, 2, 3  # families of kinds, within which layers can be matched

Whole = npt.NDArray[np.int64]
_CONVOLUTIONS = layers.CONVOLUTIONS | layers.PLAIN | {"plain_depthwise"}
_POOLINGS = layers.POOLINGS | layers.GLOBAL_POOLINGS
_COUNTED = (None, _CONVOLUTIONS, _POOLINGS, frozenset({"dense"}))  # which layers a path's length counts; None: all


class _Prepared(NamedTuple):
    labels: list[tuple[int, int, int]]  # family, kind and kernel of each layer
    mass: list[float]
    lengths: Matrix
    sizes: list[int]  # layers of each part
    total: float
    rank: int


class Pool(NamedTuple):
    """Packed genomes: arrays of the layers of all, one after the other.

    Attributes:
            mass: float64 [layers].
        lengths: float64 [layers, lengths], of paths.
        start: int64 [parts + 1], where the layers of each part begin.
        first: int64 [genomes + 1], the first part of each.
        mass_of: float64 [genomes].
        rank: int64 [genomes], a number for each by its content.
    """

    label: Whole
    mass: npt.NDArray[np.float64]
    lengths: Matrix
    start: Whole
    first: Whole
    mass_of: npt.NDArray[np.float64]
    rank: Whole


@dataclass(frozen=True)
class OptimalTransport(Distance):
    """The least cost of moving the mass of one network's layers onto those of another: OTMANN (Kandasamy et al. 2018, section 3).

    A layer's mass is what it computes: a convolution's channels in times channels out, a tenth of that for a dense layer, a pooling's channels
    in; an operation of several layers has the sum. Input, output and logits have a tenth of all that each, or 100 where that is more. A unit
    of mass goes to the other network at a cost, or stays unassigned at a cost of 1. The cost is `mislabel` times the mismatch of the labels
    (two convolutions: sqrt(2) / 10 * sqrt(difference of their kernels), of different kinds 0.9 of that and 0.1; poolings of different kinds
    0.5; otherwise different layers are not matched) plus `structure` times the mean difference of where the layers stand: the lengths of the
    shortest, the longest and the mean (random-walk) path to the input and to the output, counting all layers, convolutions, poolings, and
    dense layers.

    It is for cells, on their own graph (each cell of a genome with its own; a skip is a layer with a pooling's mass), and for everything with
    an `architecture`. Activations, normalisations, sums and concatenations are no layers here, but part of the paths.

    It is a pseudo-distance: two networks that differ in what is no layer are at 0. The paper proves the triangle inequality for the one that
    is not normalised and for a mismatch that keeps it; here it is not claimed.

    Args:
        mislabel: the weight of label mismatch, >= 0.
        structure: the weight of the structural term, >= 0; the paper sums over 0.1, 0.25, 0.61 and 1.5.
        normalised: divided by the mass of both networks, so that it lies between 0 and 1.
        network: whether a cell is compared as the network that is built of it.
    """

    mislabel: float = 1.0
    structure: float = 0.25
    normalised: bool = True
    network: bool = False

    def __post_init__(self) -> None:
        non_negative("mislabel", self.mislabel)
        non_negative("structure", self.structure)
        for name in ("normalised", "network"):
            if not isinstance(getattr(self, name), bool):
                raise ValueError(f"{name} must be True or False, got {shown(getattr(self, name))}")

    def prepare(self, genome: Genome) -> _Prepared:
        graphs = parts(self, genome, self.network)
        vertices = [vertex for part in graphs for vertex in part.vertices]
        mass = [each for part in graphs for each in masses(part)]
        lengths = np.concatenate([path_lengths(part) for part in graphs])
        labels = [_label(vertex) for vertex in vertices]
        rank = zlib.crc32(repr((labels, mass)).encode() + lengths.tobytes())
        return _Prepared(labels, mass, lengths, [len(part.vertices) for part in graphs], sum(mass), rank)

    def unscaled(self) -> Distance:
        return replace(self, normalised=False) if self.normalised else self

    def rescaled(self, measured: Matrix, unscaled: Distance, genomes: Sequence[Genome], others: Sequence[Genome]) -> Matrix:
        if not self.normalised:
            return measured
        masses = [np.array([each.total for each in unscaled._prepared(side)]) for side in (genomes, others)]
        found: Matrix = measured / (masses[0][:, None] + masses[1])
        return found

    def compare(self, first: Sequence[_Prepared], second: Sequence[_Prepared]) -> Matrix:
        from genomes.distances.kernels.transport import transport_matrix

        if not first or not second:
            return np.zeros((len(first), len(second)))
        one = pool(first)
        other = one if second is first else pool(second)
        found: Matrix = transport_matrix(one, other, float(self.mislabel), float(self.structure), self.normalised)
        return found


def pool(side: Sequence[_Prepared]) -> Pool:
    """Genomes packed for the compiled functions."""
    return Pool(
        np.array([label for each in side for label in each.labels], dtype=np.int64),
        np.array([value for each in side for value in each.mass], dtype=np.float64),
        np.concatenate([each.lengths for each in side]),
        np.cumsum([0, *[size for each in side for size in each.sizes]], dtype=np.int64),
        np.cumsum([0, *[len(each.sizes) for each in side]], dtype=np.int64),
        np.array([each.total for each in side], dtype=np.float64),
        np.array([each.rank for each in side], dtype=np.int64),
    )


def masses(part: Part) -> list[float]:
    """The mass of every layer, with what inputs, output and logits have."""
    ends = [vertex.kind.split()[0] in (INPUT, OUTPUT, *layers.OUTPUTS) for vertex in part.vertices]
    processing = sum([vertex.mass for vertex, end in zip(part.vertices, ends, strict=True) if not end])
    share = max(ENDS_SHARE * processing, ENDS_LEAST)
    inputs = sum([vertex.kind.startswith(INPUT) for vertex in part.vertices])
    return [
        vertex.mass if not end else share / inputs if vertex.kind.startswith(INPUT) else share
        for vertex, end in zip(part.vertices, ends, strict=True)
    ]


def _label(vertex: Vertex) -> tuple[int, int, int]:
    kind = vertex.kind
    family = CONVOLUTION if kind in _CONVOLUTIONS else POOLING if kind in _POOLINGS else OTHER
    return family, zlib.crc32(kind.encode()), vertex.kernel


def path_lengths(part: Part) -> Matrix:
    """Of every layer the shortest, longest and mean path to the inputs and to the output: float64 [layers, 6 * countings].

    An edge counts for the layer that it leaves: 1 if that is one of those that are counted. Where no path leads to, it is 0 long.
    """
    after: list[list[int]] = [[] for _ in part.vertices]
    for place, sources in enumerate(part.before):
        for source in sources:
            after[source].append(place)
    found = np.zeros((len(part.vertices), 6 * len(_COUNTED)))
    for number, counted in enumerate(_COUNTED):
        weight = [1.0 if counted is None or vertex.kind in counted else 0.0 for vertex in part.vertices]
        back, forth = found[:, 6 * number : 6 * number + 3], found[:, 6 * number + 3 : 6 * number + 6]
        for place, sources in enumerate(part.before):
            if sources:
                back[place] = _of_paths([back[source] + weight[source] for source in sources])
        for place in range(len(part.vertices) - 1, -1, -1):
            if after[place]:
                forth[place] = _of_paths([forth[target] + weight[place] for target in after[place]])
    return found


def _of_paths(ways: list[npt.NDArray[np.float64]]) -> tuple[float, float, float]:
    return min([way[0] for way in ways]), max([way[1] for way in ways]), sum([way[2] for way in ways]) / len(ways)
