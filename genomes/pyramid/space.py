"""PyramidSpace and BackboneSpace: which detectors may be encoded, and the decisions that a controller makes for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from genomes.base import shown, unknown
from genomes.layers import Shape
from genomes.pyramid.blocks import BLOCKS, CONVOLUTION, DETNAS
from genomes.pyramid.expression import Plan
from genomes.pyramid.reading import genes_of
from genomes.pyramid.wiring import OPERATIONS, Merge, Wiring, nas_fpn
from genomes.questions import Question
from genomes.sequential import Asking, SequentialSpace

if TYPE_CHECKING:
    from genomes.pyramid.genome import PyramidGenome
    from genomes.shared import SharedGraph

MOST_LEVEL = 10


@dataclass(frozen=True)
class PyramidSpace(SequentialSpace["PyramidGenome"], encoding="pyramid"):
    """Detectors whose feature pyramid is searched: NAS-FPN's merging cells (Ghiasi, Lin & Le 2019) between a backbone and FCOS's head (Tian et
    al. 2019). The defaults are the paper's pyramid (its backbones were larger).

    A network maps images to [locations, classes + 5]: for each cell of the levels' grids, the finest level first and row by row, the class
    logits, four raw distances (their softplus times the level's stride is what lies left of, above, right of and below the cell's centre, in
    pixels) and the centreness logit. A level's stride is 2**level pixels.

    A controller decides (`choices`, `build`) each block, where there are several to choose from; then for each merging cell its first input,
    its second, its level (of an output: one that is left) and its operation, as the paper does in section 3.2.2.

    Args:
        input_shape: height, width and channels of the images; height and width are multiples of the coarsest level's stride.
        classes: of the objects.
        levels: of the pyramid's maps, in a row.
        cells: merging cells of a pyramid: inner ones and, last, one for each level. 0: no search, the pyramid is Lin et al.'s (2017) top-down one.
        width: channels of the pyramid and of the head.
        stacks: how often the pyramid is repeated, each time with weights of its own.
        blocks: what the backbone's blocks may be, names of `genomes.pyramid.BLOCKS`. One: the backbone is not searched.
        stem: filters of the 3x3 convolution with stride 2 in front of the backbone.
        depths: blocks of each stage; the first of a stage has stride 2, so stage 0 ends at level 2, stage 1 at level 3, and so on.
        channels: of each stage; even, and rising, where there are blocks other than convolutions.
        head: 3x3 convolutions of the head in front of its last.
        block_rate: how often each block changes in a mutant; at least one does.

    Raises:
        ValueError: a setting out of its range.

    >>> space = PyramidSpace.for_data((64, 64, 1), classes=10)
    >>> space.strides, space.nas_fpn().parameters
    ((4, 8, 16), 63623)
    """

    input_shape: Shape
    classes: int
    levels: tuple[int, ...] = (3, 4, 5, 6, 7)
    cells: int = 7
    width: int = 256
    stacks: int = 7
    blocks: tuple[str, ...] = ("convolution_3x3",)
    stem: int = 16
    depths: tuple[int, ...] = (4, 4, 8, 4)
    channels: tuple[int, ...] = (64, 160, 320, 640)
    head: int = 4
    block_rate: float = 0.1

    drawn_as = "pyramid"
    redundant = True
    detects = True

    def __post_init__(self) -> None:
        for name in ("classes", "width", "stacks", "stem"):
            if not _is_count(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(getattr(self, name))}")
        for name in ("cells", "head"):
            if getattr(self, name) != 0 and not _is_count(getattr(self, name)):
                raise ValueError(f"{name} must be a whole number >= 0, got {shown(getattr(self, name))}")
        for name in ("levels", "depths", "channels"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or not values or not all(_is_count(value) for value in values):
                raise ValueError(f"{name} must be one or more whole numbers >= 1, got {shown(values)}")
        if isinstance(self.block_rate, bool) or not isinstance(self.block_rate, (int, float)) or not 0 <= self.block_rate <= 1:
            raise ValueError(f"block_rate must be a probability between 0 and 1, got {shown(self.block_rate)}")
        self._check_levels()
        self._check_blocks()

    def _check_levels(self) -> None:
        levels, shape = self.levels, self.input_shape
        if levels != tuple(range(levels[0], levels[0] + len(levels))) or levels[-1] > MOST_LEVEL:
            raise ValueError(f"levels must follow each other, up to {MOST_LEVEL}, such as (2, 3, 4), got {shown(levels)}")
        if not isinstance(shape, tuple) or len(shape) != 3 or not all(_is_count(size) for size in shape):
            raise ValueError(f"input_shape must be (height, width, channels) of images, each >= 1, got {shown(shape)}")
        if any(side % (1 << levels[-1]) for side in shape[:2]):
            raise ValueError(
                f"height and width must be multiples of {1 << levels[-1]}, the stride of level {levels[-1]}, got {shape[0]} and {shape[1]}: "
                "pad the images, resize them, or take finer levels"
            )
        if not 0 < levels[0] <= len(self.depths) + 1:
            raise ValueError(
                f"the finest level must be one of the backbone's, 1 to {len(self.depths) + 1}, got {levels[0]}: take finer levels or more stages"
            )
        if self.cells and (self.cells < len(levels) or self.cells > 64 or len(levels) < 2):
            raise ValueError(
                f"cells must be 0 (a fixed pyramid), or from one for each of 2 or more levels to 64, got {self.cells} for {len(levels)} levels"
            )

    def _check_blocks(self) -> None:
        if not isinstance(self.blocks, tuple) or not self.blocks or len(set(self.blocks)) < len(self.blocks):
            raise ValueError(f"blocks must be one or more different names, got {shown(self.blocks)}")
        for name in self.blocks:
            if name not in BLOCKS:
                raise ValueError(unknown("block", name, list(BLOCKS)))
        if len(self.depths) != len(self.channels):
            raise ValueError(
                f"each stage has a depth and channels, got {len(self.depths)} depths and {len(self.channels)} channels"
            )
        if {BLOCKS[name].family for name in self.blocks} != {CONVOLUTION}:
            widths = (self.stem, *self.channels)
            if any(width % 2 for width in self.channels) or any(a >= b for a, b in pairwise(widths)):
                raise ValueError(
                    f"blocks that split their channels need even numbers of them, rising from the stem on, got {self.stem} and {shown(self.channels)}"
                )

    @classmethod
    def for_data(cls, input_shape: Shape, classes: int) -> Self:
        """A space of detectors of about 64,000 parameters for small images, with levels of 4, 8 and 16 pixels: for objects of 10 to 34.

        Raises:
            ValueError: height and width are no multiples of 16.
        """
        small: dict[str, Any] = {"levels": (2, 3, 4), "width": 24, "stacks": 1, "head": 2}
        return cls(input_shape, classes, **small, **cls._small())

    @staticmethod
    def _small() -> dict[str, Any]:
        return {"cells": 5, "stem": 16, "depths": (1, 1, 1), "channels": (16, 32, 48)}

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels from one cell of a level's grid to the next, by level."""
        return tuple([1 << level for level in self.levels])

    @property
    def inner(self) -> int:
        """Merging cells that are no outputs."""
        return max(self.cells - len(self.levels), 0)

    @cached_property
    def plan(self) -> Plan:
        """What all networks of the space have in common."""
        return Plan(
            self.input_shape, self.classes, self.levels, self.width, self.stacks, self.stem, self.depths, self.channels, self.head
        )

    def random(self, rng: np.random.Generator) -> PyramidGenome:
        blocks = tuple([self.blocks[pick] for pick in rng.integers(len(self.blocks), size=sum(self.depths)).tolist()])
        left, count = rng.permutation(self.levels).tolist(), len(self.levels)
        wiring: list[Merge] = []
        for index in range(self.cells):
            first, second = rng.choice(count + index, 2, replace=False).tolist()
            inner = self.levels[int(rng.integers(count))]
            operation = OPERATIONS[int(rng.integers(len(OPERATIONS)))]
            wiring.append(Merge(first, second, left.pop() if index >= self.inner else inner, operation))
        return self._genome(blocks, tuple(wiring), ("random",))

    def ask(self) -> Asking[PyramidGenome]:
        blocks: list[str] = []
        for stage, depth in enumerate(self.depths):
            for position in range(depth):
                answer = 0
                if len(self.blocks) > 1:
                    answer = yield Question(f"block {position} of stage {stage}", self.blocks, len(blocks))
                blocks.append(self.blocks[answer])
        wiring = yield from self._ask_wiring(len(blocks))
        return self._genome(tuple(blocks), wiring, ("built",))

    def _ask_wiring(self, part: int) -> Any:
        """Ask for the cells, the first of which is so many parts from the first."""
        count, wiring, left = len(self.levels), list[Merge](), list(self.levels)
        for index in range(self.cells):
            names = (*[f"input {level}" for level in self.levels], *[f"cell {cell}" for cell in range(index)])
            refers = (*range(-count, 0), *range(part, part + index))
            first = yield Question(f"the first input of cell {index}", names, part + index, refers)
            others = [candidate for candidate in range(count + index) if candidate != first]
            asked = Question(
                f"the second input of cell {index}",
                tuple([names[candidate] for candidate in others]),
                part + index,
                tuple([refers[candidate] for candidate in others]),
            )
            second = others[(yield asked)]
            levels = left if index >= self.inner else self.levels
            level = levels[0]
            if len(levels) > 1:
                level = levels[(yield Question(f"the level of cell {index}", tuple(map(str, levels)), part + index))]
            if index >= self.inner:
                left.remove(level)
            operation = yield Question(f"the operation of cell {index}", OPERATIONS, part + index)
            wiring.append(Merge(first, second, level, OPERATIONS[operation]))
        return tuple(wiring)

    def answers(self, genome: PyramidGenome) -> Iterator[str]:
        if len(self.blocks) > 1:
            yield from genome.blocks
        names = (*[f"input {level}" for level in self.levels], *[f"cell {cell}" for cell in range(self.cells)])
        for index, merge in enumerate(genome.wiring):
            yield names[merge.first]
            yield names[merge.second]
            if index < self.inner or (index < self.cells - 1):
                yield str(merge.level)
            yield merge.operation

    def shared(self) -> SharedGraph:
        """All backbones of the space in one graph, for one-shot search; where the pyramid is fixed.

        Raises:
            NotImplementedError: the pyramid is searched.
        """
        from genomes.pyramid.shared import shared_backbones

        return shared_backbones(self)

    def from_genes(self, genes: Any) -> PyramidGenome:
        return self._genome(*genes_of(genes, self))

    def uniform(self, block: str) -> PyramidGenome:
        """The genome whose blocks are all this one, with the pyramid of `nas_fpn`, or the fixed one where it is not searched.

        Raises:
            ValueError: it is not among the space's blocks.
        """
        if block not in self.blocks:
            raise ValueError(unknown("block of this space", block, self.blocks))
        wiring: Wiring = nas_fpn(self.levels) if self.cells else ()
        if len(wiring) != self.cells:
            raise ValueError(
                f"NAS-FPN's wiring on {len(self.levels)} levels has {len(wiring)} cells, and this space {self.cells}: make it with cells={len(wiring)}"
            )
        return self._genome((block,) * sum(self.depths), wiring, ("built",))

    def nas_fpn(self) -> PyramidGenome:
        """The published wiring (Ghiasi, Lin & Le 2019, figure 6), as it is for five levels, mapped for three or four (see
        `genomes.pyramid.wiring.nas_fpn`); the blocks are all the first of the space's.

        Raises:
            ValueError: the space has other than 3 to 5 levels, or not two cells more than levels.
        """
        nas_fpn(self.levels)
        if not self.cells:
            raise ValueError("the pyramid of this space is fixed (cells is 0): NAS-FPN's wiring needs two cells more than levels")
        return self.uniform(self.blocks[0])

    def fpn(self) -> PyramidGenome:
        """The hand-made top-down pyramid (Lin et al. 2017) in place of merging cells, in the space with `cells=0`; the blocks are all the first of
        the space's."""
        return replace(self, cells=0).uniform(self.blocks[0])

    def shufflenet_v2(self) -> PyramidGenome:
        """The network whose blocks all have a 3x3 kernel: ShuffleNetV2 (Ma et al. 2018).

        Raises:
            ValueError: this block is not among the space's.
        """
        return self.uniform(DETNAS[0])

    def _genome(self, blocks: tuple[str, ...], wiring: Wiring, operators: tuple[str, ...] = ()) -> PyramidGenome:
        from genomes.pyramid.genome import PyramidGenome

        return PyramidGenome(self, blocks, wiring, operators)

    def is_output(self, index: int) -> bool:
        """Whether the cell at an index is an output."""
        return index >= self.inner


