"""Which rows are to train on, to validate on and to test on: shuffled and stratified, or by groups, or by time; copies of a row in one part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.dataset import DataError, Kind

Rows = npt.NDArray[np.int64]

TEST, VALIDATION = 0.2, 0.25  # 25 % of what the test leaves: 60 / 20 / 20 %
FEWEST = 5  # samples of a class, so that each part can have one
SHUFFLES = 50  # of groups, of which the one with the most equal parts is taken
DISCRETE = 0.1  # the share of different rows below which copies are chance, not copies


@dataclass(frozen=True)
class Apart:
    """What must not straddle the split of a table.

    Args:
        together: int [rows]; rows of one number belong together: those of a group, or copies of each other. None: each row is on its own.
        by: the column of the groups, or of the times; "" for copies.
        times: float64 [rows]; later rows are held back.
    """

    together: Rows | None = None
    by: str = ""
    times: npt.NDArray[np.float64] | None = None


def split(
    y: npt.NDArray[Any], given: Mapping[str, Rows], seed: int, kind: Kind, labels: tuple[str, ...], apart: Apart | None = None
) -> dict[str, Rows]:
    """Rows of each part: what the source gives stays, the rest is shuffled and split.

    Args:
        y: the class of each row, or values [rows, outputs].
        given: rows of parts that the source has.
        labels: the classes' names.
        apart: what must not straddle the split.

    Raises:
        DataError: too few rows, or groups, for three parts.
    """
    from sklearn.model_selection import train_test_split

    classes = y if kind == "classification" else None
    if apart is not None and apart.times is not None:
        return _checked(_by_time(apart.times, apart.by), classes, labels, apart.by)
    if apart is not None and apart.together is not None and apart.by:
        return _checked(_by_groups(apart.together, classes, seed, apart.by), classes, labels, apart.by)
    rest = np.setdiff1d(np.arange(len(y)), np.concatenate([np.zeros(0, np.int64), *given.values()]))
    copies = None if apart is None else apart.together
    if copies is not None:
        rest = np.unique(copies, return_index=True)[1].astype(np.int64)  # one row of each
    missing = [part for part in ("test", "validation") if part not in given]
    parts = {part: np.asarray(rows) for part, rows in given.items()}
    if kind == "classification":
        counts = np.bincount(y[rest], minlength=len(labels))
        if missing and counts.min() < FEWEST:
            raise DataError(
                f"class {labels[int(counts.argmin())]!r} has {counts.min()} samples to train on; a split needs at least {FEWEST} "
                f"of every class: merge it with another, or leave it out{_or_a_number(labels)}"
            )
    if missing and len(rest) < FEWEST:
        raise DataError(f"a split needs at least {FEWEST} samples, got {len(rest)}")
    for part in missing:
        share = TEST if part == "test" or "test" in given else VALIDATION
        size = max(math.ceil(share * len(rest)), len(labels) if kind == "classification" else 1)
        stratify = y[rest] if kind == "classification" else None
        rest, taken = train_test_split(rest, test_size=size, stratify=stratify, random_state=seed)
        parts[part] = np.sort(taken)
    found = {"train": np.sort(rest), "validation": parts["validation"], "test": parts["test"]}
    if copies is not None:
        return {part: np.flatnonzero(np.isin(copies, copies[rows])) for part, rows in found.items()}
    return found


def _or_a_number(labels: tuple[str, ...]) -> str:
    try:
        np.array(labels, dtype=np.float64)
    except ValueError:
        return ""
    return "; or predict numbers with --kind regression"


def copies(rows: Any, y: npt.NDArray[Any], kind: Kind, classes: int) -> tuple[Rows | None, str]:
    """Which rows of a table are copies of each other, targets included: int [rows]; None where none are, or where a split cannot keep them
    together; and what to say of it.

    Args:
        rows: a pandas DataFrame of what the network is given.
        y: the class of each row, or values [rows, outputs].
    """
    import pandas

    whole = pandas.concat([rows.reset_index(drop=True), pandas.DataFrame(y.reshape(len(y), -1))], axis=1)
    whole = whole.set_axis(range(whole.shape[1]), axis=1)
    number = whole.groupby(list(whole.columns), dropna=False, sort=False).ngroup().to_numpy(dtype=np.int64)
    different = int(number.max()) + 1
    if different == len(y):
        return None, ""
    first = np.unique(number, return_index=True)[1]
    few = different < max(FEWEST, DISCRETE * len(y))
    if few or (kind == "classification" and np.bincount(y[first], minlength=classes).min() < FEWEST):
        return (
            None,
            f"Only {different} of {len(y)} rows are different, so that copies of a row are in several parts of the split.",
        )
    said = f"{len(y) - different} of {len(y)} rows are copies of others: copies are in one part of the split."
    return number, said


def _by_time(times: npt.NDArray[np.float64], by: str) -> dict[str, Rows]:
    """The latest rows are the test part; rows of one time are in one part."""
    moments, counts = np.unique(times, return_counts=True)
    if len(moments) < 3:
        raise DataError(f"{by!r} has {len(moments)} different values: a split by time needs 3 at least")
    before = np.concatenate([[0], np.cumsum(counts)[:-1]])
    test = 2 + int(np.abs(before[2:] - (1 - TEST) * len(times)).argmin())
    validation = 1 + int(np.abs(before[1:test] - (1 - TEST) * (1 - VALIDATION) * len(times)).argmin())
    bounds = moments[validation], moments[test]
    return {
        "train": np.flatnonzero(times < bounds[0]),
        "validation": np.flatnonzero((times >= bounds[0]) & (times < bounds[1])),
        "test": np.flatnonzero(times >= bounds[1]),
    }


def _by_groups(groups: Rows, classes: Rows | None, seed: int, by: str) -> dict[str, Rows]:
    """Whole groups in each part; of several shuffles the one whose parts are most like the shares and like each other in classes."""
    names, places = np.unique(groups, return_inverse=True)
    if len(names) < 3:
        raise DataError(f"{by!r} has {len(names)} different values: a split by groups needs 3 at least")
    rng = np.random.default_rng(seed)
    rest, parts = np.arange(len(groups)), {}
    for part, share in (("test", TEST), ("validation", VALIDATION)):
        taken = hold_back(places[rest], None if classes is None else classes[rest], share, rng)
        parts[part], rest = rest[taken], rest[~taken]
    return {"train": rest, **parts}


def hold_back(groups: Rows, classes: Rows | None, share: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Which rows to hold back: whole groups, about that share of the rows, and of each class: bool [rows].

    Args:
        groups: int [rows], at least two different ones.
        classes: int [rows], or None.
    """
    _, places = np.unique(groups, return_inverse=True)
    kinds = np.zeros(len(groups), np.int64) if classes is None else np.unique(classes, return_inverse=True)[1]
    counts = np.zeros((places.max() + 1, kinds.max() + 1))
    np.add.at(counts, (places, kinds), 1)
    best: tuple[float, Any] = (np.inf, None)
    for _ in range(SHUFFLES):
        order = rng.permutation(len(counts))
        held = counts[order].cumsum(axis=0)
        cut = int(np.abs(held[:-1].sum(axis=1) - share * len(groups)).argmin()) + 1
        inside, total = held[cut - 1], counts.sum(axis=0)
        unequal = (
            float(np.abs(inside / total - share).sum()) + 10.0 * int((inside == 0).sum()) + 100.0 * int((inside == total).sum())
        )
        if unequal < best[0]:
            best = unequal, order[:cut]
    taken: npt.NDArray[np.bool_] = np.isin(places, best[1])
    return taken


def _checked(parts: dict[str, Rows], classes: Rows | None, labels: tuple[str, ...], by: str) -> dict[str, Rows]:
    if classes is not None:
        absent = np.setdiff1d(np.arange(len(labels)), classes[parts["train"]])
        if len(absent):
            raise DataError(
                f"class {labels[int(absent[0])]!r} is in no row to train on when rows are split by {by!r}: merge it with another, leave it out, "
                "or split otherwise"
            )
    return parts
