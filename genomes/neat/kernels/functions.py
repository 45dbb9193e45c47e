"""The activations and aggregations, compiled, and the interpreter of custom formulas."""

import math

import numpy as np

from genomes.compiled import kernel
from genomes.neat import expressions as e
from genomes.neat.functions import ACTIVATIONS, AGGREGATIONS, CUSTOM

_IDENTITY, _SIGMOID, _STEEPENED, _TANH, _RELU, _SINE, _COSINE, _GAUSSIAN, _ABSOLUTE, _SQUARE, _STEP = range(11)
_LEAKY, _ELU, _SELU, _SOFTPLUS, _CUBE, _INVERSE, _EXP, _LOG, _CLAMPED, _HAT, _SIGN = range(11, 22)
SUM, MEAN, PRODUCT, MAXIMUM, MINIMUM, MAX_ABSOLUTE, MEDIAN = range(7)
assert len(ACTIVATIONS) == 22 and len(AGGREGATIONS) == 7

_STACK = e.DEEPEST + 1
_LARGEST = 700.0  # exp of more is infinite
(_CONSTANT, _X, _A, _N, _ADD, _SUBTRACT, _MULTIPLY, _DIVIDE, _POWER, _NEGATE, _MAGNITUDE, _OP_EXP, _OP_LOG, _SQRT, _SIN, _COS, _OP_TANH,
 _FLOOR, _MIN, _MAX, _LESS, _LESS_EQUAL, _GREATER, _GREATER_EQUAL, _SELECT) = range(25)  # fmt: skip
_CUSTOM = CUSTOM


@kernel()
def activate(code, x):
    """A built-in activation of one number. Where a formula would overflow, its argument is clipped."""
    if code == _STEEPENED:
        return 1.0 / (1.0 + math.exp(min(-4.9 * x, _LARGEST)))
    if code == _SIGMOID:
        return 1.0 / (1.0 + math.exp(min(-x, _LARGEST)))
    if code == _TANH:
        return math.tanh(x)
    if code == _IDENTITY:
        return x
    if code == _RELU:
        return x if x > 0.0 else (0.0 if x <= 0.0 else x)
    if code == _SINE:
        return math.sin(x)
    if code == _COSINE:
        return math.cos(x)
    if code == _GAUSSIAN:
        return math.exp(-x * x)
    if code == _ABSOLUTE:
        return abs(x)
    if code == _SQUARE:
        return x * x
    if code == _STEP:
        return 1.0 if x > 0.0 else (0.0 if x <= 0.0 else x)
    return _rarer(code, x)


@kernel(inner=True)
def _rarer(code, x):
    if code == _LEAKY:
        return x if x > 0.0 else 0.01 * x
    if code == _ELU:
        return x if x > 0.0 else math.expm1(x)
    if code == _SELU:
        return 1.0507009873554805 * (x if x > 0.0 else 1.6732632423543772 * math.expm1(x))
    if code == _SOFTPLUS:
        return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
    if code == _CUBE:
        return x * x * x
    if code == _INVERSE:
        return 0.0 if x == 0.0 else 1.0 / x
    if code == _EXP:
        return math.exp(min(x, _LARGEST))
    if code == _LOG:
        return math.log(max(x, 1e-7))
    if code == _CLAMPED:
        return min(max(x, -1.0), 1.0)
    if code == _HAT:
        return max(0.0, 1.0 - abs(x))
    if code == _SIGN:
        return 1.0 if x > 0.0 else (-1.0 if x < 0.0 else x)
    return math.nan


