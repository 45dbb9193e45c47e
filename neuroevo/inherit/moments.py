"""Mean and variance of activations, from weights alone.

A BatchNorm gives each channel mean beta and standard deviation |gamma|; taken as a Gaussian, what the ReLU behind it lets through has
known moments. They tell a new BatchNorm behind an identity convolution what it will see, without data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """float64 [channels] each."""

    mean: Floats
    variance: Floats

    def __getitem__(self, index: npt.NDArray[np.int64]) -> Moments:
        return Moments(self.mean[index], self.variance[index])

    @staticmethod
    def standard(channels: int) -> Moments:
        return Moments(np.zeros(channels), np.ones(channels))

    @staticmethod
    def joined(parts: list[Moments]) -> Moments:
        return Moments(np.concatenate([p.mean for p in parts]), np.concatenate([p.variance for p in parts]))


def rectified(mean: npt.ArrayLike, deviation: npt.ArrayLike) -> Moments:
    """The moments of max(z, 0) for Gaussian z with this mean and standard deviation."""
    m, s = np.asarray(mean, np.float64), np.maximum(np.abs(np.asarray(deviation, np.float64)), 1e-12)
    ratio = m / s
    below = 0.5 * (1 + np.asarray(_erf(ratio / math.sqrt(2)), np.float64))
    density = np.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    first = m * below + s * density
    second = (m**2 + s**2) * below + m * s * density
    return Moments(first, np.maximum(second - first**2, 0))


_erf = np.frompyfunc(math.erf, 1, 1)
