"""Activations and aggregations: the built-in names, and the user's own as formulas.

A space names the functions its nodes may have. A built-in is its name ("tanh"). A custom activation is "name = formula in x"; a
custom aggregation is "name = start; step in a and x; finish in a and n", where a is what was gathered so far, x a weighted input
and n how many there are:

    "swish = x / (1 + exp(-x))"          "root_mean_square = 0; a + x * x; sqrt(a / n)"
"""

from __future__ import annotations

from dataclasses import dataclass

from genomes.base import shown, unknown
from genomes.neat.expressions import Program, Programs, as_programs, parse

# The position of a name is its code in the genes and kernels: append, never reorder (files hold names, running kernels codes).
ACTIVATIONS = (
    "identity", "sigmoid", "steepened_sigmoid", "tanh", "relu", "sine", "cosine", "gaussian", "absolute", "square", "step",
    "leaky_relu", "elu", "selu", "softplus", "cube", "inverse", "exp", "log", "clamped", "hat", "sign",
)  # fmt: skip
AGGREGATIONS = ("sum", "mean", "product", "max", "min", "max_absolute", "median")  # of nothing: 0, and the product 1
CUSTOM = 1000  # codes of custom functions start here


@dataclass(frozen=True)
class Functions:
    """The functions of one space: names, codes, and the programs of the custom ones.

    Attributes:
        codes: code of each name.
        names: name of each code.
        programs: the custom activations' programs, one each; or the custom aggregations', three each (start, step, finish).
    """

    codes: dict[str, int]
    names: dict[int, str]
    programs: Programs

    def code(self, name: object, what: str) -> int:
        """The code of a name.

        Raises:
            ValueError: this space has no such function; the nearest name is suggested.
        """
        if not isinstance(name, str) or name not in self.codes:
            raise ValueError(unknown(what, name, sorted(self.codes)))
        return self.codes[name]


def activation_functions(definitions: tuple[str, ...]) -> Functions:
    """The activations that these names and formulas define, all built-in ones included.

    Raises:
        ValueError: an unknown name or an unreadable formula.
    """
    return _functions(definitions, "activation", ACTIVATIONS)


def aggregation_functions(definitions: tuple[str, ...]) -> Functions:
    """The aggregations that these names and formulas define, all built-in ones included.

    Raises:
        ValueError: an unknown name or an unreadable formula.
    """
    return _functions(definitions, "aggregation", AGGREGATIONS)


def name_of(definition: str) -> str:
    """The name that a definition gives: what stands before "=", or all of it."""
    if not isinstance(definition, str):
        raise ValueError(f"a function is a name or a formula, got {shown(definition)}")
    return definition.split("=", 1)[0].strip()


def _functions(definitions: tuple[str, ...], what: str, built_in: tuple[str, ...]) -> Functions:
    if not isinstance(definitions, tuple) or not definitions or not all(isinstance(item, str) for item in definitions):
        raise ValueError(f"{what}s must be a non-empty tuple of names or formulas, got {shown(definitions)}")
    codes = {name: code for code, name in enumerate(built_in)}
    programs: list[Program] = []
    known: dict[str, str] = {}
    for definition in definitions:
        name = name_of(definition)
        if "=" not in definition:
            if name not in codes:
                raise ValueError(unknown(what, name, sorted(codes)))
            continue
        if known.get(name) == definition:
            continue
        if name in codes or not name.isidentifier():
            raise ValueError(f"{name!r} cannot name a custom {what}: use a new identifier")
        known[name] = definition
        codes[name] = CUSTOM + len(known) - 1
        formula = definition.split("=", 1)[1]
        programs += [parse(formula, ("x",))] if what == "activation" else _aggregation(formula)
    return Functions(codes, {code: name for name, code in codes.items()}, as_programs(programs))


def _aggregation(formula: str) -> list[Program]:
    parts = formula.split(";")
    if len(parts) != 3:
        raise ValueError(f"a custom aggregation is 'name = start; step in a and x; finish in a and n', got {shown(formula)}")
    return [parse(parts[0], ()), parse(parts[1], ("a", "x")), parse(parts[2], ("a", "n"))]
