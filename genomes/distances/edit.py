"""Edit distance between layer graphs and between cells, with settings (Jin, Song & Hu 2019, section 3.1)."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import Genome, shown
from genomes.distances.base import Distance, Matrix, non_negative
from genomes.distances.layers import Part, parts

ATTRIBUTES, SKIP_ATTRIBUTES = 5, 3

Whole = npt.NDArray[np.int64]


class _Prepared(NamedTuple):
    kind: list[int]
    attributes: list[tuple[int, ...]]
    word: list[int]
    skips: list[tuple[int, int, int]]
    sizes: list[int]  # layers of each part
    skip_sizes: list[int]
    rank: int


class Pool(NamedTuple):
    """Packed genomes: arrays of the layers and skips of all, one after the other.

    Attributes:
        kind: int64 [layers].
        attributes: float64 [layers, attributes].
        word: int64 [layers], equal for equal layers of a genome: 0, 1, 2, ... in the order in which they first come.
        words: int64 [genomes], how many different layers each has.
        skip: float64 [skips, 3], what joins it, where it starts, and how far it goes.
        start, skip_start: int64 [parts + 1], where the layers and the skips of each part begin.
        first: int64 [genomes + 1], the first part of each.
        rank: int64 [genomes], a number for each by its content.
    """

    kind: Whole
    attributes: Matrix
    word: Whole
    words: Whole
    skip: Matrix
    start: Whole
    skip_start: Whole
    first: Whole
    rank: Whole


@dataclass(frozen=True)
class Edit(Distance):
    """What it costs to change one network into another, as AutoKeras counts it (Jin, Song & Hu 2019, section 3.1).

    The layers are aligned in order: a layer inserted or deleted costs 1, one changed into another kind of layer 1, and one changed within
    its kind the mean of |a - b| / max(a, b) over width, kernel, stride, dilation and how many layers an operation has. Dense layers count
    with their widths, which the authors' code leaves out. Skips, every edge that does not lead from one layer to the next, are assigned to
    each other at the least cost: (|u - v| + |d - e|) / (max(u, v) + max(d, e)) for those that start behind layers u and v and go d and e
    layers far, 1 where one joins by a sum and the other by a concatenation, and 1 for each that is left.

    It is for cells, on their own graph, whose layers are their operations, and for everything with an `architecture`. Activations,
    normalisations, sums and concatenations are no layers here.

    Args:
        skips: how much skips count beside layers (the paper's lambda), >= 0.
        network: whether a cell is compared as the network that is built of it.
    """

    metric = True
    skips: float = 1.0
    network: bool = False

    def __post_init__(self) -> None:
        non_negative("skips", self.skips)
        if not isinstance(self.network, bool):
            raise ValueError(f"network must be True or False, got {shown(self.network)}")

    def prepare(self, genome: Genome) -> _Prepared:
        graphs = parts(self, genome, self.network)
        kept = [[vertex for vertex in part.vertices if not vertex.kind.startswith(("input", "output"))] for part in graphs]
        vertices = [vertex for part in kept for vertex in part]
        kind = [zlib.crc32(vertex.kind.encode()) for vertex in vertices]
        attributes = [(vertex.width, vertex.kernel, vertex.stride, vertex.dilation, vertex.times) for vertex in vertices]
        known: dict[tuple[int, ...], int] = {}
        word = [known.setdefault((each, *values), len(known)) for each, values in zip(kind, attributes, strict=True)]
        skips = [skips_of(part) for part in graphs]
        everything = [skip for each in skips for skip in each]
        rank = zlib.crc32(repr((kind, attributes, everything)).encode())
        return _Prepared(kind, attributes, word, everything, [len(each) for each in kept], [len(each) for each in skips], rank)  # type: ignore[arg-type]

    def compare(self, first: Sequence[_Prepared], second: Sequence[_Prepared]) -> Matrix:
        from genomes.distances.kernels.edit import edit_matrix

        if not first or not second:
            return np.zeros((len(first), len(second)))
        one = pool(first)
        other = one if second is first else pool(second)
        found: Matrix = edit_matrix(one, other, float(self.skips))
        return found


def skips_of(part: Part) -> list[tuple[int, int, int]]:
    """The skips of a graph in order: what joins them (0 for nothing, 1 for a sum, 2 for a concatenation), the place that they start behind,
    and how many places they go."""
    joins = {"": 0, "add": 1, "concat": 2}
    return sorted(
        [
            (joins[part.joined[place]], source, place - source)
            for place, sources in enumerate(part.before)
            for source in sources
            if place - source > 1
        ]
    )


def pool(side: Sequence[_Prepared]) -> Pool:
    """Genomes packed for the compiled functions."""
    attributes = [values for each in side for values in each.attributes]
    skips = [skip for each in side for skip in each.skips]
    return Pool(
        np.array([kind for each in side for kind in each.kind], dtype=np.int64),
        np.array(attributes, dtype=np.float64).reshape(len(attributes), ATTRIBUTES),
        np.array([word for each in side for word in each.word], dtype=np.int64),
        np.array([max(each.word, default=-1) + 1 for each in side], dtype=np.int64),
        np.array(skips, dtype=np.float64).reshape(len(skips), SKIP_ATTRIBUTES),
        np.cumsum([0, *[size for each in side for size in each.sizes]], dtype=np.int64),
        np.cumsum([0, *[size for each in side for size in each.skip_sizes]], dtype=np.int64),
        np.cumsum([0, *[len(each.sizes) for each in side]], dtype=np.int64),
        np.array([each.rank for each in side], dtype=np.int64),
    )
