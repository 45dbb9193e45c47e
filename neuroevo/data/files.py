"""Raw data from `.npz` files, never unpickling anything, and from arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.boxes import clipped, padded, sides
from neuroevo.data.dataset import DataError
from neuroevo.data.sources import Raw, joined


def arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of an `.npz` file, never unpickling anything.

    Raises:
        DataError: not such a file, or an array of Python objects.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise DataError(f"{path} holds one array, not an .npz archive with arrays x and y")
            return {name: archive[name] for name in archive.files}
    except DataError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError, NotImplementedError) as error:
        if "allow_pickle" in str(error) or "pickle" in str(error).lower():
            raise DataError(
                f"{path} holds Python objects or is not an .npz archive; save plain arrays with numpy.savez(path, x=..., y=...)"
            ) from error
        raise DataError(f"{path} cannot be read as an .npz archive: {' '.join(str(error).split())[:160]}") from error


def npz(path: Path) -> Raw:
    """Raw data from arrays x and y, or x_train, y_train, x_test, y_test (and perhaps x_validation, y_validation).

    Raises:
        DataError: unreadable, or without such arrays.
    """
    found = arrays(path)
    names = tuple(str(name) for name in found.get("label_names", ()))
    if "x" in found and "y" in found:
        x, note = with_channels(found["x"])
        return joined({"train": (x, found["y"])}, label_names=names, notes=note)
    parts, note = {}, ()
    for part, spellings in (("train", ("train",)), ("validation", ("validation", "val")), ("test", ("test",))):
        for spelling in spellings:
            if f"x_{spelling}" in found and f"y_{spelling}" in found:
                x, note = with_channels(found[f"x_{spelling}"])
                parts[part] = (x, found[f"y_{spelling}"])
    if "train" not in parts:
        raise DataError(
            f"{path} has the arrays {', '.join(found) or 'none'}; needed are x and y, or x_train, y_train, x_test and y_test"
        )
    return joined(parts, label_names=names, notes=note)


def with_channels(x: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], tuple[str, ...]]:
    """Samples with a channel axis where they are images without one; and the note that says so."""
    if x.dtype.kind not in "biuf":
        raise DataError(f"x must hold numbers, got values of type {x.dtype}")
    if not 2 <= x.ndim <= 4:
        raise DataError(
            f"x must have the shape [samples, features], [samples, steps, channels] or [samples, height, width, channels], "
            f"got {list(x.shape)}"
        )
    if x.ndim == 3 and (x.dtype.kind in "iu" or x.shape[1] == x.shape[2]):
        return x[..., None], (f"x {list(x.shape)} was taken for images of one channel.",)
    return x, ()


def images_with_boxes(x: Any, boxes: Sequence[Any]) -> Raw:
    """Raw data from images and the boxes in each.

    Args:
        x: [samples, height, width] or [samples, height, width, channels].
        boxes: of each image [boxes, 5]: left, top, right, bottom in pixels, and the class, from 0.

    Raises:
        DataError: other shapes, boxes that are not inside their image, or classes that are no whole numbers.
    """
    pictures = np.asarray(x)
    pictures, note = with_channels(pictures)
    if pictures.ndim != 4 or len(pictures) != len(boxes):
        raise DataError(
            f"a detection takes images [samples, height, width, channels] and as many arrays of boxes, got {list(np.shape(x))} and {len(boxes)}"
        )
    each = [np.asarray(found, np.float32) for found in boxes]
    wrong = next((k for k, found in enumerate(each) if found.size and (found.ndim != 2 or found.shape[1] != 5)), None)
    if wrong is not None:
        raise DataError(
            f"the boxes of an image are an array [boxes, 5] of left, top, right, bottom and class, those of image {wrong} have the shape "
            f"{list(each[wrong].shape)}"
        )
    whole = padded(each)
    every = np.concatenate([found.reshape(-1, 5) for found in each])
    if not len(every):
        raise DataError("there are no boxes: there is nothing to find")
    size = (pictures.shape[1], pictures.shape[2])
    inside = np.isfinite(every).all() and (clipped(every, size) == every).all() and (sides(every) > 0).all()
    if not inside or (every[:, 4] < 0).any() or (every[:, 4] != np.round(every[:, 4])).any():
        raise DataError(
            f"boxes lie inside their image of {size[1]} x {size[0]}, with left < right and top < bottom, and have classes 0, 1, ...; got "
            f"values from {every[:, :4].min():g} to {every[:, :4].max():g} and classes from {every[:, 4].min():g} to {every[:, 4].max():g}"
        )
    names = tuple(str(k) for k in range(int(every[:, 4].max()) + 1))
    return Raw(pictures, whole, label_names=names, kind="detection", notes=note)
