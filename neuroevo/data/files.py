"""Raw data from `.npz` files, never unpickling anything."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

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
