"""What a detection network's outputs stand for, beside brute force; average precision beside cases that are known."""

import numpy as np
import pytest

from neuroevo.data.boxes import padded
from neuroevo.tasks.average_precision import average_precision
from neuroevo.tasks.detecting import Detected, detections, told
from neuroevo.train.grids import Grids

GRIDS = Grids((32, 48), (4, 8))
RNG = np.random.default_rng(0)


def overlap(one, other):
    width, height = (max(0.0, min(one[k + 2], other[k + 2]) - max(one[k], other[k])) for k in (0, 1))
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(area) - width * height)


def brute_force(sample, least, threshold, most):
    candidates = []
    for place, out in enumerate(sample.astype(np.float64)):
        reach = np.log1p(np.exp(out[-5:-1])) * GRIDS.stride[place]
        x, y = GRIDS.centres[place]
        box = [max(0, x - reach[0]), max(0, y - reach[1]), min(48, x + reach[2]), min(32, y + reach[3])]
        centre = 1 / (1 + np.exp(-out[-1]))
        for label, logit in enumerate(out[:-5]):
            score = float(np.sqrt(centre / (1 + np.exp(-logit))))
            if score >= least:
                candidates.append((score, label, box))
    kept = []
    for score, label, box in sorted(candidates, key=lambda one: -one[0]):
        if len(kept) < most and all(label != other or overlap(box, best) <= threshold for _, other, best in kept):
            kept.append((score, label, box))
    return kept


@pytest.mark.parametrize(("least", "threshold", "most"), [(0.01, 0.6, 100), (0.3, 0.3, 100), (0.3, 0.6, 7)])
def test_detections_are_those_of_brute_force(least, threshold, most):
    outputs = RNG.normal(size=(3, GRIDS.locations, 3 + 5)).astype(np.float32)
    for sample, found in zip(outputs, detections(outputs, GRIDS, least=least, overlap=threshold, most=most), strict=True):
        wanted = brute_force(sample, least, threshold, most)
        assert len(found) == len(wanted) > 0
        assert found.scores == pytest.approx([score for score, _, _ in wanted], abs=1e-5)
        assert found.classes.tolist() == [label for _, label, _ in wanted]
        assert np.allclose(found.boxes, [box for _, _, box in wanted], atol=1e-3)


def test_detections_are_those_of_tensorflow():
    import tensorflow as tf

    from neuroevo.tasks.detecting import boxes_at, scores_at

    outputs = RNG.normal(size=(4, GRIDS.locations, 3 + 5)).astype(np.float32)
    theirs = tf.image.combined_non_max_suppression(
        boxes_at(outputs, GRIDS)[:, :, None], scores_at(outputs), 100, 100, iou_threshold=0.6, score_threshold=0.01, clip_boxes=False
    )
    for k, found in enumerate(detections(outputs, GRIDS)):
        count = int(theirs.valid_detections[k])
        assert len(found) == count
        assert np.allclose(np.asarray(theirs.nmsed_scores[k][:count]), found.scores, atol=1e-6)
        assert np.asarray(theirs.nmsed_classes[k][:count]).astype(int).tolist() == found.classes.tolist()


def test_an_image_in_which_nothing_is_sure_has_no_detections():
    outputs = np.full((1, GRIDS.locations, 8), -20, np.float32)
    (found,) = detections(outputs, GRIDS)
    assert len(found) == 0 and found.boxes.shape == (0, 4)


def found_at(boxes, classes, scores):
    return Detected(np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64), np.array(scores, np.float32))


def test_average_precision_of_cases_that_are_known():
    y = padded([[[0, 0, 10, 10, 0]], [[0, 0, 10, 10, 0], [20, 20, 30, 30, 1]]])
    right = [found_at([[0, 0, 10, 10]], [0], [0.9]), found_at([[0, 0, 10, 10], [20, 20, 30, 30]], [0, 1], [0.8, 0.7])]
    assert average_precision(right, y, (32, 32), 2) == pytest.approx({"ap": 1, "ap50": 1, "ap75": 1})
    wrong_class = [found_at([[0, 0, 10, 10]], [1], [0.9]), found_at([], [], [])]
    assert average_precision(wrong_class, y, (32, 32), 2)["ap"] == 0
    nothing = [found_at([], [], [])] * 2
    assert average_precision(nothing, y, (32, 32), 2) == {"ap": 0, "ap50": 0, "ap75": 0}
    # an overlap of 0.64 counts at .50, .55 and .60 of the ten thresholds; class 1 is found, class 0 half of the time by 0.64
    near = [found_at([[0, 0, 8, 8]], [0], [0.9]), found_at([[0, 0, 8, 8], [20, 20, 30, 30]], [0, 1], [0.8, 0.7])]
    found = average_precision(near, y, (32, 32), 2)
    assert found == pytest.approx({"ap": (0.3 + 1) / 2, "ap50": 1.0, "ap75": 0.5})
    no_boxes = padded([[], []])
    assert average_precision(right, no_boxes, (32, 32), 2)["ap"] == 0


def test_the_sentence_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "faster_coco_eval", None)
    with pytest.raises(ImportError, match=r"faster-coco-eval, which is not installed: .*pip install.*detection"):
        average_precision([], padded([[]]), (8, 8), 1)


def test_people_are_told_of_the_surest_of_boxes_that_overlap_whatever_their_class() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 10, 10], [0, 0, 10, 19], [0, 0, 10, 21], [40, 40, 50, 50]], np.float32)
    found = Detected(boxes, np.array([1, 2, 2, 2, 1]), np.array([0.9, 0.8, 0.7, 0.6, 0.2], np.float32))
    said = told(found, 0.3)
    assert said.boxes.tolist() == boxes[[0, 3]].tolist() and said.classes.tolist() == [1, 2], "the third overlaps the first by 10 / 19"
    assert len(told(found, 0.1)) == 3 and len(told(found, 0.95)) == 0
