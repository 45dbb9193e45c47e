"""Grids, assignment and the loss of detection networks; samples varied with their boxes."""

import numpy as np
import pytest
from small_detector import small_detector

from neuroevo.data.boxes import boxes_in, padded
from neuroevo.train.assignment import assigned, centreness, detection_targets
from neuroevo.train.augmentation import augmented, augmented_with_boxes
from neuroevo.train.compiled import Method, compile_network
from neuroevo.train.detection_loss import detection_loss
from neuroevo.train.grids import Grids, grids_of
from neuroevo.train.loop import fit, model_outputs, outputs_in_batches
from neuroevo.train.recipe import Augmentation, Recipe

GRIDS = Grids((64, 64), (4, 8, 16))
RNG = np.random.default_rng(0)


def drawn(count, size=64, seed=0):
    rng = np.random.default_rng(seed)
    corner, sides = rng.uniform(0, size - 12, (count, 2)), rng.uniform(4, 40, (count, 2))
    return np.concatenate([corner, np.minimum(corner + sides, size), rng.integers(0, 3, (count, 1))], axis=1).astype(np.float32)


def test_grids_are_known_by_their_cells():
    for size in ((64, 64), (96, 128), (50, 70), (224, 32)):
        for strides in ((4, 8, 16), (8, 16, 32), (2, 4), (8,)):
            assert grids_of(size, Grids(size, strides).locations).strides == strides
    with pytest.raises(ValueError, match="have 100 cells in images of 64 x 64"):
        grids_of((64, 64), 100)
    assert GRIDS.centres[:2].tolist() == [[2, 2], [6, 2]] and GRIDS.centres[-1].tolist() == [56, 56]
    assert GRIDS.locations == 256 + 64 + 16 == len(GRIDS.stride) == len(GRIDS.centres)


@pytest.mark.parametrize("radius", [None, 1.5])
def test_targets_are_those_of_an_assignment_box_by_box(radius):
    y = padded([drawn(5, seed=k) for k in range(4)] + [np.zeros((0, 5))])
    found = detection_targets(y, GRIDS, reach=4.0, radius=radius)
    for sample in range(len(y)):
        for location in range(GRIDS.locations):
            (x, down), stride, level = GRIDS.centres[location], GRIDS.stride[location], GRIDS.level[location]
            low, high = (0, 16, 32)[level], (16, 32, np.inf)[level]
            best = None
            for left, top, right, bottom, label in boxes_in(y[sample]).tolist():
                sides = np.array([x - left, down - top, right - x, bottom - down], np.float32)
                near = radius is None or max(abs(x - (left + right) / 2), abs(down - (top + bottom) / 2)) < radius * stride
                area = (right - left) * (bottom - top)
                if sides.min() > 0 and low < sides.max() <= high and near and (best is None or area < best[0]):
                    best = area, label, sides
            row = found[sample, location]
            if best is None:
                assert row.tolist() == [-1, 0, 0, 0, 0, 0]
            else:
                left, top, right, bottom = best[2]
                middle = np.sqrt(min(left, right) / max(left, right) * min(top, bottom) / max(top, bottom))
                assert row == pytest.approx([best[1], *(best[2] / stride), middle], rel=1e-4)
    assert assigned(found)[:4].min() > 0 and assigned(found)[4] == 0


def test_centreness_is_one_in_the_middle_and_nothing_at_the_edge():
    assert centreness(np.array([[3.0, 5.0, 3.0, 5.0], [0.0, 5.0, 6.0, 5.0], [1.0, 1.0, 4.0, 1.0]], np.float32)) == pytest.approx([1, 0, 0.5])


def perfect(targets, classes=3, sure=20.0):
    """Outputs that say exactly what the targets are."""
    outputs = np.full((*targets.shape[:2], classes + 5), -sure, np.float32)
    for label in range(classes):
        outputs[..., label] = np.where(targets[..., 0] == label, sure, -sure)
    outputs[..., classes : classes + 4] = np.log(np.expm1(np.maximum(targets[..., 1:5], 1e-3)))
    shares = np.clip(targets[..., 5], 1e-6, 1 - 1e-6)
    outputs[..., -1] = np.log(shares / (1 - shares))
    return outputs


def test_the_loss_is_least_where_the_outputs_are_right_and_follows_its_definition():
    y = padded([drawn(3, seed=k) for k in range(3)])
    targets = detection_targets(y, GRIDS, reach=4.0)
    right = perfect(targets)
    found = targets[..., 0] >= 0
    shares = targets[..., 5][found].astype(np.float64)
    entropy = -(shares * np.log(np.maximum(shares, 1e-12)) + (1 - shares) * np.log(np.maximum(1 - shares, 1e-12))).sum() / found.sum()
    assert float(detection_loss(right, targets)) == pytest.approx(entropy, abs=1e-3), "what is left is the entropy of the centreness"
    outputs = RNG.normal(size=right.shape).astype(np.float32)
    assert float(detection_loss(outputs, targets)) == pytest.approx(by_hand(outputs.astype(np.float64), targets.astype(np.float64)), rel=1e-4)


