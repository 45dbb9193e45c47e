"""Objectives: one named number each, minimised or maximised."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genomes.base import Settings, shown, unknown
from neuroevo.core.registry import own

LEAST = 1e-12  # whose logarithm stands for that of anything smaller
Direction = Literal["minimise", "maximise"]
minimise: Direction = "minimise"
maximise: Direction = "maximise"


@dataclass(frozen=True)
class Objective(metaclass=Settings):
    """One named number that the search minimises or maximises.

    Args:
        name: what users, tables and plots call it.
        direction: "minimise" or "maximise".
        kind: "cheap" (known from the genome: parameters, flops), "untrained" (needs the network and a batch of data, and no training:
            naswot), "trained" (needs training: error) or "measured" (on this hardware, noisy: latency, energy).
        of: for a cheap objective, the function from a genome to the number; for an untrained one, that from a
            `neuroevo.train.Untrained`.
        limit: the worst value allowed (inclusive). A genome beyond the limit of a cheap objective is never trained. Individuals beyond the
            limit of another one are ranked behind all that are within, and reach the front only while nobody is.
        log: whether the number spans orders of magnitude (plots, densities and hypervolumes then take its logarithm).
        ideal, reference: the best value that there can be, and the worst that counts: the ends of the box in which hypervolume is measured
            (`neuroevo.run.box`). They decide nothing in the search. None: an end is a limit, or comes from the first generation's values.

    Raises:
        ValueError: the direction is neither; a limit that is not finite; or an ideal or a reference that is not finite, or an ideal that is
            not better.
    """

    name: str
    direction: Direction = "minimise"
    kind: Literal["cheap", "untrained", "trained", "measured"] = "trained"
    of: Callable[[Any], float] | None = None
    limit: float | None = None
    log: bool = False
    ideal: float | None = None
    reference: float | None = None

    def __post_init__(self) -> None:
        if self.direction not in ("minimise", "maximise"):
            raise ValueError(
                f"objective {self.name!r}: direction must be 'minimise' or 'maximise' (ne.minimise, ne.maximise), got {shown(self.direction)}"
            )
        if self.limit is not None and not (isinstance(self.limit, (int, float)) and math.isfinite(self.limit)):
            raise ValueError(f"the limit of objective {self.name!r} must be a finite number, got {shown(self.limit)}")
        ends = [end for end in (self.ideal, self.reference) if end is not None]
        if not all(math.isfinite(end) for end in ends) or (len(ends) == 2 and not (ends[0] - ends[1]) * self.weight > 0):
            raise ValueError(
                f"objective {self.name!r}: the ideal must be a better finite value than the reference, got ideal {self.ideal} and reference "
                f"{self.reference}"
            )

    @property
    def described(self) -> str:
        """What it is, in one line."""
        return f"{self.direction}d, {self.kind}"

    @property
    def weight(self) -> float:
        """DEAP's sign: +1 maximises, -1 minimises."""
        return 1.0 if self.direction == "maximise" else -1.0

    @property
    def worst(self) -> float:
        """What a failed candidate is given."""
        return -math.inf if self.direction == "maximise" else math.inf

    def cost(self, value: float) -> float:
        """The value as one to be minimised; its logarithm where it spans orders of magnitude."""
        return -self.weight * (float(np.log10(max(value, LEAST))) if self.log else float(value))

    def within_limit(self, value: float) -> bool:
        """Whether a value respects the limit; the limit itself does, and so does everything where there is none."""
        return self.limit is None or (value >= self.limit if self.direction == "maximise" else value <= self.limit)

    def settings(self) -> dict[str, Any]:
        """What a run's settings record of it."""
        return {"name": self.name, "direction": self.direction, "kind": self.kind, "limit": self.limit, "log": self.log}


Objectives = Mapping[str, Objective]

PARAMETERS = Objective("parameters", "minimise", "cheap", of=lambda genome: float(genome.parameters), log=True, ideal=1.0)
FLOPS = Objective("flops", "minimise", "cheap", of=lambda genome: float(genome.flops), log=True, ideal=1.0)


