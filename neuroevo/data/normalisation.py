"""Normalisation: the mean and the deviation of each feature or channel, and how they are taken away without losing small spreads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown

Doubles = npt.NDArray[np.float64]

ROUNDING = 2.0**-24  # half the distance of neighbouring float32 numbers, relative to them
LOST = 1e-3  # the share of a deviation that rounding may take
SMALLEST, LARGEST = 1e-30, 1e30  # deviations whose inverse float32 holds as well
WHOLE = 2.0**53  # up to which float64 holds every whole number
BLOCK = 1 << 22  # numbers that are in double precision at a time


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation along the last axis: of each feature, or of each channel of images and sequences.

    Args:
        mean, deviation: float64 [features or channels].
    """

    mean: Doubles
    deviation: Doubles

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))

    def __call__(self, x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Normalised samples: float32, the shape of `x`."""
        if self.held.all():  # also what runs so far were trained on, to the bit
            mean, deviation = self.mean.astype(np.float32), self.deviation.astype(np.float32)
            with np.errstate(over="ignore"):  # whoever loads data says what is infinite
                ordinary: npt.NDArray[np.float32] = (x.astype(np.float32) - mean) / deviation
            return ordinary
        normalised = np.empty(x.shape, np.float32)
        rows = max(1, BLOCK // max(1, x[:1].size))
        for at in range(0, len(x), rows):
            with np.errstate(over="ignore"):
                normalised[at : at + rows] = self.in_float64(x[at : at + rows])
        return normalised

    def in_float64(self, x: npt.NDArray[Any]) -> Doubles:
        """Normalised samples, always computed in double precision: float64, the shape of `x`."""
        normalised: Doubles = _less(x, self.mean) / self.deviation
        return normalised

    def inverse(self, x: npt.NDArray[Any]) -> Doubles:
        """Samples in their own units again: float64, the shape of `x`."""
        raw: Doubles = x.astype(np.float64) * self.deviation + self.mean
        return raw

    @property
    def held(self) -> npt.NDArray[np.bool_]:
        """Which features float32 can hold before their mean is subtracted: bool [features or channels].

        It rounds milliseconds since 1970 to 131,072 of them, and cannot hold the inverse of a deviation of 1e-40.
        """
        fine = np.abs(self.mean) * ROUNDING <= LOST * self.deviation
        held: npt.NDArray[np.bool_] = fine & (self.deviation >= SMALLEST) & (self.deviation <= LARGEST)
        return held

    @property
    def before_float32(self) -> Normalisation | None:
        """What has to be done to samples in double precision before a network can take them as float32; None where nothing has."""
        if self.held.all():
            return None
        return Normalisation(np.where(self.held, 0.0, self.mean), np.where(self.held, 1.0, self.deviation))

    @property
    def in_float32(self) -> Normalisation:
        """What is left to be done after `before_float32`."""
        return Normalisation(np.where(self.held, self.mean, 0.0), np.where(self.held, self.deviation, 1.0))

    @property
    def digits(self) -> tuple[int, ...]:
        """Significant digits of each value in its own units that tell apart what differs by a hundred-thousandth of a deviation: 6 to 15."""
        size = np.maximum(np.abs(self.mean), self.deviation) / self.deviation
        return tuple(int(min(15, 6 + count)) for count in np.floor(np.log10(size)))

    @staticmethod
    def of(x: npt.NDArray[Any]) -> Normalisation:
        """The statistics of samples [samples, ..., features or channels]; a constant column is only moved to 0."""
        axes = tuple(range(x.ndim - 1))
        with np.errstate(all="ignore"):
            mean = np.atleast_1d(x.mean(axis=axes, dtype=np.float64))
            deviation = np.atleast_1d(x.std(axis=axes, dtype=np.float64))
        low, high = (np.atleast_1d(bound(axis=axes).astype(np.float64)) for bound in (x.min, x.max))
        size = np.maximum(np.abs(low), np.abs(high))
        rounding = np.finfo(x.dtype).eps if x.dtype.kind == "f" else 0.0
        sure = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 1e-5 * size) & (size > 1e-100)
        for k in np.flatnonzero(~sure):
            if x.dtype.kind in "iu" and size[k] > WHOLE:
                mean[k], deviation[k] = _whole_moments(x[..., k])
            else:
                mean[k], deviation[k] = _moments(x[..., k], low[k], high[k])
        same = constant_features(x)
        constant = same | (deviation <= rounding * size)
        mean = np.where(same, low, mean)
        return Normalisation(mean, np.where(constant, np.where(size > 0, size, 1.0), deviation))

    def to_dict(self) -> dict[str, Any]:
        """JSON."""
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @staticmethod
    def from_dict(data: Mapping[str, Any]) -> Normalisation:
        """The statistics that `to_dict` described.

        Raises:
            ValueError: not such statistics.
        """
        try:
            mean, deviation = (np.array(data[name], np.float64) for name in ("mean", "deviation"))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"a normalisation has lists of numbers 'mean' and 'deviation', got {shown(data)}") from error
        if mean.shape != deviation.shape or mean.ndim != 1 or not (deviation > 0).all() or not np.isfinite(mean).all():
            raise ValueError(f"a normalisation needs equally long lists with positive deviations, got {shown(data)}")
        return Normalisation(mean, deviation)


def constant_features(x: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Which features or channels (the last axis) have one value in all samples: bool [features or channels]."""
    axes = tuple(range(x.ndim - 1))
    same: npt.NDArray[np.bool_] = np.atleast_1d(x.min(axis=axes) == x.max(axis=axes))
    return same


def _less(x: npt.NDArray[Any], mean: Doubles) -> Doubles:
    """Samples less their mean, float64; of whole numbers that float64 cannot hold apart (nanoseconds since 1970), the difference is exact."""
    if x.dtype.kind in "iu" and (np.abs(mean) > WHOLE).any():
        info = np.iinfo(x.dtype)
        least = np.clip(mean, float(info.min), np.nextafter(float(info.max), 0.0))  # whole, as all float64 of this size are
        centre = np.where(np.abs(mean) > WHOLE, least, 0.0).astype(x.dtype)
        above = x >= centre
        whole: Doubles = np.where(above, x - centre, centre - x).astype(np.float64) * np.where(above, 1.0, -1.0)
        return whole - np.where(np.abs(mean) > WHOLE, mean - least, mean)
    plain: Doubles = x.astype(np.float64) - mean
    return plain


def _whole_moments(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Mean and deviation of whole numbers that float64 cannot hold apart."""
    rest = _less(values[..., None], np.array([float(values.min())]))
    return float(values.min()) + float(rest.mean()), float(rest.std())


def _moments(values: npt.NDArray[Any], low: float, high: float) -> tuple[float, float]:
    """Mean and deviation where their plain sums would lose digits or leave the range of float64: of the values between 0 and 1."""
    if low == high:
        return low, 0.0
    spread = high - low
    scaled = values / high - low / high if not np.isfinite(spread) else (values.astype(np.float64) - low) / spread
    unit = spread if np.isfinite(spread) else high
    return float(low + unit * scaled.mean()), float(unit * scaled.std())
