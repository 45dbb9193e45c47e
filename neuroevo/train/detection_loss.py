"""The loss of detection networks, in operations of Keras, so that it is one on every backend.

Focal loss for the classes (Lin, Goyal, Girshick, He & Dollar 2017, equation 5), generalised intersection over union for the boxes (Rezatofighi et
al. 2019), cross-entropy for the centreness (Tian et al. 2019). Boxes are weighted by their centreness, as in FCOS's own code.
"""

from __future__ import annotations

from typing import Any

from genomes.layers import BOX

ALPHA, GAMMA = 0.25, 2.0  # Lin et al. 2017, table 1b


def detection_loss(outputs: Any, targets: Any) -> Any:
    """The loss of a batch: the sum over locations of the classes' focal losses and the centreness's, over the number of locations that are to
    find a box; and the mean of the boxes' losses, weighted by their centreness.

    Args:
        outputs: float32 [samples, locations, classes + 5]: logits of the classes, four numbers whose softplus are the distances to the box's
            left, upper, right and lower side in cells, the logit of the centreness.
        targets: float32 [samples, locations, 6], as `neuroevo.train.assignment.detection_targets` makes them.
    """
    return of_sums(detection_sums(outputs, targets))


def of_sums(sums: Any) -> Any:
    """The loss that `detection_sums`, added up over batches, make."""
    from keras import ops

    focal, centre, box, positives, weight = (sums[k] for k in range(5))
    return (focal + centre) / ops.maximum(positives, 1.0) + box / ops.maximum(weight, 1e-6)


def detection_sums(outputs: Any, targets: Any) -> Any:
    """float32 [5]: the sums of the classes', the centreness's and the boxes' losses, the number of locations that are to find a box, and the
    sum of their centreness."""
    from keras import ops

    classes = outputs.shape[-1] - BOX
    found = ops.cast(targets[..., 0] >= 0, "float32")
    wanted = ops.cast(ops.expand_dims(ops.cast(targets[..., 0], "int32"), -1) == ops.arange(classes, dtype="int32"), "float32")
    focal = ops.sum(_focal(outputs[..., :classes], wanted))
    centre = ops.sum(found * _cross_entropy(outputs[..., -1], targets[..., 5]))
    weights = found * targets[..., 5]
    distances = ops.softplus(outputs[..., classes : classes + 4])
    box = ops.sum(weights * (1.0 - _overlap(distances, targets[..., 1:5])))
    return ops.stack([focal, centre, box, ops.sum(found), ops.sum(weights)])


def _cross_entropy(logits: Any, probability: Any) -> Any:
    from keras import ops

    return ops.softplus(logits) - probability * logits


def _focal(logits: Any, wanted: Any) -> Any:
    """Equation 5, of each logit: the cross-entropy, less where it is right already."""
    from keras import ops

    signed = logits * (2.0 * wanted - 1.0)
    wrong = ops.sigmoid(-signed)
    share = ALPHA * wanted + (1.0 - ALPHA) * (1.0 - wanted)
    return share * wrong**GAMMA * ops.softplus(-signed)


def _overlap(one: Any, other: Any) -> Any:
    """Generalised intersection over union of boxes around the same points: [...], from -1 to 1.

    Args:
        one, other: [..., 4], the distances to the left, upper, right and lower side, in any unit.
    """
    from keras import ops

    def area(sides: Any) -> Any:
        return (sides[..., 0] + sides[..., 2]) * (sides[..., 1] + sides[..., 3])

    both = area(ops.minimum(one, other))
    union = area(one) + area(other) - both
    around = area(ops.maximum(one, other))
    union, around = ops.maximum(union, 1e-6), ops.maximum(around, 1e-6)
    return both / union - (around - union) / around
