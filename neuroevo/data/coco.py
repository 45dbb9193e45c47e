"""Folders of images with boxes, as COCO's JSON describes them; what was mended or left out is said."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from genomes.base import shown
from neuroevo.core.files import near
from neuroevo.data import images
from neuroevo.data.boxes import Floats, clipped, letterboxed, padded, sides, usual_size
from neuroevo.data.dataset import DataError
from neuroevo.data.sources import Raw

PARTS = {"train": ("train", "training"), "validation": ("validation", "val", "valid"), "test": ("test", "testing")}
NAMED = 5  # missing images that an error lists
SMALL = 3.0  # pixels of a side, below which a box can hardly be found
ROUNDING = 0.01  # pixels beyond the edge that are no mistake of whoever drew a box
_OF_ALL = re.compile(r"annotations|_annotations\.coco|instances.*", re.IGNORECASE)
_LISTS = ("images", "annotations", "categories")


@dataclass
class _Counts:
    """What was done to boxes, and how often."""

    clipped: int = 0
    outside: int = 0
    empty: int = 0
    crowds: int = 0
    repeated: int = 0


@dataclass(frozen=True)
class _Listed:
    """An image as the JSON lists it: its boxes are those of the file, left, top, right, bottom and the category's id."""

    name: str
    size: tuple[int, int] | None
    boxes: list[list[float]] = field(default_factory=list)


def holds_boxes(folder: Path) -> bool:
    """Whether a folder has annotations of boxes, by the names of its files."""
    return bool(_files(folder))


def boxes_folder(path: Path, size: tuple[int, int] | None = None) -> Raw:
    """Raw data from a folder with `annotations.json` (or `instances*.json`, `train.json`, `val.json`, ..., also inside `annotations/` or folders
    of the parts) and the images beside it or in `images/`; or from one such JSON file.

    Args:
        size: height and width that images are fitted into; None: their own where they are small and alike, else up to 128 pixels.

    Raises:
        DataError: no annotations, unreadable ones, images that are not there, ids that are not unique, boxes that are no boxes.
    """
    folder = path if path.is_dir() else path.parent
    found, notes = _by_part(_files(path) if path.is_dir() else [path], path, folder)
    counts, names = _Counts(), dict[int, str]()
    listed: dict[str, list[_Listed]] = {}
    for part, file in found.items():
        content = _content(file)
        _join_categories(names, content["categories"], file)
        listed[part] = list(_images(content, file, names, counts))
    places = {part: [_where(one.name, folder, found[part]) for one in each] for part, each in listed.items()}
    _refuse_missing(listed, places, folder)
    files = {part: [file for file in each if file is not None] for part, each in places.items()}
    _refuse_twice(files)
    every = [(one, file) for part, each in listed.items() for one, file in zip(each, files[part], strict=True)]
    size = size or usual_size([one.size or _size_of(file) for one, file in every])
    pictures, boxes = [], []
    different: Counter[tuple[int, int]] = Counter()
    for one, file in every:
        picture = images.read(file)
        old = (picture.values.shape[0], picture.values.shape[1])
        _refuse_other_size(one, old, file)
        different[old] += 1
        kept = _kept(one, old, counts)
        values, way = letterboxed(picture.values, size)
        alpha = None if picture.alpha is None else letterboxed(picture.alpha[..., None], size, 255.0)[0][..., 0]
        pictures.append(replace(picture, values=values, alpha=alpha))
        boxes.append(way.boxes(kept))
    x, described, said = images.together(pictures)
    classes, lost = _classes(names, boxes)
    whole = padded([_numbered(each, classes) for each in boxes])
    if not len(np.concatenate(boxes)):
        raise DataError(f"{path} has no boxes: there is nothing to find")
    notes += [*_said_of_sizes(different, size), *_said_of_boxes(counts, boxes), *said]
    notes += [f"Categories without a box, left out: {', '.join(map(repr, lost))}."] if lost else []
    notes += _said_of_images(every, boxes, folder)
    rows, at = {}, 0
    for part, each in listed.items():
        rows[part] = np.arange(at, at + len(each))
        at += len(each)
    parts = {part: each for part, each in rows.items() if part != "train"}
    return Raw(
        x, whole, parts, label_names=tuple(names[id] for id in classes), kind="detection", images={**described, "fit": images.LETTERBOX},
        notes=tuple(notes),
    )  # fmt: skip


# Files --------------------------------------------------------------------------------------------------------------------------


def _files(folder: Path) -> list[Path]:
    """The files of annotations in a folder, by their names."""
    spellings = sum(PARTS.values(), ())
    inside = [child for child in sorted(folder.iterdir()) if child.is_dir() and child.name.lower() in ("annotations", *spellings)]
    found = []
    for place in (folder, *inside):
        for file in sorted(place.glob("*.json")):
            if images.visible(file, folder) and (_OF_ALL.fullmatch(file.stem) or (file.stem.lower() in spellings)):
                found.append(file)
    return found


