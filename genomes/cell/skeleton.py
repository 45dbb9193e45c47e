"""The costs of NAS-Bench-201's skeleton: a stem, stages of stacked cells with residual reductions between them, a classifier.

Dong & Yang 2020 (NAS-Bench-201), section 2.1: a 3x3 convolution to C channels; N cells; a residual block of stride 2 that doubles the
channels; N cells; another residual block; N cells; batch normalisation, global average pooling and a dense layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from genomes.cell.operations import Operation


@dataclass(frozen=True)
class Skeleton:
    """Sizes of the skeleton.

    Args:
        input_shape: height, width and channels of the images.
        outputs: number of classes.
        channels: channels of the first stage; doubled from stage to stage.
        repeats: cells in each stage.
        stages: number of stages.
    """

    input_shape: tuple[int, ...]
    outputs: int
    channels: int
    repeats: int
    stages: int = 3

    @cached_property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Channels and positions (height x width) of each stage; a stride of 2 rounds up."""
        height, width, _ = self.input_shape
        found = []
        for stage in range(self.stages):
            found.append((self.channels << stage, height * width))
            height, width = -(-height // 2), -(-width // 2)
        return tuple(found)

    @cached_property
    def fixed_parameters(self) -> int:
        """Trainable weights outside the cells."""
        stem = 9 * self.input_shape[2] * self.channels + 2 * self.channels
        reductions = sum(9 * c * 2 * c + 4 * c + 9 * 4 * c * c + 4 * c + 2 * c * c for c, _ in self.sizes[:-1])
        last = self.sizes[-1][0]
        return stem + reductions + 2 * last + last * self.outputs + self.outputs

    @cached_property
    def fixed_flops(self) -> int:
        """Multiply-adds outside the cells (the dense layer's biases count as one each, as in the benchmark's table)."""
        stem = 9 * self.input_shape[2] * self.channels * self.sizes[0][1]
        reductions = sum(
            (9 * c * 2 * c + 9 * 4 * c * c + 2 * c * c) * positions
            for (c, _), (_, positions) in zip(self.sizes[:-1], self.sizes[1:], strict=True)
        )
        return stem + reductions + self.sizes[-1][0] * self.outputs + self.outputs

    def parameters(self, operation: Operation) -> int:
        """Trainable weights that an operation of the cell has in all cells together."""
        return self.repeats * sum(operation.parameters(channels) for channels, _ in self.sizes)

    def flops(self, operation: Operation) -> int:
        """Multiply-adds that an operation of the cell has in all cells together."""
        return self.repeats * sum(operation.flops(channels, positions) for channels, positions in self.sizes)
