"""What inheritance did in a run: what children scored right after it, next to their parents, and after their training."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from neuroevo.core.individual import DONE, Individual
from neuroevo.core.trial import Evaluation, Fidelity
from neuroevo.run.run import Run
from neuroevo.store import Store

NEAR = 0.002  # 0.2 points of an error rate


@dataclass(frozen=True)
class OperatorReport:
    """Children made by one operator alone, or by several ("several").

    Attributes:
        operator: its name.
        exact: whether it can preserve the function.
        children: how many inherited.
        near: share of them that scored their parent's validation score within `NEAR` right after inheriting.
        largest_loss: most that one of them was worse than its parent then.
        median_loss: half of them were at most this much worse.
        improved: share of them that were better than their parent after training.
    """

    operator: str
    exact: bool
    children: int
    near: float
    largest_loss: float
    median_loss: float
    improved: float


@dataclass(frozen=True)
class _Child:
    operators: tuple[str, ...]
    inherited: float
    parent: float
    trained: float


def inheritance_report(
    individuals: Iterable[Individual], score: str = "error"
) -> tuple[list[OperatorReport], OperatorReport | None]:
    """How well children did right after inheriting, by operator, and over all children of exact operators.

    Args:
        individuals: of a run whose networks were trained, parents included: `inheritance_report(run)`. Left out are children that were
            measured at another fidelity than their parent. Of individuals that were trained again, a run in a folder knows each score: children
            are compared with what their parent scored when they inherited from it, by what they scored at first.
        score: the validation score to compare, lower is better: the task's `selection`.

    Returns:
        One entry an operator, most frequent first; and one for all children that only exact operators made (None: there are none).
    """
    from genomes.network.operators import PRESERVING

    known = {individual.id: individual for individual in individuals}
    again = _again(individuals) if isinstance(individuals, Run) else {}
    children = [child for individual in known.values() if (child := _child(individual, known, again, score)) is not None]
    groups: dict[str, list[_Child]] = {}
    for child in children:
        groups.setdefault(child.operators[0] if len(child.operators) == 1 else "several", []).append(child)
    entries = [_entry(name, all(PRESERVING.issuperset(child.operators) for child in group), group) for name, group in groups.items()]
    exact = [child for child in children if PRESERVING.issuperset(child.operators)]
    return sorted(entries, key=lambda entry: (-entry.children, entry.operator)), _entry("exact", True, exact) if exact else None


def inheritance_table(individuals: Iterable[Individual], score: str = "error") -> str:
    """The report as text."""
    entries, exact = inheritance_report(individuals, score)
    if not entries:
        return "no child inherited weights"
    lines = [
        f"{'operator':20s}{'children':>9s}{'median':>9s}{'largest':>9s}{'better':>9s}   {score} right after inheriting, minus the"
    ]
    lines.append(f"{'':20s}{'':9s}{'loss':>9s}{'loss':>9s}{'at last':>9s}   parent's; share better than it after training")
    for entry in entries:
        name = entry.operator + ("" if entry.exact else " *")
        lines.append(f"{name:20s}{entry.children:9d}{entry.median_loss:9.4f}{entry.largest_loss:9.4f}{entry.improved:9.0%}")
    lines.append("* not function-preserving, or not only")
    if exact is not None:
        lines.append(
            f"children of exact operators: {exact.near:.1%} of {exact.children} within {100 * NEAR:g} points of their parent right after "
            f"inheriting; the largest loss {100 * exact.largest_loss:.2f} points"
        )
    return "\n".join(lines)


class _Scored(NamedTuple):
    """An evaluation: what of it is compared."""

    trial: int | None
    status: str
    fidelity: Fidelity | None
    inherited: float | None
    score: float | None


def _again(run: Run) -> dict[int, list[Evaluation]]:
    """All evaluations, in the order of their trials, of those individuals of a run in a folder that have several."""
    if run.folder is None:
        return {}
    store = Store(run.folder, writable=False)
    try:
        found = dict[int, list[Evaluation]]()
        for one in sorted(store.evaluations(), key=lambda one: one.trial):
            found.setdefault(one.individual, []).append(one)
    finally:
        store.close()
    return {id: evaluations for id, evaluations in found.items() if len(evaluations) > 1}


def _scored(individual: Individual, again: dict[int, list[Evaluation]], score: str) -> list[_Scored]:
    """What was measured of an individual, the earliest first."""
    names = list(individual.values)
    measured: list[tuple[int | None, str, Fidelity | None, Mapping[str, Any], Mapping[str, float]]] = [
        (one.trial, one.status, one.fidelity, one.info, dict(zip(names, one.values, strict=True))) for one in again.get(individual.id, [])
    ]
    if not measured:
        measured = [(individual.trial, individual.status, individual.fidelity, individual.info or {}, individual.values)]
    found = []
    for trial, status, fidelity, info, values in measured:
        value = values.get(score, info.get("scores", {}).get(score))
        if "folds" in info:  # what is known right after inheriting is of the first
            value = info["folds"]["each"][0]
        found.append(_Scored(trial, status, fidelity, info.get("inherited", {}).get(score), None if value is None else float(value)))
    return found


def _child(individual: Individual, known: dict[int, Individual], again: dict[int, list[Evaluation]], score: str) -> _Child | None:
    parent = known.get(individual.parents[0]) if len(individual.parents) == 1 else None
    if parent is None:
        return None
    mine = _scored(individual, again, score)[0]
    before = [one for one in _scored(parent, again, score) if one.trial is None or mine.trial is None or one.trial < mine.trial]
    if not before or mine.inherited is None or mine.status != DONE or before[-1].status != DONE:
        return None
    theirs = before[-1]
    if mine.fidelity is not None and theirs.fidelity is not None and mine.fidelity.rank != theirs.fidelity.rank:
        return None
    if mine.score is None or theirs.score is None:
        return None
    return _Child(individual.operators, float(mine.inherited), theirs.score, mine.score)


def _entry(name: str, exact: bool, group: list[_Child]) -> OperatorReport:
    losses = [child.inherited - child.parent for child in group]
    return OperatorReport(
        name,
        exact,
        len(group),
        sum(abs(loss) <= NEAR + 1e-9 for loss in losses) / len(group),
        max(losses),
        statistics.median(losses),
        sum(child.trained < child.parent for child in group) / len(group),
    )
