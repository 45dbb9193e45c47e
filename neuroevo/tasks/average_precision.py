"""Average precision as COCO counts it, by faster-coco-eval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuroevo.core.extras import how_to_install
from neuroevo.data.boxes import Floats, boxes_in
from neuroevo.tasks.detecting import Detected


def average_precision(found: Sequence[Detected], y: Floats, size: tuple[int, int], classes: int) -> dict[str, float]:
    """`ap`, the mean over the overlaps .50, .55, ..., .95 and over the classes that occur; `ap50` and `ap75` at one overlap.

    Args:
        found: of each image.
        y: the true boxes, float32 [images, most, 5] (see `neuroevo.data.boxes`).
        size: of the images, height and width.
        classes: how many there are.

    Raises:
        ImportError: faster-coco-eval is not installed.
    """
    COCO, COCOeval = _library()
    truth: list[dict[str, Any]] = []
    for image, rows in enumerate(y):
        for box in boxes_in(rows).tolist():
            truth.append(_annotation(len(truth) + 1, image + 1, box[:4], int(box[4])))
    images = [{"id": image + 1, "height": size[0], "width": size[1]} for image in range(len(y))]
    known = COCO({"images": images, "annotations": truth, "categories": [{"id": k + 1, "name": str(k)} for k in range(classes)]})
    said = [
        [image + 1, *_corner_and_sides(box), score, label + 1]
        for image, one in enumerate(found)
        for box, score, label in zip(one.boxes.tolist(), one.scores.tolist(), one.classes.tolist(), strict=True)
    ]
    if not truth or not said:
        return {"ap": 0.0, "ap50": 0.0, "ap75": 0.0}
    evaluation = COCOeval(known, known.loadRes(np.array(said)), "bbox", print_function=_silent, extra_calc=False)
    evaluation.run()
    return {name: max(0.0, float(evaluation.stats[place])) for place, name in enumerate(("ap", "ap50", "ap75"))}


def _annotation(id: int, image: int, box: Sequence[float], label: int) -> dict[str, Any]:
    left, top, width, height = _corner_and_sides(box)
    return {
        "id": id, "image_id": image, "category_id": label + 1, "bbox": [left, top, width, height], "area": width * height, "iscrowd": 0,
    }  # fmt: skip


def _corner_and_sides(box: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = box
    return left, top, right - left, bottom - top


def _silent(*said: Any) -> None:
    return None


def _library() -> tuple[Any, Any]:
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        raise ImportError(
            f"average precision is counted by faster-coco-eval, which is not installed: {how_to_install('detection')}"
        ) from error
    return COCO, COCOeval_faster
