"""Mixtures: how architecture parameters become the weights of mixed operations, and what a mixture says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.shared import SharedGraph
from neuroevo.train.supernet.backends import Backend

Weighing = Literal["softmax", "independent"]
Table = npt.NDArray[np.float32]  # [choices, widest]


def mixture(backend: Backend, alpha: Any, allowed: Any, weighing: Weighing) -> Any:
    """The weight of every option, 0 where there is none.

    Args:
        alpha: a tensor [choices, widest].
        allowed: 1.0 where there is an option: [choices, widest].
        weighing: "softmax" over the options of a choice (Liu, Simonyan & Yang 2019), or "independent": the sigmoid of each, so that options do not
            compete (Chu, Zhou, Zhang & Li 2020).
    """
    if weighing == "independent":
        return allowed / (1.0 + backend.exp(-alpha))
    shifted = alpha - (1.0 - allowed) * 1e9
    weights = backend.exp(shifted - backend.highest(shifted, 1)) * allowed
    return weights / backend.total(weights, 1)


def rows(table: Table, graph: SharedGraph) -> list[list[float]]:
    """A table of options as JSON: for each choice as many numbers as it has options."""
    return [[float(value) for value in row[: len(choice.options)]] for row, choice in zip(table, graph.choices, strict=True)]


def table(weights: Sequence[Sequence[float]], graph: SharedGraph) -> Table:
    """The inverse: float32 [choices, widest], 0 where there is no option."""
    found = np.zeros((len(graph.choices), graph.widest), np.float32)
    for row, values in zip(found, weights, strict=True):
        row[: len(values)] = values
    return found


def entropy(weights: Sequence[Sequence[float]]) -> float:
    """How undecided a mixture is: the mean entropy of a choice, as a share of the most that it can be; 1 is even."""
    found = []
    for values in weights:
        p = np.asarray(values, np.float64)
        if len(p) > 1 and p.sum() > 0:
            p = p[p > 0] / p.sum()
            found.append(float(-(p * np.log(p)).sum() / np.log(len(values))))
    return float(np.mean(found)) if found else 0.0


def skip_share(weights: Sequence[Sequence[float]], graph: SharedGraph) -> float:
    """The share of the choices with a skip among their options whose strongest option that hands something on is one."""
    taken = []
    for values, choice in zip(weights, graph.choices, strict=True):
        if choice.skips:
            allowed = [place for place in range(len(values)) if place not in choice.idle]
            taken.append(max(allowed, key=lambda place: values[place]) in choice.skips)
    return float(np.mean(taken)) if taken else 0.0


def described(weights: Sequence[Sequence[float]], graph: SharedGraph) -> dict[str, Any]:
    """JSON of a mixture for a report."""
    return {
        "mixture": [list(map(float, values)) for values in weights],
        "entropy": entropy(weights),
        "skip_share": skip_share(weights, graph),
    }
