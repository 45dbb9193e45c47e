"""Labels: which channel of a parent a channel of the child continues.

Every channel carries a 64-bit label; 0 is "no label". A gene's own channels are labelled by its marking and their channel ids; layers that
move values without changing them hand labels on. Wherever the child keeps the parent's function, equal labels mean equal values, so a
layer finds the weight rows of its inputs by label, wherever these have moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_FLATTEN = 0x5F1A


@dataclass(frozen=True)
class Labels:
    """The labels of some channels.

    Attributes:
        exact: uint64 [channels]; equal labels are equal values.
        origin: uint64 [channels]; only where a channel was made, whatever pooling or sum it has been through. Where operators that are
            not exact have changed the way, it still tells where the channel belongs.
    """

    exact: Hashes
    origin: Hashes

    def __len__(self) -> int:
        return len(self.exact)

    def __getitem__(self, index: Ints) -> Labels:
        return Labels(self.exact[index], self.origin[index])

    @staticmethod
    def own(marking: int, channels: npt.NDArray[np.int64]) -> Labels:
        """Labels of a gene's own channels, by their ids."""
        exact = _mixed(_mixed(np.zeros(len(channels), np.uint64), marking), channels.astype(np.uint64))
        return Labels(exact, exact)

    @staticmethod
    def none(channels: int) -> Labels:
        return Labels(np.zeros(channels, np.uint64), np.zeros(channels, np.uint64))

    @staticmethod
    def joined(parts: Sequence[Labels]) -> Labels:
        return Labels(np.concatenate([part.exact for part in parts]), np.concatenate([part.origin for part in parts]))

    def through(self, marking: int) -> Labels:
        """The labels behind a layer that makes one value of each channel."""
        return Labels(np.where(self.exact == 0, self.exact, _mixed(self.exact, marking)), self.origin)

    def embedded(self, marking: int, width: int) -> Labels:
        """The labels behind an embedding that hands its features on and makes `width` values of each."""
        grid = np.stack([np.where(self.exact == 0, self.exact, _mixed(_mixed(self.exact, marking), k + 1)) for k in range(width)], axis=1)
        return Labels.joined([self, Labels(grid.reshape(-1), grid.reshape(-1))])

    def flattened(self, positions: int) -> Labels:
        """The labels of the features [positions x channels] of a flattened map."""

        def spread(labels: Hashes) -> Hashes:
            places = np.arange(positions, dtype=np.uint64)[:, None] + np.uint64(positions << 20)
            grid = _mixed(_mixed(np.broadcast_to(labels, (positions, len(labels))), _FLATTEN), places)
            return np.asarray(np.where(labels == 0, np.uint64(0), grid)).reshape(-1)

        return Labels(spread(self.exact), spread(self.origin))

    def only(self, known: npt.NDArray[np.bool_]) -> Labels:
        """The labels where `known`, none elsewhere."""
        return Labels(np.where(known, self.exact, np.uint64(0)), np.where(known, self.origin, np.uint64(0)))


@dataclass(frozen=True)
class Match:
    """Which of a parent's channels each of a child's continues.

    Attributes:
        source: int64 [child's channels]: the parent's channel, or -1.
        surplus: (parent's channel, child's channel) pairs: the parent had a value more often than the child; a row that reads it there is
            added to the row of the child's last.
    """

    source: Ints
    surplus: tuple[tuple[int, int], ...] = ()

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.source >= 0)

    def rows(self, array: npt.NDArray[np.floating], axis: int) -> npt.NDArray[np.floating]:
        """The parent's weights with the child's input channels along `axis`: rows without a source are zero."""
        moved = np.moveaxis(array, axis, 0)
        rows = np.zeros((len(self.source), *moved.shape[1:]), array.dtype)
        rows[self.known] = moved[self.source[self.known]]
        for parent, child in self.surplus:
            rows[child] += moved[parent]
        return np.moveaxis(rows, 0, axis)


def match(child: Labels, parent: Labels) -> Match:
    """Match channels by label: the i-th occurrence takes the i-th; what is left is matched by origin, likewise."""
    if len(child) == len(parent) and np.array_equal(child.exact, parent.exact) and child.exact.all():
        return Match(np.arange(len(child)))
    source = np.full(len(child), -1)
    free = np.ones(len(parent), bool)
    last: dict[int, int] = {}
    waiting = _places(parent.exact, free)
    for place, label in enumerate(child.exact.tolist()):
        if label:
            queue = waiting.get(label)
            if queue:
                source[place] = queue.pop()
                free[source[place]] = False
                last[label] = place
    surplus = [(row, last[label]) for label, rows in waiting.items() if label in last for row in rows]
    free[[row for row, _ in surplus]] = False
    waiting = _places(parent.origin, free)
    if waiting:
        for place, label in enumerate(child.origin.tolist()):
            if label and source[place] < 0 and (queue := waiting.get(label)):
                source[place] = queue.pop()
    return Match(source, tuple(surplus))


def _places(labels: Hashes, free: npt.NDArray[np.bool_]) -> dict[int, list[int]]:
    """The places of each label, last first."""
    places: dict[int, list[int]] = {}
    for place in np.flatnonzero(free & (labels != 0))[::-1].tolist():
        places.setdefault(int(labels[place]), []).append(place)
    return places


def _mixed(state: Hashes, value: int | Hashes) -> Hashes:
    """Fold a value into hash states (the finaliser of SplitMix64, Steele, Lea & Flood 2014); never 0."""
    other = np.uint64(value & 0xFFFFFFFFFFFFFFFF) if isinstance(value, int) else value
    z = (state ^ other) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(np.maximum(z ^ (z >> np.uint64(31)), np.uint64(1)))
