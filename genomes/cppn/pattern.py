"""CPPNs as functions of coordinates: queried anywhere, painted at any resolution (Stanley 2007)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from genomes.cppn.coordinates import grid, refuse_beyond_memory
from genomes.neat.genes import Pool
from genomes.neat.network import PopulationNetwork
from genomes.neat.threads import Threads

if TYPE_CHECKING:
    from genomes.cppn.genome import CppnGenome
    from genomes.cppn.space import CppnSpace

Floats = npt.NDArray[np.float64]

WORTH_A_THREAD = 16_384  # points; handing fewer to another thread costs more than it saves
PAINTING = ("x", "y", "d")  # what a CPPN that paints is told: the place, and its distance to the centre


class PatternPopulation(PopulationNetwork):
    """Many CPPNs as one callable: `patterns(points)` maps float [points, inputs] or [members, points, inputs] to float64 [members, points,
    outputs]."""

    space: CppnSpace

    def __init__(self, space: CppnSpace, pool: Pool, threads: Threads | None = None) -> None:
        super().__init__(space, pool, threads)

    def __call__(self, x: npt.ArrayLike) -> Floats:
        """The outputs of every member.

        Raises:
            ValueError: points of the wrong dimension or number of members, or more than memory holds.
        """
        from genomes.cppn.kernels.query import BLOCK, forward

        batch = self._batch(x)
        samples = batch.shape[1]
        refuse_beyond_memory(len(self) * samples * self.space.outputs, f"asking {len(self)} CPPNs at {samples:,} points")
        y = np.empty((len(self), samples, self.space.outputs))
        blocks = (samples + BLOCK - 1) // BLOCK
        self.threads.run(forward, len(self) * blocks, self.networks, batch, y, fewest=WORTH_A_THREAD // BLOCK)
        return y

    def _batch(self, x: npt.ArrayLike) -> Floats:
        array = np.asarray(x, dtype=np.float64)
        if (
            array.ndim not in (2, 3)
            or array.shape[-1] != self.space.inputs
            or (array.ndim == 3 and len(array) not in (1, len(self)))
        ):
            raise ValueError(
                f"this CPPN is asked at points of {self.space.inputs} coordinates ({', '.join(self.space.input_names)}): give an array "
                f"[points, {self.space.inputs}], got one of shape {array.shape}"
            )
        return np.ascontiguousarray(array if array.ndim == 3 else array[None])

    def pictures(self, size: int | Sequence[int] = 64, *, colour: bool = False) -> Floats:
        """Every member's picture at once: float64 [members, height, width] or [members, height, width, 3]; see `CppnGenome.picture`."""
        points, shape = picture_points(self.space, size, colour)
        outputs = self(points)
        return painted(outputs, colour).reshape((len(self), *shape, 3) if colour else (len(self), *shape))


class Pattern(PatternPopulation):
    """One CPPN as a callable: maps float [points, inputs] to float64 [points, outputs]."""

    def __init__(self, genome: CppnGenome, threads: Threads | None = None) -> None:
        super().__init__(genome.space, genome.pool, threads)

    def __call__(self, x: npt.ArrayLike) -> Floats:
        result: Floats = super().__call__(x)
        return result[0] if np.ndim(x) == 2 else result

    def picture(self, size: int | Sequence[int] = 64, *, colour: bool = False) -> Floats:
        """The picture that the CPPN paints; see `CppnGenome.picture`."""
        points, shape = picture_points(self.space, size, colour)
        return painted(self(points), colour).reshape((*shape, 3) if colour else shape)


def painting_coordinates(size: int | Sequence[int]) -> Floats:
    """What a painting CPPN is told of every pixel: float64 [height * width, 3], (x, y, distance to the centre), x and y from -1 to 1.

    Raises:
        ValueError: not a number of pixels or (height, width), or more pixels than memory holds.
    """
    shape = picture_shape(size)
    refuse_beyond_memory(6 * shape[0] * shape[1], f"a picture of {shape[0]} x {shape[1]} pixels")
    places = grid(shape)
    return np.column_stack([places, np.hypot(places[:, 0], places[:, 1])])


def picture_shape(size: int | Sequence[int]) -> tuple[int, int]:
    """(height, width) of a picture of this size.

    Raises:
        ValueError: not a number of pixels, or two.
    """
    shape = (size, size) if isinstance(size, (int, np.integer)) and not isinstance(size, bool) else size
    if (
        not isinstance(shape, Sequence)
        or len(shape) != 2
        or any(isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1 for n in shape)
    ):
        raise ValueError(f"the size of a picture is a whole number of pixels, or (height, width), got {shown(size)}")
    return int(shape[0]), int(shape[1])


def picture_points(space: CppnSpace, size: int | Sequence[int], colour: bool) -> tuple[Floats, tuple[int, int]]:
    """Where a CPPN is asked for a picture, and the picture's (height, width).

    Raises:
        ValueError: a CPPN that does not paint: other inputs than x, y, d, or too few outputs.
    """
    if space.inputs != len(PAINTING):
        raise ValueError(
            f"a CPPN that paints has the inputs {', '.join(PAINTING)}; this one has {space.inputs} ({', '.join(space.input_names)}): make "
            "its space with CppnSpace(), or draw its pattern with neuroevo.plots.pattern"
        )
    if colour and space.outputs < 3:
        raise ValueError(
            f"a coloured picture needs 3 outputs (hue, saturation, brightness), this CPPN has {space.outputs}: use CppnSpace(outputs=3)"
        )
    return painting_coordinates(size), picture_shape(size)


def painted(outputs: Floats, colour: bool) -> Floats:
    """Brightness, or red, green and blue, from a CPPN's outputs [..., points, outputs]; values that are no numbers are black."""
    if not colour:
        grey: Floats = np.clip(np.nan_to_num(np.abs(outputs[..., 0])), 0.0, 1.0)
        return grey
    hue, saturation, brightness = (np.nan_to_num(outputs[..., i], posinf=1.0, neginf=0.0) for i in range(3))
    return hsv_to_rgb(hue % 1.0, np.clip(saturation, 0.0, 1.0), np.clip(np.abs(brightness), 0.0, 1.0))


def hsv_to_rgb(hue: Floats, saturation: Floats, brightness: Floats) -> Floats:
    """Red, green and blue in a new last axis, from hue (0 to 1, once around the colour wheel), saturation and brightness (0 to 1).

    >>> hsv_to_rgb(np.array([1 / 3]), np.array([1.0]), np.array([1.0])).round(3).tolist()
    [[0.0, 1.0, 0.0]]
    """
    shift = np.array([5.0, 3.0, 1.0])
    k = (shift + 6.0 * hue[..., None]) % 6.0
    ramp = np.clip(np.minimum(k, 4.0 - k), 0.0, 1.0)
    rgb: Floats = brightness[..., None] * (1.0 - saturation[..., None] * ramp)
    return rgb
