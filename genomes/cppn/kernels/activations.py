"""Activations of whole rows of numbers, written so that the compiler turns them into vector instructions.

The mathematical library works on one number at a time; here exp and sine are polynomials without branches, exact to a few units in the
last place, so that a block of samples takes a fifth of the time. Fused multiply-adds are the only liberty that is taken.
"""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat.functions import ACTIVATIONS, CUSTOM
from genomes.neat.kernels.functions import activation_value

(_IDENTITY, _SIGMOID, _STEEPENED, _TANH, _RELU, _SINE, _COSINE, _GAUSSIAN, _ABSOLUTE, _SQUARE, _STEP) = (
    ACTIVATIONS.index(name)
    for name in ("identity", "sigmoid", "steepened_sigmoid", "tanh", "relu", "sine", "cosine", "gaussian", "absolute", "square", "step")
)  # fmt: skip
_CUSTOM = CUSTOM
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest whole number in the low bits
_LARGEST = 1e8  # sines of more are left to the mathematical library: the reduction to one period would lose digits


@kernel(fastmath={"contract"}, inline="always")
def exponential(x):
    """exp(x), x limited to +-708."""
    x = min(max(x, -708.0), 708.0)
    shifted = x * 1.4426950408889634 + _ROUND
    whole = shifted - _ROUND
    r = x - whole * 0.693147180369123816490
    r = r - whole * 1.90821492927058770002e-10
    p = 1.6059043836821613e-10  # the series up to the 13th power; |r| is at most log(2) / 2
    p = p * r + 2.08767569878681e-09
    p = p * r + 2.505210838544172e-08
    p = p * r + 2.755731922398589e-07
    p = p * r + 2.7557319223985893e-06
    p = p * r + 2.48015873015873e-05
    p = p * r + 1.984126984126984e-04
    p = p * r + 1.3888888888888889e-03
    p = p * r + 8.333333333333333e-03
    p = p * r + 4.1666666666666664e-02
    p = p * r + 1.6666666666666666e-01
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    bits = np.float64(shifted).view(np.int64)
    return p * np.int64((bits + 1023) << 52).view(np.float64)


@kernel(fastmath={"contract"}, inline="always")
def sine(x, ahead):
    """sin(x + ahead * pi) for |x| up to 1e8; ahead is 0, or 0.5 for the cosine."""
    shifted = x * 0.3183098861837907 + ahead + _ROUND
    whole = shifted - _ROUND - ahead
    r = x - whole * 3.141592653589793116
    r = r - whole * 1.2246467991473515e-16
    z = r * r
    p = -8.220635246624329e-18  # the series up to the 19th power; |r| is at most pi / 2
    p = p * z + 2.8114572543455206e-15
    p = p * z - 7.647163731819816e-13
    p = p * z + 1.6059043836821613e-10
    p = p * z - 2.505210838544172e-08
    p = p * z + 2.7557319223985893e-06
    p = p * z - 1.984126984126984e-04
    p = p * z + 8.333333333333333e-03
    p = p * z - 1.6666666666666666e-01
    p = p * z * r + r
    sign = np.float64(shifted).view(np.int64) << 63  # odd multiples of pi change it
    return np.int64(np.float64(p).view(np.int64) ^ sign).view(np.float64)


@kernel(fastmath={"contract"})
def activate_row(code, row, first, count, integers, numbers, table):
    """Replace `count` numbers of a row, from `first` on, by their activation; the code and the table of custom formulas are those of
    `genomes.neat.kernels.functions.activation_value`."""
    if code == _IDENTITY:
        return
    if code == _TANH:
        for s in range(first, first + count):
            row[s] = 1.0 - 2.0 / (exponential(2.0 * row[s]) + 1.0)
    elif code == _SIGMOID:
        for s in range(first, first + count):
            row[s] = 1.0 / (1.0 + exponential(-row[s]))
    elif code == _STEEPENED:
        for s in range(first, first + count):
            row[s] = 1.0 / (1.0 + exponential(-4.9 * row[s]))
    elif code == _GAUSSIAN:
        for s in range(first, first + count):
            row[s] = exponential(-row[s] * row[s])
    elif code == _SINE or code == _COSINE:  # noqa: SIM109 - compiled: no tuple is built
        largest = 0.0
        for s in range(first, first + count):
            largest = max(largest, abs(row[s]))
        ahead = 0.0 if code == _SINE else 0.5
        if largest < _LARGEST:
            for s in range(first, first + count):
                row[s] = sine(row[s], ahead)
        else:
            for s in range(first, first + count):
                row[s] = math.sin(row[s]) if code == _SINE else math.cos(row[s])
    elif code == _ABSOLUTE:
        for s in range(first, first + count):
            row[s] = abs(row[s])
    elif code == _SQUARE:
        for s in range(first, first + count):
            row[s] = row[s] * row[s]
    elif code == _RELU:
        for s in range(first, first + count):
            row[s] = max(row[s], 0.0)
    elif code == _STEP:
        for s in range(first, first + count):
            row[s] = 1.0 if row[s] > 0.0 else 0.0
    else:
        for s in range(first, first + count):
            row[s] = activation_value(code, row[s], integers, numbers, table)
