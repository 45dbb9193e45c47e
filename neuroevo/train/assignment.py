"""Assignment: which box each location of a detection network is to find (FCOS; Tian, Shen, Chen & He 2019, section 3.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuroevo.data.boxes import NONE, there
from neuroevo.train.grids import Floats, Grids

REACH = 8.0  # cells: the furthest side of a box that a level is for, as FCOS has it; the next level is for larger ones
RADIUS = 1.5  # cells around a box's middle, inside which locations are to find it (Tian et al. 2020, section 3.2)
BATCH = 64  # images at a time
COLUMNS = 6  # of a target: the class, four distances, the centreness


def detection_targets(y: Floats, grids: Grids, *, reach: float = REACH, radius: float | None = RADIUS) -> Floats:
    """What a detection network is trained towards.

    A location is to find a box that its middle lies in, near the box's own middle, where the furthest side of the box is one that its level is
    for: up to `reach` cells, and more than that of the level before; the last level takes all that are larger. Of several the smallest.

    Args:
        y: boxes, float32 [samples, most, 5] (see `neuroevo.data.boxes`).
        grids: the network's.
        reach: in cells of the level.
        radius: how near to the box's middle, in cells of the level and in both directions; None: anywhere in the box.

    Returns:
        float32 [samples, locations, 6]: the class, -1 where there is nothing to find; the distances to the left, upper, right and lower side in
        cells of the level; the centreness (equation 3), 0 where there is nothing.
    """
    targets = np.zeros((len(y), grids.locations, COLUMNS), np.float32)
    targets[..., 0] = NONE
    ends = reach * np.array(grids.strides, np.float32)
    low = np.concatenate([[0.0], ends[:-1]]).astype(np.float32)[grids.level][:, None]
    high = np.concatenate([ends[:-1], [np.inf]]).astype(np.float32)[grids.level][:, None]
    centres, stride = grids.centres[:, None], grids.stride[:, None]
    for at in range(0, len(y), BATCH):
        boxes = y[at : at + BATCH, None]  # [batch, 1, most, 5]
        sides = np.concatenate([centres - boxes[..., :2], boxes[..., 2:4] - centres], axis=-1)  # [batch, locations, most, 4]
        furthest = sides.max(axis=-1)
        fits = (sides.min(axis=-1) > 0) & (furthest > low) & (furthest <= high) & there(boxes)
        if radius is not None:
            away = np.abs(centres - (boxes[..., :2] + boxes[..., 2:4]) / 2).max(axis=-1)
            fits &= away < radius * stride
        area = np.prod(boxes[..., 2:4] - boxes[..., :2], axis=-1)
        area = np.where(fits, area, np.inf)
        chosen = area.argmin(axis=-1)
        found = np.isfinite(np.take_along_axis(area, chosen[..., None], axis=-1)[..., 0])
        batch = targets[at : at + BATCH]
        classes = np.take_along_axis(np.broadcast_to(boxes[..., 4], area.shape), chosen[..., None], axis=-1)[..., 0]
        nearest = np.take_along_axis(sides, chosen[..., None, None], axis=2)[:, :, 0]
        batch[..., 0] = np.where(found, classes, NONE)
        batch[..., 1:5] = np.where(found[..., None], nearest / stride, 0.0)
        batch[..., 5] = np.where(found, centreness(nearest), 0.0)
    return targets


def centreness(sides: Floats) -> Floats:
    """How near to a box's middle, from 0 at its edge to 1 (Tian et al. 2019, equation 3): float32 [...].

    Args:
        sides: float32 [..., 4], the distances to the left, upper, right and lower side.
    """
    pairs = sides.reshape(*sides.shape[:-1], 2, 2)  # left and upper, right and lower
    nearer, further = pairs.min(axis=-2), pairs.max(axis=-2)
    shares = np.clip(nearer, 0, None) / np.maximum(further, 1e-9)
    return np.asarray(np.sqrt(shares.prod(axis=-1)), np.float32)


def assigned(targets: Floats) -> npt.NDArray[np.int64]:
    """How many locations are to find something, in each sample: int64 [samples]."""
    return np.asarray((targets[..., 0] >= 0).sum(axis=-1), np.int64)
