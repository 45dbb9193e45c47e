"""The shared graph of chains: of every layer one kernel that is as large as any, of which a chain takes a part (after Yu & Huang 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from genomes.base import Genome
from genomes.chain.layers import RELU
from genomes.dag.expression import HEAD, HEADS, JOINED, Expression
from genomes.layers import Layer, Shape, padding_before, taps
from genomes.markings import marking
from genomes.network.architecture import Architecture, canonical_order
from genomes.network.genes import INPUT_MARKING, LOGITS_MARKING, STARTER, Gene
from genomes.questions import DEPTH, NO_OR_YES
from genomes.shared import Choice, Path, SharedGraph

if TYPE_CHECKING:
    from genomes.chain.genome import ChainGenome
    from genomes.chain.space import ChainSpace

NOT_TAKEN, AS_IT_IS, POOLED = range(3)  # how a layer takes a source


@dataclass(frozen=True)
class Source:
    """What a layer takes of an earlier one.

    Args:
        place: of the earlier layer; -1 for the network's input.
        factor: by which it is max-pooled; 1 where it is not.
        shape: of its positions.
    """

    place: int
    factor: int
    shape: Shape


@dataclass(frozen=True)
class Placed:
    """A layer of one chain, as it stands there.

    Args:
        layer: of the convolution, or the dense layer.
        own: its marking in the chain.
        sources: in the order in which their channels are joined.
        before, after: positions in front of it and behind it; () where there are none.
        end: whether the logits read it.
    """

    layer: Layer
    own: int
    sources: tuple[Source, ...]
    before: Shape
    after: Shape
    end: bool


@dataclass(frozen=True, eq=False)
class SharedChains(SharedGraph):
    """One kernel for each layer, with the most taps and filters, over the network's input and all earlier layers. A chain's layer takes the middle
    taps, the first filters, and the rows of what it reads. Its choices are those of the longest chain; a shorter one leaves the last at their
    first option.

    Sizes of feature maps differ from chain to chain, so that a pass goes by the numbers of a path (`path_numbers`), and nothing can be mixed.

    Attributes:
        layers: markings of the layers, by place.
    """

    space: ChainSpace
    layers: tuple[int, ...] = ()
    mixable = False

    # Paths ------------------------------------------------------------------------------------------------------------------

    def path(self, genome: Genome) -> Path:
        taken = self.space.decisions(genome)  # type: ignore[arg-type]
        return (*taken, *(0,) * (len(self.choices) - len(taken)))

    def genome(self, path: Sequence[int]) -> ChainGenome:
        taken, count = self.check_path(path), 0
        while self.space.choices(taken[:count]):
            count += 1
        return self.space.build(taken[:count])

    def strongest(self, strengths: Sequence[Sequence[float]], *, edges: int | None = None) -> ChainGenome:
        return self.genome([max(range(len(values)), key=values.__getitem__) for values in strengths])

    # What a pass needs --------------------------------------------------------------------------------------------------------

    @cached_property
    def kernel(self) -> Shape:
        """Taps of the shared kernels along each spatial axis."""
        return (max(self.space.kernels),) * (len(self.space.input_shape) - 1)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        """Every stride that a layer may have; 1 where nothing is left to step over."""
        return tuple(sorted({1, *self.space.strides}))

    @property
    def width(self) -> int:
        """Filters or units of a shared layer."""
        return max(self.space.widths)

    def channels(self, place: int) -> int:
        """Channels of a source: of the network's input (-1), or of a layer."""
        return self.space.input_shape[-1] if place < 0 else self.width

    def row(self, target: int, source: int) -> int:
        """The first row of a source among the inputs of a layer's shared kernel: the network's input, then the layers before it, nearest first."""
        return 0 if source < 0 else self.channels(-1) + (target - 1 - source) * self.width

    @cached_property
    def numbers_of_layers(self) -> tuple[tuple[int, int], ...]:
        """First and last place of each layer's numbers among those of a path."""
        ends = np.cumsum([0, *[len(LAYER) + len(TAKEN) * (place + 1) for place in range(self.space.max_layers)]]).tolist()
        return tuple(pairwise(ends))

    def path_numbers(self, path: Sequence[int]) -> tuple[float, ...]:
        """Of each layer of the longest chain: `LAYER`, then for the network's input and each earlier layer `TAKEN`; of layers that the chain does not
        have all 0."""
        found: list[float] = []
        layers = placed(self.genome(path))
        for place in range(self.space.max_layers):
            if place < len(layers):
                found += self._numbers(layers[place], place)
            else:
                found += [0.0] * (len(LAYER) + len(TAKEN) * (place + 1))
        return tuple(found)

    def _numbers(self, one: Placed, place: int) -> list[float]:
        axes, layer = len(one.before), one.layer
        size = taps(layer, axes)
        before = [padding_before(n, count, layer.stride) for n, count in zip(one.before, size, strict=True)]
        begin = [most - first - zeros for most, first, zeros in zip(self.kernel, self.first_taps(size), before, strict=True)]
        flat = {
            "width": layer.width, "stride": self.strides.index(layer.stride), "end": one.end,
            **{f"taps_{axis}": count for axis, count in enumerate(size)},
            **{f"begin_{axis}": count for axis, count in enumerate(begin)},
            **{f"size_{axis}": count for axis, count in enumerate(one.after)},
        }  # fmt: skip
        found = [float(flat.get(name, 1)) for name in LAYER]
        of = {source.place: source for source in one.sources}
        for source in range(-1, place):
            if source not in of:
                found += [float(NOT_TAKEN)] + [0.0] * (len(TAKEN) - 1)
                continue
            factor = of[source].factor
            tops = [padding_before(n, factor, factor) for n in of[source].shape]
            how = AS_IT_IS if factor == 1 else POOLED
            found += [float(how), float(factor), *[float(tops[axis]) if axis < axes else 0.0 for axis in range(2)]]
        return found

    def first_taps(self, size: Shape) -> Shape:
        """Where a kernel of this size begins in the shared one, along each axis: it is its middle."""
        return tuple([(most - count) // 2 for most, count in zip(self.kernel, size, strict=True)])

    # Weights ----------------------------------------------------------------------------------------------------------------

    def parent(self, genome: Genome, arrays: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The chain itself, with its parts of the shared arrays under its own markings."""
        layers, found = placed(genome), dict[str, Any]()  # type: ignore[arg-type]
        for place, one in enumerate(layers):
            width, shared = one.layer.width, self.layers[place]
            rows = np.concatenate(
                [self.row(place, s.place) + np.arange(self._width(layers, s.place)) for s in one.sources]
            )
            size = taps(one.layer, len(one.before)) if one.before else ()
            middle = tuple([slice(first, first + count) for first, count in zip(self.first_taps(size), size, strict=True)])
            for name, array in _of(arrays, shared).items():
                found[f"{one.own}/{name}"] = array[(*middle, rows)][..., :width] if name == "kernel" else array[:width]
        rows = np.concatenate(
            [place * self.width + np.arange(one.layer.width) for place, one in enumerate(layers) if one.end]
        )
        for name, array in _of(arrays, LOGITS_MARKING).items():
            found[f"{LOGITS_MARKING}/{name}"] = array[rows] if name == "kernel" else array
        return genome, found

    def _width(self, layers: Sequence[Placed], place: int) -> int:
        return self.channels(-1) if place < 0 else layers[place].layer.width


# The numbers of a layer: filters; taps along each axis; the place of its stride; where its window begins in the padded map; positions behind it;
# whether the logits read it. What a layer does not have is 1.
LAYER = ("width", "taps_0", "taps_1", "stride", "begin_0", "begin_1", "size_0", "size_1", "end")
# Of each source: how it is taken, and the pooling's factor and padding.
TAKEN = ("how", "factor", "top_0", "top_1")


def placed(genome: ChainGenome) -> list[Placed]:
    """The layers of a chain, in their order."""
    architecture = genome.architecture
    genes, shapes = architecture.by_marking, architecture.shapes
    layers = [genes[layer.marking] for layer in genome.layers]
    outputs = [marking(0, RELU, gene.marking) if gene.kind == "plain_conv" else gene.marking for gene in layers]
    places = {INPUT_MARKING: -1, **{name: place for place, name in enumerate(outputs)}}

    def joined(gene: Gene) -> list[Gene]:
        (source,) = [genes[name] for name in gene.inputs]
        return [genes[name] for name in source.inputs] if source.kind == "concat" else [source]

    def read(gene: Gene) -> Source:
        pooled = gene.kind == "max_pool"
        name = gene.inputs[0] if pooled else gene.marking
        return Source(places[name], gene.layer.kernel if pooled else 1, shapes[name][:-1])

    ends = {end.inputs[0] if end.kind == "global_average" else end.marking for end in joined(architecture.output)}
    return [
        Placed(
            gene.layer, gene.marking, tuple([read(source) for source in joined(gene)]), architecture.input_shapes(gene)[0][:-1],
            shapes[gene.marking][:-1], outputs[place] in ends,
        )
        for place, gene in enumerate(layers)
    ]  # fmt: skip


def _of(arrays: Mapping[str, Any], name: int) -> dict[str, Any]:
    """The arrays of a gene, by role."""
    return {role: array for key, array in arrays.items() for own, _, role in [key.partition("/")] if own == str(name)}


@lru_cache(maxsize=16)
def shared_chains(space: ChainSpace) -> SharedChains:
    """All chains of a space in one graph."""
    graph, axes = Expression(space.input_shape), len(space.input_shape) - 1
    ends: list[int] = []
    names = tuple([marking(0, STARTER, place) for place in range(space.max_layers)])
    for name in names:
        x = graph.joined([INPUT_MARKING, *reversed(ends)], marking(0, JOINED, name))
        if not axes:
            ends.append(graph.add(name, Layer("dense", width=max(space.widths)), x))
            continue
        convolution = Layer("plain_conv", width=max(space.widths), kernel=max(space.kernels), normalised=True)
        ends.append(graph.add(marking(0, RELU, name), Layer("relu"), graph.add(name, convolution, x)))
    heads = [graph.add(marking(0, HEAD, end), Layer("global_average"), end) for end in ends] if axes else ends
    graph.add(LOGITS_MARKING, Layer("logits", width=space.outputs), graph.joined(heads, marking(0, HEADS)))
    order = canonical_order(graph.genes, LOGITS_MARKING)
    architecture = Architecture(space.input_shape, tuple(order), {gene.marking: graph.shapes[gene.marking] for gene in order})
    return SharedChains(space, architecture, _choices(space), {}, frozenset(names if axes else ()), layers=names)


def _choices(space: ChainSpace) -> tuple[Choice, ...]:
    """Those of the longest chain."""
    found = []
    if space.min_layers < space.max_layers:
        found.append(Choice(DEPTH, tuple(map(str, range(space.min_layers, space.max_layers + 1)))))
    for place in range(space.max_layers):
        found += [Choice(f"{name} of layer {place}", tuple(map(str, values)), target=place) for name, values in space.settings.items()]
        for earlier in range(place if space.skips else 0):
            found.append(Choice(f"the skip from layer {earlier} to layer {place}", NO_OR_YES, source=earlier, target=place))
    return tuple(found)
