"""The kernels' random streams: SplitMix64 (Steele, Lea & Flood 2014), counter-based, keyed by (seed, birth id).

A stream is uint64 [1]: the counter. It lives in an array so that a kernel can pass it on to the functions that draw from it.
"""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.markings import CLOCK_BITS, HASH_BITS

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_HASH_MASK = np.uint64((1 << HASH_BITS) - 1)
_CLOCK_SHIFT = np.int64(HASH_BITS)
_UNIT = 2.0**-53
LATEST_CLOCK = (1 << CLOCK_BITS) - 1


@kernel(inner=True)
def mix(state, value):
    """`genomes.markings.mix` on uint64."""
    z = state ^ value
    z = z + _GOLDEN
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@kernel(inner=True)
def birth_key(seed, id):
    """The key of one birth's stream."""
    return mix(mix(np.uint64(0x6E656174), np.uint64(seed)), np.uint64(id))


@kernel()
def marking_of_one(clock, kind, touched, occurrence):
    """`genomes.markings.marking` of an innovation that touches one gene."""
    state = mix(mix(np.uint64(kind), np.uint64(occurrence)), np.uint64(touched))
    return np.int64((np.int64(clock) << _CLOCK_SHIFT) | np.int64(state & _HASH_MASK))


@kernel()
def marking_of_two(clock, kind, first, second, occurrence):
    """`genomes.markings.marking` of an innovation that touches two genes."""
    state = mix(mix(mix(np.uint64(kind), np.uint64(occurrence)), np.uint64(first)), np.uint64(second))
    return np.int64((np.int64(clock) << _CLOCK_SHIFT) | np.int64(state & _HASH_MASK))


@kernel(inner=True)
def bits(stream):
    """The next 64 random bits."""
    z = stream[0] + _GOLDEN
    stream[0] = z
    z = (z ^ (z >> _S30)) * _FIRST
    z = (z ^ (z >> _S27)) * _SECOND
    return z ^ (z >> _S31)


@kernel()
def uniform(stream):
    """A float in [0, 1)."""
    return np.float64(np.int64(bits(stream) >> _S11)) * _UNIT


@kernel(inner=True)
def symmetric(stream):
    """A float in [-1, 1)."""
    return 2.0 * uniform(stream) - 1.0


@kernel(inner=True)
def below(stream, limit):
    """An integer in [0, limit); limit is at least 1."""
    return np.int64(uniform(stream) * limit)


@kernel(inner=True)
def normal(stream):
    """A standard normal number (Box & Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(stream)))
    return radius * math.cos(2.0 * math.pi * uniform(stream))
