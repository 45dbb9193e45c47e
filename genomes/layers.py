"""The layer vocabulary that the deep encodings share: shapes, trainable parameters, multiply-adds and legality, without Keras.

A shape is a tuple of axes without the batch: `(features,)`, `(steps, channels)` or `(height, width, channels)`. All convolutions and
poolings pad with zeros to "same", so an axis of n elements has ceil(n / stride) after them. Every layer of `WEIGHTED` ends in a ReLU; the
plain ones, of which cells and chains are made, do not.

kind              what it is
input             the network's input
conv              convolution without bias, BatchNorm, ReLU (`width` filters, `kernel` along every spatial axis, `stride`)
separable         depthwise convolution, 1x1 convolution to `width` filters, BatchNorm, ReLU
dense             dense layer with bias, ReLU (`width` units)
max_pool          maximum over `kernel` elements along every spatial axis, every `stride` of them
average_pool      mean, likewise; padding does not count
global_average    mean over all positions
global_max        maximum over all positions
flatten           all positions and channels as features
add               relu(main + BatchNorm(skip)); `projected`: the skip first goes through a 1x1 convolution (a dense layer without bias
                  where there are no positions) that brings it to main's shape. BatchNorm's gamma and beta are the skip's gate
concat            channels of two or more inputs of equal positions, joined
logits            dense layer with bias, no activation (`width` outputs)
detect            the head of a detector (Tian et al. 2019, FCOS), the same for `levels` maps of equal channels: `repeats` times convolution of
                  `kernel`, BatchNorm (of each level's own) and ReLU; then a convolution with bias to `width` class logits, four box distances
                  and a centreness. Gives (locations, width + 5): the positions of all maps in order, row by row

plain_conv        convolution without bias and, where `normalised`, BatchNorm; `width` filters of `kernel` taps (`kernel` along the first
                  spatial axis and `kernel_width` along the second, where that is not 0), `dilation` apart, `stride`
plain_separable   depthwise convolution and 1x1 convolution, likewise
plain_depthwise   a convolution of each channel by itself, without bias and, where `normalised`, BatchNorm
half              every second channel: the first of each pair (`part` 0) or the second (1)
upsample          every position `stride` times along every spatial axis (nearest neighbour)
attend            a + b * sigmoid(maximum of a over all positions), of two inputs a and b of equal shape (Ghiasi, Lin & Le 2019, section 3.2.1)
relu              ReLU
norm              BatchNorm
sum               the inputs of equal shape, added up; one input passes as it is
zero              zeros in place of the input: an edge that hands nothing on

piecewise         the features as they are and, of each, `width` ramps that together climb over its range: max(0, min(1, (x - low) / (high - low)))
periodic          the features as they are and, of each, `width` waves: sines and cosines of as many frequencies by two
robust            the features as they are and, of each, its distance from the median in units of the middle half's spread, far ones drawn in:
                  z / sqrt(1 + (z / 3)^2) (Holzmüller, Grinsztajn & Steinwart 2024)
gate              each feature times 2 * sigmoid of a dense layer of all of them
dropout           while training, a share `rate` of the features at random is 0 and the others are so much larger; else the identity

recurrent         a recurrent cell (`cell`, a `genomes.chain.RecurrentCell`) of `width` units over the steps of a sequence: its hidden state
                  behind the last step, or at each (`every_step`)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genomes.base import unknown

if TYPE_CHECKING:
    from genomes.chain.recurrent_cell import RecurrentCell

Shape = tuple[int, ...]

# The settings that each kind has.
SETTINGS: dict[str, tuple[str, ...]] = {
    "input": (),
    "conv": ("width", "kernel", "stride"),
    "separable": ("width", "kernel", "stride"),
    "dense": ("width",),
    "max_pool": ("kernel", "stride"),
    "average_pool": ("kernel", "stride"),
    "global_average": (),
    "global_max": (),
    "flatten": (),
    "add": ("projected",),
    "concat": (),
    "logits": ("width",),
    "detect": ("width", "kernel", "repeats", "levels"),
    "plain_conv": ("width", "kernel", "kernel_width", "stride", "dilation", "normalised"),
    "plain_separable": ("width", "kernel", "kernel_width", "stride", "dilation", "normalised"),
    "plain_depthwise": ("kernel", "stride", "normalised"),
    "half": ("part",),
    "upsample": ("stride",),
    "attend": (),
    "relu": (),
    "norm": (),
    "sum": (),
    "zero": (),
    "piecewise": ("width",),
    "periodic": ("width",),
    "robust": (),
    "gate": (),
    "dropout": ("rate",),
    "recurrent": ("width", "cell", "every_step"),
}
CONVOLUTIONS = frozenset({"conv", "separable"})
POOLINGS = frozenset({"max_pool", "average_pool"})
GLOBAL_POOLINGS = frozenset({"global_average", "global_max"})
ENDINGS = GLOBAL_POOLINGS | {"flatten"}  # of positions: only features come after them
# Layers that have filters or units of their own and end in a ReLU.
WEIGHTED = frozenset({"conv", "separable", "dense"})
MERGES = frozenset({"add", "concat"})
# What a network ends in: one gene of these.
OUTPUTS = frozenset({"logits", "detect"})
BOX = 5  # outputs of a detector at each location, beside its class logits: four distances and the centreness
# Convolutions without a ReLU of their own, with filters of their own.
PLAIN = frozenset({"plain_conv", "plain_separable"})
_NORMALISABLE = PLAIN | {"plain_depthwise"}
# What hands features on beside values that it makes of each (Gorishniy, Rubachev & Babenko 2022); none of their weights is trained.
EMBEDDINGS = frozenset({"piecewise", "periodic", "robust"})
# Layers with channels of their own.
OWN_CHANNELS = WEIGHTED | PLAIN | {"recurrent"}


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer's kind and settings; a setting that the kind does not have keeps its default.

    Args:
        kind: a name of `SETTINGS`.
        width: filters (conv, separable), units (dense), outputs (logits), classes (detect), or ramps or waves of each feature (embeddings),
            >= 1.
        kernel: elements along every spatial axis, >= 1.
        stride: step along every spatial axis, >= 1.
        projected: whether an add's skip goes through a projection.
        kernel_width: elements along the second spatial axis of a plain convolution, where they are not `kernel`; else 0.
        dilation: step from one tap of a plain convolution to the next, >= 1; with a stride it must be 1.
        normalised: whether a plain convolution ends in a BatchNorm.
        part: which channel of each pair a half takes, 0 or 1.
        repeats: convolutions of a detector in front of the last, >= 0.
        levels: how many maps a detector takes, >= 1.
        rate: share of the features that a dropout sets to 0, in (0, 1).
        cell: what a recurrent layer computes at every step.
        every_step: whether it gives its hidden state at every step.

    Raises:
        ValueError: an unknown kind, or a setting out of range.
    """

    kind: str
    width: int = 0
    kernel: int = 0
    stride: int = 1
    projected: bool = False
    kernel_width: int = 0
    dilation: int = 1
    normalised: bool = False
    cell: RecurrentCell | None = None
    every_step: bool = False
    part: int = 0
    repeats: int = 0
    levels: int = 0
    rate: float = 0.0

    def __post_init__(self) -> None:
        settings = SETTINGS.get(self.kind)
        if settings is None:
            raise ValueError(unknown("layer kind", self.kind, sorted(SETTINGS)))
        for name, value, default in (("width", self.width, 0), ("kernel", self.kernel, 0), ("stride", self.stride, 1)):
            if name in settings:
                if value < 1:
                    raise ValueError(f"{name} of a {self.kind} layer must be >= 1, got {value}")
            elif value != default:
                raise ValueError(f"a {self.kind} layer has no {name}, got {value}")
        if self.projected and self.kind != "add":
            raise ValueError(f"a {self.kind} layer has no projection")
        if self.kind in PLAIN:
            if self.kernel_width < 0 or self.dilation < 1:
                raise ValueError(
                    f"kernel_width must be >= 0 and dilation >= 1, got kernel_width {self.kernel_width} and dilation {self.dilation}"
                )
            if self.dilation > 1 and self.stride > 1:
                raise ValueError(f"a dilated convolution takes no stride, got dilation {self.dilation} and stride {self.stride}")
        elif self.kernel_width or self.dilation != 1 or (self.normalised and self.kind not in _NORMALISABLE):
            raise ValueError(f"a {self.kind} layer has no kernel_width, dilation or normalised")
        if self.part not in ((0, 1) if self.kind == "half" else (0,)):
            raise ValueError(f"part is 0 or 1 and belongs to a half, got {self.part} of a {self.kind} layer")
        if (self.levels >= 1) != (self.kind == "detect") or self.repeats < 0 or (self.repeats and self.kind != "detect"):
            raise ValueError(
                f"levels >= 1 and repeats >= 0 belong to a detector, got levels {self.levels} and repeats {self.repeats} of a {self.kind} layer"
            )
        if not (0 < self.rate < 1 if self.kind == "dropout" else self.rate == 0):
            raise ValueError(f"a dropout has a rate above 0 and below 1, other layers have none, got {self.rate} of a {self.kind} layer")
        if (self.cell is not None) != (self.kind == "recurrent") or (self.every_step and self.kind != "recurrent"):
            raise ValueError(f"a recurrent layer has a cell and every_step, others have not, got a {self.kind} layer")


