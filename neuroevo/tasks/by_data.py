"""`for_data`: the task that data asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from neuroevo.core.objectives import parse_limits
from neuroevo.data import Columns, DataError, load
from neuroevo.data.dataset import Kind
from neuroevo.tasks.classification import Classification, ClassWeights
from neuroevo.tasks.detection import Detection, ImageSize
from neuroevo.tasks.regression import Regression
from neuroevo.tasks.supervised import ObjectiveLike, Supervised

TASKS: dict[str, type[Supervised]] = {"classification": Classification, "regression": Regression, "detection": Detection}
OF = {"classification": "of classes, a classification", "regression": "of numbers, a regression", "detection": "of boxes in images, a detection"}


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
    image_size: ImageSize = None,
) -> Supervised:
    """`Classification`, `Regression` or `Detection`, as the data and its target say (see `neuroevo.data.load`): what the command line searches.

    Args:
        data, target, missing, columns, seed, class_weights: as for `Classification`.
        objectives: by default those that fit: error, mae or ap, and parameters. One of a regression alone, such as mae, makes it one.
        kind: "classification", "regression" or "detection", to decide it.
        image_size: of a detection, as for `Detection`.

    Raises:
        DataError: data that cannot be used.
        ValueError: objectives of another kind than the data's; the sentence says what there is, and what to say for the other kind.
    """
    named = _names(objectives)
    only = {name: _only_offered(name) & set(named) for name in TASKS}
    several = [name for name, found in only.items() if found]
    if len(several) > 1:
        one, other = several[:2]
        raise ValueError(f"{_listed(only[one])} is of {one} and {_listed(only[other])} of {other}: a search has one kind")
    if kind is None and several and several[0] != "classification":
        kind = several[0]  # type: ignore[assignment]
    dataset = load(data, target=target, seed=seed, kind=kind, missing=missing, columns=columns, image_size=image_size)
    if several and several[0] != dataset.kind:
        what = ", ".join(dataset.label_names[:3])
        raise DataError(_another_kind(dataset.kind, several[0], only[several[0]], what, chosen=kind is not None))
    if class_weights is not None and dataset.kind != "classification":
        raise DataError(f"class weights are of classes, and this is a search {OF[dataset.kind]}")
    task: Supervised
    if dataset.kind == "detection":
        task = Detection(data, objectives, seed, image_size)
    elif class_weights is None:
        task = TASKS[dataset.kind](data, objectives, target, seed, missing, columns)
    else:
        task = Classification(data, objectives, target, seed, missing, columns, class_weights)
    task.dataset = dataset
    return task


def _another_kind(kind: str, other: str, wrong: set[str], what: str, *, chosen: bool) -> str:
    offered = ", ".join(objective.name for objective in TASKS[kind].offered)
    said = "and that was asked for" if chosen else f"as {what} asks for"
    for_other = "" if "detection" in (kind, other) else f"; for the other kind: --kind {other}"
    return f"{_listed(wrong)} is an objective of {other}, and this is a search {OF[kind]}, {said}: its objectives are {offered}{for_other}"


def _only_offered(kind: str) -> set[str]:
    """The objectives that no other kind has."""
    others = {objective.name for name, task in TASKS.items() if name != kind for objective in task.offered}
    return {objective.name for objective in TASKS[kind].offered} - others


def _names(objectives: str | Sequence[ObjectiveLike] | None) -> list[str]:
    if objectives is None:
        return []
    given = objectives.split(",") if isinstance(objectives, str) else [item for item in objectives if isinstance(item, str)]
    return [name for name, _ in parse_limits(given)] if given else []


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))