def parse_limits(specification: str | Sequence[str]) -> list[tuple[str, float | None]]:
    """Names and limits from "error,parameters<20000" or a sequence of such names.

    Raises:
        ValueError: a part cannot be read, a name occurs twice, or a limit is not a number.

    >>> parse_limits("error, parameters<20000")
    [('error', None), ('parameters', 20000.0)]
    """
    parts = specification.split(",") if isinstance(specification, str) else list(specification)
    found: list[tuple[str, float | None]] = []
    for part in parts:
        match = re.fullmatch(r"\s*([A-Za-z_][A-Za-z_0-9]*)\s*(?:[<>]=?\s*([0-9.eE+-]+))?\s*", part)
        if match is None:
            raise ValueError(f"cannot read objective {part!r}; write a name, or a name and a limit such as parameters<20000")
        name, limit = match.groups()
        if name in [known for known, _ in found]:
            raise ValueError(f"objective {name!r} is named twice")
        try:
            found.append((name, None if limit is None else float(limit)))
        except ValueError:
            raise ValueError(f"the limit in {part!r} is not a number") from None
    return found


def by_names(offered: Sequence[Objective]) -> dict[str, Objective]:
    """What may be named: what a task offers, and the registered objectives of one's own that have another name."""
    return {**own("objective"), **{objective.name: objective for objective in offered}}


def recorded(settings: object, offered: Sequence[Objective], *, named_only: bool = False) -> list[Objective]:
    """The objectives that a run's settings describe (`Objective.settings`).

    Args:
        settings: the descriptions.
        offered: what the task offers by name.
        named_only: whether every objective is one that can be named; else what is neither offered nor computed from the genome is what the
            fitness returns under its name.

    Raises:
        ValueError: no such descriptions; or an objective that is a Python function.
    """
    if not isinstance(settings, list) or not settings:
        raise ValueError(f"objectives are recorded as a list of JSON objects, got {shown(settings)}")
    known = by_names(offered)
    chosen = []
    for described in settings:
        if not isinstance(described, Mapping) or not isinstance(described.get("name"), str):
            raise ValueError(f"an objective is recorded as a JSON object with a name, got {shown(described)}")
        name, limit = described["name"], described.get("limit")
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, (int, float))):
            raise ValueError(f"the limit of {name!r} must be a number, got {shown(limit)}")
        mine = replace(known[name], limit=limit) if name in known else None
        if mine is not None and mine.settings().items() >= described.items():
            chosen.append(mine)
        elif named_only or described.get("kind") == "cheap":
            raise ValueError(
                f"the objective {name!r} is a Python function; run the script that started this run again to go on, or register the "
                "objective (neuroevo.registry)"
            )
        else:
            chosen.append(Objective(**described))
    return chosen


def choose(specification: str | Sequence[str | Objective], offered: Sequence[Objective]) -> dict[str, Objective]:
    """The objectives that a user names, from those a task offers; `Objective` values pass through.

    Raises:
        ValueError: a name that is not offered (the nearest is suggested), none at all, or the same twice.
    """
    by_name = by_names(offered)
    items = specification.split(",") if isinstance(specification, str) else list(specification)
    chosen: dict[str, Objective] = {}
    for item in items:
        if isinstance(item, Objective):
            objective = item
        else:
            ((name, limit),) = parse_limits([item])
            if name not in by_name:
                raise ValueError(unknown("objective", name, sorted(by_name)))
            objective = by_name[name] if limit is None else replace(by_name[name], limit=limit)
        if objective.name in chosen:
            raise ValueError(f"objective {objective.name!r} is named twice")
        chosen[objective.name] = objective
    if not chosen:
        raise ValueError("a search needs at least one objective")
    return chosen


def weighted_limits(objectives: Objectives) -> tuple[float, ...]:
    """What `Fitness` takes: the least weighted value allowed in each objective that is not cheap; empty where none has a limit."""
    chosen = [o.limit if o.kind != "cheap" else None for o in objectives.values()]
    if all(limit is None for limit in chosen):
        return ()
    return tuple(-math.inf if limit is None else limit * o.weight for limit, o in zip(chosen, objectives.values(), strict=True))


def worst_values(objectives: Objectives) -> npt.NDArray[np.float64]:
    """The worst value in every objective, in order: float64 [objectives]."""
    return np.array([objective.worst for objective in objectives.values()])
