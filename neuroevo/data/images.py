"""Image files as numbers: their own depth is kept, transparent ones are put on a background, and they stand as their camera was held.

What was done to the images of a data set is its `images`, JSON that travels with a model: `depth` ("8 bit", "16 bit", "32 bit", "float"; None
for numbers as the file has them) and `background` (the grey value behind transparent places, of 255; None where alpha is not looked at). Where
images of any size are fitted into that of the model (`neuroevo.data.boxes.letterboxed`), `fit` is "letterbox".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from genomes.base import shown
from neuroevo.data.dataset import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
WHITE = {"depth": None, "background": 255}  # for a model that was not trained on image files
LETTERBOX = "letterbox"
OLDER = {"depth": "8 bit", "background": None}  # for a model whose file does not say
_FULL = {"8 bit": 255, "16 bit": 65535}  # the brightest value, where there is one
_TYPES = {"8 bit": np.uint8, "16 bit": np.uint16, "32 bit": np.int64, "float": np.float32}
_BACKGROUNDS = (255, 0, 128)  # the first behind which the fewest pictures vanish
_LEFT = (
    "__MACOSX",
    "@eaDir",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
)  # thumbnails and bins of systems and disk stations
_GREY = np.array([0.299, 0.587, 0.114])  # of red, green and blue


@dataclass(frozen=True)
class Picture:
    """What an image file holds.

    Attributes:
        file: where it lies.
        values: [height, width, 1 or 3], in the file's own numbers.
        depth: "8 bit", "16 bit", "32 bit" or "float".
        alpha: uint8 [height, width], how far each place covers what is behind it; None where everything does.
        frames: how many pictures the file has; this is the first.
        halved: whether the file has 16 bits a value, of which Pillow reads 8: of colours and transparent greys.
    """

    file: Path
    values: npt.NDArray[Any]
    depth: str
    alpha: npt.NDArray[np.uint8] | None = None
    frames: int = 1
    halved: bool = False

    @property
    def size(self) -> str:
        """Width x height."""
        return f"{self.values.shape[1]} x {self.values.shape[0]}"

    def on(self, background: int | None) -> npt.NDArray[Any]:
        """Its values over a grey of 0 to 255."""
        if self.alpha is None or background is None:
            return self.values
        cover = self.alpha[..., None] / 255.0
        full = _FULL.get(self.depth, 255)
        mixed = cover * self.values + (1 - cover) * (background * full / 255)
        composed: npt.NDArray[Any] = np.rint(mixed).astype(self.values.dtype) if self.depth in _FULL else mixed
        return composed


def visible(path: Path, inside: Path) -> bool:
    """Whether nothing on the way from one folder to a path is hidden, or was left by a system or an editor beside the data."""
    return not any(part.startswith(".") or part in _LEFT for part in path.relative_to(inside).parts)


def images_in(folder: Path) -> list[Path]:
    """The image files in a folder and below it, sorted; links to folders are followed, but not back to one that they lie in."""
    return sorted(file for file in _below(folder, (folder.resolve(),)) if _is_image(file))


def _below(folder: Path, above: tuple[Path, ...]) -> Iterator[Path]:
    for child in folder.iterdir():
        if not visible(child, folder):
            continue
        if not child.is_dir():
            yield child
        elif not any(folder.is_relative_to(child.resolve()) for folder in above):
            yield from _below(child, (*above, child.resolve()))


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES and file.is_file()


def read(file: Path) -> Picture:
    """One image.

    Raises:
        DataError: the file is not an image that can be read, or has values that are no numbers.
    """
    from PIL import Image

    try:
        with Image.open(file) as opened:
            frames = int(getattr(opened, "n_frames", 1))
            sixteen, signed = _stored(opened)
            image = _upright(opened)
            depth = _depth(image, str(opened.format))
            if depth != "8 bit":
                values = np.asarray(image)
                values = values.view(np.uint32) if depth == "32 bit" and signed is False else values
                clear = image.info.get("transparency")
                alpha = np.where(values == clear, 0, 255).astype(np.uint8) if isinstance(clear, int) else None
                alpha = None if alpha is None or alpha.all() else alpha
                return _checked(Picture(file, values.astype(_TYPES[depth])[..., None], depth, alpha, frames))
            if signed:
                raise DataError(
                    f"{file} has values of 8 bits with a sign, which are not read: write them as floats, or from 0 to 255"
                )
            grey = image.mode in ("1", "L", "LA", "La")
            if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
                layers = np.asarray(image.convert("RGBA"))
                values, alpha = layers[..., :1] if grey else layers[..., :3], layers[..., 3]
                return Picture(file, values, depth, None if (alpha == 255).all() else alpha, frames, sixteen)
            values = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{file} cannot be read as an image: {' '.join(str(error).split())[:160]}") from error
    return Picture(file, values[..., None] if values.ndim == 2 else values, depth, None, frames, sixteen)


def _stored(opened: Any) -> tuple[bool, bool | None]:
    """Whether an opened file has 16 bits a value; and whether its values have a sign, where it says."""
    raw = opened.tile[0][3] if opened.tile else ""  # how the decoder is told that they lie in the file, such as "RGB;16B"
    raw = raw[0] if isinstance(raw, tuple) and raw else raw
    format = getattr(opened, "tag_v2", {}).get(339)  # TIFF's SampleFormat: 1 without a sign, 2 with one
    format = format[0] if isinstance(format, tuple) else format
    return isinstance(raw, str) and ";16" in raw, {1: False, 2: True}.get(format) if format else None


def _upright(image: Any) -> Any:
    """As the camera was held (EXIF); an image whose note on that is damaged is as it lies in the file, as everywhere."""
    from PIL import ImageOps

    try:
        return ImageOps.exif_transpose(image)
    except (struct.error, KeyError, TypeError, SyntaxError, ZeroDivisionError):
        return image


def _depth(image: Any, format: str) -> str:
    if image.mode.startswith("I;16"):
        return "16 bit"
    if image.mode == "I":  # also what some releases of Pillow make of 16 bits in these formats
        return "16 bit" if format in ("PNG", "PPM") else "32 bit"
    return "float" if image.mode == "F" else "8 bit"


def _checked(picture: Picture) -> Picture:
    if not np.isfinite(picture.values).all():
        raise DataError(f"{picture.file} has values that are NaN or infinite; replace them by numbers, or leave the image out")
    return picture


def together(pictures: Sequence[Picture]) -> tuple[npt.NDArray[Any], dict[str, Any], list[str]]:
    """Images of one data set as one array [samples, height, width, channels], how they became numbers, and notes.

    Raises:
        DataError: images of different sizes, or of depths that have no common scale.
    """
    first = pictures[0]
    for picture in pictures:
        if picture.size != first.size:
            raise DataError(
                f"images of different sizes: {first.file} is {first.size}, {picture.file} is {picture.size} (width x height); "
                "resize them to one size first"
            )
    depth, notes = _common_depth(pictures)
    transparent = [picture for picture in pictures if picture.alpha is not None]
    background = min(_BACKGROUNDS, key=lambda grey: sum(_plain(picture.on(grey)) for picture in transparent))
    if transparent:
        colour = {255: "white", 0: "black", 128: "grey"}[background]
        notes.append(f"{_files(len(transparent))} with transparent places were put on {colour}.")
    channels = max(picture.values.shape[2] for picture in pictures)
    arrays = [as_trained(picture, {"depth": depth, "background": background}, channels) for picture in pictures]
    plain = [picture.file for picture, array in zip(pictures, arrays, strict=True) if _plain(array)]
    if plain:
        notes.append(f"{_files(len(plain))} of one colour everywhere, such as {plain[0]}.")
    notes += said_of_halved(pictures)
    several = [picture for picture in pictures if picture.frames > 1]
    if several:
        notes.append(f"{_files(len(several))} with several pages or frames, such as {several[0].file}: the first was taken.")
    return np.stack(arrays), {"depth": depth, "background": background}, notes


def _common_depth(pictures: Sequence[Picture]) -> tuple[str, list[str]]:
    depths = {picture.depth: picture for picture in pictures}
    if len(depths) == 1:
        return pictures[0].depth, []
    if set(depths) <= set(_FULL):
        return "16 bit", ["Images of 8 and of 16 bits a value: those of 8 were multiplied by 257."]
    (one, there), (other, where) = list(depths.items())[:2]
    raise DataError(
        f"images of different kinds of numbers: {there.file} has {one}, {where.file} has {other} values, and nothing says how they compare; "
        "convert them to one kind first"
    )


def as_trained(picture: Picture, said: Mapping[str, Any], channels: int) -> npt.NDArray[Any]:
    """An image as those of a data set: [height, width, channels] in the numbers that its model takes.

    Args:
        said: `images` of the data set.
        channels: 1 or 3.

    Raises:
        DataError: numbers of another kind, that no scale leads to.
    """
    values = picture.on(said["background"])
    depth = said["depth"]
    if depth is not None and depth != picture.depth:
        if depth not in _FULL or picture.depth not in _FULL:
            raise DataError(
                f"the model was trained on images of {depth} values, {picture.file} has {picture.depth} ones: convert it to that first"
            )
        values = values.astype(np.uint16) * np.uint16(257) if depth == "16 bit" else values / 257.0
    if values.shape[2] < channels:
        return np.repeat(values, channels, axis=2)
    if values.shape[2] > channels:
        grey: npt.NDArray[Any] = (values @ _GREY)[..., None]
        return np.asarray(np.rint(grey)) if picture.depth in _FULL else grey
    return np.asarray(values)


def said_of_halved(pictures: Sequence[Picture]) -> list[str]:
    """Whether 16 bits became 8."""
    halved = [picture for picture in pictures if picture.halved]
    if not halved:
        return []
    return [
        f"{_files(len(halved))} of 16 bits a value in colours or with transparent places, such as {halved[0].file}: their upper 8 bits were "
        "taken (Pillow reads 16 in greys alone). To keep all of them, give the arrays in an .npz."
    ]


def _plain(values: npt.NDArray[Any]) -> bool:
    """Whether an image has one colour everywhere."""
    return bool((values == values[:1, :1]).all())


def _files(count: int) -> str:
    return "1 image" if count == 1 else f"{count} images"


def said_of(found: Any) -> Mapping[str, Any] | None:
    """`images` of a data set as read from JSON.

    Raises:
        ValueError: it is not that.
    """
    if found is None:
        return None
    depth, background = (found.get("depth"), found.get("background")) if isinstance(found, Mapping) else (0, 0)
    right = depth in (None, *_TYPES) and (background is None or (isinstance(background, int) and 0 <= background <= 255))
    fit = found.get("fit") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not right or fit not in (None, LETTERBOX):
        raise ValueError(f"how images became numbers is said by a 'depth' and a 'background', got {shown(found)}")
    return {"depth": depth, "background": background, **({} if fit is None else {"fit": fit})}


def unlike(pictures: Sequence[Picture], said: Mapping[str, Any]) -> list[str]:
    """What is odd about images beside those that a model was trained on, in sentences."""
    other = [picture for picture in pictures if said["depth"] is not None and picture.depth != said["depth"]]
    if not other:
        return said_of_halved(pictures)
    how = "multiplied by 257" if said["depth"] == "16 bit" else "divided by 257"
    return [
        *said_of_halved(pictures),
        f"{_files(len(other))} of {other[0].depth} values, such as {other[0].file}; the training images had {said['depth']}: {how}.",
    ]
