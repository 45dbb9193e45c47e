"""Folders of images: one sub-folder a class, perhaps within folders for the parts; what is not read is said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from neuroevo.data import images
from neuroevo.data.dataset import DataError
from neuroevo.data.sources import Raw, joined

_PARTS = {"train": ("train", "training"), "validation": ("validation", "val", "valid"), "test": ("test", "testing")}


def image_folder(path: Path) -> Raw:
    """Raw data from a folder with one sub-folder a class; or with `train` and `test` (and `validation`) folders of such, whatever else
    lies beside them.

    Raises:
        DataError: no images, unreadable ones, images of different sizes, or classes of a part that the training images do not have.
    """
    path, notes = _unwrapped(path)
    parts, said = _parts(path)
    notes += said
    found: dict[str, tuple[list[Path], list[str]]] = {}
    for part, classes in parts.items():
        files, labels, empty = [], [], []
        for name, folder in classes.items():
            inside = images.images_in(folder)
            files += inside
            labels += [name] * len(inside)
            empty += [] if inside else [folder]
        notes += [f"{_listed(empty)}: no images{_of_other_kinds(empty)}, so no class."] if empty else []
        found[part] = files, labels
    roots = {path, *(folder.parent for classes in parts.values() for folder in classes.values())}
    notes += _not_read(roots, {file for files, _ in found.values() for file in files})
    if not found["train"][0]:
        raise DataError(
            f"{path} has no sub-folders with images ({', '.join(images.SUFFIXES)}); one sub-folder a class is needed, or folders train and "
            "test of such"
        )
    _refuse_other_classes({part: set(labels) for part, (_, labels) in found.items()})
    found = {part: pair for part, pair in found.items() if pair[0]}
    values, described, said = images.together([images.read(file) for files, _ in found.values() for file in files])
    samples, at = {}, 0
    for part, (files, labels) in found.items():
        samples[part] = (values[at : at + len(files)], np.array(labels))
        at += len(files)
    return joined(samples, kind="classification", images=described, notes=(*notes, *said))


def _folders(path: Path) -> list[Path]:
    return sorted(child for child in path.iterdir() if child.is_dir() and images.visible(child, path))


def _holds_images(folder: Path) -> bool:
    """Whether images lie in the folder itself."""
    return any(file.parent == folder for file in images.images_in(folder))


def _classes(folder: Path) -> dict[str, Path]:
    """The folders of classes in a folder, by name."""
    return {child.name: child for child in _folders(folder)}


def _is_part(folder: Path) -> bool:
    """Whether a folder holds folders of images, and at most few images itself: then it is no class."""
    inside = images.images_in(folder)
    return bool(inside) and 2 * sum(file.parent == folder for file in inside) < len(inside)


def _unwrapped(path: Path) -> tuple[Path, list[str]]:
    """The folder that has the classes or the parts: an archive often holds one folder with everything in it."""
    folders = [folder for folder in _folders(path) if images.images_in(folder)]
    if len(folders) != 1 or not _is_part(folders[0]) or _holds_images(path):
        return path, []
    if folders[0].name.lower() in _PARTS["train"]:
        return path, []
    inner, notes = _unwrapped(folders[0])
    return inner, notes or [f"{inner} was read: nothing else in {path} holds images."]


def _parts(path: Path) -> tuple[dict[str, dict[str, Path]], list[str]]:
    """The folders of each part's classes; and what they leave out."""
    folders = _folders(path)
    named: dict[str, Path] = {}
    for part, spellings in _PARTS.items():
        of_part = [folder for folder in folders if folder.name.lower() in spellings and _is_part(folder)]
        if len(of_part) > 1:
            raise DataError(f"both {of_part[0]} and {of_part[1]} are for {part} images; give one of them another name")
        if of_part:
            named[part] = of_part[0]
    others = [folder for folder in folders if folder not in named.values()]
    if "train" in named:
        unread = [folder for folder in others if images.images_in(folder)]
        said = [f"{_listed(named.values())}: the parts, so that {_listed(unread)} beside them was not read."] if unread else []
        empty = [folder for folder in others if folder not in unread and folder.name.lower() in sum(_PARTS.values(), ())]
        said += [f"{_listed(empty)}: no images, so that part is taken from the others."] if empty else []
        return {part: _classes(folder) for part, folder in named.items()}, said
    beside = {folder.name for folder in others}
    if named and all(set(_with_images(folder)) <= beside for folder in named.values()):
        train = {folder.name: folder for folder in others}
        return {"train": train, **{part: _classes(folder) for part, folder in named.items()}}, []
    _refuse_parts_by_other_names(path, folders)
    flat = {folder.name for folder in others if folder.name.lower() in sum(_PARTS.values(), ()) and _holds_images(folder)}
    if len(flat) > 1:
        raise DataError(
            f"the images in {' and '.join(sorted(flat))} lie in no folders of classes; put them into one sub-folder a class, such as "
            f"{path / min(flat) / 'cat'}"
        )
    said = [f"The folder {path / name} was taken for a class: it has images itself, no sub-folders of classes." for name in flat]
    return {"train": {folder.name: folder for folder in folders}}, said


