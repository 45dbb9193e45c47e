"""What the page of a run draws, as JSON: individuals in rows, the front, learning curves, progress."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from neuroevo.core.individual import PREDICTED, STOPPED, Individual
from neuroevo.deploy.baseline import baseline_of
from neuroevo.deploy.folds import folded
from neuroevo.deploy.intervals import intervals_of
from neuroevo.deploy.reference_models import asked_alike, references_of
from neuroevo.deploy.verdict import compared_by
from neuroevo.plots.outcomes import PARTIAL, deviations, outcome
from neuroevo.report.archive import archive_map
from neuroevo.report.comparison import own_curve
from neuroevo.report.text import chosen_on, fidelity_text, test_scores
from neuroevo.run.records import spread
from neuroevo.run.run import Run

Some = TypeVar("Some")
MEMBERS = 500  # of the front, where not all individuals are drawn
STEPS = 2_000  # most points of the progress line
STOPPED_CURVES = 40  # of trainings that were stopped, chosen evenly
LAST_CURVES = 60  # of the trainings that ended last
ANCESTORS = 20  # of each member of the front, with their learning curves


def report_data(
    run: Run, most: int | None = None, names: list[str] | None = None, individuals: Sequence[Individual] | None = None
) -> dict[str, Any]:
    """JSON: what the page's script draws.

    Args:
        individuals: all of the run, where they were already read: those of an array population are made anew each time.
        most: how many individuals, about, where there are more; the front and its ancestors are always among them (of a front of more than
            `MEMBERS` so many, spread evenly). None: all.
        names: of operators, which keep their places; those that are missing are added to it.
    """
    individuals = list(run) if individuals is None else individuals
    known = {individual.id: individual for individual in individuals}
    front = run.front if most is None else evenly(run.front, MEMBERS)
    cells = archive_map(run)
    elites = [] if cells is None else [known[cell["id"]] for cell in cells["cells"] if cell["id"] in known]
    shown = _with_ancestors(front, known)
    stopped = evenly([individual for individual in individuals if individual.status == STOPPED], STOPPED_CURVES)
    kept = individuals if most is None else thinned(individuals, {one.id for one in [*shown, *stopped, *elites]}, most)
    names = sorted({operator for individual in kept for operator in individual.operators}) if names is None else names
    return {
        "objectives": [{"name": o.name, "direction": o.direction, "log": o.log} for o in run.objectives.values()],
        **rows_of(run, kept, names),
        "operators": list(names),
        "left_out": run.records.left_out,
        "front": [individual.id for individual in front],
        "test": {str(id): scores for id, scores in test_scores(run).items()},
        "baseline": None if (plain := baseline_of(run)) is None else [rounded(plain.validation[name]) for name in run.objectives],
        **_beside(run),
        "archive": cells,
        "inherited": [individual.id for individual in kept if (individual.info or {}).get("inherited")],
        "curves": curves_of([*shown, *stopped, *_last_trained(individuals)]),
        "progress": _progress(run, individuals),
    }


def _beside(run: Run) -> dict[str, Any]:
    """What stands beside the front: models of scikit-learn, scores by folds, and how sure scores are."""
    by_folds, name = folded(run), compared_by(run)
    folds = {} if name is None else by_folds
    return {
        "references": [
            {"name": one.name, "values": [rounded(one.validation.get(objective, math.nan) if asked_alike(run, one) else math.nan) for objective in run.objectives]}
            for one in references_of(run)
        ],
        "folds": {str(id): [rounded(one.scores[name]), *map(rounded, one.intervals.get(name, ()))] for id, one in folds.items() if name},
        "folded": next((f"{name} ({one.folds} folds)" for one in by_folds.values()), ""),
        "chosen_on": chosen_on(run),
        "intervals": {str(id): by_part for id, by_part in intervals_of(run).items()},
    }


def rows_of(run: Run, individuals: Sequence[Individual], names: list[str]) -> dict[str, Any]:
    """What the page knows of individuals, each in a row of every column.

    Args:
        names: of the operators; those that are missing are added to it.
    """
    place = {name: position for position, name in enumerate(names)}
    for name in (name for individual in individuals for name in individual.operators):
        if name not in place:
            place[name] = len(names)
            names.append(name)
    return {
        "individuals": {
            "id": [i.id for i in individuals],
            "generation": [i.generation for i in individuals],
            "status": [outcome(run, i) for i in individuals],
            "values": [[rounded(value) for value in i.fitness.values] for i in individuals],
            "parents": [list(i.parents) for i in individuals],
            "operators": [[place[name] for name in i.operators] for i in individuals],
        },
        "said": {str(i.id): text for i in individuals if (text := _said(run, i))},
        "deviation": {
            str(i.id): [rounded(by) for by in deviations(i.info, len(run.objectives))]
            for i in individuals
            if i.status == PREDICTED
        },
    }


def curves_of(individuals: Iterable[Individual]) -> dict[str, Any]:
    """The learning curves of those that have one, by id."""
    return {str(one.id): curve for one in individuals if (curve := _curve(one)) is not None}


def thinned(individuals: Sequence[Individual], always: Collection[int], most: int) -> list[Individual]:
    """About so many of them, those with the ids in `always` among them. Of a run that has grown, others are left out than before and none
    comes back, so that a page which has seen more of them loses nothing."""
    if len(individuals) <= most:
        return list(individuals)
    stay = spread(np.array([one.id for one in individuals])) < most / len(individuals)
    return [one for one, stays in zip(individuals, stay.tolist(), strict=True) if stays or one.id in always]


def _last_trained(individuals: Sequence[Individual]) -> list[Individual]:
    """Those whose training ended last, of those that have a learning curve."""
    trained = [one for one in individuals if (one.info or {}).get("curve")]
    return sorted(trained, key=lambda one: one.trial or 0)[-LAST_CURVES:]


def evenly(members: Sequence[Some], most: int) -> list[Some]:
    """At most so many of them, the first and the last among them."""
    if len(members) <= most:
        return list(members)
    return [members[round(step * (len(members) - 1) / (most - 1))] for step in range(most)]


def _said(run: Run, individual: Individual) -> str:
    """Why it failed or was stopped; of one that is not yet at full fidelity, at which it is."""
    if individual.reason:
        return individual.reason
    partial = individual.fidelity is not None and outcome(run, individual) == PARTIAL
    return fidelity_text(individual.fidelity) if partial and individual.fidelity is not None else ""


def rounded(value: float) -> float | None:
    """A number as it is written into the page: seven digits; None where it is not finite."""
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _with_ancestors(front: Sequence[Individual], known: dict[int, Individual]) -> list[Individual]:
    found: dict[int, Individual] = {}
    for member in front:
        level, seen = [member.id], 0
        while level and seen < ANCESTORS:
            following: list[int] = []
            for id in level:
                if id in known and seen < ANCESTORS:
                    seen += 1
                    found[id] = known[id]
                    following += known[id].parents
            level = following
    return [found[id] for id in sorted(found)]


def _curve(individual: Individual) -> dict[str, Any] | None:
    from neuroevo.plots.curves_figure import curves_data

    try:
        name, (curve,) = curves_data([individual])
    except ValueError:
        return None
    found = {"name": name, "epochs": list(curve.epochs), "scores": [rounded(score) for score in curve.scores]}
    if curve.expected is None:
        return found
    end = curve.expected
    return found | {"expected": [end.epoch, *(rounded(score) for score in (end.mean, end.low, end.high))]}


def _progress(run: Run, individuals: Sequence[Individual]) -> dict[str, Any]:
    empty = {"over": {"evaluations": []}, "value": [], "name": "", "log": False}
    if not run.records.front:
        return empty
    curve, measure = own_curve(run, individuals)
    known = np.isfinite(curve.value)
    value = curve.value[known]
    if not len(value):
        return empty
    changed = np.flatnonzero(np.diff(value, prepend=np.nan) != 0)
    kept = np.unique(np.concatenate([changed, [len(value) - 1]]))
    if len(kept) > STEPS:
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, STEPS).round().astype(int))]
    only = next(iter(run.objectives.values()))
    axes = ["evaluations", *(["epochs"] if run.epochs else []), "seconds"]
    return {
        "over": {axis: [rounded(at) for at in curve.over(axis)[known][kept]] for axis in axes},
        "value": [rounded(number) for number in value[kept]],
        "name": "hypervolume of the front" if len(run.objectives) > 1 else f"best {measure}",
        "log": bool(len(run.objectives) == 1 and only.log),
    }
