"""Images with the boxes that were found in them drawn on; small images are enlarged, so that what is written on them can be read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuroevo.data import images
from neuroevo.deploy.prediction import FoundBox, Prediction
from neuroevo.plots.palette import dark, distinct

READABLE = 512  # pixels of the longer side, up to which an image is enlarged by whole times


def draw_predictions(predictions: Sequence[Prediction], file: Path, folder: Path) -> list[Path]:
    """Write an image with its boxes for each prediction of a detection network.

    Args:
        predictions: of the file or folder.
        file: what was predicted of: an image, or a folder of images.
        folder: where to write, as `.png` files that lie there as the images lie in theirs.

    Raises:
        ValueError: what was predicted of is no image; or a drawing would replace one.
    """
    if not (file.is_dir() or file.suffix.lower() in images.SUFFIXES):
        raise ValueError(f"boxes are drawn on images, and {file} is neither an image nor a folder of images")
    if folder.resolve() == (file if file.is_dir() else file.parent).resolve():
        raise ValueError(f"drawings in {folder} would replace the images themselves: give --draw another folder")
    labels = sorted({box.label for one in predictions for box in one.boxes or ()})
    colours = dict(zip(labels, distinct(len(labels)), strict=True))
    written = []
    for one in predictions:
        source = Path(one.source)
        place = source.relative_to(file) if file.is_dir() else Path(source.name)
        target = folder / place.with_name(f"{place.stem}{'' if place.suffix == '.png' else place.suffix}.png")
        target.parent.mkdir(parents=True, exist_ok=True)
        drawn(_as_8_bit(images.read(source)), one.boxes or (), colours).save(target)
        written.append(target)
    return written


def drawn(values: npt.NDArray[np.uint8], boxes: Sequence[FoundBox], colours: dict[str, str]) -> Any:
    """A `PIL.Image` with boxes on it, the surest on top.

    Args:
        values: uint8 [height, width, 3].
        colours: of the classes.
    """
    from PIL import Image, ImageDraw, ImageFont

    times = max(1, READABLE // max(values.shape[:2]))
    image = Image.fromarray(values.repeat(times, axis=0).repeat(times, axis=1))
    pen = ImageDraw.Draw(image)
    size = max(9, round(max(image.size) / 40))
    font, thick = ImageFont.load_default(size), max(1, size // 6)
    for box in reversed(boxes):
        colour = colours[box.label]
        left, top, right, bottom = (times * side for side in (box.left, box.top, box.right, box.bottom))
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=colour, width=thick)
        said = f"{box.label} {100 * box.score:.0f}"
        high = pen.textbbox((0, 0), said, font=font)[3] + 2
        top = top - high if top >= high else top
        wide = pen.textbbox((0, 0), said, font=font)[2] + 2
        left = max(0.0, min(left, image.width - wide))
        pen.rectangle((left, top, left + wide, top + high), fill=colour)
        pen.text((left + 1, top), said, fill="white" if dark(colour) else "black", font=font)
    return image


def _as_8_bit(picture: images.Picture) -> npt.NDArray[np.uint8]:
    """An image as people see it: uint8 [height, width, 3]."""
    values = np.asarray(picture.on(255), np.float64)
    if picture.depth == "16 bit":
        values = values / 257
    elif picture.depth != "8 bit":
        low, high = float(values.min()), float(values.max())
        values = 255 * (values - low) / max(high - low, 1e-12)
    grey = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return np.repeat(grey, 3, axis=2) if grey.shape[2] == 1 else grey
