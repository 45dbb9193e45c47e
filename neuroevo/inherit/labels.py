"""Labels: which channel of a parent a channel of the child continues.

Every channel carries a 64-bit label; 0 is "no label". A gene's own channels are labelled by its marking and their channel ids; layers that
move values without changing them hand labels on. Wherever the child keeps the parent's function, equal labels mean equal values, so a
layer finds the weight rows of its inputs by label, wherever these have moved.

Where positions end in another way than in the parent, a flatten for a global pooling, or with more or fewer of them, features continue what
lay at their place: a row is divided among the features that share its place, and rows of one place are added up. What read a mean over the
positions reads each position's share of it, so that behind a global average the child computes what the parent computed; what read every
position by itself reads their mean by the sum of those weights, the same where all positions agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_FLATTEN = 0x5F1A
_PAIRS = 1 << 20  # of features whose places are compared at once


@dataclass(frozen=True)
class Places:
    """Which part of the positions of which channel some features are.

    Attributes:
        exact, origin: uint64 [features]; the labels of the channels, whatever the position.
        spans: float64 [features, axes, 2]; where along each axis a feature begins and ends, as shares of the axis.
    """

    exact: Hashes
    origin: Hashes
    spans: Floats

    def widened(self, axes: int) -> Places:
        """The same with spans along so many axes: all of those that it did not have."""
        missing = axes - self.spans.shape[1]
        return Places(self.exact, self.origin, np.concatenate([self.spans, _everywhere(len(self.exact), missing)], axis=1))


@dataclass(frozen=True)
class Labels:
    """The labels of some channels.

    Attributes:
        exact: uint64 [channels]; equal labels are equal values.
        origin: uint64 [channels]; only where a channel was made, whatever pooling or sum it has been through. Where operators that are
            not exact have changed the way, it still tells where the channel belongs.
        places: behind a flatten, where the features lay; None: each is the channel's value everywhere.
    """

    exact: Hashes
    origin: Hashes
    places: Places | None = None

    def __len__(self) -> int:
        return len(self.exact)

    def __getitem__(self, index: Ints) -> Labels:
        at = self.places and Places(self.places.exact[index], self.places.origin[index], self.places.spans[index])
        return Labels(self.exact[index], self.origin[index], at)

    def placed(self) -> Places:
        """Where the features lay, whether or not they are behind a flatten."""
        return Places(self.exact, self.origin, _everywhere(len(self), 0)) if self.places is None else self.places

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
        exact, origin = np.concatenate([part.exact for part in parts]), np.concatenate([part.origin for part in parts])
        return Labels(exact, origin, _joined([part.placed() for part in parts]) if any(part.places for part in parts) else None)

    def through(self, marking: int) -> Labels:
        """The labels behind a layer that makes one value of each channel."""
        at = self.places and Places(_through(self.places.exact, marking), self.places.origin, self.places.spans)
        return Labels(_through(self.exact, marking), self.origin, at)

    def embedded(self, marking: int, width: int) -> Labels:
        """The labels behind an embedding that hands its features on and makes `width` values of each."""
        grid = np.stack([np.where(self.exact == 0, self.exact, _mixed(_mixed(self.exact, marking), k + 1)) for k in range(width)], axis=1)
        return Labels.joined([self, Labels(grid.reshape(-1), grid.reshape(-1))])

    def flattened(self, shape: Sequence[int], of: Sequence[int]) -> Labels:
        """The labels of the features [positions x channels] of a flattened map.

        Args:
            shape: the map's positions along each axis.
            of: those of the input that it was made of.
        """
        positions = math.prod(shape)

        def spread(labels: Hashes) -> Hashes:
            places = np.arange(positions, dtype=np.uint64)[:, None] + np.uint64(positions << 20)
            grid = _mixed(_mixed(np.broadcast_to(labels, (positions, len(labels))), _FLATTEN), places)
            return np.asarray(np.where(labels == 0, np.uint64(0), grid)).reshape(-1)

        axes = [_spans(count, length)[place] for count, length, place in zip(shape, of, np.indices(shape).reshape(len(shape), -1), strict=True)]
        spans = np.repeat(np.stack(axes, axis=1), len(self), axis=0)
        return Labels(spread(self.exact), spread(self.origin), Places(np.tile(self.exact, positions), np.tile(self.origin, positions), spans))

    def only(self, known: npt.NDArray[np.bool_]) -> Labels:
        """The labels where `known`, none elsewhere."""

        def kept(labels: Hashes) -> Hashes:
            return np.where(known, labels, np.uint64(0))

        at = self.places and Places(kept(self.places.exact), kept(self.places.origin), self.places.spans)
        return Labels(kept(self.exact), kept(self.origin), at)


def _through(labels: Hashes, marking: int) -> Hashes:
    return np.where(labels == 0, labels, _mixed(labels, marking))


def _spans(count: int, length: int) -> Floats:
    """Where positions begin and end, as shares of an axis of the input with so many: float64 [count, 2].

    Strides halve and round up, so the last position may be of fewer than the others.
    """
    step = 2.0 ** math.ceil(math.log2(length / count))
    if math.ceil(length / step) != count:
        step = length / count
    ends = np.arange(count + 1) * step
    return np.stack([ends[:-1], np.minimum(ends[1:], length)], axis=1) / length


def _everywhere(features: int, axes: int) -> Floats:
    return np.broadcast_to(np.array([0.0, 1.0]), (features, axes, 2))


def _joined(parts: Sequence[Places]) -> Places:
    axes = max(part.spans.shape[1] for part in parts)
    parts = [part.widened(axes) for part in parts]
    return Places(*[np.concatenate([getattr(part, name) for part in parts]) for name in ("exact", "origin", "spans")])


@dataclass(frozen=True)
class Shares:
    """Rows of features whose places overlap: of the parent's row `parent[k]`, `share[k]` goes to the child's `child[k]`; the shares of a row
    sum to 1."""

    parent: Ints
    child: Ints
    share: Floats


@dataclass(frozen=True)
class Match:
    """Which of a parent's channels each of a child's continues.

    Attributes:
        source: int64 [child's channels]: the parent's channel, or -1; of several whose places it shares, the one that it shares most of.
        surplus: (parent's channel, child's channel) pairs: the parent had a value more often than the child; a row that reads it there is
            added to the row of the child's last.
        shares: the rows of those that continue what lay at their place.
    """

    source: Ints
    surplus: tuple[tuple[int, int], ...] = ()
    shares: Shares | None = None

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
        if self.shares is not None:
            share = self.shares.share.astype(array.dtype).reshape(-1, *[1] * (rows.ndim - 1))
            rows[self.shares.child] = 0
            np.add.at(rows, self.shares.child, share * moved[self.shares.parent])
        return np.moveaxis(rows, 0, axis)


def match(child: Labels, parent: Labels) -> Match:
    """Match channels by label: the i-th occurrence takes the i-th; what is left is matched by origin, likewise; and what is left of features
    that have a place, on either side, by place."""
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
                free[source[place]] = False
    shares = _by_place(child, parent, source, free) if child.places or parent.places else None
    return Match(source, tuple(surplus), shares)


def _by_place(child: Labels, parent: Labels, source: Ints, free: npt.NDArray[np.bool_]) -> Shares | None:
    """How the parent's features that are `free` are divided among those of the child's that have no source yet. Enters the sources."""
    placed = _joined([child.placed(), parent.placed()])
    found: list[Shares] = []
    known: dict[tuple[bytes, bytes], Shares] = {}  # every channel of a map has the same places
    for labels in (placed.exact, placed.origin):
        wanted = _groups(labels[: len(child)], source < 0)
        for label, rows in _groups(labels[len(child) :], free).items():
            if (mine := wanted.get(label)) is None:
                continue
            spans = placed.spans[len(child) + rows], placed.spans[mine]
            key = (spans[0].tobytes(), spans[1].tobytes())
            if key not in known:
                known[key] = _overlaps(*spans)
            shares = known[key]
            found.append(Shares(rows[shares.parent], mine[shares.child], shares.share))
            free[found[-1].parent] = False
            order = np.argsort(shares.share, kind="stable")
            source[found[-1].child[order]] = found[-1].parent[order]  # the largest share comes last and stays
    if not found:
        return None
    return Shares(*[np.concatenate([getattr(shares, name) for shares in found]) for name in ("parent", "child", "share")])


def _overlaps(parent: Floats, child: Floats) -> Shares:
    """How rows of features with the first spans [features, axes, 2] are divided among features with the second: each counts by the share of it that
    lies there, since a mean is one of positions, however far these reach."""
    parts = []
    step = max(1, _PAIRS // len(child))
    for first in range(0, len(parent), step):
        one, other = parent[first : first + step, None], child[None]
        common = np.minimum(one[..., 1], other[..., 1]) - np.maximum(one[..., 0], other[..., 0])
        common = np.where(common < 1e-9, 0, common / np.ptp(other, axis=-1)).prod(axis=-1)  # ends that meet are equal up to rounding
        rows, columns = np.nonzero(common)
        parts.append(Shares(first + rows, columns, common[rows, columns] / common.sum(axis=1)[rows]))
    return Shares(*[np.concatenate([getattr(part, name) for part in parts]) for name in ("parent", "child", "share")])


def _groups(labels: Hashes, among: npt.NDArray[np.bool_]) -> dict[int, Ints]:
    """The places of each label among some."""
    places = np.flatnonzero(among & (labels != 0))
    places = places[np.argsort(labels[places], kind="stable")]
    starts = np.flatnonzero(np.diff(labels[places], prepend=np.uint64(0)))
    return {int(labels[group[0]]): group for group in np.split(places, starts[1:])} if len(places) else {}


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
