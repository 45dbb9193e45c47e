"""Custom activations and aggregations as small formulas: data, not code.

A formula such as "x / (1 + exp(-x))" is parsed into a postfix program of numbers that the compiled kernels interpret. Nothing is
executed while reading it, it needs no compilation, and it travels with its space: through JSON, to other processes and machines.
"""

from __future__ import annotations

import ast
import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genomes.base import shown, unknown

(
    CONSTANT, X, A, N, ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, NEGATE, ABSOLUTE, EXP, LOG, SQRT, SIN, COS, TANH, FLOOR, MIN, MAX,
    LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, SELECT,
) = range(25)  # fmt: skip

LONGEST = 300  # characters of one formula
DEEPEST = 32  # values on the interpreter's stack

_VARIABLES = {"x": X, "a": A, "n": N}
_NUMBERS = {"pi": math.pi, "e": math.e}
_FUNCTIONS = {
    "abs": (ABSOLUTE, 1), "exp": (EXP, 1), "log": (LOG, 1), "sqrt": (SQRT, 1), "sin": (SIN, 1), "cos": (COS, 1), "tanh": (TANH, 1),
    "floor": (FLOOR, 1), "min": (MIN, 2), "max": (MAX, 2),
}  # fmt: skip
_BINARY: dict[type[ast.AST], int] = {
    ast.Add: ADD, ast.Sub: SUBTRACT, ast.Mult: MULTIPLY, ast.Div: DIVIDE, ast.Pow: POWER, ast.Lt: LESS, ast.LtE: LESS_EQUAL,
    ast.Gt: GREATER, ast.GtE: GREATER_EQUAL,
}  # fmt: skip

Program = list[tuple[int, float]]


class Programs(NamedTuple):
    """Programs for the kernels: program i is the instructions from `start[i]` to `start[i + 1]`."""

    start: npt.NDArray[np.int64]
    operation: npt.NDArray[np.int16]
    constant: npt.NDArray[np.float64]


def parse(formula: str, variables: tuple[str, ...]) -> Program:
    """A formula as a postfix program.

    Allowed: numbers, pi, e, the variables, + - * / **, comparisons (1 or 0), `value if condition else other`, and abs, exp, log,
    sqrt, sin, cos, tanh, floor, min, max.

    Raises:
        ValueError: the formula is too long, is not readable, or uses anything else.
    """
    if not isinstance(formula, str) or len(formula) > LONGEST:
        raise ValueError(f"a formula is a text of at most {LONGEST} characters, got {shown(formula)}")
    try:
        tree = ast.parse(formula.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ValueError(f"cannot read the formula {shown(formula)}: {error}") from error
    program: Program = []
    try:
        _emit(tree.body, variables, program)
    except RecursionError as error:
        raise ValueError(f"the formula {shown(formula)} is nested too deeply") from error
    if _depth(program) > DEEPEST:
        raise ValueError(f"the formula {shown(formula)} is nested too deeply")
    return program


def _emit(node: ast.AST, variables: tuple[str, ...], program: Program) -> None:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        try:
            number = float(node.value)  # type: ignore[arg-type]
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueError(f"a number in a formula must be finite, got {shown(node.value)}")
        program.append((CONSTANT, number))
    elif isinstance(node, ast.Name):
        if node.id in variables:
            program.append((_VARIABLES[node.id], 0.0))
        elif node.id in _NUMBERS:
            program.append((CONSTANT, _NUMBERS[node.id]))
        else:
            raise ValueError(unknown("name in a formula", node.id, [*variables, *_NUMBERS, *_FUNCTIONS]))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        _emit(node.operand, variables, program)
        if isinstance(node.op, ast.USub):
            program.append((NEGATE, 0.0))
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _emit(node.left, variables, program)
        _emit(node.right, variables, program)
        program.append((_BINARY[type(node.op)], 0.0))
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _BINARY:
        _emit(node.left, variables, program)
        _emit(node.comparators[0], variables, program)
        program.append((_BINARY[type(node.ops[0])], 0.0))
    elif isinstance(node, ast.IfExp):
        for part in (node.test, node.body, node.orelse):
            _emit(part, variables, program)
        program.append((SELECT, 0.0))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id not in _FUNCTIONS:
            raise ValueError(unknown("function in a formula", node.func.id, sorted(_FUNCTIONS)))
        operation, arity = _FUNCTIONS[node.func.id]
        if len(node.args) != arity:
            raise ValueError(f"{node.func.id} takes {arity} argument{'s' if arity > 1 else ''}, got {len(node.args)}")
        for argument in node.args:
            _emit(argument, variables, program)
        program.append((operation, 0.0))
    else:
        raise ValueError(f"a formula has no place for {shown(ast.unparse(node))}")


def _depth(program: Program) -> int:
    height = highest = 0
    for operation, _ in program:
        if operation <= N:
            height += 1
        elif operation == SELECT:
            height -= 2
        elif operation in (NEGATE, ABSOLUTE, EXP, LOG, SQRT, SIN, COS, TANH, FLOOR):
            continue
        else:
            height -= 1
        highest = max(highest, height)
    return highest


def as_programs(programs: list[Program]) -> Programs:
    """The programs as arrays."""
    start = np.zeros(len(programs) + 1, np.int64)
    np.cumsum([len(program) for program in programs], out=start[1:])
    flat = [instruction for program in programs for instruction in program]
    return Programs(start, np.array([o for o, _ in flat], np.int16), np.array([c for _, c in flat], np.float64))
