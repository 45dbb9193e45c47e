"""Novelty: how far what an individual did is from what others do and have done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from genomes.base import shown
from neuroevo.core.state import State
from neuroevo.selection.neighbours import MEASURES, Floats, Measure, nearest_distances
from neuroevo.selection.scoring import Generation, Scoring

ARCHIVES = ("threshold", "probability", "none")


@dataclass
class Novelty(Scoring):
    """Novelty search (Lehman & Stanley 2011): the mean distance from the k nearest, by their descriptors, among the rest of the population
    and an archive of what was new when it was done.

    By threshold, a newly born individual joins the archive where the nearest in it is farther than the threshold, those of one generation one
    after the other, so that of equal ones one is archived. The threshold is lowered after `patience` generations without an entry, and raised
    after one with more than `most`.

    Args:
        k: neighbours.
        archive: who joins the archive: "threshold"; "probability": anybody newly born, at random; "none": there is none, novelty is among
            the living.
        threshold: the first one, in the unit of the distance; None: the mean novelty of the first generation.
        floor: the least threshold; None: a 24th of the first one (the authors': 0.25 of 6).
        lowered, raised: factors on the threshold.
        patience, most: of generations without an entry, and of entries in one generation; see above.
        probability: that a newly born individual joins the archive, with "probability".
        distance: "euclidean"; "mean_absolute": the mean of the absolute differences, as the authors' program has it.

    Raises:
        ValueError: a setting out of its range.
    """

    k: int = 15
    archive: Literal["threshold", "probability", "none"] = "threshold"
    threshold: float | None = None
    floor: float | None = None
    lowered: float = 0.95
    raised: float = 1.2
    patience: int = 10
    most: int = 4
    probability: float = 0.02
    distance: Measure = "euclidean"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("k", 1), ("patience", 1), ("most", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {shown(value)}")
        for name, low, high in (("threshold", 0.0, np.inf), ("floor", 0.0, np.inf), ("lowered", 0.0, 1.0), ("raised", 1.0, 1e6), ("probability", 0.0, 1.0)):  # fmt: skip
            value = getattr(self, name)
            if value is None and name in ("threshold", "floor"):
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise ValueError(f"{name} must be a number from {low:g} to {high:g}, got {shown(value)}")
        for name, allowed in (("archive", ARCHIVES), ("distance", MEASURES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {shown(getattr(self, name))}")

    def start(self) -> None:
        self._archived: Floats | None = None  # [entries, d]; None before the first generation
        self._bound, self._floor = 0.0, 0.0
        self._fruitless = 0

    @property
    def archived(self) -> Floats:
        """The archive: float64 [entries, d], in the order in which they joined."""
        return np.zeros((0, 0)) if self._archived is None else self._archived

    def scores(self, generation: Generation) -> Floats:
        did = generation.descriptors
        first = self._archived is None
        known = np.zeros((0, did.shape[1])) if self._archived is None else self._archived
        # of oneself the distance is 0, and nobody's is less: it is the first
        near = nearest_distances(did, np.concatenate([did, known]), self.k + 1, self.distance)[:, 1:]
        scores: Floats = near.mean(axis=1) if near.shape[1] else np.zeros(len(did))
        if first:
            self._bound = float(scores.mean()) if self.threshold is None else float(self.threshold)
            self._floor = self._bound / 24.0 if self.floor is None else float(self.floor)
        self._archived = known
        self._archive_with(generation)
        return scores

    def _archive_with(self, generation: Generation) -> None:
        """Archive those of a generation who are to be."""
        self._archive(generation.descriptors[generation.new], generation.rng)

    def _archive(self, born: Floats, rng: np.random.Generator) -> list[int]:
        """Archive those of the newly born who are to be; returns their positions."""
        assert self._archived is not None
        joined: list[int] = []
        if self.archive == "probability":
            joined = np.flatnonzero(rng.random(len(born)) < self.probability).tolist()
        elif self.archive == "threshold":
            joined = self._beyond_threshold(born)
        self._archived = np.concatenate([self._archived, born[joined].reshape(-1, born.shape[1])])
        return joined

    def _beyond_threshold(self, born: Floats) -> list[int]:
        assert self._archived is not None
        candidates = np.arange(len(born))
        if len(self._archived):
            candidates = candidates[nearest_distances(born, self._archived, 1, self.distance)[:, 0] > self._bound]
        joined: list[int] = []
        for one in candidates.tolist():
            if not joined or nearest_distances(born[[one]], born[joined], 1, self.distance)[0, 0] > self._bound:
                joined.append(one)
        self._fruitless = 0 if joined else self._fruitless + 1
        if len(joined) > self.most:
            self._bound *= self.raised
        elif self._fruitless >= self.patience:
            self._bound, self._fruitless = max(self._bound * self.lowered, self._floor), 0
        return joined

    def state(self) -> State:
        if self._archived is None:
            return State()
        return State({"threshold": self._bound, "floor": self._floor, "fruitless": self._fruitless}, {"archive": self._archived})

    def restore(self, state: State) -> None:
        if "archive" not in state.arrays:
            return
        self._archived = np.array(state.arrays["archive"])
        self._bound, self._floor = float(state.json["threshold"]), float(state.json["floor"])
        self._fruitless = int(state.json["fruitless"])

    def report(self) -> dict[str, Any]:
        """How many are archived, and the threshold now."""
        if self.archive == "none":
            return {}
        size = {"archive": len(self.archived)}
        return {**size, "archive_threshold": self._bound} if self.archive == "threshold" else size
