"""What a function writes of what it did not make itself: a counter, a cache, an attribute of its object."""

from __future__ import annotations

import ast
import dis
import inspect
import textwrap
import tokenize
import types
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

# methods by which something is written
CHANGING = frozenset(
    {
        "add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop", "popitem", "popleft", "put", "remove",
        "reverse", "setdefault", "sort", "update",
    }
)  # fmt: skip


class Write(NamedTuple):
    """Something that is written.

    Attributes:
        name: the variable, global or argument that it is reached by.
        kind: all of it, one attribute, what is inside an attribute, or one item with a constant key.
        key: the attribute or the item.
    """

    name: str
    kind: Literal["all", "attribute", "inside", "item"]
    key: Any = None


@cache
def writes(function: types.FunctionType) -> frozenset[Write]:
    """What a function writes: from its byte code, and from its source text where there is one."""
    own = set(function.__code__.co_varnames)  # what it makes itself, or is given
    return frozenset(
        write
        for write in [*_in_code(function.__code__), *_in_source(function)]
        if write.kind in ("attribute", "inside") or write.name not in own
    )


def _in_code(code: types.CodeType) -> Iterator[Write]:
    first = code.co_varnames[0] if code.co_argcount else ""
    steps = [step for step in dis.get_instructions(code) if step.opname not in ("CACHE", "PUSH_NULL")]
    for at, step in enumerate(steps):
        if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") or (step.opname == "STORE_DEREF" and step.argval in code.co_freevars):
            yield Write(step.argval, "all")
        elif step.opname == "STORE_ATTR" and first and _loads(steps, at, first):
            yield Write(first, "attribute", step.argval)
        elif step.opname in ("LOAD_METHOD", "LOAD_ATTR") and step.argval in CHANGING and at:
            before = steps[at - 1]
            if before.opname in ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_NAME"):
                yield Write(before.argval, "all")
            elif before.opname == "LOAD_ATTR" and at > 1 and isinstance(steps[at - 2].argval, str):
                yield Write(steps[at - 2].argval, "inside", before.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _in_code(constant)


def _loads(steps: list[dis.Instruction], at: int, name: str) -> bool:
    """Whether what is stored into at this step is, most likely, this variable: it was loaded in the same statement."""
    begin = at - 1
    while begin > 0 and not steps[begin].starts_line:
        begin -= 1
    return any(step.argval == name for step in steps[max(0, begin) : at])


def _in_source(function: types.FunctionType) -> Iterator[Write]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError, tokenize.TokenError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.Delete)):
            for target in node.targets:
                yield from _target(target)
        elif isinstance(node, (ast.AugAssign, ast.AnnAssign, ast.For)):
            yield from _target(node.target)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
            yield from _reached_by(node.func.value, inside=True)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "next" and node.args:
            yield from _reached_by(node.args[0], inside=True)


def _target(node: ast.expr) -> Iterator[Write]:
    if isinstance(node, (ast.Tuple, ast.List)):
        for element in node.elts:
            yield from _target(element)
    elif isinstance(node, (ast.Attribute, ast.Subscript)):
        yield from _reached_by(node)


def _reached_by(node: ast.expr, inside: bool = False) -> Iterator[Write]:
    """What is written where this expression is (or inside of what it is): the first step from the variable that it begins with."""
    step, whole = None, node
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        step, node = node, node.value
    if not isinstance(node, ast.Name):
        return
    if isinstance(step, ast.Attribute):
        yield Write(node.id, "inside" if inside or step is not whole else "attribute", step.attr)
    elif isinstance(step, ast.Subscript) and isinstance(step.slice, ast.Constant):
        yield Write(node.id, "item", step.slice.value)
    else:
        yield Write(node.id, "all")