def by_hand(outputs, targets):
    focal = centre = box = weight = 0.0
    positives = int((targets[..., 0] >= 0).sum())
    for out, wanted in zip(outputs.reshape(-1, 8), targets.reshape(-1, 6), strict=True):
        for label in range(3):
            p = 1 / (1 + np.exp(-out[label]))
            focal -= 0.25 * (1 - p) ** 2 * np.log(p) if wanted[0] == label else 0.75 * p**2 * np.log(1 - p)
        if wanted[0] < 0:
            continue
        p = 1 / (1 + np.exp(-out[-1]))
        centre -= wanted[5] * np.log(p) + (1 - wanted[5]) * np.log(1 - p)
        one, other = np.log1p(np.exp(out[3:7])), wanted[1:5]
        inner, outer = np.minimum(one, other), np.maximum(one, other)
        both, around = (inner[0] + inner[2]) * (inner[1] + inner[3]), (outer[0] + outer[2]) * (outer[1] + outer[3])
        union = (one[0] + one[2]) * (one[1] + one[3]) + (other[0] + other[2]) * (other[1] + other[3]) - both
        box += wanted[5] * (1 - (both / union - (around - union) / around))
        weight += wanted[5]
    return (focal + centre) / positives + box / weight


def test_images_without_boxes_have_a_finite_loss():
    targets = detection_targets(padded([[], []]), GRIDS)
    loss = float(detection_loss(RNG.normal(size=(2, GRIDS.locations, 8)).astype(np.float32), targets))
    assert np.isfinite(loss) and loss > 0


@pytest.mark.parametrize("augment", [Augmentation(flip=True), Augmentation(shift=6), Augmentation(crop=0.3), Augmentation(flip=True, crop=0.2, shift=3)])
def test_boxes_move_with_what_they_hold(augment):
    """A light rectangle is found where its box says that it is."""
    boxes = drawn(60, seed=3)
    boxes[:, :4] = np.round(np.clip(boxes[:, :4], 12, 52))
    boxes = boxes[(boxes[:, 2] - boxes[:, 0] >= 6) & (boxes[:, 3] - boxes[:, 1] >= 6)]
    x = np.zeros((len(boxes), 64, 64, 1), np.float32)
    for image, (left, top, right, bottom, _) in zip(x, boxes.astype(int), strict=True):
        image[top:bottom, left:right] = 1.0
    varied, moved = augmented_with_boxes(x, boxes[:, None], augment, np.random.default_rng(1))
    assert np.array_equal(varied, augmented(x, augment, np.random.default_rng(1)))
    assert not np.array_equal(moved[:, 0], boxes), "something moves"
    for image, (left, top, right, bottom, label) in zip(varied, moved[:, 0], strict=True):
        if label < 0:
            continue
        rows, columns = (np.flatnonzero(image[..., 0].max(axis=axis) > 0.5) for axis in (1, 0))
        assert [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] == pytest.approx([left, top, right, bottom], abs=1.01)


def test_a_box_that_is_mostly_gone_is_taken_out():
    y = padded([[[0, 10, 4, 20, 1], [30, 30, 40, 40, 2]]] * 200)
    _, moved = augmented_with_boxes(np.zeros((200, 64, 64, 1), np.float32), y, Augmentation(shift=6), np.random.default_rng(0))
    assert set(moved[:, 1, 4].tolist()) == {2.0} and set(moved[:, 0, 4].tolist()) == {-1.0, 1.0}
    kept = moved[:, 0][moved[:, 0, 4] >= 0]
    assert (kept[:, 2] - kept[:, 0]).min() >= 0.4 * 4 and kept[:, 0].min() >= 0


def test_training_lowers_the_loss_alone_and_by_a_teacher():
    """On whatever backend is set: `test_training_on_jax` runs it there."""
    small = small_detector(16, classes=3, width=8)
    x = np.random.default_rng(0).normal(size=(16, 16, 16, 1)).astype(np.float32)
    targets = detection_targets(padded([drawn(2, 16, seed=k) for k in range(16)]), grids_of((16, 16), small.output_shape[1]))
    recipe = Recipe(epochs=10, batch_size=8, optimizer="adam", learning_rate=0.01)
    network = compile_network(small, Method.of(recipe, "detection", 16))
    first = float(detection_loss(outputs_in_batches(network, x), targets))
    training = fit(network, x, targets, recipe, np.random.default_rng(0))
    assert training.train_loss[-1] < 0.8 * training.train_loss[0] and training.train_loss[0] == pytest.approx(first, rel=0.5)
    parent, child = small, small_detector(16, classes=3, width=8, seed=5)
    learner = compile_network(child, Method.of(recipe, "detection", 16, teaching=1.0))
    taught = fit(learner, x, targets, recipe, np.random.default_rng(0), teacher=lambda x: model_outputs(parent, x))
    assert taught.train_loss[-1] < 0.5 * taught.train_loss[0]