def _part_of(file: Path, folder: Path) -> str:
    """Which part a file is for, by its name or that of a folder in the data's: "" where neither says."""
    for name in (file.stem, *([] if file.parent == folder else [file.parent.name])):
        words = re.split(r"[^a-z]+", name.lower())
        for part, spellings in PARTS.items():
            if any(word in spellings for word in words):
                return part
    return ""


def _by_part(files: Sequence[Path], path: Path, folder: Path) -> tuple[dict[str, Path], list[str]]:
    """The file of each part, "train" where one file has everything; and what was not read."""
    if not files:
        raise DataError(f"{path} has no annotations.json (or instances*.json, train.json, val.json) that says where the boxes are")
    named: dict[str, Path] = {}
    whole = []
    for file in files:
        part = _part_of(file, folder)
        if not part:
            whole.append(file)
        elif part in named:
            raise DataError(f"both {named[part]} and {file} are annotations for {part} images; leave one of them out")
        else:
            named[part] = file
    if "train" in named:
        return named, [f"{', '.join(map(str, whole))} beside the parts' annotations was not read."] if whole else []
    if len(whole) + len(named) == 1:
        return {"train": (whole or list(named.values()))[0]}, []
    if len(whole) == 1:
        return {"train": whole[0], **named}, []
    raise DataError(
        f"{path} has several files of annotations ({', '.join(file.name for file in files[:NAMED])}), and none is for training: name one train.json"
    )


def _content(file: Path) -> dict[str, list[dict[str, Any]]]:
    if not file.exists():
        raise DataError(f"there is no file {file}{near(file)}")
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} cannot be read as JSON: {' '.join(str(error).split())[:160]}") from error
    for name in _LISTS:
        if not isinstance(content, dict) or not isinstance(content.get(name), list) or not all(isinstance(each, dict) for each in content[name]):
            raise DataError(f"{file} is not COCO's format: a JSON object with lists of objects 'images', 'annotations' and 'categories'")
    if not content["images"]:
        raise DataError(f"{file} lists no images")
    return {name: content[name] for name in _LISTS}


def _where(name: str, folder: Path, annotations: Path) -> Path | None:
    """The file of an image's name."""
    part = annotations.stem.lower()
    for place in (folder / "images", annotations.parent, folder, folder / "images" / part, folder / part, folder / "images" / annotations.parent.name):
        file = place / name
        if file.is_file():
            return file
    return None


def _size_of(file: Path) -> tuple[int, int]:
    values = images.read(file).values
    return values.shape[0], values.shape[1]


# What is refused ----------------------------------------------------------------------------------------------------------------


def _refuse_missing(listed: Mapping[str, list[_Listed]], files: Mapping[str, list[Path | None]], folder: Path) -> None:
    missing = [one.name for part, each in listed.items() for one, file in zip(each, files[part], strict=True) if file is None]
    if missing:
        more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
        raise DataError(
            f"{len(missing)} of {sum(map(len, listed.values()))} images are not in {folder / 'images'} or beside the annotations: "
            f"{', '.join(missing[:NAMED])}{more}; put them there, or take them out of the annotations"
        )


def _refuse_twice(files: Mapping[str, Sequence[Path]]) -> None:
    seen: dict[Path, str] = {}
    for part, each in files.items():
        for file in each:
            if file in seen:
                where = f"twice in {part}" if seen[file] == part else f"in {seen[file]} and in {part}"
                raise DataError(f"{file} is listed {where}; list each image once")
            seen[file] = part


def _refuse_other_size(one: _Listed, size: tuple[int, int], file: Path) -> None:
    if one.size is not None and one.size != size:
        turned = ", turned as its EXIF note says" if one.size == size[::-1] else ""
        raise DataError(
            f"{file} is {size[1]} x {size[0]}{turned}, and its annotations are for {one.size[1]} x {one.size[0]} (width x height), so that its "
            "boxes would lie elsewhere; annotate it again, or resize it to that"
        )


# What the JSON says -------------------------------------------------------------------------------------------------------------