def _refuse_parts_by_other_names(path: Path, folders: Sequence[Path]) -> None:
    """Refuse folders of which each holds the same classes, or one that holds parts in the place of classes: what the classes are is not said."""
    inside = {folder: set(_with_images(folder)) for folder in folders if _is_part(folder)}
    if len(inside) < 2:
        return
    of_parts = [
        folder for folder, names in inside.items() if len({name.lower() for name in names} & set(sum(_PARTS.values(), ()))) > 1
    ]
    if of_parts:
        raise DataError(
            f"{of_parts[0]} holds parts ({', '.join(sorted(inside[of_parts[0]]))}) and would be a class: put the classes into the parts, such "
            f"as {path / 'train' / of_parts[0].name}"
        )
    first, second = sorted(inside)[:2]
    if len(inside[first]) > 1 and all(names == inside[first] for names in inside.values()):
        raise DataError(
            f"{first} and {second} hold the same folders ({', '.join(sorted(inside[first])[:5])}), so they look like parts and not like classes: "
            "call them train, test and validation, or take away the inner folders"
        )


def _of_other_kinds(folders: Sequence[Path]) -> str:
    """Which files lie in folders without images."""
    suffixes = Counter(file.suffix.lower() or file.name for folder in folders for file in folder.iterdir() if file.is_file())
    return f" that are read ({', '.join(f'{suffix}: {count}' for suffix, count in suffixes.most_common(3))})" if suffixes else ""


def _with_images(folder: Path) -> list[str]:
    return [name for name, child in _classes(folder).items() if images.images_in(child)]


def _refuse_other_classes(labels: Mapping[str, set[str]]) -> None:
    for part, found in labels.items():
        new = sorted(found - labels["train"])
        if new:
            raise DataError(f"the class {new[0]!r} has images for {part} and none to train on; add some, or take it out")


def _not_read(roots: set[Path], read: set[Path]) -> list[str]:
    """What lies in a folder and is not read: images beside the folders of classes, and files that are no images."""
    notes = []
    loose = [file for root in sorted(roots) for file in images.images_in(root) if file not in read and file.parent == root]
    if loose:
        notes.append(f"Images in no class's folder were not read: {len(loose)}, such as {loose[0]}.")
    folders = {file.parent for file in read}
    broken = [
        link for folder in sorted(folders | roots) for link in sorted(folder.iterdir()) if link.is_symlink() and not link.exists()
    ]
    if broken:
        notes.append(f"Links that lead nowhere were not read: {len(broken)}, such as {broken[0]}.")
    other = Counter(
        file.suffix.lower() or file.name
        for folder in folders
        for file in folder.iterdir()
        if file.is_file() and file not in read and images.visible(file, folder)
    )
    if other:
        listed = ", ".join(f"{suffix} ({count})" for suffix, count in sorted(other.items())[:5])
        notes.append(f"Files beside the images that were not read: {listed}.")
    return notes


def _listed(folders: Iterable[Path]) -> str:
    found = list(folders)
    return ", ".join(map(str, found[:3])) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