@dataclass(frozen=True)
class BackboneSpace(PyramidSpace, encoding="backbone"):
    """Detectors whose backbone is searched: at each of its places a block of ShuffleNetV2 with a kernel of 3, 5 or 7 or an Xception block, in front
    of a fixed top-down pyramid and FCOS's head (Chen, Yang, Zhang, Meng, Xiao & Sun 2019, DetNAS). The defaults are the paper's small backbone.

    Its fields are those of `PyramidSpace`; with `cells` above 0 the pyramid is searched along.

    >>> BackboneSpace((512, 512, 3), 80).shufflenet_v2().graph().number_of_nodes() > 20
    True
    """

    cells: int = 0
    stacks: int = 1
    blocks: tuple[str, ...] = DETNAS

    @staticmethod
    def _small() -> dict[str, Any]:
        return {"cells": 0, "stem": 8, "depths": (1, 3, 4), "channels": (24, 48, 96)}

    @classmethod
    def small(cls, input_shape: Shape, classes: int, **settings: Any) -> Self:
        """The paper's smaller size: 20 blocks in stages of 64, 160, 320 and 640 channels (Chen et al. 2019, table 1)."""
        return cls(input_shape, classes, **settings)

    @classmethod
    def large(cls, input_shape: Shape, classes: int, **settings: Any) -> Self:
        """The paper's larger size: 40 blocks in stages of 96, 240, 480 and 960 channels (the same)."""
        return cls(input_shape, classes, **{"stem": 48, "depths": (8, 8, 16, 8), "channels": (96, 240, 480, 960), **settings})


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= 1)
