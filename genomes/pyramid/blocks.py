"""The blocks of a backbone, as layers.

"shuffle_3x3", "shuffle_5x5", "shuffle_7x7" and "xception_3x3" are ShuffleNetV2's block (Ma, Zhang, Zheng & Sun 2018, figure 3) with a depthwise
kernel of that size, and with three depthwise convolutions: the choices of DetNAS (Chen et al. 2019, section 3.2). One half of the channels
passes, the other goes through 1x1 convolution, depthwise convolution, 1x1 convolution; both are joined. Taking every second channel as a half
is what the paper's channel shuffle in front of the split does. With a stride of 2 nothing passes: the whole input goes through a depthwise and a
1x1 convolution on one side and through the branch on the other. "convolution_3x3" and so on are convolution, BatchNorm, ReLU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from genomes.layers import Layer

CONVOLUTION, SHUFFLE, XCEPTION = "convolution", "shuffle", "xception"
RELU = Layer("relu")
Steps = tuple[Layer, ...]


@dataclass(frozen=True)
class Block:
    """What may stand at a place of a backbone.

    Args:
        family: "convolution", "shuffle" or "xception". Blocks of one family differ in their kernel alone, so they share genes: a kernel that
            grows keeps its taps.
        kernel: taps of its spatial convolutions along height and width.
    """

    family: str
    kernel: int

    @property
    def name(self) -> str:
        return f"{self.family}_{self.kernel}x{self.kernel}"

    def branch(self, inputs: int, width: int, stride: int) -> Steps:
        """The layers of the branch that computes, or of all of a plain convolution.

        Args:
            inputs: channels of the half that comes in, or of all.
            width: channels of the block.
            stride: 1 or 2.
        """
        if self.family == CONVOLUTION:
            return (Layer("conv", width=width, kernel=self.kernel, stride=stride),)
        middle, own = width // 2, width - inputs
        if self.family == SHUFFLE:
            return (*_pointwise(middle), self._depthwise(stride), *_pointwise(own))
        return (
            self._depthwise(stride),
            *_pointwise(middle),
            self._depthwise(1),
            *_pointwise(middle),
            self._depthwise(1),
            *_pointwise(own),
        )

    def shortcut(self, inputs: int) -> Steps:
        """The layers beside the branch of a block with stride 2, on so many channels."""
        return (self._depthwise(2), *_pointwise(inputs))

    def _depthwise(self, stride: int) -> Layer:
        return Layer("plain_depthwise", kernel=self.kernel, stride=stride, normalised=True)


def _pointwise(width: int) -> Steps:
    return (Layer("plain_conv", width=width, kernel=1, normalised=True), RELU)


BLOCKS: Mapping[str, Block] = {
    block.name: block
    for block in (
        *[Block(SHUFFLE, kernel) for kernel in (3, 5, 7)],
        Block(XCEPTION, 3),
        *[Block(CONVOLUTION, kernel) for kernel in (3, 5, 7)],
    )
}
DETNAS = ("shuffle_3x3", "shuffle_5x5", "shuffle_7x7", "xception_3x3")  # Chen et al. 2019, section 3.2
