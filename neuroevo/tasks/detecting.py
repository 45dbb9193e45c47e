"""Detections: the boxes that a detection network's outputs stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genomes.layers import BOX
from neuroevo.train.grids import Floats, Grids

MOST = 100  # boxes of an image, as COCO counts
CANDIDATES = 1000  # the best of an image, among which overlapping ones are looked for
LEAST = 0.01  # the score below which nothing is said
NOTHING = -30.0  # a logit of what is not there
OVERLAP = 0.6  # intersection over union with a better box of the class, above which a box is left out (as in FCOS)
TOLD = 0.5  # the same with a better box of any class, above which people are not told of a box


@dataclass(frozen=True)
class Detected:
    """What a network found in one image, the surest first.

    Args:
        boxes: float32 [found, 4]: left, top, right, bottom in pixels, inside the image.
        classes: int64 [found].
        scores: float32 [found], from 0 to 1.
    """

    boxes: Floats
    classes: npt.NDArray[np.int64]
    scores: Floats

    def __len__(self) -> int:
        return len(self.scores)


def boxes_at(outputs: Floats, grids: Grids) -> Floats:
    """The box that each location stands for, cut off at the image's edges: float32 [..., locations, 4].

    Args:
        outputs: float32 [..., locations, classes + 5].
    """
    distances = np.logaddexp(outputs[..., -5:-1], 0.0, dtype=np.float32) * grids.stride[:, None]
    ends = np.concatenate([grids.centres - distances[..., :2], grids.centres + distances[..., 2:]], axis=-1)
    height, width = grids.size
    clipped: Floats = np.clip(ends, 0, np.array([width, height, width, height], np.float32)).astype(np.float32)
    return clipped


def scores_at(outputs: Floats) -> Floats:
    """How sure each class is at each location: the root of its probability times the centreness (as FCOS's own code does): float32 [...,
    locations, classes]."""
    return np.asarray(np.sqrt(_sigmoid(outputs[..., :-BOX]) * _sigmoid(outputs[..., -1:])), np.float32)


def detections(
    outputs: Floats, grids: Grids, *, least: float = LEAST, overlap: float = OVERLAP, most: int = MOST
) -> list[Detected]:
    """What a network found in each image: of each class the boxes that overlap no better one, the best of all classes.

    Args:
        outputs: float32 [samples, locations, classes + 5].
        grids: the network's.
        least: the lowest score.
        overlap: the highest intersection over union with a better box of the same class.
        most: how many at most.
    """
    from neuroevo.tasks.suppression_kernels import kept

    found = []
    for sample in np.where(np.isfinite(outputs), outputs, np.float32(NOTHING)):  # a training that diverged finds nothing
        scores = scores_at(sample)
        flat = scores.ravel()
        candidates = np.flatnonzero(flat >= least)
        order = candidates[np.argsort(-flat[candidates], kind="stable")[:CANDIDATES]]
        locations, classes = np.divmod(order, scores.shape[1])
        boxes = boxes_at(sample, grids)[locations]
        whole = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)  # else it lies beside the image
        order, boxes, classes = order[whole], boxes[whole], classes[whole].astype(np.int64)
        rows = kept(boxes, classes, overlap, most)
        found.append(Detected(boxes[rows], classes[rows], flat[order[rows]]))
    return found


def told(found: Detected, least: float) -> Detected:
    """What people are told of what a network found in an image: the boxes of a score from `least` on; of those that overlap by more than half, the
    surest, whatever their class. (Average precision counts each class by itself, and all boxes.)"""
    from neuroevo.tasks.suppression_kernels import kept

    sure = found.scores >= least
    boxes, classes, scores = found.boxes[sure], found.classes[sure], found.scores[sure]
    rows = kept(boxes, np.zeros_like(classes), TOLD, MOST)
    return Detected(boxes[rows], classes[rows], scores[rows])


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(np.exp(-np.logaddexp(np.float32(0), -logits)), np.float32)
