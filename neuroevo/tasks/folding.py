"""Folds: the rows that are not for the test, cut so that each is asked about once, by a network that never saw it (Stone 1974; five as Breiman &
Spector 1992 advise)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from neuroevo.data.dataset import Part
    from neuroevo.tasks.supervised import Supervised

USUAL = 5
FEWEST_OF_SEARCH = 4
SMALL = 2000  # rows below which folds are asked for by themselves
Rows = npt.NDArray[np.int64]


def usual_folds(task: Supervised, *, of_search: bool = False) -> int:
    """The folds where nobody says otherwise: 5 of tables of fewer than 2,000 rows that can be folded (fewer where the rarest class has fewer different
    rows), 0 of others, of those whose source says which rows are for validation, and of a search where fewer than 4 folds could be made: most networks
    would then be of few rows.

    Args:
        of_search: those of `search_folds_of`, else those of `folds_of`.
    """
    dataset = task.dataset
    parts = [dataset.train, dataset.validation, *([] if dataset.test is dataset.validation else [dataset.test])]
    if sum(map(len, parts)) >= SMALL or len(dataset.input_shape) > 1 or dataset.validation_given or hindered(task):
        return 0
    folds = min(USUAL, _most_search_folds(task) if of_search else _most_folds(task))
    return folds if folds >= (FEWEST_OF_SEARCH if of_search else 2) else 0


def _most_folds(task: Supervised) -> int:
    """Different rows of the rarest class to train and validate on; of a regression all of them."""
    return _rarest(task, task.dataset.search_part)


def _most_search_folds(task: Supervised) -> int:
    """The validation part, and a part of the training rows for each different row of the rarest class."""
    return 1 + _rarest(task, task.dataset.train)


def _rarest(task: Supervised, part: Part) -> int:
    _, first = np.unique(_copies(part), return_index=True)
    return len(first) if task.kind == "regression" else int(np.bincount(part.y[first])[np.unique(part.y)].min())


def _copies(part: Part) -> Rows:
    """Which rows are copies of each other: int64 [samples], the same number for each of them."""
    rows = np.concatenate([part.x.reshape(len(part), -1), part.y.reshape(len(part), -1)], axis=1)
    return np.unique(rows, axis=0, return_inverse=True)[1].ravel()


def hindered(task: Supervised) -> str:
    """Why the data of a task cannot be folded, in a sentence; "" where it can."""
    columns = task.dataset.columns
    if task.kind == "detection":
        return "folds are of classes and numbers, not of boxes in images"
    if task.columns.group is not None or task.columns.time is not None:
        return f"rows that were split by {task.columns.group or task.columns.time!r} cannot be folded: a fold would not be split by it"
    learned = [] if columns is None else [each["name"] for each in columns["columns"] if each["kind"] == "target"]
    if learned:
        return f"{learned[0]!r} became the mean of the target among training rows, which folds would give away"
    return ""


def folds_of(task: Supervised, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Rows of the training and validation parts together to train on and to ask about, of each fold: stratified, copies of a row in one fold.

    Raises:
        ValueError: fewer than 2 folds, more than there are different rows of the rarest class (of a regression: of all), or data that cannot be folded.
    """
    if reason := hindered(task):
        raise ValueError(f"{reason}; leave --folds out")
    both = task.dataset.search_part
    classes = both.y if task.kind == "classification" else None
    most = _most_folds(task)
    if not 2 <= folds <= most:
        what = "different rows" if classes is None else "different rows of the rarest class"
        raise ValueError(f"--folds is a number from 2 to {most}, the {what} to train and validate on (0: no folds), got {folds}")
    return _split(both, classes, folds, seed)


def search_folds_of(task: Supervised, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """The same for a search that asks all rows of every network: the first fold trains on the training part and asks the validation part, as a search
    without folds does; the others ask a part of the training rows each.

    Raises:
        ValueError: fewer than 2 folds, more than leave a different training row of the rarest class (of a regression: of all) to each, or data that
            cannot be folded.
    """
    if reason := hindered(task):
        raise ValueError(f"{reason}; leave the folds of the search out")
    train, validation = task.dataset.train, task.dataset.validation
    classes = train.y if task.kind == "classification" else None
    most = _most_search_folds(task)
    if not 2 <= folds <= most:
        what = "different training rows" if classes is None else "different training rows of the rarest class"
        raise ValueError(f"the folds of a search are a number from 2 to {most}, the validation part and the {what}, got {folds}")
    held = len(train) + np.arange(len(validation))
    parts = [(np.arange(len(train)), held)]
    if folds == 2:
        return [*parts, (held, np.arange(len(train)))]
    return parts + [(np.concatenate([rows, held]), asked) for rows, asked in _split(train, classes, folds - 1, seed)]


def can_be_folded(task: Supervised, folds: int) -> bool:
    """Whether a search of the task can ask by so many folds."""
    return not hindered(task) and 2 <= folds <= _most_search_folds(task)


def _split(part: Part, classes: npt.NDArray[Any] | None, folds: int, seed: int) -> list[tuple[Rows, Rows]]:
    """Rows to train on and to ask about, of each fold: stratified by classes, copies of a row in one fold."""
    from sklearn import model_selection

    copies = _copies(part)
    different = int(copies.max()) + 1 == len(part)
    if classes is None:
        splitter: Any = model_selection.KFold(folds, shuffle=True, random_state=seed) if different else model_selection.GroupKFold(folds)
    else:
        kind = model_selection.StratifiedKFold if different else model_selection.StratifiedGroupKFold
        splitter = kind(folds, shuffle=True, random_state=seed)
    found: Iterator[tuple[Rows, Rows]] = splitter.split(part.x, classes, None if different else copies)
    return list(found)
