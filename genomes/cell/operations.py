"""The operations of cells as layers (Zoph et al. 2018, section 3; Dong & Yang 2020, section 2.1; Liu, Simonyan & Yang 2019, section 3.1).

Every convolution is "ReLU, convolution, BatchNorm"; a separable one is done twice in a row, as in the papers. In a reduction cell an operation
on one of the cell's inputs halves height and width: poolings and convolutions by their stride, a dilated convolution by keeping every
second position of its result (Keras strides no dilated convolution), a skip by average pooling and a 1x1 convolution, as the residual
blocks of NAS-Bench-201 do (the papers' codes join two strided 1x1 convolutions, one of them shifted by a pixel).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from genomes import layers
from genomes.layers import Layer

NONE, SKIP = "none", "skip"

RELU = Layer("relu")
Steps = tuple[Layer, ...]


@dataclass(frozen=True)
class Operation:
    """What happens on one edge of a cell.

    Args:
        name: "none" passes nothing on and "skip" passes its input on; every other name is an operation of its own.
        steps: its layers, one after the other, for so many channels and a stride of 1 or 2.
    """

    name: str
    steps: Callable[[int, int], Steps]

    def parameters(self, channels: int) -> int:
        """Trainable weights at so many channels and stride 1."""
        return self._sum(layers.parameters, channels, 1)

    def flops(self, channels: int, positions: int) -> int:
        """Multiply-adds of the convolutions on a feature map with so many positions (height x width), at stride 1."""
        return self._sum(layers.multiply_adds, channels, positions)

    def _sum(self, count: Callable[[Layer, list[layers.Shape]], int], channels: int, positions: int) -> int:
        shape = (positions, 1, channels)  # what is counted depends on the number of positions alone
        return sum([count(layer, [shape]) for layer in self.steps(channels, 1)])


@cache
def pointwise(channels: int) -> Steps:
    """ReLU, 1x1 convolution, BatchNorm: what brings an input to a cell's number of filters."""
    return (RELU, Layer("plain_conv", width=channels, kernel=1, normalised=True))


@cache
def halving(channels: int) -> Steps:
    """The same behind an average pooling that halves height and width."""
    return (RELU, Layer("average_pool", kernel=2, stride=2), *pointwise(channels)[1:])


def _none(channels: int, stride: int) -> Steps:
    return (*(() if stride == 1 else _SUBSAMPLED), Layer("zero"))


def _skip(channels: int, stride: int) -> Steps:
    return () if stride == 1 else halving(channels)


# Every second position: a pooling over one element.
_SUBSAMPLED = (Layer("max_pool", kernel=1, stride=2),)


def _convolution(kernel: int, dilation: int = 1) -> Callable[[int, int], Steps]:
    return _filters("plain_conv", kernel, dilation, 1)


def _separable(kernel: int, dilation: int = 1, times: int = 2) -> Callable[[int, int], Steps]:
    return _filters("plain_separable", kernel, dilation, times)


def _filters(kind: str, kernel: int, dilation: int, times: int) -> Callable[[int, int], Steps]:
    @cache
    def steps(channels: int, stride: int) -> Steps:
        def one(stride: int) -> Steps:
            strided = stride if dilation == 1 else 1
            layer = Layer(kind, width=channels, kernel=kernel, stride=strided, dilation=dilation, normalised=True)
            return (RELU, layer, *(_SUBSAMPLED if strided < stride else ()))

        return (*one(stride), *one(1) * (times - 1))

    return steps


def _row_and_column(kernel: int) -> Callable[[int, int], Steps]:
    """1 x kernel, then kernel x 1. The second one strides: so the two are a strided kernel x kernel convolution of rank 1."""

    @cache
    def steps(channels: int, stride: int) -> Steps:
        row = Layer("plain_conv", width=channels, kernel=1, kernel_width=kernel, normalised=True)
        column = Layer("plain_conv", width=channels, kernel=kernel, kernel_width=1, stride=stride, normalised=True)
        return (RELU, row, RELU, column)

    return steps


def _pooling(kind: str, kernel: int) -> Callable[[int, int], Steps]:
    @cache
    def steps(channels: int, stride: int) -> Steps:
        return (Layer(kind, kernel=kernel, stride=stride),)

    return steps


OPERATIONS: Mapping[str, Operation] = {
    name: Operation(name, steps)
    for name, steps in {
        NONE: _none,
        SKIP: _skip,
        "convolution_1x1": _convolution(1),
        "convolution_3x3": _convolution(3),
        "average_pooling_3x3": _pooling("average_pool", 3),
        "max_pooling_3x3": _pooling("max_pool", 3),
        "max_pooling_5x5": _pooling("max_pool", 5),
        "max_pooling_7x7": _pooling("max_pool", 7),
        "convolution_1x3_3x1": _row_and_column(3),
        "convolution_1x7_7x1": _row_and_column(7),
        "dilated_convolution_3x3": _convolution(3, dilation=2),
        "separable_3x3": _separable(3),
        "separable_5x5": _separable(5),
        "separable_7x7": _separable(7),
        "dilated_separable_3x3": _separable(3, dilation=2, times=1),
        "dilated_separable_5x5": _separable(5, dilation=2, times=1),
    }.items()
}


def operations(*names: str) -> dict[str, Operation]:
    """The operations of these names, in this order."""
    return {name: OPERATIONS[name] for name in names}
