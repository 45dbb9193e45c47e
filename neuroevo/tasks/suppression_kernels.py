"""Non-maximum suppression, compiled."""

import numpy as np

from genomes.compiled import kernel


@kernel(inner=True)
def overlap(one, other):
    """Intersection over union of two boxes (left, top, right, bottom)."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = (one[2] - one[0]) * (one[3] - one[1]) + (other[2] - other[0]) * (other[3] - other[1]) - both
    return both / union


@kernel()
def kept(boxes, classes, threshold, most):
    """Which boxes are kept of those in order of falling score: int64 [kept], at most `most`.

    Args:
        boxes: float32 [boxes, 4].
        classes: int64 [boxes]; boxes of different classes leave each other alone.
        threshold: a box that overlaps a better one of its class by more is left out.
    """
    chosen = np.empty(min(most, len(boxes)), np.int64)
    count = 0
    for box in range(len(boxes)):
        if count == most:
            break
        alone = True
        for place in range(count):
            other = chosen[place]
            if classes[other] == classes[box] and overlap(boxes[other], boxes[box]) > threshold:
                alone = False
                break
        if alone:
            chosen[count] = box
            count += 1
    return chosen[:count]
