"""Finding: the boxes that an exported detection network sees in image files of any size, or in arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data import images
from neuroevo.data.boxes import Letterbox, clipped, letterboxed, sides
from neuroevo.data.dataset import DataError
from neuroevo.deploy.prediction import FoundBox, Prediction
from neuroevo.tasks.detecting import Detected, detections, told
from neuroevo.train.grids import grids_of
from neuroevo.train.loop import model_outputs

SURE = 0.3  # the score from which on a box is said, where nobody says otherwise
BATCH = 64  # images at a time
Read = Callable[[Path], tuple[list[str], npt.NDArray[Any], list[str]]]


def find_boxes(
    network: Any, said: Mapping[str, Any], file: Path, threshold: float | None, read: Read
) -> tuple[list[Prediction], list[str]]:
    """What a network finds in the images of a file or a folder, in their own pixels; and what is odd about them.

    Args:
        network: a `keras.Model` of raw images.
        said: the model's details.
        file: an image, a folder of images, or a file of arrays.
        threshold: the score from which on a box is said; None: 0.3.
        read: reads what is no image: the inputs' names, the inputs, and what is odd about them.

    Raises:
        ValueError: a threshold that is no score, or what cannot be read.
    """
    least = SURE if threshold is None else threshold
    if not 0 < least < 1:
        raise ValueError(f"a threshold is the score from which on a box is said, between 0 and 1, got {threshold}")
    height, width, channels = (int(side) for side in network.input_shape[1:])
    names, found = list(said["label_names"]), []
    if not (file.is_dir() or file.suffix.lower() in images.SUFFIXES):
        sources, x, notes = read(file)
        for source, one in zip(sources, _found(network, x, least), strict=True):
            found.append(_prediction(source, one, names, None, (height, width)))
        return found, notes
    files = images.images_in(file) if file.is_dir() else [file]
    if not files:
        raise DataError(f"{file} holds no images ({', '.join(images.SUFFIXES)})")
    notes = []
    for at in range(0, len(files), BATCH):
        pictures = [images.read(one) for one in files[at : at + BATCH]]
        notes += images.unlike(pictures, said["images"])
        arrays = [images.as_trained(picture, said["images"], channels) for picture in pictures]
        fitted = [letterboxed(array, (height, width)) for array in arrays]
        x = np.stack([values for values, _ in fitted])
        for picture, one, (_, way) in zip(pictures, _found(network, x, least), fitted, strict=True):
            size = (picture.values.shape[0], picture.values.shape[1])
            found.append(_prediction(str(picture.file), one, names, way, size))
    return found, notes


def _found(network: Any, x: npt.NDArray[Any], least: float) -> list[Detected]:
    outputs = model_outputs(network, x.astype(np.float32))
    if not np.isfinite(outputs).all():
        raise DataError("the network's outputs are not finite (NaN or infinity) for some of these images")
    every = detections(outputs, grids_of((int(x.shape[1]), int(x.shape[2])), outputs.shape[1]), least=least)
    return [told(found, least) for found in every]


def _prediction(source: str, found: Detected, names: list[str], way: Letterbox | None, size: tuple[int, int]) -> Prediction:
    boxes = np.concatenate([found.boxes, found.classes[:, None].astype(np.float32)], axis=1)
    boxes = clipped(boxes if way is None else way.original(boxes), size)
    inside = (sides(boxes) > 0).all(axis=1)  # else it lies in what fills the rest around the image
    each = zip(boxes[inside, :4].tolist(), found.classes[inside].tolist(), found.scores[inside].tolist(), strict=True)
    return Prediction(source, None, {}, boxes=tuple(FoundBox(names[label], score, *box) for box, label, score in each))