def _join_categories(names: dict[int, str], categories: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Add the categories of a file: names by id, the same in every file."""
    own: dict[int, str] = {}
    for category in categories:
        id, name = category.get("id"), category.get("name")
        if not _is_id(id) or not isinstance(name, str):
            raise DataError(f"{file}: a category has a whole number 'id' and a 'name', got {shown(dict(category))}")
        if id in own:
            raise DataError(f"{file}: the categories {own[id]!r} and {name!r} have the same id, {id}")
        own[id] = name
    twice = [name for name, count in Counter(own.values()).items() if count > 1]
    if twice:
        raise DataError(f"{file}: two categories are called {twice[0]!r}")
    other = [id for id, name in own.items() if names.get(id, name) != name]
    if other:
        raise DataError(f"{file}: the category {other[0]} is {own[other[0]]!r} here and {names[other[0]]!r} in another part")
    names |= own


def _images(
    content: Mapping[str, list[dict[str, Any]]], file: Path, names: Mapping[int, str], counts: _Counts
) -> Iterator[_Listed]:
    """The images of a file with their boxes."""
    found: dict[int, _Listed] = {}
    for image in content["images"]:
        id, name = image.get("id"), image.get("file_name")
        if not _is_id(id) or not isinstance(name, str) or not name:
            raise DataError(f"{file}: an image has a whole number 'id' and a 'file_name', got {shown(image)}")
        if id in found:
            raise DataError(f"{file}: the images {found[id].name} and {name} have the same id, {id}")
        height, width = image.get("height"), image.get("width")
        found[id] = _Listed(name, (height, width) if _is_id(height) and _is_id(width) else None)
    seen: set[int] = set()
    for annotation in content["annotations"]:
        id, of, category = (annotation.get(name) for name in ("id", "image_id", "category_id"))
        if _is_id(id):
            counts.repeated += id in seen
            seen.add(id)
        if not _is_id(of) or of not in found:
            raise DataError(f"{file}: the annotation {shown(id)} is of the image {shown(of)}, which is not listed")
        if not _is_id(category) or category not in names:
            raise DataError(f"{file}: the annotation {shown(id)} is of the category {shown(category)}, which is not listed")
        if annotation.get("iscrowd"):
            counts.crowds += 1
            continue
        box = annotation.get("bbox")
        if not isinstance(box, list) or len(box) != 4 or not all(_is_number(value) for value in box):
            raise DataError(f"{file}: the annotation {shown(id)} has a 'bbox' of four numbers (left, top, width, height), got {shown(box)}")
        left, top, wide, high = map(float, box)
        found[of].boxes.append([left, top, left + wide, top + high, float(category)])
    yield from found.values()


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _kept(one: _Listed, size: tuple[int, int], counts: _Counts) -> Floats:
    """The boxes of an image that can be found, cut off at its edges: float32 [boxes, 5]."""
    boxes = np.array(one.boxes, np.float32).reshape(-1, 5)
    empty = (sides(boxes) <= 0).any(axis=1)
    counts.empty += int(empty.sum())
    boxes = boxes[~empty]
    inside = clipped(boxes, size)
    outside = (sides(inside) <= 0).any(axis=1)
    counts.outside += int(outside.sum())
    counts.clipped += int((np.abs(inside - boxes).max(axis=1, initial=0.0) > ROUNDING)[~outside].sum())
    return inside[~outside]


def _classes(names: Mapping[int, str], boxes: Sequence[Floats]) -> tuple[list[int], list[str]]:
    """The ids of categories that have a box, sorted; and the names of the others."""
    used = set(np.concatenate(boxes)[:, 4].astype(int).tolist())
    return [id for id in sorted(names) if id in used], [names[id] for id in sorted(names) if id not in used]


def _numbered(boxes: Floats, classes: Sequence[int]) -> Floats:
    """Boxes with the number of their class in place of the category's id."""
    numbered = boxes.copy()
    numbered[:, 4] = np.searchsorted(np.array(classes, np.float32), boxes[:, 4])
    return numbered


# What is said -------------------------------------------------------------------------------------------------------------------


def _said_of_sizes(sizes: Mapping[tuple[int, int], int], size: tuple[int, int]) -> list[str]:
    if set(sizes) == {size}:
        return []
    what = f"Images of {len(sizes)} sizes" if len(sizes) > 1 else "Images of {1} x {0}".format(*next(iter(sizes)))
    return [
        f"{what} were fitted into {size[1]} x {size[0]} (width x height), their boxes with them; another size: --image-size "
        f"{2 * size[1]}x{2 * size[0]} (image_size in Python)."
    ]


def _said_of_boxes(counts: _Counts, boxes: Sequence[Floats]) -> list[str]:
    small = int((sides(np.concatenate(boxes)) < SMALL).any(axis=1).sum())
    said = (
        (counts.clipped, "reached beyond the image: cut off at its edges"),
        (counts.outside, "outside of the image: left out"),
        (counts.empty, "without width or height: left out"),
        (counts.crowds, "of crowds (iscrowd): left out, since they are of no single thing"),
        (counts.repeated, "with the id of another annotation"),
        (small, f"narrower or lower than {SMALL:g} pixels, which can hardly be found; a larger --image-size may help"),
    )
    return [f"{count} {'box' if count == 1 else 'boxes'} {what}." for count, what in said if count]


def _said_of_images(every: Sequence[tuple[_Listed, Path]], boxes: Sequence[Floats], folder: Path) -> list[str]:
    empty = sum(not len(each) for each in boxes)
    notes = [f"{empty} of {len(every)} images have no box: nothing is to be found there."] if empty else []
    read = {file for _, file in every}
    beside = [file for place in {file.parent for file in read} for file in images.images_in(place) if file not in read]
    if beside:
        notes.append(f"Images that no annotations list were not read: {len(beside)}, such as {sorted(beside)[0]}.")
    return notes
