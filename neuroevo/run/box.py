"""The box of a run: the ideal and the reference point between which its hypervolume is measured, everywhere and for as long as it lives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.core.objectives import LEAST, Objective, Objectives

Floats = npt.NDArray[np.float64]
DECLARED, LIMIT, SPACE, MEASURED = "declared", "its limit", "the space's limit", "first generation"
PROVISIONAL = "so far"  # of a run whose first generation is not complete
GROWTH = 10.0  # how many times larger than the first generation's the largest networks of a box are
ROUNDING = 1e-15  # of float64, relative to its numbers


@dataclass(frozen=True)
class Side:
    """The box along one objective, in the objective's own units.

    Attributes:
        ideal, reference: the best and the worst value of the box; the hypervolume counts what is better than the reference.
        log: whether lengths are measured on a logarithmic scale.
        ideal_from, reference_from: where they come from: declared, a limit, or values of the first generation.
    """

    ideal: float
    reference: float
    log: bool
    ideal_from: str
    reference_from: str


@dataclass(frozen=True)
class Box:
    """The ideal and the reference point of a hypervolume, by objective.

    Attributes:
        sides: by the objective's name, in the objectives' order.
        corners: (ideal, reference), float64 [objectives] each, as costs (`costs_of`).
    """

    sides: Mapping[str, Side]
    corners: tuple[Floats, Floats] = field(compare=False)

    @property
    def described(self) -> str:
        """Both points and where they come from, in words."""
        return ", ".join(f"{name} {_side(side)}" for name, side in self.sides.items())

    @property
    def provisional(self) -> bool:
        """Whether an end comes from a first generation that was not complete."""
        return any(PROVISIONAL in (side.ideal_from, side.reference_from) for side in self.sides.values())

    def beyond(self, costs: Floats) -> int:
        """How many points do not count, since they are no better than the reference in some objective: of float64 [points, objectives]."""
        return int((costs >= self.corners[1]).any(axis=1).sum())

    def to_json(self) -> dict[str, dict[str, Any]]:
        """By objective: ideal, reference, log, ideal_from, reference_from."""
        return {name: dict(vars(side)) for name, side in self.sides.items()}


def costs_of(objectives: Objectives, values: Floats) -> Floats:
    """Objective values as numbers to minimise, logarithms where an objective asks for them: float64 [n, objectives]."""
    columns = []
    for column, objective in enumerate(objectives.values()):
        cost = np.log10(np.maximum(values[:, column], LEAST)) if objective.log else values[:, column]
        columns.append(-objective.weight * cost)
    return np.stack(columns, axis=1)


def box_of(objectives: Objectives, values: Floats, *, limits: Mapping[str, float], measured: str = MEASURED) -> Box | None:
    """The box of a run.

    An end that an objective declares (`Objective.ideal`, `Objective.reference`), or that a limit sets, is that; another one lies a standard
    deviation beyond the best or the worst of the values given. The reference of a cheap objective (a size) that is minimised is ten times
    the worst value: networks may grow.

    Args:
        objectives: two or more; with one there is no box (None).
        values: float64 [individuals, objectives], of the first generation.
        limits: the worst value that the space allows, by objective.
        measured: what an end that comes from the values is said to come from.

    Returns:
        The box; None with one objective, or where an end would have to come from the values and there are none.
    """
    if len(objectives) < 2:
        return None
    costs = costs_of(objectives, values)
    costs = costs[np.isfinite(costs).all(axis=1)]
    sides: dict[str, Side] = {}
    for column, objective in enumerate(objectives.values()):
        ideal, ideal_from = (objective.ideal, DECLARED) if objective.ideal is not None else (None, measured)
        reference, reference_from = _declared_reference(objective, limits, measured)
        if (ideal is None or reference is None) and not len(costs):
            return None
        best, worst = _beyond(costs[:, column]) if len(costs) else (0.0, 0.0)
        if len(costs) and objective.kind == "cheap" and objective.direction == "minimise":
            worst = max(worst, objective.cost(GROWTH * max(0.0, float(values[:, column].max()))))
        low = best if ideal is None else objective.cost(ideal)
        high = worst if reference is None else objective.cost(reference)
        if not high > low:  # a limit better than the declared ideal, or values beyond what was declared
            low, high = (high - max(1.0, abs(high)), high) if reference is not None else (low, low + max(1.0, abs(low)))
            ideal = ideal if reference is None else None
        sides[objective.name] = Side(
            _value(objective, low) if ideal is None else float(ideal),
            _value(objective, high) if reference is None else float(reference),
            objective.log,
            ideal_from,
            reference_from,
        )
    return _box(objectives, sides)


def box_from_json(objectives: Objectives, recorded: Any) -> Box:
    """The box that `Box.to_json` described.

    Raises:
        ValueError: no such description.
    """
    try:
        found = {name: Side(**recorded[name]) for name in objectives}
        for side in found.values():
            if not (np.isfinite(side.ideal) and np.isfinite(side.reference)):
                raise ValueError(f"its ends must be finite, got {side.ideal} and {side.reference}")
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a box of {', '.join(objectives)}: {error}") from error
    return _box(objectives, found)


def box_of_costs(objectives: Objectives, ideal: Sequence[float], reference: Sequence[float], origin: str = MEASURED) -> Box:
    """The box between two points that are given as costs (an older release recorded the first generation's so)."""
    corners = zip(objectives.values(), ideal, reference, strict=True)
    sides = {o.name: Side(_value(o, low), _value(o, high), o.log, origin, origin) for o, low, high in corners}
    return Box(sides, (np.array(ideal, np.float64), np.array(reference, np.float64)))


def around(boxes: Sequence[Box], objectives: Objectives) -> Box:
    """The smallest box that holds all of these, whichever runs they are of; one box where all are the same."""
    first = boxes[0]
    if all(box.sides == first.sides for box in boxes):
        return first
    sides = {}
    for column, objective in enumerate(objectives.values()):
        best = min(boxes, key=lambda box: float(box.corners[0][column])).sides[objective.name]
        worst = max(boxes, key=lambda box: float(box.corners[1][column])).sides[objective.name]
        sides[objective.name] = Side(best.ideal, worst.reference, objective.log, best.ideal_from, worst.reference_from)
    return _box(objectives, sides)


def _box(objectives: Objectives, sides: Mapping[str, Side]) -> Box:
    corners = [[o.cost(getattr(sides[o.name], end)) for o in objectives.values()] for end in ("ideal", "reference")]
    return Box(sides, (np.array(corners[0], np.float64), np.array(corners[1], np.float64)))


def _declared_reference(objective: Objective, limits: Mapping[str, float], measured: str) -> tuple[float | None, str]:
    if objective.limit is not None:
        return objective.limit, LIMIT
    if objective.reference is not None:
        return objective.reference, DECLARED
    return (limits[objective.name], SPACE) if objective.name in limits else (None, measured)


def _beyond(costs: Floats) -> tuple[float, float]:
    """A standard deviation beyond the best and beyond the worst; where all are equal, as far as they are large."""
    low, high = float(costs.min()), float(costs.max())
    largest = max(abs(low), abs(high))
    spread = float((costs / largest - low / largest).std()) * largest if largest else 0.0
    if not spread > ROUNDING * largest:
        spread = abs(low) or 1.0
    return low - spread, high + spread


def _value(objective: Objective, cost: float) -> float:
    signed = -objective.weight * cost
    return float(10.0**signed) if objective.log else float(signed)


def _side(side: Side) -> str:
    ends = " to ".join(_apart(side.ideal, side.reference))
    same = side.ideal_from == side.reference_from
    origin = side.ideal_from if same else f"{side.ideal_from}; {side.reference_from}"
    return f"{ends} ({origin}{', logarithmic' if side.log else ''})"


def _apart(*values: float) -> list[str]:
    """Numbers as texts, with as many digits as tell them apart."""
    texts: list[str] = []
    for digits in range(4, 18):
        texts = [_number(value, digits) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def _number(value: float, digits: int) -> str:
    return f"{int(value):,}" if float(value).is_integer() and abs(value) < 1e15 else f"{value:.{digits}g}"
