"""A small folder of images with COCO's annotations, for tests."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neuroevo.data.boxes import boxes_in
from neuroevo.data.scattered_digits import scattered_digits


def coco(images: list[dict[str, Any]], annotations: list[dict[str, Any]], names: tuple[str, ...] = ("cat", "dog")) -> dict[str, Any]:
    return {"images": images, "annotations": annotations, "categories": [{"id": k + 1, "name": name} for k, name in enumerate(names)]}


def blank(folder: Path, count: int = 10, size: tuple[int, int] = (32, 48), **written: Any) -> dict[str, Any]:
    """Grey images of a (height, width) with a box in each; gives the JSON that it wrote as annotations.json, changed by `written`."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for k in range(count):
        values = np.random.default_rng(k).integers(90, 160, size, dtype=np.uint8)
        Image.fromarray(values).save(folder / "images" / f"{k}.png")
        images.append({"id": k + 1, "file_name": f"{k}.png", "height": size[0], "width": size[1]})
        annotations.append({"id": k + 1, "image_id": k + 1, "category_id": k % 2 + 1, "bbox": [4, 6, 10, 12], "area": 120, "iscrowd": 0})
    content = coco(images, annotations) | written
    (folder / "annotations.json").write_text(json.dumps(content))
    return content


def digits_folder(folder: Path, sizes: dict[str, int], side: int = 32) -> Path:
    """Scattered digits as a folder with a file of annotations for each part."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for part, (x, y) in scattered_digits(sizes, side).items():
        images, annotations = [], []
        for k, (image, rows) in enumerate(zip(x, y, strict=True)):
            Image.fromarray(image[..., 0]).save(folder / "images" / f"{part}{k}.png")
            images.append({"id": k, "file_name": f"{part}{k}.png", "height": side, "width": side})
            for left, top, right, bottom, label in boxes_in(rows).tolist():
                box = [left, top, right - left, bottom - top]
                annotations.append({"id": len(annotations), "image_id": k, "category_id": int(label) + 1, "bbox": box})
        content = coco(images, annotations, tuple(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]))
        (folder / f"{part}.json").write_text(json.dumps(content))
    return folder
