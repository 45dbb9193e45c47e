"""neat-python's activations and aggregations in our terms.

neat-python scales and clips the arguments of its activations (its sigmoid is 1 / (1 + exp(-5x)), |5x| at most 60), so most are formulas here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genomes.base import shown, unknown
from genomes.neat.functions import AGGREGATIONS, name_of

_FIVE = "max(-60, min(60, 5 * x))"
ACTIVATIONS = {
    "sigmoid": f"neat_sigmoid = 1 / (1 + exp(-{_FIVE}))",
    "tanh": "neat_tanh = tanh(max(-60, min(60, 2.5 * x)))",
    "sin": f"neat_sin = sin({_FIVE})",
    "gauss": "neat_gauss = exp(-5 * max(-3.4, min(3.4, x)) ** 2)",
    "relu": "relu",
    "elu": "neat_elu = x if x > 0 else exp(x) - 1",
    "lelu": "neat_lelu = x if x > 0 else 0.005 * x",
    "selu": "neat_selu = 1.0507009873554804934193349852946 * (x if x > 0 else 1.6732632423543772848170429916717 * (exp(x) - 1))",
    "softplus": f"neat_softplus = 0.2 * log(1 + exp({_FIVE}))",
    "identity": "identity",
    "clamped": "clamped",
    "inv": "inverse",
    "log": "log",
    "exp": "neat_exp = exp(max(-60, min(60, x)))",
    "abs": "absolute",
    "hat": "hat",
    "square": "square",
    "cube": "cube",
}
_AGGREGATIONS = {"maxabs": "max_absolute"} | {name: name for name in AGGREGATIONS if name != "max_absolute"}


def activation(name: str, functions: Mapping[str, str] | None = None) -> str:
    """Our activation (a name, or a formula) for one of neat-python's; `functions` has formulas of the user's own.

    Raises:
        ValueError: neither knows it.
    """
    if functions and name in functions:
        return _own(name, functions[name])
    if name not in ACTIVATIONS:
        raise ValueError(
            unknown("activation of neat-python", name, sorted(ACTIVATIONS)) + '; give yours as functions={"name": "formula in x"}'
        )
    return ACTIVATIONS[name]


def aggregation(name: str, functions: Mapping[str, str] | None = None) -> str:
    """Our aggregation for one of neat-python's.

    Raises:
        ValueError: it is not known.
    """
    if functions and name in functions:
        return _own(name, functions[name])
    if name not in _AGGREGATIONS:
        raise ValueError(
            unknown("aggregation of neat-python", name, sorted(_AGGREGATIONS))
            + '; give yours as functions={"name": "start; step; finish"}'
        )
    return _AGGREGATIONS[name]


def _own(name: str, formula: Any) -> str:
    if not isinstance(formula, str) or not name.isidentifier():
        raise ValueError(f"functions are formulas by name, got {shown(name)}: {shown(formula)}")
    return f"neat_own_{name} = {formula}"


def called(definition: str) -> str:
    """The name that a definition gives its function."""
    return name_of(definition)
