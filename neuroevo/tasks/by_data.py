"""`for_data`: the task that data asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuroevo.core.objectives import parse_limits
from neuroevo.data import Columns, DataError, load
from neuroevo.data.dataset import Kind
from neuroevo.tasks.classification import Classification, ClassWeights
from neuroevo.tasks.regression import Regression
from neuroevo.tasks.supervised import ObjectiveLike, Supervised

TASKS: dict[str, type[Supervised]] = {"classification": Classification, "regression": Regression}


def for_data(
    data: Any,
    objectives: str | Sequence[ObjectiveLike] | None = None,
    *,
    target: str | Sequence[str] | None = None,
    kind: Kind | None = None,
    missing: Sequence[str] = (),
    columns: Columns | Mapping[str, Any] | None = None,
    seed: int = 0,
    class_weights: ClassWeights = None,
) -> Supervised:
    """`Classification` or `Regression`, as the data's target says (see `neuroevo.data.load`): what the command line searches.

    Args:
        data, target, missing, columns, seed, class_weights: as for `Classification`.
        objectives: by default those that fit: error or mae, and parameters. One of a regression alone, such as mae, makes it one.
        kind: "classification" or "regression", to decide it.

    Raises:
        DataError: data that cannot be used.
        ValueError: objectives of another kind than the data's; the sentence says what there is, and what to say for the other kind.
    """
    named = _names(objectives)
    only = {name: _offered(name) - _offered(_other(name)) & set(named) for name in TASKS}
    if all(only.values()):
        raise ValueError(
            f"{_listed(only['classification'])} is of classification and {_listed(only['regression'])} of regression: a search has one kind"
        )
    if kind is None and only["regression"]:
        kind = "regression"
    dataset = load(data, target=target, seed=seed, kind=kind, missing=missing, columns=columns)
    wrong = only[_other(dataset.kind)]
    if wrong:
        raise DataError(_another_kind(dataset.kind, wrong, ", ".join(dataset.label_names[:3]), chosen=kind is not None))
    if class_weights is None:
        task = TASKS[dataset.kind](data, objectives, target, seed, missing, columns)
    elif dataset.kind == "classification":
        task = Classification(data, objectives, target, seed, missing, columns, class_weights)
    else:
        raise DataError("class weights are of classes, and this is a search of numbers, a regression")
    task.dataset = dataset
    return task


def _another_kind(kind: str, wrong: set[str], what: str, *, chosen: bool) -> str:
    other = _other(kind)
    offered = ", ".join(objective.name for objective in TASKS[kind].offered)
    why = "of numbers, a regression" if kind == "regression" else "of classes, a classification"
    said = "and that was asked for" if chosen else f"as {what} asks for"
    return (
        f"{_listed(wrong)} is an objective of {other}, and this is a search {why}, {said}: its objectives are {offered}; for the other kind: "
        f"--kind {other}"
    )


def _other(kind: str) -> str:
    return "regression" if kind == "classification" else "classification"


def _offered(kind: str) -> set[str]:
    return {objective.name for objective in TASKS[kind].offered}


def _names(objectives: str | Sequence[ObjectiveLike] | None) -> list[str]:
    if objectives is None:
        return []
    given = objectives.split(",") if isinstance(objectives, str) else [item for item in objectives if isinstance(item, str)]
    return [name for name, _ in parse_limits(given)] if given else []


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))
