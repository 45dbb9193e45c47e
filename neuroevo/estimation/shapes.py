"""Shapes of learning curves: functions of the epoch, known up to a level and a gain, that trainings fall along.

A score after epoch t is modelled as level + gain * h(t). A family is a set of such h, one for each of some values of its
parameters. Of Domhan, Springenberg & Hutter's families each has a level and a gain here, also those that have one of them there,
and some then have the same form (Weibull, Janoschek and exp4; MMF, Hill3 and log power), with parameters over other ranges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

POINTS = 24  # of a family with parameters, for each family of Domhan, Springenberg & Hutter


@dataclass(frozen=True)
class Family:
    """Shapes of one form.

    Args:
        name: of the form.
        values: float64 [shapes, epochs] from epochs (float64 [epochs], > 0) and the number of epochs in all.
    """

    name: str
    values: Callable[[Floats, float], Floats]


def _powers(t: Floats, end: float) -> Floats:
    return np.asarray(t ** -np.geomspace(0.1, 3, 15)[:, None])


def _shifted_powers(t: Floats, end: float) -> Floats:
    time, power = _grid(end * np.geomspace(0.02, 0.6, 6), [0.5, 1, 2, 4])
    return np.asarray((1 + t / time) ** -power)


def _exponentials(t: Floats, end: float) -> Floats:
    time, power = _grid(end * np.geomspace(0.015, 1.5, 13), [0.4, 0.6, 1, 1.5])
    return np.asarray(np.exp(-((t / time) ** power)))


def _logarithms(t: Floats, end: float) -> Floats:
    return np.asarray(np.log(t + 1.5) ** -np.array([0.5, 1, 2, 3])[:, None])


def _vapour_pressure(t: Floats, end: float) -> Floats:
    b, c = _spread(("linear", 0.0, 3.0), ("linear", -2.0, -0.05))
    return np.asarray(np.exp(b / t + c * np.log(t)))


def _ilog2(t: Floats, end: float) -> Floats:
    return np.asarray(1 / np.log(t + 1))[None]


def _weibull(t: Floats, end: float) -> Floats:
    kappa, delta = _spread(("log", 0.5 / end, 20 / end), ("linear", 0.3, 2.0))
    return np.asarray(np.exp(-((kappa * t) ** delta)))


def _pow3(t: Floats, end: float) -> Floats:
    (alpha,) = _spread(("log", 0.05, 3.0))
    return np.asarray(t**-alpha)


def _pow4(t: Floats, end: float) -> Floats:
    alpha, b = _spread(("log", 0.05, 4.0), ("linear", 0.0, end / 2))
    return np.asarray((t + b) ** -alpha)


def _log_log_linear(t: Floats, end: float) -> Floats:
    (ratio,) = _spread(("log", 0.1, 10.0))
    return np.asarray(-np.log(1 + ratio * np.log(t)))


def _mmf(t: Floats, end: float) -> Floats:
    kappa, delta = _spread(("log", 0.5 / end, 20 / end), ("linear", 0.3, 3.0))
    return np.asarray(1 / (1 + (kappa * t) ** delta))


def _janoschek(t: Floats, end: float) -> Floats:
    kappa, delta = _spread(("log", 0.01, 3.0), ("linear", 0.3, 1.5))
    return np.asarray(np.exp(-kappa * t**delta))


def _hill3(t: Floats, end: float) -> Floats:
    kappa, eta = _spread(("log", 0.3, end), ("linear", 0.5, 3.0))
    return np.asarray(1 - t**eta / (kappa**eta + t**eta))


def _log_power(t: Floats, end: float) -> Floats:
    b, c = _spread(("linear", 0.0, float(np.log(end))), ("linear", 0.3, 4.0))
    return np.asarray(1 / (1 + (t / np.exp(b)) ** c))


def _exp4(t: Floats, end: float) -> Floats:
    a, alpha = _spread(("log", 0.05, 3.0), ("linear", 0.1, 1.0))
    return np.asarray(np.exp(-a * t**alpha))


FAMILIES: Mapping[str, tuple[Family, ...]] = {
    "power_law": (
        Family("power", _powers),
        Family("shifted power", _shifted_powers),
        Family("exponential", _exponentials),
        Family("logarithm", _logarithms),
    ),
    "domhan": (
        Family("vapour pressure", _vapour_pressure),
        Family("ilog2", _ilog2),
        Family("Weibull", _weibull),
        Family("pow3", _pow3),
        Family("pow4", _pow4),
        Family("log-log linear", _log_log_linear),
        Family("MMF", _mmf),
        Family("Janoschek", _janoschek),
        Family("Hill3", _hill3),
        Family("log power", _log_power),
        Family("exp4", _exp4),
    ),
}
"""By the rule that uses them: 95 decaying shapes, and the eleven families of Domhan, Springenberg & Hutter (2015)."""


def shapes(name: str, epochs: Floats, end: float) -> tuple[Floats, Floats]:
    """The shapes of a rule at these epochs, and the logarithm of each one's share before any score is seen.

    Args:
        name: of `FAMILIES`.
        epochs: float64 [epochs], > 0.
        end: the number of epochs in all.

    Returns:
        float64 [shapes, epochs], and float64 [shapes]: of "domhan", every family has the same share; of "power_law", every shape.
    """
    found = [family.values(epochs, end) for family in FAMILIES[name]]
    each = [len(values) * len(found) if name == "domhan" else sum(map(len, found)) for values in found]
    share = np.concatenate([np.full(len(values), -np.log(size)) for values, size in zip(found, each, strict=True)])
    return np.concatenate(found), share


def _grid(first: npt.ArrayLike, second: npt.ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.meshgrid(first, second, indexing="ij")
    return a.reshape(-1, 1), b.reshape(-1, 1)


def _spread(*parameters: tuple[str, float, float]) -> list[Floats]:
    """Points of low discrepancy in a box (an additive recurrence; Roberts 2018): for each parameter float64 [points, 1].

    Args:
        parameters: for each "linear" or "log", and its ends.
    """
    ratio = {1: 1.618033988749895, 2: 1.324717957244746}[len(parameters)]
    found = []
    for place, (scale, low, high) in enumerate(parameters, 1):
        at = (0.5 + np.arange(1, POINTS + 1) / ratio**place) % 1.0
        values = np.exp(np.log(low) + at * (np.log(high) - np.log(low))) if scale == "log" else low + at * (high - low)
        found.append(values.reshape(-1, 1))
    return found
