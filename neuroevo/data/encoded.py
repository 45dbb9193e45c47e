"""Texts of many values as features: the mean of the target among training rows with that text, or a hash of the text.

Means are shrunk towards that of all training rows (Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes",
2001, eq. 3 with n / (n + WEIGHT)). A training row's own features come from rows of other folds alone: else a text that few rows have would tell the
network their targets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

WEIGHT = 10.0  # rows that the mean of all counts as
FOLDS = 5
BUCKETS = 32
MOST_OUTPUTS = 10  # features that one text may become


def targets_of(y: npt.NDArray[np.generic], outputs: int, classes: bool) -> Doubles:
    """What means are taken of: the values; of classes whether a row is of each, of two classes whether it is of the second: float64
    [rows, means].

    Args:
        y: int [rows], the class of each; or float [rows, outputs].
    """
    if not classes:
        return y.astype(np.float64)
    each = np.eye(outputs)[y.astype(np.int64)]
    return each[:, 1:] if outputs == 2 else each


def means(texts: Sequence[str], targets: Doubles, prior: Doubles) -> dict[str, Doubles]:
    """The shrunk mean of the targets of each text.

    Args:
        texts: of each row.
        targets: float64 [rows, means].
        prior: float64 [means], that of texts that no row has.
    """
    names, places = (
        np.unique(np.array(texts, dtype=object), return_inverse=True) if len(texts) else (np.array([]), np.zeros(0, int))
    )
    counts = np.bincount(places, minlength=len(names)).astype(np.float64)[:, None]
    sums = np.zeros((len(names), targets.shape[1]))
    np.add.at(sums, places, targets)
    shrunk = (sums + WEIGHT * prior) / (counts + WEIGHT)
    return dict(zip(names.tolist(), shrunk, strict=True))


def of_known(texts: Sequence[str], known: dict[str, Doubles], prior: Doubles) -> Doubles:
    """The means of rows by their texts, `prior` where a text is not known: float64 [rows, means]."""
    return np.array([known.get(text, prior) for text in texts], dtype=np.float64).reshape(len(texts), len(prior))


def out_of_fold(texts: Sequence[str], targets: Doubles, together: npt.NDArray[np.int64], seed: int) -> Doubles:
    """Means of training rows, each from the rows of other folds: float64 [rows, means].

    Args:
        together: int [rows]; rows of one number are in one fold.
        seed: decides the folds.
    """
    # the prior is of all rows, the same for each: that of the other folds would tell a row's own fold from its targets
    prior = targets.mean(axis=0)
    groups, places = np.unique(together, return_inverse=True)
    folds = (np.random.default_rng(seed).permutation(len(groups)) % FOLDS)[places]
    every = np.array(texts, dtype=object)
    found = np.empty_like(targets)
    for fold in range(FOLDS):
        inside = folds == fold
        found[inside] = of_known(every[inside].tolist(), means(every[~inside].tolist(), targets[~inside], prior), prior)
    return found


def bucket(text: str) -> int:
    """Which of the features a text's hash sets to 1, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") % BUCKETS
