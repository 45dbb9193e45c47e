"""Gradient ascent on a strategy's own parameters, a policy's or a centre's: Adam (Kingma & Ba 2015) and plain steps, with moments that grow with the parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.float64]]


class Optimiser:
    """Moves parameters along a gradient, uphill.

    Args:
        rule: "adam" (beta 0.9 and 0.999, epsilon 1e-8) or "sgd".
        rate: learning rate.
    """

    def __init__(self, rule: str, rate: float) -> None:
        self.rule, self.rate = rule, rate
        self.steps = 0
        self._first: Arrays = {}
        self._second: Arrays = {}

    def step(self, parameters: Arrays, gradients: Mapping[str, Any]) -> None:
        """Change the parameters in place (the mapping's arrays are replaced)."""
        self.steps += 1
        for name, gradient in gradients.items():
            if self.rule == "sgd":
                parameters[name] = parameters[name] + self.rate * gradient
                continue
            first = self._first[name] = 0.9 * _grown(self._first.get(name), gradient) + 0.1 * gradient
            second = self._second[name] = 0.999 * _grown(self._second.get(name), gradient) + 0.001 * gradient**2
            scale = self.rate * np.sqrt(1.0 - 0.999**self.steps) / (1.0 - 0.9**self.steps)
            parameters[name] = parameters[name] + scale * first / (np.sqrt(second) + 1e-8 * np.sqrt(1.0 - 0.999**self.steps))

    def arrays(self) -> Arrays:
        """The moments, for the saved state."""
        return {f"{kind}.{name}": array for kind, held in self._held() for name, array in held.items()}

    def restore(self, steps: int, arrays: Mapping[str, Any]) -> None:
        """Go on from moments."""
        self.steps = steps
        for kind, held in self._held():
            held.clear()
            held.update({name.removeprefix(f"{kind}."): array for name, array in arrays.items() if name.startswith(f"{kind}.")})

    def _held(self) -> tuple[tuple[str, Arrays], tuple[str, Arrays]]:
        return ("first", self._first), ("second", self._second)


def _grown(moment: Any, like: Any) -> Any:
    """A moment of the parameters' size today: rows that are new begin at 0."""
    if moment is None:
        return np.zeros_like(like)
    if len(moment) == len(like):
        return moment
    return np.concatenate([moment, np.zeros((len(like) - len(moment), *like.shape[1:]))])
