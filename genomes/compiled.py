"""Kernels: functions that numba compiles and keeps on disk, for as long as none of the sources that they are made of changes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numba

_OURS = ("genomes", "neuroevo")
_STALE = 7 * 24 * 3600  # seconds after which what older sources gave is deleted
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n#]+)|import[ \t]+([\w., \t]+))", re.MULTILINE)


def kernel(*, inner: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function by `numba.njit(nogil=True, **options)` when it is first called, and keep what that gives on disk.

    What numba keeps by itself it takes for current as long as the function's own file has the same time and size; but compiled code holds
    copies of the functions that it calls and of the constants that it reads, which lie in other files. Here it is kept by a digest of all of
    them: the file of the function and those of our packages, and of its own, that it imports, and so on.

    A kernel that is called with False, True or a number written out is compiled once more for each of these: np.bool_(False) and the like are
    not. Passing arrays on is cheap to compile, slices of them, `sum`, `np.sort` and the like take longer than most kernels.

    Args:
        inner: whether other kernels alone call it: what Python calls a function by is as long to compile as the function, and is left out.
            A call from Python ends the process.
        options: of `numba.njit`.

    Returns:
        A decorator.
    """
    options |= {"nogil": True, "no_cfunc_wrapper": True, "no_cpython_wrapper": inner}  # nobody calls kernels from C

    def decorated(function: Callable[..., Any]) -> Any:
        kept = _folder(function.__module__)
        if kept is None:  # its source is not there, or nothing can be written anywhere: compiled anew in every process
            return numba.njit(**options)(function)
        settings: Any = numba.config
        before, settings.CACHE_DIR = settings.CACHE_DIR, str(kept)
        try:
            return numba.njit(cache=True, **options)(function)
        finally:
            settings.CACHE_DIR = before

    return decorated


def sources(module: str) -> dict[str, Path]:
    """The files that a module's kernels are made of, by the names of their modules: its own, and those that it imports from its own package
    and from ours, and so on."""
    top = module.partition(".")[0]
    found: dict[str, Path] = {}
    following = [module]
    while following:
        name = following.pop()
        path = _path(name)
        if name in found or path is None:
            continue
        found[name] = path
        for source, names, plain in _IMPORT.findall(path.read_text(encoding="utf-8")):
            following += _modules(_absolute(source, name, path), re.findall(r"(\w+)(?:\s+as\s+\w+)?", names)) if source else []
            following += [part.split()[0] for part in plain.split(",") if part.strip()]
        following = [one for one in following if one.partition(".")[0] in (top, *_OURS)]
    return found


def _absolute(source: str, importing: str, path: Path) -> str:
    """The module that a relative import means."""
    level = len(source) - len(source.lstrip("."))
    if not level:
        return source
    package = importing.split(".") if path.name == "__init__.py" else importing.split(".")[:-1]
    return ".".join([*package[: len(package) - level + 1], *filter(None, [source[level:]])])


def _modules(source: str, names: list[str]) -> list[str]:
    """The modules from which names come: a package's own modules, or what it is made of itself."""
    inner = [f"{source}.{name}" for name in names if _path(f"{source}.{name}") is not None]
    return inner if len(inner) == len(names) else [source, *inner]


@cache
def _folder(module: str) -> Path | None:
    """Where what is compiled of a module is kept, or None."""
    files = sources(module)
    if module not in files:
        return None
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name].read_bytes() + b"\0")
    path = files[module]
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    for parent in [Path(chosen)] if chosen else [path.parent / "__pycache__", Path.home() / ".cache" / "neuroevo"]:
        folder = parent / f"{module}.{digest.hexdigest()[:20]}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError:
            continue
        os.utime(folder)
        _delete_stale(folder, module)
        return folder
    return None


def _path(module: str) -> Path | None:
    """The source of a module, which need not be imported yet, and is not by asking."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is not None and file.endswith(".py"):
        return Path(file) if os.path.exists(file) else None
    top = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None)
    if top is None:
        return None
    path = Path(top).parent.joinpath(*module.split(".")[1:])
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def _delete_stale(folder: Path, module: str) -> None:
    """Delete what older sources of a module gave, unless a process began with it lately."""
    for other in folder.parent.glob(f"{module}.*"):
        with suppress(OSError):
            if other != folder and time.time() - other.stat().st_mtime > _STALE:
                shutil.rmtree(other, ignore_errors=True)
