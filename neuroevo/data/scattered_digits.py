"""scattered_digits: written digits of several sizes strewn over noisy canvases, for detection; made here, the same everywhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuroevo.data.boxes import Floats, padded

Samples = tuple[npt.NDArray[np.uint8], Floats]

SIZES = {"train": 1000, "validation": 250, "test": 500}  # images
SIDE = 64
SMALLEST, LARGEST = 10, 34  # pixels of a digit's canvas, before its empty edges are cut off
MOST = 5  # digits in an image
OVERLAP = 0.45  # of a digit's area that may lie under another one
STROKES = 6  # distractors at most
TRIES = 20  # to find room for a digit
SEED = 20190101


def scattered_digits(sizes: dict[str, int] | None = None, side: int = SIDE, seed: int = SEED) -> dict[str, Samples]:
    """Images of each part, uint8 [images, side, side, 1], and of each image 1 to 5 of scikit-learn's digits as boxes around their ink, float32
    [images, most, 5] (see `neuroevo.data.boxes`).

    Digits of 10 to 34 pixels (in a smaller canvas: at most half of it) lie on one another and on a background of slopes, noise, strokes and
    pieces of digits. The written digits of a part are in no other part.

    Args:
        sizes: images of each part, by default 1,000 to train, 250 to validate and 500 to test on.
        side: pixels of the canvas.
        seed: decides everything.
    """
    import sklearn.datasets

    sizes = sizes or SIZES
    bunch = sklearn.datasets.load_digits()
    written = bunch.images.astype(np.float32) / 16.0
    order = np.random.default_rng(seed).permutation(len(written))
    pools = np.split(order, (np.cumsum([0.6, 0.2]) * len(order)).astype(int))
    made = {}
    for number, (pool, (part, count)) in enumerate(zip(pools, sizes.items(), strict=True)):
        rng = np.random.default_rng((seed, number))
        drawn = [_canvas(written, bunch.target, pool, side, rng) for _ in range(count)]
        made[part] = np.stack([image for image, _ in drawn])[..., None], [boxes for _, boxes in drawn]
    every = padded([boxes for _, found in made.values() for boxes in found])
    ends = np.cumsum([len(images) for images, _ in made.values()])
    return {part: (images, boxes) for (part, (images, _)), boxes in zip(made.items(), np.split(every, ends[:-1]), strict=True)}


def _canvas(
    written: Floats, classes: npt.NDArray[np.int64], pool: npt.NDArray[np.int64], side: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.uint8], Floats]:
    """One image and its boxes."""
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    canvas = 0.25 + 0.15 * (rng.uniform(-1, 1) * across + rng.uniform(-1, 1) * down)
    for _ in range(int(rng.integers(0, STROKES + 1))):
        canvas = np.maximum(canvas, _stroke(side, rng))
    for _ in range(int(rng.integers(0, 4))):
        _paste_piece(canvas, written[rng.choice(pool)], rng)
    held = np.zeros((side, side), np.int64)  # which digit is uppermost at each place, from 1
    boxes: list[list[float]] = []
    areas: list[int] = []
    for _ in range(int(rng.integers(1, MOST + 1))):
        for _ in range(TRIES):
            which = int(rng.choice(pool))
            ink = _ink(written[which], int(rng.integers(SMALLEST, min(LARGEST, side // 2) + 1)))
            height, width = ink.shape
            top, left = (int(rng.integers(0, side - length + 1)) for length in (height, width))
            under = held[top : top + height, left : left + width]
            seen, covered = (np.bincount(each.ravel(), minlength=len(areas) + 1)[1:] for each in (held, under))
            if (seen - covered >= (1 - OVERLAP) * np.array(areas)).all():
                break
        else:
            continue
        light = rng.uniform(0.55, 1.0)
        place = (slice(top, top + height), slice(left, left + width))
        canvas[place] = canvas[place] * (1 - ink) + light * ink
        held[place] = len(areas) + 1
        areas.append(height * width)
        boxes.append([left, top, left + width, top + height, float(classes[which])])
    canvas = canvas + rng.normal(0, rng.uniform(0.04, 0.12), canvas.shape)
    return (255 * np.clip(canvas, 0, 1)).astype(np.uint8), np.array(boxes, np.float32)


def _ink(digit: Floats, size: int) -> Floats:
    """A digit of 8x8 at another size, without its empty edges: float32 [height, width], how much ink there is."""
    from PIL import Image

    large = np.asarray(Image.fromarray(digit).resize((size, size), Image.Resampling.BICUBIC))
    large = np.clip(1.25 * large, 0, 1)
    rows, columns = (np.flatnonzero((large > 0.2).any(axis=axis)) for axis in (1, 0))
    return np.asarray(large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.float32)


def _stroke(side: int, rng: np.random.Generator) -> Floats:
    """A straight line, as digits are made of: float32 [side, side]."""
    rows, columns = np.ogrid[0:side, 0:side]
    start = rng.uniform(0, side, 2)
    angle, length = rng.uniform(0, np.pi), rng.uniform(5, 24)
    along = (columns - start[0]) * np.cos(angle) + (rows - start[1]) * np.sin(angle)
    beside = -(columns - start[0]) * np.sin(angle) + (rows - start[1]) * np.cos(angle)
    away = np.hypot(beside, np.maximum(0, np.abs(along) - length / 2))
    drawn: Floats = (rng.uniform(0.4, 0.9) * np.clip(rng.uniform(1.0, 2.2) - away, 0, 1)).astype(np.float32)
    return drawn


def _paste_piece(canvas: npt.NDArray[np.float64], digit: Floats, rng: np.random.Generator) -> None:
    """Half of a digit, which is none."""
    side = len(canvas)
    ink = _ink(digit, int(rng.integers(SMALLEST, min(LARGEST, side // 2) + 1)))
    height, width = ink.shape
    ink = ink[: height // 2] if rng.random() < 0.5 else ink[:, : width // 2]
    top, left = (int(rng.integers(0, side - length + 1)) for length in ink.shape)
    place = (slice(top, top + ink.shape[0]), slice(left, left + ink.shape[1]))
    canvas[place] = canvas[place] * (1 - ink) + rng.uniform(0.5, 0.9) * ink
