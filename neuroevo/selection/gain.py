"""Expected gain: of many children that could be evaluated, those of which the front is expected to gain most hypervolume.

A child's cheap objectives are known before it is evaluated. Its others are its parent's, changed as those of earlier children changed whose parents were
about as good and which became about as much cheaper or dearer. Expected hypervolume improvement (Emmerich, Giannakoglou & Naujoks 2006) over these, with
no model but the earlier children, weighted by a kernel (Nadaraya 1964).
"""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from neuroevo.selection.indicators import hypervolume

Points = npt.NDArray[np.float64]

DRAWS = 32  # earlier children that a child may become like
MARGIN = 0.1  # how far behind the front's worst values the reference point lies, as a share of the range
LEAST = 1e-3  # weight of an earlier child that is nothing like this one


def chosen_by_gain(
    front: Points,
    costs: Points,
    parents: Points,
    before: Points,
    after: Points,
    count: int,
    rng: np.random.Generator,
    limits: Points | None = None,
) -> list[int]:
    """Children one after the other: always the one of which the front and those chosen before gain most.

    All objectives are to be minimised, the cheap ones first.

    Args:
        front: float64 [points, objectives], at least one point.
        costs: float64 [children, cheap objectives].
        parents: float64 [children, objectives], of each child's parent.
        before: float64 [earlier children, objectives], of their parents; at least one.
        after: the same of those children themselves.
        count: how many.
        rng: draws the earlier children.
        limits: float64 [objectives], the worst values that count; None: none.

    Returns:
        Positions of children, in order of choice; fewer where the others promise nothing.
    """
    cheap = costs.shape[1]
    low = front.min(axis=0)
    reference = np.full(front.shape[1], 1.0 + MARGIN)
    with np.errstate(over="ignore", invalid="ignore"):
        ranges = np.where(np.ptp(front, axis=0) > 0, np.ptp(front, axis=0), 1.0)
        worst = np.full(front.shape[1], np.inf) if limits is None else (limits - low) / ranges
        points, parents, before, after = [(values - low) / ranges for values in (front, parents, before, after)]
        known = (costs - low[:cheap]) / ranges[:cheap]
        if not all(np.square(values).sum() < np.inf for values in (points, parents, before, after)):
            return []  # beyond what the numbers hold
    known[~np.isfinite(known)] = np.inf  # nothing is that good
    steps = np.hstack([(after - before)[:, :cheap], before[:, cheap:]])
    weights = _likeness(np.hstack([known - parents[:, :cheap], parents[:, cheap:]]), steps)
    changes = (after - before)[:, cheap:]
    becomes = []  # what each child may become
    for child in range(len(costs)):
        drawn = np.sort(rng.choice(len(changes), size=DRAWS, p=weights[child]))
        becomes.append(np.hstack([np.broadcast_to(known[child], (DRAWS, cheap)), parents[child, cheap:] + changes[drawn]]))
    ties = rng.random(len(costs))
    # The more points there are, the less a further one adds: what a child promised before is the most that it promises now.
    most = [(-np.inf, ties[child], child) for child in range(len(costs))]
    heapq.heapify(most)
    chosen: list[int] = []
    current = np.zeros(len(costs), bool)  # whose promise is of the points as they are
    while most and len(chosen) < count:
        _, tie, child = heapq.heappop(most)
        if not current[child]:
            current[child] = True
            if (gain := _gain(points, becomes[child], worst, reference)) > 0:
                heapq.heappush(most, (-gain, tie, child))
            continue
        chosen.append(child)
        points = np.vstack([points, np.median(becomes[child], axis=0)])
        current[:] = False
    return chosen


def _gain(points: Points, becomes: Points, worst: Points, reference: Points) -> float:
    """The mean hypervolume that the points gain of what a child may become; of what is beyond a limit, none."""
    within = becomes[(becomes <= worst).all(axis=1) & (becomes < reference).all(axis=1)]
    different, times = np.unique(within, axis=0, return_counts=True)
    dominated = np.asarray((points[None] <= different[:, None]).all(axis=2)).any(axis=1)
    if dominated.all():
        return 0.0
    volume = hypervolume(points, reference.tolist())
    gains = [hypervolume(np.vstack([points, one]), reference.tolist()) - volume for one in different[~dominated]]
    return float(np.dot(times[~dominated], gains)) / len(becomes)


def _likeness(children: Points, earlier: Points) -> Points:
    """Probabilities [children, earlier children] of becoming like each: a Gaussian kernel with Scott's bandwidth in every dimension."""
    deviation = np.maximum(earlier.std(axis=0), 1e-6)
    bandwidth = deviation * len(earlier) ** (-1.0 / (earlier.shape[1] + 4))
    with np.errstate(over="ignore"):
        weights = np.exp(-0.5 * (((children[:, None] - earlier[None]) / bandwidth) ** 2).sum(axis=2)) + LEAST
    probabilities: Points = weights / weights.sum(axis=1, keepdims=True)
    return probabilities