def made_of_each(layer: Layer) -> int:
    """How many values an embedding makes of each feature, beside the feature itself."""
    return layer.width if "width" in SETTINGS[layer.kind] else 1


def taps(layer: Layer, axes: int) -> tuple[int, ...]:
    """Elements of a convolution's kernel along each of `axes` spatial axes."""
    return (layer.kernel, layer.kernel_width or layer.kernel)[:axes] if axes <= 2 else (layer.kernel,) * axes


def output_shape(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    """The shape that a layer gives.

    Args:
        layer: any layer but an input.
        inputs: the shapes that come in, in order; an add takes main, then skip.

    Raises:
        ValueError: the layer is not legal on these inputs; the sentence says why.
    """
    kind = layer.kind
    if kind in MERGES:
        return _merged(layer, inputs)
    if kind == "sum":
        if not inputs or any([shape != inputs[0] for shape in inputs]):
            raise ValueError(f"a sum takes one or more inputs of equal shape, got {', '.join(map(str, inputs)) or 'none'}")
        return inputs[0]
    if kind == "attend":
        if len(inputs) != 2 or inputs[0] != inputs[1] or len(inputs[0]) == 1:
            raise ValueError(f"an attend layer takes two maps of equal shape, got {', '.join(map(str, inputs)) or 'none'}")
        return inputs[0]
    if kind == "detect":
        return _detected(layer, inputs)
    if kind == "input":
        raise ValueError("an input layer takes no inputs: its shape is the network's")
    if len(inputs) != 1:
        raise ValueError(f"a {kind} layer takes one input, got {len(inputs)}")
    shape = inputs[0]
    flat = len(shape) == 1
    if kind in ("dense", "logits"):
        if not flat:
            raise ValueError(f"a {kind} layer takes (features,), got {shape}: flatten or pool globally first")
        return (layer.width,)
    if kind in ("relu", "norm", "zero"):
        return shape
    if kind in EMBEDDINGS or kind in ("gate", "dropout"):
        if not flat:
            raise ValueError(f"a {kind} layer takes (features,), got {shape}")
        return (shape[0] * (1 + made_of_each(layer)),) if kind in EMBEDDINGS else shape
    if kind == "recurrent":
        if len(shape) != 2:
            raise ValueError(f"a recurrent layer takes (steps, features), got {shape}")
        return (shape[0], layer.width) if layer.every_step else (layer.width,)
    if kind in ENDINGS:
        if flat:
            raise ValueError(f"a {kind} layer takes positions and channels, got {shape}")
        return (math.prod(shape),) if kind == "flatten" else shape[-1:]
    if flat:
        raise ValueError(f"a {kind} layer takes positions and channels, got {shape}")
    if kind in POOLINGS and layer.stride > 1 and min(shape[:-1]) < 2:
        raise ValueError(f"nothing to pool in {shape}")
    if kind == "half":
        if shape[-1] % 2:
            raise ValueError(f"only an even number of channels has halves, got {shape}")
        return (*shape[:-1], shape[-1] // 2)
    stride = layer.stride
    if kind == "upsample":
        return (*[axis * stride for axis in shape[:-1]], shape[-1])
    positions = shape[:-1] if stride == 1 else tuple([-(-axis // stride) for axis in shape[:-1]])
    return (*positions, layer.width if kind in CONVOLUTIONS or kind in PLAIN else shape[-1])


def _detected(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    if len(inputs) != layer.levels:
        raise ValueError(f"this detector takes {layer.levels} maps, got {len(inputs)}")
    if any([len(shape) != 3 or shape[-1] != inputs[0][-1] for shape in inputs]):
        raise ValueError(
            f"a detector takes maps (height, width, channels) of equal channels, got {', '.join(map(str, inputs))}"
        )
    return (sum([math.prod(shape[:-1]) for shape in inputs]), layer.width + BOX)


def _merged(layer: Layer, inputs: Sequence[Shape]) -> Shape:
    if layer.kind == "concat":
        if len(inputs) < 2:
            raise ValueError(f"a concat layer takes two or more inputs, got {len(inputs)}")
        positions = inputs[0][:-1]
        for shape in inputs:
            if shape[:-1] != positions:
                raise ValueError(f"concat needs equal positions, got {', '.join(map(str, inputs))}")
        return (*positions, sum([shape[-1] for shape in inputs]))
    if len(inputs) != 2:
        raise ValueError(f"an add layer takes main and skip, got {len(inputs)} inputs")
    main, skip = inputs
    if layer.projected:
        projection_stride(main, skip)
    elif main != skip:
        raise ValueError(f"an add without projection needs equal shapes, got main {main} and skip {skip}")
    return main


def projection_stride(main: Shape, skip: Shape) -> int:
    """The stride that brings a skip's positions to main's.

    Raises:
        ValueError: there is none: main has more positions, or the axes shrink by different factors.
    """
    if len(main) != len(skip):
        raise ValueError(f"add cannot join shapes of different rank, got main {main} and skip {skip}")
    stride = max([-(-n // m) for n, m in zip(skip[:-1], main[:-1], strict=True)], default=1)
    if any([-(-n // stride) != m for n, m in zip(skip[:-1], main[:-1], strict=True)]):
        raise ValueError(f"no stride brings the positions of the skip {skip} to those of main {main}")
    return stride


def parameters(layer: Layer, inputs: Sequence[Shape]) -> int:
    """Trainable weights of a layer on these inputs: equal to Keras's count of the decoded layer."""
    kind, width = layer.kind, layer.width
    if kind == "conv":
        channels = inputs[0][-1]
        return int(layer.kernel ** (len(inputs[0]) - 1) * channels * width + 2 * width)
    if kind == "separable":
        channels = inputs[0][-1]
        return int(layer.kernel ** (len(inputs[0]) - 1) * channels + channels * width + 2 * width)
    if kind in ("dense", "logits"):
        return (inputs[0][-1] + 1) * width
    if kind == "add":
        main, skip = inputs[0][-1], inputs[1][-1]
        return 2 * main + (main * skip if layer.projected else 0)
    if kind in PLAIN:
        return _kernel_weights(layer, inputs[0]) + (2 * width if layer.normalised else 0)
    if kind == "plain_depthwise":
        channels = inputs[0][-1]
        return int(layer.kernel ** (len(inputs[0]) - 1) * channels + (2 * channels if layer.normalised else 0))
    if kind == "norm":
        return 2 * inputs[0][-1]
    if kind == "gate":
        return (inputs[0][-1] + 1) * inputs[0][-1]
    if kind == "detect":
        channels, outputs = inputs[0][-1], width + BOX
        tower = layer.repeats * (layer.kernel**2 * channels * channels + layer.levels * 2 * channels)
        return tower + layer.kernel**2 * channels * outputs + outputs
    if layer.cell is not None:
        return layer.cell.leaves * width * (inputs[0][-1] + width + layer.cell.biased)
    return 0


def _kernel_weights(layer: Layer, shape: Shape) -> int:
    """Weights of a plain convolution's kernels."""
    area, channels = math.prod(taps(layer, len(shape) - 1)), shape[-1]
    return area * channels * layer.width if layer.kind == "plain_conv" else channels * (area + layer.width)


def multiply_adds(layer: Layer, inputs: Sequence[Shape]) -> int:
    """Multiply-adds of a layer's convolutions and matrix products for one sample. BatchNorm, activations, pooling, sums and products of
    values are not counted."""
    kind, width = layer.kind, layer.width
    if kind in ("dense", "logits"):
        return math.prod(inputs[0]) * width
    if layer.cell is not None:
        return inputs[0][0] * layer.cell.leaves * layer.width * (inputs[0][-1] + layer.width)
    if kind in CONVOLUTIONS:
        shape = inputs[0]
        positions = math.prod([-(-axis // layer.stride) for axis in shape[:-1]])
        taps = layer.kernel ** (len(shape) - 1)
        each = taps * shape[-1] * layer.width if kind == "conv" else shape[-1] * (taps + layer.width)
        return int(positions * each)
    if kind == "add" and layer.projected:
        return math.prod(inputs[0]) * inputs[1][-1]
    if kind in EMBEDDINGS:
        return inputs[0][0] * made_of_each(layer)
    if kind == "gate":
        return inputs[0][0] ** 2
    if kind == "detect":
        channels = inputs[0][-1]
        each = layer.kernel**2 * channels * (layer.repeats * channels + width + BOX)
        return sum([math.prod(shape[:-1]) for shape in inputs]) * each
    if kind == "plain_depthwise":
        positions = math.prod([-(-axis // layer.stride) for axis in inputs[0][:-1]])
        return int(positions * layer.kernel ** (len(inputs[0]) - 1) * inputs[0][-1])
    if kind in PLAIN:
        positions = math.prod([-(-axis // layer.stride) for axis in inputs[0][:-1]])
        return positions * _kernel_weights(layer, inputs[0])
    return 0


def padding_before(length: int, kernel: int, stride: int) -> int:
    """Zeros that "same" padding puts before an axis of `length` elements. With a stride or an even kernel this is not kernel // 2."""
    return max((-(-length // stride) - 1) * stride + kernel - length, 0) // 2