@kernel(inner=True, error_model="numpy")
def interpret(integers, numbers, entry, x, a, n):
    """The value of a custom formula; not a number where it is not defined. Its entry says where its operations lie in `integers`, where
    its constants in `numbers`, and how many there are."""
    stack = np.empty(_STACK)
    top = -1
    for i in range(integers[entry + 2]):
        operation = integers[integers[entry] + i]
        if operation <= _N:
            top += 1
            if operation == _CONSTANT:
                stack[top] = numbers[integers[entry + 1] + i]
            elif operation == _X:
                stack[top] = x
            elif operation == _A:
                stack[top] = a
            else:
                stack[top] = n
        elif operation == _SELECT:
            top -= 2
            stack[top] = stack[top + 1] if stack[top] != 0.0 else stack[top + 2]
        elif _NEGATE <= operation <= _FLOOR:
            stack[top] = _unary(operation, stack[top])
        else:
            top -= 1
            stack[top] = _binary(operation, stack[top], stack[top + 1])
    return stack[0]


@kernel(inner=True, error_model="numpy")
def _unary(operation, x):
    if operation == _NEGATE:
        return -x
    if operation == _MAGNITUDE:
        return abs(x)
    if operation == _OP_EXP:
        return np.exp(x)
    if operation == _OP_LOG:
        return np.log(x)
    if operation == _SQRT:
        return np.sqrt(x)
    if operation == _SIN:
        return math.sin(x)
    if operation == _COS:
        return math.cos(x)
    if operation == _OP_TANH:
        return math.tanh(x)
    return np.floor(x)


@kernel(inner=True, error_model="numpy")
def _binary(operation, x, y):
    if operation == _ADD:
        return x + y
    if operation == _SUBTRACT:
        return x - y
    if operation == _MULTIPLY:
        return x * y
    if operation == _DIVIDE:
        return x / y
    if operation == _POWER:
        return np.power(x, y)
    if operation == _MIN:
        return min(x, y)
    if operation == _MAX:
        return max(x, y)
    if operation == _LESS:
        return 1.0 if x < y else 0.0
    if operation == _LESS_EQUAL:
        return 1.0 if x <= y else 0.0
    if operation == _GREATER:
        return 1.0 if x > y else 0.0
    return 1.0 if x >= y else 0.0


@kernel(inner=True)
def activation_value(code, x, integers, numbers, table):
    """Any activation of one number; `table` is where the custom ones' entries begin in `integers`."""
    if code >= _CUSTOM:
        return interpret(integers, numbers, table + 3 * (code - _CUSTOM), x, 0.0, 0.0)
    return activate(code, x)


@kernel()
def aggregated(code, values, count, integers, numbers, table):
    """Any aggregation of the first `count` numbers of `values`, which may be reordered; of none 0, or for the product 1."""
    if count == 0:
        return 1.0 if code == PRODUCT else 0.0
    if code >= _CUSTOM:
        entry = table + 9 * (code - _CUSTOM)
        gathered = interpret(integers, numbers, entry, 0.0, 0.0, 0.0)
        for i in range(count):
            gathered = interpret(integers, numbers, entry + 3, values[i], gathered, 0.0)
        return interpret(integers, numbers, entry + 6, 0.0, gathered, float(count))
    result = values[0]
    if code == SUM or code == MEAN:  # noqa: SIM109 - compiled: no tuple is built
        for i in range(1, count):
            result += values[i]
        return result / count if code == MEAN else result
    if code == PRODUCT:
        for i in range(1, count):
            result *= values[i]
    elif code == MAXIMUM:
        for i in range(1, count):
            result = max(result, values[i])
    elif code == MINIMUM:
        for i in range(1, count):
            result = min(result, values[i])
    elif code == MAX_ABSOLUTE:
        for i in range(1, count):
            if abs(values[i]) > abs(result):
                result = values[i]
    else:
        for i in range(1, count):  # insertion sort: np.sort takes longer to compile than the rest of this file
            value, j = values[i], i
            while j > 0 and values[j - 1] > value:
                values[j] = values[j - 1]
                j -= 1
            values[j] = value
        half = count // 2
        result = values[half] if count % 2 else 0.5 * (values[half - 1] + values[half])
    return result
