"""Surprise: how far what an individual did is from what was to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from genomes.base import shown
from neuroevo.core.state import State
from neuroevo.selection.neighbours import MEASURES, Floats, Measure, nearest_distances
from neuroevo.selection.scoring import Generation, Scoring

MOST_STEPS = 100  # of k-means; the centres of the generation before are near, so that a few suffice


@dataclass
class Surprise(Scoring):
    """Surprise search (Gravina, Liapis & Yannakakis 2016): the mean distance from the n nearest predictions of what this generation does.

    Each generation's behaviour is summed up by the centres of k clusters (k-means, which begins at the centres of the generation before, so that
    centres correspond); a prediction is a centre moved on by as much as it moved between the last two generations. The first two generations,
    of which there are no predictions, score alike.

    Args:
        clusters: k; where the first generation has fewer members, so many.
        nearest: n.
        distance: "euclidean"; "mean_absolute": the mean of the absolute differences.

    Raises:
        ValueError: a setting out of its range.
    """

    clusters: int = 200
    nearest: int = 2
    distance: Measure = "euclidean"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("clusters", "nearest"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number >= 1, got {shown(value)}")
        if self.distance not in MEASURES:
            raise ValueError(f"distance must be one of {', '.join(map(repr, MEASURES))}, got {shown(self.distance)}")

    def start(self) -> None:
        self._centres: list[Floats] = []  # of the last two generations, [clusters, d] each, the latest last

    @property
    def predicted(self) -> Floats | None:
        """What the next generation is expected to do: float64 [clusters, d]; None before two generations are known."""
        return 2.0 * self._centres[1] - self._centres[0] if len(self._centres) == 2 else None

    def scores(self, generation: Generation) -> Floats:
        did, expected = generation.descriptors, self.predicted
        scores: Floats = np.zeros(len(did))
        if expected is not None:
            scores = nearest_distances(did, expected, self.nearest, self.distance).mean(axis=1)
        before = self._centres[-1:] or [did[np.sort(generation.rng.permutation(len(did))[: self.clusters])]]
        self._centres = [*self._centres[-1:], cluster_centres(did, before[0])]
        return scores

    def state(self) -> State:
        return State({}, {f"centres.{number}": centres for number, centres in enumerate(self._centres)})

    def restore(self, state: State) -> None:
        self._centres = [np.array(state.arrays[name]) for name in sorted(state.arrays)]

    def report(self) -> dict[str, Any]:
        """By how much the centres moved from the generation before, on the mean."""
        if len(self._centres) < 2:
            return {}
        moved = self._centres[1] - self._centres[0]
        return {"centres_moved": float(np.sqrt((moved**2).sum(axis=1)).mean())}


def cluster_centres(points: Floats, seeds: Floats) -> Floats:
    """The centres of k-means that begins at `seeds` (Lloyd 1982): float64 [clusters, d]. A centre that no point is nearest to stays where it is.

    Args:
        points: float64 [points, d].
        seeds: float64 [clusters, d].
    """
    from scipy.spatial import KDTree

    centres, before = seeds.copy(), None
    for _ in range(MOST_STEPS):
        nearest = KDTree(centres).query(points)[1]
        if before is not None and np.array_equal(nearest, before):
            break
        before = nearest
        sizes = np.bincount(nearest, minlength=len(centres))
        found = sizes > 0
        for dimension in range(points.shape[1]):
            sums = np.bincount(nearest, weights=points[:, dimension], minlength=len(centres))
            centres[found, dimension] = sums[found] / sizes[found]
    return centres
