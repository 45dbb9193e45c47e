"""Rungs: how many candidates get how many epochs, and who goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.trial import CHECKPOINT, Fidelity, Result
from neuroevo.selection.nsga2 import select_nsga2
from neuroevo.strategies.evolution.breeding import check, check_count

Schedule = Literal["whole", "rung"]


@dataclass(frozen=True)
class Bracket:
    """A run of successive halving.

    Args:
        number: how many times it halves (s in Li et al. 2018).
        candidates: at each rung, where all of them come through.
        epochs: of training in all, at each rung.
    """

    number: int
    candidates: tuple[int, ...]
    epochs: tuple[int, ...]


def halving(candidates: int, eta: int, epochs: Sequence[int]) -> Bracket:
    """Successive halving with these epochs: after each rung one in `eta` goes on, and at least one.

    >>> halving(27, 3, (1, 3, 9)).candidates
    (27, 9, 3)
    """
    counts = [candidates]
    while len(counts) < len(epochs):
        counts.append(going_on(counts[-1], eta))
    return Bracket(len(epochs) - 1, tuple(counts), tuple(epochs))


def going_on(count: int, eta: int) -> int:
    """How many of a rung go on to the next."""
    return max(1, count // eta)


def hyperband(eta: int, first: int, maximum: int) -> list[Bracket]:
    """The brackets of Hyperband (Li, Jamieson, DeSalvo, Rostamizadeh & Talwalkar 2018, algorithm 1), the one with the most candidates first.

    Bracket s begins with n = ceil((s_max + 1) / (s + 1) * eta^s) candidates at `maximum` / eta^s epochs. For eta 3 and 81 epochs these are 81, 34,
    15, 8 and 5. The paper's table 1 has 81, 27, 9, 6 and 5 instead: there (s_max + 1) / (s + 1) is rounded down before it is multiplied.

    >>> [bracket.candidates for bracket in hyperband(3, 1, 9)]
    [(9, 3, 1), (5, 1), (3,)]
    """
    halvings = 0
    while first * eta ** (halvings + 1) <= maximum:  # the logarithm, without its rounding
        halvings += 1
    found = []
    for s in range(halvings, -1, -1):
        candidates = -(-(halvings + 1) * eta**s // (s + 1))
        epochs = [round(maximum / eta ** (s - rung)) for rung in range(s + 1)]
        found.append(halving(candidates, eta, epochs))
    return found


def rungs_of(candidates: int, eta: int) -> int:
    """How many rungs there are until one candidate is left."""
    rungs = 1
    while candidates >= eta:
        candidates, rungs = candidates // eta, rungs + 1
    return rungs


def fidelity(epochs: int, maximum: int, schedule: Schedule, previous: int | None) -> Fidelity:
    """How a trial of a rung trains.

    Args:
        maximum: epochs of the last rung.
        schedule: "whole" or "rung", see `check_rungs`.
        previous: the trial that it continues, or None.
    """
    return Fidelity(epochs, previous=previous, schedule=maximum if schedule == "whole" else None)


def best_first(individuals: Sequence[Individual]) -> list[Individual]:
    """Those that are done, the best first: by their score; with several objectives by non-dominated rank, then by crowding (NSGA-II's
    order). Ties go to the first born."""
    done = sorted((one for one in individuals if one.status == DONE), key=lambda one: one.id)
    if done and len(done[0].fitness.weights) > 1:
        return select_nsga2(done, len(done))
    return sorted(done, key=lambda one: one.fitness.ranking, reverse=True)


def left_checkpoint(result: Result) -> bool:
    """Whether there is something to go on from; where nothing is trained, or nothing is kept of it, the next rung begins anew."""
    return any(artifact.kind.split(".")[0] == CHECKPOINT for artifact in result.measurement.artifacts)


def check_rungs(eta: Any, first: Any, schedule: Any) -> None:
    """Refuse settings that all strategies with rungs have.

    Raises:
        ValueError: one is out of its range.
    """
    check_count("eta", eta, 2)
    check_count("first", first)
    check("schedule", schedule, ("whole", "rung"))
