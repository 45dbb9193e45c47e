"""Raw data from files: `.npz` arrays, a folder of images, and single samples for a prediction."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data.dataset import DataError
from neuroevo.data.sources import Raw, joined

IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_PARTS = {"train": ("train", "training"), "validation": ("validation", "val", "valid"), "test": ("test", "testing")}


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


def image_folder(path: Path) -> Raw:
    """Raw data from a folder with one sub-folder a class; or with `train` and `test` (and `validation`) folders of such.

    Raises:
        DataError: no images, unreadable ones, or images of different sizes.
    """
    folders = sorted(child for child in path.iterdir() if child.is_dir() and not child.name.startswith("."))
    by_part = {part: [folder for folder in folders if folder.name.lower() in names] for part, names in _PARTS.items()}
    if by_part["train"] and sum(map(len, by_part.values())) == len(folders):
        found = {part: _labelled(folder[0]) for part, folder in by_part.items() if folder}
    else:
        found = {"train": _labelled(path)}
    files = [file for listed, _ in found.values() for file in listed]
    images = _read_all(files)
    parts, at = {}, 0
    for part, (listed, labels) in found.items():
        parts[part] = (images[at : at + len(listed)], labels)
        at += len(listed)
    return joined(parts, kind="classification")


def _labelled(folder: Path) -> tuple[list[Path], npt.NDArray[Any]]:
    files, labels = [], []
    for child in sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith(".")):
        inside = sorted(file for file in child.rglob("*") if file.suffix.lower() in IMAGES)
        files += inside
        labels += [child.name] * len(inside)
    if not files:
        raise DataError(f"{folder} has no sub-folders with images ({', '.join(IMAGES)}); one sub-folder a class is needed")
    return files, np.array(labels)


def _read_all(files: list[Path]) -> npt.NDArray[np.uint8]:
    images = [read_image(file) for file in files]
    for file, image in zip(files, images, strict=True):
        if image.shape[:2] != images[0].shape[:2]:
            raise DataError(
                f"images of different sizes: {files[0]} is {_size(images[0])}, {file} is {_size(image)} (width x height); "
                "resize them to one size first"
            )
    if any(image.shape[2] == 3 for image in images):
        images = [np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image for image in images]
    return np.stack(images)


def read_image(file: Path) -> npt.NDArray[np.uint8]:
    """One image: uint8 [height, width, 1 or 3].

    Raises:
        DataError: the file is not an image that can be read.
    """
    from PIL import Image

    try:
        with Image.open(file) as image:
            mode = "L" if image.mode in ("1", "L", "LA", "I;16") else "RGB"
            array = np.asarray(image.convert(mode), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as an image: {' '.join(str(error).split())[:160]}") from error
    return array[..., None] if array.ndim == 2 else array


def _size(image: npt.NDArray[np.uint8]) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
